"""A recipe: how long and how a network is trained.

Presets are files in `presets/recipes`; a study may change single fields.
"""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from explorer.errors import UserError, unknown
from explorer.text import counted
from search_spaces.documents import FileModel

STEP = 0.1  # what a milestone multiplies the learning rate with


class Recipe(FileModel):
    """SGD with Nesterov momentum. The learning rate climbs linearly to its peak, then falls as
    `schedule` says.

    Every field without a default is needed, but a recipe that names a preset takes what it leaves
    out from there: `{name: quick, epochs: 3}` is `quick` for three epochs. An epoch is every full
    batch once; the remainder, other images each time, is left out, so that no batch norm sees a
    small batch. Defaults stand for what a recipe did before there was the key.

    Attributes:
        name: A preset's, or of a recipe of your own, which gives every key.
        epochs: Full passes over the training images.
        batch_size: Images of a step.
        learning_rate: At its peak.
        schedule: `cosine`: to zero along half a wave; `one_cycle`: to zero in a straight line;
            `step`: to a tenth at each of `milestones`.
        warm_up: The part of all steps in which the learning rate climbs.
        milestones: Of a step schedule: parts of all steps, ascending.
        momentum: Of SGD, Nesterov's.
        weight_decay: On what `decayed` says.
        label_smoothing: In the loss of training and, to be comparable, of validation.
        crop: `pad`: zeros around the image, then its size cut out at random. `random_resized`: 8 to
            100 % of the image's area, at 3:4 to 4:3, resized to its size.
        crop_padding: Of pad: part of the side.
        flip: Mirror half of the images, where a mirror image keeps its class; or never.
        lighting: Deviation of AlexNet's shifts along ImageNet's colours; colour images only.
        class_weights: `balanced`: in the loss of training an image counts for n / (k n_c), of n
            images in k classes, n_c in its own, as scikit-learn's weights of that name.
        decayed: `all`: weight decay on every parameter, batch norm too, as in the paper's code.
            `weights`: only on those of convolutions and of the classifier, not on batch norm and
            biases.
        mixup: Mixup (Zhang et al., 2018): the alpha of Beta(alpha, alpha), from which the share of
            the first image is drawn, once a batch; 0: none. Errors of training are then counted
            against the label with the larger share.
        cutmix: CutMix (Yun et al., 2019): the same alpha; the share is that of the area. With both,
            each batch gets one of the two, with equal chances.
        erasing: Random erasing (Zhong et al., 2020): which part of the images get a rectangle, of 2
            to 33 % of the area and 0.3:1 to 3.3:1, of the mean colour.
        weight_averaging: Exponential moving average of the weights: how far it reaches back on
            average, as a part of all steps; 0: none. Validation, test and exports are then of the
            averaged weights.
    """

    if TYPE_CHECKING:  # a preset's name is enough, and keys that differ from it

        def __init__(self, /, **keys: Any) -> None: ...

    name: Annotated[str, Field(max_length=100)]
    epochs: Annotated[StrictInt, Field(ge=1, le=100_000)]
    batch_size: Annotated[StrictInt, Field(ge=2, le=2**20)]
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    schedule: Literal["cosine", "one_cycle", "step"]
    warm_up: Annotated[float, Field(ge=0, lt=1)]
    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...]
    momentum: Annotated[float, Field(gt=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    crop: Literal["pad", "random_resized"]
    crop_padding: Annotated[float, Field(ge=0, le=0.5)]
    flip: Literal["where_mirrored", "never"]
    lighting: Annotated[float, Field(ge=0, le=1)]
    class_weights: Literal["none", "balanced"] = "none"
    decayed: Literal["all", "weights"] = "all"
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    cutmix: Annotated[float, Field(ge=0, le=10)] = 0.0
    erasing: Annotated[float, Field(ge=0, le=1)] = 0.0
    weight_averaging: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        from search_spaces.documents import load_document, preset_names

        if isinstance(given, str):
            given = {"name": given}
        needed = [key for key, field in cls.model_fields.items() if field.is_required()]
        if not isinstance(given, dict) or set(needed) <= set(given):
            return given
        name = given.get("name")
        if name is None:
            presets = ", ".join(preset_names("recipe"))
            raise UserError(f"the recipe has no name; give a preset's: {presets}")
        if name not in preset_names("recipe"):
            missing = ", ".join(key for key in needed if key not in given)
            raise UserError(
                f"{unknown('recipe', str(name), preset_names('recipe'))} A recipe with another name"
                f" gives every key; missing: {missing}"
            )
        return {**load_document(cls, "recipe", name).model_dump(), **given}

    @field_validator("milestones")
    @classmethod
    def _ascending(cls, milestones: tuple[float, ...]) -> tuple[float, ...]:
        if list(milestones) != sorted(set(milestones)):
            raise UserError("milestones must ascend, each once: for example [0.5, 0.75]")
        return milestones

    @model_validator(mode="after")
    def _steps_need_milestones(self) -> "Recipe":
        if self.schedule == "step" and not self.milestones:
            raise UserError(
                "a step schedule needs milestones, parts of the training: for example [0.5, 0.75]"
            )
        return self

    def steps_per_epoch(self, images: int) -> int:
        """Full batches in `images`. Raises `UserError` where there is none."""
        if images < self.batch_size:
            raise UserError(
                f"a batch_size of {self.batch_size} is larger than the training split ({images}"
                f" images); give a smaller one (--set recipe.batch_size={max(1, images // 2)}), or"
                " leave more images to train on."
            )
        return images // self.batch_size

    def padding(self, resolution: int) -> int:
        """Pixels added on each side before the random crop."""
        return round(self.crop_padding * resolution) if self.crop == "pad" else 0

    def augmentation(self, resolution: int, channels: int, *, mirrored: bool) -> str:
        """What happens to training images of this size, in words.
        `mirrored`: a mirror image keeps its class."""
        changes = []
        if self.crop == "random_resized":
            changes.append("crops of 8 to 100 % of the area, resized")
        elif padding := self.padding(resolution):
            changes.append(f"crops with {counted(padding, 'pixel')} of padding")
        if self.flip == "where_mirrored" and mirrored:
            changes.append("mirrored left to right")
        if self.lighting and channels == 3:
            changes.append("shifted colours")
        if self.erasing:
            changes.append(f"a rectangle erased in {100 * self.erasing:g} %")
        if self.mixup or self.cutmix:
            names = [name for name in ("mixup", "cutmix") if getattr(self, name)]
            changes.append(f"mixed in pairs ({' or '.join(names)})")
        return ", ".join(changes) or "none"

    def averaging_decay(self, steps: int) -> float:
        """What part of the weights' moving average each of `steps` steps keeps."""
        return 1 - 1 / max(1.0, self.weight_averaging * steps)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step `step` (from 0) of `steps`, as a factor of its peak."""
        climb = math.ceil(self.warm_up * steps)
        if step < climb:
            return (step + 1) / (climb + 1)
        if self.schedule == "step":
            return STEP ** sum(step >= milestone * steps for milestone in self.milestones)
        progress = (step - climb) / max(1, steps - climb)
        return (1 + math.cos(math.pi * progress)) / 2 if self.schedule == "cosine" else 1 - progress
