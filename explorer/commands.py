"""The design room's commands: match, describe."""

from typing import Any

import click

from explorer.architecture import Architecture
from explorer.budget import MEASURES, QUANTITIES, Design
from explorer.budget import match as match_designs
from explorer.complexity import count, layer_complexity
from explorer.layers import Layer, iter_layers
from explorer.parsing import Fraction, WholeNumber, WholeNumbers
from explorer.text import human_count, human_flops, human_percent

DESIGN_COLUMNS = ("design", "C", "d", "width", "FLOPs", "params", "activations", "mismatch")


def design_row(design: Design) -> tuple[Any, ...]:
    """A design as a row under `DESIGN_COLUMNS`."""
    template, complexity = design.architecture.template, design.complexity
    return (
        design.name,
        template.cardinality,
        template.bottleneck_width,
        template.width,
        human_flops(complexity.flops),
        human_count(complexity.params),
        human_count(complexity.activations),
        human_percent(design.mismatch, signed=True),
    )


def input_options(command: Any) -> Any:
    """The options that say what goes into a network and comes out of it."""
    for option in (
        click.option(
            "--in-channels", type=WholeNumber(), default="3", show_default=True, help="Channels of the input image."
        ),
        click.option("--classes", type=WholeNumber(), help="Classes (default: 1000; 10 for _cifar names)."),
        click.option(
            "--resolution", type=WholeNumber(), help="Side of the input in pixels (default: 224; 32 for _cifar names)."
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("reference")
@click.option("--cardinality", type=WholeNumbers(), help="Cardinalities C to design for.")
@click.option("--bottleneck-width", type=WholeNumbers(), help="Bottleneck widths d to design for.")
@click.option("--width", type=WholeNumbers(), help="Widths (output channels of the first stage) to design for.")
@click.option(
    "--solve", default="bottleneck_width", show_default=True, help=f"What to solve for: {', '.join(QUANTITIES)}."
)
@click.option("--by", default="flops", show_default=True, help=f"The cost to keep: {', '.join(MEASURES)}.")
@click.option("--tolerance", type=Fraction(), help="Largest mismatch allowed, as 0.02 or 2%.")
@click.option(
    "--multiple-of", type=WholeNumber(), default="1", show_default=True, help="Take only multiples of this number."
)
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def match(
    reference: str,
    solve: str,
    by: str,
    tolerance: float | None,
    multiple_of: int,
    resolution: int | None,
    classes: int | None,
    in_channels: int | None,
    as_json: bool,
    **quantities: list[int] | None,
) -> None:
    """Solve what is left so that each design costs what REFERENCE costs.

    \b
    Examples:
      resnext-explorer match resnet50 --cardinality 1,2,4,8,32
      resnext-explorer match resnet50 --cardinality 1,2,4,8,32 --by block      # the paper's Table 2
      resnext-explorer match resnext50_32x4d --bottleneck-width 4,8,16 --solve cardinality
      resnext-explorer match resnet50 --cardinality 32 --multiple-of 4 --json
    """
    architecture = Architecture.from_name(reference, resolution=resolution, classes=classes, in_channels=in_channels)
    given: dict[str, Any] = {key: values for key, values in quantities.items() if values is not None}
    designs = match_designs(architecture, solve=solve, by=by, tolerance=tolerance, multiple_of=multiple_of, **given)
    from explorer.terminal import print_json, print_table

    if as_json:
        print_json([design.record() for design in designs])
        return
    print_table(DESIGN_COLUMNS, [design_row(design) for design in designs])
    budget = designs[0].budget
    click.echo(
        f"\nBudget: {human_flops(budget.value)} {by} of {architecture.name} at {architecture.resolution}x{architecture.resolution}. "
        f"Mismatch is in {by}.\nNext: resnext-explorer describe {designs[-1].name}"
    )


@click.command()
@click.argument("name")
@click.option("--verify", is_flag=True, help="Also build the network and count with fvcore.")
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def describe(
    name: str, verify: bool, resolution: int | None, classes: int | None, in_channels: int | None, as_json: bool
) -> None:
    """Show every layer of the network NAME and what it costs.

    \b
    Examples:
      resnext-explorer describe resnext50_32x4d
      resnext-explorer describe resnext50_32x4d --verify
      resnext-explorer describe resnext_1-1-1_2x39d_w256_small --resolution 8 --in-channels 1 --classes 10 --json
    """
    architecture = Architecture.from_name(name, resolution=resolution, classes=classes, in_channels=in_channels)
    record = describe_record(architecture)
    if verify:
        from explorer.profiling import fvcore_complexity

        counted = vars(fvcore_complexity(architecture))
        record |= {"fvcore": counted, "agree": all(record[measure] == counted[measure] for measure in counted)}
    from explorer.terminal import print_json, print_table

    if as_json:
        print_json(record)
        return
    print_table(
        ("layer", "kind", "in", "out", "kernel", "stride", "groups", "output", "FLOPs", "params", "activations"),
        [_row(layer) for layer in iter_layers(architecture)],
        left=("kind",),
    )
    total = count(architecture)
    click.echo(
        f"\n{architecture.name} at {architecture.in_channels}x{architecture.resolution}x{architecture.resolution}, "
        f"{architecture.classes} classes: {total.flops:,} FLOPs, {total.params:,} params, {total.activations:,} activations"
    )
    if verify:
        fvcore = record["fvcore"]
        click.echo(
            f"fvcore (conv and linear): {fvcore['flops']:,} FLOPs, {fvcore['params']:,} params, {fvcore['activations']:,} activations: "
            f"{'they agree to the unit' if record['agree'] else 'THEY DIFFER'}"
        )


def describe_record(architecture: Architecture) -> dict[str, Any]:
    """An architecture, its costs and all its layers as plain data (`describe --json`)."""
    template = architecture.template
    return {
        "name": architecture.name,
        "depths": list(architecture.depths),
        "cardinality": template.cardinality,
        "bottleneck_width": template.bottleneck_width,
        "width": template.width,
        "growth": architecture.growth,
        "shortcut": architecture.shortcut,
        "stem": {"kind": architecture.stem.kind, "channels": architecture.stem.channels},
        "resolution": architecture.resolution,
        **vars(count(architecture)),
        "layers": [_layer_record(layer) for layer in iter_layers(architecture, expand=True)],
    }


def _layer_record(layer: Layer) -> dict[str, Any]:
    fields = ("name", "kind", "in_channels", "out_channels", "kernel", "stride", "groups")
    values = {field: getattr(layer, field) for field in fields}
    return {**values, "height": layer.size, "width": layer.size, **vars(layer_complexity(layer))}


def _row(layer: Layer) -> tuple[Any, ...]:
    cost = layer_complexity(layer)
    last = layer.block + layer.repeats - 1
    name = layer.name if layer.repeats == 1 else f"layer{layer.stage}.{layer.block}-{last}.{layer.part}"
    return (
        name,
        layer.kind,
        layer.in_channels,
        layer.out_channels,
        f"{layer.kernel}x{layer.kernel}",
        layer.stride,
        layer.groups,
        f"{layer.size}x{layer.size}",
        human_flops(cost.flops),
        human_count(cost.params),
        human_count(cost.activations),
    )
