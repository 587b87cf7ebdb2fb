"""A plan says what a run would train, stores nothing, and is not far from what a run takes."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny_study import SPACE, STUDY, change

import studies.running.plan
from explorer import Architecture, count
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.data import load
from studies.machine.settings import Resolved, Settings
from studies.records.creation import create_or_extend
from studies.running.estimate import schedule, seconds_a_step
from studies.running.plan import Plan, plan
from studies.storage import Storage
from studies.training.training import train

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
    return plan(Study.load(folder / "tiny.yaml"), storage=f"sqlite:///{folder}/none.db", workers=2)


def test_it_counts_what_a_run_would_do(made: Plan, folder: Path) -> None:
    assert (len(made.pairs), made.epochs, made.steps, made.splits["train"]) == (6, 4, 16, 1079)
    size = {"resolution": 8, "in_channels": 1, "classes": 10}
    flops = sum(count(Architecture.from_name(pair.design, **size)).flops for pair in made.pairs)
    assert (
        made.flops == flops * 3 * 4 * 16 * 64
    )  # forward, and backward twice; four epochs of sixteen batches
    # The cheapest and the dearest were measured, and all trials lie between.
    assert {measurement.design for measurement in made.measured} == {
        "resnext_1_4x3d_w16_small8",
        "resnext_1_1x8d_w16_small8",
    }
    steps = [measurement.step for measurement in made.measured]
    assert all(0 < step < 5 for step in steps)
    assert min(steps) * 64 <= min(made.trial_seconds)
    one_each = (
        sum(made.trial_seconds) + made.start
    )  # of two workers, each does about half of six trials
    assert one_each <= made.seconds * 1.0001
    assert made.seconds <= one_each + max(made.trial_seconds)
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.yaml", "tiny_space.yaml"]


def test_a_trial_takes_about_as_long(made: Plan, folder: Path) -> None:
    study = Study.load(folder / "tiny.yaml")
    design = study.wanted().designs[0]
    outcome = train(design.architecture, study.recipe, load(study.data), 0, made.settings)
    # Other work on this machine makes one or the other slower; an estimate that forgot the
    # epochs would be far too low, one that took what an epoch costs besides for the cost of a
    # step far too high.
    assert outcome.seconds / 4 < made.trial_seconds[0] < outcome.seconds * 4


def test_the_command_prints_it(made: Plan, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies.running.plan, "plan", lambda *_, **__: made)
    monkeypatch.chdir(folder)
    shown = CliRunner().invoke(cli, ["study", "plan", "./tiny.yaml", "--set", "name=x"]).output
    for words in (
        "6 trials of 4 epochs",
        "FLOPs in all",
        "with 2 workers on",
        "Planning changed nothing",
    ):
        assert words in shown
    assert "resnext-explorer study run ./tiny.yaml --set name=x\n" in shown
    answer_of = json.loads(
        CliRunner().invoke(cli, ["study", "plan", "./tiny.yaml", "--json"]).output
    )
    assert (answer_of["trials"], answer_of["workers"], len(answer_of["designs"])) == (6, 2, 3)


def test_a_notebook_shows_the_designs_and_their_times(made: Plan) -> None:
    html = made._repr_html_()
    assert html.startswith("<p>tiny: 6 trials, about ")
    assert html.count("<tr>") == 1 + len(made.designs)
    assert "<th>time a trial</th>" in html


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
    seconds = seconds_a_step([cheap, middle, dear], [cheap, dear], [1.0, 2.0])
    assert seconds == pytest.approx([1, 1 + (b - a) / (c - a), 2])
    assert seconds_a_step([dear], [dear], [3.0]) == [3.0]


def test_workers_take_the_next_trial_when_they_are_free() -> None:
    assert schedule([4, 1, 1, 1], 2) == 4
    assert schedule([1, 1, 1], 2) == 2
    assert schedule([2, 3], 1) == 5


SETTINGS = {"device": "cpu", "precision": "32", "threads": 1, "memory_format": "channels_last"}
HERE = SETTINGS | {"threads": 2}  # what a new study gets
SIZES = {"train": 1079, "validation": 359, "test": 359}


@pytest.fixture
def second_a_step(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every step takes a second; the settings that it was measured with."""
    asked: list[Any] = []

    def answer_of(
        study: Study, shape: Any, designs: list[Any], seats: Any, data_dir: Any, settings: Any
    ) -> dict[str, Any]:
        asked.append(settings.model_dump())
        return {
            "steps": [[1.0] * len(designs)],
            "splits": SIZES,
            "notes": [],
            "start": 0.0,
        }

    monkeypatch.setattr(
        studies.running.plan,
        "resolve",
        lambda **_: Resolved(Settings(**HERE), ("Threads: 2, since they are faster.",)),
    )
    monkeypatch.setattr(studies.running.plan, "_measure", answer_of)
    return asked


