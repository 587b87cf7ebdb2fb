"""The commands that design networks: what they print, and what they refuse."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from explorer.cli import COMMANDS, cli
from explorer.foreign import call_function
from explorer.networks import time_matching
from explorer.networks.measuring import Timing

Here = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(("name", "entry"), COMMANDS.items())
def test_every_entry_of_the_front_door_resolves(name: str, entry: tuple[str, str]) -> None:
    module, function = entry[0].split(":")
    command = getattr(import_module(module), function)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert "resnext-explorer" in (command.help or ""), "help has examples"


def test_match_prints_json_only(here: Here) -> None:
    designs = json.loads(
        here("match", "resnet50", "--cardinality", "1,2,4,8,32", "--by", "block", "--json").stdout
    )
    assert [design["bottleneck_width"] for design in designs] == [64, 40, 24, 14, 4]
    keys = (
        "name reference cardinality bottleneck_width width depths flops params activations by"
        " budget mismatch"
    )
    assert all(list(design) == keys.split() for design in designs)
    assert designs[0]["budget"] == 69632
    assert designs[3]["mismatch"] == pytest.approx(71456 / 69632 - 1)


def test_a_block_or_an_order_is_given_like_a_quantity(here: Here) -> None:
    designs = json.loads(
        here(
            "match", "resnet50", "--kind", "bottleneck,inception", "--order", "pre", "--json"
        ).stdout
    )
    assert [design["name"] for design in designs] == [
        "resnet50_pre",
        "inception_3-4-6-3_25d_w256_pre",
    ]
    assert {design["budget"] for design in designs} == {4089184256}
    arms = json.loads(
        here(
            "suggest", "--flops", "5M", "--resolution", "32", "--cardinality", "4",
            "--growth", "root,d,C", "--top", "1", "--json",
        ).stdout
    )[0]["arms"]  # fmt: skip
    assert [arm["name"].rpartition("_grow")[2] for arm in arms][::2] == ["root", "C"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("match", "resnet50", "--kind", "incepton"), "Did you mean 'inception'"),
        (("match", "resnet50", "--kind", "inception", "--cardinality", "2"), "paths are unlike"),
        (("match", "resnet50", "--growth", "root"), "the smallest C is 8"),
        (("suggest", "--flops", "5M", "--resolution", "32", "--kind", "basic"), "resnet20_cifar"),
        (("scale", "inception_1-1_8d_w32", "--resolution", "1"), "smallest resolution"),
    ],
)
def test_a_block_that_cannot_be_is_one_sentence(
    here: Here, arguments: tuple[str, ...], message: str
) -> None:
    result = here(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_describe_lists_every_layer_and_sums_to_the_totals(here: Here) -> None:
    record = json.loads(here("describe", "resnext50_32x4d", "--verify", "--json").stdout)
    assert record["flops"] == 4230479872
    assert record["fvcore"] == {"flops": 4230479872, "params": 25028904, "activations": 14401512}
    assert record["agree"] is True
    for measure in ("flops", "params", "activations"):
        assert sum(layer[measure] for layer in record["layers"]) == record[measure]
    names = [layer["name"] for layer in record["layers"]]
    assert len(names) == len(set(names))
    assert {"conv1", "maxpool", "layer1.0.downsample.0", "layer3.5.conv2", "avgpool", "fc"} <= set(
        names
    )
    keys = (
        "name kind in_channels out_channels kernel stride groups height width flops params"
        " activations"
    )
    assert all(list(layer) == keys.split() for layer in record["layers"])


def test_light_commands_import_no_heavy_library() -> None:
    for arguments in (
        ("match", "resnet50", "--cardinality", "1,32"),
        ("describe", "resnet50"),
        ("--help",),
    ):
        result = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "explorer", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0
        imported = {
            line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines()
        }
        assert not imported & {
            "torch",
            "optuna",
            "pandas",
            "pytorch_lightning",
            "fvcore",
            "numpy",
            "scipy",
        }, arguments


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
        (
            ("match", "resnet50", "--cardinality", "8", "--tolerance", "1%"),
            "C=8 (nearest d=13, -3.4 %)",
        ),
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
def test_a_mistake_exits_2_with_one_message(
    here: Here, arguments: tuple[str, ...], message: str
) -> None:
    result = here(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_scale_answers_table_4_with_the_papers_picks_beside_ours(here: Here) -> None:
    shown = here("scale", "resnet101", "--factor", "2", "--depth-policy", "published").stdout
    for words in (
        "deeper",
        "resnet200",
        "wider",
        "resnext101_1x101d",
        "more paths",
        "1.92x",
        "1.96x",
        "1.94x",
        "1.98x",
        "20.4",
    ):
        assert words in shown
    designs = json.loads(here("scale", "resnext101_32x4d", "--json").stdout)
    assert [design["arm"] for design in designs] == ["deeper", "wider", "more paths"]
    assert all(design["reference"] == "resnext101_32x4d" for design in designs)


def test_describe_of_two_networks_sets_them_side_by_side(here: Here, tmp_path: Path) -> None:
    assert "1.03x" in here("describe", "resnet50", "resnext50_32x4d").stdout
    records = json.loads(here("describe", "resnet50", "resnext50_32x4d", "--json").stdout)
    assert [record["name"] for record in records] == ["resnet50", "resnext50_32x4d"]
    here("describe", "resnet50", "--diagram", str(tmp_path / "r50.svg"))
    assert (tmp_path / "r50.svg").read_text().startswith("<svg")


def test_a_plain_budget_needs_no_reference_cost(here: Here) -> None:
    (design,) = json.loads(
        here("match", "resnet50", "--cardinality", "32", "--flops", "4.1G", "--json").stdout
    )
    assert design["budget"] == 4_100_000_000
    assert design["reference"] is None


def test_enumerate_writes_what_it_shows(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "grid.csv"
    shown = here(
        "enumerate",
        "resnet50",
        "--cardinality",
        "1..64",
        "--sort",
        "mismatch",
        "--limit",
        "3",
        "-o",
        str(path),
    ).stdout
    assert "64 designs; the first 3 are shown" in shown
    lines = path.read_text().splitlines()
    assert len(lines) == 65
    assert lines[1].endswith("resnet50")


def test_paper_tables_show_published_values_beside_our_counts(here: Here) -> None:
    record = json.loads(here("paper", "table2", "--json").stdout)
    assert [row["ours"]["block"] for row in record["rows"]] == [69632, 69760, 69888, 71456, 70144]
    assert "17.31" in here("paper", "table7").stdout  # the command's old name


def test_published_tables_are_listed_and_each_from_elsewhere_ends_with_its_source(
    here: Here,
) -> None:
    listed = here("published").stdout
    assert all(name in listed for name in ("table1", "residual", "osmr_resnext20_cifar"))
    printed = here("published", "osmr_resnext20_cifar").stdout
    assert "3,446,602" in printed
    assert printed.rstrip().splitlines()[-1].startswith("Source: github.com/osmr/imgclsmob")
    record = json.loads(here("published", "pycls_zoo", "--json").stdout)
    assert record["trainings"] == 5
    assert record["rows"][1]["published"]["top-1 error %"] == 21.9


def test_measure_and_rules_and_export_run_from_the_command_line(here: Here, tmp_path: Path) -> None:
    small = ("resnext_1-1_2x4d_w16_small8", "--resolution", "8", "--classes", "5")
    timings = json.loads(
        here("measure", *small, "--batch", "2,4", "--rounds", "2", "--json").stdout
    )
    assert [(timing["mode"], timing["batch"]) for timing in timings] == [
        ("inference", 2),
        ("inference", 4),
        ("train_step", 2),
        ("train_step", 4),
    ]
    assert "Both rules hold" in here("rules", small[0], *small[1:3]).stdout
    output = str(tmp_path / "w.safetensors")
    assert "Load it" in here("export", *small, "--format", "safetensors", "-o", output).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("match", "resnet50", "--flops", "4.1Q"), "cannot read '4.1Q'"),
        (("match", "resnet50", "--flops", "1k", "--cardinality", "8"), "impossible at C=8"),
        (("match", "resnet50", "--flops", "4G", "--params", "3M"), "two budgets"),
        (("match", "resnet50", "--flops", "4G", "--by", "params"), "contradict"),
        (
            ("match", "resnet50", "--solve", "cardinality", "--cardinality", "8"),
            "both given and to be solved",
        ),
        (("match", "resnet50", "--by", "latency", "--device", "cuda:99"), "was asked for"),
        (("match", "resnet18", "--solve", "cardinality"), "a basic block has no C"),
        (("scale", "resnet50", "--factor", "0"), "above zero"),
        (("scale", "resnet50", "--depth-policy", "longst"), "Did you mean 'longest'"),
        (("describe", "resnet50", "resnet18", "resnet34"), "one or two networks"),
        (("describe", "resnet50", "--diagram", "r50.png"), ".svg or .html"),
        (
            ("describe", "resnet50", "--diagram", "/nowhere/r50.svg"),
            "cannot write /nowhere/r50.svg",
        ),
        (("enumerate", "resnet50", "--where", "params"), "a filter is a column"),
        (("enumerate", "resnet50", "--sort", "parms"), "Did you mean 'params'"),
        (("paper", "table8"), "unknown table 'table8'"),
        (("rules", "torch.nn:Identity"), "no stages found in Identity"),
        (("rules", "nowhere.at_all:make"), "cannot be found"),
        (("measure", "resnet20_cifar", "--mode", "train"), "Did you mean 'train_step'"),
        (("measure", "resnet20_cifar", "--device", "cuda:99"), "was asked for"),
        (
            ("export", "resnet20_cifar", "--format", "timm", "-o", "w.pth"),
            "stem is always imagenet",
        ),
    ],
)
def test_a_mistake_in_the_other_commands_exits_2_with_one_message(
    here: Here, arguments: tuple[str, ...], message: str
) -> None:
    test_a_mistake_exits_2_with_one_message(here, arguments, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("scale", "resnet101", "--factor", "2", "--by", "block"),
            "depths cannot be solved by block",
        ),
        (
            ("match", "resnet50", "--width", "128", "--solve", "depths", "--by", "block"),
            "depths cannot be solved by block",
        ),
        (("match", "resnet50", "--flops", "1e400"), "out of range"),
        (("match", "resnet50", "--flops", "2000T"), "a budget is at most 1,000 T flops"),
        (("scale", "resnet50", "--factor", "1e300"), "out of range"),
        (("scale", "resnet50", "--factor", "1e17"), "a budget is at most"),
        (("describe", "resnet50", "--resolution", "10000000000"), "at most 1,000,000,000"),
        (("enumerate", "resnet50", "--where", "flops<=1e400"), "out of range"),
        (("enumerate", "resnet50", "--width", "1000000000"), "64-bit numbers"),
        (
            ("measure", "resnet20_cifar", "--resolution", "1000000000", "--rounds", "1"),
            "not enough memory",
        ),
        (("measure", "resnet20_cifar", "--threads", "1000000000"), "at most 1,024"),
        (
            (
                "export",
                "resnet20_cifar",
                "--format",
                "safetensors",
                "-o",
                "w.safetensors",
                "--seed",
                "9" * 30,
            ),
            "--seed",
        ),
    ],
)
def test_what_is_out_of_bounds_exits_2_with_one_message(
    here: Here, arguments: tuple[str, ...], message: str
) -> None:
    test_a_mistake_exits_2_with_one_message(here, arguments, message)


def test_the_next_command_has_the_input_that_the_network_needs(here: Here) -> None:
    shown = here("match", "resnext_1-1-1-1-1-1-1-1_1x64d_w256", "--resolution", "1024").stdout
    assert shown.endswith(
        "Next: resnext-explorer describe resnext_1-1-1-1-1-1-1-1_1x64d_w256 --resolution 1024\n"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return int('zero')", "failed: ValueError: invalid literal"),
        ("raise SystemExit(3)", "failed: SystemExit: 3"),
        ("return 7", "expected a torch module"),
        ("syntax error", "cannot be imported: SyntaxError"),
    ],
)
def test_a_users_network_that_fails_is_one_sentence(
    here: Here, body: str, message: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workdir / "own_network.py").write_text(f"def make():\n    {body}\n")
    monkeypatch.delitem(sys.modules, "own_network", raising=False)
    # As the installed command starts: without the current folder on the path.
    assert not {"", str(workdir)} & set(sys.path)
    result = here("rules", "own_network:make")
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    if "failed: V" in message:
        assert "own_network.py:2)" in result.stderr


def test_a_file_of_the_current_folder_does_not_stand_before_a_library(workdir: Path) -> None:
    (workdir / "colorsys.py").write_text("raise RuntimeError('not the library')\n")
    (workdir / "own_colors.py").write_text(
        "import colorsys\ndef make():\n    return colorsys.rgb_to_hsv(0, 0, 0)\n"
    )
    before = list(sys.path)
    sys.modules.pop("colorsys", None)
    assert call_function("own_colors:make", "the network") == (0.0, 0.0, 0)
    assert sys.path == before
    sys.modules.pop("own_colors")


def test_a_mismatch_too_large_to_compare_is_marked_and_said(here: Here) -> None:
    output = here("match", "resnet50", "--cardinality", "1,16,512").stdout
    rows = {line.split()[0]: line for line in output.splitlines() if line.startswith("res")}
    assert rows["resnext50_512x1d"].endswith("! +261.7 %")
    assert "!" not in rows["resnext50_16x7d"]
    assert "! 1 of 3 designs is more than 5.0 % off" in output
    assert "no whole number for d comes nearer" in output
    assert "!" not in here("match", "resnet50", "--cardinality", "1,16").stdout


def test_the_next_command_names_the_design_that_meets_the_budget_best(here: Here) -> None:
    # The reference itself is no news; of the others C=16 is 4.3 % off and C=512 261.7 %.
    output = here("match", "resnet50", "--cardinality", "1,16,512").stdout
    assert output.endswith("Next: resnext-explorer describe resnext50_16x7d\n")
    alone = here("match", "resnet50", "--cardinality", "1").stdout
    assert alone.endswith("Next: resnext-explorer describe resnet50\n")


def test_a_grid_that_is_too_large_is_refused_with_its_number_before_anything_is_listed(
    here: Here,
) -> None:
    result = here("enumerate", "resnet50", "--cardinality", "1..1000000", "--width", "1..100000")
    assert result.returncode == 2
    assert "100,000,000,000 combinations (1,000,000 x 100,000)" in result.stderr
    assert "Give fewer values, first of cardinality" in result.stderr


def test_suggest_shows_references_their_arms_and_the_command_that_goes_on(here: Here) -> None:
    asked = ("--flops", "5M", "--resolution", "32", "--cardinality", "1,2,4,8")
    output = here("suggest", *asked).stdout
    records = json.loads(here("suggest", *asked, "--json").stdout)
    for record in records:
        assert record["name"] in output
        assert 0.98 * 5_000_000 <= record["flops"] <= 5_000_000
        assert [arm["cardinality"] for arm in record["arms"]] == [1, 2, 4, 8]
    following = output.splitlines()[-1].removeprefix("Next: resnext-explorer ").split()
    matched = json.loads(here(*following, "--json").stdout)
    assert [design["name"] for design in matched] == [arm["name"] for arm in records[0]["arms"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resolution", "32"), "suggest needs a budget: --flops, --params or --activations"),
        (("--flops", "5M"), "suggest needs the side of the input in pixels: --resolution 32"),
        (("--flops", "5M", "--params", "1M"), "name two budgets"),
        (("--flops", "5M", "--resolution", "32", "--tolerance", "5"), "which is 500 %; write 5%"),
    ],
)
def test_suggest_says_what_it_needs(here: Here, arguments: tuple[str, ...], message: str) -> None:
    result = here("suggest", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


SMALL = ("resnext_1_1x2d_w8_small8", "--resolution", "8", "--classes", "5")


def test_match_meets_a_latency_that_is_given(one_thread: None) -> None:
    arguments = ["match", *SMALL, "--cardinality", "2", "--latency", "1us"]
    shown = CliRunner().invoke(cli, arguments).output
    # No network takes a microsecond, so the least of all that were measured is the nearest.
    assert "Budget: 1 µs latency (given). The mismatch is in latency." in shown
    assert ", on cpu, in 32 bits, with 1 thread, a batch of 1:" in shown
    medians = {
        line.split()[0]: float(line.split()[4])
        for line in shown.splitlines()
        if line.startswith("resnext_1_2x") and " to " in line
    }
    (chosen,) = [line.split()[0] for line in shown.splitlines() if line.endswith("chosen")]
    assert chosen == min(medians, key=medians.__getitem__)
    refused = CliRunner().invoke(cli, [*arguments[:-1], "10"])
    assert "must be a time above zero with its unit, for example 10ms" in str(refused.exception)


@pytest.mark.parametrize(("high", "is_clear"), [(0.9, True), (1.05, False)])
def test_a_choice_among_overlapping_quartiles_says_so(
    high: float, is_clear: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times are given here: each d takes as many ms, up to `high` longer in the upper quartile."""

    def measure(cases: list[Any], **_: Any) -> list[Timing]:
        times = [case.architecture.template.bottleneck_width / 1000 for case in cases]
        pairs = zip(cases, times, strict=True)
        return [Timing(case, time, time, time + high / 1000, 7, 0) for case, time in pairs]

    monkeypatch.setattr(time_matching, "measure", measure)
    arguments = ["match", *SMALL, "--cardinality", "2", "--by", "latency"]
    shown = CliRunner().invoke(cli, arguments).output
    assert "2.000 to" in next(line for line in shown.splitlines() if line.endswith("chosen"))
    clear = (
        "The choice is not clear-cut: the quartiles of 2 designs, d from 1 to 2, overlap, so that"
        " another round of measuring may choose another of them."
    )
    assert (clear in shown) != is_clear
