"""What people say of a study: a note and tags, which say nothing about how it is trained.

They are attributes of their own, so that they can be written at any moment, also while the study is
being trained.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

from explorer.errors import UserError, shorten, unknown
from explorer.text import encodable
from studies.storage import Storage
from studies.storage.schema import NOTE, TAGS

if TYPE_CHECKING:
    from studies.records.stored_study import StoredStudy

LONGEST_NOTE = 2000  # letters
MOST_TAGS, LONGEST_TAG = 20, 40


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


def set_note(storage: Storage, study: "StoredStudy", text: str) -> str:
    """Write the note of a study in place of the one before; "" takes it away. Returns it as kept.

    Raises:
        UserError: It is too long.
    """
    note = encodable(text).strip()
    if len(note) > LONGEST_NOTE:
        raise UserError(
            f"a note of {len(note):,} letters is too long: at most {LONGEST_NOTE:,} are kept."
        )
    _write(storage, study, NOTE, note)
    return note


def add_tags(storage: Storage, study: "StoredStudy", tags: Iterable[str]) -> tuple[str, ...]:
    """Give a study tags beside those that it has. Returns all.

    Raises:
        UserError: One is no tag, or there are too many.
    """
    every = tuple(dict.fromkeys([*study.remarks.tags, *map(_checked, tags)]))
    if len(every) > MOST_TAGS:
        raise UserError(f"{len(every)} tags are too many: a study has at most {MOST_TAGS}.")
    _write(storage, study, TAGS, list(every))
    return every


def remove_tags(storage: Storage, study: "StoredStudy", tags: Iterable[str]) -> tuple[str, ...]:
    """Take tags from a study. Returns those that are left.

    Raises:
        UserError: It has no such tag.
    """
    left = list(study.remarks.tags)
    for tag in tags:
        if tag not in left:
            raise unknown("tag", tag, left)
        left.remove(tag)
    _write(storage, study, TAGS, left)
    return tuple(left)


def _checked(tag: str) -> str:
    """Letters of any language, digits and -_.:+ in one word, so that a tag can be typed."""
    if not re.fullmatch(rf"[\w.:+-]{{1,{LONGEST_TAG}}}", tag):
        raise UserError(
            f"{shorten(tag)} is no tag: a tag is one word of at most {LONGEST_TAG} letters, digits"
            " and -_.:+, for example baseline."
        )
    return tag


def _write(storage: Storage, study: "StoredStudy", key: str, value: Any) -> None:
    with storage.errors():
        storage.open().set_study_user_attr(study.id, key, value)
