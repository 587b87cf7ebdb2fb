"""One network is trained from Python, outside any study."""

from pathlib import Path

import numpy as np
import pytest

from explorer.errors import UserError
from studies import Predictor, Recipe, train
from studies.data import DataSpec, load
from studies.single_training import sections

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
