"""How training went: error by epoch, by arm, with bands over seeds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.analysis.arms import finite
from dashboards.analysis.findings import Findings
from dashboards.analysis.words import seeds_phrase
from dashboards.figures.common import DIRECT_LABELS, over_seeds, spread, subtitle_of
from dashboards.figures.theme import (
    THEMES,
    Style,
    arm_styles,
    blank_figure,
    hovers,
    label,
    note_if_empty,
    set_title,
    transparent,
)


@dataclass(frozen=True)
class CurvesChart:
    """What `learning_curves` shows: of each arm that has any, by epoch, the mean, the lowest and
    the highest error (in %) and n.

    Attributes:
        floor: Where an error of zero stands on the log axis.
        has_zero: Whether there is one.
    """

    title: str
    subtitle: str
    lines: dict[str, pd.DataFrame]
    floor: float
    has_zero: bool


def learning_curves(
    findings: Findings, curves: pd.DataFrame, *, split: str = "validation", theme: str = "light"
) -> go.Figure:
    """Error by epoch, one line an arm: the mean over its seeds, in a
    band from its lowest to its highest seed.

    Only complete trials count where an arm has any; else an arm's line ends where its shortest one
    does, so that no line changes its seeds on the way.

    Args:
        findings: Of a study, or of a choice of its trainings.
        curves: One row an epoch of these trainings.
        split: "train" or "validation".
        theme: "light" or "dark".
    """
    chart, styles = curves_by_arm(findings, curves, split), arm_styles(findings, theme)
    lines, floor, figure = chart.lines, chart.floor, blank_figure(theme)
    for arm, line in lines.items():
        epochs = list(line.index)
        low, high = line["low"].clip(lower=floor).tolist(), line["high"].clip(lower=floor).tolist()
        figure.add_scatter(
            x=epochs + epochs[::-1], y=high + low[::-1], mode="lines", line={"width": 0},
            fill="toself", fillcolor=transparent(styles[arm].color, 0.13), hoverinfo="skip",
        )  # fmt: skip
    for arm, line in lines.items():
        style, dash = styles[arm], "5px,3px" if arm == findings.reference else "solid"
        texts = [
            f"<b>{label(arm)}</b>, epoch {epoch}<br>{split} error {row['mean']:.2f} %<br>"
            f"{row['low']:.2f} to {row['high']:.2f} % over {seeds_phrase(int(row['n']))}"
            for epoch, row in line.iterrows()
        ]
        figure.add_scatter(
            x=list(line.index),
            y=line["mean"].clip(lower=floor).tolist(),
            mode="lines+markers",
            name=label(arm),
            line={"color": style.color, "width": 2.25, "dash": dash},
            marker=style.marker(9, size=[0] * (len(line) - 1) + [style.size(9)]),
            **hovers(texts),
            showlegend=len(lines) > DIRECT_LABELS,
        )
    set_title(figure, chart.title, chart.subtitle, theme)
    _set_epoch_axes(figure, lines, floor, chart.has_zero)
    if len(lines) <= DIRECT_LABELS:
        _label_ends(figure, lines, styles, floor, theme)
    note_if_empty(figure, lines, theme)
    return figure


def curves_by_arm(
    findings: Findings, curves: pd.DataFrame, split: str = "validation"
) -> CurvesChart:
    """What `learning_curves` shows."""
    lines = _lines(findings, curves, f"{split}_error")
    errors = [line[["mean", "low", "high"]].to_numpy().ravel() for line in lines.values()]
    values = np.concatenate(errors or [np.ones(1)])
    positive = values[values > 0]
    counts = [int(line["n"].max()) for line in lines.values()]
    over = over_seeds(counts, ", band from the lowest to the highest")
    return CurvesChart(
        _ends(lines, split, findings.is_training),
        subtitle_of(f"{split.capitalize()} error in %, log scale: {over}", findings.context),
        lines,
        float(positive.min()) / 3 if len(positive) else 0.01,
        bool((values <= 0).any()),
    )


def _lines(findings: Findings, curves: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """Mean, lowest and highest error (in %) and n by epoch, of each arm that has any."""
    arms, trials = findings.arms, findings.trials
    complete = trials.loc[trials["status"] == "complete", ["arm", "design", "seed"]]
    rows = pd.DataFrame({"arm": _codes(arms, curves["arm"]), "epoch": curves["epoch"].to_numpy()})
    rows["error"] = 100 * finite(curves[column])
    designs = list(findings.designs["design"].unique())
    of_row, pairs = (
        pd.MultiIndex.from_arrays([_codes(designs, table["design"]), table["seed"].to_numpy()])
        for table in (curves, complete)
    )
    rows["complete"] = np.asarray(of_row.isin(pairs))
    lines = {}
    for number, arm in enumerate(arms):
        own = rows[rows["arm"] == number]
        counted = (own[own["complete"]] if own["complete"].any() else own).dropna(subset=["error"])
        by_epoch = counted.groupby("epoch")["error"].agg(
            mean="mean", low="min", high="max", n="count"
        )
        if len(by_epoch):
            lines[arm] = by_epoch[by_epoch["n"] == by_epoch["n"].max()]
    return lines


def _codes(names: list[str], values: pd.Series) -> NDArray[np.intp]:
    """The place of each value among the names: numbers are
    compared at once, 200,000 texts are not."""
    return np.asarray(pd.Index(names, dtype=object).get_indexer(values.astype(object)))


def _ends(lines: dict[str, pd.DataFrame], split: str, is_training: bool) -> str:
    """'Validation error ends at 2.1 % (C=8) to 2.9 % (C=1)'; while some still
    train, only what the lines have come to."""
    ends = {arm: float(line["mean"].iloc[-1]) for arm, line in lines.items()}
    if not ends:
        return f"{split.capitalize()} error by epoch"
    edges = dict.fromkeys((min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)))
    return (
        f"{split.capitalize()} error {'so far:' if is_training else 'ends at'}"
        f" {' to '.join(f'{ends[arm]:.1f} % ({arm})' for arm in edges)}"
    )


def _set_epoch_axes(
    figure: go.Figure, lines: dict[str, pd.DataFrame], floor: float, has_zero: bool
) -> None:
    ends = [int(line.index.max()) for line in lines.values()] or [1]
    last = max(ends)
    step = max(1, int(np.ceil(last / 6)))
    figure.update_xaxes(
        tickmode="array",
        tickvals=sorted(
            {1, *range(step, last + 1, step), last} - ({last - 1} if step > 1 else set())
        ),
        range=[1 - 0.02 * last, last + max(0.02 * last, 0.2)],
        title={"text": "Epoch", "standoff": 8},
        fixedrange=True,
    )
    highest = max((float(line["high"].max()) for line in lines.values()), default=1.0)
    marks = [
        mark for power in range(-4, 3) for mark in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
    ]
    marks = [mark for mark in marks if 2.2 * floor <= mark <= highest * 1.2]
    lowest = 0.85 * floor if has_zero else 2.6 * floor
    figure.update_yaxes(
        type="log",
        tickvals=[floor, *marks] if has_zero else marks,
        ticktext=(["0"] if has_zero else []) + [f"{mark:g}" for mark in marks],
        range=[float(np.log10(lowest)), float(np.log10(max(highest, 2 * lowest) * 1.1))],
        fixedrange=True,
    )
    figure.update_layout(margin={"r": 72, "b": 48})


def _label_ends(
    figure: go.Figure,
    lines: dict[str, pd.DataFrame],
    styles: dict[str, Style],
    floor: float,
    theme: str,
) -> None:
    """Name each line at its end. Names that would overlap are
    moved apart, each tied to its line."""
    low, high = figure.layout.yaxis.range
    # Heights in parts of the plot; a line of text takes about a twentieth of it.
    ends = {
        arm: (float(np.log10(max(line["mean"].iloc[-1], floor))) - low) / (high - low)
        for arm, line in lines.items()
    }
    for arm, height in zip(
        sorted(ends, key=ends.__getitem__), spread(sorted(ends.values()), 0.056), strict=True
    ):
        line = lines[arm]
        figure.add_annotation(
            x=int(line.index[-1]),
            y=ends[arm] * (high - low) + low,
            text=label(arm, 16),
            font={"color": THEMES[theme].ink, "size": 12.5},
            xanchor="left",
            ax=26,
            ayref="y",
            ay=height * (high - low) + low,
            showarrow=True,
            arrowhead=0,
            arrowwidth=1,
            standoff=4,
            arrowcolor=styles[arm].color,
        )
