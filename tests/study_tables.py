"""Tables as `studies.results` gives them, made up: five cardinalities
matched at 8x8 pixels, with seeds of known effect."""

from typing import Any

import numpy as np
import pandas as pd

CARDINALITIES = (1, 2, 4, 8, 16)
WIDTHS = (64, 39, 23, 13, 7)
FLOPS = (19_970_048, 19_811_712, 19_874_560, 19_979_776, 19_948_544)
PARAMS = (1_977_802, 1_890_988, 1_828_366, 1_780_306, 1_737_178)
ACTIVATIONS = (85_002, 90_154, 95_306, 99_722, 102_666)


def make_trials(
    effects: dict[str, float] | None = None,
    *,
    seeds: int = 3,
    noise: float = 0.0015,
    seed_effect: float = 0.002,
    base: float = 0.025,
    random_seed: int = 0,
    name: str = "digits_cardinality",
) -> pd.DataFrame:
    """One row a pair, all complete. `effects` adds to an arm's error (a
    fraction), every seed adds to all arms alike."""
    random = np.random.default_rng(random_seed)
    common = random.normal(0, seed_effect, seeds)
    rows = []
    for seed in range(seeds):
        for i, (c, d) in enumerate(zip(CARDINALITIES, WIDTHS, strict=True)):
            error = (
                base + (effects or {}).get(f"C={c}", 0.0) + common[seed] + random.normal(0, noise)
            )
            seconds = 9 + 1.4 * np.log2(c) + random.normal(0, 0.2)
            rows.append(
                {
                    "study": name,
                    "arm": f"C={c}",
                    "design": f"resnext11_{c}x{d}d_cifar",
                    "reference": "resnext11_1x64d_cifar",
                    "cardinality": c,
                    "bottleneck_width": d,
                    "width": 256,
                    "depths": "1-1-1",
                    "growth": "d",
                    "shortcut": "projection",
                    "stem": "small",
                    "kind": "bottleneck",
                    "order": "post",
                    "resolution": 8,
                    "in_channels": 1,
                    "classes": 10,
                    "flops": FLOPS[i],
                    "params": PARAMS[i],
                    "activations": ACTIVATIONS[i],
                    "by": "flops",
                    "budget": FLOPS[0],
                    "mismatch": FLOPS[i] / FLOPS[0] - 1,
                    "seed": seed,
                    "status": "complete",
                    "reason": "",
                    "attempt": len(rows),
                    "epochs": 10,
                    "train_error": max(0.0, error - 0.018),
                    "validation_error": error + random.normal(0, noise),
                    "test_error": max(0.0, error),
                    "train_top5_error": 0.0,
                    "validation_top5_error": 0.002,
                    "test_top5_error": 0.003,
                    "seconds": seconds,
                    "seconds_per_epoch": seconds / 10,
                    "images_per_second": 10780 / seconds,
                    "peak_memory": 4.1e8,
                    "device": "cpu",
                    "worker": f"host-{seed % 2}",
                    "started": (
                        pd.Timestamp("2026-11-21T08:00:00Z") + pd.Timedelta(seconds=12 * len(rows))
                    ),
                    "finished": (
                        pd.Timestamp("2026-11-21T08:00:10Z") + pd.Timedelta(seconds=12 * len(rows))
                    ),
                }
            )
    return pd.DataFrame(rows)


# Arms of several axes, as a space that is a list of grids has them: C, d, width, depths.
MIXED = {
    "C=1": (1, 64, 256, "1-1-1"),
    "width=32": (1, 8, 32, "1-1-1"),
    "C=16": (16, 7, 256, "1-1-1"),
    "width=384": (1, 40, 384, "1-1-1"),
    "C=4": (4, 23, 256, "1-1-1"),
    "depths=1-2-1": (1, 52, 256, "1-2-1"),
    "C=4, shortcut=projection": (4, 24, 256, "1-1-1"),
    "depths=2-2-2": (1, 41, 256, "2-2-2"),
    "C=4, depth policy=proportional": (4, 18, 256, "2-1-1"),
}


