"""A recipe: how long and how a network is trained. Presets are files in `studies/recipes`; a study may change single fields."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from explorer.errors import UserError, unknown


class Recipe(BaseModel):
    """SGD with Nesterov momentum; the learning rate climbs linearly to its peak, then falls to zero along a half cosine.

    Every field is needed, but a recipe that names a preset takes what it leaves out from there: `{name: quick, epochs: 3}` is
    `quick` for three epochs. An epoch is every full batch once; the remainder, other images each time, is left out, so that
    no batch norm sees a small batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # at its peak
    warm_up: Annotated[float, Field(ge=0, lt=1)]  # part of all steps
    momentum: Annotated[float, Field(gt=0, lt=1)]
    weight_decay: Annotated[
        float, Field(ge=0, allow_inf_nan=False)
    ]  # on every parameter, batch norm too, as in the paper's code
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]  # in the loss of training and, to be comparable, of validation
    crop_padding: Annotated[float, Field(ge=0, le=0.5)]  # of the side: pad with zeros, crop back at random
    flip: Literal["where_mirrored", "never"]  # mirror half of the images, where a mirror image keeps its class

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        from search_spaces.documents import load_document, preset_names

        if isinstance(given, str):
            given = {"name": given}
        if not isinstance(given, dict) or set(cls.model_fields) <= set(given):
            return given
        name = given.get("name")
        if name not in preset_names("recipe"):
            raise unknown("recipe", str(name), preset_names("recipe"))
        return {**load_document(cls, "recipe", name).model_dump(), **given}

    def steps_per_epoch(self, images: int) -> int:
        """Full batches in `images`. Raises `UserError` where there is none."""
        if images < self.batch_size:
            raise UserError(
                f"a batch_size of {self.batch_size} is larger than the training split ({images} images); give a smaller batch_size, "
                "or smaller validation and test fractions."
            )
        return images // self.batch_size

    def padding(self, resolution: int) -> int:
        """Pixels added on each side before the random crop."""
        return round(self.crop_padding * resolution)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step `step` (from 0) of `steps`, as a factor of its peak."""
        climb = math.ceil(self.warm_up * steps)
        if step < climb:
            return (step + 1) / (climb + 1)
        return (1 + math.cos(math.pi * (step - climb) / max(1, steps - climb))) / 2
