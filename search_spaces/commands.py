"""The commands of search spaces: space show, space list."""

import click

from explorer.commands import input_options
from explorer.views import DESIGN_COLUMNS, design_row
from search_spaces.documents import preset_names
from search_spaces.space import SearchSpace


@click.group()
def space() -> None:
    """Show the designs that a search space holds.

    \b
    Examples:
      resnext-explorer space list
      resnext-explorer space show digits_cardinality
      resnext-explorer space show ./my_space.yaml --resolution 32 --json
    """


@space.command("list")
def list_() -> None:
    """List the presets.

    \b
    Example:
      resnext-explorer space list
    """
    from explorer.terminal import print_table

    rows = [(name, SearchSpace.load(name).description) for name in preset_names("space")]
    print_table(("space", "what it holds"), rows, left=("what it holds",))


@space.command()
@click.argument("name_or_path", metavar="SPACE")
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def show(
    name_or_path: str, resolution: int | None, classes: int | None, in_channels: int | None, as_json: bool
) -> None:
    """Show the designs of SPACE (a preset's name or a file), their costs, and the points left out.

    \b
    Examples:
      resnext-explorer space show paper_table3
      resnext-explorer space show digits_cardinality --resolution 8 --in-channels 1 --classes 10
    """
    from explorer.terminal import print_json, print_table

    found = SearchSpace.load(name_or_path)
    resolved = found.resolve(resolution=resolution, classes=classes, in_channels=in_channels)
    if as_json:
        print_json(
            {
                "name": found.name,
                "description": found.description,
                "reference": found.reference,
                "match": found.match.model_dump(),
                "axes": {
                    key: [list(v) if isinstance(v, tuple) else v for v in values]
                    for key, values in found.axes.values().items()
                },
                "designs": [design.record() for design in resolved.designs],
                "left_out": [vars(point) for point in resolved.left_out],
            }
        )
        return
    print_table(
        ("arm", *DESIGN_COLUMNS), [(design.arm, *design_row(design)) for design in resolved.designs], left=("design",)
    )
    first = resolved.designs[0].architecture
    click.echo(
        f"\n{len(resolved.designs)} designs at {first.in_channels}x{first.resolution}x{first.resolution}, {first.classes} classes; "
        f"mismatch is in {found.match.by}."
    )
    if found.resolution is None and resolution is None:
        click.echo("A study takes the input from its data; here --resolution, --in-channels and --classes set it.")
    for point in resolved.left_out:
        click.echo(f"Left out: {point.arm}: {point.reason}")
