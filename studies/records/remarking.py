"""Writing what people say of a study: its note and its tags."""

import re
from collections.abc import Iterable
from typing import Any

from explorer.errors import UserError, shorten, unknown
from explorer.text import encodable
from studies.records.stored_study import StoredStudy
from studies.storage import Storage
from studies.storage.schema import NOTE, TAGS

LONGEST_NOTE = 2000  # letters
MOST_TAGS, LONGEST_TAG = 20, 40


def set_note(storage: Storage, study: StoredStudy, text: str) -> str:
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


def add_tags(storage: Storage, study: StoredStudy, tags: Iterable[str]) -> tuple[str, ...]:
    """Give a study tags beside those that it has. Returns all.

    Raises:
        UserError: One is no tag, or there are too many.
    """
    every = tuple(dict.fromkeys([*study.remarks.tags, *map(_checked, tags)]))
    if len(every) > MOST_TAGS:
        raise UserError(f"{len(every)} tags are too many: a study has at most {MOST_TAGS}.")
    _write(storage, study, TAGS, list(every))
    return every


def remove_tags(storage: Storage, study: StoredStudy, tags: Iterable[str]) -> tuple[str, ...]:
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


def _write(storage: Storage, study: StoredStudy, key: str, value: Any) -> None:
    with storage.errors():
        storage.open().set_study_user_attr(study.id, key, value)
