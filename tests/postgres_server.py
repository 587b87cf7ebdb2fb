"""A PostgreSQL server of the tests' own: fresh, on a free port,
asking for a password, gone afterwards."""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

USER, PASSWORD = "explorer", "s3cret-p4ssword"
_databases = count()


class Server:
    """A running server. `create` makes an empty database; `stop`
    and `start` do so to the server."""

    def __init__(self, programs: Path, folder: Path, connections: int = 200) -> None:
        self._programs, self._folder, self._connections = programs, folder, connections
        self.port = free_port()

    def create(self) -> str:
        """The URL of a new, empty database."""
        import psycopg

        name = f"studies{next(_databases)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self._url(name)

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c max_connections={self._connections}"
        self._call("pg_ctl", "-D", "data", "-l", "log", "-o", options, "-w", "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While the block runs no process of the server does anything; connections
        are accepted by the system, never answered."""
        first = int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{first}/task/{first}/children")
        stopped = [first]
        os.kill(first, signal.SIGSTOP)  # first the one that starts others
        try:
            for child in map(int, children.read_text().split()):
                os.kill(child, signal.SIGSTOP)
                stopped.append(child)
            yield
        finally:
            for process in stopped:
                os.kill(process, signal.SIGCONT)

    def plain_role(self, url: str, connections: int = -1) -> str:
        """The URL of a database for a new role that is no superuser, and may
        open so many connections (-1: any number)."""
        import psycopg

        role = f"plain{next(_databases)}"
        with psycopg.connect(url, autocommit=True) as connection:
            limit = f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT {connections}"
            connection.execute(limit)  # type: ignore[call-overload]
            connection.execute(f"GRANT ALL ON SCHEMA public TO {role}")  # type: ignore[call-overload]
        return url.replace(f"{USER}:", f"{role}:")

    def log(self) -> str:
        return (self._folder / "log").read_text()

    def initialise(self) -> None:
        (self._folder / "password").write_text(PASSWORD)
        options = (
            "--auth=scram-sha-256",
            f"--username={USER}",
            "--pwfile=password",
            "--no-sync",
            "--encoding=UTF8",
        )
        self._call("initdb", "-D", "data", *options)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            user=owner(),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def serve(programs: Path, connections: int = 200) -> Iterator[Server]:
    """A server while the block runs. `programs` is the folder of PostgreSQL's
    programs, `connections` its `max_connections`."""
    # Not in pytest's folder: the server's user may not enter there.
    folder = Path(tempfile.mkdtemp(prefix="explorer-postgres-"))
    try:
        if user := owner():
            shutil.chown(folder, user)
        server = Server(programs, folder, connections)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that stays ours while the server is stopped: none that the system
    gives to others of itself (from 32768 on)."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port


def owner() -> str | None:
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"
