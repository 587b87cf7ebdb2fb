"""Seeds where the verdict is open: the `until` section of a study file, with its `seeds`.

    seeds: {start: 3, at_most: 20}
    until: {margin: 0.5}              # or: until: best

The two are one thing: without an end that the results decide, there is no number of seeds at most.
"""

from collections.abc import Mapping
from typing import Any, Self

from explorer.errors import UserError, unknown
from explorer.numbers import number_hint
from search_spaces.documents import FileModel

BEST = "best"
FEWEST_SEEDS = 2  # one seed shows no noise
MOST_SEEDS = 200  # the boundaries of so many looks take 6 seconds to work out
SEEDS_EXAMPLE = "seeds: {start: 3, at_most: 20}"
MOST_MARGIN = 100  # points of test error
EXAMPLE = "until: {margin: 0.5}, or until: best"


class Until(FileModel):
    """When an arm gets no more seeds.

    Attributes:
        margin: Points of test error that do not matter: an arm is trained until it is better or
            worse than the reference, or equal to it within the margin. None: until it is worse than
            another, so that the best is left.
        start: Seeds before the first decision.
        at_most: Seeds of an arm.
    """

    margin: float | None
    start: int
    at_most: int

    @classmethod
    def parse(cls, until: Any, seeds: Any) -> Self:
        """The two keys as a study file has them.

        Raises:
            UserError: with what is allowed.
        """
        if until is None:
            raise UserError(f"seeds: with start and at_most needs an end: {EXAMPLE}")
        if not isinstance(seeds, Mapping):
            raise UserError(f"until: needs seeds from a start to a most: {SEEDS_EXAMPLE}")
        return cls(margin=_margin(until), **_bounds(seeds))

    @property
    def seeds(self) -> list[int]:
        """All seeds that an arm may get, in order."""
        return list(range(self.at_most))

    def document(self) -> dict[str, Any]:
        """The two keys as a study file has them."""
        return {
            "seeds": {"start": self.start, "at_most": self.at_most},
            "until": BEST if self.margin is None else {"margin": self.margin},
        }


def with_parsed_until(given: Any) -> Any:
    """A study file's keys, with `until` parsed and the list of all `seeds`, where it has them."""
    if not isinstance(given, Mapping):
        return given
    seeds, until = given.get("seeds"), given.get("until")
    if until is None and not isinstance(seeds, Mapping):
        return given
    if given.get("margin") is not None:
        raise UserError("margin: with until, the margin stands there; take margin itself out")
    parsed = Until.parse(until, seeds)
    return {**given, "seeds": parsed.seeds, "until": parsed}


def _margin(until: Any) -> float | None:
    if until == BEST:
        return None
    if not isinstance(until, Mapping):
        raise UserError(f"until: write {EXAMPLE} (given: {until!r:.50})")
    for key in until:
        if key != "margin":
            raise unknown("key in until", str(key), ["margin"])
    try:
        return margin_points(until.get("margin"))
    except UserError as error:
        raise UserError(f"until.margin: {error}") from None


def margin_points(margin: Any) -> float:
    """A margin as a study file names it.

    Raises:
        UserError: with what is allowed.
    """
    if (
        isinstance(margin, bool)
        or not isinstance(margin, int | float)
        or not 0 < margin <= MOST_MARGIN
    ):
        raise UserError(
            "write a number of points of test error, above 0 and at most"
            f" {MOST_MARGIN}, such as 0.5{number_hint(str(margin))} (given: {margin!r:.50})"
        )
    return float(margin)


def _bounds(seeds: Mapping[str, Any]) -> dict[str, int]:
    for key in seeds:
        if key not in ("start", "at_most"):
            raise unknown("key in seeds", str(key), ["start", "at_most"])
    start, most = seeds.get("start"), seeds.get("at_most")
    # Not `isinstance`: True is an int.
    if (
        type(start) is not int
        or type(most) is not int
        or not (FEWEST_SEEDS <= start <= most <= MOST_SEEDS)
    ):
        raise UserError(
            f"seeds: whole numbers, start from {FEWEST_SEEDS} on and at_most from start to"
            f" {MOST_SEEDS} (given: start {start!r:.50}, at_most {most!r:.50})"
        )
    return {"start": start, "at_most": most}
