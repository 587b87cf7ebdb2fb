"""The other packages of this program, where a module of the user's own may hide one."""

from importlib.util import find_spec
from pathlib import Path

from explorer.errors import UserError
from explorer.installed import HOUSE, ROOMS


def check_rooms() -> None:
    """Raise `UserError` where Python finds another module under the name of one of ours.

    In a folder with a studies.py of the user's own, `python -m explorer` finds that one first.
    """
    for room in ROOMS:
        spec = find_spec(room)
        file = Path(spec.origin).resolve() if spec and spec.origin else None
        if file and file != HOUSE / room / "__init__.py":
            raise UserError(
                f"{file} hides the module {room} of resnext-explorer. Rename it, or start from"
                " another folder."
            )
