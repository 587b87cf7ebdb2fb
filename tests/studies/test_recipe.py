"""A recipe comes from a preset, changed where the study file says so; its learning rate climbs, then falls to zero."""

import pytest

from explorer.errors import UserError
from search_spaces.documents import preset_names, validate
from studies.recipe import Recipe


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
        ({"epoch": 3}, "'epoch'. Did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs: .*greater than or equal to 1"),
        ({"batch_size": 1}, "batch_size: .*greater than or equal to 2"),
        ({"learning_rate": -0.1}, "learning_rate: .*greater than 0"),
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
    with pytest.raises(UserError, match="batch_size of 64 is larger than the training split \\(63 images\\)"):
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


def test_padding_is_an_eighth_of_the_side_as_in_the_paper_on_32_pixels() -> None:
    assert recipe().padding(32) == 4
    assert recipe().padding(8) == 1
