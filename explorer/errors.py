"""The one error a user's mistake raises, and how to word it for a name nobody knows."""

from collections.abc import Iterable

from explorer.text import encodable

LONGEST_NAME = 100  # of what was given, in a message


class UserError(ValueError):
    """A user's mistake. The message says what was given, what is allowed and what to do.

    The command line prints it without a traceback and exits with code 2; in Python it is an ordinary `ValueError`. A file's name
    in it may be no UTF-8: the message can be printed and stored all the same.
    """

    def __init__(self, message: str) -> None:
        super().__init__(encodable(message))


class UnknownName(UserError):
    """A name that nobody knows, of what is looked for or of a choice."""


def unknown(kind: str, given: str, allowed: Iterable[str]) -> UnknownName:
    """The error for a name that is not among `allowed`: it names the nearest right one and lists the rest."""
    from difflib import get_close_matches

    names = list(allowed)
    given = given if len(given) <= LONGEST_NAME else f"{given[:LONGEST_NAME]}..."
    nearest = get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return UnknownName(f"unknown {kind} {given!r}.{hint} Known: {', '.join(names) or 'none'}.")
