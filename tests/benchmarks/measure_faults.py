"""What a reader of the product's pages is told, before and after: the situations in which an
independent review found its verdicts wrong, with the very code that writes the pages.

Studies are made up with a known truth and read as tables of trainings by `Findings`, `choose` and a
figure, which both versions have. The version before is a checkout of its own:

    git worktree add /tmp/before e9e5e40
    python tests/benchmarks/measure_faults.py --before /tmp/before [--studies 500] [--only 3,5]

Numbers of rows are those of the review's faults. Its figures are of the version before; where two
stand there, the second is what it expects of its remedy.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from made_up_studies import BASE, Noise, draw, share

from dashboards import figures
from dashboards.analysis.findings import Findings
from studies.winner.winner import choose

ROOT = Path(__file__).parents[2]
Told = dict[str, float | str]
Situation = Callable[[np.random.Generator, int], Told]
ARMS = 5
ADVICE = re.compile(r"[Aa]bout (\d+) more seed")


def trainings(errors: np.ndarray, first: int = 1) -> pd.DataFrame:
    """A row a training, as `studies.results` gives them. Errors are (arms, seeds) in points; NaN
    has failed, infinity is still to come, and minus infinity is not part of the study."""
    arms, seeds = errors.shape
    cardinality, seed = (
        np.repeat(np.arange(first, first + arms), seeds),
        np.tile(range(seeds), arms),
    )
    error = (BASE + errors.ravel()) / 100
    status = np.where(np.isnan(error), "failed", np.where(np.isinf(error), "waiting", "complete"))
    error = np.where(np.isfinite(error), np.maximum(error, 0), np.nan)
    table = pd.DataFrame(
        {
            "study": "made_up", "arm": [f"C={c}" for c in cardinality],
            "design": [f"C={c}" for c in cardinality], "reference": f"C={first}",
            "cardinality": cardinality, "seed": seed, "status": status, "test_error": error,
            "validation_error": error, "train_error": error, "epochs": 10, "by": "flops",
            "budget": 1e7, "mismatch": 0.0, "flops": 1e7, "params": 1e6, "activations": 1e5,
        }
    )  # fmt: skip
    return table[~np.isneginf(errors.ravel())].reset_index(drop=True)


def read(errors: np.ndarray, **info: Any) -> Findings:
    """What is found in a study that was planned with all these seeds, unless `info` says less."""
    seeds = list(range(errors.shape[1]))
    about = {"reference_arm": "C=1", "seeds": seeds, "planned_seeds": seeds}
    return Findings(trainings(errors), {**about, **info})


def claims(findings: Findings) -> list[str]:
    """The arms that are told to differ from the reference, with or without odd trainings."""
    told = [findings.comparison, getattr(findings.comparison, "without", None)]
    gaps = [gap for comparison in told if comparison for gap in comparison.differences]
    return list(dict.fromkeys(gap.arm for gap in gaps if gap.shown))


def fewer(studies: int, looks: int) -> int:
    """As many studies as take no longer than 5 looks each."""
    return max(10, studies * 5 // looks)


def looks_while_running(random: np.random.Generator, studies: int, seeds: int) -> Told:
    """No arm differs; somebody looks after each finished seed."""
    ever, last = [], []
    for errors in draw(random, fewer(studies, seeds), (0,) * ARMS, seeds):
        hits = []
        for done in range(2, seeds + 1):
            seen = np.where(np.arange(seeds) < done, errors, np.inf)
            hits.append(bool(claims(read(seen))))
        ever.append(any(hits[:-1]))
        last.append(hits[-1])
    return {"false claim before the end %": share(ever), "at the end %": share(last)}


def advice(random: np.random.Generator, studies: int) -> Told:
    """No arm differs; somebody trains as many more seeds as the page says."""
    seeds, answered = [], []
    for errors in draw(random, studies, (0,) * ARMS, 3):
        first = read(errors, margin=0.5)
        told = ADVICE.search(first.verdict.text)
        if told is None:
            continue
        seeds.append(int(told[1]))
        more = np.hstack([errors, draw(random, 1, (0,) * ARMS, seeds[-1])[0]])
        plan = [0, 1, 2]
        later = read(more, margin=0.5, planned_seeds=plan, extended_from=[plan])
        stands = [
            getattr(gap, "verdict", "shown" if gap.shown else "open")
            for gap in later.comparison.differences
        ]
        answered.append("open" not in stands)
    return {
        "more seeds, median": float(np.median(seeds)),
        "then every arm has its answer %": share(answered),
    }


def one_diverged(random: np.random.Generator, studies: int, seeds: int, extra: float) -> Told:
    """C=5 is 1.0 points better, and one training of any arm errs by so much more."""
    told, named = [], []
    for errors in draw(random, studies, (0, 0, 0, 0, 1.0), seeds):
        arm, seed = int(random.integers(ARMS)), int(random.integers(seeds))
        errors[arm, seed] += extra
        findings = read(errors)
        told.append("C=5" in claims(findings))
        it = rf"C={arm + 1}, seed {seed}\b" if extra else "out of line"
        named.append(bool(re.search(it, findings.verdict.text)))
    what = "the training is named %" if extra else "some training is named %"
    return {"the gap is told %": share(told), what: share(named)}


def noisy_reference(
    random: np.random.Generator, studies: int, arms: int, seeds: int, factor: float
) -> Told:
    """No arm differs; the reference has a larger deviation."""
    noise = Noise((factor, *[1.0] * (arms - 1)))
    false = [
        bool(claims(read(errors))) for errors in draw(random, studies, (0,) * arms, seeds, noise)
    ]
    return {"false claims %": share(false)}


def reference_on_few_seeds(random: np.random.Generator, studies: int) -> Told:
    """The same with twice the deviation, and seven of the reference's ten trainings failed."""
    false = []
    for errors in draw(random, studies, (0,) * ARMS, 10, Noise((2.0, *[1.0] * (ARMS - 1)))):
        errors[0, 3:] = np.nan
        false.append(bool(claims(read(errors))))
    return {"false claims %": share(false)}


