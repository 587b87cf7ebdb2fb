"""The commands that need no torch: match, scale, describe, enumerate, published."""

from typing import Any

import click

from explorer.architecture import Architecture
from explorer.budget import match as match_designs
from explorer.budget import scale as scale_designs
from explorer.commands import printing
from explorer.commands.options import (
    JSON_OPTION,
    MULTIPLE_OPTION,
    TOLERANCE_OPTION,
    axis_options,
    budget_options,
    depth_option,
    input_options,
)
from explorer.commands.parsing import Number, WholeNumber
from explorer.commands.printing import DESIGN_COLUMNS, design_row
from explorer.designs import MEASURES, QUANTITIES, TIMES
from explorer.errors import UserError
from explorer.suggestions import command
from explorer.text import human_flops, human_time


def chosen_budget(by: str | None, budgets: dict[str, float]) -> tuple[str, float | None]:
    """The measure and the plain budget (or None) that the options name.

    Raises:
        UserError: The options contradict each other.
    """
    if len(budgets) > 1:
        names = " and ".join(f"--{key}" for key in budgets)
        raise UserError(f"{names} name two budgets; give one.")
    if not budgets:
        return by or "flops", None
    ((measure, value),) = budgets.items()
    if by is not None and by != measure:
        raise UserError(
            f"--by {by} and --{measure} contradict each other: --{measure} sets a budget in"
            f" {measure}. Give one of them."
        )
    return measure, value


@click.command()
@click.argument("reference")
@axis_options
@click.option(
    "--solve", default="bottleneck_width", help=f"What to solve for: {', '.join(QUANTITIES)}."
)
@click.option("--by", help=f"The cost to keep: {', '.join((*MEASURES, *TIMES))} (default: flops).")
@budget_options
@MULTIPLE_OPTION
@TOLERANCE_OPTION
@depth_option
@input_options
@click.option(
    "--device", default="cpu", help="Where latency and train_step are measured: cpu, cuda, cuda:1."
)
@click.option(
    "--batch", type=WholeNumber(), default="1", help="Images at once where time is measured."
)
@JSON_OPTION
def match(
    reference: str,
    given: dict[str, Any],
    solve: str,
    by: str | None,
    budgets: dict[str, float],
    depth_policy: str,
    sizes: dict[str, int],
    device: str,
    batch: int,
    as_json: bool,
    **fit: Any,  # multiple_of and tolerance
) -> None:
    """Solve one quantity so that each design costs what REFERENCE costs, or a budget of your own.

    \b
    Examples:
      resnext-explorer match resnet50 --cardinality 1,2,4,8,32
      resnext-explorer match resnet50 --cardinality 1,2,4,8,32 --by block      # the paper's Table 2
      resnext-explorer match resnext50_32x4d --bottleneck-width 4,8,16 --solve cardinality
      resnext-explorer match resnet50 --cardinality 32 --flops 4.1G --multiple-of 4
      resnext-explorer match resnet50 --width 128,256 --solve depths --depth-policy longest
      resnext-explorer match resnet50 --cardinality 8,32 --by latency --resolution 64
    """
    architecture = Architecture.from_name(reference, **sizes)
    by, budget = chosen_budget(by, budgets)
    options: dict[str, Any] = {"solve": solve, "by": by, **fit}
    if by in TIMES:
        from explorer.commands.heavy import match_time_with_progress

        designs = match_time_with_progress(
            architecture, device=device, batch=batch, **options, **given
        )
    else:
        designs = match_designs(
            architecture, budget=budget, depth_policy=depth_policy, **options, **given
        )
    from explorer.terminal import print_json, print_table

    if as_json:
        print_json([printing.design_record(design) for design in designs])
        return
    print_table(DESIGN_COLUMNS, [design_row(design) for design in designs])
    for design in designs:
        printing.print_candidates(design, solve)
    spent = designs[0].budget.value
    value = human_time(spent) if by in TIMES else human_flops(spent)
    side = architecture.resolution
    source = "given" if budget is not None else f"{architecture.name} at {side}x{side}"
    unit = printing.UNITS[by]
    click.echo(
        f"\nBudget: {value} {unit} ({source}). The mismatch is in {unit}.\n"
        f"Next: {command('describe', designs[-1].name, **printing.input_options(architecture))}"
    )


@click.command()
@click.argument("reference")
@click.option(
    "--factor", type=Number(), default="2", help="How many times the reference's cost to spend."
)
@click.option("--by", default="flops", help=f"The cost to scale: {', '.join(MEASURES)}.")
@depth_option
@MULTIPLE_OPTION
@TOLERANCE_OPTION
@input_options
@JSON_OPTION
def scale(
    reference: str,
    factor: float,
    sizes: dict[str, int],
    as_json: bool,
    **options: Any,  # of `explorer.scale`
) -> None:
    """Spend FACTOR times the cost of REFERENCE on more layers, wider paths or more paths.

    \b
    Examples:
      resnext-explorer scale resnet101 --factor 2            # the paper's Table 4
      resnext-explorer scale resnext101_32x4d --factor 2 --depth-policy published
      resnext-explorer scale resnet20_cifar --factor 4 --json
    """
    architecture, by = Architecture.from_name(reference, **sizes), options["by"]
    designs = scale_designs(architecture, factor, **options)
    from explorer.terminal import print_json, print_table

    if as_json:
        print_json([printing.design_record(design) for design in designs])
        return
    print_table(
        ("arm", *DESIGN_COLUMNS),
        [(design.arm, *design_row(design)) for design in designs],
        left=("design",),
    )
    click.echo(
        f"\nBudget: {factor:,} x the {printing.UNITS[by]} of {architecture.name} ="
        f" {human_flops(designs[0].budget.value)}."
    )
    printing.print_paper_picks(architecture, factor, by)


