"""Weights of other programs are unwrapped and loaded to the bit, or refused with a reason."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from explorer import Architecture, UserError, build
from explorer.cli import cli
from explorer.networks.exporting import fresh_network
from explorer.networks.weights import _design_of, load_weights

SMALL = Architecture.from_name("resnext_1-1_2x4d_w16_small8", resolution=8, classes=5)
State = dict[str, Any]


def state() -> State:
    return dict(fresh_network(SMALL, seed=3).state_dict())


def loaded(path: Path) -> str:
    """What is said of a file that holds the weights of `state`; they are loaded to the bit."""
    model = build(SMALL)
    said = load_weights(model, path)
    expected = state()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    return said


def named(prefix: str) -> State:
    return {prefix + name: value for name, value in state().items()}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (state, ""),
        (
            lambda: {"state_dict": state(), "epoch": 90, "arch": "resnext"},
            "the weights are those under 'state_dict'",
        ),
        (
            lambda: {"model": state(), "optimizer": {"lr": 0.1}},
            "the weights are those under 'model'",
        ),
        (lambda: {"model_state_dict": state()}, "the weights are those under 'model_state_dict'"),
        (lambda: {"ema": state()}, "the weights are those under 'ema'"),
        (
            lambda: {"model": state(), "ema": state()},
            "the weights are those under 'model' (not 'ema')",
        ),
        (lambda: named("module."), "the prefix 'module.' removed from all names"),
        (lambda: named("_orig_mod."), "the prefix '_orig_mod.' removed from all names"),
        (lambda: named("network."), "the prefix 'network.' removed from all names"),
        (
            lambda: named("module._orig_mod."),
            "the prefix 'module._orig_mod.' removed from all names",
        ),
        (
            lambda: {"checkpoint": 1, "model": {"state_dict": named("_orig_mod.module.")}},
            (
                "the weights are those under 'model', the weights are those under 'state_dict', "
                "the prefix '_orig_mod.module.' removed from all names"
            ),
        ),
        (  # Lightning's
            lambda: {
                "state_dict": {**named("model."), "loss.weight": torch.ones(5)},
                "epoch": 1,
                "loops": {},
            },
            (
                "the weights are those under 'state_dict',"
                " the prefix 'model.' removed from all names, 1 other tensor left out: loss.weight"
            ),
        ),
        (  # torch's AveragedModel
            lambda: {"n_averaged": torch.tensor(7), **named("module.")},
            "the prefix 'module.' removed from all names, 1 other tensor left out: n_averaged",
        ),
        (  # a network and its moving average
            lambda: {
                **named("model."),
                **{f"ema_{name}": value + 1 for name, value in named("model.").items()},
            },
            (
                f"the prefix 'model.' removed from all names, {len(state())} other tensors left"
                " out: ema_model.conv1.weight, ema_model.bn1.weight, ema_model.bn1.bias and "
                f"{len(state()) - 3} more"
            ),
        ),
        (lambda: {**state(), "epoch": 3, "name": "x"}, "2 entries without tensors left out"),
        (lambda: {name: value for name, value in state().items() if "num_batches" not in name}, ""),
    ],
)
def test_usual_wrappers_and_prefixes_are_taken_off_and_that_is_said(
    tmp_path: Path, content: Callable[[], State], said: str
) -> None:
    torch.save(content(), tmp_path / "w.pth")
    assert loaded(tmp_path / "w.pth") == said


def test_a_file_is_known_by_its_content_whatever_its_name_ends_in(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.pth")
    assert loaded(tmp_path / "w.pth") == ""
    torch.save(state(), tmp_path / "w.safetensors")
    assert loaded(tmp_path / "w.safetensors") == ""
    torch.save(state(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert loaded(tmp_path / "old.pth") == ""


@pytest.mark.parametrize(
    "kind", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn]
)
def test_weights_of_another_precision_are_loaded(tmp_path: Path, kind: torch.dtype) -> None:
    given = {
        name: value.to(kind) if value.is_floating_point() else value
        for name, value in state().items()
    }
    torch.save(given, tmp_path / "w.pth")
    model = build(SMALL)
    load_weights(model, tmp_path / "w.pth")
    for name, value in model.state_dict().items():
        assert torch.equal(value, given[name].to(value.dtype))


def test_the_checkpoint_of_a_training_is_taken(tmp_path: Path) -> None:
    content = {
        "model": state(),
        "optimiser": {},
        "scheduler": {},
        "curves": [{"epoch": 1}],
        "generator": torch.zeros(4),
    }
    torch.save(content, tmp_path / "checkpoint.pt")
    # The generator's state is a tensor too, and no weight.
    assert "under 'model'" in loaded(tmp_path / "checkpoint.pt")


class Touch:
    """Pickles into a call that makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("wrap", [pickle.dumps, None])
