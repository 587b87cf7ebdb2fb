"""The commands that need no torch: suggest, match, scale, describe, enumerate, published."""

from pathlib import Path
from typing import Any

import click

from explorer.architecture import Architecture
from explorer.blueprints import blueprint
from explorer.budget import combinations
from explorer.budget import match as match_designs
from explorer.budget import scale as scale_designs
from explorer.commands import printing, printing_published
from explorer.commands.options import (
    FORCE_OPTION,
    JSON_OPTION,
    MULTIPLE_OPTION,
    TOLERANCE_OPTION,
    axis_options,
    budget_options,
    choice_options,
    depth_option,
    input_options,
    quantity_options,
)
from explorer.commands.parsing import Fraction, Number, Seconds, WholeNumber
from explorer.designs import LABELS, MEASURES, QUANTITIES, TIMES, Budget
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
@axis_options
@choice_options
@click.option(
    "--solve",
    default="bottleneck_width",
    help="What is solved in every arm: bottleneck_width, cardinality, width.",
)
@budget_options
@MULTIPLE_OPTION
@click.option(
    "--tolerance", type=Fraction(), default="2%", help="Largest mismatch allowed, as 0.02 or 2%."
)
@click.option("--top", type=WholeNumber(), default="10", help="How many references are shown.")
@input_options
@JSON_OPTION
def suggest(
    given: dict[str, Any],
    budgets: dict[str, float],
    solve: str,
    multiple_of: int,
    tolerance: float,
    top: int,
    sizes: dict[str, Any],
    as_json: bool,
) -> None:
    """Suggest references at or under a budget, of which every arm costs the same, best first.

    An arm is a combination of the given values; one quantity, d by default, is solved in each. The
    reference has the first values. The best is where the larger of two shares is smallest: how far
    the reference is below the budget, and the worst mismatch of an arm.

    \b
    Examples:
      resnext-explorer suggest --flops 5M --resolution 32 --cardinality 1,2,4,8
      resnext-explorer suggest --params 500k --resolution 64 --classes 6 --cardinality 1,4
      resnext-explorer suggest --flops 20M --resolution 32 --width 64,128 --depths 2-2-2 --json
      resnext-explorer suggest --flops 5M --resolution 32 --kind bottleneck,inception
    """
    by, value = chosen_budget(None, budgets)
    if value is None:
        raise UserError(
            "suggest needs a budget: --flops, --params or --activations, for example --flops 5M."
        )
    if "resolution" not in sizes:
        raise UserError("suggest needs the side of the input in pixels: --resolution 32.")
    from explorer.references import Question, suggest_for
    from explorer.terminal import print_json

    question = Question(Budget(by, value), list(combinations(given)), solve, multiple_of)
    suggestions = suggest_for(question, tolerance=tolerance, top=top, **sizes)
    if as_json:
        print_json([suggestion.record() for suggestion in suggestions.best])
        return
    printing.print_suggestions(suggestions, given)


