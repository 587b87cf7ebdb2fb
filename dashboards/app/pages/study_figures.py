"""The figures of a study's page: of a choice of its trainings, each made
once, with its title and subtitle as text."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.comparison import Comparison, compare, designs_of
from dashboards.analysis.test_set import compare_study, reference_arm
from dashboards.app.once import made_of
from dashboards.app.pages.parts import Look, keep_zoom, live, theme_of
from dashboards.app.pages.selection import Selection, seeds_in
from dashboards.figures import (
    differences_from_reference,
    error_against_cardinality,
    error_against_cost,
    learning_curves,
    throughput,
)
from dashboards.figures.theme import Style, arm_styles
from explorer.errors import UserError
from studies.results import Reader, Tables

RESULTS = ("error", "differences")
CURVES = ("train", "validation")
COSTS = ("cost", "speed")
GROUPS = {"results": RESULTS, "curves": CURVES, "cost": ("cost",), "speed": ("speed",)}

Shown = tuple[dict[str, Any], str, str]  # a figure for the browser, its title and its subtitle


def shown(
    reader: Reader, group: str, name: str, chosen: Selection, look: Look | None
) -> list[Shown]:
    """The figures of a group (`GROUPS`), each moment, choice and
    look made once; nobody may change them.

    Raises `UserError` for an unknown study and for seeds that cannot be read.
    """
    tables = reader.tables(name)
    chosen = replace(chosen, order="arm", leaf=1, cost=chosen.cost if group == "cost" else "flops")

    def make() -> list[Shown]:
        if group == "results":
            figures = result_figures(tables, chosen, look)
        elif group == "curves":
            figures = curve_figures(tables, reader.curves(name), chosen, look)
        elif group == "cost":
            figures = {"cost": cost_figure(tables, chosen, look)}
        else:
            figures = {"speed": speed_figure(tables, chosen, look)}
        return [live(figures[key], look, f"{name} {chosen.cost}") for key in GROUPS[group]]

    key = (tables.stamp, group, chosen, theme_of(look), bool(look and look.get("touch")))
    return made_of(reader).get(key, make)


def outputs(
    reader: Reader,
    group: str,
    name: str,
    chosen: Selection,
    look: Look | None,
    zooms: Sequence[dict[str, Any] | None],
) -> list[Any]:
    """What the callbacks put into the frames: figure, title and
    subtitle of each. The reader's zoom stays."""
    found: list[Any] = []
    for (figure, title, below), zoom in zip(
        shown(reader, group, name, chosen, look), zooms, strict=True
    ):
        found += (keep_zoom(figure, zoom), title, below)
    return found


def prepare(reader: Reader, name: str, chosen: Selection, look: Look | None = None) -> None:
    """Make all figures of a page that will be asked for in a moment.
    What is wrong with it, the page tells."""
    try:
        for group in GROUPS:
            shown(reader, group, name, chosen, look)
    except UserError:
        return


def result_figures(tables: Tables, chosen: Selection, look: Look | None) -> dict[str, go.Figure]:
    trials = chosen.of_trials(tables.trials)
    reference, comparison = compared(tables, trials, chosen)
    theme, context = theme_of(look), context_of(tables)
    styles = _styles(tables, reference, theme)
    return {
        "error": error_against_cardinality(
            trials, reference, comparison=comparison, context=context, styles=styles, theme=theme
        ),
        "differences": differences_from_reference(trials, reference, comparison=comparison, styles=styles, theme=theme),
    }  # fmt: skip


def curve_figures(
    tables: Tables, curves: pd.DataFrame, chosen: Selection, look: Look | None
) -> dict[str, go.Figure]:
    trials = chosen.of_trials(tables.trials)
    if chosen.arms is not None:
        curves = curves[curves["arm"].isin(chosen.arms)]
    if chosen.seeds.strip():
        curves = curves[seeds_in(chosen.seeds, curves["seed"])]
    if chosen.statuses is not None:
        pairs = pd.MultiIndex.from_frame(trials[["design", "seed"]])
        curves = curves[pd.MultiIndex.from_frame(curves[["design", "seed"]]).isin(pairs)]
    reference, theme, context = (
        reference_arm(tables.trials, tables.info),
        theme_of(look),
        context_of(tables),
    )
    styles = _styles(tables, reference, theme)
    return {
        split: learning_curves(
            curves, trials, reference, split=split, context=context, styles=styles, theme=theme
        )
        for split in CURVES
    }


def _styles(tables: Tables, reference: str, theme: str) -> dict[str, Style]:
    """Of all arms, so that a choice of some changes no arm's colour."""
    return arm_styles(designs_of(tables.trials), reference, theme)


def context_of(tables: Tables) -> str:
    """'digits, 10 epochs'."""
    epochs = tables.trials["epochs"].dropna().unique()
    data = tables.info.get("data") or {}
    parts = [str(data.get("name", "")), f"{int(epochs[0])} epochs" if len(epochs) == 1 else ""]
    return ", ".join(part for part in parts if part)


def compared(tables: Tables, trials: pd.DataFrame, chosen: Selection) -> tuple[str, Comparison]:
    reference = reference_arm(tables.trials, tables.info)
    return reference, (
        compare_study(trials, tables.info) if chosen.is_all else compare(trials, reference)
    )


def cost_figure(tables: Tables, chosen: Selection, look: Look | None) -> go.Figure:
    trials, theme = chosen.of_trials(tables.trials), theme_of(look)
    reference = reference_arm(tables.trials, tables.info)
    styles = _styles(tables, reference, theme)
    return error_against_cost(
        trials, reference, cost=chosen.cost, context=context_of(tables), styles=styles, theme=theme
    )


def speed_figure(tables: Tables, chosen: Selection, look: Look | None) -> go.Figure:
    trials, theme = chosen.of_trials(tables.trials), theme_of(look)
    reference = reference_arm(tables.trials, tables.info)
    return throughput(trials, reference, styles=_styles(tables, reference, theme), theme=theme)
