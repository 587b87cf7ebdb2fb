"""How the best and the worst designs were trained."""

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.extremes import extreme_designs
from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import FEWEST_DESIGNS
from dashboards.figures.learning import learning_curves
from dashboards.figures.theme import blank_figure, note_if_empty, set_title


def best_and_worst_curves(
    findings: Findings, curves: pd.DataFrame, *, theme: str = "light"
) -> go.Figure:
    """Validation error by epoch of the three best and the three worst designs, as
    `learning_curves`: a line a design, "best 1" the best of all.

    Args:
        findings: Of a study, or of a choice of its trainings.
        curves: One row an epoch of these trainings.
        theme: "light" or "dark".
    """
    extremes = extreme_designs(findings)
    if extremes is None:
        return _too_few(len(findings.by_design), theme)
    names = extremes.names
    # Each design is an arm here, whatever the study's arms are. If one of them is the study's
    # reference, it looks like that; else none does.
    info = {"data": findings.info.get("data"), "reference_arm": _reference_among(findings, names)}
    trials, epochs = (_of(table, names) for table in (findings.trials, curves))
    return learning_curves(Findings(trials, info), epochs, theme=theme)


def _too_few(designs: int, theme: str) -> go.Figure:
    """Instead of the figure of a study that has, or so far has, too few designs with results."""
    figure = blank_figure(theme)
    shown = f"Shown of {FEWEST_DESIGNS} designs with results or more; so far {designs}"
    set_title(figure, "The best and the worst designs", shown, theme)
    note_if_empty(figure, [], theme)
    return figure


def _reference_among(findings: Findings, names: dict[str, str]) -> str:
    """Which of these designs is the study's reference; the words "the reference" if none is."""
    design = next(iter(findings.designs["reference"].astype(str)), "")
    return names.get(design, "the reference")


def _of(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The rows of these designs, in the order of their names, which are the arms."""
    rows = table[table["design"].astype(str).isin(list(names))]
    order = {design: position for position, design in enumerate(names)}
    rows = rows.sort_values("design", key=lambda column: column.map(order), kind="stable")
    return rows.assign(arm=rows["design"].map(names).astype("str"))
