"""How error moves with a quantity of the designs: a smooth trend with its band, and how strongly
each quantity goes with error at equal FLOPs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.analysis.quantities import Quantity
from studies.judging.dunnett import CONFIDENCE

Array = NDArray[np.float64]
MOST_BENDS = 3  # degrees of freedom of a trend: it falls, rises again, and levels off
STEPS = 61  # at which a trend is drawn
RESAMPLES = 500
FEWEST_VALUES = 3  # of a quantity, for a trend


@dataclass(frozen=True)
class SmoothTrend:
    """The mean error by a quantity, with the pointwise 95 % interval of that mean (fractions).

    Attributes:
        p_value: Of no trend at all.
        designs: It rests on.
    """

    x: Array
    mean: Array
    low: Array
    high: Array
    p_value: float
    designs: int


def smooth_trend(x: Any, errors: Any) -> SmoothTrend | None:
    """A natural cubic spline of error on `x`, fitted by least squares: statsmodels' fit and band on
    patsy's basis. None with fewer than three values of `x`, or too few designs for a band."""
    from patsy import build_design_matrices, dmatrix
    from statsmodels.regression.linear_model import OLS

    known = np.isfinite(x) & np.isfinite(errors)
    x, errors = np.asarray(x, dtype=float)[known], np.asarray(errors, dtype=float)[known]
    values = len(np.unique(x))
    bends = min(MOST_BENDS, values - 1)
    if values < FEWEST_VALUES or len(x) < bends + 3 or not np.ptp(errors):
        return None
    basis = dmatrix(f"cr(x, df={bends}, constraints='center')", {"x": x})
    fitted = OLS(errors, np.asarray(basis)).fit()
    steps = np.linspace(x.min(), x.max(), STEPS)
    (at_steps,) = build_design_matrices([basis.design_info], {"x": steps})
    band = fitted.get_prediction(np.asarray(at_steps)).summary_frame(alpha=1 - CONFIDENCE)
    mean, low, high = (band[name].to_numpy() for name in ("mean", "mean_ci_lower", "mean_ci_upper"))
    return SmoothTrend(steps, mean, low, high, float(fitted.f_pvalue), len(x))


def strengths(designs: pd.DataFrame, quantities: Mapping[str, Quantity]) -> pd.DataFrame:
    """How strongly each quantity goes with test error at equal FLOPs: one row a quantity, the
    strongest first.

    `strength` is the partial rank correlation of the two given FLOPs (Kendall's formula on ranks):
    -1 where more of it always goes with less error. FLOPs themselves, and what moves with them
    exactly, are left out. `low` and `high` are intervals that hold together with 95 % confidence
    (each at 1 - 5 % / their number), normal on Fisher's z with the standard deviation over
    resampled designs; NaN where there is none. `n` is the number of designs. A rank correlation
    misses what falls and rises again: the trend shows it.

    Args:
        designs: As `quantities.designs_by_quantity` gives them.
        quantities: By column.
    """
    from scipy import stats

    keys = [key for key in quantities if key != "flops"]
    error, cost = (_ranks(designs[name]) for name in ("test_error", "flops"))
    columns, counts = [], []
    for key in keys:
        values = designs[key].to_numpy(dtype=float)
        known = np.isfinite(values) & np.isfinite(error) & np.isfinite(cost)
        ranks = (_ranks(pd.Series(values)), error, cost)
        columns.append(_moments([np.where(known, rank, 0.0) for rank in ranks], known))
        counts.append(int(known.sum()))
    random = np.random.default_rng(0)
    drawn = random.integers(0, max(1, len(designs)), (RESAMPLES, len(designs)))
    weights = np.stack([np.bincount(row, minlength=len(designs)) for row in drawn])
    weights = np.vstack([np.ones(len(designs)), weights])  # the designs themselves come first
    sure = stats.norm.ppf(1 - (1 - CONFIDENCE) / (2 * max(1, len(keys))))
    rows = []
    for key, moments, n in zip(keys, columns, counts, strict=True):
        z = np.arctanh(np.clip(_partial(weights @ moments), -0.9999, 0.9999))
        known = z[1:][np.isfinite(z[1:])]
        spread = float(known.std(ddof=1)) if len(known) > RESAMPLES / 2 else np.nan
        ends = (z[0] - sure * spread, z[0], z[0] + sure * spread)
        rows.append((key, *np.tanh(ends), n))
    table = pd.DataFrame(rows, columns=["quantity", "low", "strength", "high", "n"])
    table = table.dropna(subset=["strength"]).set_index("quantity")
    return table.sort_values("strength", key=np.abs, ascending=False, kind="stable")


def _ranks(values: pd.Series) -> Array:
    """Ranks scaled to about -1 to 1, NaN for what is none."""
    ranks = values.rank().to_numpy(dtype=float)
    return (2 * ranks - len(ranks) - 1) / max(1, len(ranks))


def _moments(ranks: list[Array], known: NDArray[np.bool_]) -> Array:
    """Of each design what a weighted covariance matrix of three columns needs: (designs, 10)."""
    products = [ranks[i] * ranks[j] for i in range(3) for j in range(i, 3)]
    return np.column_stack([known.astype(float), *ranks, *products])


def _partial(sums: Array) -> Array:
    """The partial correlation of the first two columns given the third, from weighted sums of
    `_moments`; NaN where the third leaves nothing of one of them."""
    count, *rest = sums.T
    count = np.where(count > 0, count, np.nan)
    means = [column / count for column in rest[:3]]
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    moments = {
        pair: column / count - means[pair[0]] * means[pair[1]]
        for pair, column in zip(pairs, rest[3:], strict=True)
    }

    def correlation(i: int, j: int, of_one_value: float) -> Array:
        scale = np.sqrt(np.maximum(moments[i, i] * moments[j, j], 0))
        nothing = np.full(len(scale), of_one_value)
        return np.divide(moments[i, j], scale, out=nothing, where=scale > 1e-9)

    # FLOPs that are all equal explain nothing.
    own, with_cost, error_with_cost = (
        correlation(*pair) for pair in ((0, 1, np.nan), (0, 2, 0.0), (1, 2, 0.0))
    )
    left = (1 - with_cost**2) * (1 - error_with_cost**2)
    return np.divide(
        own - with_cost * error_with_cost,
        np.sqrt(np.maximum(left, 0)),
        out=np.full(len(own), np.nan),
        where=left > 1e-9,
    )
