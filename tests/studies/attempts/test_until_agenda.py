"""Seeds where the verdict is open: what is wanted next follows from the stored results alone."""

import itertools
from dataclasses import replace

import numpy as np
from error_tables import made_up

from studies.attempts.attempt import Attempt
from studies.attempts.until_agenda import UntilAgenda
from studies.attempts.workers import Worker
from studies.config.until import Until
from studies.pair import Pair

ARMS = ("C=1", "C=2", "C=4", "C=8")
WORKER = Worker("worker")
# Points of error: C=2 is like C=1, C=4 is better by a point, C=8 worse by one.
ERRORS = made_up([0, 0, -1.0, 1.0], 20) / 100
PLAN = UntilAgenda(Until(margin=0.5, start=3, at_most=20), ARMS, "C=1", resolution=1 / 10_000)


def error_of(pair: Pair) -> float:
    return float(ERRORS[ARMS.index(pair.design), pair.seed])


def attempt(number: int, pair: Pair, ended: str = "complete") -> Attempt:
    """One attempt at a pair; running where it has not ended."""
    state = {"": "RUNNING", "complete": "COMPLETE"}.get(ended, "FAIL")
    attributes = {"result": {"test_error": error_of(pair)}} if ended == "complete" else {}
    return Attempt(number, number, pair, state, ended, 0, WORKER, attributes=attributes)


def trained(pairs: list[Pair], first: int = 0) -> list[Attempt]:
    return [attempt(first + number, pair) for number, pair in enumerate(pairs)]


def decisions(
    attempts: list[Attempt], plan: UntilAgenda = PLAN
) -> dict[str, tuple[str, int | None]]:
    standings = plan.course(attempts).standings  # type: ignore[union-attr]
    return {ARMS[row]: (arm.verdict, arm.decided_at) for row, arm in standings.items()}


def needed(plan: UntilAgenda, attempts: list[Attempt]) -> list[Pair]:
    """The pairs that nobody has begun and that the next decision needs, in order."""
    agenda, begun = plan.agenda(attempts), {each.pair for each in attempts}
    return [pair for pair in agenda.pairs if pair not in begun and pair not in agenda.ahead]


def run(
    plan: UntilAgenda = PLAN, workers: int = 1, random_seed: int = 0, ahead: bool = False
) -> list[Attempt]:
    """A study as workers train it: any pair that is being trained may end first."""
    random = np.random.default_rng(random_seed)
    attempts: list[Attempt] = []
    running: list[Pair] = []
    while True:
        agenda = plan.agenda(attempts)
        begun = {*running, *(each.pair for each in attempts)}
        due = [pair for pair in agenda.pairs if pair not in begun]
        due = [pair for pair in due if ahead or pair not in agenda.ahead]
        running += due[: workers - len(running)]
        if not running:
            return attempts
        pair = running.pop(int(random.integers(len(running))))
        attempts.append(attempt(len(attempts), pair))


def test_every_arm_begins_with_the_seeds_of_the_start() -> None:
    assert needed(PLAN, []) == [Pair(arm, seed) for seed in range(3) for arm in ARMS]


def test_everything_up_to_the_cap_may_be_wanted_at_first() -> None:
    agenda = PLAN.agenda([])
    assert len(agenda.pairs) == 4 * 20
    assert agenda.ahead == {Pair(arm, seed) for seed in range(3, 20) for arm in ARMS}


def test_open_arms_get_the_next_seed_and_decided_ones_stop() -> None:
    attempts = run()
    ended = decisions(attempts)
    assert {arm: verdict for arm, (verdict, _) in ended.items()} == {
        "C=2": "equal",
        "C=4": "better",
        "C=8": "worse",
    }
    seeds = {arm: [each.pair.seed for each in attempts if each.pair.design == arm] for arm in ARMS}
    for arm, (_, seed) in ended.items():
        assert seeds[arm] == list(range(seed or 0))
    # The reference goes on for as long as an arm is open.
    assert len(seeds["C=1"]) == max(seed or 0 for _, seed in ended.values())
    assert PLAN.agenda(attempts).pairs == [each.pair for each in attempts]


def test_many_workers_in_any_order_come_to_the_same_decisions() -> None:
    alone = run()
    for workers, random_seed in itertools.product((2, 5), range(3)):
        assert decisions(run(PLAN, workers, random_seed)) == decisions(alone)
        ahead = run(PLAN, workers, random_seed, ahead=True)
        assert decisions(ahead) == decisions(alone)
        assert len(ahead) >= len(alone)


