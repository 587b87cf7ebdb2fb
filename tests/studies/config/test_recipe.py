"""A recipe comes from a preset, changed where the study file says so;
its learning rate climbs, then falls to zero."""

import itertools

import pytest

from explorer.errors import UserError
from search_spaces.documents import preset_names, validate
from studies.config.recipe import Recipe


def recipe(**changes: object) -> Recipe:
    return validate(Recipe, {"name": "quick", **changes}, source="study.yaml")


@pytest.mark.parametrize("name", preset_names("recipe"))
def test_every_preset_loads_by_its_name_alone(name: str) -> None:
    assert Recipe.model_validate(name).name == name


def test_a_study_file_changes_single_fields_and_keeps_the_rest() -> None:
    changed, preset = recipe(epochs=3, batch_size=32), Recipe.model_validate("quick")
    assert changed.epochs == 3
    assert changed.batch_size == 32
    assert changed == preset.model_copy(update={"epochs": 3, "batch_size": 32})


def test_what_is_stored_validates_to_the_same_recipe() -> None:
    stored = recipe(epochs=3).model_dump(mode="json")
    assert Recipe.model_validate(stored) == recipe(epochs=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "quik"}, r"unknown recipe 'quik'\. Did you mean 'quick'\?"),
        ({"name": None}, "the recipe has no name; give a preset's: modern, quick"),
        ({"epoch": 3}, "'epoch'. Did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs: must be at least 1"),
        ({"batch_size": 1}, "batch_size: must be at least 2"),
        ({"learning_rate": -0.1}, "learning_rate: must be above 0"),
        ({"learning_rate": float("inf")}, "learning_rate: .*finite"),
        ({"flip": "always"}, "flip: .*'where_mirrored' or 'never'"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        recipe(**changes)


def test_a_batch_larger_than_the_training_split_is_an_error_and_a_remainder_is_left_out() -> None:
    assert recipe(batch_size=64).steps_per_epoch(1079) == 16
    assert recipe(batch_size=64).steps_per_epoch(64) == 1
    with pytest.raises(
        UserError, match="batch_size of 64 is larger than the training split \\(63 images\\)"
    ):
        recipe(batch_size=64).steps_per_epoch(63)


@pytest.mark.parametrize("steps", [1, 2, 5, 160])
@pytest.mark.parametrize("warm_up", [0.0, 0.2, 0.9])
def test_the_rate_climbs_to_its_peak_and_falls_nearly_to_zero(steps: int, warm_up: float) -> None:
    rates = [recipe(warm_up=warm_up).rate(step, steps) for step in range(steps)]
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert all(0 < rate <= 1 for rate in rates)
    if steps > 10:
        assert max(rates) == 1
        assert rates[-1] < 0.02 or warm_up == 0.9


def test_warm_up_and_cosine_are_torchs_own_schedulers_in_sequence() -> None:
    """LinearLR up to the peak, then CosineAnnealingLR."""
    import torch
    from torch.optim import lr_scheduler

    modern = Recipe.model_validate("modern")
    steps, climb = 200, 20  # a warm-up of 0.1
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    up = lr_scheduler.LinearLR(optimiser, start_factor=1 / (climb + 1), total_iters=climb)
    down = lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps - climb)
    schedule = lr_scheduler.SequentialLR(optimiser, [up, down], milestones=[climb])
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    assert [modern.rate(step, steps) for step in range(steps)] == pytest.approx(rates, abs=1e-9)


def test_averaging_reaches_back_by_its_part_of_all_steps() -> None:
    """The weights of an exponential average are 1 - d, (1 - d) d, ...: a mean age of d / (1 - d)
    steps, or 1 / (1 - d) with the newest counted as one."""
    assert recipe(weight_averaging=0.02).averaging_decay(1000) == pytest.approx(0.95)
    assert recipe(weight_averaging=0.02).averaging_decay(10) == 0  # the latest weights


def test_a_new_key_at_its_default_leaves_what_names_a_checkpoint_as_it_was() -> None:
    written = repr(Recipe.model_validate("quick"))
    for key in ("class_weights", "decayed", "mixup", "cutmix", "erasing", "weight_averaging"):
        assert key not in written
        assert key in repr(recipe(name="modern", class_weights="balanced"))


