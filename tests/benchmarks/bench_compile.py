"""Whether torch.compile would pay within a trial on a CPU: its steps
are faster, but it takes a while to compile.

    python tests/benchmarks/bench_compile.py

Needs a C++ compiler. No trial is compiled by torch; this says why.
"""

import argparse
import os
import shutil
import tempfile
import time
from typing import Any

import torch
from steps import plain_step
from turns import Turns, compare, play

from explorer import Architecture, build
from explorer.text import human_time
from studies.machine.settings import resolve

NETWORK = "resnext_1-1-1_8x4d_w96_small16"
BATCH = 128
STEPS = 15 * (54_000 // BATCH)  # of a trial of the preset studies fashion_mnist_...


def side(config: dict[str, Any], turns: Turns) -> None:
    """The first turn compiles and warms up; it tells how long that took through a file."""
    torch.set_num_threads(1)
    network: Any = build(Architecture.from_name(NETWORK, resolution=28, in_channels=1, classes=10))
    network.to(memory_format=torch.channels_last)
    if config["compile"]:
        network = torch.compile(network)
    step = plain_step(network, (BATCH, 1, 28, 28), config["precision"])
    turns.wait()
    started = time.perf_counter()
    step()
    with open(config["first"], "w") as file:
        file.write(str(time.perf_counter() - started))
    turns.done()
    while True:
        for _ in range(config["steps"]):
            step()
        turns.done()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10, help="of a turn")
    parser.add_argument("--turns", type=int, default=12)
    options = parser.parse_args()
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++")))):
        print("no C++ compiler here, so torch.compile cannot be tried")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder  # as the first trial of a design finds it
        common = {
            "steps": options.steps,
            "precision": resolve(device="cpu").settings.precision,
            "keep": True,
        }
        sides = {
            name: {**common, "compile": name == "compiled", "first": os.path.join(folder, name)}
            for name in ("eager", "compiled")
        }
        found = compare(sides, options.turns)
        first = {}
        for name, one in sides.items():
            with open(one["first"]) as file:
                first[name] = float(file.read())
    step = {name: told["seconds"] / options.steps for name, told in found.items()}
    processor = found["compiled"]["processor"] / found["eager"]["processor"]
    wait = first["compiled"] - first["eager"]
    trial = {name: seconds * STEPS for name, seconds in step.items()}
    saved = trial["eager"] - trial["compiled"] - wait
    print(
        f"{NETWORK}: compiled, a step takes {step['compiled'] / step['eager']:.3f} of its time"
        f" ({processor:.3f} of its processor time) after {human_time(wait)} of compiling; a trial"
        f" of {STEPS} steps takes {human_time(trial['eager'])} eager, and {human_time(abs(saved))}"
        f" {'less' if saved > 0 else 'more'} compiled"
    )


if __name__ == "__main__":
    if not play(side):
        main()
