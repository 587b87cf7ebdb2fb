"""The commands of search spaces: space list, show, count, sample."""

import click

from explorer.commands.options import JSON_OPTION, input_options
from explorer.commands.parsing import WholeNumber
from explorer.commands.printing import UNITS, print_designs, print_far_off
from explorer.designs import Design
from explorer.text import counted, human_count, human_percent
from explorer.usage import Group
from search_spaces.api import SearchSpace

SHOWN_KEYS = ("name", "description", "reference", "budget", "match", "scale", "free", "axes")


@click.group(cls=Group)
def space() -> None:
    """Show the designs that a search space holds.

    \b
    Examples:
      resnext-explorer space list
      resnext-explorer space show digits_cardinality
      resnext-explorer space show ./my_space.yaml --resolution 32 --json
      resnext-explorer space sample paper_figure7 3
    """


@space.command("list")
def list_() -> None:
    """List the presets.

    \b
    Example:
      resnext-explorer space list
    """
    from explorer.terminal import print_table

    presets = [SearchSpace.load(name) for name in SearchSpace.presets()]
    rows = [
        (preset.name, preset.kind, len(preset.points), preset.description) for preset in presets
    ]
    print_table(("space", "kind", "points", "what it holds"), rows, left=("kind", "what it holds"))


@space.command()
@click.argument("name_or_path", metavar="SPACE")
@input_options
@JSON_OPTION
def show(name_or_path: str, sizes: dict[str, int], as_json: bool) -> None:
    """Show the designs of SPACE (a preset's name or a file), their costs, and the points left out.

    \b
    Examples:
      resnext-explorer space show paper_table3
      resnext-explorer space show digits_cardinality --resolution 8 --in-channels 1 --classes 10
    """
    from explorer.terminal import print_json

    search_space = SearchSpace.load(name_or_path)
    bound = search_space.bind(**sizes)
    resolved = bound.resolve()
    proposal = bound.propose() if resolved.left_out else None
    if as_json:
        document = search_space.model_dump(mode="json", exclude_none=True)
        print_json(
            {
                **{key: document.get(key) for key in SHOWN_KEYS},
                "designs": [design.record() for design in resolved.designs],
                "left_out": [vars(point) for point in resolved.left_out],
                "proposal": None if proposal is None else vars(proposal),
            }
        )
        return
    _print_designs(resolved.designs)
    first = resolved.designs[0]
    architecture = first.architecture
    size = "x".join(map(str, architecture.input_shape))
    click.echo(
        f"\n{counted(len(resolved.designs), 'design')} at {size},"
        f" {architecture.classes} classes; the mismatch is in {UNITS[first.budget.by]}"
        + ("." if first.is_solved else ", from the reference: nothing is solved in a free space.")
    )
    if search_space.budget is not None:
        asked, by = search_space.budget.budget.value, first.budget.by
        click.echo(
            f"Reference: {first.reference}, from the budget of {human_count(asked)} {UNITS[by]}:"
            f" {human_percent(1 - first.budget.value / asked)} below it."
        )
    if search_space.resolution is None and "resolution" not in sizes:
        click.echo(
            "A study takes the input from its data; here --resolution, --in-channels and --classes"
            " set it."
        )
    for design in resolved.designs:
        if design.note:
            click.echo(f"{design.arm}: {design.note}")
    print_far_off(resolved.designs, "whole number")
    if resolved.left_out:
        click.echo(f"{len(resolved.left_out)} of {len(search_space.points)} points left out:")
    for point in resolved.left_out:
        click.echo(f"Left out: {point.arm}: {point.reason}")
    if proposal is not None:
        rest = f", {proposal.left_out} left out" if proposal.left_out else ", nothing left out"
        click.echo(
            f"A nearby reference with smaller mismatches: {proposal.reference} (at"
            f" {proposal.cost_ratio:.2f}x the cost, at most {human_percent(proposal.worst)}"
            f" off{rest})."
        )


@space.command()
@click.argument("name_or_path", metavar="SPACE")
@input_options
@JSON_OPTION
def count(name_or_path: str, sizes: dict[str, int], as_json: bool) -> None:
    """Count the points of SPACE, its designs, and the points left out.

    \b
    Example:
      resnext-explorer space count paper_table3
    """
    from explorer.terminal import print_json

    search_space = SearchSpace.load(name_or_path)
    resolved = search_space.resolve(**sizes)
    counts = {
        "points": len(search_space.points),
        "designs": len(resolved.designs),
        "left_out": len(resolved.left_out),
    }
    if as_json:
        print_json(counts)
    else:
        click.echo(
            f"{counts['points']} points: {counts['designs']} designs, {counts['left_out']} left out"
        )


@space.command()
@click.argument("name_or_path", metavar="SPACE")
@click.argument("number", type=WholeNumber(), default="5")
@click.option("--seed", type=int, default=0, help="Seed of the draw.")
@input_options
@JSON_OPTION
def sample(name_or_path: str, number: int, seed: int, sizes: dict[str, int], as_json: bool) -> None:
    """Draw NUMBER different designs of SPACE at random; all are within the budget.

    \b
    Example:
      resnext-explorer space sample paper_table3 3 --seed 1
    """
    from explorer.terminal import print_json

    bound = SearchSpace.load(name_or_path).bind(**sizes)
    designs = bound.sample(number, seed)
    if as_json:
        print_json([design.record() for design in designs])
        return
    _print_designs(designs)
    print_far_off(designs, "whole number")
    if len(designs) < number:
        click.echo(f"\nThe space holds only {counted(len(designs), 'design')}.")


def _print_designs(designs: list[Design]) -> None:
    print_designs(designs, {"arm": [design.arm for design in designs]})
