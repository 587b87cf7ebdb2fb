"""A process that shares trainings with others: see `tests/studies/training/test_ranks.py`."""

import sys
from pathlib import Path
from typing import Any

import torch
from small_trainings import CPU, GROUPED, MODERN, RECIPE, STEPS, few_digits, stop_after

from studies.training.outcome import Outcome, TrainingStopped
from studies.training.ranks import Ranks
from studies.training.training import train

# Slow, since a fast training is chaotic: at a rate of 0.1, weights that differ by a ten millionth
# became weights that differ by a tenth in three epochs.
SLOW = {"epochs": 2, "learning_rate": 0.01}
# Mixed and erased images, averaged weights, and classes that count differently.
RECIPES = {
    "plain": RECIPE.model_copy(update=SLOW),
    "weighted": MODERN.model_copy(update={**SLOW, "class_weights": "balanced"}),
}


def shared(recipe: str, ranks: Ranks | None, **options: Any) -> Outcome:
    return train(GROUPED, RECIPES[recipe], few_digits(), 5, CPU, ranks=ranks, **options)


def main(rank: int, ports: list[int]) -> None:
    ranks = [Ranks(2, rank, port) for port in ports]
    outcomes = {"plain": shared("plain", ranks[0])}
    # Only the second process is asked to stop, in the last epoch.
    stop = stop_after(STEPS + 2) if rank else lambda: False
    folder = Path("checkpoints")
    try:
        shared("weighted", ranks[1], checkpoints=folder, should_stop=stop)
        raise AssertionError("it was not stopped")
    except TrainingStopped:
        pass
    resumed: list[int] = []
    outcomes["weighted"] = shared(
        "weighted", ranks[2], checkpoints=folder, on_resume=lambda rows: resumed.append(len(rows))
    )
    assert resumed == [1]
    torch.save({name: vars(own) for name, own in outcomes.items()}, f"outcomes{rank}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(port) for port in sys.argv[2:]])