def stands_behind_winner(errors: np.ndarray) -> list[str]:
    return [rival.stands for rival in choose(trainings(errors)).rivals]


def winner(random: np.random.Generator, studies: int, arms: int, seeds: int) -> Told:
    """One arm is 1.0 points better than equal others; and all are equal."""
    better = draw(random, studies, (1.0, *[0.0] * (arms - 1)), seeds)
    equal = draw(random, studies, (0,) * arms, seeds)
    told = [set(stands_behind_winner(errors)) == {"worse"} for errors in better]
    worse = ["worse" in stands_behind_winner(errors) for errors in equal]
    return {"all others are told worse %": share(told), "equals: one told worse %": share(worse)}


def winner_lost_a_seed(random: np.random.Generator, studies: int) -> Told:
    """The best of five by 0.5 on ten seeds, one random training of which failed."""
    named = []
    for errors in draw(random, studies, (0.5, 0, 0, 0, 0), 10):
        errors[random.integers(ARMS), random.integers(10)] = np.nan
        named.append(choose(trainings(errors)).arm == "C=1")
    return {"named best %": share(named)}


def arms_added(random: np.random.Generator, studies: int, most: int) -> Told:
    """No arm differs; arms are added one by one until one is told to."""
    ever = []
    for errors in draw(random, fewer(studies, most), (0,) * most, 3):
        hit = False
        for arms in range(2, most + 1):
            before = [[f"C={c + 1}" for c in range(count)] for count in range(2, arms)]
            stages = [[0, 1, 2]] * len(before)
            hit = hit or bool(claims(read(errors[:arms], extended_from=stages, arms_before=before)))
        ever.append(hit)
    return {"ever a false claim %": share(ever)}


