"""What a run shows, and how it tells how long the rest will take."""

import json
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from search_spaces import LeftOut
from studies.attempts.standing import Counts
from studies.machine import settings
from studies.machine.settings import Settings
from studies.running.bars import LiveView, NotebookView, choose_view
from studies.running.estimate import Work
from studies.running.progress import JsonView, LineView, QuietView
from studies.running.supervisor import RunStopped

STORED: Any = SimpleNamespace(
    name="tiny",
    designs=[SimpleNamespace(name="a", flops=100), SimpleNamespace(name="b", flops=300)],
    seeds=[0, 1],
    recipes=[],
    content=SimpleNamespace(
        document=SimpleNamespace(search=None, tune=None, until=None),
        file=SimpleNamespace(all_recipes=(SimpleNamespace(name="quick", epochs=10),), notes=[]),
        settings=Settings(device="cpu", precision="bf16", threads=1),
        origin=SimpleNamespace(
            versions={"torch": "1.0"},
            notes=[],
            trials=None,
            left_out=[LeftOut("C=32", "no whole d")],
        ),
    ),
)


def counts(complete: int = 0, failed: int = 0) -> Counts:
    return Counts(4, complete, 0, 4 - complete - failed, failed, 0)


def event(name: str, **more: Any) -> dict[str, Any]:
    return {"event": name, "arm": "C=1", "design": "a", "seed": 0, **more}


