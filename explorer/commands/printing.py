"""Designs, layers and published tables as plain data for JSON, and as tables on the terminal."""

from typing import Any

import click

from explorer.architecture import Architecture
from explorer.complexity import count, layer_complexity
from explorer.designs import LABELS, Design, cost
from explorer.errors import UserError, check_known
from explorer.layers import Layer, iter_layers
from explorer.names import usual_input
from explorer.published import PAPER, TABLES
from explorer.suggestions import command
from explorer.text import human_count, human_flops, human_percent

# What a number in each measure counts.
UNITS = {
    "flops": "FLOPs",
    "block": "weights of a block",
    "params": "params",
    "activations": "activations",
    "latency": "latency",
    "train_step": "training step",
}
COSTS = ("FLOPs", "params", "activations")
DESIGN_COLUMNS = ("design", "C", "d", "width", *COSTS, "mismatch")


def design_row(design: Design) -> tuple[Any, ...]:
    """A design as a row under `DESIGN_COLUMNS`."""
    template = design.architecture.template
    return (
        design.name,
        template.cardinality,
        template.bottleneck_width,
        template.width,
        *map(human_count, vars(design.complexity).values()),
        human_percent(design.mismatch, signed=True),
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


def print_candidates(design: Design, solve: str) -> None:
    """Print every candidate that was measured for a design, with the spread over rounds."""
    if not design.candidates:
        return
    from explorer.terminal import print_table

    rows = []
    for position, timing in enumerate(design.candidates):
        architecture = timing.case.architecture
        chosen = "chosen" if architecture == design.architecture else ""
        rows.append(
            (
                architecture.name,
                getattr(architecture.template, solve),
                human_flops(count(architecture).flops),
                f"{1e3 * timing.seconds:.3f}",
                f"{1e3 * timing.low:.3f} to {1e3 * timing.high:.3f}",
                chosen if position else "reference",
            )
        )
    click.echo(f"\nMeasured for {design.name}:")
    print_table(
        ("network", LABELS[solve], "FLOPs", "median ms", "quartiles, ms", ""), rows, left=("",)
    )


def architecture_record(architecture: Architecture, *, verify: bool = False) -> dict[str, Any]:
    """An architecture, its costs and all its layers as plain data (`describe --json`)."""
    template = architecture.template
    record = {
        "name": architecture.name,
        "depths": list(architecture.depths),
        "cardinality": template.cardinality,
        "bottleneck_width": template.bottleneck_width,
        "width": template.width,
        "growth": architecture.growth,
        "shortcut": architecture.shortcut,
        "stem": vars(architecture.stem),
        "resolution": architecture.resolution,
        **vars(count(architecture)),
        "layers": [_layer_record(layer) for layer in iter_layers(architecture, expand=True)],
    }
    if verify:
        from explorer.networks import fvcore_complexity

        counted = vars(fvcore_complexity(architecture))
        record |= {"fvcore": counted, "agree": counted.items() <= record.items()}
    return record


def _layer_record(layer: Layer) -> dict[str, Any]:
    fields = ("name", "kind", "in_channels", "out_channels", "kernel", "stride", "groups")
    values = {field: getattr(layer, field) for field in fields}
    return {**values, "height": layer.size, "width": layer.size, **vars(layer_complexity(layer))}


def print_layers(architecture: Architecture) -> None:
    """Print the layer table, with equal blocks once, and what each stage costs."""
    from explorer.terminal import print_table

    columns = ("layer", "kind", "in", "out", "kernel", "stride", "groups", "output", *COSTS)
    print_table(columns, [_layer_row(layer) for layer in iter_layers(architecture)], left=("kind",))
    click.echo()
    flops = count(architecture).flops
    rows = [
        (part, *map(human_count, sums), human_percent(sums[0] / flops))
        for part, sums in stage_totals(architecture).items()
    ]
    print_table(("part", *COSTS, "share of FLOPs"), rows)


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


def stage_totals(architecture: Architecture) -> dict[str, tuple[int, int, int]]:
    """FLOPs, params and activations of the stem, each stage and the classifier, in that order."""
    totals: dict[str, tuple[int, int, int]] = {}
    for layer in iter_layers(architecture):
        end = "classifier" if layer.part in ("avgpool", "fc") else "stem"
        part = f"stage {layer.stage}" if layer.stage else end
        before, complexity = totals.get(part, (0, 0, 0)), layer_complexity(layer)
        added = zip(before, vars(complexity).values(), strict=True)
        totals[part] = tuple(a + b for a, b in added)
    return totals


def print_side_by_side(first: Architecture, second: Architecture) -> None:
    """Print two networks side by side, stage by stage, with the ratio of their costs."""
    from explorer.terminal import print_table

    def facts(architecture: Architecture) -> dict[str, Any]:
        template = architecture.template
        return {
            "depths": "-".join(map(str, architecture.depths)),
            "cardinality C": template.cardinality,
            "bottleneck width d": template.bottleneck_width,
            "width": template.width,
            "growth": architecture.growth,
            "shortcut": architecture.shortcut,
            "stem": f"{architecture.stem.kind} {architecture.stem.channels}",
            "input": "x".join(map(str, architecture.input_shape)),
        }

    left, right = facts(first), facts(second)
    rows: list[tuple[Any, ...]] = [(key, left[key], right[key], "") for key in left]
    totals = stage_totals(first), stage_totals(second)
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


def print_totals(architecture: Architecture, record: dict[str, Any]) -> None:
    """Print the exact totals of a network, and whether fvcore agrees."""
    size = "x".join(map(str, architecture.input_shape))
    click.echo(
        f"\n{architecture.name} at {size}, {architecture.classes} classes:"
        f" {record['flops']:,} FLOPs, {record['params']:,} params,"
        f" {record['activations']:,} activations"
    )
    if fvcore := record.get("fvcore"):
        verdict = "exactly equal" if record["agree"] else "DIFFERENT"
        click.echo(
            f"fvcore (conv and linear): {fvcore['flops']:,} FLOPs, {fvcore['params']:,} params, "
            f"{fvcore['activations']:,} activations: {verdict}"
        )


def input_options(architecture: Architecture) -> dict[str, int]:
    """The options with which another command sees the same input."""
    usual = usual_input(architecture.name)
    asked = {field: getattr(architecture, field) for field in usual}
    return {field: value for field, value in asked.items() if value != usual[field]}


def print_paper_picks(architecture: Architecture, factor: float, by: str) -> None:
    """Print the paper's Table 4, where reference and factor are those of the table."""
    if architecture.name not in ("resnet101", "resnext101_32x4d") or factor != 2:
        return
    from explorer.terminal import print_table

    own, usual = cost(architecture, by), usual_input(architecture.name)
    sizes = {field: getattr(architecture, field) for field in usual}
    arms = ("reference", "reference", "deeper", "wider", "more paths", "more paths")
    rows = []
    for arm, row in zip(arms, TABLES["table4"].rows, strict=True):
        spent = cost(Architecture.from_name(str(row.architecture), **sizes), by)
        rows.append((arm, row.label, human_flops(spent), f"{spent / own:.2f}x", *row.values[1:]))
    click.echo(
        f"\nThe paper's own networks (Table 4), their true cost relative to {architecture.name},"
        " and their published errors:"
    )
    print_table(
        ("arm", "network", by, "ratio", "top-1 error %", "top-5 error %"), rows, left=("network",)
    )


def print_tables(as_json: bool) -> None:
    """Print the names of the published tables, with titles and sources."""
    from explorer.terminal import print_json, print_table

    if as_json:
        print_json(
            [
                {"table": name, "title": table.title, "source": table.source}
                for name, table in TABLES.items()
            ]
        )
        return
    rows = [(name, table.title) for name, table in TABLES.items()]
    print_table(("table", "what it shows"), rows, left=("what it shows",))
    click.echo(f"\nNext: {command('published', 'table3')}")


def print_published(name: str, as_json: bool) -> None:
    """Print a published table, with our counts for the networks that have a name here."""
    from explorer.terminal import print_json, print_table

    check_known("table", name, TABLES)
    table, theirs = TABLES[name], "paper" if name in PAPER else "published"
    records: list[dict[str, Any]] = []
    for row in table.rows:
        network = row.network
        counts = [cost(network, measure) if network else None for measure in table.measures]
        records.append(
            {
                "network": row.label,
                "name": row.architecture,
                theirs: dict(zip(table.columns, row.values, strict=True)),
                "ours": dict(zip(table.measures, counts, strict=True)),
            }
        )
    if as_json:
        facts = {"title": table.title, "note": table.note, "source": table.source}
        print_json({"table": name, **facts, "trainings": table.trainings, "rows": records})
        return
    click.echo(table.title + "\n")
    columns = (
        "network",
        *(f"{column} ({theirs})" for column in table.columns),
        "name here",
        *(f"{measure} (ours)" for measure in table.measures),
    )
    rows = []
    for record in records:
        counted = ["" if value is None else f"{value:,}" for value in record["ours"].values()]
        values = [f"{v:,}" if isinstance(v, int) else v for v in record[theirs].values()]
        rows.append((record["network"], *values, record["name"] or "", *counted))
    print_table(columns, rows, left=("name here",))
    if table.note:
        click.echo(f"\n{table.note}")
    if theirs != "paper":
        click.echo(f"Source: {table.source}.")


def print_grid(reference: Architecture, table: Any, limit: int) -> None:
    """Print the first rows of an enumeration."""
    from explorer.enumeration import architecture_of
    from explorer.terminal import print_table

    rows = []
    for row in table.head(limit).itertuples():
        name = architecture_of(reference, row).name
        d = row.bottleneck_width
        counts = map(human_count, (row.flops, row.params, row.activations))
        mismatch = human_percent(row.mismatch, signed=True)
        rows.append(
            (name, row.cardinality, "" if d != d else d, row.width, row.depths, *counts, mismatch)
        )
    print_table(("design", "C", "d", "width", "depths", *COSTS, "mismatch"), rows)
    rest = f"; the first {limit} are shown" if len(table) > limit else ""
    click.echo(f"\n{len(table):,} designs{rest}.")


def write_grid(reference: Architecture, table: Any, path: str) -> None:
    """Write all rows of an enumeration as CSV, each with its design's name.

    Raises:
        UserError: The path does not end in .csv, or cannot be written.
    """
    from explorer.enumeration import architecture_of
    from explorer.files import write_atomic

    if not path.endswith(".csv"):
        raise UserError(f"-o writes CSV; name a file that ends in .csv, not {path!r}.")
    names = [architecture_of(reference, row).name for row in table.itertuples()]
    write_atomic(path, table.assign(design=names).to_csv(index=False, lineterminator="\n"))
    click.echo(f"Written: {path}")