def equal_spaces(random: np.random.Generator, studies: int, designs: int, shift: float) -> Told:
    """Two design spaces at the same costs, errors of sd 1.0, one worse by a shift."""
    named, effective = [], []
    for _ in range(max(10, studies // 5)):
        tables = []
        for space in range(2):
            table = trainings(random.normal(space * shift, 1, (designs, 1)) + 3)
            costs = 1e7 * np.exp(random.uniform(0, 1, designs))
            tables.append(table.assign(study="ab"[space], flops=costs))
        title = figures.error_distribution_functions(pd.concat(tables)).layout.title
        named.append("No difference" not in title.text)
        effective += [float(n) for n in re.findall(r"worth (\d+)", title.subtitle.text)]
    return {
        "titles that name a difference %": share(named),
        "effective n": round(float(np.mean(effective)), 1) if effective else "not told",
    }


def two_arms(random: np.random.Generator, studies: int, gap: float) -> Told:
    """Three seeds with a correlation of 0.1, as measured."""
    tables = draw(random, studies, (0, gap), 3, Noise(correlation=0.1))
    return {"shown %": share([bool(claims(read(errors))) for errors in tables])}


def plan_of_one_seed(random: np.random.Generator, studies: int, before: list[int]) -> Told:
    """C=5 is 0.7 better; planned on one seed, extended to three."""
    stages = [list(range(count)) for count in before]
    told = [
        "C=5" in claims(read(errors, planned_seeds=[0], extended_from=stages))
        for errors in draw(random, studies, (0, 0, 0, 0, 0.7), 3)
    ]
    return {"the gap is shown %": share(told)}


def one_page(random: np.random.Generator, studies: int) -> Told:
    """No arm differs on three seeds: what a page claims that stands on several tests."""
    sentence, trend, worse = [], [], []
    for errors in draw(random, studies, (0,) * ARMS, 3):
        findings = read(errors)
        sentence.append(bool(claims(findings)))
        line = findings.comparison.trend
        trend.append(line is not None and not line.low <= 0 <= line.high)
        worse.append("worse" in stands_behind_winner(errors))
    any_of = np.array(sentence) | np.array(trend)
    return {
        "the sentence %": share(sentence),
        "or the trend %": share(any_of),
        "or the winner %": share(any_of | np.array(worse)),
    }


def p_values_after_looks(random: np.random.Generator, studies: int) -> Told:
    """No arm differs; planned with three seeds, extended to five."""
    beside = []
    for errors in draw(random, studies, (0,) * ARMS, 5):
        comparison = read(errors, planned_seeds=[0, 1, 2], extended_from=[[0, 1, 2]]).comparison
        told = getattr(comparison, "p_values", {})
        p_values = [told.get(g.arm, getattr(g, "p_value", 1.0)) for g in comparison.differences]
        shown = [gap.shown for gap in comparison.differences]
        beside.append(any(p < 0.05 and not gap for p, gap in zip(p_values, shown, strict=True)))
    return {"p < 0.05 beside 'not shown' %": share(beside)}


def speed_with_holes(random: np.random.Generator, studies: int, arms: int) -> Told:
    """A fifth of the pairs of five seeds is missing."""
    seconds = []
    for errors in draw(random, 20, (0,) * arms, 5):
        errors[1:][random.random((arms - 1, 5)) < 0.2] = np.nan
        findings = read(errors)
        start = time.perf_counter()
        findings.comparison  # noqa: B018
        seconds.append(time.perf_counter() - start)
    return {"a comparison, ms": round(1000 * float(np.median(seconds)), 1)}


def words(errors: Sequence[Sequence[float]], **info: Any) -> Situation:
    """The sentence on one study."""

    def told(random: np.random.Generator, studies: int) -> Told:
        return {"says": read(np.array(errors) - BASE, **info).verdict.text}

    return told


def words_of_apart(random: np.random.Generator, studies: int) -> Told:
    tables = [
        trainings(random.normal(size=(15, 1))).assign(study=name, flops=flops)
        for name, flops in (("a", 18e6), ("b", 36e6))
    ]
    return {"title": str(figures.error_distribution_functions(pd.concat(tables)).layout.title.text)}


CLEAR = [[2.6, 2.8, 2.5], [2.62, 2.79, 2.47], [1.61, 1.84, 1.5], [2.45, 2.6, 2.48]]
NONE = [[2.6, 2.8, 2.5], [2.9, 2.5, 2.6], [2.3, 2.8, 2.7], [2.8, 2.9, 2.6]]
DIVERGED = [*CLEAR[:1], [90.0, 2.79, 2.47], *CLEAR[2:]]
SEARCH = [CLEAR[0], *([row[0], -np.inf, -np.inf] for row in (CLEAR[1], CLEAR[3])), CLEAR[2]]
SEARCHED = {
    "method": "tpe", "trials": 4, "trials_possible": 4, "trials_proposed": 4,
    "finalists_chosen": ["C=1", "C=4"],
}  # fmt: skip
RUNNING = [[*row[:2], np.inf] for row in CLEAR]

# Fault, situation, what to measure, and what the review found.
SITUATIONS: list[tuple[str, str, Situation, str]] = [
    *(
        ("1", f"{n} seeds planned, no arm differs", partial(looks_while_running, seeds=n), found)
        for n, found in ((5, "14"), (10, "19"), (20, "26"), (30, "29 to 30"))
    ),
    ("1", "two of three seeds are in", words(RUNNING), "claims too early"),
    ("2", "no arm differs, 3 seeds, a margin of 0.5", advice, "18 more; settled in 1 to 2"),
    ("2", "no difference", words(NONE), "promises what happens in 1 of 100"),
    *(
        ("3", f"{n} seeds, one training {extra:+g}", partial(one_diverged, seeds=n, extra=extra), f)
        for n, found in ((3, (94, 69, 0, 0, 0)), (5, (100, 99, 28, 0, 0)))
        for extra, f in zip((0, 1, 3, 10, 50), map(str, found), strict=True)
    ),
    ("3", "one training of 90 %", words(DIVERGED), "names nothing"),
    *(
        (
            "4",
            f"{arms} arms, {seeds} seeds, reference {factor:g}x sd",
            partial(noisy_reference, arms=arms, seeds=seeds, factor=factor),
            found,
        )
        for factor, arms, seeds, found in (
            (2, 3, 10, "7.5 -> 6.4"), (2, 5, 3, "10.7 -> 10.2"), (2, 5, 10, "11.8 -> 7.0"),
            (2, 7, 10, "13.9 -> 6.5"), (2, 12, 10, "18.3 -> 7.2"), (1.4, 5, 10, "7.8 -> 5.9"),
        )
    ),
    ("4", "5 arms, reference 2x sd on 3 of 10 seeds", reference_on_few_seeds, "31"),
    *(
        ("5", f"{arms} arms, {n} seeds", partial(winner, arms=arms, seeds=n), found)
        for arms, n, found in (
            (5, 3, "2 -> 75; 7.4 -> 5.0"), (5, 10, "8.6 -> 5.0 worse"), (7, 3, "0 -> 70; 8 to 11"),
        )
    ),
    ("6", "best of 5 by 0.5, a training lost", winner_lost_a_seed, "80 -> 100"),
    *(
        ("7", f"up to {most} arms, 3 seeds", partial(arms_added, most=most), found)
        for most, found in ((5, "9"), (8, "12"), (12, "14"))
    ),
    *(
        ("9", f"{n} designs, shift {s:g} sd", partial(equal_spaces, designs=n, shift=s), found)
        for s, values in ((0, ("100 -> 3 to 5",) * 3), (1, ("50", "68", "100")))
        for n, found in zip((15, 30, 100), values, strict=True)
    ),
    ("10", "costs that do not overlap", words_of_apart, "an empty figure without a reason"),
    ("11", "a search of four designs", words(SEARCH, search=SEARCHED), "does not say so"),
    *(
        ("12", f"gap {gap:g}", partial(two_arms, gap=gap), found)
        for gap, found in ((0, "4.6"), (0.5, "24 -> 35"), (1.0, "61 -> 86"))
    ),
    ("13", "one seed, extended to 3", partial(plan_of_one_seed, before=[1]), "51 -> 65"),
    ("13", "one seed, to 2, to 3", partial(plan_of_one_seed, before=[1, 2]), "31"),
    ("14", "no arm differs, 3 seeds", one_page, "4.8, 7.7, 14"),
    ("15", "extended from 3 to 5 seeds", p_values_after_looks, "p < 0.05 beside no difference"),
    *(
        ("17", f"{arms} arms", partial(speed_with_holes, arms=arms), found)
        for arms, found in ((5, "100 to 300"), (7, "1000"))
    ),
]  # fmt: skip


def measured(studies: int, only: Sequence[str], seed: int) -> Iterator[Told]:
    """What this version tells, of each situation in order."""
    for fault, _, situation, _ in SITUATIONS:
        if not only or fault in only:
            yield situation(np.random.default_rng(seed), studies)


def told_by(checkout: Path, arguments: Sequence[str]) -> Iterator[Told]:
    """The same of the version in a checkout."""
    command = [sys.executable, __file__, "--side", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as side:
        assert side.stdout is not None
        yield from map(json.loads, side.stdout)
    if side.returncode:
        raise SystemExit(f"{checkout}: exit code {side.returncode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--before", type=Path, help="a checkout of the version before")
    parser.add_argument("--studies", type=int, default=500, help="made up for each figure")
    parser.add_argument("--only", default="", help="faults, separated by commas")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    only = list(filter(None, options.only.split(",")))
    if options.side:
        for told in measured(options.studies, only, options.seed):
            print(json.dumps(told), flush=True)
        return
    rest = [f"--studies={options.studies}", f"--only={options.only}", f"--seed={options.seed}"]
    sides = [checkout for checkout in (options.before, ROOT) if checkout]
    chosen = [row for row in SITUATIONS if not only or row[0] in only]
    for row, *told in zip(chosen, *(told_by(side, rest) for side in sides), strict=True):
        fault, setting, _, review = row
        print(f"{fault}: {setting} (the review: {review})")
        for what in told[-1]:
            values = " -> ".join(str(side.get(what, "not told")) for side in told)
            print(f"    {what}: {values}", flush=True)


if __name__ == "__main__":
    main()
