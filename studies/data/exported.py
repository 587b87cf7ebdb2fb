"""What the weights of a trained network say of its input and its classes, beside the design."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from studies.data.decoding import Scale

PIXELS = (
    "uint8 images of 0 to 255, as float32 divided by 255, then minus mean, over std (a number a"
    " channel)"
)


@dataclass(frozen=True)
class Exported:
    """What a user of a trained network must know of its training images.

    Attributes:
        mean: Per channel, of pixels scaled to 0..1.
        std: The standard deviation, likewise.
        names: Of the classes, by label; empty where they have none.
        black_and_white: Which samples became 0 and 255, where the study's `white` says so.
        max_pixels: The largest image that is read, where the study says so.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    names: tuple[str, ...] = ()
    black_and_white: Scale | None = None
    max_pixels: int | None = None

    def to_metadata(self) -> dict[str, str]:
        """As texts: JSON, and `pixels` in words."""
        facts: dict[str, object] = {"mean": self.mean, "std": self.std}
        facts |= {"class_names": self.names} if self.names else {}
        if scale := self.black_and_white:
            facts["black_and_white"] = scale.black, scale.white
            facts |= {"samples": scale.kind} if scale.kind else {}
        facts |= {"max_pixels": self.max_pixels} if self.max_pixels else {}
        texts = {key: json.dumps(value, ensure_ascii=False) for key, value in facts.items()}
        return {"pixels": PIXELS, **texts}

    @classmethod
    def from_metadata(
        cls, metadata: Mapping[str, str], channels: int, classes: int, path: str | Path
    ) -> "Exported":
        """Read what `to_metadata` wrote.

        Args:
            metadata: Of a file of weights.
            channels: Of the network's input.
            classes: Of the network.
            path: Of the file, for the error.

        Raises:
            UserError: Something is missing, damaged, or does not fit the network.
        """
        if lacking := [key for key in ("mean", "std") if key not in metadata]:
            raise UserError(
                f"{path} does not say the {' and '.join(lacking)} of its training images, which"
                " every image is normalised with. The files that `study winner --retrain --export"
                " DIR` and `train -o FILE` write say it."
            )
        try:
            facts = {
                key: json.loads(metadata[key])
                for key in (
                    "mean",
                    "std",
                    "class_names",
                    "black_and_white",
                    "samples",
                    "max_pixels",
                )
                if key in metadata
            }
            names = tuple(str(name) for name in facts.get("class_names", ()))
            scale = None
            if "black_and_white" in facts:
                black, white = facts["black_and_white"]
                scale = Scale(float(black), float(white), facts.get("samples"))
            mean, std = _numbers(facts["mean"], channels), _numbers(facts["std"], channels)
            if names and len(names) != classes:
                raise ValueError(f"{len(names)} names of {classes} classes")
            most = int(facts["max_pixels"]) if "max_pixels" in facts else None
            if min(std) <= 0:
                raise ValueError("a deviation that is not above 0")
        except (ValueError, TypeError) as error:
            raise UserError(
                f"the metadata of {path} is damaged ({error}). Export the network again."
            ) from None
        return cls(mean, std, names, scale, most)


def _numbers(values: Any, count: int) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{len(numbers)} numbers for {count} channels")
    return numbers
