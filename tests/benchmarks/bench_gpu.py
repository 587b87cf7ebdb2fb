"""Where a training step's time goes on a GPU, and which way of computing it is the fastest.

    python tests/benchmarks/bench_gpu.py groups            # one grouped convolution, paths merged
    python tests/benchmarks/bench_gpu.py steps             # whole steps, one way after the other
    python tests/benchmarks/bench_gpu.py profile           # the kernels that take the time
    python tests/benchmarks/bench_gpu.py workers           # 1, 4 and 8 workers on one GPU
    python tests/benchmarks/bench_gpu.py steps --device cpu --toy

Each prints a table in Markdown. Networks of a family cost equal FLOPs at C = 1, 8 and 32 (d is
solved for each C). Every way starts from the same: bf16, channels last, deterministic algorithms,
`cudnn.benchmark` off, eager. Medians of rounds, each of several steps and ended by a
synchronisation. `--toy` takes the smallest shapes, so that the script runs on a CPU in seconds.
"""

import argparse
import contextlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
from steps import plain_step
from torch import Tensor, nn
from torch.nn import functional as F

import studies.running.supervisor
from explorer import Architecture, build, match
from explorer.networks import record
from explorer.networks.modules import MergingPaths, divisors
from studies import Study
from studies.machine.settings import resolve
from studies.running.progress import View


@dataclass(frozen=True)
class Family:
    """Networks of equal FLOPs, and the batches that they are timed with."""

    reference: str
    cardinality: tuple[int, ...]
    resolution: int
    in_channels: int
    classes: int
    batch: int

    def designs(self) -> list[Architecture]:
        shape = {
            "resolution": self.resolution, "in_channels": self.in_channels,
            "classes": self.classes,
        }  # fmt: skip
        reference = Architecture.from_name(self.reference, **shape)
        return [
            design.architecture for design in match(reference, cardinality=list(self.cardinality))
        ]


FAMILIES = {
    "28 pixels": Family("resnext_1-1-1_1x20d_w96_small16", (1, 8, 32), 28, 1, 10, 128),
    "ResNeXt-29": Family("resnext29_1x64d_cifar", (1, 8, 32), 32, 3, 10, 128),
    "224 pixels": Family("resnet50", (1, 8, 32), 224, 3, 1000, 64),
}
TOYS = {"8 pixels": Family("resnext_1-1-1_1x20d_w96_small16", (1, 8), 8, 1, 10, 16)}
# Channels, paths and side of grouped convolutions: of ResNeXt-50 (32x4d, 8x13d), ResNeXt-29, small
# networks, and depthwise ones.
LAYERS = (
    (128, 32, 56), (256, 32, 28), (512, 32, 14), (1024, 32, 7),
    (104, 8, 56), (208, 8, 28), (416, 8, 14), (832, 8, 7),
    (128, 32, 32), (256, 32, 16), (512, 32, 8),
    (32, 8, 28), (64, 8, 14), (32, 32, 28), (64, 32, 28), (96, 16, 32),
    (112, 16, 32), (160, 16, 32),
    (96, 4, 32), (160, 8, 32), (112, 4, 32), (128, 128, 56), (512, 512, 14),
)  # fmt: skip
TOY_LAYERS = ((16, 4, 8),)


class Merged(MergingPaths):
    """A grouped convolution that computes `together` neighbouring paths as one."""

    together = 1

    def forward(self, x: Tensor) -> Tensor:
        weight, groups = self.merged(self.together)
        return F.conv2d(x, weight, None, self.stride, self.padding, groups=groups)


