"""Design spaces: the numbers against other ways to compute them and against simulations."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_tables import make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.analysis.spaces import (
    complexity_weights,
    design_means,
    error_distribution,
    error_distributions,
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
    plain, equal = error_distributions(trials, measure=None), error_distributions(trials)
    assert plain["small"].quantile(0.5) > 2 * plain["large"].quantile(0.5)
    for share in (0.25, 0.5, 0.75):
        assert equal["small"].quantile(share) == pytest.approx(
            equal["large"].quantile(share), rel=0.12
        )


def test_each_bin_of_complexity_weighs_the_same_in_every_space_and_lonely_bins_nothing():
    costs = {
        "a": np.array([10.0, 11, 12, 90, 95, 1000]),
        "b": np.array([11.0, 80, 85, 90, 92, 100]),
    }
    weights = complexity_weights(costs, bins=2)
    for name, cost in costs.items():
        low = (cost >= 11) & (cost < np.sqrt(11 * 100))
        assert weights[name][low].sum() == pytest.approx(1)
        assert weights[name][(cost > 50) & (cost <= 100)].sum() == pytest.approx(1)
    assert weights["a"][[0, 5]].tolist() == [0, 0]  # cheaper and more expensive than anything in b
    apart = complexity_weights({"a": np.array([1.0, 2]), "b": np.array([5.0, 6])})
    assert not any(weight.any() for weight in apart.values())


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
