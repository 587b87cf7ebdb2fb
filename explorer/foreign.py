"""A function of the user's own, named as package.module:function, and reports of its failures."""

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from explorer.errors import UserError, cut, shorten
from explorer.installed import is_of_a_library, library_folders

# Characters of what the user's code raised: torch's errors may be many lines long.
LONGEST_REASON = 600


def call_function(target: str, what: str) -> Any:
    """Call the user's function and return what it returns.

    Args:
        target: The function, as package.module:function. Modules are also looked for in the current
            folder, after all others.
        what: What the function is for, as messages name it ("the data").

    Raises:
        UserError: There is no such function, or it raised something; the message says where.
    """
    name = f"{what} {shorten(target)}"
    function = find_function(target, name)
    with users_code(name):
        return function()


def find_function(target: str, name: str) -> Callable[..., Any]:
    """The user's function that `target` names, as package.module:function.

    Raises `UserError` where there is none, or its module cannot be imported; the message calls it
    `name`.
    """
    module_name, _, function_name = target.partition(":")
    with _current_folder_last():
        module = _module(name, module_name)
        try:
            function = getattr(module, function_name)
        except AttributeError as error:
            raise _not_found(name, module_name, error) from None
    if not callable(function):
        raise UserError(f"{name} must be a function; it is of the type {type(function).__name__}.")
    typed: Callable[..., Any] = function
    return typed


def check_users_own(target: str, what: str, advice: str) -> None:
    """Raise `UserError` where a file names a function that its user has not written.

    A file may be anybody's: a function of a library is not called because it says so. Imports
    nothing; that there is no such module is told where it is looked for.

    Args:
        target: The function, as package.module:function.
        what: What says so, as the message names it.
        advice: What to do where the function can be trusted, a sentence.
    """
    first = target.partition(":")[0].partition(".")[0]
    with _current_folder_last():
        try:
            spec = importlib.util.find_spec(first)
        except ValueError:  # it was imported without one, as `__main__` is
            spec = None
    if spec is None and first not in sys.modules:
        return
    files = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
    paths = [Path(file) for file in files if file and Path(file).exists()]
    if not paths or any(map(is_of_a_library, paths)):
        raise UserError(
            f"{what} names {shorten(target)}, a function of a library and not of your own, which is"
            f" not called because a file says so. {advice}"
        )


@contextmanager
def users_code(
    name: str, hint: Callable[[BaseException], str] = lambda error: ""
) -> Iterator[None]:
    """Run the user's code: whatever it raises becomes a `UserError` that calls it `name`.

    Args:
        name: What was called with what, at the start of the message.
        hint: What more to say of an exception, a sentence; "" for nothing.
    """
    with _current_folder_last():
        try:
            yield
        except UserError:
            raise
        # The user's code may raise anything.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            raise _failed(name, "failed", error, hint(error)) from None


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
            raise _not_found(name, module_name, error) from None
        raise _failed(name, "cannot be imported", error) from None


def _not_found(name: str, module_name: str, error: Exception) -> UserError:
    return UserError(
        f"{name} cannot be found: {error}. It must be package.module:function, installed or in the"
        f" current folder.{_hidden(module_name)}"
    )


def _hidden(module_name: str) -> str:
    """A sentence on a module of the current folder that another module hides; "" without one."""
    first = module_name.partition(".")[0]
    own = next((path for path in (Path(f"{first}.py"), Path(first)) if path.exists()), None)
    if own is None or first not in sys.modules or _lies_in(own.absolute(), first):
        return ""
    return f" Python's or our own module {first} hides ./{own} here: rename yours."


def _lies_in(path: Path, module_name: str) -> bool:
    """Whether an imported module is of this file or folder."""
    module = sys.modules[module_name]
    files = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(file and Path(file).is_relative_to(path) for file in files)


def _failed(name: str, what: str, error: BaseException, hint: str = "") -> UserError:
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
        own = [frame for frame in frames if not frame.filename.startswith(library_folders())]
        message = " ".join(str(error).split())
        location = "".join(f" ({frame.filename}:{frame.lineno})" for frame in (own or frames)[-1:])
    said = type(error).__name__, cut(message, LONGEST_REASON)
    return UserError(
        f"{name} {what}: {': '.join(filter(None, said))}{location}."
        f" {hint or 'Correct it, then start again.'}"
    )