def make_mixed_trials(
    arms: dict[str, tuple[int, int, int, str]] | None = None, *, seeds: int = 3, **options: Any
) -> pd.DataFrame:
    """One row a pair, all complete, of nine arms that vary different axes, or of other `arms`."""
    of_c_1 = make_trials(seeds=seeds, **options).query("cardinality == 1").reset_index(drop=True)
    random, parts = np.random.default_rng(1), []
    for number, (arm, (c, d, width, depths)) in enumerate((arms or MIXED).items()):
        flops = int(FLOPS[0] * (1 + 0.004 * (-1) ** number * (number % 4)))
        own = of_c_1.assign(
            arm=arm,
            design=f"resnext_{depths}_{c}x{d}d_w{width}_small",
            cardinality=c,
            bottleneck_width=d,
            width=width,
            depths=depths,
            flops=flops,
            params=int(PARAMS[0] * 0.97**number),
            activations=int(ACTIVATIONS[0] * 1.04**number),
            mismatch=flops / FLOPS[0] - 1,
            reference="resnext_1-1-1_1x64d_w256_small",
        )
        gaps = 0.001 * number + random.normal(0, 0.0015, seeds)
        for split in ("train", "validation", "test"):
            own[f"{split}_error"] = (own[f"{split}_error"] + gaps).clip(lower=0)
        seconds = own["seconds"] * 1.06**number
        parts.append(own.assign(seconds=seconds, images_per_second=10780 / seconds))
    return pd.concat(parts, ignore_index=True)


def without_results(trials: pd.DataFrame, rows: Any, status: str, reason: str = "") -> pd.DataFrame:
    """A copy in which the pairs `rows` ended as `status`, with no result."""
    changed = trials.copy()
    changed.loc[rows, ["status", "reason"]] = [status, reason]
    errors = [
        f"{part}{top5}_error" for part in ("train", "validation", "test") for top5 in ("", "_top5")
    ]
    missing = [*errors, "seconds", "seconds_per_epoch", "images_per_second"]
    changed.loc[rows, missing] = np.nan
    return changed


def make_curves(trials: pd.DataFrame, epochs: int = 10, random_seed: int = 0) -> pd.DataFrame:
    """Ten epochs that end at each complete pair's errors."""
    random = np.random.default_rng(random_seed)
    rows = []
    for trial in trials[trials["status"] == "complete"].to_dict("records"):
        for epoch in range(1, epochs + 1):
            left = np.exp(-0.75 * (epoch - 1)) - np.exp(-0.75 * (epochs - 1))
            wobble = 1 + (0.06 * random.normal() if epoch < epochs else 0)
            rows.append(
                {
                    "study": trial["study"],
                    "arm": trial["arm"],
                    "design": trial["design"],
                    "seed": trial["seed"],
                    "epoch": epoch,
                    "learning_rate": 0.1 * (1 - epoch / epochs),
                    "train_loss": 2.0 * left + 0.02,
                    "train_error": (trial["train_error"] + 0.62 * left) * wobble,
                    "validation_loss": 1.8 * left + 0.08,
                    "validation_error": (trial["validation_error"] + 0.45 * left) * wobble,
                    "seconds": trial["seconds"] / epochs,
                }
            )
    columns = [
        "study",
        "arm",
        "design",
        "seed",
        "epoch",
        "learning_rate",
        "train_loss",
        "train_error",
    ]
    return pd.DataFrame(rows, columns=[*columns, "validation_loss", "validation_error", "seconds"])


def make_info(name: str = "digits_cardinality") -> dict[str, Any]:
    """What `studies.results.study_info` says about a study."""
    return {
        "name": name,
        "question": "At equal FLOPs, how many paths?",
        "reference_arm": "C=1",
        "document": (
            f"name: {name}\nquestion: At equal FLOPs, how many paths?\nspace:"
            " digits_cardinality\nreference_arm: {cardinality: 1}\ndata: {name: digits,"
            " validation: 0.2, test: 0.2, split_seed: 0}\nrecipe: {name: quick, epochs: 10,"
            " batch_size: 64}\nseeds: [0, 1, 2]\nsearch: grid\n"
        ),
        "data": {"name": "digits", "train": 1078, "validation": 359, "test": 360},
        "recipe": {"name": "quick", "epochs": 10, "batch_size": 64},
        "settings": {
            "device": "cpu",
            "precision": "32-bit",
            "threads": 1,
            "memory_format": "channels_last",
        },
        "versions": {
            "resnext-explorer": "0.1.0",
            "torch": "2.13.0",
            "optuna": "5.0.0",
            "python": "3.11.2",
        },
        "machine": "Linux x86_64, 2 cores",
        "device": "cpu",
        "created": "2026-11-21T08:00:00+00:00",
        "seeds": [0, 1, 2],
        "planned_seeds": [0, 1, 2],
        "wanted": 15,
        "git commit": None,
    }
