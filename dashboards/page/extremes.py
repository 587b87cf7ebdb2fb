"""The best and the worst designs of a page, side by side: drawn from their layers, with costs."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from dashboards.analysis.extremes import Extremes
from dashboards.analysis.quantities import template_words
from dashboards.analysis.words import percent
from dashboards.figures import network_drawing
from dashboards.figures.common import costs_text
from dashboards.page.elements import Element, element, joined
from dashboards.page.parts import facts, network_image, quiet, scrolling, section
from explorer.errors import UserError
from explorer.text import counted

COLUMNS = 2  # of a drawing in a card, which is half as wide as a page
TITLE = "The best and the worst designs"


def side_by_side(
    extremes: Extremes, trials: pd.DataFrame, link: Callable[[str, str], Any] | None = None
) -> Element:
    """A card a design, the best beside the worst.

    Args:
        extremes: Which.
        trials: The trainings that they are from.
        link: Makes a design's name of its text and its name.
    """
    first = trials.drop_duplicates("design").set_index("design", drop=False)
    names = extremes.names
    cards = [
        element(
            "div",
            *(
                _card(row, names[str(row["design"])], first.loc[row["design"]].to_dict(), link)
                for row in rows.to_dict("records")
            ),
            className="column",
        )
        for rows in (extremes.best, extremes.worst)
    ]
    seeds = extremes.seeds
    among = f" of the designs with at least {counted(seeds, 'seed')}" if seeds else ""
    about = (
        f"By mean {extremes.chosen_by} error{among}; the best of many designs look better than they"
        " are, and the worst look worse."
    )
    return section(TITLE, quiet(about), element("div", *cards, className="pair even loose"))


def _card(
    row: Mapping[Any, Any],
    name: str,
    trial: Mapping[Any, Any],
    link: Callable[[str, str], Any] | None,
) -> Element:
    design = str(row["design"])
    described = {
        "Design": link(design, design) if link else design,
        "Test error": f"{percent(row['test_error'])} %, n {row['n']}",
        "Validation error": (
            "" if pd.isna(row["validation_error"]) else f"{percent(row['validation_error'])} %"
        ),
        "Costs": costs_text(row),
    }
    heading = f"{name[0].upper()}{name[1:]}: {template_words(row)}"
    try:
        words = f"The network {design}: its stages and the block that each repeats"
        image = scrolling(
            network_image(network_drawing(trial, COLUMNS), words), f"drawing of {name}"
        )
    except (UserError, ValueError):  # a CSV file may hold anything for a name
        image = None
    return element(
        "div", element("h3", joined(heading)), facts(described), image, className="card drawing"
    )
