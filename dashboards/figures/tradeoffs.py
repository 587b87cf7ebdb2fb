"""Error against what a design costs, with the Pareto front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.analysis.arms import finite
from dashboards.analysis.findings import Findings
from dashboards.analysis.spaces import design_means, pareto_front
from dashboards.analysis.words import agreeing, capital, named, seeds_phrase, unit_of, with_unit
from dashboards.figures.common import (
    MOST_LINES,
    MOST_POINTS,
    Points,
    add_points,
    costs_text,
    drawn_of_crowd,
    errors_in_percent,
    left_out_phrase,
    over_seeds,
    points_of,
    subtitle_of,
)
from dashboards.figures.legend import LABEL_SIZE, add_legend, fit_beside
from dashboards.figures.places import LINE, NARROWEST, text_width
from dashboards.figures.theme import (
    Style,
    arm_styles,
    blank_figure,
    colors_of,
    hovers,
    label,
    note_if_empty,
    set_title,
)
from explorer.errors import check_known
from explorer.text import counted, human_time, listed

COST_LABELS = {
    "flops": "FLOPs",
    "params": "parameters",
    "activations": "activations",
    "seconds_per_epoch": "measured seconds per epoch",
    "latency": "measured latency of one image, ms",
}
MEASURED = ("seconds_per_epoch", "latency")
SPLITS = ("validation", "test")
MILLISECOND = 1e-3
FEW_DESIGNS = 40  # with more, only the designs' means are drawn
ASIDE, ABOVE = 7, 4  # pixels from a design to its name
Box = tuple[float, float, float, float]  # left, low, right, high
LOWEST = 200  # pixels between the lowest and the highest error on a phone
# Costs further apart than this get a log axis, which then has ticks at 1, 2 and 5; over more powers
# of ten than these it has room for the powers only.
WIDE, MOST_DECADES = 10, 2
SAME = 1e-6  # of a cost: what differs by less is one cost


@dataclass(frozen=True)
class CostChart:
    """What `error_against_cost` shows; `designs` is `spaces.design_means` with `cost`, `error` (a
    fraction, of the split that is drawn) and `front`, whether no other design beats it in both.

    Attributes:
        points: The single trainings of each arm; none where there are many designs.
        drawn: Which of the designs are drawn.
        is_wide: Whether costs spread so far that their axis is logarithmic.
        name: Of the cost, with the unit that `cost` is in: "FLOPs (M)".
    """

    title: str
    subtitle: str
    designs: pd.DataFrame
    points: dict[str, Points]
    drawn: pd.DataFrame
    is_wide: bool
    name: str

    @property
    def front(self) -> pd.DataFrame:
        """The designs of the Pareto front, the cheapest first."""
        return self.designs[self.designs["front"]].sort_values("cost")


def error_against_cost(
    findings: Findings, *, cost: str = "flops", split: str = "test", theme: str = "light"
) -> go.Figure:
    """The error of each design (mean over its seeds) against its cost, with the
    Pareto front: designs that none beats in both.

    The front is of the means; where seeds differ, so may it. A search with two objectives chose by
    the validation error, so that the front it looked for is that of `split="validation"`.

    Args:
        findings: Of a study, or of a choice of its trainings.
        cost: "flops", "params", "activations", "seconds_per_epoch" or "latency".
        split: "test" or "validation".
        theme: "light" or "dark".

    Raises:
        UserError: For another cost or split.
    """
    chart, styles = costs_and_errors(findings, cost, split), arm_styles(findings, theme)
    colors, figure, front = colors_of(theme), blank_figure(theme), chart.front
    if len(front):
        figure.add_scatter(
            x=finite(front["cost"]), y=100 * finite(front["error"]), mode="lines",
            line={"color": colors.quiet, "width": 1.25, "shape": "hv"}, hoverinfo="skip",
            name="Pareto front",
        )  # fmt: skip
    add_points(figure, chart.points, styles, theme)
    if len(chart.designs) <= FEW_DESIGNS:
        for arm, designs in chart.drawn.groupby("arm", sort=False):
            _add_designs(figure, designs, styles[str(arm)], theme)
    else:
        _add_designs(figure, chart.drawn, Style(colors.ramp[1], "circle"), theme, size=7)
    _name_designs(figure, chart, styles, findings.reference, theme)
    set_title(figure, chart.title, chart.subtitle, theme)
    figure.update_xaxes(
        type="log" if chart.is_wide else "linear",
        title={"text": chart.name[0].upper() + chart.name[1:], "standoff": 8},
        nticks=6,
        ticklabelstandoff=6,  # the lowest error's label stands beside the first cost's
    )
    costs = chart.designs["cost"]
    if len(costs) and costs.max() - costs.min() < SAME * costs.max():
        # Plotly makes an axis of the rounding between them, with the marks at its edge.
        figure.update_xaxes(range=[0.9 * costs.min(), 1.1 * costs.max()])
    if chart.is_wide:
        decades = float(np.log10(chart.designs["cost"].max() / chart.designs["cost"].min()))
        figure.update_xaxes(
            dtick="D2" if decades < MOST_DECADES else 1, minorloglabels="complete", tickangle=0
        )
    note_if_empty(figure, chart.designs, theme)
    return figure


def _name_designs(
    figure: go.Figure, chart: CostChart, styles: Mapping[str, Style], reference: str, theme: str
) -> None:
    """The names of the arms: at the designs of the front where they have room there on a phone,
    else in a legend, of the front and the reference alone where there are many arms."""
    known = set(chart.designs["arm"].astype(str))
    arms = [arm for arm in styles if arm in known]
    if len(arms) > FEW_DESIGNS or not arms:
        return
    front = chart.front.to_dict("records")
    if _names_few(chart.designs):
        on_front = {str(row["arm"]) for row in front}
        arms = [arm for arm in arms if arm in on_front or arm == reference]
    boxes, marks, are_left = _boxes(chart)
    if not fit_beside(arms) or _overlap(boxes) or _hold(boxes, marks):
        add_legend(figure, {arm: styles[arm] for arm in arms}, mode="markers")
        return
    for row, is_left in zip(front, are_left, strict=True):
        position = float(np.log10(row["cost"])) if chart.is_wide else float(row["cost"])
        figure.add_annotation(
            x=position, y=100 * row["error"], text=label(row["arm"]), showarrow=False,
            xanchor="right" if is_left else "left", yanchor="bottom",
            xshift=-ASIDE if is_left else ASIDE, yshift=ABOVE,
            font={"size": LABEL_SIZE, "color": colors_of(theme).ink},
        )  # fmt: skip


def _boxes(chart: CostChart) -> tuple[list[Box], NDArray[np.float64], list[bool]]:
    """Where on a phone, in pixels, the names of the designs of the front stand, where all designs
    and single trainings do, and which names stand to the left of their design."""
    # The axes go from the first mark to the last, those of single trainings included.
    costs = [finite(chart.designs["cost"]), *(own.x for own in chart.points.values())]
    errors = [100 * finite(chart.designs["error"]), *(own.y for own in chart.points.values())]
    across = np.concatenate(costs)
    across = np.log10(across) if chart.is_wide else across
    places = np.column_stack([across, np.concatenate(errors)])
    spans = np.ptp(places, axis=0)
    places = (places - places.min(axis=0)) / np.where(spans > 0, spans, 1)
    places *= np.array([NARROWEST, LOWEST])
    boxes, are_left = [], []
    for row in chart.front.index:
        x, y = places[row]
        width = text_width(str(chart.designs["arm"][row]), LABEL_SIZE)
        are_left.append(bool(x > NARROWEST / 2))
        left = x - width - ASIDE if are_left[-1] else x + ASIDE
        boxes.append((left, y + ABOVE, left + width, y + ABOVE + LINE))
    return boxes, places, are_left


def _hold(boxes: Sequence[Box], marks: NDArray[np.float64]) -> bool:
    """Whether a mark stands in a box."""
    return any(bool(((marks > box[:2]) & (marks < box[2:])).all(axis=1).any()) for box in boxes)


def _names_few(designs: pd.DataFrame) -> bool:
    """Whether there are too many arms to name them all, and marks of their own all the same."""
    return len(designs) <= FEW_DESIGNS and designs["arm"].nunique() > MOST_LINES


def _overlap(boxes: Sequence[Box]) -> bool:
    """Whether two boxes (left, low, right, high) share a point."""
    return any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
        for box, other in combinations(boxes, 2)
    )


def costs_and_errors(findings: Findings, cost: str = "flops", split: str = "test") -> CostChart:
    """What `error_against_cost` shows. Raises `UserError` for an unknown cost or split."""
    check_known("cost", cost, COST_LABELS)
    check_known("split", split, SPLITS)
    designs = design_means(findings.trials, (*MEASURED, "validation_error"))
    designs["error"] = designs[f"{split}_error"]

    letter, unit = "", MILLISECOND if cost == "latency" else 1.0
    if cost not in MEASURED:
        letter, unit = unit_of(float(np.nanmax(finite(designs[cost]), initial=0)))

    def spent(rows: pd.DataFrame) -> NDArray[np.float64]:
        # Results from elsewhere may lack what was measured.
        return finite(rows.get(cost, pd.Series(np.nan, rows.index))) / unit

    costs = spent(designs)
    designs = designs.assign(cost=costs)[
        np.isfinite(costs) & np.isfinite(designs["error"])
    ].reset_index(drop=True)
    designs["front"] = pareto_front(designs["cost"], designs["error"])
    points, drawn, what = {}, designs, "single trials"
    if len(designs) <= FEW_DESIGNS:
        points = {
            arm: points_of(rows, spent(rows), errors_in_percent(rows, split))
            for arm, rows in findings.complete.items()
            if len(rows)
        }
        left_out = sum(own.left_out for own in points.values())
    else:
        some = drawn_of_crowd(designs["error"], 4 * MOST_POINTS)
        drawn, what = designs.iloc[np.union1d(np.flatnonzero(designs["front"]), some)], "designs"
        left_out = len(designs) - len(drawn)
    named = ", which is named with the reference" if _names_few(designs) else ""
    subtitle = subtitle_of(
        f"{split.capitalize()} error in %, {over_seeds(designs['n'], '')}, of"
        f" {counted(len(designs), 'design')}; filled: on the front of the means{named}",
        _how_measured(findings, cost),
        findings.context,
        left_out=left_out_phrase(left_out, what),
    )
    lowest, highest = (float(designs["cost"].agg(end)) for end in ("min", "max"))
    is_wide = len(designs) > 1 and highest > WIDE * lowest > 0
    title, name = _front_title(designs, cost, split), with_unit(COST_LABELS[cost], letter)
    return CostChart(title, subtitle, designs, points, drawn, is_wide, name)


def _add_designs(
    figure: go.Figure, designs: pd.DataFrame, style: Style, theme: str, size: int = 12
) -> None:
    fills = np.where(designs["front"], style.color, colors_of(theme).ground).tolist()
    texts = []
    for row in designs.to_dict("records"):
        lines = [f"<b>{label(row['arm'])}</b>", label(row["design"]), costs_text(row)]
        if np.isfinite(row["seconds_per_epoch"]):
            lines.append(f"{row['seconds_per_epoch']:.2f} s per epoch")
        if np.isfinite(row["latency"]):
            lines.append(f"latency of one image {human_time(row['latency'])}")
        lines += [
            f"mean {split} error {100 * row[f'{split}_error']:.2f} %, {seeds_phrase(row['n'])}"
            for split in SPLITS
            if np.isfinite(row[f"{split}_error"])
        ]
        texts.append("<br>".join(lines))
    figure.add_scatter(
        x=finite(designs["cost"]),
        y=100 * finite(designs["error"]),
        mode="markers",
        marker=style.marker(size, color=fills, line={"color": style.color, "width": 2}),
        **hovers(texts),
    )


def _how_measured(findings: Findings, cost: str) -> str:
    """On what, and by which settings, a measured cost was measured; "" of a counted one."""
    if cost == "latency":
        return findings.latency_words and f"latency {findings.latency_words}"
    return devices_text(findings.trials) if cost in MEASURED else ""


def devices_text(rows: pd.DataFrame) -> str:
    """'on cpu and cuda', of what these trainings ran on; "" where that is not known."""
    devices = sorted({str(device) for device in rows["device"].dropna()} - {""})
    return f"on {listed(devices)}" if devices else ""


def _front_title(designs: pd.DataFrame, cost: str, split: str) -> str:
    best = designs[designs["front"]].sort_values("cost")
    arms = list(dict.fromkeys(best["arm"].astype(str)))
    words = {"seconds_per_epoch": "measured time", "latency": "latency"}.get(
        cost, COST_LABELS[cost]
    )
    where = f"on the Pareto front of mean {split} error and {words}"
    if not arms or len(designs) == 1:
        return f"{split.capitalize()} error against {words}"
    if len(arms) == 1:
        return capital(f"{named(arms[0])} alone {agreeing(arms[0], 'is')} {where}")
    if len(arms) > 3:
        some = f"{len(best):,} of" if len(best) < len(designs) else "All"
        return f"{some} {len(designs):,} designs are {where}"
    return capital(f"{listed([named(arm) for arm in arms])} are {where}")
