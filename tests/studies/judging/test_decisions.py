"""Procedure A beside a plain recomputation of its formulas, and what must not change a decision."""

import numpy as np
import pytest
from error_tables import made_up
from scipy import stats

from studies.judging.boundaries import tails
from studies.judging.decisions import Course, against_reference

CAP = 20


def verdicts(course: Course) -> dict[int, str]:
    return {arm: standing.verdict for arm, standing in course.standings.items()}


def residual(errors: np.ndarray) -> tuple[float, int]:
    """Of arm + seed, by a general least squares."""
    arm, seed = np.nonzero(np.isfinite(errors))
    x = np.hstack([np.eye(len(errors))[arm], np.eye(errors.shape[1])[seed]])
    values = errors[arm, seed]
    solution, _, rank, _ = np.linalg.lstsq(x, values, rcond=None)
    return float(((values - x @ solution) ** 2).sum()), len(values) - int(rank)


def recomputed(errors: np.ndarray, margin: float) -> dict[int, tuple[str, int]]:
    """The review's six steps, written down once more for tables without holes."""
    others, found = range(1, len(errors)), {}
    counted = np.full_like(errors, np.nan)
    a = 0.05 / len(others)
    for n in range(1, errors.shape[1] + 1):
        active = [0, *[arm for arm in others if arm not in found]]
        if len(active) == 1:
            break
        counted[active, n - 1] = errors[active, n - 1]
        if n < 3:
            continue
        total, freedom = residual(counted)
        for arm in active[1:]:
            gap = errors[arm, :n] - errors[0, :n]
            d, own = gap.mean(), ((gap - gap.mean()) ** 2).sum()
            rest, rest_freedom = total - own / 2, freedom - (n - 1)
            w = min(1, 4 / rest_freedom) if rest_freedom else 0
            v = (2 * w * rest + own) / (w * rest_freedom + n - 1)
            nu = (w * rest_freedom + n - 1) ** 2 / (w**2 * rest_freedom + n - 1)
            se = np.sqrt(v / n)
            sign = stats.t.isf(tails(errors.shape[1], 3, a, 2)[n - 3], nu) * se
            half = stats.t.isf(tails(errors.shape[1], 3, a, 1)[n - 3], nu) * se
            if d + sign < 0:
                found[arm] = ("better", n)
            elif d - sign > 0:
                found[arm] = ("worse", n)
            elif abs(d) + half < margin:
                found[arm] = ("equal", n)
    return found


@pytest.mark.parametrize("random_seed", range(8))
def test_decisions_are_those_of_the_formulas(random_seed):
    errors = made_up([0, 0, -0.2, -0.5, 1.0], CAP, random_seed=random_seed)
    course = against_reference(errors, 0, 0.5)
    found = {
        arm: (standing.verdict, standing.decided_at)
        for arm, standing in course.standings.items()
        if standing.verdict != "open"
    }
    assert found == recomputed(errors, 0.5)


def test_two_arms_are_decided_by_their_own_differences():
    errors = made_up([0, -0.6], CAP)
    assert {
        arm: (standing.verdict, standing.decided_at)
        for arm, standing in against_reference(errors, 0, 0.5).standings.items()
    } == recomputed(errors, 0.5)


def test_each_arm_gets_its_verdict():
    errors = made_up([0, 0, -1.0, 1.0], CAP)
    course = against_reference(errors, 0, 0.5)
    assert verdicts(course) == {1: "equal", 2: "better", 3: "worse"}
    assert course.finished
    assert course.wanted == course.ahead == ()


def test_a_look_tells_the_gap_its_interval_and_the_margin_it_is_equal_within():
    errors = made_up([0, 0, -1.0, 1.0], CAP)
    standing = against_reference(errors, 0, 0.5).standings[1]
    assert [look.seeds for look in standing.looks] == list(range(3, len(standing.looks) + 3))
    first, last = standing.looks[0], standing.looks[-1]
    assert first.high - first.low > last.high - last.low
    assert last.seeds == standing.decided_at == standing.trained
    assert last.estimate == pytest.approx((errors[1] - errors[0])[: last.seeds].mean(), abs=1e-12)
    assert last.within < 0.5 <= standing.looks[-2].within


