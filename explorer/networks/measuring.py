"""Measured cost of networks on this machine: seconds, images a second and peak memory.

Cases are measured interleaved, round after round, so that drift of the machine affects all alike.
Each round builds the network anew, so that only one is in memory at a time.
"""

import os

# The profiler that sees allocations reports its own start and stop on stderr unless told otherwise
# before torch is loaded.
os.environ.setdefault("KINETO_LOG_LEVEL", "9")

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint, as_blueprint
from explorer.errors import UserError, check_known
from explorer.networks.graphs import record
from explorer.networks.network import build, channels_last
from explorer.networks.own import failures_told
from explorer.networks.sgd import SGD

MODES = ("inference", "train_step")
PRECISIONS = {"32": None, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Case:
    """What to measure.

    Attributes:
        architecture: The network; it may be given by its name.
        form: How its blocks are computed: "a", "b" or "c".
        batch: Images at once.
        mode: One of `MODES`.
    """

    architecture: Blueprint
    form: str = "c"
    batch: int = 1
    mode: str = "inference"

    def __post_init__(self) -> None:
        object.__setattr__(self, "architecture", as_blueprint(self.architecture))


@dataclass(frozen=True)
class Timing:
    """What was measured.

    Attributes:
        case: What it was measured of.
        seconds: Of one step; the median over rounds.
        low: The lower quartile over rounds, in seconds.
        high: The upper quartile over rounds, in seconds.
        rounds: How often the case was visited.
        peak_memory: Bytes of all tensors at the worst moment of a step.
    """

    case: Case
    seconds: float
    low: float
    high: float
    rounds: int
    peak_memory: int

    @property
    def images_per_second(self) -> float:
        """Images a second, at the median."""
        return self.case.batch / self.seconds


def measure(
    cases: Sequence[Case],
    *,
    device: str = "cpu",
    precision: str = "32",
    rounds: int = 7,
    round_seconds: float = 0.1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Timing]:
    """Measure inference or training steps of all cases, interleaved.

    Images are random, in channels-last layout. A training step is forward, cross-entropy, backward
    and SGD with momentum.

    Args:
        cases: What to measure.
        device: "cpu", "cuda" or "cuda:1".
        precision: "32", or "bf16" by autocast.
        rounds: How often each case is visited.
        round_seconds: About how long each visit lasts, after one step to warm up.
        progress: Called after each visit with the number of visits made and of all.

    Returns:
        One timing for each case, in their order.

    Raises:
        UserError: The device is not there, a mode or the precision is unknown, or a training step
            would have nothing to normalise (a batch of 1 on 1x1 maps).
    """
    target = resolve_device(device)
    check_known("precision", precision, PRECISIONS)
    for case in cases:
        check_known("mode", case.mode, MODES)
        # A batch of one has no variance for batch norm where the map is 1x1: such a step is no
        # training step.
        if case.mode == "train_step" and case.batch == 1 and _ends_in_a_point(case.architecture):
            raise UserError(
                "a training step needs a batch of at least 2 where the last maps are 1x1; use"
                " --batch 2 or more."
            )
    seconds: list[list[float]] = [[] for _ in cases]
    peaks = [0] * len(cases)
    for number in range(rounds):
        # Every other round runs backwards, so that a steady drift favours no case.
        order = range(len(cases)) if number % 2 == 0 else reversed(range(len(cases)))
        for visit, index in enumerate(order):
            step, held, replay = _prepare(cases[index], target, PRECISIONS[precision])
            with failures_told(cases[index].architecture):
                step()
            if number == 0:
                peaks[index] = _peak_memory(step, held, target)
            if target.type == "cuda" and cases[index].mode == "train_step":
                replay()
                step()
            seconds[index].append(_time(step, target, round_seconds))
            del step, replay
            if target.type == "cuda":
                gc.collect()
                torch.cuda.empty_cache()
            progress(number * len(cases) + visit + 1, rounds * len(cases))
    timings = []
    for case, samples, peak in zip(cases, seconds, peaks, strict=True):
        low, median, high = np.quantile(samples, (0.25, 0.5, 0.75)).tolist()
        timings.append(Timing(case, median, low, high, rounds, peak))
    return timings


def _ends_in_a_point(architecture: Blueprint) -> bool:
    return isinstance(architecture, Architecture) and architecture.stages[-1].size == 1


def time_threads(
    case: Case, precision: str, threads: Sequence[int], seconds: float
) -> Iterator[tuple[int, float]]:
    """Time training steps of a case on the CPU with several numbers of torch's threads.

    Args:
        case: What to time; its mode is `train_step`.
        precision: "32" or "bf16".
        threads: The numbers, visited in this order; one may come again.
        seconds: About how long each visit lasts, after one step to warm up.

    Yields:
        After each visit the number of threads, and the seconds of one step.
    """
    device = torch.device("cpu")
    step, _, _ = _prepare(case, device, PRECISIONS[precision])
    for number in threads:
        torch.set_num_threads(number)
        step()
        yield number, _time(step, device, seconds)


def time_onnx(
    path: str | Path, rounds: int = 7, round_seconds: float = 0.05
) -> tuple[float, float, float]:
    """Seconds for one image of an ONNX network of ours, in onnxruntime with one thread on the CPU.

    Returns:
        The lower quartile, the median and the upper quartile over the rounds.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (images,) = session.get_inputs()
    image = np.random.default_rng(0).standard_normal((1, *images.shape[1:]), dtype=np.float32)

    def step() -> None:
        session.run(None, {images.name: image})

    step()
    seconds = [_time(step, torch.device("cpu"), round_seconds) for _ in range(rounds)]
    low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
    return low, median, high


def use_threads(number: int | None) -> int:
    """Set the number of torch's CPU threads (None leaves torch's own choice) and return it."""
    if number is not None:
        torch.set_num_threads(number)
    return torch.get_num_threads()


def resolve_device(name: str) -> torch.device:
    """'cpu', 'cuda' or 'cuda:1' as a torch device; raises `UserError` where it is not there."""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise UserError(f"unknown device {name!r}; known: cpu, cuda, cuda:0, cuda:1, ...")
    if not torch.cuda.is_available():
        raise UserError(
            f"device {name!r} was asked for, but torch sees no CUDA GPU here; use cpu, or install a"
            " CUDA build of torch."
        )
    if (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"device {name!r} was asked for, but there are {torch.cuda.device_count()} GPUs,"
            " counted from 0."
        )
    return device


def _prepare(
    case: Case, device: torch.device, autocast: torch.dtype | None
) -> tuple[Callable[[], None], int, Callable[[], None]]:
    """A step of the case, the bytes that its tensors hold between steps, and what records it.

    Training steps on CUDA are timed as trainings compute them: recorded as CUDA graphs.
    """
    architecture, training = case.architecture, case.mode == "train_step"
    with device:
        model = build(architecture, case.form).train(training).to(device)
        channels_last(model)
        images = torch.randn(case.batch, *architecture.input_shape).to(
            memory_format=torch.channels_last
        )
        labels = torch.randint(architecture.classes, (case.batch,))
    optimiser = SGD(model.parameters(), lr=1e-4, momentum=0.9)
    # Momentum is as large as the parameters and stays between steps; gradients are dropped at each
    # step's end.
    momentum = tuple(model.parameters()) if training else ()
    held = sum(
        tensor.nbytes
        for tensor in (*model.parameters(), *model.buffers(), *momentum, images, labels)
    )

    def infer() -> None:
        with (
            torch.inference_mode(),
            torch.autocast(device.type, autocast, enabled=autocast is not None),
        ):
            model(images)

    def train() -> None:
        with torch.autocast(
            device.type, autocast, enabled=autocast is not None, cache_enabled=False
        ):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return (train if training else infer), held, lambda: record(model, images, autocast)


def _time(step: Callable[[], None], device: torch.device, at_least: float) -> float:
    """Seconds of one step: the mean over as many as take about `at_least` seconds."""
    steps, start = 0, _now(device)
    while True:
        step()
        steps += 1
        # On a GPU steps are queued; the clock is read when they are done, first after one, then
        # after enough of them.
        if device.type == "cpu" or steps & (steps - 1) == 0:
            spent = _now(device) - start
            if spent >= at_least:
                return spent / steps


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _peak_memory(step: Callable[[], None], held: int, device: torch.device) -> int:
    """Bytes of all tensors at the worst moment of a step, those of the network included."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        step()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profiler:
        step()
    results = profiler.profiler.kineto_results if profiler.profiler else None
    events = [event for event in results.events() if event.name() == "[memory]"] if results else []
    alive = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        peak = max(peak, alive)
    return held + peak
