"""Our trial, as a worker trains it, against a bare PyTorch loop over the same batches.

    python tests/benchmarks/bench_training.py
    python tests/benchmarks/bench_training.py --data-dir DIR  # or FASHION_MNIST, else random images
    python tests/benchmarks/bench_training.py --device cuda --steps 400

Both have one thread, the same precision, channels last, optimiser and schedule, and validate after
every epoch; each is a process of its own, and they take turns, a short epoch each. The bare loop's
network is the same with torch's own modules throughout, where ours has a few that are made for
speed; their outputs are compared at its start. The trial also writes checkpoints and counts
mistakes, and keeps its memory as workers do, which the bare loop, a plain process, does not. A
third side is a trial in a plain process: what the memory is worth.
"""

import argparse
import copy
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from turns import Turns, compare, play

from explorer import Architecture, build
from explorer.text import human_time
from studies.config.recipe import Recipe
from studies.data import DataSpec, Images, Splits, load
from studies.machine.settings import Settings, resolve
from studies.training.batches import EvaluationBatches, TrainingBatches
from studies.training.training import train

# The preset space fashion_mnist_cardinality, C=1 and C=8: about 28 MFLOPs.
NETWORKS = ("resnext_1-1-1_1x20d_w96_small16", "resnext_1-1-1_8x4d_w96_small16")
BATCH, VALIDATION = 128, 256
TARGET = 0.85
ENDLESS = 10_000  # epochs: a side ends when it is not asked for more


def images(count: int, data_dir: str | None) -> Splits:
    """The first images of Fashion-MNIST, or random ones of that shape."""
    if data_dir:
        whole = load(DataSpec(name="fashion_mnist", validation=0.1), Path(data_dir))
        first = [
            part.take(range(size))
            for part, size in ((whole.train, count), (whole.validation, VALIDATION))
        ]
        return Splits(
            first[0], first[1], first[1], whole.classes, whole.mean, whole.std, whole.mirrored
        )
    rng = np.random.default_rng(0)

    def random(size: int) -> Images:
        return Images(rng.integers(0, 256, (size, 1, 28, 28), np.uint8), rng.integers(0, 10, size))

    return Splits(random(count), random(VALIDATION), random(VALIDATION), 10, (0.5,), (0.29,), True)


class TextbookNorm(nn.BatchNorm2d):
    """Torch's batch norm, which `explorer.networks.modules.normalise`
    leaves alone since it is a class of its own."""


def textbook(architecture: Architecture) -> nn.Module:
    """The network as a script would write it: torch's convolutions
    and pooling, and torch's in-place relu."""
    network = build(architecture)
    images = torch.randn(
        4, architecture.in_channels, architecture.resolution, architecture.resolution
    )
    expected = copy.deepcopy(network)(images)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = TextbookNorm
    network.avgpool = nn.AdaptiveAvgPool2d(1)  # type: ignore[assignment]
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d) and type(module) is not nn.Conv2d:
            shape = (module.in_channels, module.out_channels, module.kernel_size)
            plain = nn.Conv2d(
                *shape, module.stride, module.padding, groups=module.groups, bias=False
            )  # type: ignore[arg-type]
            plain.weight = module.weight
            network.set_submodule(name, plain)
    torch.testing.assert_close(copy.deepcopy(network)(images), expected)
    return network


def bare_loop(
    architecture: Architecture,
    recipe: Recipe,
    splits: Splits,
    seed: int,
    settings: Settings,
    turns: Turns,
) -> None:
    """Train as a careful script would."""
    device = torch.device(settings.device)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed)
    network = textbook(architecture).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    epoch = 0
    batches = TrainingBatches(splits, recipe, seed, device, lambda: epoch)
    validation = EvaluationBatches(splits.validation, splits, recipe, device)
    steps = recipe.epochs * len(batches)
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: recipe.rate(step, steps))
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")
    for epoch in range(recipe.epochs):  # noqa: B007 - the batches ask for it
        network.train()
        for images, labels, *_ in batches:
            with autocast:
                logits = network(images)
            loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            scheduler.step()
        network.eval()
        with torch.inference_mode(), autocast:
            mistakes = [
                (network(images).argmax(1) != labels).sum() for images, labels in validation
            ]
        sum(mistakes).item()  # a script prints it, so a GPU is waited for
        turns.done()


def side(config: dict[str, Any], turns: Turns) -> None:
    splits = images(config["steps"] * BATCH, config["data_dir"])
    architecture = Architecture.from_name(
        config["network"], resolution=28, in_channels=1, classes=10
    )
    recipe = Recipe.model_validate(
        {"name": "quick", "epochs": ENDLESS, "batch_size": BATCH, "learning_rate": 1e-4}
    )
    settings = Settings(**config["settings"])
    turns.wait()
    if config["kind"] == "bare":
        bare_loop(architecture, recipe, splits, 0, settings, turns)
    with tempfile.TemporaryDirectory() as folder:
        train(
            architecture,
            recipe,
            splits,
            0,
            settings,
            checkpoints=Path(folder),
            on_epoch=lambda _: turns.done(),
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", default=os.environ.get("FASHION_MNIST"))
    parser.add_argument("--steps", type=int, default=25, help="of an epoch, which is one turn")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()

    settings = resolve(device=options.device, threads=1).settings.model_dump()
    print(f"{options.turns} turns of {options.steps} steps of {BATCH} images, {settings}")
    for network in NETWORKS:
        common = {
            "network": network,
            "steps": options.steps,
            "data_dir": options.data_dir,
            "settings": settings,
        }
        found = compare(
            {
                "bare loop": {**common, "kind": "bare"},
                "trial": {**common, "kind": "trial", "keep": True},
                "trial in a plain process": {**common, "kind": "trial"},
            },
            options.turns,
        )
        bare = found["bare loop"]
        for name, told in found.items():
            ratios = f"{told['seconds'] / bare['seconds']:.3f} of the bare loop's time"
            ratios += f", {told['processor'] / bare['processor']:.3f} of its processor time"
            print(
                f"{network} {name:>25}: {human_time(told['seconds'])} a turn, {ratios}", flush=True
            )
    print(f"(target: a trial takes at most {TARGET} of the bare loop's time)")


if __name__ == "__main__":
    if not play(side):
        main()
