"""What `study winner` prints: the winner beside its rivals, of several recipes by each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from explorer.text import counted

if TYPE_CHECKING:
    from studies.winner.winner import Winner


def show_by_recipe(winners: Mapping[str, "Winner"]) -> None:
    """The winner by each recipe of a study."""
    for number, (recipe, chosen) in enumerate(winners.items()):
        click.echo(("\n" if number else "") + f"By the recipe {recipe}:")
        show(chosen, 0)


def show(chosen: "Winner", tried: int) -> None:
    """The winner beside its rivals. `tried` is the number of designs of a search, else 0."""
    from explorer.terminal import print_table
    from explorer.text import human_percent

    def points(value: float | None) -> str:
        return "" if value is None else f"{100 * value:+.2f}"

    rows = [[chosen.arm, chosen.design, human_percent(chosen.validation_error), "", "", "chosen"]]
    for rival in chosen.rivals:
        interval = f"{points(rival.low)} to {points(rival.high)}" if rival.low is not None else ""
        error = human_percent(rival.validation_error)
        rows.append([rival.arm, rival.design, error, points(rival.worse), interval, rival.stands])
    columns = ["arm", "design", "validation error", "worse by (points)", "95 % interval", ""]
    print_table(columns, rows, left=["design", ""], spare=["design"])
    click.echo(f"\n{chosen.why}")
    if tried:
        click.echo(
            f"Of {counted(tried, 'design')} that a search tried on its first seed. On that one the"
            " best looks better than it is, so it does not count for those trained on more."
        )
    elif chosen.fewer_seeds:
        click.echo(f"With too few seeds, and not compared: {', '.join(chosen.fewer_seeds)}.")
