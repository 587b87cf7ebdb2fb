"""Template and Stem: one block and the start of a network, as whole numbers.

The numbers may be NumPy integer arrays of one shape; see `explorer.architecture`.
"""

from dataclasses import dataclass, replace
from operator import index
from typing import Any

from explorer.errors import UserError, check_known, shorten

KINDS = ("bottleneck", "basic", "inception")
# Kinds whose paths are what they are: their number, and why no other can be asked for.
FIXED_PATHS = {
    "basic": (
        1,
        "grouping a block of two layers only makes a wider dense block (ResNeXt paper, figure 4)",
    ),
    "inception": (
        4,
        "its four paths are unlike (1x1, 1x1-3x3, 1x1-5x5, max-pool-1x1), and C counts equal ones",
    ),
}
STEMS = ("imagenet", "small")
# What of a network its data decides.
SIZES = ("resolution", "in_channels", "classes")
# Bounds of what is called a network, far beyond any: the deepest that was ever trained has some
# 1,200 layers. They keep counts, drawings and builds finite, whatever number a file, a link or a
# command gives.
LARGEST_NUMBER = 10**9
MOST_BLOCKS = 10_000
MOST_STAGES = 28  # each halves the map: 28 ask for an input of 2**28 pixels a side


def whole(value: Any, label: str) -> Any:
    """`value` as a whole number from 1 to `LARGEST_NUMBER`, or as an int64 array of them.

    Raises:
        UserError: It is none; the message calls it `label`.
    """
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0:
        if value.dtype.kind not in "iu" or (value.size and value.min() < 1):
            raise UserError(f"every {label} must be a whole number of at least 1.")
        if value.size and value.max() > LARGEST_NUMBER:
            raise UserError(
                f"every {label} must be at most {LARGEST_NUMBER:,}; given: {value.max():,}."
            )
        return value.astype("int64", copy=False)  # smaller kinds would wrap in the counts
    try:
        number = index(value)  # takes True for 1, hence the test for bool below
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise UserError(f"{label} must be a whole number of at least 1; given: {shorten(value)}.")
    if number > LARGEST_NUMBER:
        raise UserError(f"{label} must be at most {LARGEST_NUMBER:,}; given: {shorten(number)}.")
    return number


def set_whole(owner: Any, field: str, label: str) -> None:
    """Replace a field of a frozen dataclass by what `whole` makes of it."""
    object.__setattr__(owner, field, whole(getattr(owner, field), label))


def any_of(condition: Any) -> bool:
    """Whether a condition holds, or holds anywhere in an array."""
    return bool(condition.any()) if hasattr(condition, "any") else bool(condition)


@dataclass(frozen=True)
class Stem:
    """What comes before the first stage.

    Attributes:
        kind: `imagenet`, a 7x7 convolution of stride 2, then 3x3 max-pooling of stride 2; or
            `small`, one 3x3 convolution of stride 1.
        channels: Output channels; fixed, never solved for.
    """

    kind: str = "imagenet"
    channels: int = 64

    def __post_init__(self) -> None:
        check_known("stem", self.kind, STEMS)
        set_whole(self, "channels", "stem channels")

    @property
    def halvings(self) -> int:
        """How often the stem halves the map."""
        return 2 if self.kind == "imagenet" else 0


IMAGENET = Stem()


@dataclass(frozen=True)
class Template:
    """What one block of the first stage looks like.

    Attributes:
        kind: `bottleneck` (1x1 - 3x3 - 1x1), `basic` (3x3 - 3x3) or `inception` (paths of 1x1,
            1x1 - 3x3, 1x1 - 5x5 and max-pooling - 1x1, concatenated and projected by 1x1).
        cardinality: Paths, C; 1 for basic blocks, 4 for inception blocks, whose paths are unlike.
        bottleneck_width: Channels of each path, d; None for basic blocks.
        width: Output channels.

    Raises:
        UserError: A number is not positive, a basic block has a bottleneck width, or a basic or
            inception block another number of paths than its own.
    """

    kind: str = "bottleneck"
    cardinality: int = 1
    bottleneck_width: int | None = 64
    width: int = 256

    def __post_init__(self) -> None:
        check_known("block kind", self.kind, KINDS)
        set_whole(self, "cardinality", "cardinality C")
        set_whole(self, "width", "width")
        paths, reason = FIXED_PATHS.get(self.kind, (self.cardinality, ""))
        if any_of(self.cardinality != paths):
            raise UserError(
                f"{self.article} takes C = {paths}, not C = {shorten(self.cardinality)}: {reason}."
                " Use a bottleneck template for more paths, for example resnext50_32x4d."
            )
        if self.kind != "basic":
            set_whole(self, "bottleneck_width", "bottleneck width d")
        elif self.bottleneck_width is not None:
            raise UserError(
                f"a basic block has no bottleneck width d, but {shorten(self.bottleneck_width)} was"
                " given; set its width instead."
            )

    @property
    def article(self) -> str:
        """The kind of block in a sentence: 'a basic block'."""
        return f"a{'n' if self.kind == 'inception' else ''} {self.kind} block"

    @property
    def numbers(self) -> tuple[str, ...]:
        """The quantities that may be chosen or solved for, of a block of this kind."""
        fixed = {
            "cardinality": self.kind in FIXED_PATHS,
            "bottleneck_width": self.bottleneck_width is None,
            "width": False,
        }
        return tuple(quantity for quantity, is_fixed in fixed.items() if not is_fixed)

    def with_(self, **quantities: Any) -> "Template":
        """A copy with other values.

        A block of another kind gets the paths and the d of its kind where they are not given: C = 1
        or what is fixed, and for a basic block's missing d a quarter of the width, as in ResNet-50.
        """
        kind = quantities.get("kind", self.kind)
        if kind != self.kind:
            d = self.bottleneck_width
            if d is None:
                d = max(1, quantities.get("width", self.width) // 4)
            d = None if kind == "basic" else d
            usual = {"cardinality": FIXED_PATHS.get(kind, (1, ""))[0], "bottleneck_width": d}
            quantities = {**usual, **quantities}
        return replace(self, **quantities)
