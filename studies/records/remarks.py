"""What people say of a study: a note and tags, which say nothing about how it is trained.

They are attributes of their own, so that they can be written at any moment, also while the study is
being trained.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from studies.storage.schema import NOTE, TAGS


@dataclass(frozen=True)
class Remarks:
    """A note ("" for none), and tags in the order in which they were given."""

    note: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def read(cls, attributes: Mapping[str, Any]) -> "Remarks":
        """Those among a study's attributes."""
        note, tags = attributes.get(NOTE), attributes.get(TAGS)
        known = tags if isinstance(tags, list) else []
        return cls(note if isinstance(note, str) else "", tuple(map(str, known)))

    @property
    def stamp(self) -> str:
        """What changes when they do; "" where there are none."""
        return str(crc32(repr(self).encode())) if self != NOTHING_SAID else ""


NOTHING_SAID = Remarks()