def test_time_left_follows_the_flops(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    work = Work(STORED, counts())
    assert work.time_left() is None
    work.take(0, event("claimed"))
    now[0] = 130.0  # what came before the first epoch was the start of the worker
    work.take(0, event("epoch", epoch=1, seconds=1.0))
    assert work.share() == pytest.approx(100 / 8000)
    assert work.time_left() == pytest.approx(79)
    now[0] = 132.0
    work.take(1, event("epoch", epoch=1, seconds=3.0) | {"design": "b"})
    assert work.time_left() == pytest.approx((8000 - 400) / (400 / 3))


def test_a_resumed_training_does_not_count_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    work = Work(STORED, counts(complete=3))
    work.take(0, event("epoch", epoch=9, seconds=2.0))
    assert work.share() == pytest.approx((3 * 2000 + 900) / 8000)
    assert work.time_left() == pytest.approx((8000 - 6900) / (100 / 2))


@pytest.mark.parametrize("view_kind", [LineView, LiveView])
def test_lines_name_arm_seed_error_and_time(
    view_kind: type[LineView], capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["name=three", "recipe.epochs=10"]
    view = view_kind(
        "./my study.yaml", {"set": changes, "workers": 2, "storage": None, "data_dir": "/a b"}
    )
    view.begin(STORED, counts(), 2)
    view.event(0, event("claimed"))
    view.event(0, event("epoch", epoch=1, seconds=0.5, validation_error=0.5))
    view.stand(counts(complete=1))
    view.event(0, event("complete", validation_error=0.0314, seconds=12.3))
    view.stand(counts(complete=1, failed=1))
    view.event(1, event("failed", reason="[red]out of memory[/red]"))
    view.stopping(False)
    view.close()
    view.stopped(STORED, counts(complete=1))
    view.end(STORED, counts(complete=3, failed=1))
    out = capsys.readouterr().out
    for words in (
        "4 pairs (2 arms x 2 seeds), 4 to train; 2 workers on cpu (bf16, 1 thread each)",
        "Note: it was started with torch 1.0",
        "Left out: C=32: no whole d",
        "1 of 4  C=1 seed 0: validation error 3.1 %, 12 s",
        "2 of 4  C=1 seed 0: failed: [red]out of memory[/red]",
        (
            "Go on with: resnext-explorer study run './my study.yaml' --set name=three --set"
            " recipe.epochs=10 --workers 2 --data-dir '/a b'"
        ),
        "3 of 4 pairs complete, 1 failed",
        "resnext-explorer study retry tiny\n",
        "resnext-explorer report tiny\n",
    ):
        assert words in out


def test_pairs_that_end_at_once_are_counted_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineView("tiny")
    view.begin(STORED, counts(), 2)
    for worker in (0, 1):
        view.event(worker, event("claimed"))
    view.stand(counts(complete=2))  # both are stored before either is told of
    for worker in (0, 1):
        view.event(worker, event("complete", validation_error=0.03, seconds=0.5))
    view.event(0, event("claimed"))
    view.stand(counts(complete=4))  # another run has ended one meanwhile
    view.event(0, event("complete", validation_error=0.03, seconds=0.5))
    lines = [line for line in capsys.readouterr().out.splitlines() if " of 4  C=1" in line]
    assert [line[0] for line in lines] == ["1", "2", "4"]


def test_a_run_says_once_what_numba_would_gain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings, "numba_version", lambda: None)
    LineView().begin(STORED, counts(), 2)
    assert capsys.readouterr().out.count(settings.WITHOUT_NUMBA) == 1
    JsonView().begin(STORED, counts(), 2)
    assert json.loads(capsys.readouterr().out)["notes"] == [settings.WITHOUT_NUMBA]
    JsonView().begin(STORED, counts(), 2, elsewhere=True)  # on a cluster, whose nodes may have it
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_quiet_shows_only_what_goes_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    view = QuietView("tiny")
    view.begin(STORED, counts(), 1)
    view.event(0, event("complete", validation_error=0.1, seconds=1.0))
    view.event(0, event("failed", reason="out of memory"))
    view.end(STORED, counts(complete=3, failed=1))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "C=1 seed 0 failed: out of memory\n"


def test_the_view_fits_where_the_output_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(choose_view(as_json=True)) is JsonView
    assert type(choose_view(quiet=True)) is QuietView
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert type(choose_view()) is LineView
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert type(choose_view()) is LiveView
    # The shell of a terminal, then that of a notebook.
    shells = iter([SimpleNamespace(), SimpleNamespace(kernel=object())])
    ipython = SimpleNamespace(get_ipython=lambda: next(shells))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert [type(choose_view()) for _ in range(2)] == [LiveView, NotebookView]


class Output:
    """An output of a notebook: what it showed, one after the other."""

    def __init__(self, shown: list[str]) -> None:
        self.shown = shown

    def update(self, html: Any) -> None:
        self.shown.append(html.data)


def test_a_notebook_shows_bars_in_one_output_and_few_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: Output(shown))
    monkeypatch.setattr(NotebookView, "pause", 0)
    view = NotebookView("tiny")
    view.begin(STORED, counts(), 2)
    begun = capsys.readouterr().out
    view.event(0, event("claimed", arm="<b>"))
    view.event(0, event("epoch", epoch=3, seconds=0.5))
    assert '<progress value="3" max="10"></progress> &lt;b&gt; seed 0 epoch 4 of 10' in shown[-1]
    view.stand(counts(complete=1))
    view.event(0, event("complete", validation_error=0.0314, seconds=12.3))
    assert "1 of 4  C=1 seed 0: validation error 3.1 %, 12 s" in shown[-1]
    assert "epoch" not in shown[-1]
    view.event(1, event("claimed"))
    view.event(1, event("failed", reason="out of memory"))
    view.stand(counts(complete=4))
    view.close()
    assert '<progress value="1" max="1"></progress> 4 of 4 pairs ' in shown[-1]
    assert begun.startswith("tiny: 4 pairs (2 arms x 2 seeds), 4 to train; 2 workers on cpu")
    assert capsys.readouterr().out == "C=1 seed 0 failed: out of memory\n"


def test_an_interrupted_cell_ends_with_what_is_kept_and_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    NotebookView("tiny").stopped(STORED, counts(complete=3))
    assert capsys.readouterr().out == ""  # the exception says it
    (shown,) = RunStopped(counts(complete=3))._render_traceback_()
    assert shown.startswith("Stopped: 3 of 4 pairs are complete and kept. Run the same again:")


@pytest.mark.parametrize(
    ("more", "says"), [({"reason": "3 ms an image"}, ": 3 ms an image"), ({}, "")]
)
def test_a_pruned_design_says_why_where_that_is_known(
    capsys: pytest.CaptureFixture[str], more: dict[str, str], says: str
) -> None:
    view = LineView()
    view.begin(STORED, counts(), 1)
    view.event(0, event("pruned", **more))
    assert f"C=1 seed 0: pruned{says}" in capsys.readouterr().out
