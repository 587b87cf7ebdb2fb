"""Exports load elsewhere with the same numbers, or are refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from explorer import Architecture, UserError, build
from explorer.networks.exporting import export, foreign_constructor, fresh_network
from explorer.networks.weights import load_weights

SMALL = Architecture.from_name("resnext_1-1_2x4d_w16_small8", resolution=8, classes=5)


def outputs(model: torch.nn.Module, architecture: Architecture) -> torch.Tensor:
    torch.manual_seed(1)
    side = architecture.resolution
    with torch.no_grad():
        result: torch.Tensor = model.eval()(torch.randn(2, architecture.in_channels, side, side))
    return result


def test_a_torchvision_state_dict_holds_plain_tensors_under_torchvisions_names(
    tmp_path: Path,
) -> None:
    model = fresh_network(Architecture.from_name("resnet18"), seed=0)
    line = export(model, tmp_path / "r18.pth", "torchvision")
    assert (
        "ResNet(torchvision.models.resnet.BasicBlock, [2, 2, 2, 2], num_classes=1000, groups=1,"
        " width_per_group=64)" in line
    )
    state = torch.load(tmp_path / "r18.pth", weights_only=True)
    assert {"conv1.weight", "layer2.0.downsample.0.weight", "fc.bias"} <= set(state)
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in state.items())


def test_a_pre_activation_network_has_timms_names_for_timm_and_none_in_torchvision(
    tmp_path: Path,
) -> None:
    """Of timm 1.0.31, whose `resnetv2_50` has as many parameters and gave the same outputs."""
    model = fresh_network(Architecture.from_name("resnet26_pre", classes=7), seed=0)
    line = export(model, tmp_path / "r26.pth", "timm")
    assert line.startswith(
        "timm.models.resnetv2.ResNetV2([2, 2, 2, 2], num_classes=7, in_chans=3,"
        " conv_layer=timm.layers.create_conv2d, norm_layer=timm.layers.BatchNormAct2d)"
    )
    state = torch.load(tmp_path / "r26.pth", weights_only=True)
    assert {name for name in state if "stages.1.blocks.0." in name and "weight" in name} == {
        f"stages.1.blocks.0.{part}.weight"
        for part in (
            *("norm1", "conv1", "norm2", "conv2", "norm3", "conv3"),
            "downsample.conv",
        )
    }
    others = {name for name in state if "stages." not in name and "running" not in name}
    assert others == {
        *("stem.conv.weight", "norm.weight", "norm.bias", "norm.num_batches_tracked"),
        *("head.fc.weight", "head.fc.bias"),
    }
    assert state["head.fc.weight"].shape == (7, 2048, 1, 1)
    assert torch.equal(state["stages.3.blocks.1.conv3.weight"], model.layer4[1].conv3.weight)
    with pytest.raises(UserError, match="after each convolution, never before"):
        export(model, tmp_path / "tv.pth", "torchvision")
    assert not (tmp_path / "tv.pth").exists()


def test_a_state_dict_is_written_as_the_files_name_says(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = fresh_network(Architecture.from_name("resnet18"), seed=0)
    line = export(model, tmp_path / "r18.safetensors", "timm")
    assert line.startswith(
        "timm.models.resnet.ResNet(timm.models.resnet.BasicBlock, [2, 2, 2, 2], num_classes=1000"
    )
    assert line.endswith(
        f".load_state_dict(safetensors.torch.load_file({str(tmp_path / 'r18.safetensors')!r}))"
    )
    state = load_file(tmp_path / "r18.safetensors")
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("format_", "name", "right"),
    [
        ("safetensors", "w.pth", ".safetensors"),
        ("onnx", "w.safetensors", ".onnx"),
        ("timm", "w.ONNX", ".pth or .pt or .safetensors"),
    ],
)
def test_the_name_of_another_format_is_refused(
    tmp_path: Path, format_: str, name: str, right: str
) -> None:
    with pytest.raises(UserError, match=f"name a file that ends in {right}"):
        export(build(SMALL), tmp_path / name, format_)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (
            "resnext50_32x4d",
            (
                "torchvision.models.resnet.Bottleneck, [3, 4, 6, 3], num_classes=1000, groups=32,"
                " width_per_group=4"
            ),
        ),
        ("wide_resnet50_2", "groups=1, width_per_group=128"),
        (
            "resnext_2-2-2-2_3x10d_w256",
            "[2, 2, 2, 2], num_classes=1000, groups=3, width_per_group=10",
        ),
    ],
)
def test_the_constructor_in_torchvision_is_named(name: str, call: str) -> None:
    assert call in foreign_constructor(Architecture.from_name(name), "torchvision")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("resnet20_cifar", "stem is always imagenet"),
        ("resnext_3-4-6_32x4d_w256", "always has 4 stages, not 3"),
        ("resnext_3-4-6-3_32x4d_w128", "always 256 wide, not 128"),
        ("resnext_3-4-6-3_32x4d_w256_growC", "C always stays"),
        ("resnext_3-4-6-3_32x4d_w256_growroot", "C always stays"),
        ("inception_3-4-6-3_25d_w256", "no inception blocks"),
        ("resnext50_32x4d_pre", "never before|one path with d = 64"),
        ("resnext_3-4-6-3_32x4d_w256_plain", "always has shortcuts"),
    ],
)
@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_network_the_library_does_not_have_is_refused_with_the_reason(
    name: str, reason: str, library: str
) -> None:
    with pytest.raises(UserError, match=reason):
        foreign_constructor(Architecture.from_name(name), library)


def test_safetensors_come_back_to_the_bit(tmp_path: Path) -> None:
    model = fresh_network(SMALL, seed=3)
    export(model, tmp_path / "W.SAFETENSORS", "safetensors")
    other = build(SMALL)
    load_weights(other, tmp_path / "W.SAFETENSORS")
    assert torch.equal(outputs(model, SMALL), outputs(other, SMALL))


def test_onnx_gives_torchs_outputs_for_any_batch(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = fresh_network(SMALL, seed=3)
    export(model, tmp_path / "w.onnx", "onnx")
    session = onnxruntime.InferenceSession(tmp_path / "w.onnx", providers=["CPUExecutionProvider"])
    images = torch.randn(7, 3, 8, 8)
    with torch.no_grad():
        expected = model.eval()(images)
    actual = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def test_a_pt2_program_gives_torchs_outputs_for_any_batch_and_says_what_it_is(
    tmp_path: Path,
) -> None:
    model = fresh_network(SMALL, seed=3)
    loading = export(model, tmp_path / "w.pt2", "pt2", {"class_names": "a, b"})
    about = {"resnext-explorer.json": ""}
    program = torch.export.load(tmp_path / "w.pt2", extra_files=about)
    assert loading == f"torch.export.load({str(tmp_path / 'w.pt2')!r}).module()"
    images = torch.randn(7, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images), model.eval()(images))
    said = json.loads(about["resnext-explorer.json"])
    assert (said["architecture"], said["class_names"]) == (SMALL.name, "a, b")


def test_a_network_whose_written_form_differs_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = torch.export.load

    def other(file: Any, **options: Any) -> Any:
        program = load(file, **options)
        program.module = lambda: lambda images: torch.full((len(images), 5), 9.0)
        return program

    monkeypatch.setattr(torch.export, "load", other)
    with pytest.raises(RuntimeError, match="differs from torch's"):
        export(fresh_network(SMALL, seed=3), tmp_path / "w.pt2", "pt2")
    assert list(tmp_path.iterdir()) == []


def test_a_seed_gives_the_same_fresh_network_and_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = fresh_network(SMALL, seed=0), fresh_network(SMALL, seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(outputs(first, SMALL), outputs(second, SMALL))


@pytest.mark.parametrize("name", ["w.safetensors", "w.onnx"])
def test_an_export_replaces_its_own_file_and_no_other(tmp_path: Path, name: str) -> None:
    format_ = name.partition(".")[2]
    if format_ == "onnx":
        pytest.importorskip("onnxruntime")
    path = tmp_path / name
    for other in (b"not ours", safetensors.torch.save({"fc.weight": torch.zeros(2)})):
        path.write_bytes(other)
        with pytest.raises(UserError, match="is there already"):
            export(build(SMALL), path, format_)
        assert path.read_bytes() == other
    for force in (True, False):
        export(build(SMALL), path, format_, force=force)
    assert path.read_bytes() != other


def test_an_export_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        export(build(SMALL), tmp_path / "no" / "folder" / "w.safetensors", "safetensors")
    with pytest.raises(UserError, match="Did you mean 'onnx'"):
        export(build(SMALL), tmp_path / "w", "onx")
    assert list(tmp_path.iterdir()) == []
