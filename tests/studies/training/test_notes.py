"""What is said before a training: augmentation, sided classes, imbalance; errors by class."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer import Architecture
from studies.config.recipe import Recipe
from studies.data import Images, Splits
from studies.machine.settings import Settings
from studies.missed import Missed
from studies.training.batches import TrainingBatches
from studies.training.checkpoints import identify
from studies.training.losses import balanced_weights
from studies.training.metrics import Predictions, balanced_error
from studies.training.notes import errors_by_class, training_notes
from studies.training.training import train

CPU = Settings(device="cpu", precision="32", threads=1)
NETWORK = Architecture.from_name(
    "resnext_1-1_2x4d_w16_small8", resolution=8, classes=2, in_channels=3
)


def recipe(name: str = "quick", **changes: object) -> Recipe:
    return Recipe.model_validate({"name": name, **changes})


def images(labels: list[int], side: int = 8, seed: int = 0) -> Images:
    """Noise, a little brighter from class to class."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 200, (len(labels), 3, side, side))
    return Images(
        (noise + 50 * np.array(labels)[:, None, None, None]).astype(np.uint8), np.array(labels)
    )


def splits(
    *names: str,
    counts: tuple[int, ...] = (),
    side: int = 8,
    mirrored: bool = True,
    given: bool = False,
) -> Splits:
    """Data of classes with these names, or `counts` images each; eight tenths are to train on."""
    counts = counts or (10,) * max(2, len(names))
    parts = [
        images(
            [label for label, count in enumerate(counts) for _ in range(count * tenths // 10)],
            side,
            tenths,
        )
        for tenths in (8, 1, 1)
    ]
    return Splits(
        *parts, len(counts), (0.5,) * 3, (0.3,) * 3, mirrored, tuple(names), mirrored_given=given
    )


# Augmentation.


@pytest.mark.parametrize(
    ("name", "side", "mirrored", "line"),
    [
        (
            "quick",
            32,
            True,
            "Augmentation: crops with 4 pixels of padding, mirrored left to right.",
        ),
        ("quick", 8, False, "Augmentation: crops with 1 pixel of padding."),
        ("quick", 2, False, "Augmentation: none."),
        (
            "resnext_imagenet",
            32,
            True,
            (
                "Augmentation: crops of 8 to 100 % of the area, resized, mirrored left to right,"
                " shifted colours."
            ),
        ),
    ],
)
def test_the_first_line_says_what_happens_to_the_images(
    name: str, side: int, mirrored: bool, line: str
) -> None:
    data = splits(side=side, mirrored=mirrored)
    assert training_notes(data, recipe(name))[0] == line
    batches = TrainingBatches(data, recipe(name), 0, torch.device("cpu"), lambda: 0)
    assert batches._flip == ("mirrored" in line)
    assert batches._lights == ("colours" in line)


@pytest.mark.parametrize(
    "name",
    [
        "left",
        "turn_right",
        "TurnLeft",
        "b",
        "7",
        "0012",
        "clockwise",
        "arrow-up",
        "left hand",
        "Three",
        "Q",
        "gauche",
    ],
)
def test_classes_that_a_mirror_image_may_change_are_named_with_the_key(name: str) -> None:
    lines = training_notes(splits("ant", name), recipe())
    assert lines[1] == (
        f"Warning: images are mirrored, and a mirror image may not keep the class of {name!r}. If"
        " so, turn mirroring off: mirrored: false in the data section (--set data.mirrored=false)."
    )


@pytest.mark.parametrize(
    "name", ["bee", "copyright", "rightwhale", "cat 2", "cleft", "n01440764", "vitamin b"]
)
def test_other_classes_are_not(name: str) -> None:
    assert len(training_notes(splits("ant", name), recipe())) == 1


def test_nothing_is_warned_of_where_nothing_is_mirrored_or_the_user_has_said_so() -> None:
    assert len(training_notes(splits("left", "right", mirrored=False), recipe())) == 1
    assert len(training_notes(splits("left", "right"), recipe(flip="never"))) == 1
    assert len(training_notes(splits("left", "right", given=True), recipe())) == 1


def test_of_many_classes_some_are_named() -> None:
    assert (
        "'0', '1', '2', '3', '4', '5' and 4 more"
        in training_notes(splits(*map(str, range(10))), recipe())[1]
    )


# Imbalance.


def test_imbalance_is_said_with_what_guessing_gives() -> None:
    _, line = training_notes(splits("fine", "broken", counts=(190, 10)), recipe())
    assert line == (
        "The classes are imbalanced: 190 of 200 images are of 'fine', 10 of 'broken'. Always"
        " guessing 'fine' gives 5.0 % error. The balanced error, the mean of the errors by class,"
        " says more; --set recipe.class_weights=balanced gives all classes the same weight in the"
        " loss."
    )
    _, weighted = training_notes(splits(counts=(190, 10)), recipe(class_weights="balanced"))
    assert "190 of 200 images are of class 0" in weighted
    assert "--set" not in weighted


@pytest.mark.parametrize("counts", [(100, 100), (130, 70), (290, 100, 100)])
def test_classes_of_similar_size_are_not_called_imbalanced(counts: tuple[int, ...]) -> None:
    assert len(training_notes(splits(counts=counts), recipe())) == 1


def test_predictions_come_in_the_order_of_the_images_over_batches() -> None:
    predictions = Predictions()
    for again in range(2):  # each reading begins anew
        for predicted in ([0, 1, 1], [0, 0, 2]):
            predictions.add(F.one_hot(torch.tensor(predicted), 4).float())
        assert predictions.read().tolist() == [0, 1, 1, 0, 0, 2], again


def test_the_balanced_error_is_the_mean_over_classes_that_have_images() -> None:
    assert balanced_error([1 / 3, 1 / 2, None, 1.0]) == pytest.approx((1 / 3 + 1 / 2 + 1) / 3)


def test_always_guessing_the_large_class_has_a_balanced_error_of_one_half() -> None:
    """190 to 10: 5.0 % error, 50 % balanced."""
    labels = np.array([0] * 190 + [1] * 10)
    errors = Missed.of(labels, np.zeros(200, int), 2).errors_by_class
    assert errors == [0.0, 1.0]
    assert balanced_error(errors) == 0.5


def test_errors_of_many_classes_are_told_by_the_largest() -> None:
    assert errors_by_class([0.0, 0.5, None], ("a", "b", "c")) == "a 0.0 %, b 50.0 %"
    many = errors_by_class([label / 100 for label in range(30)], ())
    assert (
        many
        == "29 29.0 %, 28 28.0 %, 27 27.0 %, 26 26.0 %, 25 25.0 %, 24 24.0 %; the other 24 at most"
        " 24.0 %"
    )


def test_a_training_tells_errors_by_class() -> None:
    outcome = train(NETWORK, recipe(epochs=2, batch_size=8), splits(counts=(60, 20)), 0, CPU)
    large, small = outcome.test_errors_by_class
    assert large is not None
    assert small is not None
    assert outcome.test_error == pytest.approx((6 * large + 2 * small) / 8)
    assert outcome.test_balanced_error == pytest.approx((large + small) / 2)
    assert outcome.validation_balanced_error == outcome.curves[-1]["validation_balanced_error"]
    assert 0 <= outcome.curves[0]["validation_balanced_error"] <= 1


# Class weights.


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 2], [190, 7, 3])
    assert balanced_weights(labels, 3).numpy() == pytest.approx(
        compute_class_weight("balanced", classes=np.arange(3), y=labels)
    )