def test_what_happens_to_images_is_told() -> None:
    assert recipe(name="modern").augmentation(8, 1, mirrored=False) == (
        "crops with 1 pixel of padding, a rectangle erased in 10 %, mixed in pairs"
        " (mixup or cutmix)"
    )


def test_padding_is_an_eighth_of_the_side_as_in_the_paper_on_32_pixels() -> None:
    assert recipe().padding(32) == 4
    assert recipe().padding(8) == 1


def test_the_papers_recipe_for_cifar() -> None:
    """Section 5.3 of the paper: 300 epochs from 0.1, a tenth at 150 and
    225, batches of 128, 4 pixels around 32."""
    paper = recipe(name="resnext_cifar")
    rates = [paper.learning_rate * paper.rate(epoch, paper.epochs) for epoch in range(paper.epochs)]
    assert rates == pytest.approx([0.1] * 150 + [0.01] * 75 + [0.001] * 75)
    assert (paper.epochs, paper.batch_size, paper.momentum, paper.weight_decay) == (
        300,
        128,
        0.9,
        0.0005,
    )
    assert (paper.crop, paper.padding(32), paper.flip, paper.lighting) == (
        "pad",
        4,
        "where_mirrored",
        0,
    )


def test_the_papers_recipe_for_imagenet() -> None:
    """Section 4: from 0.1 divided by ten three times, batches of 256, weight
    decay 1e-4, crops of scale and aspect ratio."""
    paper = recipe(name="resnext_imagenet")
    rates = [paper.learning_rate * paper.rate(epoch, paper.epochs) for epoch in range(paper.epochs)]
    assert rates == pytest.approx([0.1] * 30 + [0.01] * 30 + [0.001] * 30 + [0.0001] * 30)
    assert (paper.batch_size, paper.momentum, paper.weight_decay) == (256, 0.9, 0.0001)
    assert (paper.crop, paper.padding(224), paper.lighting) == ("random_resized", 0, 0.1)


def test_milestones_move_with_the_number_of_epochs_and_warm_up_goes_before_them() -> None:
    short = recipe(name="resnext_cifar", epochs=20, warm_up=0.1)
    rates = [short.rate(step, 200) for step in range(200)]
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == pytest.approx([1] * 80 + [0.1] * 50 + [0.01] * 50)


def test_one_cycle_climbs_and_falls_in_straight_lines() -> None:
    rates = [recipe(schedule="one_cycle", warm_up=0.25).rate(step, 100) for step in range(100)]
    assert rates.index(max(rates)) == 25
    assert max(rates) == 1
    for part in (rates[:25], rates[25:]):
        steps = [after - before for before, after in itertools.pairwise(part)]
        assert steps == pytest.approx([steps[0]] * len(steps))
    assert 0 < rates[-1] < 0.02


def test_no_recipe_key_is_one_that_no_preset_uses() -> None:
    """Each key makes a difference between presets, or is needed by all."""
    presets = [Recipe.model_validate(name) for name in preset_names("recipe")]
    shared = {
        key
        for key in Recipe.model_fields
        if len({str(getattr(preset, key)) for preset in presets}) == 1
    }
    assert shared == {
        "learning_rate",
        "momentum",
        "flip",
        "class_weights",
    }  # the last is of the data


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "linear"}, "schedule: .*'cosine', 'one_cycle' or 'step'"),
        ({"schedule": "step"}, "a step schedule needs milestones"),
        ({"milestones": [0.5, 0.5]}, "milestones must ascend"),
        ({"milestones": [1.5]}, "milestones.*below 1"),
        ({"decayed": "none"}, "decayed: .*all.*weights"),
        ({"mixup": -0.1}, "mixup: .*0"),
        ({"erasing": 1.5}, "erasing: .*1"),
        ({"weight_averaging": 1}, "weight_averaging: .*below 1"),
        ({"crop": "center"}, "crop: .*'pad' or 'random_resized'"),
        (
            {"name": "mine", "epochs": 3},
            "A recipe with another name gives every key; missing: batch_size",
        ),
    ],
)
def test_mistakes_in_schedule_and_crop_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        recipe(**changes)
