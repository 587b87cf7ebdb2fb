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
    from studies.winner.showing import LEFT, winner_table

    print_table(*winner_table(chosen), left=LEFT, spare=["design", "params"])
    click.echo(f"\n{chosen.why}")
    if tried:
        click.echo(
            f"Of {counted(tried, 'design')} that a search tried on its first seed. On that one the"
            " best looks better than it is, so it does not count for those trained on more."
        )
    elif chosen.fewer_seeds:
        click.echo(f"With too few seeds, and not compared: {', '.join(chosen.fewer_seeds)}.")