def run(
    errors: np.ndarray, random: np.random.Generator, workers: int, ahead: bool = False
) -> tuple[Course, np.ndarray]:
    """A study as workers train it: any wanted pair may end first, idle workers train ahead."""
    table = np.full_like(errors, np.nan)
    running: list[tuple[int, int]] = []
    while True:
        course = against_reference(table, 0, 0.5)
        due = [*course.wanted, *(course.ahead if ahead else ())]
        running += [pair for pair in due if pair not in running][: workers - len(running)]
        if not running:
            return course, table
        pair = running.pop(int(random.integers(len(running))))
        table[pair] = errors[pair]


@pytest.mark.parametrize("random_seed", range(3))
def test_neither_the_order_of_results_nor_the_number_of_workers_changes_a_decision(random_seed):
    errors = made_up([0, 0.1, -0.4], CAP, random_seed=random_seed)
    whole = against_reference(errors, 0, 0.5)
    alone, trained = run(errors, np.random.default_rng(0), 1)
    assert alone == whole
    assert np.isfinite(trained).sum() == whole.trained
    assert run(errors, np.random.default_rng(1), 5)[0] == whole
    assert run(errors, np.random.default_rng(2), 5, ahead=True)[0] == whole


def test_results_that_come_after_a_decision_do_not_change_it():
    errors = made_up([0, 0, -1.0, 1.0], CAP)
    decided = against_reference(errors, 0, 0.5)
    last = decided.standings[2].decided_at
    assert last is not None
    errors[2, last:] += 50
    assert against_reference(errors, 0, 0.5) == decided


def test_what_is_wanted_first_is_the_seeds_of_the_first_look():
    course = against_reference(np.full((3, 6), np.nan), 0, 0.5)
    assert course.wanted == tuple((arm, seed) for seed in range(3) for arm in range(3))
    assert course.ahead == tuple((arm, seed) for seed in range(3, 6) for arm in range(3))
    assert not course.finished


def test_a_decided_arm_gets_no_more_seeds_and_the_reference_does():
    errors = made_up([0, 0, -4.0], CAP)
    errors[:, 3:] = np.nan
    course = against_reference(errors, 0, 0.5)
    assert verdicts(course) == {1: "open", 2: "better"}
    assert course.wanted == ((0, 3), (1, 3))


def test_a_missing_result_holds_the_looks_up():
    errors = made_up([0, 0, -2.0], CAP)
    errors[1, 2] = np.nan
    course = against_reference(errors, 0, 0.5)
    assert course.wanted == ((1, 2),)
    assert all(not standing.looks for standing in course.standings.values())


def test_a_lost_pair_holds_nothing_up_and_counts_for_no_look_of_its_arm():
    errors = made_up([0, 0.05, -0.4], CAP)
    lost = np.zeros(errors.shape, dtype=bool)
    lost[1, 1], errors[1, 1] = True, np.nan
    course = against_reference(errors, 0, 0.5, lost=lost)
    looks = course.standings[1].looks
    assert [(look.seeds, look.column) for look in looks[:2]] == [(3, 3), (4, 4)]
    assert course.standings[2].looks[0].column == 2


def test_a_seed_that_the_reference_lost_counts_for_nobody():
    errors = made_up([0, 0.05, -0.4], CAP)
    lost = np.zeros(errors.shape, dtype=bool)
    lost[0, 1], errors[0, 1] = True, np.nan
    course = against_reference(errors, 0, 0.5, lost=lost)
    without = against_reference(np.delete(errors, 1, axis=1), 0, 0.5)
    assert verdicts(course) == verdicts(without)
    assert course.standings[1].looks[0].column == 3
    changed = errors.copy()
    changed[1:, 1] += 7
    assert against_reference(changed, 0, 0.5, lost=lost) == course
    errors[:, 1] = np.nan
    assert against_reference(errors, 0, 0.5, lost=lost) == course  # nor is it wanted


