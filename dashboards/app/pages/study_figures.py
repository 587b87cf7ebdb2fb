"""The figures of a study's page: of a choice of its trainings, each made
once, with its title and subtitle as text."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.cells import pairs_of_axes
from dashboards.analysis.findings import Findings
from dashboards.app.once import Once, made_of
from dashboards.app.pages.many import figures as figures_of_many
from dashboards.app.pages.parts import LiveFigure, Look, keep_zoom, live, theme_of
from dashboards.app.pages.selection import Selection
from dashboards.figures import (
    best_and_worst_curves,
    deeper_wider_more_paths,
    differences_from_reference,
    error_against_cardinality,
    error_against_cost,
    error_against_quantity,
    error_over_two_axes,
    gaps_by_seed,
    learning_curves,
    parallel_coordinates,
    strength_of_quantities,
    throughput,
    ways_to_spend,
)
from dashboards.figures.paper import TABLE4, is_scaling
from explorer.errors import UserError
from studies.results import Reader, Tables

CURVES = ("train", "validation")
SPENDING = ("cost", "speed")
RESULTS = ("error", "differences")
# Those of every study; `many.figures` names those of many designs.
FIGURES = (*RESULTS, *CURVES, *SPENDING)


def findings_of(reader: Reader, tables: Tables) -> Findings:
    """What a study found, worked out once as long as its tables have not changed."""
    key = (tables.stamp, "findings")
    name = tables.study.name
    return made_of(reader).get(
        key,
        lambda: Findings(tables.trials, tables.info, read_missed=lambda: reader.misses(name)),
    )


def own_cost(findings: Findings) -> str:
    """The cost that a study's page shows errors against, where the reader chooses none."""
    return findings.objective or "flops"


def chosen_findings(reader: Reader, tables: Tables, chosen: Selection) -> Findings:
    """The findings of a choice of a study's trainings, once too; those of the study where all are
    chosen. Raises `UserError` for seeds that cannot be read."""
    findings = findings_of(reader, tables)
    if chosen.is_all:
        return findings
    key = (tables.stamp, "findings", chosen.rows)
    return made_of(reader).get(key, lambda: findings.choice(chosen.of_trials(tables.trials)))


def shown(reader: Reader, key: str, name: str, chosen: Selection, look: Look | None) -> LiveFigure:
    """A figure by its key, each moment, choice and look made once; nobody may change it.

    Raises `UserError` for an unknown study and for seeds that cannot be read.
    """
    tables, theme = reader.tables(name), theme_of(look)
    cost = (chosen.cost or own_cost(findings_of(reader, tables))) if key == "cost" else ""
    chosen = replace(
        chosen.rows,
        cost=cost,
        quantity=chosen.quantity if key == "trend" else "",
        pair=chosen.pair if key == "map" else "",
        beside=chosen.beside if key in RESULTS else "",
    )

    def make() -> LiveFigure:
        findings = chosen_findings(reader, tables, chosen)
        figure = _figure(key, findings, reader, tables, chosen, theme)
        revision = f"{name} {chosen.cost} {chosen.quantity} {chosen.pair}"
        return live(figure, look, revision)

    known = (tables.stamp, key, chosen, theme, bool(look and look.get("touch")))
    return made_of(reader).get(known, make)


def _curves(reader: Reader, findings: Findings, tables: Tables, chosen: Selection) -> pd.DataFrame:
    """The epochs of the chosen trainings: both figures of curves ask for them. Those of few choices
    are remembered: 10,000 trainings of 20 epochs take 17 MB."""
    epochs, name = made_of(reader).get("epochs", lambda: Once(most=2)), tables.info["name"]
    return epochs.get(
        (tables.stamp, chosen.rows), lambda: chosen.of_curves(reader.curves(name), findings.trials)
    )


def _figure(
    key: str, findings: Findings, reader: Reader, tables: Tables, chosen: Selection, theme: str
) -> go.Figure:
    if key == "error" and is_scaling(findings.whole) and findings.comparison.seeds:
        return deeper_wider_more_paths(findings, paper=chosen.beside == TABLE4, theme=theme)
    if key == "error":
        return error_against_cardinality(findings, published=chosen.beside or None, theme=theme)
    if key == "differences" and findings.info.get("until"):
        return gaps_by_seed(findings, theme=theme)
    if key == "differences":
        return differences_from_reference(findings, published=chosen.beside or None, theme=theme)
    if key in CURVES:
        curves = _curves(reader, findings, tables, chosen)
        return learning_curves(findings, curves, split=key, theme=theme)
    if key == "cost":
        split = "validation" if chosen.cost == findings.objective else "test"
        return error_against_cost(findings, cost=chosen.cost, split=split, theme=theme)
    if key == "trend":
        quantity = chosen.quantity if chosen.quantity in findings.quantities else ""
        return error_against_quantity(findings, quantity=quantity, theme=theme)
    if key == "map":
        known = pairs_of_axes(findings.whole.designs)
        pair = chosen.pair if chosen.pair in known else ""
        return error_over_two_axes(findings, pair=pair, theme=theme)
    if key == "parallel":
        return parallel_coordinates(findings, theme=theme)
    if key == "extremes":
        curves = _curves(reader, findings, tables, chosen)
        return best_and_worst_curves(findings, curves, theme=theme)
    if key == "triangle":
        return ways_to_spend(findings, theme=theme)
    if key == "strength":
        return strength_of_quantities(findings, theme=theme)
    return throughput(findings, theme=theme)


def outputs(
    reader: Reader,
    keys: Sequence[str],
    name: str,
    chosen: Selection,
    look: Look | None,
    zooms: Sequence[dict[str, Any] | None],
) -> list[Any]:
    """What the callbacks put into the frames (`FRAME_PARTS`) of these figures. The reader's zoom of
    each stays."""
    parts: list[Any] = []
    for key, zoom in zip(keys, zooms, strict=True):
        figure, *around = shown(reader, key, name, chosen, look)
        parts += [keep_zoom(figure, zoom), *around]
    return parts


def prepare(reader: Reader, name: str, chosen: Selection, look: Look | None = None) -> None:
    """Make all figures of a page that will be asked for in a moment.
    What is wrong with it, the page tells."""
    try:
        tables = reader.tables(name)
        if tables.recipes:
            return  # its page has none of these
        for key in (*FIGURES, *figures_of_many(findings_of(reader, tables))):
            shown(reader, key, name, chosen, look)
    except UserError:
        return