def complete(storage: Storage, study: Study, pairs: int) -> None:
    """Store a study, of which some pairs are complete."""
    stored = create_or_extend(
        storage, study, study.wanted(), lambda: {"splits": SIZES, "settings": SETTINGS}
    )
    claims = Claims(storage, stored.id, stored)
    for _ in range(pairs):
        attempt = claims.claim(Worker("worker"))
        assert attempt
        claims.end(attempt, "complete", 0.1, {"result": {"validation_error": 0.1}})
    storage.close()


def test_of_a_stored_study_it_plans_what_is_left(
    storage: Storage, tiny: Path, second_a_step: list[Any]
) -> None:
    study = Study.load(tiny)
    whole = plan(study, storage=storage)
    assert (whole.stored, whole.left, second_a_step) == (None, whole.pairs, [HERE])
    assert not Path("studies.db").exists()

    complete(storage, study, 2)
    before = Path("studies.db").read_bytes()
    rest = plan(study, storage=storage)
    assert rest.stored is not None
    assert (rest.stored.complete, rest.stored.left, len(rest.pairs)) == (2, 4, 6)
    assert rest.left == [pair for pair in rest.pairs if pair.seed == 1 or "4x" in pair.design]
    assert rest.seconds == pytest.approx(sum(rest.trial_seconds) + rest.trial_seconds[-1])
    assert 0 < rest.flops < whole.flops
    assert second_a_step[-1] == SETTINGS  # those it was stored with
    shown = (
        CliRunner().invoke(cli, ["study", "plan", "./tiny.yaml", "--storage", storage.url]).output
    )
    assert "Stored: 2 complete; 4 left to train" in shown
    assert "FLOPs for the rest" in shown

    change(tiny, "seeds: [0, 1]", "seeds: [0, 1, 2]")
    assert len(plan(Study.load(tiny), storage=storage).left) == 7
    assert Path("studies.db").read_bytes() == before


def test_nothing_left_takes_no_time_and_is_not_measured(
    storage: Storage, tiny: Path, second_a_step: list[Any]
) -> None:
    complete(storage, Study.load(tiny), 6)
    done = plan(Study.load(tiny), storage=storage)
    assert (second_a_step, done.trial_seconds, done.splits) == ([], [], SIZES)
    assert repr(done) == "<Plan of 'tiny': 6 trials, none left>"
    assert {design["trial_seconds"] for design in done.record()["designs"]} == {None}
    assert (done.left, done.flops, done.seconds) == ([], 0, 0)
    shown = (
        CliRunner().invoke(cli, ["study", "plan", "./tiny.yaml", "--storage", storage.url]).output
    )
    assert (
        "Stored: 6 complete; 0 left to train\nPlanning changed nothing, and nothing is left to"
        " train." in shown
    )
    assert "Measuring" not in shown
    assert "time a trial" not in shown


def test_the_command_to_go_on_with_can_be_pasted(
    workdir: Path, storage: Storage, tiny: Path, second_a_step: list[Any]
) -> None:
    arguments = ["--set", "seeds=[0]", "--storage", f"sqlite:///{workdir}/my study.db"]
    shown = CliRunner().invoke(cli, ["study", "plan", "./tiny.yaml", *arguments]).output
    command = shown.partition("Start it with: ")[2]
    assert shlex.split(command) == ["resnext-explorer", "study", "run", "./tiny.yaml", *arguments]


def test_of_a_search_as_many_are_left_as_it_has_still_to_train(
    storage: Storage, tiny: Path, second_a_step: list[Any]
) -> None:
    with tiny.open("a") as file:
        file.write("search: {method: random, trials: 2, finalists: 1}\n")
    complete(storage, Study.load(tiny), 1)
    made = plan(Study.load(tiny), storage=storage)
    assert (len(made.pairs), len(made.left)) == (4, 3)


def test_what_a_run_would_refuse_is_refused(
    storage: Storage, tiny: Path, second_a_step: list[Any]
) -> None:
    complete(storage, Study.load(tiny), 0)
    change(tiny, "epochs: 4", "epochs: 40")
    told: list[str] = []
    with pytest.raises(UserError, match="wants something else"):
        plan(Study.load(tiny), storage=storage, tell=told.append)
    change(tiny, "epochs: 40", "epochs: 4")
    assert not told
    plan(Study.load(tiny), storage=storage, tell=told.append)
    assert told == ["Measuring some steps of the cheapest and of the most expensive design ..."]
