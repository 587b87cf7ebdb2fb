"""A file of weights says which network it holds, so that nobody has to."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from explorer import Architecture
from explorer.errors import UserError
from explorer.networks import export, fresh_network, load_network

SMALL = Architecture.from_name("resnext_1-1_2x4d_w16_small8", resolution=8, classes=5)


def test_what_was_exported_is_read_back_by_its_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    network = fresh_network(SMALL, seed=1)
    export(network, path, "safetensors", {"mean": "[0.5, 0.4, 0.3]"})
    with safe_open(path, framework="pt") as file:
        said = file.metadata()
    assert said["made_by"].startswith("resnext-explorer ")
    assert (said["resolution"], said["classes"], said["in_channels"]) == ("8", "5", "3")
    saved = load_network(path)
    assert saved.network.architecture == SMALL
    assert saved.metadata == {"mean": "[0.5, 0.4, 0.3]"}
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(saved.network.eval()(images), network.eval()(images))


def test_sizes_that_are_given_go_before_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    export(fresh_network(SMALL, seed=1), path, "safetensors")
    assert load_network(path, resolution=16).network.architecture.resolution == 16
    with pytest.raises(UserError, match=r"do not fit .* with 7 classes"):
        load_network(path, classes=7)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "does not say which network it holds, or for which resolution"),
        ({"architecture": SMALL.name}, "does not say which network it holds, or for which"),
        ({"architecture": SMALL.name, "resolution": "large"}, "must be whole numbers"),
    ],
)
def test_a_file_that_says_too_little_is_refused_with_what_to_do(
    tmp_path: Path, metadata: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "other.safetensors"
    save_file(fresh_network(SMALL, seed=1).state_dict(), path, metadata)
    with pytest.raises(UserError, match=message):
        load_network(path)


def test_no_file_and_an_onnx_file_are_refused_by_their_kind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        load_network(tmp_path / "missing.safetensors")
    with pytest.raises(UserError, match="it is an ONNX network"):
        load_network(tmp_path / "network.onnx")


def test_a_photo_is_no_file_of_weights(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    with pytest.raises(UserError, match=r"it is no file of weights\. Give the \.safetensors file"):
        load_network(photo)


def test_half_a_file_and_that_of_another_network_are_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "whole.safetensors"
    said = {"architecture": SMALL.name, "resolution": "8", "in_channels": "1", "classes": "10"}
    save_file(fresh_network(SMALL, seed=1).state_dict(), path, said)
    half = tmp_path / "half.safetensors"
    half.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match="is damaged or was cut off"):
        load_network(half)
    with pytest.raises(UserError, match=f"holds {SMALL.name}, and resnet50 is given. Leave it out"):
        load_network(path, "resnet50")
