"""Creating an SQLite storage in processes that are killed, each one step further on.

As a program: `python killed_creation.py FOLDER NEW|OLD` prints how many steps there are, and leaves
a folder for each in which `t.db` was being created when the process was killed (SIGKILL) before
that step. NEW is our creation, OLD is Optuna's own, which was ours before.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from alembic.script import ScriptDirectory
from migrations import read_once
from sqlalchemy import event

from studies.storage import Storage, sqlite


class Killer:
    """Kills this process before step number `at`."""

    def __init__(self, at: int) -> None:
        self.left = at

    def statement(self, connection: Any, cursor: Any, text: str, *_: Any) -> None:
        if not text.lstrip().startswith(
            ("SELECT", "PRAGMA main.table_info", "PRAGMA temp.table_info")
        ):
            self.step()

    def step(self, *_: Any) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Statements that write, commits, files that get a name or lose one, and
        connections that are closed are steps."""
        event.listen(sqlalchemy.Engine, "before_cursor_execute", self.statement)
        event.listen(sqlalchemy.Engine, "commit", self.step)
        event.listen(sqlalchemy.Pool, "close", self.step)
        for module, name in ((os, "link"), (os, "unlink"), (Path, "unlink"), (sqlite, "use_wal")):
            setattr(module, name, self._watched(getattr(module, name)))

    def _watched(self, function: Any) -> Any:
        def watched(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = function(*arguments, **named)
            self.step()
            return result

        return watched


def create(folder: Path, kind: str, at: int) -> bool:
    """Create in a process of its own; whether it was killed."""
    folder.mkdir()
    child = os.fork()
    if not child:
        os.chdir(folder)
        Killer(at).watch()
        if kind == "NEW":
            Storage("sqlite:///t.db").open()
        else:
            optuna.storages.RDBStorage("sqlite:///t.db")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    ScriptDirectory.from_config = read_once()  # type: ignore[method-assign]
    optuna.storages.RDBStorage("sqlite://")  # all that it imports when it is first used
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    at = 0
    while create(folder / str(at), kind, at):
        at += 1
    print(at)
