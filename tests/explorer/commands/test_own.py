"""Networks of one's own on the command line: match, describe, measure, export."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from own_families import PLAIN, write

from explorer import blueprint, count

Here = Callable[..., "subprocess.CompletedProcess[str]"]
SIZES = ("--resolution", "8", "--classes", "10")


def test_match_solves_the_quantity_that_is_asked_for(workdir: Path, here: Here) -> None:
    write(workdir, "shown", PLAIN)
    asked = ("match", "shown:net", "--set", "width=16", "--set", "depths=1-2", *SIZES)
    asked += ("--given", "kernel=3,5", "--solve", "width")
    designs = json.loads(here(*asked, "--json").stdout)
    names = [design["name"] for design in designs]
    assert names[0] == "shown:net(depths=1-2,kernel=3,width=16)"
    budget = count(blueprint(names[0], resolution=8, classes=10)).flops
    assert designs[1]["mismatch"] == pytest.approx(designs[1]["flops"] / budget - 1)
    assert abs(designs[1]["mismatch"]) < 0.1
    text = here(*asked).stdout
    assert text.splitlines()[0].split()[:3] == ["design", "kernel", "width"]
    unsaid = here(*asked[:-2])
    assert "unknown quantity to solve 'bottleneck_width'. Known: depths, kernel" in unsaid.stderr
    assert "What is solved is said by --solve" in unsaid.stderr
    assert f"Next: resnext-explorer describe '{names[1]}' --resolution 8 --classes 10\n" in text


def test_set_and_given_are_for_our_own_networks_too(here: Here) -> None:
    given = here("match", "resnet50", "--given", "cardinality=2,4").stdout
    assert given == here("match", "resnet50", "--cardinality", "2,4").stdout
    wide = here("match", "resnet50", "--set", "width=128", "--given", "cardinality=2", "--json")
    assert json.loads(wide.stdout)[0]["width"] == 128
    twice = here("match", "resnet50", "--given", "cardinality=2", "--cardinality", "4")
    assert (twice.returncode, twice.stderr) == (
        2,
        "Error: cardinality is given twice; give it once.\n",
    )


def test_describe_lists_the_modules_and_sums_to_the_totals(workdir: Path, here: Here) -> None:
    write(workdir, "shown", PLAIN)
    name = "shown:net(depths=1-2,kernel=3,width=16)"
    record = json.loads(here("describe", name, *SIZES, "--verify", "--json").stdout)
    assert record["agree"] is True
    for measure in ("flops", "params", "activations"):
        assert sum(module[measure] for module in record["modules"]) == record[measure]
    text = here("describe", name, *SIZES, "--verify").stdout
    assert text.split()[:6] == ["module", "kind", "output", "FLOPs", "params", "activations"]
    assert "exactly equal" in text
    beside = here("describe", name, "resnet20_cifar", *SIZES).stdout
    assert "kernel" in beside
    assert "whole network: params" in beside


def test_measure_and_export_take_them(workdir: Path, here: Here) -> None:
    write(workdir, "shown", PLAIN)
    name = "shown:net(width=8)"
    measured = here("measure", name, *SIZES, "--rounds", "1", "--mode", "inference", "--json")
    assert json.loads(measured.stdout)[0]["name"] == "shown:net(depths=1-1,kernel=3,width=8)"
    assert (
        here("export", name, *SIZES, "--format", "safetensors", "-o", "a.safetensors").returncode
        == 0
    )
    result = here("export", name, *SIZES, "--format", "timm", "-o", "a.pth")
    assert "timm has no network like shown:net(depths=1-1,kernel=3,width=8)" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("scale", "shown:net"),
        ("enumerate", "shown:net"),
        ("describe", "shown:net(width=8)", "--diagram", "a.svg"),
    ],
)
def test_what_is_for_our_networks_only_says_so(
    workdir: Path, here: Here, arguments: tuple[str, ...]
) -> None:
    write(workdir, "shown", PLAIN)
    result = here(*arguments)
    assert result.returncode == 2
    assert "of ours only" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (workdir / "a.svg").exists()


def test_a_time_is_matched_by_measuring_a_bracket(workdir: Path, here: Here) -> None:
    write(workdir, "shown", PLAIN)
    asked = ("match", "shown:net", "--set", "width=4", "--solve", "width", "--by", "latency")
    designs = json.loads(here(*asked, *SIZES, "--given", "kernel=3", "--json").stdout)
    candidates = designs[0]["candidates"]
    assert {"shown:net(depths=1-1,kernel=3,width=4)"} <= {each["name"] for each in candidates[1:]}
    assert designs[0]["seconds"] > 0
