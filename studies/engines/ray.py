"""The engine of a Ray cluster: a worker is an actor that starts the same process as elsewhere.

Ray places the actors, watches them and moves them: an actor for which no node has room waits until
one has, or joins. Ray is imported inside functions, here, in `ray_worker` and in
`studies.running.detached` only.
"""

import atexit
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from explorer.errors import UserError
from explorer.waiting import within
from studies.engines.engine import Engine, Job, Placed, Tell, settings_of_node
from studies.engines.ray_worker import RayWorker, first_line, why_no_start
from studies.machine.gpus import check_workers
from studies.machine.settings import Resolved, Settings

# Seconds to reach the cluster. `ray.init` alone took 41 s, and 821 s on a busy machine, to say that
# nobody answers.
CONNECT_TIMEOUT = 20.0
# Seconds for its head to give any answer at all.
KNOCK_TIMEOUT = 4.0
# So often a run looks whether the head is there, and after so many seconds without an answer it
# ends. Ray would end the process without a word after a minute.
LOOK, HEAD_TIMEOUT = 4.0, 14.0
# Seconds for a node to tell what it can compute with: torch is started there.
ANSWER_TIMEOUT = 120.0
NAMESPACE = "resnext-explorer"


def connect(address: str) -> bool:
    """Connect this process to a cluster.

    Args:
        address: HOST:PORT of its head, or `auto`: RAY_ADDRESS, else the cluster of this machine.

    Returns:
        False where the process was connected already, by its user or as an actor of the cluster.

    Raises:
        UserError: Ray is not installed, or nothing answers there within 30 seconds.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError(
            "Ray is not installed here. Install it: pip install 'resnext-explorer[ray]'"
        ) from None
    if ray.is_initialized():
        return False
    named = os.environ.get("RAY_ADDRESS") or address if address == "auto" else address
    if named != "auto":
        _knock(named)
    # Ray prints the cluster's errors on standard output, among the lines of `--json`, whatever
    # `log_to_driver` says. A node that is lost, a run tells itself.
    worker: Any = ray._private.worker
    worker.print_to_stdstream = lambda *_, **__: None
    try:
        within(
            CONNECT_TIMEOUT,
            lambda: ray.init(
                address=named, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR
            ),
        )
    except ConnectionError as error:
        raise _unreachable(named, first_line(error)) from None
    except TimeoutError:
        raise _unreachable(named, f"it has not answered for {CONNECT_TIMEOUT:.0f} s") from None
    # Another version of Ray or Python, or another token, for example.
    except (RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _unreachable(named, first_line(error)) from None
    return True


def _knock(address: str) -> None:
    """Raise `UserError` where no Ray cluster answers at an address."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise UserError(
            f"--address {address} is no address of a Ray cluster. Give HOST:PORT of its head node,"
            " such as 10.0.0.1:6379, or auto."
        )
    if reason := why_silent(address):
        raise _unreachable(address, reason)


def why_silent(address: str) -> str:
    """Why the head of a cluster does not answer at HOST:PORT; empty where it does.

    Takes `KNOCK_TIMEOUT` seconds at most. The head speaks gRPC: to the first bytes of HTTP/2 it
    answers with a frame of settings.
    """
    host, _, port = address.rpartition(":")

    def ask() -> bytes:
        with socket.create_connection((host, int(port)), KNOCK_TIMEOUT) as head:
            head.settimeout(KNOCK_TIMEOUT)
            head.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            return head.recv(9)

    try:
        answer = within(KNOCK_TIMEOUT, ask)
    except TimeoutError:
        return f"it has not answered for {KNOCK_TIMEOUT:.0f} s"
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "" if answer[3:4] == b"\x04" else "what answers there is not Ray's head"


def _unreachable(address: str, reason: str) -> UserError:
    where = "on this machine (--address auto)" if address == "auto" else f"at {address}"
    return UserError(
        f"no Ray cluster can be reached {where}: {reason.rstrip('.')}. Check that `ray status`"
        " answers there, that this machine is one of its nodes (ray start --address HOST:PORT), and"
        " that Ray and Python have the same versions. `ray start --head` starts a cluster."
    )


