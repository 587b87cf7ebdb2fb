"""`study winner` and the report choose by one rule, also where means are equal."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from study_tables import make_curves, make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import studies_table
from dashboards.report.commands import next_commands
from dashboards.report.report import render_report
from dashboards.report.sources import Source
from studies.results import CURVES, TRIALS
from studies.winner.ranking import rank
from studies.winner.winner import choose


def table(designs: dict[str, tuple[list[float], int, float]], by: str = "flops") -> pd.DataFrame:
    """Results by design: its validation errors by seed, its FLOPs,
    and its mismatch from a budget of 1000."""
    rows = [
        {
            "study": "study", "arm": f"arm of {design}", "design": design, "seed": seed,
            "status": "complete", "validation_error": error, "test_error": error, "flops": flops,
            "by": by, "budget": 1000, "mismatch": mismatch, "reference": "resnet20_cifar",
            "resolution": 8, "in_channels": 1, "classes": 10, "cardinality": 1,
        }
        for design, (errors, flops, mismatch) in designs.items()
        for seed, error in enumerate(errors)
        if not np.isnan(error)
    ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=list(TRIALS))


# The second of each is the one that is to be chosen.
CASES = {
    "equal means, the cheaper": {
        "resnet20_cifar": ([0.1, 0.2], 900, 0.0),
        "resnet56_cifar": ([0.2, 0.1], 950, -0.05),
    },
    "equal up to the order of summing": {
        "resnet20_cifar": ([0.3, 0.2, 0.1], 900, 0.0),
        "resnet56_cifar": ([0.1, 0.2, 0.3], 900, -0.1),
    },
    "equal in cost too, the first name": {
        "resnet56_cifar": ([0.1, 0.2], 900, 0.0),
        "resnet20_cifar": ([0.2, 0.1], 950, 0.0),
    },
    "the cost of the study, not FLOPs": {
        "resnet20_cifar": ([0.1, 0.2], 100, 0.01),
        "resnet56_cifar": ([0.1, 0.2], 900, 0.0),
    },
    "the lowest mean": {
        "resnet20_cifar": ([0.1, 0.2], 100, -0.5),
        "resnet56_cifar": ([0.1, 0.19], 900, 0.5),
    },
    "not one that lacks a seed": {
        "resnet20_cifar": ([0.01, np.nan], 100, -0.5),
        "resnet56_cifar": ([0.1, 0.2], 900, 0.5),
    },
}


@pytest.mark.parametrize("case", CASES)
def test_the_winner_and_the_report_name_the_same_design(case: str) -> None:
    names = list(CASES[case])
    for order in permutations(names):
        trials = table({name: CASES[case][name] for name in order}, "params")
        chosen = choose(trials)
        assert chosen.design == names[1]
        findings = Findings(trials)
        assert chosen.arm == findings.winner == f"arm of {names[1]}"
        assert studies_table([("study", findings)]).rows[0][3] == chosen.arm
        assert f"describe {chosen.design} " in next_commands(findings, None, "study")[0]


def test_the_page_names_the_winner_of_equal_means() -> None:
    trials = table(CASES["equal means, the cheaper"])
    page = render_report([Source("study", trials, pd.DataFrame(columns=list(CURVES)))])
    assert f"Lowest validation error: {choose(trials).arm}." in page


def test_the_page_says_that_arms_with_fewer_seeds_are_not_among_those_compared() -> None:
    trials = make_trials()
    last = trials[(trials["arm"] != "C=1") & (trials["seed"] > 0)].index
    running = without_results(trials, last, "waiting")
    page = render_report([Source("study", running, make_curves(running))])
    assert "Lowest validation error, of the arms with most seeds: C=1." in page


def test_ten_equal_designs_are_ranked_by_cost_then_name() -> None:
    names = [f"resnext29_{c}x4d_cifar" for c in range(1, 11)]
    trials = table(
        {name: ([0.1, 0.3, 0.2], 100, -0.01 * (place // 2)) for place, name in enumerate(names)}
    )
    expected = sorted(names, key=lambda name: (-(names.index(name) // 2), name))
    assert rank(trials.sample(frac=1, random_state=0)).order == expected
    assert [choose(trials).design, *(rival.design for rival in choose(trials).rivals)] == expected


def test_an_arm_of_several_designs_is_ranked_by_their_mean() -> None:
    trials = table({"a": ([0.1], 1, 0.0), "b": ([0.5], 1, 0.0), "c": ([0.2], 1, 0.0)})
    trials["arm"] = ["first", "first", "second"]
    assert rank(trials, "arm").means == {"second": 0.2, "first": pytest.approx(0.3)}
    assert rank(trials[trials["seed"] > 0]).order == []
