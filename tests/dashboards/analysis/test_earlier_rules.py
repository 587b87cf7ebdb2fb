"""A study of version 0.1 is judged by today's rules, and says so where that changes its answer."""

import pandas as pd
from study_tables import make_info, make_trials

from dashboards.analysis.findings import Findings

SENTENCE = (
    "By the rules of the version that this study was planned with, {} from C=1; by today's, {}."
    " The results are the same."
)


def notes(errors: dict[str, list[float]], **info) -> tuple[str, ...]:
    """What stands beside the verdict on a study of that version with these test errors (in %)."""
    seeds = max(map(len, errors.values()))
    trials = make_trials(seeds=seeds)
    trials = trials[trials["arm"].isin(list(errors))].reset_index(drop=True)
    trials["test_error"] = [errors[row.arm][row.seed] / 100 for row in trials.itertuples()]
    return read(trials, **info).verdict.notes


def read(trials: pd.DataFrame, **info) -> Findings:
    return Findings(trials, {**make_info(), "earlier_rules": True, **info})


def test_two_arms_on_few_seeds_are_no_longer_compared_seed_by_seed():
    """By seeds, t = 4.06 on two degrees of freedom (4.30 is the line); by arms, 5.75 on four
    (2.78)."""
    errors = {"C=1": [2.60, 2.80, 2.50], "C=8": [1.95, 1.75, 2.05]}
    assert SENTENCE.format("no arm differs", "C=8") in notes(errors)
    assert not any("By the rules" in note for note in notes(errors, earlier_rules=False))


def test_a_search_is_no_longer_judged_by_the_seed_that_chose_its_finalists():
    search = {"method": "random", "trials_proposed": 2, "finalists_chosen": ["C=1", "C=8"]}
    errors = {"C=1": [2.60, 2.80], "C=8": [1.60, 1.75]}
    told = notes(errors, search=search, seeds=[0, 1], planned_seeds=[0, 1])
    assert SENTENCE.format("C=8 differs", "none") in told


def test_where_the_answer_is_the_same_nothing_is_said():
    for trials in (make_trials(), make_trials({"C=8": -0.02})):
        assert not any("By the rules" in note for note in read(trials).verdict.notes)


def test_while_a_study_runs_nothing_has_changed_yet():
    trials = make_trials({"C=8": -0.02})
    trials.loc[trials.index[-1], ["status", "test_error"]] = ["waiting", None]
    assert not any("By the rules" in note for note in read(trials).verdict.notes)