def merge(network: nn.Module, channels: int) -> nn.Module:
    """Merge the paths of all grouped convolutions, up to this many channels a group."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            d = module.in_channels // module.groups
            fitting = [n for n in divisors(module.groups) if n * d <= channels]
            module.__class__ = Merged
            module.together = max(fitting, default=1)
    return network


def seconds(call: Callable[[], Any], device: str, *, rounds: int, steps: int) -> float:
    """The median over rounds of the seconds of a call; one round warms up."""

    def wait() -> None:
        if device != "cpu":
            torch.cuda.synchronize()

    times = []
    for _ in range(rounds + 1):
        wait()
        started = time.perf_counter()
        for _ in range(steps):
            call()
        wait()
        times.append((time.perf_counter() - started) / steps)
    return median(times[1:])


@contextlib.contextmanager
def switches(*, deterministic: bool = True, benchmark: bool = False) -> Iterator[None]:
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = benchmark
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False


def groups(options: argparse.Namespace) -> None:
    """Forward and backward of a grouped convolution, several paths computed as one."""
    print("| convolution | channels a group: milliseconds |\n| --- | --- |")
    for channels, paths, side in TOY_LAYERS if options.toy else LAYERS:
        parts = []
        for together in divisors(paths):
            with switches():
                step = layer_step(channels, paths, side, together, options)
                took = seconds(step, options.device, rounds=options.rounds, steps=options.steps)
            parts.append(f"{together * channels // paths}: {1000 * took:.3f}")
        name = f"{paths}x{channels // paths}d at {side}x{side}"
        print(f"| {name} | {', '.join(parts)} |", flush=True)


def layer_step(
    channels: int, paths: int, side: int, together: int, options: argparse.Namespace
) -> Callable[[], Any]:
    """Forward and backward of a 3x3 convolution with weights in float32; a graph on CUDA."""
    device = torch.device(options.device)
    x = torch.randn(options.batch, channels, side, side, device=device)
    x = x.to(torch.bfloat16, memory_format=torch.channels_last).requires_grad_()
    layer = Merged(channels, channels, 3, padding=1, groups=paths, bias=False).to(device)
    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    layer.together = together
    gradient = torch.randn_like(x)

    def step() -> Any:
        with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
            y = layer(x)
        return torch.autograd.grad(y, (x, layer.weight), gradient)

    if device.type == "cpu":
        return step
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = step()
    return lambda results=results: graph.replay()  # the results are the graph's own memory


def ways(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """How steps are computed: what differs from the first."""
    table: dict[str, dict[str, Any]] = {
        "as trials did": {},
        "not deterministic": {"deterministic": False},
        "cudnn.benchmark": {"benchmark": True},
        "channels first": {"first": True},
        "float32": {"precision": "32"},
        "paths merged to 16": {"merged": 16},
        "to 32": {"merged": 32},
        "to 64": {"merged": 64},
        "to 128": {"merged": 128},
    }
    if options.device != "cpu":
        table["CUDA graph"] = {"graphed": True}
        table["graph, merged to 32"] = {"graphed": True, "merged": 32}
        table["graph, merged to 64"] = {"graphed": True, "merged": 64}
    if options.compile:
        table["compiled"] = {"compile": True}
        if options.device != "cpu":
            table["compiled, graph"] = {"compile": True, "graphed": True}
    return {name: way for name, way in table.items() if not options.way or name in options.way}


def step_of(design: Architecture, batch: int, way: dict[str, Any], device: str) -> Any:
    torch.manual_seed(0)
    network: Any = build(design).to(device)
    shape = (batch, design.in_channels, design.resolution, design.resolution)
    if way.get("merged"):
        merge(network, way["merged"])
    if not way.get("first"):
        network.to(memory_format=torch.channels_last)
    if way.get("compile"):
        network = torch.compile(network)
    if way.get("graphed"):
        sample = torch.zeros(shape, device=device).to(memory_format=torch.channels_last)
        record(network, sample, torch.bfloat16)
    return plain_step(network, shape, way.get("precision", "bf16"), device)


def steps(options: argparse.Namespace) -> None:
    """A whole training step, computed one way after the other."""
    for title, family in families(options).items():
        designs = family.designs()
        columns = [f"C={cardinality}, ms" for cardinality in family.cardinality]
        print(f"\n{title}, batches of {family.batch}: {', '.join(d.name for d in designs)}\n")
        print(f"| way | {' | '.join(columns)} | most C / C=1 |")
        print("|" + " --- |" * (len(designs) + 2))
        alone: dict[str, float | None] = {}
        for name, way in ways(options).items():
            timed = [time_step(design, family.batch, way, options) for design in designs]
            times, cells = zip(*timed, strict=True)
            # Merging paths leaves the network of one path as it is.
            otherwise = str({key: value for key, value in way.items() if key != "merged"})
            single = times[0] or alone.get(otherwise)
            alone.setdefault(otherwise, single)
            ratio = f"{times[-1] / single:.2f}" if times[-1] and single else ""
            print(f"| {name} | {' | '.join(cells)} | {ratio} |", flush=True)


def time_step(
    design: Architecture, batch: int, way: dict[str, Any], options: argparse.Namespace
) -> tuple[float | None, str]:
    """Seconds of a step, None where there are none; and the table's cell."""
    grouped = any(stage.cardinality > 1 for stage in design.stages)
    if way.get("merged") and not grouped:
        return None, ""
    with switches(
        deterministic=way.get("deterministic", True), benchmark=way.get("benchmark", False)
    ):
        try:
            step = step_of(design, batch, way, options.device)
            took = seconds(step, options.device, rounds=options.rounds, steps=options.steps)
        except Exception as error:  # noqa: BLE001 - a way that fails costs no other
            return None, f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
        finally:
            step = None
            if options.device != "cpu":
                torch.cuda.empty_cache()
    return took, f"{1000 * took:.2f}"


