"""Seeds where the verdict is open, run for real: processes, kills, plan, status, pages' data.

The stand-in's errors are spread evenly from 0 to 1, so the margins are large.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_training
import pytest
import tiny_runs
from big_study import make_study
from click.testing import CliRunner
from tiny_runs import Recorder
from tiny_study import change

from explorer.cli import cli
from studies import Study
from studies.attempts.standing import Counts
from studies.records.arm_standings import UntilStandings, until_standings
from studies.records.stored_study import get
from studies.results import Reader, info_of
from studies.running.plan import plan
from studies.storage import Storage

URL = "sqlite:///t.db"
ARMS = 3
AT_MOST = 14


@pytest.fixture
def tiny(tiny: Path) -> Path:
    change(tiny, "seeds: [0, 1]", f"seeds: {{start: 3, at_most: {AT_MOST}}}\nuntil: {{margin: 70}}")
    change(tiny, "epochs: 4", "epochs: 1")
    return tiny


def standings() -> UntilStandings:
    ended = until_standings(get(Storage(URL), "tiny"))
    assert ended
    return ended


def decisions() -> dict[str, tuple[str, int | None]]:
    return {arm.arm: (arm.verdict, arm.decided_at) for arm in standings().arms}


_alone: list[dict[str, tuple[str, int | None]]] = []


@pytest.fixture
def alone(tiny: Path, fake: None) -> dict[str, tuple[str, int | None]]:
    """What one worker comes to, undisturbed."""
    if not _alone:
        tiny_runs.run(tiny, workers=1)
        _alone.append(decisions())
        Path("t.db").unlink()
    return _alone[0]


@pytest.fixture
def ended(tiny: Path, fake: None, once: Callable[[str, Callable[[], object]], None]) -> Counts:
    """The study, run to its end."""
    once("until", lambda: tiny_runs.run(tiny, workers=2))
    return get(Storage(URL), "tiny").counts(Storage(URL))


def test_a_run_decides_every_arm_and_stops(ended: Counts, tiny: Path) -> None:
    assert {verdict for verdict, _ in decisions().values()} == {"reference", "equal"}
    assert 3 * ARMS <= ended.complete == ended.wanted < AT_MOST * ARMS
    view = Recorder()
    assert tiny_runs.run(tiny, view) == ended
    assert view.named("nothing")
    # Each arm has its first seeds, as many as it took and no hole, also where an idle worker has
    # trained ahead: pairs are claimed in order.
    trials = Reader(Storage(URL)).tables("tiny").trials
    for arm, rows in trials.groupby("arm"):
        decided = decisions()[str(arm)][1]
        assert list(rows["seed"]) == list(range(len(rows)))
        assert len(rows) >= (decided or 0)


@pytest.mark.heavy
def test_several_workers_and_a_kill_end_with_the_same_decisions(
    alone: dict[str, Any], tiny: Path
) -> None:
    killed: list[int] = []

    def kill_one(worker: int, event: dict[str, Any]) -> None:
        running = [attempt for attempt in tiny_runs.attempts() if attempt.running]
        if event["event"] == "claimed" and running and len(tiny_runs.attempts()) > 8 and not killed:
            killed.append(running[0].worker.pid)
            tiny_runs.kill(killed[0])

    view = Recorder(kill_one)
    tiny_runs.run(tiny, view, workers=3)
    assert killed
    assert decisions() == alone


@pytest.mark.heavy
def test_everything_killed_in_the_middle_goes_on_to_the_same_decisions(
    alone: dict[str, Any], tiny: Path
) -> None:
    process = tiny_runs.start(tiny, "--workers", "2", "--json", FAKE_EPOCH="0.1")
    tiny_runs.wait_for(process, "epoch", 7)
    process.kill()
    for attempt in tiny_runs.attempts():
        if attempt.running:
            tiny_runs.kill(attempt.worker.pid)
    process.communicate()
    assert standings().finished is False
    tiny_runs.run(tiny)
    assert decisions() == alone


def test_a_run_tells_what_is_decided(
    tiny: Path, fake: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Study.load(tiny).run(storage=URL, quiet=False)
    out = capsys.readouterr().out
    assert "tiny: at most 42 pairs (3 arms x 3 to 14 seeds, until each is better, worse or" in out
    assert "1 of at most 42  " in out
    arm = standings().decided[0]
    assert f"{arm.arm}: equal within 70, decided at seed {arm.decided_at}\n" in out
    assert f"{standings().trained} trainings instead of 42." in out


@pytest.mark.usefixtures("ended")
def test_status_and_info_say_where_each_arm_stands() -> None:
    shown = CliRunner().invoke(cli, ["study", "status", "tiny", "--storage", URL]).output
    assert "wanted at most" in shown
    arm = standings().decided[0]
    assert f"{arm.arm}: equal within 70, decided at seed {arm.decided_at}" in shown
    as_json = ["study", "status", "tiny", "--storage", URL, "--json"]
    until = json.loads(CliRunner().invoke(cli, as_json).output)["until"]
    assert until == json.loads(json.dumps(standings().record()))
    assert (until["margin"], until["start"], until["at_most"]) == (70, 3, AT_MOST)
    info = info_of(get(Storage(URL), "tiny"))
    for each in info["until"]["arms"][1:]:
        assert [look["seeds"] for look in each["looks"]] == list(range(3, each["decided_at"] + 1))
    assert json.loads(json.dumps(info["until"])) == until
    assert (info["wanted"], info["to_come"]) == (standings().trained, 0)


def test_a_failed_pair_leaves_its_arm_one_seed_less(
    tiny: Path, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of an arm's pairs fail: it stays open, and the others are decided."""
    broken = Study.load(tiny).wanted().designs[2].name
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({broken: "nan"}))
    counts = tiny_runs.run(tiny)
    verdicts = [arm.verdict for arm in standings().arms]
    assert verdicts == ["reference", "equal", "open"]
    assert counts.failed == AT_MOST


