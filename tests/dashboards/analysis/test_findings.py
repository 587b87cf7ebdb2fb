"""A study's findings: each number is worked out once, however many figures, tables
and pages show it."""

from collections import Counter
from collections.abc import Iterator

import pytest
from big_study import add_attempts, finish, make_study
from study_tables import make_curves, make_info, make_trials

from dashboards.analysis import evidence, findings
from dashboards.analysis.findings import Findings
from dashboards.app.app import show
from dashboards.app.pages.selection import Selection
from dashboards.app.pages.study_figures import prepare
from dashboards.report.commands import next_commands, print_results
from dashboards.report.report import render_report
from dashboards.report.sources import Source
from studies.results import Reader
from studies.storage import Storage

ONCE = {
    evidence: (
        "designs_of", "arm_cardinalities", "arm_order", "reference_arm", "summarize_arms",
        "compare", "arm_costs", "rank", "sampling_of_tests",
    ),
    findings: ("judge",),
}  # fmt: skip
METRICS = ["test_error", "train_error", "validation_error"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each number was worked out; the error table apart for each metric."""
    counts: Counter[str] = Counter()

    def count(module, name, key):
        function = getattr(module, name)

        def counted(*arguments, **named):
            counts[key(*arguments)] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(module, name, counted)

    for module, names in ONCE.items():
        for name in names:
            count(module, name, lambda *_, name=name: name)
    count(evidence, "error_table", lambda _, __, metric="test_error": metric)
    return counts


EACH_ONCE = dict.fromkeys((*(name for names in ONCE.values() for name in names), *METRICS), 1)


def test_one_report_with_what_it_prints_works_out_each_number_once(calls):
    trials = make_trials({"C=8": -0.008})
    source = Source("digits_cardinality", trials, make_curves(trials), make_info())
    render_report([source], paper="ResNet-50")
    print_results(source.findings)
    next_commands(source.findings, None, "digits_cardinality")
    assert calls == EACH_ONCE


def test_the_live_pages_work_out_each_number_once_as_long_as_the_tables_have_not_changed(
    calls, workdir
):
    storage = Storage(f"sqlite:///{workdir}/studies.db")
    stored = make_study(storage, "live")
    add_attempts(storage, stored, states={13: "running", 14: "waiting"})
    reader = Reader(storage)

    def look():
        training = f"/study/live/trial/{stored.designs[0].name}/0"
        for path in ("/study/live", "/", "/compare", training):
            for theme in ("light", "dark"):
                show(reader, path, "", {"theme": theme, "touch": False})
                prepare(reader, "live", Selection(), {"theme": theme, "touch": False})

    look()
    look()
    assert calls == EACH_ONCE
    finish(storage, stored)
    look()
    assert calls == dict.fromkeys(EACH_ONCE, 2)


def test_a_choice_keeps_the_studys_reference_arm_and_claims_no_look_at_it():
    trials = make_trials({"C=8": -0.008}, seeds=5)
    info = {**make_info(), "seeds": [0, 1, 2, 3, 4], "planned_seeds": [0, 1, 2]}
    study = Findings(trials, info)
    chosen = study.choice(trials[trials["arm"].isin(["C=2", "C=8"])])
    assert (study.comparison.looks, chosen.comparison.looks) == (2, 1)
    assert chosen.reference == "C=1"
    assert "reference arm C=1 has no complete training" in chosen.verdict.sentence
    assert chosen.choice(trials.iloc[:5]).whole is study
