"""How the best and the worst designs were trained."""

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.extremes import extreme_designs
from dashboards.analysis.findings import Findings
from dashboards.figures.learning import learning_curves


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
    names = extremes.names if extremes else {}
    # Each design is an arm here, whatever the study's arms are; if one of them is the study's
    # reference, it looks like that.
    info = {"data": findings.info.get("data")}
    trials, epochs = (_of(table, names) for table in (findings.trials, curves))
    return learning_curves(Findings(trials, info), epochs, theme=theme)


def _of(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The rows of these designs, in the order of their names, which are the arms."""
    rows = table[table["design"].astype(str).isin(list(names))]
    order = {design: position for position, design in enumerate(names)}
    rows = rows.sort_values("design", key=lambda column: column.map(order), kind="stable")
    return rows.assign(arm=rows["design"].map(names).astype("str"))