def test_class_weights_change_the_loss_of_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[tuple[bool, torch.Tensor | None]] = []
    original = F.cross_entropy

    def spied(
        logits: torch.Tensor,
        labels: torch.Tensor,
        weight: torch.Tensor | None = None,
        **more: float,
    ) -> torch.Tensor:
        losses.append((logits.requires_grad, weight))
        return original(logits, labels, weight, **more)

    monkeypatch.setattr(F, "cross_entropy", spied)
    data = splits(counts=(60, 20))
    train(NETWORK, recipe(epochs=1, batch_size=8, class_weights="balanced"), data, 0, CPU)
    assert {weight is not None for training, weight in losses if training} == {True}
    assert {weight is None for training, weight in losses if not training} == {True}
    assert next(weight for training, weight in losses if training).tolist() == pytest.approx(
        [64 / 96, 64 / 32]
    )
    losses.clear()
    train(NETWORK, recipe(epochs=1, batch_size=8), data, 0, CPU)
    assert {weight for _, weight in losses} == {None}


def test_a_rare_class_is_learnt_with_weights() -> None:
    """190 to 10, of classes that overlap."""
    data = splits(counts=(190, 10))
    errors = [
        train(
            NETWORK, recipe(epochs=3, batch_size=16, class_weights=weights), data, 0, CPU
        ).test_errors_by_class[1]
        for weights in ("none", "balanced")
    ]
    assert errors[0] == 1.0
    assert errors[1] == 0.0


def test_a_recipe_stored_before_there_were_weights_is_the_same_recipe() -> None:
    """Also the text by which its checkpoints are known."""
    stored = recipe(epochs=3).model_dump(mode="json")
    del stored["class_weights"]
    for name in ("quick", "of_my_own"):
        before = Recipe.model_validate({**stored, "name": name})
        assert before.class_weights == "none"
    assert Recipe.model_validate(stored) == recipe(epochs=3)
    assert repr(Recipe.model_validate(stored)).endswith("flip='where_mirrored', lighting=0.0)")
    data = splits()
    known = [
        identify(NETWORK, recipe(class_weights=weights), data, 0, CPU)
        for weights in ("none", "balanced")
    ]
    assert known[0] != known[1]


def test_nothing_else_of_a_training_changed() -> None:
    """Weights of one for each class give the numbers of no weights."""
    data = splits(counts=(40, 40))
    plain, weighted = (
        train(NETWORK, recipe(epochs=2, batch_size=8, class_weights=weights), data, 0, CPU)
        for weights in ("none", "balanced")
    )
    assert math.isclose(
        plain.curves[-1]["train_loss"], weighted.curves[-1]["train_loss"], rel_tol=1e-4
    )
