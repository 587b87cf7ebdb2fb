"""The engine of a Ray cluster: a worker is an actor that starts the same process as elsewhere.

Ray places the actors, watches them and moves them: an actor for which no node has room waits until
one has, or joins. Nothing but this module and `ray_detached` imports Ray.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from explorer.errors import UserError
from studies.engines.engine import Ended, Engine, Event, Job, Placed, Tell
from studies.engines.ray_seat import Seat, settings_of_node
from studies.engines.worker_process import STOPPED
from studies.machine.settings import Resolved, Settings

# Seconds to reach the cluster. `ray.init` alone took 41 s, and 821 s on a busy machine, to say that
# nobody answers.
CONNECT_TIMEOUT = 20.0
# Seconds for a node to tell what it can compute with: torch is started there.
ANSWER_TIMEOUT = 120.0
# Seconds in which a worker that was asked to stop ends its step.
STOP_TIMEOUT = 120.0
NAMESPACE = "resnext-explorer"

T = TypeVar("T")


def connect(address: str) -> None:
    """Connect this process to a cluster.

    Args:
        address: HOST:PORT of its head, or `auto`: RAY_ADDRESS, else the cluster of this machine.

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
        return
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
        raise _unreachable(named, _first_line(error)) from None
    except TimeoutError:
        raise _unreachable(named, f"it has not answered for {CONNECT_TIMEOUT:.0f} s") from None
    except (RuntimeError, ValueError) as error:  # another version of Ray or Python, for example
        raise _unreachable(named, _first_line(error)) from None


def _knock(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise UserError(
            f"--address {address} is no address of a Ray cluster. Give HOST:PORT of its head node,"
            " such as 10.0.0.1:6379, or auto."
        )
    try:
        within(CONNECT_TIMEOUT / 2, lambda: socket.create_connection((host, int(port)), 5).close())
    except (OSError, OverflowError) as error:
        raise _unreachable(address, getattr(error, "strerror", None) or str(error)) from None


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
        address: See `connect`.
        workers: How many; None: as many as the cluster holds, also when nodes join.
        gpus_per_worker: The share of a GPU, or several; None: 1 where the study trains on GPUs.
    """

    spans_machines = True

    def __init__(
        self,
        address: str = "auto",
        workers: int | None = None,
        gpus_per_worker: float | None = None,
    ) -> None:
        self.workers, self.gpus_per_worker = workers, gpus_per_worker
        self._needs: dict[str, float] = {}
        self._address, self._is_connected = address, False
        self._count = 0

    def settings(self, resolve: Callable[..., Resolved], **options: Any) -> Resolved:
        gpus = self.gpus_per_worker or float(any("GPU" in node for node in self._nodes()))
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
        if settings.device != "cpu" and gpus is None:
            gpus = 1.0
        self._needs = {"CPU": float(settings.threads), **({"GPU": gpus} if gpus else {})}
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
        before, self._count = self._count, max(self._count, self._room())
        return self._count - before

    def _room(self) -> int:
        """How many workers the cluster holds, whatever else runs there now."""
        return sum(
            min(int(node.get(name, 0) / amount + 1e-9) for name, amount in self._needs.items())
            for node in self._nodes()
        )

    def _nodes(self) -> list[dict[str, float]]:
        """What each node has, by the name of the resource."""
        if not self._is_connected:
            connect(self._address)
            self._is_connected = True
        import ray

        return [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def start(self, jobs: Sequence[Job], tell: Tell) -> list[Placed]:
        return [RayWorker(job, self._needs, tell) for job in jobs]

    def close(self) -> None:
        """Disconnect, unless this is an actor of the cluster itself."""
        if not self._is_connected:
            return
        import ray

        if ray.get_runtime_context().get_actor_id() is None:
            with suppress(TimeoutError):
                within(CONNECT_TIMEOUT, ray.shutdown)


class RayWorker(Placed):
    """An actor, and the thread that listens to it."""

    def __init__(self, job: Job, needs: dict[str, float], tell: Tell) -> None:
        import ray

        self._job, self._tell = job, tell
        self.log = "on its node"
        self._is_placed = self._is_to_stop = False
        self._has_ended = threading.Event()
        remote: Any = ray.remote(Seat)
        self._actor: Any = remote.options(
            num_cpus=needs["CPU"],
            num_gpus=needs.get("GPU", 0),
            scheduling_strategy="SPREAD",
            max_restarts=0,  # whoever is lost is replaced by the run
            max_concurrency=3,  # `run`, and beside it `ask_to_stop` and `kill`
        ).remote()
        threading.Thread(target=self._listen, name=f"worker {job.index}", daemon=True).start()

    def _listen(self) -> None:
        import ray

        end = Ended(None, "was lost: its node or its actor is gone", ())
        try:
            events = self._actor.run.options(num_returns="streaming").remote(self._job, os.getcwd())
            for reference in events:
                event: Event = ray.get(reference)
                if event["event"] == "placed":
                    self._is_placed = True
                    self.log = f"{event['log']} on {event['node']}"
                elif event["event"] == "ended":
                    end = Ended(event["code"], event["cause"], event["last_lines"])
                else:
                    self._tell(self._job.id, event)
        except ray.exceptions.RayError as error:
            if self._is_to_stop and not self._is_placed:
                end = Ended(STOPPED, "was not needed any more", ())
            elif not self._is_placed and "Error: " in str(error):
                self._tell(self._job.id, {"event": "error", "message": why_no_start(error)})
            elif "memory" in str(error):
                end = Ended(-9, "was killed by Ray, since its node ran out of memory", ())
        finally:
            with suppress(Exception):
                ray.kill(self._actor)  # gives back what it holds
            self._has_ended.set()
            self._tell(self._job.id, end)

    def ask_to_stop(self) -> None:
        import ray

        self._is_to_stop = True
        if self._is_placed:
            self._actor.ask_to_stop.remote()
        else:  # it may wait for room for ever
            ray.kill(self._actor)

    def kill(self) -> None:
        self._actor.kill.remote()

    def wait(self) -> None:
        self._has_ended.wait(STOP_TIMEOUT)


def _described(nodes: list[dict[str, float]]) -> str:
    return "; ".join(
        f"{node.get('CPU', 0):g} CPU" + (f", {node['GPU']:g} GPU" if "GPU" in node else "")
        for node in nodes
    )


def why_no_start(error: BaseException) -> str:
    """Why nothing of this program runs on a node."""
    lines = [line.strip() for line in str(error).splitlines() if "Error: " in line]
    reason = lines[-1] if lines else _first_line(error)
    return (
        f"a node of the Ray cluster cannot run this program: {reason.rstrip('.')}. Install the same"
        " version of resnext-explorer, with the same extras, on every node."
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def within(seconds: float, function: Callable[[], T]) -> T:
    """Call a function that may hang. Raises `TimeoutError` after so many seconds."""
    results: list[T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
