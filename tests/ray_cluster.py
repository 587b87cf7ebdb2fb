"""A Ray cluster of the tests' own: three nodes of one core on this machine, gone afterwards."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NODES = 3
# In which all processes of a cluster have ended, in seconds.
DEADLINE = 30.0
# A small object store: events are all that goes through it.
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


class Nodes:
    """The cluster; a node can be killed, or join."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        head = {**NODE, "include_dashboard": False, "temp_dir": str(folder)}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address
        for _ in range(NODES - 1):
            self.join()

    def join(self, cpus: int = 1) -> None:
        """Add a node."""
        self._cluster.add_node(**{**NODE, "num_cpus": cpus})

    def kill(self) -> None:
        """Kill a node that is not the head, with all that Ray runs there."""
        self._cluster.remove_node(next(iter(self._cluster.worker_nodes)), allow_graceful=False)

    def kill_head(self) -> None:
        """Kill the head, and with it the cluster."""
        self._cluster.remove_node(self._cluster.head_node, allow_graceful=False)

    def complete(self) -> None:
        """Let nodes join until there are three again."""
        for _ in range(NODES - 1 - len(self._cluster.worker_nodes)):
            self.join()

    def shutdown(self) -> None:
        self._cluster.shutdown()


@contextmanager
def cluster() -> Iterator[Nodes]:
    """A cluster while the block runs; no process of it is left behind."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's path must be short
    programs = str(Path(sys.executable).parent)
    with pytest.MonkeyPatch.context() as environment:
        # Ray starts its own programs by their names.
        environment.setenv("PATH", programs, prepend=":")
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("OMP_NUM_THREADS", "1")
        # Ray writes the head's address below it, and does not make the folder.
        environment.setenv("RAY_TMPDIR", str(folder))
        (folder / "ray").mkdir()
        try:
            nodes = Nodes(folder)
            try:
                yield nodes
            finally:
                nodes.shutdown()
            deadline = time.monotonic() + DEADLINE
            while (left := _processes(str(folder))) and time.monotonic() < deadline:
                time.sleep(0.1)  # the agents of a killed node notice that themselves
            assert not left
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _processes(folder: str) -> list[str]:
    """The command lines of the processes that name a folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return [line for line in lines if folder in line]
