"""How training went: error by epoch, by arm, with bands over seeds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.analysis.arms import finite
from dashboards.analysis.findings import Findings
from dashboards.analysis.words import seeds_phrase
from dashboards.figures.common import MOST_LINES, arms_left_out, over_seeds, spread, subtitle_of
from dashboards.figures.legend import LABEL_SIZE, add_legend, fit_beside
from dashboards.figures.places import text_width
from dashboards.figures.theme import (
    Style,
    arm_styles,
    blank_figure,
    colors_of,
    hovers,
    label,
    note_if_empty,
    set_title,
    transparent,
)
from dashboards.figures.ticks import epoch_ticks, log_ticks
from explorer.errors import check_known
from explorer.text import human_percent, listed

SPLITS = ("train", "validation")
# Over its last fifth of epochs an error that still falls loses more than this part of itself, and
# more than so many points.
FALLING, FALLING_POINTS = 0.1, 1.0


@dataclass(frozen=True)
class CurvesChart:
    """What `learning_curves` shows: of each arm that has any, by epoch, the mean, the lowest and
    the highest error (in %) and n.

    Attributes:
        floor: Where an error of zero stands on the log axis.
        has_zero: Whether there is one.
        chance: The error of guessing, in %; None where the number of classes is not known.
    """

    title: str
    subtitle: str
    lines: dict[str, pd.DataFrame]
    floor: float
    has_zero: bool
    chance: float | None = None


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

    Raises:
        UserError: For another split or theme.
    """
    chart, styles = curves_by_arm(findings, curves, split), arm_styles(findings, theme)
    lines, floor, figure = chart.lines, chart.floor, blank_figure(theme)
    for arm, line in lines.items():
        epochs = list(line.index)
        low, high = line["low"].clip(lower=floor).tolist(), line["high"].clip(lower=floor).tolist()
        figure.add_scatter(
            x=epochs + epochs[::-1], y=high + low[::-1], mode="lines", line={"width": 0},
            fill="toself", fillcolor=transparent(styles[arm].color, 0.13), hoverinfo="skip",
            legendgroup=label(arm), showlegend=False,
        )  # fmt: skip
    for arm, line in lines.items():
        style = styles[arm]
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
            legendgroup=label(arm),
            line={"color": style.color, "width": 2.25, "dash": style.dash},
            marker=style.marker(
                9, size=[0] * (len(line) - 1) + [style.size(9)], opacity=1, line={"width": 0}
            ),
            **hovers(texts),
        )
    set_title(figure, chart.title, chart.subtitle, theme)
    _set_epoch_axes(figure, chart)
    if chart.chance is not None and lines:
        _add_chance(figure, chart.chance, lines, theme)
    if fit_beside(list(lines)):
        _label_ends(figure, lines, styles, floor, theme)
    else:
        add_legend(figure, {arm: styles[arm] for arm in lines})
    note_if_empty(figure, lines, theme)
    return figure


def curves_by_arm(
    findings: Findings, curves: pd.DataFrame, split: str = "validation"
) -> CurvesChart:
    """What `learning_curves` shows."""
    check_known("split", split, SPLITS)
    lines, left_out = _lines(findings, curves, f"{split}_error")
    errors = [line[["mean", "low", "high"]].to_numpy().ravel() for line in lines.values()]
    values = np.concatenate(errors or [np.ones(1)])
    positive = values[values > 0]
    counts = [int(line["n"].max()) for line in lines.values()]
    over = over_seeds(counts, ", band from the lowest to the highest")
    guess = findings.guess(split)
    # A line that failed, or was pruned, ends nowhere; what runs is on its way.
    complete = set(findings.trials.loc[findings.trials["status"] == "complete", "arm"])
    ended = {arm: line for arm, line in lines.items() if arm in complete}
    early = [] if findings.is_training else [arm for arm in lines if arm not in ended]
    return CurvesChart(
        _ends(lines if findings.is_training else ended, split, findings.is_training),
        subtitle_of(
            f"{split.capitalize()} error in %, log scale: {over}",
            f"{_who(early, len(lines))} stopped early" if early else "",
            findings.context,
            left_out=arms_left_out(left_out),
        ),
        lines,
        float(positive.min()) / 3 if len(positive) else 0.01,
        bool((values <= 0).any()),
        None if guess is None else 100 * guess.error,
    )


def _lines(
    findings: Findings, curves: pd.DataFrame, column: str
) -> tuple[dict[str, pd.DataFrame], int]:
    """Mean, lowest and highest error (in %) and n by epoch, of each arm that has any (of very many,
    of the reference and of those that end lowest); and of how many more there are some."""
    arms, trials = findings.arms, findings.trials
    complete = trials.loc[trials["status"] == "complete", ["arm", "design", "seed"]]
    rows = pd.DataFrame({"arm": _codes(arms, curves["arm"]), "epoch": curves["epoch"].to_numpy()})
    rows["error"] = 100 * finite(curves[column])
    designs = list(findings.designs["design"].unique())
    of_row, pairs = (
        pd.MultiIndex.from_arrays([_codes(designs, table["design"]), table["seed"].to_numpy()])
        for table in (curves, complete)
    )
    complete_rows = np.asarray(of_row.isin(pairs))
    with_complete = np.isin(rows["arm"], np.unique(rows["arm"][complete_rows]))
    counted = rows[complete_rows | ~with_complete].dropna(subset=["error"])
    # All arms at once: one by one, 625 arms of 10,000 trainings took 5 s of CPU.
    every = counted.groupby(["arm", "epoch"])["error"].agg(
        mean="mean", low="min", high="max", n="count"
    )
    every = every[every.index.get_level_values("arm") >= 0]  # what is of no arm here has none
    every = every[every["n"] == every.groupby(level="arm")["n"].transform("max")]
    ends = every.groupby(level="arm")["mean"].last()
    lowest = ends.sort_values(kind="stable").index[: MOST_LINES - 1]
    drawn = [
        number
        for number in ends.index
        if len(ends) <= MOST_LINES or number in lowest or arms[number] == findings.reference
    ]
    return {arms[number]: every.loc[number] for number in drawn}, len(ends) - len(drawn)