def test_the_plan_gives_the_expected_and_the_largest_number(
    tiny: Path, once: Callable[..., None], fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {
        "steps": [[1.0, 1.0]],
        "splits": {"train": 1000, "validation": 100, "test": 100},
        "notes": [],
        "start": 0.0,
    }
    monkeypatch.setattr("studies.running.plan._measure", lambda *_: answer)
    monkeypatch.setattr("studies.running.plan.resolve", fake_training.SUPERVISED["resolve"])
    made = plan(Study.load(tiny), storage=URL)
    assert made.expected
    assert (len(made.pairs), len(made.left), made.expected.most) == (42, 42, 42)
    # Nothing is stored: planned with the noise of the digits, against a margin of 70 points.
    assert made.expected.mean == 3 * ARMS
    assert made.trials == ("at most 42 trials (expected: about 9; 9 studies of 10 take at most 9)")
    assert made.record()["expected_trials"]["most"] == 42
    once("until", lambda: tiny_runs.run(tiny, workers=2))
    again = plan(Study.load(tiny), storage=URL)
    assert again.left == []
    # Now with its own noise, which is that of even errors from 0 to 1.
    assert again.expected
    assert again.expected.mean > 3 * ARMS


@pytest.mark.heavy
def test_a_higher_cap_extends_a_study_and_decides_nothing_after_its_end(
    tiny: Path, fake: None
) -> None:
    change(tiny, "margin: 70", "margin: 1")
    change(tiny, f"at_most: {AT_MOST}", "at_most: 4")
    assert tiny_runs.run(tiny).complete == 4 * ARMS
    assert [arm.verdict for arm in standings().arms] == ["reference", "open", "open"]
    change(tiny, "at_most: 4", "at_most: 6")
    assert tiny_runs.run(tiny) == Counts(6 * ARMS, 6 * ARMS, 0, 0, 0, 0)
    now = standings()
    assert (now.ended_at, now.at_most, now.finished) == (4, 6, True)
    assert [arm.verdict for arm in now.arms] == ["reference", "open", "open"]
    assert [(arm.seeds, arm.late) for arm in now.arms] == [(4, 2)] * ARMS
    assert "open after 4 seeds: " in now.text
    assert now.text.endswith(
        " The plan had ended at seed 4 before it was extended to 6: later seeds decide nothing."
    )
    stored = get(Storage(URL), "tiny")
    assert stored.content.origin.planned_seeds == [0, 1, 2, 3]
    assert stored.content.origin.extended_from == [[0, 1, 2, 3]]


@pytest.mark.heavy
def test_a_higher_cap_before_the_end_is_the_plan(tiny: Path, fake: None) -> None:
    change(tiny, f"at_most: {AT_MOST}", "at_most: 4")
    process = tiny_runs.start(tiny, "--workers", "1", "--json", FAKE_EPOCH="0.1")
    tiny_runs.wait_for(process, "epoch", 2)
    process.send_signal(signal.SIGINT)
    process.communicate()
    change(tiny, "at_most: 4", f"at_most: {AT_MOST}")
    tiny_runs.run(tiny)
    assert standings().ended_at is None
    assert [arm.verdict for arm in standings().arms] == ["reference", "equal", "equal"]


@pytest.mark.heavy
def test_until_best_ends_with_one_arm_or_the_cap(tiny: Path, fake: None) -> None:
    change(tiny, "until: {margin: 70}", "until: best")
    counts = tiny_runs.run(tiny)
    assert standings().finished
    assert counts.complete == counts.wanted <= AT_MOST * ARMS
    best = [arm for arm in standings().arms if arm.verdict in ("best", "open")]
    assert best


def test_a_study_with_a_list_of_seeds_loads_no_statistics(workdir: Path) -> None:
    make_study(Storage(URL))
    code = (
        "import sys\n"
        "from studies.records.arm_standings import until_standings\n"
        "from studies.records.stored_study import get\n"
        "from studies.storage import Storage\n"
        "stored = get(Storage('sqlite:///t.db'), 'big')\n"
        "assert until_standings(stored) is None and stored.counts(Storage('sqlite:///t.db')).left\n"
        "assert not {'scipy', 'studies.judging'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
