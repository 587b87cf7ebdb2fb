"""How fast designs are counted and matched, beside a plain loop over
fvcore on built models. One core, one run, ratios.

Run: python tests/benchmarks/bench_design.py
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import time
from collections.abc import Callable

import numpy as np

from explorer import Architecture, Budget, count
from explorer.budget import solve_quantity
from explorer.enumeration import CHUNK, enumerate_designs
from explorer.networks import fvcore_complexity

REFERENCE = Architecture.from_name("resnet50")
DESIGNS = 1_000_000


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """The best of a few runs: the least disturbed one."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def batches() -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    sizes = [min(CHUNK, DESIGNS - start) for start in range(0, DESIGNS, CHUNK)]
    return [
        {
            "cardinality": random.integers(1, 65, size),
            "bottleneck_width": random.integers(1, 65, size),
            "width": 8 * random.integers(1, 65, size),
            "depths": tuple(random.integers(1, 30, size) for _ in range(4)),
        }
        for size in sizes
    ]


def main() -> None:
    chunks = batches()
    budget = Budget.of(REFERENCE)
    counting = seconds(lambda: [count(REFERENCE.with_(**chunk)) for chunk in chunks])
    matching = seconds(
        lambda: [
            solve_quantity(REFERENCE.with_(**chunk), "bottleneck_width", budget, 1)
            for chunk in chunks
        ]
    )
    grid = seconds(
        lambda: enumerate_designs(REFERENCE, cardinality=range(1, 1001), width=range(24, 1024)),
        repeats=3,
    )
    random = np.random.default_rng(1)
    some = [
        REFERENCE.with_(cardinality=int(c), bottleneck_width=int(d))
        for c, d in random.integers(1, 33, (20, 2)).tolist()
    ]
    loop = seconds(
        lambda: [fvcore_complexity(architecture) for architecture in some], repeats=1
    ) / len(some)
    print(f"plain loop over fvcore:         {1 / loop:12,.1f} designs a second")
    for name, spent in (
        ("counting, three measures", counting),
        ("matching d by FLOPs", matching),
        ("enumerate, table and all", grid),
    ):
        print(
            f"{name + ':':<31} {DESIGNS / spent:12,.0f} designs a second,"
            f" {DESIGNS / spent * loop:12,.0f} times the loop"
        )


if __name__ == "__main__":
    main()