def test_weights_that_carry_code_are_refused_and_the_code_does_not_run(
    tmp_path: Path, wrap: Any
) -> None:
    marker, evil = tmp_path / "ran", tmp_path / "evil.pth"
    if wrap:
        evil.write_bytes(wrap(Touch(marker)))
    else:
        torch.save({"state_dict": state(), "hyper_parameters": Touch(marker)}, evil)
    with pytest.raises(
        UserError, match="more than plain tensors and numbers; nothing in it was run"
    ):
        load_weights(build(SMALL), evil)
    assert not marker.exists()


def bad_folder(path: Path) -> None:
    path.mkdir()


def bad_half(path: Path) -> None:
    torch.save(state(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def bad_half_safetensors(path: Path) -> None:
    save_file(state(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "no such file."),
        (lambda path: path.write_bytes(b""), "the file is empty."),
        (bad_folder, "Is a directory."),
        (lambda path: path.write_text("<!DOCTYPE html>\n<p>Größe</p>"), "it is a text file"),
        (
            lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\nsize 9"),
            "a pointer of Git LFS",
        ),
        (bad_half, "damaged, cut off"),
        (bad_half_safetensors, "damaged, cut off"),
        (lambda path: path.write_bytes(bytes(range(256)) * 4), "damaged"),
        (
            lambda path: torch.save([torch.ones(1)], path),
            "it holds no named tensors, but a list",
        ),
        (lambda path: torch.save({}, path), "it holds no named tensors, but nothing"),
        (
            lambda path: torch.save({"epoch": 3, "lr": 0.1}, path),
            "it holds no named tensors, but epoch, lr",
        ),
        (
            lambda path: torch.save(torch.ones(2), path),
            "it holds no named tensors, but a Tensor",
        ),
        (
            lambda path: torch.jit.script(torch.nn.Linear(2, 2)).save(str(path)),
            "it is a TorchScript program. In the program that made it: torch.save",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_file_that_holds_no_weights_is_refused_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], Any], why: str
) -> None:
    make(tmp_path / "w.pth")
    with pytest.raises(UserError) as caught:
        load_weights(build(SMALL), tmp_path / "w.pth")
    said = str(caught.value)
    assert why in said
    assert said.isprintable()
    assert "torch.load" not in said


def refusal(tmp_path: Path, given: State, wanted: Architecture) -> str:
    torch.save(given, tmp_path / "w.pth")
    model = build(wanted)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UserError) as caught:
        load_weights(model, tmp_path / "w.pth")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items()), (
        "half loaded"
    )
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_another_number_of_classes_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, state(), SMALL.with_(classes=9))
    assert (
        said
        == f"the weights in {tmp_path}/w.pth do not fit {SMALL.name} with 9 classes and 3 channels:"
        " 54 of 56 entries fit; of another shape: fc.weight is 5 x 32, not 9 x 32, fc.bias is"
        f" 5, not 9. They fit {SMALL.name} with --classes 5."
    )


