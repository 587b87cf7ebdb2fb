"""A search space with the methods that users call.

`SearchSpace.load("digits_cardinality").resolve(resolution=8, in_channels=1, classes=10)`
"""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict, Unpack

from explorer.errors import UserError
from search_spaces.documents import preset_names
from search_spaces.resolving import BoundSpace, Resolved
from search_spaces.space import SpaceFile


class SpaceKeys(TypedDict, total=False):
    """The keys of a space file, with the types of a Python program, for type checkers.

    Without it they would take the constructor's values for what becomes of them.
    """

    name: Required[str]
    description: str
    reference: str | Sequence[str]
    budget: Mapping[str, Any]
    match: Mapping[str, Any]
    scale: Mapping[str, Any]
    free: Mapping[str, Any]
    axes: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    resolution: int | None
    in_channels: int | None
    classes: int | None


class SearchSpace(SpaceFile):
    """A space file that can be bound to an input and resolved to its designs.

    The constructor takes the file's keys.
    """

    def __init__(self, /, **keys: Unpack[SpaceKeys]) -> None:
        """Make a space of the keys of a space file.

        Args:
            **keys: As in a file.

        Raises:
            UserError: A key or a value is not allowed, with all that is wrong in one message.
        """
        super().__init__(**keys)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # as in `FileModel`

    @staticmethod
    def presets() -> list[str]:
        """The names of the spaces that come with the program, as `load` takes them."""
        return preset_names("space")

    def bind(
        self,
        *,
        resolution: int | None = None,
        in_channels: int | None = None,
        classes: int | None = None,
    ) -> BoundSpace:
        """The space for one kind of input.

        What is None comes from the file, or else from the reference's name.

        Args:
            resolution: Side of the square input, in pixels.
            in_channels: Channels of the input.
            classes: Outputs of the classifier.

        Raises:
            UserError: The file and the input disagree.
        """
        given = {"resolution": resolution, "in_channels": in_channels, "classes": classes}
        for key, value in given.items():
            fixed = getattr(self, key)
            if fixed is not None and value is not None and fixed != value:
                raise UserError(
                    f"the space {self.name} is for {key} {fixed}, but the data has {value}."
                )
            given[key] = value if fixed is None else fixed
        return BoundSpace(self, given)

    def resolve(
        self,
        *,
        resolution: int | None = None,
        in_channels: int | None = None,
        classes: int | None = None,
    ) -> Resolved:
        """Every design for an input, and the points left out; the arguments are those of `bind`.

        Raises:
            UserError: The file and the input disagree, or no design is within its budget.
        """
        return self.bind(resolution=resolution, in_channels=in_channels, classes=classes).resolve()