@click.command()
@click.argument("reference")
@axis_options
@choice_options
@quantity_options
@click.option(
    "--solve",
    default="bottleneck_width",
    help=f"What to solve for: {', '.join(QUANTITIES)}; or a quantity of your own network.",
)
@click.option("--by", help=f"The cost to keep: {', '.join((*MEASURES, *TIMES))} (default: flops).")
@budget_options
@MULTIPLE_OPTION
@TOLERANCE_OPTION
@depth_option
@input_options
@click.option("--latency", type=Seconds(), help="A plain budget of measured latency: 10ms.")
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
    settings: dict[str, Any],
    choices: dict[str, list[Any]],
    solve: str,
    by: str | None,
    budgets: dict[str, float],
    depth_policy: str,
    sizes: dict[str, int],
    latency: float | None,
    device: str,
    batch: int,
    as_json: bool,
    **fit: Any,  # multiple_of and tolerance
) -> None:
    """Solve one quantity so that each design costs what REFERENCE costs, or a budget of your own.

    REFERENCE is one of our networks, or a function of your own of whole numbers that returns a
    torch module, as package.module:function.

    \b
    Examples:
      resnext-explorer match resnet50 --cardinality 1,2,4,8,32
      resnext-explorer match resnet50 --cardinality 1,2,4,8,32 --by block      # the paper's Table 2
      resnext-explorer match resnext50_32x4d --bottleneck-width 4,8,16 --solve cardinality
      resnext-explorer match resnet50 --cardinality 32 --flops 4.1G --multiple-of 4
      resnext-explorer match resnet50 --width 128,256 --solve depths --depth-policy longest
      resnext-explorer match resnet50 --kind inception
      resnext-explorer match resnext50_32x4d --growth d,C,root
      resnext-explorer match resnet50 --cardinality 8,32 --by latency --resolution 64
      resnext-explorer match resnext29_1x64d_cifar --cardinality 1,8 --latency 10ms
      resnext-explorer match mine.nets:convnext --set width=48 --set depths=3-3-9-3 \\
          --given kernel=3,5,7,9 --solve width
    """
    architecture = blueprint(reference, settings, **sizes)
    if twice := sorted(given.keys() & choices):
        raise UserError(f"{twice[0]} is given twice; give it once.")
    given |= choices
    if latency is not None:
        budgets = {**budgets, "latency": latency}
    by, budget = chosen_budget(by, budgets)
    options: dict[str, Any] = {"solve": solve, "by": by, **fit}
    if by in TIMES:
        from explorer.commands.heavy import match_time_with_progress

        designs = match_time_with_progress(
            architecture, budget=budget, device=device, batch=batch, **options, **given
        )
    else:
        designs = match_designs(
            architecture, budget=budget, depth_policy=depth_policy, **options, **given
        )
    from explorer.terminal import print_json

    if as_json:
        print_json([printing.design_record(design) for design in designs])
        return
    printing.print_designs(designs)
    if by in TIMES:
        from explorer.commands.heavy import how_measured

        for design in designs:
            printing.print_candidates(design, solve, how_measured(device, batch))
    for design in designs:
        if design.note:
            click.echo(f"{design.name}: {design.note}")
    spent = designs[0].budget.value
    value = human_time(spent) if by in TIMES else human_flops(spent)
    side = architecture.resolution
    source = "given" if budget is not None else f"{architecture.name} at {side}x{side}"
    unit = printing.UNITS[by]
    click.echo(f"\nBudget: {value} {unit} ({source}). The mismatch is in {unit}.")
    printing.print_far_off(designs, f"whole number for {LABELS.get(solve, solve)}")
    # The reference itself is known; of the others, the one that meets the budget best.
    others = [design for design in designs if design.architecture != architecture] or designs
    nearest = min(others, key=lambda design: abs(design.mismatch))
    click.echo(f"Next: {command('describe', nearest.name, **printing.input_options(architecture))}")


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
    from explorer.terminal import print_json

    if as_json:
        print_json([printing.design_record(design) for design in designs])
        return
    printing.print_designs(designs, {"arm": [design.arm for design in designs]})
    click.echo(
        f"\nBudget: {factor:,} x the {printing.UNITS[by]} of {architecture.name} ="
        f" {human_flops(designs[0].budget.value)}."
    )
    printing.print_far_off(designs, "whole number")
    printing_published.print_paper_picks(architecture, factor, by)


@click.command()
@click.argument("names", metavar="NAME [NAME]", nargs=-1, required=True)
@click.option("--verify", is_flag=True, help="Also build the network and count with fvcore.")
@click.option("--diagram", type=click.Path(), help="Draw the network into FILE.svg or FILE.html.")
@FORCE_OPTION
@input_options
@JSON_OPTION
def describe(
    names: tuple[str, ...],
    verify: bool,
    diagram: str | None,
    force: bool,
    sizes: dict[str, int],
    as_json: bool,
) -> None:
    """Show every layer of the network NAME and what it costs, or two networks side by side.

    Of a network of your own, package.module:function(quantity=5), its modules.

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
    architectures = [blueprint(name, **sizes) for name in names]
    if diagram is not None and len(names) > 1:
        raise UserError("--diagram draws one network; describe them one after the other.")
    if diagram is not None and not isinstance(architectures[0], Architecture):
        raise UserError(f"--diagram draws networks of ours only, and not {names[0]}.")
    if diagram is not None:
        from explorer import drawing
        from explorer.files import check_output

        mark = drawing.MARKS.get(Path(diagram).suffix.lower(), b"")
        check_output(diagram, tuple(drawing.MARKS), mark, force=force)
    records = [
        printing.architecture_record(architecture, verify=verify) for architecture in architectures
    ]
    if diagram is not None and isinstance(architectures[0], Architecture):
        from explorer.files import write_atomic

        draw = drawing.svg if mark == drawing.SVG_MARK else drawing.html
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
@FORCE_OPTION
def enumerate_(
    reference: str,
    given: dict[str, Any],
    by: str | None,
    budgets: dict[str, float],
    sizes: dict[str, int],
    sort: str | None,
    limit: int,
    output: str | None,
    force: bool,
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
    from explorer.enumeration import COLUMNS, enumerate_designs, sort_designs
    from explorer.files import check_output
    from explorer.terminal import progress_bar

    if output is not None:
        check_output(output, (".csv",), ",".join(COLUMNS).encode(), force=force)

    with progress_bar("designs") as progress:
        table = enumerate_designs(
            architecture, by=by, budget=budget, progress=progress, **options, **given
        )
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
        printing_published.print_tables(as_json)
    else:
        printing_published.print_published(name, as_json)