@pytest.mark.parametrize(
    "of",
    [
        "resnet18",
        "resnet50",
        "resnext50_32x4d",
        "wide_resnet50_2",
        "resnet20_cifar",
        "resnext29_8x64d_cifar",
        "resnext_1-2_2x4d_w32_small16_growC",
        "resnext_1-2-1_2x4d_w32_plain",
        "resnext_1-2-1_4x3d_w32_small_growroot",
        "resnext_1-2_2x4d_w32_small16_growC_plain_pre",
        "resnet20_cifar_pre",
        "inception_1-2_3d_w32_small16",
        "inception_2-1_3d_w32_plain_pre",
    ],
)
def test_the_design_whose_weights_they_are_is_named(tmp_path: Path, of: str) -> None:
    with torch.device("meta"):
        given = {
            name: torch.empty(value.shape)
            for name, value in build(Architecture.from_name(of)).state_dict().items()
        }
    design = _design_of(given)
    assert design is not None
    assert design.name == of


@pytest.mark.parametrize("missing", ["conv1.weight", "layer1.0.bn2.bias"])
def test_only_the_entry_that_is_missing_behind_a_prefix_is_named(
    tmp_path: Path, missing: str
) -> None:
    content = named("module.")
    del content[f"module.{missing}"]
    said = refusal(tmp_path, content, SMALL)
    assert f"55 of 56 entries fit; missing: {missing}. " in said


def test_weights_of_another_program_are_refused_with_names_of_each_kind(tmp_path: Path) -> None:
    given = state()
    given["head.weight"], given["fc.bias"] = given.pop("fc.weight"), torch.ones(5, dtype=torch.int8)
    given["conv1.weight"] = torch.ones(8, 3, 7, 7)
    said = refusal(tmp_path, given, SMALL)
    assert (
        "53 of 56 entries fit; missing: fc.weight; not in this network: head.weight; of another"
        " shape: " in said
    )
    assert (
        "conv1.weight is 8 x 3 x 7 x 7, not 8 x 3 x 3 x 3; not of plain floating-point numbers:"
        " fc.bias" in said
    )
    assert said.endswith(
        "They fit no network that this program builds, or its names are different."
    )


def holds_itself() -> State:
    content: State = {}
    content["model"] = content
    return content


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (holds_itself, "it holds no named tensors, but model"),
        (lambda: {**state(), "\x1b[31mred\n": torch.ones(1)}, "not in this network: [31mred . "),
        (lambda: {**state(), 1: torch.ones(1)}, "not in this network: 1. "),
        (
            lambda: {**state(), "fc.weight": state()["fc.weight"].to("meta")},
            "fc.weight is without values. The shapes are right: save them as plain float32.",
        ),
        (
            lambda: {**state(), "fc.weight": state()["fc.weight"].to_sparse()},
            "fc.weight is torch.sparse_coo. ",
        ),
        (
            lambda: {**state(), "fc.weight": state()["fc.weight"].to(torch.complex64)},
            "fc.weight is torch.complex64. ",
        ),
    ],
)
def test_odd_files_are_refused(tmp_path: Path, content: Callable[[], State], why: str) -> None:
    assert why in refusal(tmp_path, content(), SMALL)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    given = state()
    given["fc.bias"][2] = float("nan")
    assert "hold values that are no numbers (NaN or infinite): fc.bias" in refusal(
        tmp_path, given, SMALL
    )


def test_export_says_what_it_took_off(tmp_path: Path) -> None:
    torch.save({"state_dict": named("module.")}, tmp_path / "w.pth")
    command = [
        "export",
        SMALL.name,
        "--resolution",
        "8",
        "--classes",
        "5",
        "--format",
        "safetensors",
    ]
    result = CliRunner().invoke(
        cli, [*command, "--weights", f"{tmp_path}/w.pth", "-o", f"{tmp_path}/out.safetensors"]
    )
    assert result.exit_code == 0, result.output
    assert (
        result.output.splitlines()[0]
        == f"Read: {tmp_path}/w.pth (the weights are those under 'state_dict', the prefix 'module.'"
        " removed from all names)"
    )
    assert loaded(tmp_path / "out.safetensors") == ""
