"""Looks at a study: what is stored of its changes, and what later looks are judged by."""

import pytest
from study_tables import make_info, make_trials

from dashboards.analysis.findings import Findings
from dashboards.analysis.looks import looks_so_far, stages
from studies.api import Study
from studies.judging.grids import count_looks
from studies.records.creation import create_or_extend
from studies.results import study_info
from studies.storage import Storage

ARMS = ["C=1", "C=2", "C=4"]


@pytest.mark.parametrize(
    ("info", "looks"),
    [
        ({}, 1),
        ({"planned_seeds": [0, 1, 2], "seeds": [0, 1, 2]}, 1),
        ({"planned_seeds": [0, 1, 2], "seeds": [0, 1, 2, 3]}, 2),
        ({"planned_seeds": [0], "extended_from": [[0], [0, 1]], "seeds": [0, 1, 2]}, 2),
        ({"planned_seeds": [0], "extended_from": [], "seeds": [0]}, 1),
        ({"planned_seeds": [0], "extended_from": [[0]], "seeds": [0, 1, 2]}, 1),
        (
            {
                "planned_seeds": [0, 1],
                "extended_from": [[0, 1], [0, 1]],
                "arms_before": [["C=1", "C=2"], ["C=1", "C=2", "C=8"]],
                "seeds": [0, 1],
            },
            3,
        ),
        (
            {
                "planned_seeds": [0, 1],
                "extended_from": [[0, 1], [0, 1, 2]],
                "arms_before": [[], ["C=1", "C=2"]],
                "seeds": [0, 1, 2],
            },
            3,
        ),
    ],
)
def test_looks_are_the_plan_and_every_change_that_had_intervals(info, looks):
    assert count_looks(stages(info, ARMS)) == looks


FACTS = {"settings": {"device": "cpu"}, "splits": {"train": 1078, "validation": 359, "test": 360}}


def test_a_stored_study_remembers_every_change_of_seeds_and_arms(workdir):
    url = f"sqlite:///{workdir}/looks.db"
    storage, study = Storage(url), Study.load("digits_cardinality")
    fewer = study.changed(["space.axes.cardinality=[1,2,4]"])
    for file, seeds in (
        (fewer, [0, 1, 2]),
        (fewer, [0, 1, 2]),
        (study, [0, 1, 2]),
        (study, [0, 1, 2, 3]),
    ):
        wanted = file.model_copy(update={"seeds": seeds})
        create_or_extend(storage, wanted, wanted.wanted(), lambda: FACTS)
    info = study_info(url, "digits_cardinality")
    now = ["C=1", "C=2", "C=4", "C=8", "C=16"]
    assert info["extended_from"] == [[0, 1, 2], [0, 1, 2]]
    assert info["arms_before"] == [ARMS, now]
    assert count_looks(stages(info, now)) == 3


def test_a_study_can_be_given_another_margin_later_and_is_not_extended_by_it(workdir):
    url = f"sqlite:///{workdir}/margin.db"
    storage, study = Storage(url), Study.load("digits_cardinality")
    first = create_or_extend(storage, study, study.wanted(), lambda: FACTS)
    second = study.changed(["margin=0.3"])
    later = create_or_extend(storage, second, second.wanted(), lambda: FACTS)
    info = study_info(url, "digits_cardinality")
    assert (info["margin"], info["extended_from"]) == (0.3, [])
    assert first.content.extent != later.content.extent  # so that live pages read it again


def test_an_extended_studys_intervals_are_those_of_the_stricter_confidence():
    trials = make_trials({"C=8": -0.008})
    extended = Findings(trials, {**make_info(), "planned_seeds": [0, 1]}).comparison
    planned = Findings(trials, make_info()).comparison
    assert (extended.looks, extended.confidence) == (2, pytest.approx(0.975))
    assert extended.difference("C=8").low < planned.difference("C=8").low


def test_p_values_of_a_later_look_are_adjusted_so_that_5_percent_stays_the_line():
    trials = make_trials({"C=8": -0.0035})
    planned = Findings(trials, make_info()).comparison
    extended = Findings(trials, {**make_info(), "planned_seeds": [0, 1]}).comparison
    assert extended.p_values["C=8"] == pytest.approx(2 * planned.p_values["C=8"])
    for comparison in (planned, extended):
        for gap in comparison.differences:
            assert gap.shown == (comparison.p_values[gap.arm] < 0.05)


def test_a_raised_cap_is_no_look_where_each_arm_is_decided_seed_by_seed():
    info = {"planned_seeds": [0, 1, 2], "extended_from": [[0, 1, 2]], "seeds": [0, 1, 2, 3]}
    text = "C=8 better, decided at seed 3; C=2 open after 4 seeds: −0.10 to +0.60."
    assert looks_so_far(info, ARMS) == 2
    until = {"sentences": [text], "title": "C=8 is better than C=1; C=2 is open"}
    assert looks_so_far({**info, "until": until}, ARMS) == 1
    findings = Findings(make_trials(seeds=4), {**make_info(), **info, "until": until})
    assert not any("extended" in note for note in findings.verdict.notes)


def test_a_search_on_two_seeds_had_no_interval_and_is_no_look():
    """One seed chose its finalists, and one seed alone shows no noise."""
    info = {"planned_seeds": [0, 1], "extended_from": [[0, 1]], "seeds": [0, 1, 2]}
    assert looks_so_far(info, ARMS) == 2
    assert looks_so_far({**info, "search": {"method": "tpe"}}, ARMS) == 1
