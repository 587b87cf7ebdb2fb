"""A process that measures a few training steps, for a plan: what it runs, and what it tells."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from studies.machine.settings import Settings, check_settings

if TYPE_CHECKING:
    from studies.config.recipe import Recipe

# How many steps an epoch are measured, fewer where they take longer than so many seconds together.
MEASURED_STEPS = 16
MEASURED_SECONDS = 10.0

CHILD = (
    "import json, os, sys; config = json.loads(sys.stdin.read()); sys.path[:] = config.pop('path');"
    " from studies.running.measuring import measure;"
    " print(json.dumps(measure(**config)), flush=True);"
    " os._exit(0)"  # as a worker ends
)


def measure(
    study: dict[str, Any],
    shape: dict[str, int],
    names: list[str],
    data_dir: str | None,
    settings: dict[str, Any],
    now: float,
) -> dict[str, Any]:
    """What a measuring process tells: sizes of the splits, notes on the data,
    seconds until it could train, and of one step a design, a list for each recipe.

    `study` is a study's document, `now` the time at which the process was started.
    """
    from explorer import blueprint
    from studies.config.study import StudyFile
    from studies.data import Splits, load
    from studies.machine.memory import keep_memory

    try:
        # A mistake in the data is told before torch is there.
        file = StudyFile.model_validate(study)
        splits = load(file.data, Path(data_dir) if data_dir else None)
        all_steps = [recipe.steps_per_epoch(len(splits.train)) for recipe in file.all_recipes]
        here = Settings(**settings)
        check_settings(here)
    except UserError as error:
        return {"error": str(error)}
    if here.device == "cpu":
        keep_memory()
    from studies.training import train, training_notes

    start = time.time() - now

    def seconds(recipe: "Recipe", name: str, steps: int, epochs: int) -> float:
        """Seconds of one step, as a trial trains: in the fastest of
        short epochs, the first left out."""
        few = Splits(
            splits.train.take(range(steps * recipe.batch_size)),
            splits.validation.take(range(1)),
            splits.test.take(range(1)),
            splits.classes,
            splits.mean,
            splits.std,
            splits.mirrored,
        )
        # A learning rate for a long training may make numbers infinite in a short
        # one; how long a step takes does not change.
        short = recipe.model_copy(update={"epochs": epochs, "learning_rate": 1e-6})
        outcome = train(blueprint(name, **shape), short, few, 0, here)
        return min(float(row["seconds"]) for row in outcome.curves[1:]) / steps

    def measured(recipe: "Recipe", most: int, name: str) -> float:
        # One step alone also pays for what an epoch costs besides, so it
        # only tells how many can be measured.
        first = seconds(recipe, name, 1, 2)
        steps = min(MEASURED_STEPS, most, int(MEASURED_SECONDS / first))
        return seconds(recipe, name, steps, 3) if steps > 1 else first

    return {
        "splits": splits.sizes,
        "notes": training_notes(splits, *file.all_recipes),
        "start": start,
        "steps": [
            [measured(recipe, most, name) for name in names]
            for recipe, most in zip(file.all_recipes, all_steps, strict=True)
        ],
    }
