"""The commands that need torch: measure, export, rules, and match by measured time."""

import os
from typing import Any

import click

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint, blueprint
from explorer.commands.options import FORCE_OPTION, JSON_OPTION, input_options
from explorer.commands.parsing import WholeNumber, WholeNumbers
from explorer.designs import Design
from explorer.errors import UserError, check_known
from explorer.text import counted

# More than any processor has; torch ends the process where the system gives it no more.
MOST_THREADS = 1024


def match_time_with_progress(architecture: Blueprint, **options: Any) -> list[Design]:
    """`match_time` with a progress bar on the terminal."""
    from explorer.networks import match_time
    from explorer.terminal import progress_bar

    with progress_bar("measuring") as progress:
        return match_time(architecture, progress=progress, **options)


def how_measured(device: str, batch: int) -> str:
    """By which settings `match` measures: 'on cpu, in 32 bits, with 2 threads, a batch of 1'."""
    from explorer.networks import use_threads

    threads = f", with {counted(use_threads(None), 'thread')}" if device == "cpu" else ""
    return f"on {device}, in 32 bits{threads}, a batch of {batch}"


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--mode", default="inference,train_step", help="inference, train_step, or both.")
@click.option("--form", default="c", help="How blocks are computed: a, b, c, or several: a,b,c.")
@click.option(
    "--batch", type=WholeNumbers(), default="1", help="Images at once, one or more: 1,32."
)
@click.option("--device", default="cpu", help="cpu, cuda, cuda:1.")
@click.option("--precision", default="32", help="32, or bf16 by autocast.")
@click.option(
    "--threads",
    type=WholeNumber(),
    help="torch's threads on the CPU (default: torch's own choice).",
)
@click.option("--rounds", type=WholeNumber(), default="7", help="How often each case is visited.")
@input_options
@JSON_OPTION
def measure(
    names: tuple[str, ...],
    mode: str,
    form: str,
    batch: list[int],
    device: str,
    precision: str,
    threads: int | None,
    rounds: int,
    sizes: dict[str, int],
    as_json: bool,
) -> None:
    """Measure seconds, images a second and peak memory of each NAME.

    Networks are measured in turn, round after round, so drift of the machine affects all alike.

    \b
    Examples:
      resnext-explorer measure resnet50 resnext50_32x4d --resolution 64 --batch 1,8
      resnext-explorer measure resnext29_8x16d_cifar --form a,b,c --mode inference
      resnext-explorer measure resnet50 resnext50_32x4d --device cuda --precision bf16 --batch 64
    """
    from explorer.layers import FORMS

    architectures = [blueprint(name, **sizes) for name in names]
    from explorer.networks import MODES, Case, use_threads
    from explorer.networks import measure as measure_cases
    from explorer.terminal import print_json, print_table, progress_bar

    modes, forms = mode.split(","), form.split(",")
    for given, known, kind in ((modes, MODES, "mode"), (forms, FORMS, "form")):
        for value in given:
            check_known(kind, value, known)
    if threads is not None and threads > MOST_THREADS:
        raise UserError(f"--threads takes at most {MOST_THREADS:,}; given: {threads:,}.")
    used_threads = use_threads(threads)
    cases = [
        Case(architecture, form=one_form, batch=size, mode=one_mode)
        for one_mode in modes
        for size in batch
        for architecture in architectures
        for one_form in forms
    ]
    with progress_bar("measuring") as progress:
        timings = measure_cases(
            cases, device=device, precision=precision, rounds=rounds, progress=progress
        )
    if as_json:
        print_json(
            [
                {
                    "name": timing.case.architecture.name,
                    "form": timing.case.form,
                    "mode": timing.case.mode,
                    "batch": timing.case.batch,
                    "device": device,
                    "precision": precision,
                    "seconds": timing.seconds,
                    "low": timing.low,
                    "high": timing.high,
                    "rounds": timing.rounds,
                    "images_per_second": timing.images_per_second,
                    "peak_memory": timing.peak_memory,
                }
                for timing in timings
            ]
        )
        return
    rows = [
        (
            timing.case.architecture.name,
            timing.case.mode,
            timing.case.form,
            timing.case.batch,
            f"{1e3 * timing.seconds:.2f}",
            f"{1e3 * timing.low:.2f} to {1e3 * timing.high:.2f}",
            f"{timing.images_per_second:.1f}",
            f"{timing.peak_memory / 1e6:.1f}",
        )
        for timing in timings
    ]
    columns = (
        "network",
        "mode",
        "form",
        "batch",
        "median ms",
        "quartiles, ms",
        "images/s",
        "peak MB",
    )
    print_table(columns, rows, left=("mode", "form"))
    side = architectures[0].resolution
    click.echo(
        f"\n{device}, precision {precision}, {counted(used_threads, 'thread')}, {rounds} rounds,"
        f" input {side}x{side}."
    )


