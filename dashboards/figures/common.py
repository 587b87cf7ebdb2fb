"""What the figures share: where arms stand, which single trainings are drawn, and in
what words. What a figure shows is plain text and numbers; what draws it escapes the text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.analysis.arms import finite
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.words import seeds_phrase, signed_percent, span
from dashboards.figures.theme import Style, label, marker_of
from explorer.text import human_count, human_flops

DIRECT_LABELS = 7  # more lines than this get a legend
MOST_LINES = 16  # more are not told apart: then the reference and the lowest are drawn, or named
HOVER_COLUMNS = ("flops", "params", "activations", "mismatch")
# Of one mark: 10,000 points would be a blot, and take seconds to make and to draw.
MOST_POINTS = 100


@dataclass(frozen=True)
class Points:
    """Single trainings as light points, those of a crowd that are drawn.

    Attributes:
        rows: The drawn trainings' rows of `trials`.
        x: Where each stands.
        y: Its height: test error in %, or images a second.
        left_out: How many more there are.
    """

    rows: pd.DataFrame
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    left_out: int


def points_of(rows: pd.DataFrame, x: Any, y: Any) -> Points:
    """The points of complete trainings at `x` and `y`: of a crowd the lowest, the highest
    and evenly many between."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(y) <= MOST_POINTS:
        return Points(rows, x, y, 0)
    drawn = drawn_of_crowd(y)
    return Points(rows.iloc[drawn], x[drawn], y[drawn], len(y) - len(drawn))


def over_seeds(counts: Iterable[int], more: str) -> str:
    """'mean of 3 seeds' or 'mean of 2 to 3 seeds', and what follows where there is
    more than one. What has no result is not shown."""
    known = [int(count) for count in counts if count]
    most = max(known, default=0)
    if not most:
        return "no results"
    return seeds_phrase(most) if most < 2 else f"mean of {span(known)} seeds{more}"


def means_and_trials(summary: pd.DataFrame) -> str:
    """What the marks of a figure of arms are; `summary` is `Evidence.summary`."""
    interval = ", 95 % t interval" if summary["low"].notna().any() else ""
    return over_seeds(summary["n"], f"{interval}, each trial a light mark")


def subtitle_of(*parts: str, left_out: str = "") -> str:
    """The parts that there are, after commas."""
    return ", ".join(filter(None, parts)) + left_out


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Sorted heights in 0..1, moved as little as needed so that
    neighbours are at least `gap` apart."""
    groups: list[list[float]] = [[height] for height in heights]

    def centre(group: list[float]) -> float:
        half = gap * (len(group) - 1) / 2
        return min(max(sum(group) / len(group), half), max(half, 1 - half))

    merged = True
    while merged:
        merged = False
        for i in range(len(groups) - 1):
            reach = gap * (len(groups[i]) + len(groups[i + 1])) / 2
            if centre(groups[i + 1]) - centre(groups[i]) < reach - 1e-9:
                groups[i : i + 2] = [groups[i] + groups[i + 1]]
                merged = True
                break
    return [
        centre(group) + gap * (i - (len(group) - 1) / 2)
        for group in groups
        for i in range(len(group))
    ]


def drawn_of_crowd(heights: Any, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Which points of a crowd to draw, in their order: the lowest, the highest and
    evenly many between; all where they are few."""
    count = len(heights)
    if count <= most:
        return np.arange(count)
    order = np.argsort(np.asarray(heights, dtype=float), kind="stable")
    return np.sort(order[np.linspace(0, count - 1, most).round().astype(int)])


def arms_left_out(count: int) -> str:
    """The end of a subtitle: how many of very many arms are not drawn."""
    drawn = "the reference and those of the lowest test error"
    return f"; {drawn}, {count:,} more arms are left out" if count else ""


def left_out_phrase(count: int, what: str = "single trials") -> str:
    """The end of a subtitle: how many points of a crowd are not drawn."""
    return f"; {count:,} {what} between those drawn are left out" if count else ""


def add_points(
    figure: go.Figure,
    points: Mapping[str, Points],
    styles: Mapping[str, Style],
    theme: str,
    *,
    unit: str = "%",
    in_rows: bool = False,
) -> None:
    """Draw the single trainings of arms as one trace: a browser takes ten times as long for forty.
    On hover each says which one it is.

    `unit` is that of the heights: "%" of test error, or "images a second"; `in_rows` they are
    widths. A point's `customdata` begins with its design's name and its seed (escaped text,
    number), and ends with its costs and its arm.
    """
    data: list[list[Any]] = []
    costs: dict[str, str] = {}
    known: list[str] = []
    for arm, own in points.items():
        known = known or [name for name in HOVER_COLUMNS if name in own.rows]
        columns = {name: own.rows[name].tolist() for name in ("design", "seed", *known)}
        pairs = zip(columns["design"], columns["seed"], strict=True)
        for number, (design, seed) in enumerate(pairs):
            if design not in costs:
                costs[design] = costs_text({name: columns[name][number] for name in known})
            data.append([label(design), seed, costs[design], label(arm)])
    if not data:
        return
    x, y = (np.concatenate([getattr(own, axis) for own in points.values()]) for axis in "xy")
    across = "x" if in_rows else "y"
    value = f"test error %{{{across}:.2f}} %" if unit == "%" else f"%{{{across}:,.0f}} {unit}"
    lines = ["<b>%{customdata[3]}</b>, seed %{customdata[1]}", "%{customdata[0]}"]
    lines += ["%{customdata[2]}", value]
    marks = marker_of([styles[arm] for arm, own in points.items() for _ in own.y], 8)
    figure.add_scatter(
        x=y if in_rows else x,
        y=x if in_rows else y,
        mode="markers",
        marker={**marks, "opacity": 0.5 if theme == "light" else 0.65},
        customdata=data,
        hovertemplate="<br>".join(lines) + "<extra></extra>",
    )


def costs_text(row: Mapping[Any, Any]) -> str:
    """What a design costs, for a hover: FLOPs, params, activations, and its mismatch."""
    parts = [
        f"{human(row[key])} {name}"
        for key, name, human in (
            ("flops", "FLOPs", human_flops), ("params", "params", human_count),
            ("activations", "activations", human_count),
        )
        if pd.notna(row.get(key))
    ]  # fmt: skip
    if pd.notna(row.get("mismatch")):
        parts.append(f"mismatch {signed_percent(float(row['mismatch']))}")
    return ", ".join(parts)


def template_text(text: str) -> str:
    """Text for the middle of a hovertemplate, in which %{...} would be replaced."""
    return text.replace("%{", "%\u200b{")


def error_range(evidence: Evidence) -> tuple[float, float]:
    """From the lowest to the highest trial and interval, in %."""
    errors, ends = evidence.errors.to_numpy(dtype=float), evidence.summary[["low", "high"]]
    low = float(np.nanmin([np.nanmin(errors), *ends["low"].clip(lower=0)]))
    high = float(np.nanmax([np.nanmax(errors), *ends["high"].clip(upper=1)]))
    margin = 0.06 * (high - low) or 0.002
    return 100 * max(low - margin, -0.25 * margin), 100 * (high + margin)


def errors_in_percent(rows: pd.DataFrame, split: str = "test") -> NDArray[np.float64]:
    """The errors of rows of `trials` on a split, in %."""
    return 100 * finite(rows[f"{split}_error"])
