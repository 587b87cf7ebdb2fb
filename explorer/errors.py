"""The error that a user's mistake raises, and its wording for an unknown name."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from explorer.text import encodable

# Characters of a message. A value that a user gives may be a megabyte long; a message that repeats
# it must not be.
LONGEST_MESSAGE = 4000
LONGEST_VALUE = 80
# What text that is pasted from a page has in the place of plain quotes and hyphens.
PASTED_QUOTES, PASTED_DASHES = "“”„‟‘’«»", "–—−"
ODD_CHARACTERS = re.compile("[\uff01-\uff5e\u00a0\u3000]")
# An option with such a dash; click tells of `-–workers` its first two characters alone.
PASTED_OPTION = re.compile(
    rf"(?<!\S)['(]?(-+[{PASTED_DASHES}]+|[{PASTED_DASHES}][-{PASTED_DASHES}]*(?=[A-Za-z]))"
    r"([A-Za-z][\w-]{,40})?"
)
# The files that IPython says its cells are in.
CELLS = re.compile(r"ipykernel_|<ipython-input")


class UserError(ValueError):
    """A user's mistake. The message says what was given, what is allowed and what to do.

    The command line prints it without a traceback and exits with code 2; in Python it is an
    ordinary `ValueError`. A message of more than `LONGEST_MESSAGE` characters loses its middle, and
    bytes that are not UTF-8, as in a file's name, are replaced, so that it can be printed and
    stored. Where it repeats quotes that were pasted from a page, it says so.

    Attributes:
        problem: The message without `advice`.
        advice: Its end, on what to do: it names options that not every command has.
    """

    def __init__(self, message: object = "", advice: str = "") -> None:
        self.problem, self.advice = str(message), advice
        text = encodable(f"{message} {advice}" if advice else self.problem)
        hint = pasted(text)
        text = text.replace(hint, "") if hint else text  # of a message that this one repeats
        super().__init__(cut(text, LONGEST_MESSAGE - len(hint)) + hint)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the line of the cell that it is about, and the message."""
        import traceback  # IPython has it

        frames = traceback.extract_tb(self.__traceback__)
        lines = [frame.line for frame in frames if CELLS.search(frame.filename) and frame.line]
        return [*(f"---> {line}" for line in lines[-1:]), f"{type(self).__name__}: {self}"]


class Stopped(KeyboardInterrupt):
    """Ctrl-C, with what is kept and how to go on."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: where it was stopped tells nobody anything."""
        return [f"Stopped: {self}"]


def pasted(message: str) -> str:
    """What to add to a message that repeats characters of pasted text; "" where it has none."""
    quote = next((mark for mark in message if mark in PASTED_QUOTES), "")
    if quote:
        return f" ({quote} is pasted from a page; type \" or ' instead.)"
    if not (option := PASTED_OPTION.search(message)):
        hint = odd_character(message)
        return f" ({hint}.)" if hint and hint not in message else ""
    dashes, name = option.groups(default="")
    mark = next(sign for sign in dashes if sign in PASTED_DASHES)
    plain = f"-{name}" if len(name) == 1 else f"--{name}"
    return f" ({mark} is a typographic dash, pasted from a page; type {plain} instead.)"


def odd_character(text: str) -> str:
    """ "'５' is a full-width character; type 5 instead", of the first such character or space that
    looks like a plain one; "" where there is none."""
    if not (odd := ODD_CHARACTERS.search(text)):
        return ""
    if odd[0] in "\u00a0\u3000":
        name = "a no-break space" if odd[0] == "\u00a0" else "a full-width space"
        return f"{name} stands in it; type a plain one instead"
    return f"'{odd[0]}' is a full-width character; type {chr(ord(odd[0]) - 0xFEE0)} instead"


class UnknownName(UserError):
    """A name that is not known."""


def unknown(
    kind: str, given: str, allowed: Iterable[str], *, alike: Iterable[str] | None = None
) -> UnknownName:
    """The error for an unknown name: it gives the nearest known one and lists them all.

    Args:
        kind: What the name is of, as "depth policy".
        given: The unknown name.
        allowed: The names that are known.
        alike: The names among which the nearest is looked for, if not all.
    """
    from difflib import get_close_matches

    names = list(allowed)
    among: dict[str, str] = {}  # small letters or large make no name another
    for name in names if alike is None else alike:
        among.setdefault(name.lower(), name)
    nearest = get_close_matches(given[:LONGEST_VALUE].lower(), among, n=1, cutoff=0.5)
    hint = f" Did you mean {among[nearest[0]]!r}?" if nearest else ""
    return UnknownName(
        f"unknown {kind} {shorten(given)}.{hint} Known: {', '.join(names) or 'none'}."
    )


def check_known(kind: str, given: str, allowed: Collection[str]) -> None:
    """Raise `UnknownName` where a name is none of the allowed ones; arguments as for `unknown`."""
    if given not in allowed:
        raise unknown(kind, str(given), allowed)


def shorten(value: Any) -> str:
    """A value as a message repeats it: its `repr`, without the middle where it is long."""
    if isinstance(value, str):  # of a megabyte of text, only what may be shown needs a repr
        value = cut(value, LONGEST_VALUE)
    try:
        return cut(repr(value), LONGEST_VALUE + 20)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of more than 4,300 digits"


def cut(text: str, most: int = LONGEST_VALUE) -> str:
    """A text of at most `most` characters, without its middle where it is longer."""
    if len(text) <= most:
        return text
    return f"{text[: most * 2 // 3]} ... {text[len(text) - most // 3 + 5 :]}"
