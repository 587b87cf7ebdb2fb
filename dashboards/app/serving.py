"""The live dashboard of a storage, or of the results that come with the program."""

from collections.abc import Callable
from pathlib import Path

from dashboards.app.app import serve as serve_reader
from explorer.errors import UserError
from studies.results import Reader, evidence_reader
from studies.storage import Storage


def serve(
    storage: str | None = None,
    *,
    evidence: bool = False,
    host: str = "127.0.0.1",
    port: int = 8050,
    announce: Callable[[str], None] = print,
    data_dir: Path | None = None,
) -> None:
    """Serve the live dashboard until interrupted; the storage is only read.

    Args:
        storage: Where studies are stored; None as in `Storage.visit`.
        evidence: Show what was measured for this project instead.
        host: Where to listen. There is no password: other hosts than this one may read the studies.
        port: 0 takes any free port.
        announce: Called with the address once it answers.
        data_dir: Where studies' data lies: pages show the images missed most.

    Raises:
        UserError: The port or the host cannot be had, or both a storage and the evidence are given.
    """
    if evidence and storage is not None:
        raise UserError("--evidence shows results that come with the program; leave --storage out.")
    reader = evidence_reader() if evidence else Reader(Storage(storage), beside=evidence_reader)
    serve_reader(reader, host, port, announce, data_dir)
