"""Designs, layers and published tables as plain data for JSON, and as tables on the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint
from explorer.commands.printing_own import own_costs, own_record, own_rows
from explorer.complexity import count, layer_complexity
from explorer.costs import Complexity
from explorer.designs import LABELS, Design
from explorer.layers import Layer, iter_layers
from explorer.names import usual_input
from explorer.showing import (
    COSTS,
    EMPTY,
    SHOWN,
    SUGGESTION_COLUMNS,
    design_rows,
    quantity_labels,
    shown_quantities,
    suggestion_rows,
)
from explorer.suggestions import command
from explorer.text import (
    FAR_OFF,
    counted,
    dashed,
    human_count,
    human_flops,
    human_mismatch,
    human_percent,
)

if TYPE_CHECKING:
    from explorer.references import Suggestions

# What a number in each measure counts.
UNITS = {
    "flops": "FLOPs",
    "block": "weights of a block",
    "params": "params",
    "activations": "activations",
    "latency": "latency",
    "train_step": "training step",
}


def print_designs(designs: Sequence[Design], first: Mapping[str, Sequence[str]] = EMPTY) -> None:
    """Print a table of designs, with the costs of each.

    Of our own networks it has C, d and width, of others the quantities in which they differ.

    Args:
        designs: The designs.
        first: Columns to put in front, by heading.
    """
    from explorer.terminal import print_table

    labels = quantity_labels(designs)
    # What a narrow terminal does without: the design's name says the quantities.
    spare = ["activations", *labels, "params"]
    if shown_quantities(designs) == list(SHOWN):
        spare = ["activations", "width", "C", "d", "params"]
    print_table(
        (*first, "design", *labels, *COSTS, "mismatch"),
        design_rows(designs, first),
        left=("design",) if first else (),
        spare=spare,
    )


def print_far_off(designs: Sequence[Design], what: str) -> None:
    """Say which designs are too far from their budget to be compared, where there are some.

    Args:
        designs: The designs of a table.
        what: What was to come near it, as "whole number for d".
    """
    far = sum(design.is_solved and abs(design.mismatch) > FAR_OFF for design in designs)
    if far:
        verb = "is" if far == 1 else "are"
        click.echo(
            f"! {far} of {counted(len(designs), 'design')} {verb} more than"
            f" {human_percent(FAR_OFF)} off, too much to compare: no {what} comes nearer. Give"
            " other values or another reference; the command suggest names some."
        )


def design_record(design: Design) -> dict[str, Any]:
    """A design as `match --json` prints it; with all candidates where the budget is in time."""
    record = design.record()
    if design.candidates:
        record["seconds"] = design.measured
        record["candidates"] = [
            {
                "name": timing.case.architecture.name,
                "flops": count(timing.case.architecture).flops,
                "seconds": timing.seconds,
                "low": timing.low,
                "high": timing.high,
            }
            for timing in design.candidates
        ]
    return record


def print_candidates(design: Design, solve: str, how: str) -> None:
    """Print every candidate that was measured for a design, with the spread over rounds; `how` says
    by which settings."""
    from explorer.terminal import print_table

    rows = []
    for position, timing in enumerate(design.candidates):
        architecture = timing.case.architecture
        chosen = "chosen" if architecture == design.architecture else ""
        rows.append(
            (
                architecture.name,
                architecture.quantities[solve],
                human_flops(count(architecture).flops),
                f"{1e3 * timing.seconds:.3f}",
                f"{1e3 * timing.low:.3f} to {1e3 * timing.high:.3f}",
                chosen if position else "reference",
            )
        )
    click.echo(f"\nMeasured for {design.name}, {how}:")
    print_table(
        ("network", LABELS.get(solve, solve), "FLOPs", "median ms", "quartiles, ms", ""),
        rows,
        left=("",),
    )
    own, alike = _alike(design)
    if alike:
        values = sorted(each.case.architecture.quantities[solve] for each in (own, *alike))
        spread = f" from {values[0]} to {values[-1]}" if len(values) > 1 else ""
        click.echo(
            f"The choice is not clear-cut: the quartiles of {len(values)} designs,"
            f" {LABELS.get(solve, solve)}{spread}, overlap, so that another round of measuring may"
            " choose another of them."
        )


def _alike(design: Design) -> tuple[Any, list[Any]]:
    """The timing of a design chosen by time, and those of others whose quartiles overlap with it.

    Of the candidates, the first is the reference's.
    """
    others = design.candidates[1:]
    own = next(each for each in others if each.case.architecture == design.architecture)
    return own, [
        each for each in others if each is not own and each.low <= own.high and own.low <= each.high
    ]


def first_words(shown: int) -> str:
    """What follows a count of which so many are shown."""
    return "; the first is shown" if shown == 1 else f"; the first {shown} are shown"


def print_suggestions(suggestions: "Suggestions", given: dict[str, Any]) -> None:
    """Print references for a budget, the arms of the first, and the command that goes on."""
    from explorer.terminal import print_table

    first = suggestions.best[0]
    asked = first.question
    budget, network, unit = first.budget, first.reference, UNITS[first.budget.by]
    print_table(SUGGESTION_COLUMNS, suggestion_rows(suggestions.best))
    shown = len(suggestions.best)
    rest = first_words(shown) if shown < suggestions.number else ""
    size = "x".join(map(str, network.input_shape))
    verb = "fits" if suggestions.number == 1 else "fit"
    click.echo(
        f"\n{counted(suggestions.number, 'reference')} {verb} {human_flops(budget.value)} {unit} at"
        f" {size}, {network.classes} classes{rest}.\nBest first: where the larger of the last"
        " two columns is smallest.\n\nThe arms of the first:"
    )
    print_designs(first.arms)
    options = {
        **{key: _axis(values) for key, values in given.items()},
        "solve": "" if asked.solve == "bottleneck_width" else asked.solve,
        "by": "" if budget.by == "flops" else budget.by,
        "multiple_of": "" if asked.multiple_of == 1 else asked.multiple_of,
        **input_options(network),
    }
    click.echo(f"\nNext: {command('match', first.name, **options)}")


def _axis(values: list[Any]) -> str:
    """The values of an axis as its option takes them: 1,2,4 or 1-1-1,2-2-2."""
    return ",".join(str(dashed(each)) for each in values)


def architecture_record(network: Blueprint, *, verify: bool = False) -> dict[str, Any]:
    """A network, its costs and all its layers as plain data (`describe --json`)."""
    record = _record(network) if isinstance(network, Architecture) else own_record(network)
    if verify:
        from explorer.networks import fvcore_complexity

        counted = vars(fvcore_complexity(network))
        record |= {"fvcore": counted, "agree": counted.items() <= record.items()}
    return record


def _record(architecture: Architecture) -> dict[str, Any]:
    template = architecture.template
    return {
        "name": architecture.name,
        "depths": list(architecture.depths),
        "kind": template.kind,
        "cardinality": template.cardinality,
        "bottleneck_width": template.bottleneck_width,
        "width": template.width,
        "growth": architecture.growth,
        "shortcut": architecture.shortcut,
        "order": architecture.order,
        "stem": vars(architecture.stem),
        "resolution": architecture.resolution,
        **vars(count(architecture)),
        "layers": [_layer_record(layer) for layer in iter_layers(architecture, expand=True)],
    }


def _layer_record(layer: Layer) -> dict[str, Any]:
    fields = ("name", "kind", "in_channels", "out_channels", "kernel", "stride", "groups")
    values = {field: getattr(layer, field) for field in fields}
    return {**values, "height": layer.size, "width": layer.size, **vars(layer_complexity(layer))}


def print_layers(network: Blueprint) -> None:
    """Print the layer table, with equal blocks once, and what each stage costs.

    Of a network of the user's own, its modules and what each of its children costs.
    """
    from explorer.terminal import print_table

    if isinstance(network, Architecture):
        columns = ("layer", "kind", "in", "out", "kernel", "stride", "groups", "output", *COSTS)
        print_table(columns, [_layer_row(layer) for layer in iter_layers(network)], left=("kind",))
    else:
        print_table(("module", "kind", "output", *COSTS), own_rows(network), left=("kind",))
    click.echo()
    flops = count(network).flops
    shares = [
        (part, *map(human_count, sums), human_percent(sums[0] / flops) if flops else "")
        for part, sums in part_totals(network).items()
    ]
    print_table(("part", *COSTS, "share of FLOPs"), shares)


def _layer_row(layer: Layer) -> tuple[Any, ...]:
    return (
        layer.names,
        layer.kind,
        layer.in_channels,
        layer.out_channels,
        f"{layer.kernel}x{layer.kernel}",
        layer.stride,
        layer.groups,
        f"{layer.size}x{layer.size}",
        *map(human_count, vars(layer_complexity(layer)).values()),
    )


def part_totals(network: Blueprint) -> dict[str, tuple[int, int, int]]:
    """FLOPs, params and activations of the stem, each stage and the classifier, in that order.

    Of a network of the user's own, of each child module.
    """
    totals: dict[str, tuple[int, int, int]] = {}
    costs = _costs_of_stages(network) if isinstance(network, Architecture) else own_costs(network)
    for part, complexity in costs:
        before = totals.get(part, (0, 0, 0))
        added = zip(before, vars(complexity).values(), strict=True)
        totals[part] = tuple(a + b for a, b in added)
    return totals


def _costs_of_stages(architecture: Architecture) -> Iterator[tuple[str, Complexity]]:
    for layer in iter_layers(architecture):
        end = "classifier" if layer.part in ("norm", "avgpool", "fc") else "stem"
        yield f"stage {layer.stage}" if layer.stage else end, layer_complexity(layer)


def print_side_by_side(first: Blueprint, second: Blueprint) -> None:
    """Print two networks side by side, stage by stage, with the ratio of their costs."""
    from explorer.terminal import print_table

    def facts(architecture: Blueprint) -> dict[str, Any]:
        if not isinstance(architecture, Architecture):
            own = {key: dashed(value) for key, value in architecture.quantities.items()}
            return {**own, "input": "x".join(map(str, architecture.input_shape))}
        template = architecture.template
        return {
            "depths": dashed(architecture.depths),
            "block": template.kind,
            "cardinality C": template.cardinality,
            "bottleneck width d": template.bottleneck_width,
            "width": template.width,
            "growth": architecture.growth,
            "shortcut": architecture.shortcut,
            "order": architecture.order,
            "stem": f"{architecture.stem.kind} {architecture.stem.channels}",
            "input": "x".join(map(str, architecture.input_shape)),
        }

    left, right = facts(first), facts(second)
    rows: list[tuple[Any, ...]] = [
        (key, left.get(key), right.get(key), "") for key in {**left, **right}
    ]
    totals = part_totals(first), part_totals(second)
    parts = list(dict.fromkeys([*totals[0], *totals[1]]))
    for costs, architecture in zip(totals, (first, second), strict=True):
        costs["whole network"] = tuple(vars(count(architecture)).values())
    for part in (*parts, "whole network"):
        for index, measure in enumerate(COSTS):
            values = [costs[part][index] if part in costs else None for costs in totals]
            ratio = f"{values[1] / values[0]:.2f}x" if values[0] and values[1] else ""
            shown = ("" if value is None else human_count(value) for value in values)
            rows.append((f"{part}: {measure}", *shown, ratio))
    print_table(("", first.name, second.name, "ratio"), rows)


def print_totals(architecture: Blueprint, record: dict[str, Any]) -> None:
    """Print the exact totals of a network, and whether fvcore agrees."""
    size = "x".join(map(str, architecture.input_shape))
    click.echo(
        f"\n{architecture.name} at {size}, {architecture.classes} classes:"
        f" {record['flops']:,} FLOPs, {record['params']:,} params,"
        f" {record['activations']:,} activations"
    )
    if fvcore := record.get("fvcore"):
        verdict = "exactly equal" if record["agree"] else "DIFFERENT"
        if not record["agree"] and not isinstance(architecture, Architecture):
            verdict += " (fvcore counts no attention that is one operation in torch)"
        click.echo(
            f"fvcore (conv and linear): {fvcore['flops']:,} FLOPs, {fvcore['params']:,} params, "
            f"{fvcore['activations']:,} activations: {verdict}"
        )


def input_options(architecture: Blueprint) -> dict[str, int]:
    """The options with which another command sees the same input."""
    usual = usual_input(architecture.name)
    asked = {field: getattr(architecture, field) for field in usual}
    return {field: value for field, value in asked.items() if value != usual[field]}


def print_grid(reference: Architecture, table: Any, limit: int) -> None:
    """Print the first rows of an enumeration."""
    from explorer.enumeration import architecture_of
    from explorer.terminal import print_table

    rows = []
    for row in table.head(limit).itertuples():
        name = architecture_of(reference, row).name
        d = row.bottleneck_width
        counts = map(human_count, (row.flops, row.params, row.activations))
        mismatch = human_mismatch(row.mismatch)
        rows.append(
            (name, row.cardinality, "" if d != d else d, row.width, row.depths, *counts, mismatch)
        )
    print_table(("design", "C", "d", "width", "depths", *COSTS, "mismatch"), rows)
    rest = first_words(limit) if len(table) > limit else ""
    click.echo(f"\n{len(table):,} designs{rest}.")


def write_grid(reference: Architecture, table: Any, path: str) -> None:
    """Write all rows of an enumeration as CSV, each with its design's name.

    Raises `UserError` where it cannot be written.
    """
    from explorer.enumeration import architecture_of
    from explorer.files import write_atomic

    names = [architecture_of(reference, row).name for row in table.itertuples()]
    write_atomic(path, table.assign(design=names).to_csv(index=False, lineterminator="\n"))
    click.echo(f"Written: {path}")
