"""A winner beside its rivals as rows of a table, for a terminal and for a notebook."""

from typing import TYPE_CHECKING

from explorer.showing import paragraph, table
from explorer.text import human_count, human_percent

if TYPE_CHECKING:
    from studies.winner.winner import Rival, Winner

LEFT = ("design", "")  # columns that hold no numbers


def winner_table(chosen: "Winner") -> tuple[list[str], list[list[str]]]:
    """Headings, and a row each; latencies where they are known."""

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
    return ["arm", "design", "params", *latency, *errors], rows


def of_winner(chosen: "Winner") -> str:
    """What a notebook shows: why it is this one, and the table."""
    return paragraph(chosen.why) + table(*winner_table(chosen), left=LEFT)