@click.command()
@click.argument("name", required=False)
@click.option(
    "--format", "format_", required=True, help="torchvision, timm, safetensors, onnx or pt2."
)
@click.option("-o", "--output", type=click.Path(), required=True, help="The file to write.")
@FORCE_OPTION
@click.option(
    "--weights",
    type=click.Path(),
    help="Trained weights (.pth or .safetensors); without them, new ones are drawn.",
)
@click.option(
    "--seed", type=click.IntRange(-(2**63), 2**63 - 1), default=0, help="Seed of new weights."
)
@input_options
def export(
    name: str | None,
    format_: str,
    output: str,
    force: bool,
    weights: str | None,
    seed: int,
    sizes: dict[str, int],
) -> None:
    """Write the network NAME for other programs: torchvision, timm, safetensors, ONNX, pt2.

    pt2 is torch.export's: the network as a program that runs without this one's code. A file of
    weights that this program wrote says its own name and sizes, so none is needed.

    \b
    Examples:
      resnext-explorer export resnext50_32x4d --format torchvision -o resnext50.pth
      resnext-explorer export resnext50_32x4d --format timm -o resnext50.safetensors
      resnext-explorer export --weights best/weights.safetensors --format onnx -o best.onnx
      resnext-explorer export resnext29_8x16d_cifar --weights best.pth --format onnx -o best.onnx
    """
    if name and os.path.isfile(name):
        raise UserError(f"{name} is a file, and a network's name is needed, or --weights {name}.")
    architecture = blueprint(name, **sizes) if name else None
    if architecture is None and weights is None:
        raise UserError("name the network to export, as resnet50, or its --weights FILE.")
    from explorer import networks

    networks.check_name(output, format_, force=force)
    if architecture and format_ in ("torchvision", "timm"):
        networks.foreign_constructor(architecture, format_)  # refused before anything is built
    metadata: dict[str, str] = {}
    if weights is not None:
        saved = networks.load_network(weights, name, **sizes)
        model, metadata = saved.network, saved.metadata
        click.echo(f"Read: {weights}{f' ({saved.taken_off})' if saved.taken_off else ''}")
    else:
        assert architecture is not None
        model = networks.fresh_network(architecture, seed)
    loading = networks.export(model, output, format_, metadata, force=force)
    checked = {"onnx": " (checked against onnxruntime)", "pt2": " (loaded again and checked)"}
    click.echo(f"Written: {output}{checked.get(format_, '')}\nLoad it: {loading}")


@click.command()
@click.argument("network", metavar="NAME|PACKAGE.MODULE:FUNCTION")
@input_options
@JSON_OPTION
def rules(network: str, sizes: dict[str, int], as_json: bool) -> None:
    """Check the paper's two rules on a network, and show where one is broken.

    A network of your own is a function that returns a torch module with children layer1, layer2
    and so on.

    \b
    Examples:
      resnext-explorer rules resnext50_32x4d
      resnext-explorer rules my_models:make_network --resolution 64
    """
    from explorer.networks import example_image, find_violations
    from explorer.terminal import print_json

    if ":" in network:
        from explorer.foreign import call_function

        example = example_image(sizes.get("in_channels", 3), sizes.get("resolution", 224))
        violations = find_violations(call_function(network, "the network"), example)
    else:
        violations = find_violations(Architecture.from_name(network, **sizes))
    if as_json:
        print_json(
            {"holds": not violations, "violations": [vars(violation) for violation in violations]}
        )
    elif not violations:
        click.echo(f"Both rules hold for {network}.")
    else:
        for violation in violations:
            click.echo(
                f"Rule {violation.rule} is broken at {violation.where}: {violation.message}."
            )