def test_more_seeds_take_the_place_of_lost_ones_before_the_first_look():
    errors = np.full((3, 6), np.nan)
    errors[:, :2] = made_up([0, 0, 0], 2)
    lost = np.zeros(errors.shape, dtype=bool)
    lost[0, 2] = True
    assert against_reference(errors, 0, 0.5, lost=lost).wanted == ((0, 3), (1, 3), (2, 3))


def test_what_is_open_at_the_cap_stays_open():
    errors = made_up([0, -0.2], 4, sd=0.5)
    course = against_reference(errors, 0, 0.1)
    assert verdicts(course) == {1: "open"}
    assert course.standings[1].decided_at is None
    assert course.finished
    assert course.trained == 8


def test_an_arm_that_failed_wholly_stays_open_and_is_not_wanted():
    errors = made_up([0, 0, -1.0], CAP)
    lost = np.zeros(errors.shape, dtype=bool)
    lost[1], errors[1] = True, np.nan
    course = against_reference(errors, 0, 0.5, lost=lost)
    assert verdicts(course) == {1: "open", 2: "better"}
    assert course.standings[1].looks == ()
    assert 1 not in {arm for arm, _ in course.wanted}


def test_the_same_errors_in_every_seed_tell_nothing_unless_an_image_is_known():
    errors = np.full((3, CAP), 0.0)
    assert verdicts(against_reference(errors, 0, 0.005)) == {1: "open", 2: "open"}
    course = against_reference(errors, 0, 0.005, resolution=1 / 360)
    assert verdicts(course) == {1: "equal", 2: "equal"}
    assert course.trained < errors.size
    fewer = against_reference(errors, 0, 0.005, resolution=1 / 10_000)
    assert fewer.trained == 9


def test_gaps_that_are_the_same_in_every_seed_tell_nothing():
    errors = np.array([0.3, 0.1])[:, None] + np.random.default_rng(0).random(CAP)
    assert verdicts(against_reference(errors, 0, 0.05)) == {1: "open"}


def test_the_reference_may_stand_anywhere():
    errors = made_up([0, 0, -1.0, 1.0], CAP)
    moved = errors[[2, 1, 0, 3]]
    assert verdicts(against_reference(moved, 2, 0.5)) == {0: "better", 1: "equal", 3: "worse"}


def test_the_unit_does_not_matter():
    errors = made_up([0, 0, -0.4, 1.0], CAP)
    assert verdicts(against_reference(errors / 100, 0, 0.005)) == verdicts(
        against_reference(errors, 0, 0.5)
    )


@pytest.mark.parametrize("gaps", [[0, 0, 0, 0, 0], [0, 0.5, 0.5, 0.5, 0.5]], ids=["none", "margin"])
def test_few_studies_decide_anything_wrongly(gaps):
    """Where arms are alike a claim is wrong; where all differ by the margin, equality is."""
    wrong = 0
    for random_seed in range(300):
        found = verdicts(against_reference(made_up(gaps, CAP, random_seed=random_seed), 0, 0.5))
        false = {"better", "worse"} if not gaps[1] else {"better", "equal"}
        wrong += bool(false & set(found.values()))
    assert wrong <= stats.binom.ppf(0.999, 300, 0.05)


def test_a_study_of_five_equal_arms_takes_half_of_the_full_grid():
    """An independent simulation: 50 trainings of 100, at this noise."""
    trained = [
        against_reference(made_up([0.0] * 5, CAP, random_seed=seed), 0, 0.5).trained
        for seed in range(200)
    ]
    assert np.mean(trained) == pytest.approx(50, rel=0.05)
