"""How often the product's own judgements are wrong, and what they cost: studies with a known truth,
judged by `studies.judging`, beside the figures of an independent review of the method.

Errors are in points; a training has a standard deviation of 0.3 and a correlation of 0.3 with the
other arms of its seed, unless a row says otherwise. Groups of rows:
- `sequential`: seeds where the verdict is open (procedure A), over gaps, caps and margins, with the
  full grid that decides as many arms in one look;
- `robust`: the same where arms vary unequally, errors are not normal, or images are few;
- `best`: the race for the best arm;
- `variances`: one look at a full grid, the residual pooled (as up to version 0.1) or discounted;
- `margin`: seeds for a margin, and the largest loss.

What readers were told before, and are told now, is `measure_faults.py`'s.

Run: python tests/benchmarks/simulate_verdicts.py [--studies 1000] [--only sequential,best] [--json]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from made_up_studies import CORRELATION, SD, USUAL, Noise, draw, share

from dashboards.analysis.earlier_rules import pooled_error
from studies.judging.decisions import against_reference
from studies.judging.differences import Differences, differences, intervals
from studies.judging.dunnett import critical_value, t_quantile
from studies.judging.equivalence import largest_loss, seeds_for_margin, within
from studies.judging.race import best_of

MOST_RIGHT = 0.98  # a grid is not asked for more


@dataclass(frozen=True)
class Row:
    """A row of the table: what was set, what came out, and what the review found."""

    group: str
    setting: str
    found: dict[str, float | None]
    review: str = ""


# Right and wrong of one arm: its verdict, its true gap, the margin.


def is_wrong(verdict: str, gap: float, margin: float) -> bool:
    if verdict == "equal":
        return abs(gap) >= margin
    return (verdict == "better" and gap <= 0) or (verdict == "worse" and gap >= 0)


def sequential(
    random: np.random.Generator,
    studies: int,
    gaps: Sequence[float],
    cap: int,
    margin: float,
    noise: Noise = USUAL,
) -> dict[str, float | None]:
    resolution = 100 / noise.images if noise.images else 0.0
    trained, right, wrong = [], [], []
    for errors in draw(random, studies, gaps, cap, noise):
        course = against_reference(errors, 0, margin, resolution=resolution)
        verdicts = {arm: standing.verdict for arm, standing in course.standings.items()}
        bad = [is_wrong(verdicts[arm], gaps[arm], margin) for arm in verdicts]
        trained.append(course.trained)
        wrong.append(any(bad))
        right += [
            verdict != "open" and not miss
            for verdict, miss in zip(verdicts.values(), bad, strict=True)
        ]
    return {
        "trainings": round(float(np.mean(trained)), 1),
        "right %": share(right),
        "wrong %": share(wrong),
    }


def grid_right(
    compared: Differences, gaps: Sequence[float], margin: float, pooled: bool
) -> list[bool]:
    """Which arms one look at a full grid decides, and rightly."""
    sign = shown_pooled(compared) if pooled else shown(compared)
    equal = (within_pooled(compared) if pooled else within(compared)) < margin
    verdicts = np.where(
        sign < 0, "better", np.where(sign > 0, "worse", np.where(equal, "equal", ""))
    )
    return [
        bool(verdict) and not is_wrong(verdict, gaps[arm], margin)
        for arm, verdict in zip(compared.arms.tolist(), verdicts.tolist(), strict=True)
    ]


def full_grid(
    random: np.random.Generator,
    studies: int,
    gaps: Sequence[float],
    margin: float,
    right: float,
    most: int,
    pooled: bool,
) -> int:
    """Trainings of the smallest full grid that decides so large a share of arms rightly."""
    low, high = 2, most
    while high - low > 1:
        seeds = (low + high) // 2
        hits = [
            grid_right(differences(errors, 0), gaps, margin, pooled)
            for errors in draw(random, studies, gaps, seeds)
        ]
        low, high = (low, seeds) if np.mean(hits) >= min(right, MOST_RIGHT) else (seeds, high)
    return high * len(gaps)


# Cap, margin, gaps, and what the review found of the sequential procedure and of the grid.
SEQUENTIAL = (
    (20, 0.5, (0, 0, 0.2, 0.5, 1.0), (47, 99.3, 1.3, 70)),
    (20, 0.5, (0, 0, 0, 0, 0), (50, 99.4, 2.2, 60)),
    (20, 0.5, (0, 0, 0, 0, 0.5), (48, 99.4, 2.1, 58)),
    (20, 0.5, (0, 0, 1, 1, 1), (32, 99.8, 0.7, 43)),
    (20, 0.5, (0, 0, 0, 0.2, 0.2, 0.5, 1.0), (74, 98.8, 1.1, 95)),
    (20, 0.5, (0,) * 7, (73, 99.5, 2.3, 84)),
    (40, 0.3, (0, 0, 0.2, 0.5, 1.0), (92, 98.3, 0.8, 149)),
    (40, 0.3, (0, 0, 0, 0, 0), (114, 98.6, 3.8, 150)),
    (40, 0.3, (0, 0, 1, 1, 1), (58, 99.6, 1.4, 110)),
    (40, 0.3, (0, 0, 0, 0.2, 0.2, 0.5, 1.0), (153, 95.8, 1.7, 208)),
    (40, 0.3, (0,) * 7, (169, 98.6, 3.6, 213)),
)


def sequential_rows(random: np.random.Generator, studies: int) -> Iterator[Row]:
    for cap, margin, gaps, (trainings, right, wrong, grid) in SEQUENTIAL:
        found = sequential(random, studies, gaps, cap, margin)
        asked = float(found["right %"] or 0) / 100
        for pooled in (False, True):
            name = "full grid, pooled" if pooled else "full grid"
            found[name] = full_grid(random, studies, gaps, margin, asked, 2 * cap, pooled)
        setting = f"cap {cap}, margin {margin}, gaps {' '.join(map(str, gaps))}"
        review = f"{trainings}, right {right}, wrong {wrong}; grid, pooled {grid}"
        yield Row("sequential", setting, found, review)


ROBUST = (
    ("equal variances", USUAL, "2.4 / 2.5"),
    ("reference 2x sd", Noise((2, 1, 1, 1, 1)), "6.5 / 4.7"),
    ("reference 1.4x sd", Noise((1.4, 1, 1, 1, 1)), "4.4 / 4.3"),
    ("sd falls 2 to 1", Noise((2, 1.75, 1.5, 1.25, 1)), "5.6 / 4.1"),
    ("last arm 2x sd", Noise((1, 1, 1, 1, 2)), "3.5 / 3.2"),
    ("t with 3 df", Noise(tails=3), "0.7 / 1.0"),
    ("359 images", Noise(images=359), "2.6 / 3.0"),
    ("seed correlation 0", Noise(correlation=0), "3.9 / 2.9"),
)


def robust_rows(random: np.random.Generator, studies: int) -> Iterator[Row]:
    for name, noise, review in ROBUST:
        equal = sequential(random, studies, (0,) * 5, 20, 0.5, noise)
        apart = sequential(random, studies, (0, 0.5, 0.5, 0.5, 0.5), 20, 0.5, noise)
        found = {
            "wrong %, all equal": equal["wrong %"],
            "wrong %, all at the margin": apart["wrong %"],
            "trainings": equal["trainings"],
        }
        yield Row("robust", name, found, review)


def best_rows(random: np.random.Generator, studies: int) -> Iterator[Row]:
    for gaps, review in (
        ((0, 0, 0, 0, 0), "51 trainings"),
        ((0, 0, 0.2, 0.5, 1.0), "21 trainings"),
        ((0.3, 0, 0, 0, 0), "35 trainings"),
    ):
        trained, lost_best, wrong = [], [], []
        best = max(gaps)
        for errors in draw(random, studies, gaps, 20):
            race = best_of(errors, 0.3)
            trained.append(race.trained)
            lost_best.append(all(arm in race.dropped for arm in range(5) if gaps[arm] == best))
            wrong.append(race.decided and best - gaps[race.leader or 0] > 0.3 + 1e-12)
        found: dict[str, float | None] = {
            "trainings": round(float(np.mean(trained)), 1),
            "best dropped %": share(lost_best),
            "wrong leader %": share(wrong),
        }
        setting = f"cap 20, margin 0.3, gaps {' '.join(map(str, gaps))}"
        yield Row("best", setting, found, f"{review}; best dropped 0 to 0.9, wrong 0 to 1.2")


def shown(compared: Differences) -> np.ndarray:
    """Which differences are shown: -1 better, 1 worse, 0 not."""
    low, high = intervals(compared)
    return (low > 0).astype(int) - (high < 0)


def shown_pooled(compared: Differences) -> np.ndarray:
    """`shown` by these."""
    critical = critical_value(compared.correlation, compared.fitted.freedom)
    t = compared.estimate / pooled_error(compared)
    return (t > critical).astype(int) - (t < -critical)


def within_pooled(compared: Differences) -> np.ndarray:
    """`equivalence.within` by these."""
    half = t_quantile(0.05 / len(compared.arms), compared.fitted.freedom)
    return np.abs(compared.estimate) + half * pooled_error(compared)


# Arms, seeds, and the review's pooled -> discounted for each kind of variances; power.
VARIANCES: dict[tuple[int, int], tuple[str, str, str, str, str]] = {
    (3, 3): ("7.0 -> 7.0", "5.9 -> 5.9", "6.2 -> 6.2", "4.8 to 5.1", "88 -> 88"),
    (3, 5): ("7.1 -> 7.1", "6.0 -> 6.0", "6.3 -> 6.3", "4.8 to 5.1", "94 -> 94"),
    (3, 10): ("7.5 -> 6.4", "6.2 -> 5.7", "7.0 -> 6.2", "4.8 to 5.1", "97 -> 97"),
    (5, 3): ("10.7 -> 10.2", "7.2 -> 7.0", "7.6 -> 7.2", "4.9 to 5.2", "94 -> 94"),
    (5, 5): ("11.0 -> 8.7", "7.5 -> 6.7", "8.7 -> 7.3", "4.9 to 5.2", "94 -> 93"),
    (5, 10): ("11.8 -> 7.0", "7.8 -> 5.9", "8.3 -> 5.8", "4.9 to 5.2", "97 -> 95"),
    (7, 3): ("13.4 -> 11.7", "8.4 -> 7.6", "8.9 -> 7.7", "4.6 to 5.2", "95 -> 94"),
    (7, 5): ("13.6 -> 9.2", "8.8 -> 7.2", "9.4 -> 7.4", "4.6 to 5.2", "94 -> 91"),
    (7, 10): ("13.9 -> 6.5", "9.1 -> 6.2", "9.4 -> 6.3", "4.6 to 5.2", "96 -> 94"),
    (12, 3): ("16.6 -> 12.8", "9.9 -> 8.3", "10.4 -> 8.2", "4.6 to 5.4", "96 -> 93"),
    (12, 5): ("17.9 -> 10.3", "10.3 -> 7.3", "11.1 -> 7.7", "4.6 to 5.4", "93 -> 88"),
    (12, 10): ("18.3 -> 7.2", "10.9 -> 6.5", "10.7 -> 6.5", "4.6 to 5.4", "95 -> 90"),
}
POWER_GAPS = {3: 1.0, 5: 0.7, 10: 0.5}


def variances_rows(random: np.random.Generator, studies: int) -> Iterator[Row]:
    for (arms, seeds), review in VARIANCES.items():
        kinds = (
            ("reference 2x sd", (2.0, *[1.0] * (arms - 1))),
            ("reference 1.4x sd", (1.4, *[1.0] * (arms - 1))),
            ("sd falls 2 to 1", tuple(np.linspace(2, 1, arms).tolist())),
            ("equal sd", ()),
            (f"power, one arm {POWER_GAPS[seeds]} better", ()),
        )
        for (kind, sds), figure in zip(kinds, review, strict=True):
            gaps = [0.0] * arms
            if kind.startswith("power"):
                gaps[1] = POWER_GAPS[seeds]
            pooled, discount = [], []
            for errors in draw(random, studies, gaps, seeds, Noise(sds)):
                compared = differences(errors, 0)
                before, after = shown_pooled(compared), shown(compared)
                one = kind.startswith("power")
                pooled.append(before[0] < 0 if one else before.any())
                discount.append(after[0] < 0 if one else after.any())
            found: dict[str, float | None] = {
                "pooled %": share(pooled),
                "discounted %": share(discount),
            }
            yield Row("variances", f"{arms} arms, {seeds} seeds, {kind}", found, figure)


def advice(random: np.random.Generator, studies: int, margin: float) -> Row:
    """As many seeds as a margin takes, planned with the true deviation, or with that of a
    study of three seeds."""
    residual = SD * np.sqrt(1 - CORRELATION)
    fixed = seeds_for_margin(margin, residual, 5) or 0
    told = [
        (within(differences(errors, 0)) < margin).all()
        for errors in draw(random, studies, (0,) * 5, fixed)
    ]
    told_after, planned = [], []
    for errors in draw(random, studies, (0,) * 5, 3):
        planned.append(seeds_for_margin(margin, differences(errors, 0).fitted.sd or 0.0, 5) or 0)
        again = draw(random, 1, (0,) * 5, max(3, planned[-1]))[0]
        told_after.append((within(differences(again, 0)) < margin).all())
    found: dict[str, float | None] = {
        "seeds": fixed,
        "all told within the margin %": share(told),
        "planned on 3 seeds: seeds, median": float(np.median(planned)),
        "all told %": share(told_after),
    }
    return Row("margin", f"seeds for a margin of {margin}", found, "10 seeds; 85 to 93")


def loss_holds(random: np.random.Generator, studies: int, seeds: int) -> Row:
    """The largest loss: its size where all are equal, and whether it holds where one is better."""
    losses = [
        largest_loss(differences(errors, 0)) for errors in draw(random, studies, (0,) * 5, seeds)
    ]
    held = [
        largest_loss(differences(errors, 0)) >= 0.5
        for errors in draw(random, studies, (0, 0.5, 0.5, 0.5, 0.5), seeds)
    ]
    found: dict[str, float | None] = {
        "median": round(float(np.median(losses)), 2),
        "holds %": share(held),
    }
    review = {3: "0.65", 5: "0.48", 10: "0.33", 20: "0.23"}[seeds]
    return Row("margin", f"largest loss, {seeds} seeds", found, f"{review}; 95 or more")


def margin_rows(random: np.random.Generator, studies: int) -> Iterator[Row]:
    yield advice(random, studies, 0.5)
    for seeds in (3, 5, 10, 20):
        yield loss_holds(random, studies, seeds)


GROUPS = {
    "sequential": sequential_rows,
    "robust": robust_rows,
    "best": best_rows,
    "variances": variances_rows,
    "margin": margin_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--studies", type=int, default=1000, help="simulated for each figure")
    parser.add_argument("--only", default=",".join(GROUPS), help="groups, separated by commas")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    parser.add_argument("--json", action="store_true", help="a row of JSON a line")
    options = parser.parse_args()
    names = options.only.split(",")
    if wrong := [name for name in names if name not in GROUPS]:
        parser.error(f"no such group: {', '.join(wrong)}; there are {', '.join(GROUPS)}")
    for name in names:
        for row in GROUPS[name](np.random.default_rng(options.seed), options.studies):
            if options.json:
                print(json.dumps(asdict(row)))
            else:
                figures = ", ".join(f"{what} {value:g}" for what, value in row.found.items())
                print(f"{row.group}: {row.setting}\n    {figures}\n    review: {row.review}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
