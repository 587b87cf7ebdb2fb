"""Searches with a latency: measured, shown, and a limit above which nothing is trained."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from searching import BASE, NOBODY, SPACE, claims_of, make

import studies.running.supervisor
from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import closing_table
from dashboards.report.report import render_report
from dashboards.report.sources import load_sources
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.records.stored_study import get, retry
from studies.results import Reader
from studies.running.proposing import Proposer
from studies.storage import Storage

URL = "sqlite:///t.db"


@pytest.fixture
def write(workdir: Path) -> Callable[..., Path]:
    """Writes the file of a study with this search."""

    def write(search: Any, seeds: Sequence[int] = (0,)) -> Path:
        (workdir / "tiny_space.yaml").write_text(SPACE)
        file = {**BASE, "seeds": list(seeds), "search": search}
        (workdir / "tiny.yaml").write_text(yaml.safe_dump(file))
        return workdir / "tiny.yaml"

    return write


@pytest.fixture
def timed(write: Callable[..., Path]) -> Callable[..., Any]:
    """Runs a search with a latency, in this process; gives its tables."""

    def run(seeds: Sequence[int] = (0,), **keys: Any) -> Any:
        search = {"method": "random", "trials": 4, "finalists": 1, **keys}
        studies.running.supervisor.run(Study.load(write(search, seeds)), storage=URL)
        return Reader(Storage(URL)).tables("tiny")

    return run


@pytest.mark.heavy
@pytest.mark.usefixtures("fake")
def test_latency_is_a_column_of_results_and_shown(timed: Callable[..., Any]) -> None:
    tables = timed(objectives=["validation_error", "latency"])
    assert len(tables.trials) == 4
    assert tables.trials["latency"].between(1e-6, 10).all()
    shown = CliRunner().invoke(cli, ["study", "show", "tiny", "--storage", URL]).output
    assert re.search(r"latency +quartiles\n.*[mµ]?s  +[\d.]+ [mµ]?s to [\d.]+ [mµ]?s\n", shown)
    measured = "for one image on cpu, in 32 bits, with 1 thread, the median over trainings"
    assert f"Latency: {measured}" in shown
    findings = Findings(tables.trials, tables.info)
    assert closing_table(findings).columns[-2:] == ("Latency (ms)", "Quartiles (ms)")
    assert findings.objective == "latency"
    page = render_report(load_sources(["tiny"], URL))
    # The front of the search's own objectives is the first figure of all.
    figures = re.findall(r'data-figure="([^"]*)"', page)
    assert figures[0].endswith("front")
    assert "Pareto front of mean validation error and latency" in page
    assert page.count(measured) >= 2  # below the front, and beside the table


@pytest.mark.usefixtures("fake")
def test_without_a_measured_latency_nothing_speaks_of_it(timed: Callable[..., Any]) -> None:
    tables = timed()
    assert tables.trials["latency"].isna().all()
    assert "Latency (ms)" not in closing_table(Findings(tables.trials, tables.info)).columns
    shown = CliRunner().invoke(cli, ["study", "show", "tiny", "--storage", URL]).output
    assert "latency" not in "".join(shown.splitlines()[:2])


@pytest.mark.heavy
@pytest.mark.usefixtures("fake")
def test_a_design_above_the_latency_of_a_constraint_is_not_trained(
    timed: Callable[..., Any],
) -> None:
    trials = timed(constraints={"latency": "1us"}).trials  # faster than any network is
    assert list(trials["status"]) == ["complete", "pruned", "pruned", "pruned"]
    assert trials["arm"][0] == "C=1, width=16"  # the reference arm is trained in any case
    assert trials["validation_error"][1:].isna().all()
    assert (
        trials["reason"][1:]
        .str.fullmatch(
            r"not trained: its latency of [\d.]+ (µs|ms|s) \(quartiles .*\) is above the search's"
            r" limit"
        )
        .all()
    )
    assert (trials["latency"] > 1e-6).all()


@pytest.mark.usefixtures("fake")
def test_a_finalist_is_trained_on_later_seeds_although_the_machine_has_become_slower(
    timed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.running.supervisor, "TRAINER", "fake_training:SlowerLater")
    trials = timed(seeds=[0, 1, 2], constraints={"latency": "2ms"}).trials
    assert len(trials) > 4
    assert set(trials["status"]) == {"complete"}
    assert set(trials["latency"][trials["seed"] > 0]) == {0.005}


@pytest.mark.heavy
@pytest.mark.usefixtures("fake")
def test_what_a_busy_machine_pruned_says_so_and_is_measured_again_by_retry(
    timed: Callable[..., Any], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.running.supervisor, "TRAINER", "fake_training:Busier")
    keys = {"trials": 4, "finalists": 1, "constraints": {"latency": "2ms"}}
    file = write({"method": "random", **keys}, [0, 1])
    shown = CliRunner().invoke(cli, ["study", "run", str(file), "--storage", URL]).output
    tables = Reader(Storage(URL)).tables("tiny")
    assert list(tables.trials["status"]) == ["complete", *["pruned"] * 3, "complete"]
    slow = "13.1 ms (quartiles 9 ms to 15 ms)"
    assert set(tables.trials["reason"]) == {
        "",
        f"not trained: its latency of {slow} is above the search's limit",
    }
    assert f"pruned: {slow} an image, and the limit is 2 ms (the machine is busy" in shown
    assert f"as on an idle machine: resnext-explorer study retry tiny --storage {URL}" in shown
    findings = Findings(tables.trials, tables.info)
    assert findings.verdict.title == (
        "Of 4 designs tried, 1 of them trained, none that was trained has latency<=2ms"
    )
    again = CliRunner().invoke(cli, ["study", "run", "tiny", "--storage", URL]).output
    assert "tiny: 2 of 5 pairs complete, 3 pruned; nothing to train." in again

    retried = CliRunner().invoke(cli, ["study", "retry", "tiny", "--storage", URL]).output
    assert "3 pairs will be tried again by: resnext-explorer study run tiny" in retried
    # Its fastest quarter is within the limit, so nobody knows that the design is too slow.
    monkeypatch.setattr(studies.running.supervisor, "TRAINER", "fake_training:Busy")
    trials = timed(seeds=[0, 1], constraints={"latency": "2ms"}).trials
    assert set(trials["status"]) == {"complete"}
    assert trials["design"].nunique() == 4
    assert "nothing to try again" in (
        CliRunner().invoke(cli, ["study", "retry", "tiny", "--storage", URL]).output
    )


def test_only_a_design_that_was_too_slow_is_tried_again(write: Callable[..., Path]) -> None:
    """What its curve pruned stays so: it has competed."""
    storage = Storage(URL)
    keys = {"trials": 3, "finalists": 1, "constraints": {"latency": "2ms"}}
    stored = make(storage, write({"method": "random", **keys}))
    proposer, claims = Proposer(stored), claims_of(storage, stored)
    endings: list[dict[str, Any]] = [{}, {"result": {"latency": 0.0131}}, {}]
    for ended, attributes in zip(("complete", "pruned", "pruned"), endings, strict=True):
        attempt = claims.claim(NOBODY) or proposer.claim(claims, NOBODY, 0)
        assert attempt
        result = {"result": {"validation_error": 0.1}} if ended == "complete" else attributes
        claims.end(attempt, ended, 0.1 if ended == "complete" else None, result)
    slow = claims.counts()
    assert (slow.complete, slow.pruned, slow.left) == (1, 2, 0)
    assert retry(storage, get(storage, "tiny")) == 1
    now = get(storage, "tiny").counts(storage)
    assert (now.complete, now.pruned, now.waiting) == (1, 1, 1)
    assert retry(storage, get(storage, "tiny")) == 0


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"latency": "2x"}, "latency must be a time above zero with its unit, for example 10ms"),
        ({"latency": 2}, "latency must be a time above zero with its unit, .* given: 2"),
        ({"latencies": "2ms"}, "Did you mean 'latency'"),
        ({"params": -5}, "search.constraints.params: must be above 0"),
    ],
)
def test_a_constraint_that_cannot_be_is_refused(
    write: Callable[..., Path], constraints: dict[str, Any], message: str
) -> None:
    file = write({"method": "random", "trials": 2, "finalists": 1, "constraints": constraints})
    with pytest.raises(UserError, match=message):
        Study.load(file)
