"""The lock of an SQLite storage among the processes of its machine: a file in the storage's folder,
which is left only where something was stored."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from explorer.errors import UserError


@contextmanager
def held(make_folder: Callable[[], Path], is_kept: Callable[[], bool]) -> Iterator[None]:
    """Hold the lock inside the block.

    Args:
        make_folder: Makes the folder where it is missing, and returns it.
        is_kept: Asked after the block; where it says no, as of a study that was refused before
            anything was stored, the file goes, and with it the folder if that is empty. A process
            that has waited for that file then takes the one that is there instead.

    Raises:
        UserError: The file cannot be written.
    """
    while True:
        path = make_folder() / ".lock"
        try:
            file = open(path, "a")  # noqa: SIM115 - closed below, which also releases the lock
        except FileNotFoundError:  # another process has just removed the folder
            continue
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}.") from None
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):  # removed by who held it
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()
    with file:
        try:
            yield
        finally:
            if not is_kept():
                path.unlink(missing_ok=True)
                with suppress(OSError):  # it holds more
                    path.parent.rmdir()
