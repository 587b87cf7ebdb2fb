"""Where arms stand whose seeds end where the verdict is known, in sentences."""

from dataclasses import replace

import pytest

from studies.records.arm_standings import ArmStanding, UntilStandings

ENDED = UntilStandings(
    margin=0.5,
    start=3,
    at_most=20,
    ended_at=None,
    finished=True,
    trained=47,
    arms=(
        ArmStanding("C=1", "reference", None, 20, 0),
        ArmStanding("C=2", "equal", 9, 9, 0, -0.0008, -0.0041, 0.0025),
        ArmStanding("C=4", "equal", 11, 11, 0, 0.0, -0.004, 0.004),
        ArmStanding("C=8", "better", 5, 5, 0, -0.0095, -0.0138, -0.0051),
        ArmStanding("C=16", "open", None, 20, 0, 0.0025, -0.001, 0.006),
    ),
)
RUNNING = replace(
    ENDED,
    finished=False,
    arms=(*ENDED.arms[:2], replace(ENDED.arms[4], arm="C=4", seeds=12), ENDED.arms[3],
          replace(ENDED.arms[4], seeds=11)),
)  # fmt: skip
RACE = UntilStandings(
    margin=None,
    start=3,
    at_most=20,
    ended_at=None,
    finished=True,
    trained=20,
    arms=(
        ArmStanding("C=1", "dropped", 4, 4, 0, 0.01, 0.002, by="C=8"),
        ArmStanding("C=2", "dropped", 7, 7, 0, 0.008, 0.001, by="C=8"),
        ArmStanding("C=8", "best", 9, 9, 0),
    ),
)
LEFT = replace(
    RACE,
    trained=51,
    arms=(
        RACE.arms[0],
        ArmStanding("C=8", "open", None, 20, 0),
        ArmStanding("C=16", "open", None, 20, 0, 0.0012, -0.0028, 0.0052),
    ),
)


def test_the_end_of_a_study_names_every_arm_and_what_it_took() -> None:
    assert ENDED.text == (
        "C=8 better by 0.95 (0.51 to 1.38) points, decided at seed 5; C=2 equal within 0.5, at 9;"
        " C=4 equal within 0.5, at 11; C=16 open after 20 seeds: −0.10 to"
        " +0.60. 47 trainings instead of 100."
    )


def test_a_title_names_the_arms_of_each_verdict() -> None:
    assert ENDED.title == (
        "C=8 is better than C=1; C=2 and C=4 are equal to C=1 within 0.5; C=16 is open"
    )
    assert RACE.title == "C=8 is the best; C=1 and C=2 are dropped"
    assert LEFT.title == "C=1 is dropped; C=8 and C=16 are left"


def test_a_running_study_names_what_is_open() -> None:
    assert RUNNING.text == (
        "C=8 better by 0.95 (0.51 to 1.38) points, decided at seed 5; C=2 equal within 0.5, at 9;"
        " open: C=4, C=16 (seed 11 of at most 20)."
    )


def test_before_the_first_decision_all_are_open() -> None:
    arms = [ArmStanding(arm, "open", None, 1, 0) for arm in ("C=2", "C=4")]
    early = replace(RUNNING, arms=(RUNNING.arms[0], *arms))
    assert early.text == "Open: C=2, C=4 (seed 1 of at most 20)."


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "C=1: the reference"),
        (1, "C=2: equal within 0.5, decided at seed 9"),
        (3, "C=8: better by 0.95 (0.51 to 1.38) points, decided at seed 5"),
        (4, "C=16: open after 20 seeds: −0.10 to +0.60"),
    ],
)
def test_each_arm_has_a_line(number: int, expected: str) -> None:
    assert ENDED.line(ENDED.arms[number]) == expected


def test_late_results_are_told() -> None:
    late = replace(ENDED, arms=(*ENDED.arms[:3], replace(ENDED.arms[3], late=2), ENDED.arms[4]))
    assert late.text.endswith("2 results came after the decision: shown, not used.")
    retried = replace(ENDED, retried=1)
    assert retried.text.endswith(
        "1 result of a retry came after a look without it: shown, not used."
    )


def test_the_search_for_the_best_tells_who_was_dropped() -> None:
    assert RACE.text == (
        "C=8 is the best: C=1 dropped at seed 4, C=2 at 7. 20 trainings instead of 60."
    )
    assert RACE.line(RACE.arms[0]) == "C=1: dropped, worse than C=8, decided at seed 4"
    assert RACE.line(RACE.arms[2]) == "C=8: best, decided at seed 9"


def test_what_the_search_for_the_best_leaves_open_is_told_with_the_loss() -> None:
    assert LEFT.text == (
        "C=1 dropped at seed 4. C=16 is left and open: C=8 is worse than it by at most 0.28"
        " points. 51 trainings instead of 60."
    )


def test_names_that_hold_commas_are_told_apart_by_semicolons() -> None:
    arms = [ArmStanding(arm, "open", None, 3, 0) for arm in ("C=4", "C=4, shortcut=none", "C=8")]
    worse = ArmStanding("C=2, shortcut=none", "worse", 3, 3, 0, 0.008, 0.001, 0.015)
    early = replace(RUNNING, arms=(RUNNING.arms[0], worse, *arms))
    assert early.title == (
        "C=2, shortcut=none is worse than C=1. C=4; C=4, shortcut=none; and C=8 are open"
    )
    assert early.text.endswith("; open: C=4; C=4, shortcut=none; C=8 (seed 3 of at most 20).")
