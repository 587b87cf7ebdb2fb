"""A function of the user's own, named as package.module:function, and reports of its failures."""

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from explorer.errors import UserError, shorten


def call_function(target: str, what: str) -> Any:
    """Call the user's function and return what it returns.

    Args:
        target: The function, as package.module:function. Modules are also looked for in the current
            folder, after all others.
        what: What the function is for, as messages name it ("the data").

    Raises:
        UserError: There is no such function, or it raised something; the message says where.
    """
    module_name, _, function_name = target.partition(":")
    name = f"{what} {shorten(target)}"
    with _current_folder_last():
        module = _module(name, module_name)
        try:
            function = getattr(module, function_name)
        except AttributeError as error:
            raise _not_found(name, error) from None
        if not callable(function):
            raise UserError(
                f"{name} must be a function; it is of the type {type(function).__name__}."
            )
        try:
            return function()
        except UserError:
            raise
        # The user's code may raise anything.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            raise _failed(name, "failed", error) from None


@contextmanager
def _current_folder_last() -> Iterator[None]:
    """Look for modules in the current folder too, after all others.

    A user's file may have the name of a library, and must not take that library's place.
    """
    before = list(sys.path)
    sys.path.append(os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before


def _module(name: str, module_name: str) -> Any:
    try:
        return import_module(module_name)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(
            f"{error.name}."
        ):
            raise _not_found(name, error) from None
        raise _failed(name, "cannot be imported", error) from None


def _not_found(name: str, error: Exception) -> UserError:
    return UserError(
        f"{name} cannot be found: {error}. It must be package.module:function, installed or in the"
        " current folder."
    )


def _failed(name: str, what: str, error: BaseException) -> UserError:
    """The error for what the user's code raised, with file and line.

    Where a library raised it, that is the line that called the library.
    """
    if isinstance(error, SyntaxError):
        message, location = error.msg, f" ({error.filename}:{error.lineno})"
    else:
        ours = os.path.dirname(__file__) + os.sep
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if not frame.filename.startswith(("<", ours))
        ]
        paths = sysconfig.get_paths()
        libraries = tuple(paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib"))
        own = [frame for frame in frames if not frame.filename.startswith(libraries)]
        message = " ".join(str(error).split())
        location = "".join(f" ({frame.filename}:{frame.lineno})" for frame in (own or frames)[-1:])
    return UserError(
        f"{name} {what}: {type(error).__name__}: {message}{location}. Correct it, then start again."
    )
