"""The command line of the design room, run as a user runs it."""

import json
import subprocess
import sys
from importlib import import_module

import click
import pytest

from explorer.cli import COMMANDS


def run(*arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *python, "-m", "explorer", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("name", "entry"), COMMANDS.items())
def test_every_entry_of_the_front_door_resolves(name: str, entry: tuple[str, str]) -> None:
    module, function = entry[0].split(":")
    command = getattr(import_module(module), function)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert "resnext-explorer" in (command.help or ""), "help has examples"


def test_match_prints_json_only() -> None:
    designs = json.loads(run("match", "resnet50", "--cardinality", "1,2,4,8,32", "--by", "block", "--json").stdout)
    assert [design["bottleneck_width"] for design in designs] == [64, 40, 24, 14, 4]
    keys = "name reference cardinality bottleneck_width width depths flops params activations by budget mismatch"
    assert all(list(design) == keys.split() for design in designs)
    assert designs[0]["budget"] == 69632
    assert designs[3]["mismatch"] == pytest.approx(71456 / 69632 - 1)


def test_describe_lists_every_layer_and_sums_to_the_totals() -> None:
    record = json.loads(run("describe", "resnext50_32x4d", "--verify", "--json").stdout)
    assert record["flops"] == 4230479872
    assert record["fvcore"] == {"flops": 4230479872, "params": 25028904, "activations": 14401512}
    assert record["agree"] is True
    for measure in ("flops", "params", "activations"):
        assert sum(layer[measure] for layer in record["layers"]) == record[measure]
    names = [layer["name"] for layer in record["layers"]]
    assert len(names) == len(set(names))
    assert {"conv1", "maxpool", "layer1.0.downsample.0", "layer3.5.conv2", "avgpool", "fc"} <= set(names)
    keys = "name kind in_channels out_channels kernel stride groups height width flops params activations"
    assert all(list(layer) == keys.split() for layer in record["layers"])


def test_light_commands_import_no_heavy_library() -> None:
    for arguments in (("match", "resnet50", "--cardinality", "1,32"), ("describe", "resnet50"), ("--help",)):
        result = run(*arguments, python=("-X", "importtime"))
        assert result.returncode == 0
        imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
        assert not imported & {"torch", "optuna", "pandas", "pytorch_lightning", "fvcore", "numpy", "scipy"}, arguments


def test_importing_explorer_imports_no_torch() -> None:
    code = "import sys, explorer; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("match", "resnet51"), "Did you mean 'resnet50'"),
        (("match", "resnet50", "--cardinality", ""), "lists no numbers"),
        (("match", "resnet50", "--cardinality", "1,,2"), "given: ''"),
        (("match", "resnet50", "--cardinality", "1,2.5"), "given: '2.5'"),
        (("match", "resnet50", "--cardinality", "-4"), "given: '-4'"),
        (("match", "resnet50", "--width", "-4", "--solve", "cardinality"), "given: '-4'"),
        (("match", "resnet50", "--cardinality", "8", "--tolerance", "1%"), "C=8 (nearest d=13, -3.4 %)"),
        (("match", "resnet50", "--by", "flop"), "Did you mean 'flops'"),
        (("match", "resnet50", "--tolerance", "lots"), "given: 'lots'"),
        (("match", "resnet50", "--resolution", "9"), "smallest resolution is 17"),
        (("match", "resnet50", "--cardnality", "1"), "No such option"),
        (("macth",), "Did you mean 'match'"),
        (("describe", "resnext50_32x0d"), "whole number of at least 1; given: '0'"),
        (("space", "show", "digit_cardinality"), "Did you mean 'digits_cardinality'"),
        (("space", "show", "./nowhere.yaml"), "No such file"),
    ],
)
def test_a_mistake_exits_2_with_one_message(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
