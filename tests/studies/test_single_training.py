"""One network is trained from Python, outside any study."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import Architecture, build
from explorer.errors import UserError
from explorer.networks import export
from studies import Predictor, Recipe, train
from studies.data import DataSpec, load
from studies.single_training import Preparation, prepare, sections

NETWORK = "resnext_1_2x4d_w8_small8"
RECIPE = {"name": "quick", "epochs": 1, "batch_size": 128}


def test_arrays_are_trained_on_and_the_weights_predict(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.machine.memory.keep_memory", lambda: None)
    digits = load(DataSpec(name="digits", test=0.2))
    arrays = (np.asarray(digits.train.images)[:500, 0], digits.train.labels[:500])
    epochs: list[int] = []
    trained = train(
        NETWORK,
        data=arrays,
        recipe=RECIPE,
        device="cpu",
        threads=1,
        on_epoch=lambda row: epochs.append(row["epoch"]),
    )
    assert epochs == [1]
    assert (trained.architecture.resolution, trained.architecture.in_channels) == (8, 1)
    path = trained.save("weights.safetensors")
    (npz,) = Path("resnext-explorer-files/_arrays").iterdir()
    test = load(DataSpec(name="npz", path=str(npz), test=0.2)).test
    likeliest = Predictor.load(path).probabilities(test.images).argmax(1)
    assert (likeliest != test.labels).mean() == pytest.approx(trained.outcome.test_error)


def test_a_recipe_is_a_name_its_keys_or_a_recipe() -> None:
    recipe = Recipe(**RECIPE)
    for given in (recipe, RECIPE, recipe.model_dump()):
        data, chosen = sections("digits", given)
        assert chosen == recipe
        assert (data.name, data.test) == ("digits", 0.2)
    assert sections("digits", "quick")[1] == Recipe(name="quick")
    assert sections(DataSpec(name="digits", test=0.3), "quick")[0].test == 0.3
    assert sections("cifar10", "quick", ["recipe.epochs=3"])[1].epochs == 3


def test_mistakes_are_one_message() -> None:
    with pytest.raises(UserError, match="Did you mean 'digits'"):
        train(NETWORK, data="digts")
    with pytest.raises(UserError, match="Did you mean 'quick'"):
        train(NETWORK, data="digits", recipe={"name": "quik"})


def test_weights_of_classes_with_other_names_get_a_new_classifier(workdir: Path) -> None:
    for path in (f"{animal}/{grey}.png" for animal in ("cat", "dog") for grey in range(9)):
        Path(path).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), 9 * int(Path(path).stem)).save(path)
    folder = {"name": "folder", "path": str(workdir), "resolution": 8, "test": 0.2}
    recipe = {**RECIPE, "batch_size": 4}

    def start(names: list[str]) -> Preparation:
        network = build(Architecture.from_name(NETWORK, resolution=8, in_channels=1, classes=2))
        export(network, "w.safetensors", "safetensors", {"class_names": json.dumps(names)})
        given = sections(folder, recipe, weights="w.safetensors")
        others = {"data_dir": None, "precision": "32", "checkpoints": None}
        return prepare(NETWORK, *given, device="cpu", threads=1, weights="w.safetensors", **others)

    assert "fc.weight" in start(["cat", "dog"]).weights
    prepared = start(["ant", "bee"])
    assert {"fc.weight", "fc.bias"}.isdisjoint(prepared.weights)
    assert prepared.notes[0] == (
        "Weights: those of w.safetensors (the classifier is new, since the file's classes are"
        " others: ant, bee)."
    )
