"""Design spaces: the numbers against other ways to compute them and against simulations."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_tables import make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.analysis.spaces import (
    compare_spaces,
    design_means,
    drawn_from_space,
    error_distribution,
    extremes,
    pareto_front,
)


def test_a_designs_error_is_its_mean_over_seeds():
    trials = without_results(make_trials(), [4], "failed", "NaN")
    trials.loc[3, "test_error"] = np.inf
    means = design_means(trials, ("seconds_per_epoch",)).set_index("design")
    rows = trials[(trials["status"] == "complete") & np.isfinite(trials["test_error"])]
    expected = rows.groupby("design")[["test_error", "seconds_per_epoch"]].agg(["mean", "size"])
    for design, own in expected.iterrows():
        assert means.loc[design, "test_error"] == pytest.approx(own["test_error", "mean"])
        assert means.loc[design, "seconds_per_epoch"] == pytest.approx(
            own["seconds_per_epoch", "mean"]
        )
        assert means.loc[design, "n"] == own["test_error", "size"]


def test_without_weights_the_distribution_is_scipys_ecdf():
    errors = np.random.default_rng(0).integers(0, 30, 200) / 100
    distribution, expected = error_distribution(errors), stats.ecdf(errors).cdf
    assert distribution.errors == pytest.approx(expected.quantiles)
    assert distribution.shares == pytest.approx(expected.probabilities)
    assert distribution.quantile(0.5) == np.quantile(errors, 0.5, method="inverted_cdf")


def space(name: str, flops: np.ndarray, errors: np.ndarray) -> pd.DataFrame:
    trials = make_trials(seeds=1).iloc[np.zeros(len(flops), dtype=int)].reset_index(drop=True)
    names = [f"{name} {i}" for i in range(len(flops))]
    return trials.assign(study=name, arm=names, design=names, flops=flops, test_error=errors)


def test_equal_complexity_takes_away_what_only_cost_explains():
    """Error depends on FLOPs alone, and one space has more of the large
    designs: at equal FLOPs it is no better."""
    random = np.random.default_rng(3)
    small, large = 10 ** (7 + random.beta(1, 3, 3000)), 10 ** (7 + random.beta(3, 1, 3000))
    trials = pd.concat(
        [space("small", small, 1e6 / small), space("large", large, 1e6 / large)], ignore_index=True
    )
    plain, equal = compare_spaces(trials, measure=None).spaces, compare_spaces(trials).spaces
    assert plain["small"].quantile(0.5) > 2 * plain["large"].quantile(0.5)
    for share in (0.25, 0.5, 0.75):
        assert equal["small"].quantile(share) == pytest.approx(
            equal["large"].quantile(share), rel=0.12
        )


def cloud(name: str, count: int, shift: float = 0.0, low: float = 7.0, seed: int = 0):
    random = np.random.default_rng(seed)
    flops = 10 ** random.uniform(low, low + 0.5, count)
    return space(name, flops, random.normal(0.10 + shift, 0.01, count))


def both(*clouds: pd.DataFrame):
    return compare_spaces(pd.concat(clouds, ignore_index=True))


def test_equal_spaces_are_not_told_apart_and_different_ones_are():
    (same,) = both(cloud("a", 60), cloud("b", 60, seed=1)).tests
    (other,) = both(cloud("a", 60), cloud("b", 60, -0.01, seed=1)).tests
    assert same.p_value > 0.05
    assert other.p_value < 0.01
    assert other.gap == pytest.approx(0.01, abs=0.005)


def test_spaces_that_share_no_cost_are_not_compared():
    apart = both(cloud("a", 20), cloud("b", 20, low=9.0))
    assert (apart.spaces, apart.tests) == ({}, ())
    assert apart.costs["b"][0] > apart.costs["a"][1]


def test_area_best_of_draws_and_worth_of_a_space_are_those_of_its_weighted_designs():
    compared = both(cloud("a", 60), cloud("b", 60, -0.01, seed=1))
    assert compared.area("b") > compared.area("a")
    assert compared.draws == 10
    assert compared.best_of_draws("a") < compared.spaces["a"].quantile(0.25)
    assert 20 < compared.spaces["a"].effective < compared.spaces["a"].designs
    alone = compare_spaces(cloud("a", 60)).spaces["a"]
    assert (alone.designs, alone.effective) == (60, pytest.approx(60))


@pytest.mark.parametrize(
    ("search", "reason"),
    [
        ({}, ""),
        ({"method": "random"}, ""),
        ({"method": "tpe"}, "its search tries what it expects to be good"),
        ({"method": "nsga2"}, "its search tries what it expects to be good"),
        ({"method": "random", "prune": {"method": "median"}}, "its search gives up what looks bad"),
    ],
)
def test_only_grids_and_random_searches_stand_for_their_space(search, reason):
    findings = Findings(make_trials(), {"seeds": [0, 1, 2], "search": search})
    trials, why = drawn_from_space(findings)
    assert why == reason
    # Finalists have more seeds than the rest: a search is shown by its first.
    assert len(trials) == (0 if reason else 5 if search else 15)


def test_the_front_holds_exactly_the_points_that_none_beats():
    random = np.random.default_rng(4)
    points = random.integers(0, 12, (200, 2)).astype(float)
    points[:5, 0] = np.nan
    expected = [
        bool(
            np.isfinite(own).all()
            and not any(
                (other <= own).all() and (other < own).any()
                for other in points
                if np.isfinite(other).all()
            )
        )
        for own in points
    ]
    assert pareto_front(points[:, 0], points[:, 1]).tolist() == expected
    assert pareto_front([], []).tolist() == []


def test_each_arms_best_and_median():
    trials = without_results(make_trials(seeds=4), [0, 9], "failed", "NaN")
    table = extremes(Findings(trials).complete)
    for arm, rows in trials[trials["status"] == "complete"].groupby("arm"):
        best = rows.sort_values("test_error").iloc[0]
        assert table.loc[arm, ["n", "best", "median", "worst"]].tolist() == pytest.approx(
            [
                len(rows),
                rows["test_error"].min(),
                rows["test_error"].median(),
                rows["test_error"].max(),
            ]
        )
        assert table.loc[arm, ["design", "seed"]].tolist() == [best["design"], best["seed"]]
    nothing = Findings(without_results(trials, trials.index, "waiting"))
    assert extremes(nothing.complete)["best"].isna().all()