def test_a_result_after_its_arms_decision_is_kept_and_not_used() -> None:
    attempts = run()
    late = [Pair("C=4", seed) for seed in range(10, 20)]
    more = [*attempts, *trained(late, first=len(attempts))]
    assert decisions(more) == decisions(attempts)
    assert set(late) <= set(PLAN.agenda(more).pairs)


def test_a_pair_that_is_lost_is_waited_for_and_one_that_failed_is_not() -> None:
    pairs = [Pair(arm, seed) for seed in range(3) for arm in ARMS]
    lacking = Pair("C=2", 1)
    attempts = trained([pair for pair in pairs if pair != lacking])
    assert needed(PLAN, attempts) == [lacking]
    lost = [*attempts, attempt(20, lacking, "interrupted")]
    assert PLAN.agenda(lost).pairs[-1 - len(PLAN.agenda(lost).ahead)] == lacking
    failed = [*attempts, attempt(20, lacking, "failed")]
    assert needed(PLAN, failed) == [
        *(Pair(arm, 3) for arm in ARMS if decisions(failed).get(arm, ("open", None))[0] == "open")
    ]


def test_what_a_retry_brings_after_looks_without_it_is_shown_and_not_used() -> None:
    lost = Pair("C=2", 1)
    attempts = [attempt(0, lost, "failed")]
    while due := needed(PLAN, attempts):
        attempts.append(attempt(len(attempts), due[0]))
    ended = decisions(attempts)
    assert ended["C=2"][0] == "equal"
    retried = replace(PLAN, retried_from=len(attempts))
    assert decisions(attempts, retried) == ended
    assert needed(retried, attempts) == []
    assert lost in retried.agenda(attempts).pairs  # to be trained again
    more = [*attempts, attempt(len(attempts), lost)]
    assert decisions(more, retried) == ended


def test_what_a_retry_brings_before_a_look_without_it_is_used() -> None:
    """An arm all of whose trainings failed has had no look."""
    attempts = [attempt(seed, Pair("C=2", seed), "failed") for seed in range(20)]
    while due := needed(PLAN, attempts):
        attempts.append(attempt(len(attempts), due[0]))
    assert decisions(attempts)["C=2"] == ("open", None)
    retried = replace(PLAN, retried_from=len(attempts))
    again = trained([Pair("C=2", seed) for seed in range(20)], first=len(attempts))
    assert decisions([*attempts, *again], retried)["C=2"][0] == "equal"


def test_an_attempt_that_is_interrupted_after_the_decision_is_not_wanted_again() -> None:
    attempts = run()
    running = [*attempts, attempt(90, Pair("C=4", 12), "")]
    assert Pair("C=4", 12) in PLAN.agenda(running).pairs
    interrupted = [*attempts, attempt(90, Pair("C=4", 12), "interrupted")]
    assert Pair("C=4", 12) not in PLAN.agenda(interrupted).pairs


def test_until_best_drops_arms_until_the_best_is_left() -> None:
    plan = UntilAgenda(Until(margin=None, start=3, at_most=20), ARMS, "C=1", 1 / 10_000)
    course = plan.course(run(plan))
    assert course.decided  # type: ignore[union-attr]
    assert course.leader == ARMS.index("C=4")  # type: ignore[union-attr]
    assert set(course.dropped) == {0, 1, 3}  # type: ignore[union-attr]


def test_after_the_end_of_a_plan_more_seeds_decide_nothing() -> None:
    """With a margin of 0.01 points C=2 stays open; the extension trains it, with the reference."""
    short = UntilAgenda(Until(margin=0.01, start=3, at_most=5), ARMS, "C=1", 1 / 10_000)
    before = run(short)
    assert short.course(before).finished
    assert decisions(before, short)["C=2"] == ("open", None)
    longer = UntilAgenda(Until(margin=0.01, start=3, at_most=20), ARMS, "C=1", 1 / 10_000, 5)
    open_arms = [arm for arm in ARMS if decisions(before, short).get(arm, ("open",))[0] == "open"]
    assert needed(longer, before) == [Pair(a, seed) for seed in range(5, 20) for a in open_arms]
    after = [*before, *trained(needed(longer, before), first=len(before))]
    assert decisions(after, longer) == decisions(before, short)
    assert needed(longer, after) == []


def test_equal_attempts_make_an_equal_agenda() -> None:
    attempts = run()[:13]
    assert PLAN.agenda(attempts) == PLAN.agenda(list(attempts))
