"""The course of a study whose seeds end with the verdict, as its figure shows it."""

from typing import Any

import big_study
import pytest
from study_tables import make_info, make_trials

from dashboards.analysis.findings import Findings
from dashboards.figures.course import course_of, gaps_by_seed
from studies.results import Reader
from studies.storage import Storage


def look(seeds: int, estimate: float, sign: float, half: float) -> dict[str, Any]:
    return {"column": seeds - 1, "seeds": seeds, "estimate": estimate, "low": estimate - sign,
            "high": estimate + sign, "half": half}  # fmt: skip


UNTIL = {
    "margin": 0.5,
    "arms": [
        {"arm": "C=1", "verdict": "reference", "decided_at": None, "looks": []},
        {
            "arm": "C=2",
            "verdict": "open",
            "decided_at": None,
            "looks": [look(3, 0.001, 0.02, 0.018)],
        },
        {
            "arm": "C=8",
            "verdict": "better",
            "decided_at": 4,
            "looks": [look(3, -0.009, 0.02, 0.018), look(4, -0.01, 0.008, 0.007)],
        },
    ],
}


def findings(until: Any) -> Findings:
    trials = make_trials({"C=8": -0.01})
    return Findings(trials, {**make_info(), "until": until})


def test_each_look_stands_at_its_seeds_with_its_gap_in_points() -> None:
    chart = course_of(findings(UNTIL))
    assert list(chart.looks) == ["C=2", "C=8"]
    assert list(chart.looks["C=8"]["seeds"]) == [3, 4]
    assert list(chart.looks["C=8"]["estimate"]) == pytest.approx([-0.9, -1.0])
    assert list(chart.looks["C=8"]["high"]) == pytest.approx([1.1, -0.2])
    assert chart.decided == {"C=8"}
    assert chart.title == "1 of 2 arms is decided after 4 seeds"
    assert chart.reach == pytest.approx(1.5)


def test_a_decision_is_a_filled_mark_and_the_margin_dashed() -> None:
    figure = gaps_by_seed(findings(UNTIL))
    marks = {trace.name: trace.marker for trace in figure.data if trace.name and trace.text}
    assert [fill == "#ffffff" for fill in marks["C=8"].color] == [True, False]
    assert [fill == "#ffffff" for fill in marks["C=2"].color] == [True]
    # Marks of different sizes are to Plotly bubbles, translucent and with another edge.
    assert all(mark.opacity == 1 and mark.line.width > 1 for mark in marks.values())
    assert sorted(shape.y0 for shape in figure.layout.shapes) == [-0.5, 0, 0.5]


def test_other_studies_have_nothing_to_show() -> None:
    figure = gaps_by_seed(findings(None))
    assert not [trace for trace in figure.data if trace.name]
    assert "Nothing to show" in figure.layout.annotations[0].text
    assert not figure.layout.shapes


def test_the_look_that_drops_an_arm_is_shown_also_where_it_is_the_first(
    workdir: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(big_study, "GAPS", (0, -0.001, -0.002, -0.0065, 0.005))
    storage = Storage("sqlite:///t.db")
    seeds = {"start": 3, "at_most": 9}
    big_study.add_attempts(storage, big_study.make_study(storage, "b", seeds=seeds, until="best"))
    tables = Reader(storage).tables("b")
    chart = course_of(Findings(tables.trials, tables.info))
    assert chart.title == "All 5 arms are decided after 3 seeds"
    assert set(chart.looks) == {"C=1", "C=2", "C=4", "C=16"}
    means = tables.trials.groupby("arm")["test_error"].mean()
    last = chart.looks["C=16"].iloc[-1]
    assert last["estimate"] == pytest.approx(100 * (means["C=16"] - means["C=8"]), abs=1e-6)
    assert 0 < last["low"] < last["estimate"] < last["high"]
