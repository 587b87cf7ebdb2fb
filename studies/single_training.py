"""Training one network outside any study, with the code that trains a study's.

trained = train("resnext11_8x16d_cifar", data="digits", recipe={"name": "quick", "epochs": 20})
trained.outcome.test_error
trained.save("weights.safetensors")
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import Blueprint, blueprint
from search_spaces.documents import load_document, validate
from studies.config.overrides import override
from studies.config.recipe import Recipe
from studies.data import DATA_SETS, DataSpec, Splits, data_section, data_shape, load
from studies.machine.settings import Settings, speed_hints
from studies.training import settings_here, training_notes

if TYPE_CHECKING:
    from studies.training import Outcome

# What is kept for the test of a data set that has no test images of its own.
TEST = 0.2
Row = dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """A network that was trained.

    Attributes:
        architecture: The network.
        outcome: Errors after the last epoch, curves and weights: see `Outcome`.
        metadata: What a file of its weights says beside the design: classes and how pixels are
            scaled.
    """

    architecture: Blueprint
    outcome: "Outcome"
    metadata: dict[str, str]

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the weights (safetensors); `Predictor.load` takes the file.

        Args:
            path: The file.
            force: Also replace a file that is none of ours.

        Raises:
            UserError: The file cannot be written.
        """
        from explorer.networks import build, export

        network = build(self.architecture)
        network.load_state_dict(self.outcome.state_dict)
        export(network, path, "safetensors", self.metadata, force=force)
        return Path(path)


@dataclass(frozen=True)
class Preparation:
    """A training that is ready to begin.

    Attributes:
        architecture: The network, with the data's input and classes.
        data: What the images are.
        recipe: How it is trained.
        splits: The images.
        settings: Device, precision and threads.
        notes: What to know of the weights, the data and this machine, a sentence each.
        weights: Those that it starts from: see `studies.training.train`.
    """

    architecture: Blueprint
    data: DataSpec
    recipe: Recipe
    splits: Splits
    settings: Settings
    notes: list[str]
    weights: dict[str, Any]

    def train(
        self, seed: int, checkpoints: Path | None, on_epoch: Callable[[Row], None]
    ) -> Trained:
        """Train it; the arguments are those of `train`."""
        from studies.machine.memory import keep_memory
        from studies.training import train

        if self.settings.device == "cpu":
            keep_memory()
        outcome = train(
            self.architecture,
            self.recipe,
            self.splits,
            seed,
            self.settings,
            checkpoints=checkpoints,
            on_epoch=on_epoch,
            weights=self.weights,
        )
        metadata = {**self.splits.to_export(), "precision": self.settings.precision}
        return Trained(self.architecture, outcome, metadata)


def train(
    network: str,
    *,
    data: Any,
    recipe: Recipe | dict[str, Any] | str = "quick",
    seed: int = 0,
    data_dir: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    checkpoints: Path | None = None,
    weights: str | Path | None = None,
    on_epoch: Callable[[Row], None] = lambda row: None,
) -> Trained:
    """Train one network, in this process, and test it once after the last epoch.

    Args:
        network: Its name, also of a function of your own; resolution, channels and classes are
            those of the data.
        data: A data set's name, a `data` section, or arrays as `Study` takes them.
        recipe: A preset's name, a YAML file, a `Recipe` or its keys.
        seed: Of the initial weights, the order of images and their augmentation.
        data_dir: The folder with the data set's files; official ones are downloaded without it.
        device: `cpu`, `cuda`, `cuda:1` or `auto`.
        precision: `32`, `bf16` or `auto`.
        threads: On a CPU; None as in `Study.run`.
        checkpoints: A folder for a checkpoint after each epoch; the same call goes on from it.
        weights: A file (.pth, .safetensors) of those to start from; where its classifier is for
            another number of classes, or for others by their names, a new one is drawn. A folder
            of images has the resolution and channels that it says, unless `data` does.
        on_epoch: Called after each epoch with its row of `Outcome.curves`.

    Raises:
        UserError: A mistake, or missing data.
        TrainingFailed: A loss became infinite or NaN.

    Example:
        >>> trained = train("resnext11_8x16d_cifar", data="digits")  # doctest: +SKIP
        >>> trained.outcome.test_error  # doctest: +SKIP
        0.025
    """
    prepared = prepare(
        network,
        *sections(data, recipe, weights=weights),
        data_dir=data_dir,
        device=device,
        precision=precision,
        threads=threads,
        checkpoints=checkpoints,
        weights=weights,
    )
    return prepared.train(seed, checkpoints, on_epoch)


