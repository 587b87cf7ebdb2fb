"""The course of a study whose seeds end with the verdict, as its figure shows it."""

from typing import Any

import pytest
from study_tables import make_info, make_trials

from dashboards.analysis.findings import Findings
from dashboards.figures.course import course_of, gaps_by_seed


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
    marks = {trace.name: trace.marker.symbol for trace in figure.data if trace.name and trace.text}
    assert [symbol.endswith("-open") for symbol in marks["C=8"]] == [True, False]
    assert [symbol.endswith("-open") for symbol in marks["C=2"]] == [True]
    assert sorted(shape.y0 for shape in figure.layout.shapes) == [-0.5, 0, 0.5]


def test_other_studies_have_nothing_to_show() -> None:
    figure = gaps_by_seed(findings(None))
    assert not [trace for trace in figure.data if trace.name]
    assert "Nothing to show" in figure.layout.annotations[0].text
