"""A command on a terminal, as the tests need it: what it writes there,
and which characters no text should hold."""

import os
import subprocess
from collections.abc import Sequence

CONTROLS = set(map(chr, (*range(32), *range(127, 160), 0x202E))) - set("\n\t")


def run_on_terminal(command: Sequence[str], *, term: str = "dumb", **options: object) -> str:
    """What a command prints on a terminal; on one that cannot
    draw, rich writes no codes of its own."""
    master, slave = os.openpty()
    environment = {**os.environ, "TERM": term, "COLUMNS": "200"}
    process = subprocess.Popen(command, stdout=slave, stderr=slave, env=environment, **options)  # type: ignore[call-overload]
    os.close(slave)
    told = b""
    while True:
        try:
            told += os.read(master, 65536)
        except OSError:  # the command has closed it
            break
    os.close(master)
    assert process.wait() == 0, told.decode()
    return told.decode().replace("\r\n", "\n")