def prepare(
    network: str,
    data: DataSpec,
    recipe: Recipe,
    *,
    data_dir: Path | None,
    device: str,
    precision: str,
    threads: int | None,
    checkpoints: Path | None,
    weights: str | Path | None,
) -> Preparation:
    """Read the data and find this machine's settings; the arguments are those of `train`."""
    architecture = blueprint(network, **vars(data_shape(data, data_dir)))
    resolved = settings_here(
        architecture,
        recipe.batch_size,
        device=device,
        precision=precision,
        threads=threads,
        checkpoints=checkpoints,
    )
    start: dict[str, Any] = {}
    said: list[str] = []
    if weights is not None:
        from explorer.networks import starting_weights

        start, taken_off = starting_weights(architecture, weights)
    splits = load(data, data_dir)
    if weights is not None:
        from explorer.networks import for_other_classes

        start, new = for_other_classes(start, _names_in(weights), splits.names)
        changes = ", ".join(filter(None, (taken_off, new)))
        said = [f"Weights: those of {weights}{f' ({changes})' if changes else ''}."]
    recipe.steps_per_epoch(len(splits.train))
    notes = [
        *said,
        *training_notes(splits, recipe),
        *resolved.notes,
        *speed_hints(resolved.settings),
    ]
    return Preparation(architecture, data, recipe, splits, resolved.settings, notes, start)


def sections(
    data: Any,
    recipe: Recipe | dict[str, Any] | str,
    changes: Iterable[str] = (),
    weights: str | Path | None = None,
) -> tuple[DataSpec, Recipe]:
    """The data section and the recipe, as `train` takes them, with keys changed (`override`)."""
    section = {"name": data} if isinstance(data, str) else data_section(data)
    if isinstance(section, DataSpec):
        section = section.model_dump(mode="json", exclude_none=True)
    if isinstance(section, dict) and section.get("name") == "folder" and weights is not None:
        section = {**_shape_of(weights), **section}
    source = f"recipe {recipe}" if isinstance(recipe, str) else "recipe"
    if isinstance(recipe, str):
        recipe = load_document(Recipe, "recipe", recipe)
    document: dict[str, Any] = {
        "data": section,
        "recipe": recipe.model_dump(mode="json") if isinstance(recipe, Recipe) else recipe,
    }
    name = section.get("name") if isinstance(section, dict) else None
    if name in DATA_SETS and not DATA_SETS[name].own_test and "test" not in section:
        document["data"] = {**section, "test": TEST}
    document = override(document, changes, sections=document)
    return (
        validate(DataSpec, document["data"], source="data"),
        validate(Recipe, document["recipe"], source=source),
    )


def _names_in(weights: str | Path) -> list[str]:
    """The names of a file's classes, where it says them."""
    from explorer.networks import read_metadata

    try:
        names = json.loads(read_metadata(weights).get("class_names", "[]"))
    except ValueError:
        return []
    return list(map(str, names)) if isinstance(names, list) else []


def _shape_of(weights: str | Path) -> dict[str, int]:
    """The resolution and channels of the images that a file of weights is for, where it says so."""
    from explorer.networks import read_metadata

    metadata = read_metadata(weights)
    said = {"resolution": metadata.get("resolution"), "channels": metadata.get("in_channels")}
    return {key: int(text) for key, text in said.items() if text and text.isdigit()}
