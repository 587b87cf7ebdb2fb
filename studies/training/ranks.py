"""One training by several processes, each with a device of its own.

Every global batch is the one that a single process would see: each process has an equal part of it,
gradients are averaged over them by Lightning's DDP, and batch norm is over all of it. So the
numbers are those of one process, but for the order in which floating-point numbers are added.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from explorer.errors import UserError
from studies.config.recipe import Recipe
from studies.data import Images
from studies.machine.settings import Settings
from studies.training.lightning import LightningEnvironment

# How long a process waits for the others.
TIMEOUT = timedelta(minutes=10)


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this one is.

    Attributes:
        number: How many there are.
        rank: From 0, which alone writes checkpoints and is told how it goes.
        port: At which they meet, on this machine: that of a `MeetingPlace`.
    """

    number: int
    rank: int
    port: int

    def check(self, recipe: Recipe, settings: Settings) -> None:
        """Raise `UserError` where a batch cannot be dealt out evenly."""
        if recipe.batch_size % self.number:
            raise UserError(
                f"a batch of {recipe.batch_size} images cannot be dealt out evenly to"
                f" {self.number} devices (--devices-per-worker). Use a number that divides it."
            )
        if ":" in settings.device:
            raise UserError(
                f"this study trains on {settings.device} alone; --devices-per-worker is for one"
                " that trains on any GPU (device cuda)."
            )

    def device(self, settings: Settings) -> torch.device:
        """That of this process."""
        if settings.device == "cpu":
            return torch.device("cpu")
        return torch.device("cuda", self.rank)

    def own(self, start: int, size: int) -> slice:
        """This process's part of a batch of `size` images that begins at `start`."""
        part = size // self.number
        return slice(start + self.rank * part, start + (self.rank + 1) * part)

    def own_images(self, images: Images) -> Images:
        """This process's part of images that are only looked at, in their order."""
        return images.take(np.array_split(np.arange(len(images)), self.number)[self.rank])

    def environment(self) -> LightningEnvironment:
        """What Lightning is to know of the processes, which it has not started."""
        return _Environment(self)

    def meet(self, settings: Settings) -> None:
        """Wait for the other processes, and form torch's group with them."""
        if os.path.isdir("/sys/class/net/lo"):  # all of them are on this machine
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        device = self.device(settings)
        dist.init_process_group(
            _backend(settings),
            store=_store(self.port),
            rank=self.rank,
            world_size=self.number,
            timeout=TIMEOUT,
            device_id=device if device.type == "cuda" else None,
        )

    def strategy(self, settings: Settings) -> Any:
        """Lightning's DDP, in the group of `meet`. Buffers are equal in all processes already."""
        from pytorch_lightning.strategies import DDPStrategy

        return DDPStrategy(
            process_group_backend=_backend(settings), timeout=TIMEOUT, broadcast_buffers=False
        )


class MeetingPlace:
    """Where the processes of one training find each other, for as long as it lives.

    It listens from the moment that its port is known: a port that is looked for first and taken
    later can be another program's by then. Nobody outside this machine reaches it.

    Attributes:
        port: To be given to their `Ranks`.
    """

    def __init__(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        self._store = _store(
            self.port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach()
        )


class Exchange:
    """What the processes of a training tell each other beside gradients, through the CPU.

    It is made in all of them at the same time, once they have met. `number` is how many they are.
    """

    def __init__(self) -> None:
        self._group = dist.new_group(backend="gloo", timeout=TIMEOUT)
        self.number = dist.get_world_size(self._group)

    def any(self, own: bool) -> bool:
        """Whether it is so in any process."""
        flag = torch.tensor([float(own)])
        dist.all_reduce(flag, dist.ReduceOp.MAX, self._group)
        return bool(flag.item())

    def sum(self, own: Tensor) -> Tensor:
        """The sum over the processes of a tensor, which is on the CPU then."""
        total = own.cpu()
        dist.all_reduce(total, dist.ReduceOp.SUM, self._group)
        return total

    def join(self, own: NDArray[np.int32]) -> NDArray[np.int32]:
        """The arrays of all processes, one after the other."""
        arrays: list[Any] = [None] * self.number
        dist.all_gather_object(arrays, own, self._group)
        return np.concatenate(arrays)


@contextmanager
def meeting(ranks: Ranks | None, settings: Settings) -> Iterator[None]:
    """Meet the other processes, if any; let go of them after the block, for the next training."""
    if ranks is None:
        yield
        return
    try:
        ranks.meet(settings)
        yield
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _store(port: int, **options: Any) -> Any:
    # torch's stubs do not have it.
    return dist.TCPStore("127.0.0.1", port, timeout=TIMEOUT, **options)  # type: ignore[attr-defined]


def _backend(settings: Settings) -> str:
    return "gloo" if settings.device == "cpu" else "nccl"


class _Environment(LightningEnvironment):
    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self._ranks = ranks

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        return self._ranks.port

    def world_size(self) -> int:
        return self._ranks.number

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        return self._ranks.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        return self._ranks.rank

    def node_rank(self) -> int:
        return 0

    def teardown(self) -> None:
        """Nothing was put into the process's environment by us."""
