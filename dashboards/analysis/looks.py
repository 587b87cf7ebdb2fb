"""Looks at a study: a change of its seeds or arms after a look is judged more strictly."""

from collections.abc import Mapping, Sequence
from typing import Any

from studies.judging.grids import Stage, count_looks


def stages(info: Mapping[str, Any], arms: Sequence[str]) -> list[Stage]:
    """The arms and the number of seeds that a study was planned with, had before each further
    change, and has now.

    What an older version stored says nothing of arms (and, older still, of no extension but the
    plan): then they are taken to be those of the next stage.

    Args:
        info: What `studies.results.study_info` says about the study.
        arms: That it has now.
    """
    planned = info.get("planned_seeds") or []
    before = info.get("extended_from") or ([planned] if planned else [])
    arms_before = [*(info.get("arms_before") or []), *[[]] * len(before)][: len(before)]
    now = len(info.get("seeds") or planned)
    later: list[Stage] = [(tuple(arms), now)]
    for seeds, known in zip(reversed(before), reversed(arms_before), strict=True):
        later.append((tuple(known) or later[-1][0], len(seeds)))
    return later[::-1]


def looks_so_far(info: Mapping[str, Any], arms: Sequence[str]) -> int:
    """How often a study was looked at with intervals, now included; arguments as of `stages`.

    Where each arm is decided seed by seed, all looks are part of the plan, and so is its cap. A
    search is judged without the seed that chose its finalists: on two seeds it has no interval.
    """
    if info.get("until"):
        return 1
    choosing = 1 if info.get("search") else 0
    return count_looks([(known, seeds - choosing) for known, seeds in stages(info, arms)])
