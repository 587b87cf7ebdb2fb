"""A plan says what a run would train, stores nothing, and is not far from what a run takes."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tiny_study import SPACE, STUDY, change

import studies.plan
from explorer import Architecture, count
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.data import load
from studies.plan import Plan, _between, _schedule, plan
from studies.training import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    (folder / "tiny.yaml").write_text(STUDY)
    (folder / "tiny_space.yaml").write_text(SPACE)
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Plan:
    # Two workers have a thread each: two threads on a busy machine tell little.
    return plan(Study.load(folder / "tiny.yaml"), workers=2)


def test_it_counts_what_a_run_would_do(made: Plan, folder: Path) -> None:
    assert (len(made.pairs), made.epochs, made.steps, made.splits["train"]) == (6, 4, 16, 1079)
    size = {"resolution": 8, "in_channels": 1, "classes": 10}
    flops = sum(count(Architecture.from_name(pair.design, **size)).flops for pair in made.pairs)
    assert made.flops == flops * 3 * 4 * 16 * 64  # forward, and backward twice; four epochs of sixteen batches
    # The cheapest and the dearest were measured, and all trials lie between.
    assert {one.design for one in made.measured} == {"resnext_1_4x3d_w16_small8", "resnext_1_1x8d_w16_small8"}
    steps = [one.step for one in made.measured]
    assert all(0 < step < 5 for step in steps)
    assert min(steps) * 64 <= min(made.trial_seconds)
    one_each = sum(made.trial_seconds) + made.start  # of two workers, each does about half of six trials
    assert one_each <= made.seconds * 1.0001
    assert made.seconds <= one_each + max(made.trial_seconds)
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.yaml", "tiny_space.yaml"]


def test_a_trial_takes_about_as_long(made: Plan, folder: Path) -> None:
    study = Study.load(folder / "tiny.yaml")
    design = study.wanted().designs[0]
    outcome = train(design.architecture, study.recipe, load(study.data), 0, made.settings)
    # Other work on this machine makes one or the other slower; an estimate that forgot the epochs would be far too low, one
    # that took what an epoch costs besides for the cost of a step far too high.
    assert outcome.seconds / 4 < made.trial_seconds[0] < outcome.seconds * 4


def test_the_command_prints_it(made: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies.plan, "plan", lambda *_, **__: made)
    monkeypatch.setattr(Study, "load", lambda _: SimpleNamespace(changed=lambda _: None))
    shown = CliRunner().invoke(cli, ["study", "plan", "./tiny.yaml", "--set", "name=x"]).output
    for words in ("6 trials of 4 epochs", "FLOPs in all", "with 2 workers on", "Nothing was stored"):
        assert words in shown
    assert "resnext-explorer study run ./tiny.yaml --set name=x\n" in shown
    told = json.loads(CliRunner().invoke(cli, ["study", "plan", "./tiny.yaml", "--json"]).output)
    assert (told["trials"], told["workers"], len(told["designs"])) == (6, 2, 3)


def test_mistakes_are_those_of_a_run(tiny: Path) -> None:
    with pytest.raises(UserError, match="at least 1"):
        plan(Study.load(tiny), workers=0)
    change(tiny, "batch_size: 64", "batch_size: 6400")
    with pytest.raises(UserError, match="batch_size of 6400 is larger than the training split"):
        plan(Study.load(tiny))


def test_designs_lie_on_the_line_between_the_measured(tiny: Path) -> None:
    designs = Study.load(tiny).wanted().designs
    cheap, middle, dear = sorted(designs, key=lambda design: design.complexity.flops)
    a, b, c = (design.complexity.flops for design in (cheap, middle, dear))
    found = _between([cheap, middle, dear], [cheap, dear], [1.0, 2.0])
    assert found == pytest.approx([1, 1 + (b - a) / (c - a), 2])
    assert _between([dear], [dear], [3.0]) == [3.0]


def test_workers_take_the_next_trial_when_they_are_free() -> None:
    assert _schedule([4, 1, 1, 1], 2) == 4
    assert _schedule([1, 1, 1], 2) == 2
    assert _schedule([2, 3], 1) == 5
