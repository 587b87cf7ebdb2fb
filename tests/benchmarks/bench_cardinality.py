"""What more paths cost in time where the FLOPs are equal: a
training step by cardinality, relative to C=1.

    python tests/benchmarks/bench_cardinality.py

d is solved for each C (`match`), 28x28 pixels, batches of 128, one thread. Each network has two
processes, one that keeps its memory as workers do and one that does not; they take turns of a few
steps. Needs about 10 GB of memory.
"""

import argparse
from typing import Any

import torch
from steps import plain_step
from turns import Turns, compare, play

from explorer import Architecture, build, match
from studies.machine.settings import resolve

REFERENCE = "resnext_1-1-1_1x20d_w96_small16"
CARDINALITIES = (1, 2, 4, 8, 16, 32)
SHAPE = {"resolution": 28, "in_channels": 1, "classes": 10}
BATCH = 128


def side(config: dict[str, Any], turns: Turns) -> None:
    torch.set_num_threads(1)
    architecture = Architecture.from_name(config["network"], **SHAPE)
    network = build(architecture)
    network.to(memory_format=torch.channels_last)
    step = plain_step(network, (BATCH, 1, 28, 28), config["precision"])
    turns.wait()
    while True:
        for _ in range(config["steps"]):
            step()
        turns.done()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=5, help="of a turn")
    parser.add_argument("--turns", type=int, default=12)
    options = parser.parse_args()
    precision = resolve(device="cpu").settings.precision
    designs = match(Architecture.from_name(REFERENCE, **SHAPE), cardinality=list(CARDINALITIES))
    sides = {
        f"{design.architecture.name} {'kept' if keep else 'plain'}": {
            "network": design.architecture.name, "keep": keep,
            "steps": options.steps, "precision": precision,
        }
        for design in designs
        for keep in (False, True)
    }  # fmt: skip
    found = compare(sides, options.turns)
    print(f"A training step at equal FLOPs, {precision}, relative to C=1: time (processor time)")
    first = designs[0].architecture.name
    for cardinality, design in zip(CARDINALITIES, designs, strict=True):
        name, parts = design.architecture.name, []
        for kind, words in (("plain", "plain process"), ("kept", "memory kept")):
            ratios = [
                found[f"{name} {kind}"][key] / found[f"{first} {kind}"][key]
                for key in ("seconds", "processor")
            ]
            parts.append(f"{words} {ratios[0]:.2f} ({ratios[1]:.2f})")
        gain = [
            found[f"{name} kept"][key] / found[f"{name} plain"][key]
            for key in ("seconds", "processor")
        ]
        mismatch = f"{100 * design.mismatch:+.1f} % FLOPs"
        print(
            f"C={cardinality:<3} {mismatch:>13}: {', '.join(parts)}; kept / plain {gain[0]:.2f}"
            f" ({gain[1]:.2f})"
        )


if __name__ == "__main__":
    if not play(side):
        main()
