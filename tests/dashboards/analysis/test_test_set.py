"""Looks, test sets and design spaces: the numbers against other ways
to compute them and against simulations."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_tables import make_info, make_trials, without_results

from dashboards.analysis.comparison import compare, compare_table
from dashboards.analysis.spaces import (
    complexity_weights,
    design_means,
    error_distribution,
    error_distributions,
    extremes,
    pareto_front,
)
from dashboards.analysis.test_set import (
    compare_study,
    confidence_after,
    count_looks,
    gap_sampling,
    interval_over_images,
    reference_arm,
)
from studies.api import Study
from studies.records.stored_study import create_or_extend
from studies.results import study_info
from studies.storage import Storage

ARMS = ["C=1", "C=2", "C=4", "C=8", "C=16"]


def test_all_extensions_together_get_one_more_alpha():
    assert confidence_after(1) == 0.95
    assert confidence_after(2) == pytest.approx(0.975)
    assert sum(1 - confidence_after(look) for look in range(2, 4000)) == pytest.approx(
        0.05, rel=1e-3
    )


@pytest.mark.parametrize(
    ("info", "looks"),
    [
        ({}, 1),
        ({"planned_seeds": [0, 1, 2], "seeds": [0, 1, 2]}, 1),
        ({"planned_seeds": [0, 1, 2], "seeds": [0, 1, 2, 3]}, 2),
        ({"planned_seeds": [0], "extended_from": [[0], [0, 1]], "seeds": [0, 1, 2]}, 3),
        ({"planned_seeds": [0], "extended_from": [], "seeds": [0]}, 1),
    ],
)
def test_looks_are_the_plan_and_every_extension(info, looks):
    assert count_looks(info) == looks


def test_a_stored_study_remembers_every_extension_by_seeds(workdir):
    url = f"sqlite:///{workdir}/looks.db"
    storage, study = Storage(url), Study.load("digits_cardinality")
    found = {
        "settings": {"device": "cpu"},
        "splits": {"train": 1078, "validation": 359, "test": 360},
    }
    for seeds in ([0, 1, 2], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5]):
        wanted = study.model_copy(update={"seeds": seeds})
        create_or_extend(storage, wanted, wanted.wanted(), lambda: found)
    info = study_info(url, "digits_cardinality")
    assert info["extended_from"] == [[0, 1, 2], [0, 1, 2, 3]]
    assert count_looks(info) == 3


def test_an_extended_studys_intervals_are_those_of_the_stricter_confidence():
    trials = make_trials({"C=8": -0.008})
    found = compare_study(trials, {**make_info(), "planned_seeds": [0, 1]})
    assert (found.looks, found.confidence) == (2, pytest.approx(0.975))
    strict = compare(trials, "C=1", confidence=0.975)
    assert [one.low for one in found.differences] == [one.low for one in strict.differences]
    assert found.difference("C=8").low < compare(trials, "C=1").difference("C=8").low


def claims(errors: np.ndarray, confidence: float) -> bool:
    return any(
        one.shown
        for one in compare_table(errors, ARMS[:4], "C=1", confidence=confidence).differences
    )


def test_extending_until_something_shows_claims_no_more_often_than_promised():
    """No arm differs. Each study is planned with 3 seeds and, as long as
    nothing shows, extended by 2, up to 5 times."""
    random = np.random.default_rng(0)
    planned = corrected = naive = 0
    studies = 500
    for _ in range(studies):
        errors = random.normal(0, 2, (1, 13)) + random.normal(0, 1, (4, 13))
        if claims(errors[:, :3], 0.95):
            planned += 1
            continue
        later = [(seeds, look) for look, seeds in enumerate(range(5, 14, 2), start=2)]
        corrected += any(claims(errors[:, :seeds], confidence_after(look)) for seeds, look in later)
        naive += any(claims(errors[:, :seeds], 0.95) for seeds, _ in later)
    # Two standard errors of 5 % in 500 studies are 2 points.
    assert planned / studies <= 0.07
    assert corrected / studies <= 0.05
    assert naive / studies > 0.08


def test_the_interval_of_a_test_sets_error_covers_the_truth_in_95_of_100_test_sets():
    random = np.random.default_rng(1)
    wrong = random.binomial(360, 0.03, 2000)
    covered = [
        low <= 0.03 <= high
        for low, high in (interval_over_images(count / 360, 360) for count in wrong)
    ]
    assert 0.93 < np.mean(covered) < 0.98


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_a_gap_moves_with_the_images_by_at_most_what_is_said(shared):
    """Two networks that err on 3 and 4 % of images, of the first's errors a share made by both."""
    random = np.random.default_rng(2)
    kind = random.choice(
        4,
        (2000, 500),
        p=[0.03 * shared, 0.03 * (1 - shared), 0.04 - 0.03 * shared, 0.93 + 0.03 * shared],
    )
    gaps = (kind == 1).mean(axis=1) - (kind == 2).mean(axis=1)
    said = gap_sampling(0.03, 0.04, 500)
    inside = np.mean(np.abs(gaps + 0.01) <= said)
    assert inside > 0.94
    if shared == 0.0:
        assert inside < 0.97  # the bound is reached where no image is missed by both


def test_the_reference_arm_is_the_studys_else_that_of_the_reference_design():
    trials = make_trials()
    assert reference_arm(trials, {"reference_arm": "C=4"}) == "C=4"
    assert reference_arm(trials.iloc[::-1], {}) == "C=1"
    assert reference_arm(trials.assign(reference="other")) == "C=1"
    assert reference_arm(trials.iloc[:0]) == ""


def test_a_designs_error_is_its_mean_over_seeds():
    trials = without_results(make_trials(), [4], "failed", "NaN")
    trials.loc[3, "test_error"] = np.inf
    found = design_means(trials, ("seconds_per_epoch",)).set_index("design")
    rows = trials[(trials["status"] == "complete") & np.isfinite(trials["test_error"])]
    expected = rows.groupby("design")[["test_error", "seconds_per_epoch"]].agg(["mean", "size"])
    for design, own in expected.iterrows():
        assert found.loc[design, "test_error"] == pytest.approx(own["test_error", "mean"])
        assert found.loc[design, "seconds_per_epoch"] == pytest.approx(
            own["seconds_per_epoch", "mean"]
        )
        assert found.loc[design, "n"] == own["test_error", "size"]


def test_without_weights_the_distribution_is_scipys_ecdf():
    errors = np.random.default_rng(0).integers(0, 30, 200) / 100
    found, expected = error_distribution(errors), stats.ecdf(errors).cdf
    assert found.errors == pytest.approx(expected.quantiles)
    assert found.shares == pytest.approx(expected.probabilities)
    assert found.quantile(0.5) == np.quantile(errors, 0.5, method="inverted_cdf")


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
    assert weights["a"][[0, 5]].tolist() == [0, 0]  # cheaper and dearer than anything in b
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
    found = extremes(trials)
    for arm, rows in trials[trials["status"] == "complete"].groupby("arm"):
        best = rows.sort_values("test_error").iloc[0]
        assert found.loc[arm, ["n", "best", "median", "worst"]].tolist() == pytest.approx(
            [
                len(rows),
                rows["test_error"].min(),
                rows["test_error"].median(),
                rows["test_error"].max(),
            ]
        )
        assert found.loc[arm, ["design", "seed"]].tolist() == [best["design"], best["seed"]]
    assert extremes(without_results(trials, trials.index, "waiting"))["best"].isna().all()
