"""Trainings of one study on different kinds of machine, or with different versions."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from explorer.text import counted
from studies.attempts.attempt import Attempt
from studies.results.tables import Row
from studies.storage.schema import MADE_ON

Origin = tuple[tuple[str, Any], ...]  # the kind of machine, and versions by package


def machines_note(rows: Iterable[Row]) -> str:
    """Where and with what the complete trainings were done, if that differs; else ""."""
    counts: Counter[Origin] = Counter()
    moved = 0
    for row in rows:
        if row.status != "complete" or not row.deciding or not (own := _origin(row.deciding)):
            continue
        counts[own] += 1
        earlier = [other for other in row.attempts if other.number < row.deciding.number]
        moved += any(other.progress and _origin(other) not in (None, own) for other in earlier)
    if len(counts) < 2 and not moved:
        return ""
    differing = [
        key for key in dict(next(iter(counts))) if len({dict(o).get(key) for o in counts}) > 1
    ]
    parts = [
        f"{counted(count, 'training')} on {_words(dict(origin), differing)}"
        for origin, count in counts.most_common()
    ]
    text = f"Done on different machines: {'; '.join(parts)}." if len(parts) > 1 else ""
    if moved:
        again = counted(moved, "training went on", "trainings went on")
        text += f" {again} on another kind of machine than begun, or with other versions."
    return (
        f"{text.strip()} The same seed gives other bits there. Column machine of the results tells"
        " them apart."
    )


def _origin(attempt: Attempt) -> Origin | None:
    made_on = attempt.attributes.get(MADE_ON)
    if not made_on:  # stored by an earlier version
        return None
    rest = {key: value for key, value in made_on.items() if key != "versions"}
    return tuple((rest | made_on["versions"]).items())


def _words(origin: dict[str, Any], differing: list[str]) -> str:
    versions = [
        f"{key} {origin.get(key, 'not installed')}" for key in differing if key != "machine"
    ]
    return ", ".join([str(origin["machine"]), *versions])
