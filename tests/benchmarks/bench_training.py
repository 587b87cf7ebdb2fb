"""Our trial against a bare PyTorch loop over the same batches, in one process: what Lightning, curves and checkpoints cost.

    python tests/benchmarks/bench_training.py
    python tests/benchmarks/bench_training.py --data fashion_mnist --data-dir DIR --images 6000

Both sides have the same settings, batches, optimiser and schedule, and validate after every epoch. They take turns; the
figures are medians. The trial also writes a checkpoint each epoch, counts mistakes, and tests once; the bare loop does none of that.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional as F

from explorer import Architecture, build
from explorer.text import human_time
from studies.batches import EvaluationBatches, TrainingBatches
from studies.data import DataSpec, Images, Splits, load
from studies.recipe import Recipe
from studies.settings import Settings, resolve
from studies.training import train

NETWORKS = {"digits": "resnext_1-1-1_8x13d_w256_small", "fashion_mnist": "resnext_1-1-1_8x6d_w64_small16"}


def bare_loop(architecture: Architecture, recipe: Recipe, splits: Splits, seed: int, settings: Settings) -> float:
    """Train as a careful script would; the validation error."""
    device = torch.device(settings.device)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed)
    network = build(architecture).to(device)
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
        for images, labels in batches:
            with autocast:
                logits = network(images)
            loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            scheduler.step()
        network.eval()
        with torch.inference_mode(), autocast:
            mistakes = sum((network(images).argmax(1) != labels).sum() for images, labels in validation)
    return float(mistakes) / len(splits.validation)


def first(images: Images, count: int | None) -> Images:
    return Images(images.images[:count], images.labels[:count])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=sorted(NETWORKS), default="digits")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--architecture", help="default: about 20 MFLOPs on digits, 25 on Fashion-MNIST")
    parser.add_argument("--images", type=int, help="train on the first so many images only")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="share of the cores: cores / workers threads")
    options = parser.parse_args()

    spec = DataSpec(
        name=options.data,
        validation=0.2 if options.data == "digits" else 0.1,
        test=0.2 if options.data == "digits" else None,
    )
    whole = load(spec, options.data_dir)
    splits = replace(
        whole,
        train=first(whole.train, options.images),
        validation=first(whole.validation, options.images),
        test=first(whole.test, options.images),
    )
    architecture = Architecture.from_name(
        options.architecture or NETWORKS[options.data],
        resolution=splits.train.images.shape[-1],
        in_channels=splits.train.images.shape[1],
        classes=splits.classes,
    )
    recipe = Recipe.model_validate({"name": "quick", "epochs": options.epochs})
    settings = resolve(workers=options.workers)
    print(f"{architecture.name} on {options.data}: {splits.sizes}, {recipe.epochs} epochs, {settings}")

    times: dict[str, list[float]] = {"bare": [], "trial": [], "trial without its test": []}
    for turn in range(options.turns + 1):
        started = time.perf_counter()
        bare_error = bare_loop(architecture, recipe, splits, 0, settings)
        bare = time.perf_counter() - started
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            outcome = train(architecture, recipe, splits, 0, settings, checkpoints=Path(folder))
            trial = time.perf_counter() - started
        if turn == 0:  # warms up
            print(f"validation error: bare {bare_error:.4f}, trial {outcome.validation_error:.4f}")
            continue
        tested = outcome.seconds - sum(row["seconds"] for row in outcome.curves)
        for name, seconds in zip(times, (bare, trial, trial - tested), strict=True):
            times[name].append(seconds)
    for name, seconds in times.items():
        print(
            f"{name:>24}: {human_time(median(seconds))}, {median(seconds) / median(times['bare']):.3f} of the bare loop"
        )


if __name__ == "__main__":
    main()