@click.command()
@click.argument("names", metavar="NAME [NAME]", nargs=-1, required=True)
@click.option("--verify", is_flag=True, help="Also build the network and count with fvcore.")
@click.option("--diagram", type=click.Path(), help="Draw the network into FILE.svg or FILE.html.")
@input_options
@JSON_OPTION
def describe(
    names: tuple[str, ...], verify: bool, diagram: str | None, sizes: dict[str, int], as_json: bool
) -> None:
    """Show every layer of the network NAME and what it costs, or two networks side by side.

    \b
    Examples:
      resnext-explorer describe resnext50_32x4d --verify
      resnext-explorer describe resnet50 resnext50_32x4d
      resnext-explorer describe resnext29_8x64d_cifar --diagram resnext29.svg
      resnext-explorer describe resnext_1-1-1_2x39d_w256_small --resolution 8 --json
    """
    if len(names) > 2:
        raise UserError(
            f"describe takes one or two networks; given: {len(names)} ({', '.join(names)})."
        )
    architectures = [Architecture.from_name(name, **sizes) for name in names]
    if diagram is not None and len(names) > 1:
        raise UserError("--diagram draws one network; describe them one after the other.")
    if diagram is not None and not diagram.endswith((".svg", ".html")):
        raise UserError(f"--diagram writes .svg or .html; given: {diagram!r}.")
    records = [
        printing.architecture_record(architecture, verify=verify) for architecture in architectures
    ]
    if diagram is not None:
        from explorer import drawing
        from explorer.files import write_atomic

        draw = drawing.svg if diagram.endswith(".svg") else drawing.html
        write_atomic(diagram, draw(architectures[0]))
    from explorer.terminal import print_json

    if as_json:
        print_json(records[0] if len(records) == 1 else records)
        return
    if len(architectures) == 2:
        printing.print_side_by_side(*architectures)
    else:
        printing.print_layers(architectures[0])
    for architecture, record in zip(architectures, records, strict=True):
        printing.print_totals(architecture, record)
    if diagram is not None:
        click.echo(f"Drawn: {diagram}")


@click.command("enumerate")
@click.argument("reference")
@axis_options
@click.option(
    "--solve",
    default="bottleneck_width",
    help="What to solve for: bottleneck_width, cardinality, width.",
)
@click.option("--by", help=f"The cost to keep: {', '.join(MEASURES)} (default: flops).")
@budget_options
@MULTIPLE_OPTION
@TOLERANCE_OPTION
@input_options
@click.option(
    "--where",
    multiple=True,
    metavar="FILTER",
    help="Keep only rows for which this holds, for example 'params<=25M'.",
)
@click.option("--sort", help="Sort by a column; mismatch by its absolute value.")
@click.option("--limit", type=WholeNumber(), default="20", help="Rows shown on the terminal.")
@click.option("-o", "--output", type=click.Path(), help="Write all rows to a CSV file.")
def enumerate_(
    reference: str,
    given: dict[str, Any],
    by: str | None,
    budgets: dict[str, float],
    sizes: dict[str, int],
    sort: str | None,
    limit: int,
    output: str | None,
    **options: Any,  # of `enumerate_designs`
) -> None:
    """Solve every combination of the axes for the cost of REFERENCE: a million designs a second.

    \b
    Examples:
      resnext-explorer enumerate resnet50 --cardinality 1..64 --where 'params<=25M'
      resnext-explorer enumerate resnet50 --cardinality 1..128 --width 64..576 -o grid.csv
    """
    architecture = Architecture.from_name(reference, **sizes)
    by, budget = chosen_budget(by, budgets)
    from explorer.enumeration import enumerate_designs, sort_designs

    table = enumerate_designs(architecture, by=by, budget=budget, **options, **given)
    if sort is not None:
        table = sort_designs(table, sort)
    printing.print_grid(architecture, table, limit)
    if output is not None:
        printing.write_grid(architecture, table, output)


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@JSON_OPTION
def published(name: str | None, as_json: bool) -> None:
    """Show what others published, beside our own counts of the same networks.

    Without a NAME, the tables that are known: the ResNeXt paper's (table1 to table7, residual),
    and later trainings of its networks, each with its source.

    \b
    Examples:
      resnext-explorer published
      resnext-explorer published table2
      resnext-explorer published osmr_resnext20_cifar --json
    """
    if name is None:
        printing.print_tables(as_json)
    else:
        printing.print_published(name, as_json)