class RayEngine(Engine):
    """A Ray cluster.

    Args:
        address: HOST:PORT of its head, or `auto`: RAY_ADDRESS, else the cluster of this machine.
        workers: How many; None: as many as the cluster holds, also when nodes join.
        gpus_per_worker: The share of a GPU, or several; None: 1 where the study trains on GPUs.
        devices: How many share a training, in each worker: GPUs, or on CPUs processes; None: 1.

    Raises:
        UserError: A number that cannot be.
    """

    spans_machines = True

    def __init__(
        self,
        address: str = "auto",
        workers: int | None = None,
        gpus_per_worker: float | None = None,
        devices: int | None = None,
    ) -> None:
        check_workers(workers, None, devices=devices)
        share = gpus_per_worker
        if share is not None and (not share > 0 or (share > 1 and share % 1)):
            raise UserError(
                f"--gpus-per-worker must be a share of a GPU, such as 0.5, or a whole number of"
                f" GPUs; given: {share:g}."
            )
        if share and devices:
            raise UserError(
                "--devices-per-worker is the number of GPUs of each worker: leave --gpus-per-worker"
                " out."
            )
        self.workers, self.gpus_per_worker, self.devices = workers, share, devices or 1
        self.options = {
            "engine": "ray",
            "address": address if address != "auto" else None,
            "workers": workers,
            "gpus_per_worker": share,
            "devices_per_worker": devices if self.devices > 1 else None,
        }
        self._needs: dict[str, float] = {}
        self._address, self._is_ours = address, False  # whether this process connected for us
        self._count = self._latest_room = 0
        self._placed: list[RayWorker] = []
        self._is_closed, self._is_lost = threading.Event(), False

    def reach(self) -> None:
        self._is_ours = connect(self._address) or self._is_ours

    def settings(self, resolve: Callable[..., Resolved], **options: Any) -> Resolved:
        has_gpus = any(node.get("GPU") for node in self._nodes())
        if self.gpus_per_worker and not has_gpus:
            raise UserError(
                "--gpus-per-worker asks for GPUs, and no node of the Ray cluster has one. The nodes"
                f" have: {_described(self._nodes())}. Leave it out to train on CPUs."
            )
        gpus = self.gpus_per_worker or float(has_gpus)
        import ray

        task: Any = ray.remote(num_cpus=0, num_gpus=min(gpus, 0.01), scheduling_strategy="SPREAD")(
            settings_of_node
        )
        asked = task.remote(resolve, options)
        try:
            resolved, mistake = ray.get(asked, timeout=ANSWER_TIMEOUT)
        except ray.exceptions.GetTimeoutError:
            ray.cancel(asked, force=True)
            raise UserError(
                f"no node of the Ray cluster has told within {ANSWER_TIMEOUT:.0f} s what it can"
                " compute with. `ray status` shows whether others use all of it."
            ) from None
        except ray.exceptions.RayError as error:
            raise UserError(why_no_start(error)) from None
        if resolved is None:
            raise UserError(mistake)
        return resolved

    def seats(self, settings: Settings) -> int:
        gpus = self.gpus_per_worker
        if settings.device == "cpu" and gpus:
            raise UserError(
                "--gpus-per-worker is for a study that trains on GPUs, and this one trains on the"
                " CPU. Leave it out."
            )
        if settings.device == "cpu":
            self._needs = {"CPU": float(settings.threads * self.devices)}
        else:
            self._needs = {"CPU": float(settings.threads), "GPU": gpus or float(self.devices)}
        room = self._room()
        if not room:
            needs = " and ".join(f"{amount:g} {name}" for name, amount in self._needs.items())
            raise UserError(
                f"no node of the Ray cluster holds a worker, which needs {needs}. The nodes have:"
                f" {_described(self._nodes())}."
            )
        self._count = self.workers or room
        return self._count

    def more(self) -> int:
        if self.workers is not None:
            return 0
        before, self._count = self._count, max(self._count, self._latest_room)
        return self._count - before

    def _room(self) -> int:
        """How many workers the cluster holds, whatever else runs there now."""
        return sum(
            min(int(node.get(name, 0) / amount + 1e-9) for name, amount in self._needs.items())
            for node in self._nodes()
        )

    def _nodes(self) -> list[dict[str, float]]:
        """What each node has, by the name of the resource."""
        self.reach()
        import ray

        return [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def start(self, jobs: Sequence[Job], tell: Tell) -> list[Placed]:
        placed = [RayWorker(job, self._needs, tell) for job in jobs]
        if not self._placed:
            threading.Thread(target=self._watch, name="head", daemon=True).start()
        self._placed += placed
        return list(placed)

    def _watch(self) -> None:
        """Note how much room there is, and end all workers once the head is gone.

        Nothing but this thread asks the head: it would not answer, and the run would hang.
        """
        import ray

        address = ray.get_runtime_context().gcs_address
        reason = ""
        silent_since: float | None = None
        while silent_since is None or time.monotonic() - silent_since < HEAD_TIMEOUT:
            if self._is_closed.wait(LOOK):
                return
            reason = why_silent(address)
            if reason:
                silent_since = silent_since or time.monotonic()
            else:
                silent_since = None
                with suppress(TimeoutError):
                    self._latest_room = within(LOOK, self._room)
        self._is_lost = True
        problem = (
            f"the Ray cluster at {address} no longer answers: {reason}. What was trained is stored;"
            " the same command goes on once the cluster is there."
        )
        for worker in self._placed:
            worker.lose(problem)

    def close(self) -> None:
        """Disconnect, where this engine has connected the process."""
        self._is_closed.set()
        if self._is_lost:
            atexit.register(_leave)
        elif self._is_ours:
            import ray

            with suppress(TimeoutError):
                within(CONNECT_TIMEOUT, ray.shutdown)


def _leave() -> None:
    """End the process as after any mistake: taken apart without its head, Ray crashes it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)


def _described(nodes: list[dict[str, float]]) -> str:
    return "; ".join(
        f"{node.get('CPU', 0):g} CPU" + (f", {node['GPU']:g} GPU" if "GPU" in node else "")
        for node in nodes
    )
