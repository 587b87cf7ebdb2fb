"""PgBouncer, a pooler of connections, before a test's PostgreSQL server: as the README configures
it."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from postgres_server import free_port, owner

# As "How many workers" in the README of the studies has it.
SETTINGS = """
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
auth_type = scram-sha-256
auth_file = users.txt
pool_mode = transaction
default_pool_size = 20
max_client_conn = 2000
"""
DEADLINE = 10.0


@contextmanager
def pooled(program: str, url: str, clients: int = 2000) -> Iterator[str]:
    """The URL by which the database of another URL is reached through a pooler.

    Args:
        program: The path of PgBouncer.
        url: Of the database.
        clients: How many connections the pooler accepts.
    """
    parsed = sqlalchemy.make_url(url)
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="explorer-pgbouncer-"))
    try:
        settings = SETTINGS.format(host=parsed.host, port=parsed.port, own_port=port)
        settings = settings.replace("max_client_conn = 2000", f"max_client_conn = {clients}")
        (folder / "settings.ini").write_text(settings + "unix_socket_dir =\n")
        (folder / "users.txt").write_text(f'"{parsed.username}" "{parsed.password}"\n')
        if user := owner():
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, user)
        with open(folder / "log", "wb") as log:
            pooler = subprocess.Popen(
                [program, "settings.ini"], cwd=folder, user=owner(), stdout=log, stderr=log
            )
        try:
            _wait_for(port, pooler, folder / "log")
            yield parsed.set(port=port).render_as_string(hide_password=False)
        finally:
            pooler.terminate()
            pooler.wait(DEADLINE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int, pooler: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and pooler.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"pgbouncer does not answer: {log.read_text()}")