def profile(options: argparse.Namespace) -> None:
    """The kernels that take most of a step's time, for the fewest and the most paths."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if options.device != "cpu":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    key = "self_cpu_time_total" if options.device == "cpu" else "self_device_time_total"
    for title, family in families(options).items():
        for design in (family.designs()[0], family.designs()[-1]):
            with switches():
                step = step_of(design, family.batch, {}, options.device)
                for _ in range(3):
                    step()
                with torch.profiler.profile(activities=activities) as trace:
                    for _ in range(options.steps):
                        step()
                    if options.device != "cpu":
                        torch.cuda.synchronize()
            kernels = [event for event in trace.key_averages() if getattr(event, key) > 0]
            if options.device != "cpu":
                kernels = [e for e in kernels if e.device_type != torch.autograd.DeviceType.CPU]
            whole = sum(getattr(event, key) for event in kernels) or math.nan
            count = sum(event.count for event in kernels) / options.steps
            print(
                f"\n{title}, {design.name}: {whole / options.steps / 1000:.2f} ms in"
                f" {count:.0f} kernels a step\n"
            )
            print("| share | ms a step | calls a step | kernel |\n| --- | --- | --- | --- |")
            for event in sorted(kernels, key=lambda event: -getattr(event, key))[: options.top]:
                spent = getattr(event, key)
                print(
                    f"| {100 * spent / whole:.0f} % | {spent / options.steps / 1000:.2f} |"
                    f" {event.count / options.steps:.0f} | `{event.key[:100]}` |",
                    flush=True,
                )


def workers(options: argparse.Namespace) -> None:
    """Trainings an hour of a study of small networks, by workers on one GPU."""
    changes = [f"recipe.epochs={options.epochs}", "space.axes.cardinality=[1, 8]"]
    settings = resolve(device="cuda" if options.device != "cpu" else "cpu").settings
    print(f"{settings}\n")
    print("| workers | trainings | seconds | without the start | trainings an hour |")
    print("|" + " --- |" * 5)
    for count in (1, 2) if options.toy else (1, 4, 8):
        seeds = list(range(1 if options.toy else 4 + count))
        study = Study.load("digits_cardinality").changed([*changes, f"seeds={seeds}"])
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            done = studies.running.supervisor.run(
                study,
                storage=f"sqlite:///{folder}/t.db",
                workers=count,
                workers_per_gpu=None if options.device == "cpu" else count,
                view=clock,
            )
            ended = time.perf_counter()
        spent = ended - clock.began
        print(
            f"| {count} | {done.complete} of {done.wanted} | {ended - started:.1f} | {spent:.1f} |"
            f" {3600 * done.complete / spent:.0f} |",
            flush=True,
        )


class Clock(View):
    """Notes when the first training begins."""

    began = 0.0

    def event(self, worker: int, event: dict[str, Any]) -> None:
        self.began = self.began or time.perf_counter()


def families(options: argparse.Namespace) -> dict[str, Family]:
    if options.toy:
        return TOYS
    chosen = {name: FAMILIES[name] for name in options.family or FAMILIES}
    if options.extremes:
        return {name: replace(family, cardinality=(1, 32)) for name, family in chosen.items()}
    return chosen


PARTS = {"groups": groups, "steps": steps, "profile": profile, "workers": workers}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--toy", action="store_true", help="the smallest shapes")
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    parser.add_argument("--extremes", action="store_true", help="only C=1 and C=32")
    parser.add_argument("--way", action="append", help="only this one; may be given again")
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile too, which takes long"
    )
    parser.add_argument("--batch", type=int, default=64, help="of `groups`")
    parser.add_argument("--epochs", type=int, default=10, help="of `workers`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10, help="of a round")
    parser.add_argument("--top", type=int, default=12, help="kernels that are listed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.device != "cpu":
        torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    PARTS[options.part](options)


if __name__ == "__main__":
    main()
