"""A PostgreSQL server of the tests' own: fresh, on a free port, asking for a password, gone afterwards."""

import os
import pwd
import random
import shutil
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
    """A running server. `create` makes an empty database; `stop` and `start` do so to the server."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self.port = _free_port()

    def create(self) -> str:
        """The URL of a new, empty database."""
        import psycopg

        name = f"studies{next(_databases)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self._url(name)

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        self._call("pg_ctl", "-D", "data", "-l", "log", "-o", options, "-w", "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def plain_role(self, url: str, connections: int) -> str:
        """The URL of a database for a new role that is no superuser, and may open so many connections."""
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
        options = ("--auth=scram-sha-256", f"--username={USER}", "--pwfile=password", "--no-sync", "--encoding=UTF8")
        self._call("initdb", "-D", "data", *options)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            user=_owner(),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def serve(programs: Path) -> Iterator[Server]:
    """A server while the block runs. `programs` is the folder of PostgreSQL's programs."""
    # Not in pytest's folder: the server's user may not enter there.
    folder = Path(tempfile.mkdtemp(prefix="explorer-postgres-"))
    try:
        if owner := _owner():
            shutil.chown(folder, owner)
        server = Server(programs, folder)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """A port that stays ours while the server is stopped: none that the system gives to others of itself (from 32768 on)."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port


def _owner() -> str | None:
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"