def _codes(names: list[str], values: pd.Series) -> NDArray[np.intp]:
    """The position of each value among the names: numbers are
    compared at once, 200,000 texts are not."""
    return np.asarray(pd.Index(names, dtype=object).get_indexer(values.astype(object)))


def _ends(lines: dict[str, pd.DataFrame], split: str, is_training: bool) -> str:
    """'Validation error ends at 2.1 % (C=8) to 2.9 % (C=1)'; while some still
    train, only what the lines have come to."""
    ends = {arm: float(line["mean"].iloc[-1]) for arm, line in lines.items()}
    if not ends:
        return f"{split.capitalize()} error by epoch"
    edges = dict.fromkeys((min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)))
    falling = [arm for arm, line in lines.items() if still_falls(line["mean"])]
    return (
        f"{split.capitalize()} error {'so far:' if is_training else 'ends at'}"
        f" {' to '.join(f'{ends[arm]:.1f} % ({arm})' for arm in edges)}"
        + (_falling_words(falling, len(lines)) if falling and not is_training else "")
    )


def _falling_words(falling: list[str], count: int) -> str:
    if len(falling) == count:
        return "; the curves still fall" if count > 1 else "; the curve still falls"
    return f"; {_who(falling, count)} still {'falls' if len(falling) == 1 else 'fall'}"


def _who(arms: list[str], count: int) -> str:
    return listed(arms) if len(arms) <= 3 else f"{len(arms)} of {count} curves"


def still_falls(errors: pd.Series) -> bool:
    """Whether an error by epoch, in %, still came down in its last fifth: more epochs would
    bring it further."""
    last = float(errors.iloc[-1])
    before = float(errors.iloc[-1 - -(-len(errors) // 5)]) if len(errors) > 4 else last
    return before - last > max(FALLING * before, FALLING_POINTS)


def _set_epoch_axes(figure: go.Figure, chart: CurvesChart) -> None:
    lines, floor = chart.lines, chart.floor
    ends = [int(line.index.max()) for line in lines.values()] or [1]
    last = max(ends)
    figure.update_xaxes(
        tickmode="array",
        tickvals=epoch_ticks(last),
        range=[1 - 0.02 * last, last + max(0.02 * last, 0.2)],
        title={"text": "Epoch", "standoff": 8},
        fixedrange=True,
    )
    highest = max((float(line["high"].max()) for line in lines.values()), default=1.0)
    if chart.chance is not None and highest > chart.chance / 2:
        highest = max(highest, chart.chance)
    lowest = 0.85 * floor if chart.has_zero else 2.6 * floor
    highest = 1.1 * max(highest, 2 * lowest if chart.has_zero else 1.1 * lowest)
    above_zero = 2.2 * floor  # where a tick does not stand on that of zero
    marks = log_ticks(above_zero, highest) if above_zero < highest else []  # all may be zero
    figure.update_yaxes(
        type="log",
        tickvals=[floor, *marks] if chart.has_zero else marks,
        ticktext=(["0"] if chart.has_zero else []) + [f"{mark:g}" for mark in marks],
        range=[float(np.log10(lowest)), float(np.log10(highest))],
        fixedrange=True,
    )
    figure.update_layout(margin={"r": 24, "b": 48})


def _add_chance(
    figure: go.Figure, chance: float, lines: dict[str, pd.DataFrame], theme: str
) -> None:
    """The error of guessing as a dotted line, where the figure reaches that high. Its name stands
    above it, or below where there is no room, unless a curve ends there."""
    quiet, (low, high) = colors_of(theme).quiet, figure.layout.yaxis.range
    position = float(np.log10(chance))
    if position > high:
        return
    room = 0.1 * (high - low)
    is_near_top = high - position < room
    ends = [float(line["mean"].iloc[-1]) for line in lines.values()]
    if is_near_top and any(position - room < np.log10(end) < position for end in ends if end > 0):
        figure.update_yaxes(range=[low, position + room])
        is_near_top = False
    figure.add_hline(y=chance, line={"color": quiet, "width": 1, "dash": "dot"}, layer="below")
    figure.add_annotation(
        text=f"guessing, {human_percent(chance / 100)}", x=1, xref="x domain", xanchor="right",
        y=position, yanchor="top" if is_near_top else "bottom", showarrow=False,
        font={"size": 12, "color": quiet},
    )  # fmt: skip


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
    widest = max((text_width(arm, LABEL_SIZE) for arm in lines), default=0.0)
    figure.update_layout(margin={"r": 34 + round(widest)})
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
            text=label(arm),
            font={"color": colors_of(theme).ink, "size": LABEL_SIZE},
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
