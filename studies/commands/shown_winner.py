"""What `study winner` prints: the winner beside its rivals, of several recipes by each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from explorer.text import counted

if TYPE_CHECKING:
    from studies.winner.winner import Rival, Winner


def show_by_recipe(winners: Mapping[str, "Winner"]) -> None:
    """The winner by each recipe of a study."""
    for number, (recipe, chosen) in enumerate(winners.items()):
        click.echo(("\n" if number else "") + f"By the recipe {recipe}:")
        show(chosen, 0)


def show(chosen: "Winner", tried: int) -> None:
    """The winner beside its rivals. `tried` is the number of designs of a search, else 0."""
    from explorer.terminal import print_table
    from explorer.text import human_count, human_percent

    def points(value: float | None) -> str:
        return "" if value is None else f"{100 * value:+.2f}"

    def row(rated: "Winner | Rival", worse: str, interval: str, stands: str) -> list[str]:
        params = "" if rated.params is None else human_count(rated.params)
        latency = [str(rated.latency or "")] if chosen.latency else []
        error = human_percent(rated.validation_error)
        return [rated.arm, rated.design, params, *latency, error, worse, interval, stands]

    rows = [row(chosen, "", "", "chosen")]
    for rival in chosen.rivals:
        interval = f"{points(rival.low)} to {points(rival.high)}" if rival.low is not None else ""
        rows.append(row(rival, points(rival.worse), interval, rival.stands))
    latency = ["latency"] if chosen.latency else []
    errors = ["validation error", "worse by (points)", "95 % interval", ""]
    columns = ["arm", "design", "params", *latency, *errors]
    print_table(columns, rows, left=["design", ""], spare=["design", "params"])
    click.echo(f"\n{chosen.why}")
    if tried:
        click.echo(
            f"Of {counted(tried, 'design')} that a search tried on its first seed. On that one the"
            " best looks better than it is, so it does not count for those trained on more."
        )
    elif chosen.fewer_seeds:
        click.echo(f"With too few seeds, and not compared: {', '.join(chosen.fewer_seeds)}.")
