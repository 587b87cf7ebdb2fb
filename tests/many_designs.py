"""A table of trainings of many designs, made up: a free space in which error falls with C up to 8,
with depth and with FLOPs."""

from typing import Any

import numpy as np
import pandas as pd
from study_tables import make_trials

from explorer import Architecture
from explorer.complexity import count

INPUT = {"resolution": 8, "classes": 10, "in_channels": 1}
WIDTHS = {"cardinality": (1, 2, 4, 8, 16), "bottleneck_width": (4, 8, 16, 32, 64)}


def make_many(designs: int = 60, seeds: int = 2, random_seed: int = 0) -> pd.DataFrame:
    """One row a pair, all complete; the first design is the reference."""
    random, parts, names = np.random.default_rng(random_seed), [], set()
    while len(parts) < designs:
        c, d = (int(random.choice(values)) for values in WIDTHS.values())
        depths = tuple(int(depth) for depth in random.integers(1, 4, 3))
        part = of_design(c, d, int(random.choice((64, 128, 256, 512))), depths, seeds, random)
        if part["design"].iloc[0] not in names:
            names.add(part["design"].iloc[0])
            parts.append(part)
    return _joined(parts)


def make_grid(seeds: int = 5, depths: Any = ((1, 1, 1), (1, 2, 1), (2, 2, 2))) -> pd.DataFrame:
    """The trainings of a matched space with two axes, C and depths: d is such that every design
    costs about 20 M FLOPs. Made up as well: C=8 with two blocks a stage errs least, C=4 almost as
    little."""
    random, parts = np.random.default_rng(3), []
    for own in depths:
        for c in WIDTHS["cardinality"]:
            d = min(range(2, 80), key=lambda d, c=c, own=own: abs(_flops(c, d, own) - 20e6))
            part = of_design(c, d, 256, own, seeds, random)
            gap = 0.0015 * (np.log2(c) - 2.9) ** 2 - 0.001 * sum(own) - 0.02
            noise = random.normal(0, 0.0008, seeds)
            errors = {
                f"{split}_error": (0.05 + gap + noise).clip(0)
                for split in ("train", "validation", "test")
            }
            name = f"C={c}, depths={'-'.join(map(str, own))}"
            parts.append(part.assign(**errors, arm=name, budget=20_000_000, by="flops"))
    return _joined(parts)


def of_design(
    c: int, d: int, width: int, depths: tuple[int, ...], seeds: int, random: np.random.Generator
) -> pd.DataFrame:
    """The trainings of one design, one a seed."""
    text = "-".join(map(str, depths))
    name = f"resnext_{text}_{c}x{d}d_w{width}_small"
    counts = count(Architecture.from_name(name, **INPUT))
    rows = make_trials(seeds=seeds).query("cardinality == 1").reset_index(drop=True)
    gap = (
        0.0025 * (np.log2(c) - 3) ** 2
        - 0.004 * np.log2(sum(depths))
        - 0.002 * np.log2(counts.flops / 1e7)
        + random.normal(0, 0.002)
    )
    errors = {
        f"{split}_error": (rows[f"{split}_error"] + 0.012 + gap + random.normal(0, 0.001, seeds))
        for split in ("train", "validation", "test")
    }
    seconds = rows["seconds"] * (0.5 + counts.flops / 2e7) * (1 + 0.05 * random.normal())
    return rows.assign(
        arm=f"C={c}, d={d}, width={width}, depths={text}",
        design=name,
        cardinality=c,
        bottleneck_width=d,
        width=width,
        depths=text,
        flops=counts.flops,
        params=counts.params,
        activations=counts.activations,
        mismatch=np.nan,
        budget=pd.NA,
        by="",
        seconds=seconds,
        seconds_per_epoch=seconds / 10,
        **{key: values.clip(0, 1) for key, values in errors.items()},
    )


def _flops(c: int, d: int, depths: tuple[int, ...]) -> int:
    text = "-".join(map(str, depths))
    name = f"resnext_{text}_{c}x{d}d_w256_small"
    return int(count(Architecture.from_name(name, **INPUT)).flops)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    trials = pd.concat(parts, ignore_index=True)
    return trials.assign(study="many", reference=trials["design"].iloc[0])
