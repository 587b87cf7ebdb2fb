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
    counts = _with_versions(counts)
    if len(counts) < 2 and not moved:
        return ""
    known = [dict(origin) for origin in counts if len(origin) > 1]
    differing = [
        key
        for key in dict.fromkeys(key for origin in known for key in origin)
        if len({origin.get(key) for origin in known}) > 1
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
    return tuple((rest | made_on.get("versions", {})).items())


def _with_versions(counts: Counter[Origin]) -> Counter[Origin]:
    """Trainings whose versions are not known, as those of a CSV file, count as their machine's."""
    known: dict[Any, Origin] = {}
    for origin in sorted(counts, key=len, reverse=True):
        known.setdefault(dict(origin)["machine"], origin)
    together: Counter[Origin] = Counter()
    for origin, count in counts.items():
        together[known[dict(origin)["machine"]] if len(origin) == 1 else origin] += count
    return together


def _words(origin: dict[str, Any], differing: list[str]) -> str:
    versions = [
        f"{key} {origin[key]}" if key in origin else f"no {key}"
        for key in differing
        if key != "machine" and len(origin) > 1  # else its versions are not known
    ]
    return ", ".join([str(origin["machine"]), *versions])
