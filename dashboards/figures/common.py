"""What the figures share: where arms stand, marks for trials and
means, hover texts, and labels kept apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.analysis.comparison import arm_cardinalities, arm_order
from dashboards.analysis.tables import template_label
from dashboards.analysis.verdict import seeds_phrase
from dashboards.figures.theme import THEMES, Style, label
from explorer.text import human_count, human_flops, human_percent

DIRECT_LABELS = 8  # more lines than this get a legend
COSTS = ("flops", "params", "activations", "mismatch")  # columns that a hover tells of
MOST_POINTS = (
    100  # of one mark: 10,000 points would be a blot, and take seconds to make and to draw
)


def over_seeds(counts: list[int], more: str) -> str:
    """'mean of 3 seeds' or 'mean of 2 to 3 seeds', and what follows where there is
    more than one. What has no result is not shown."""
    counts = [count for count in counts if count]
    least, most = min(counts, default=0), max(counts, default=0)
    if most < 2:
        return seeds_phrase(most)
    return f"mean of {'' if least == most else f'{least} to '}{seeds_phrase(most)}{more}"


def means_and_trials(summary: pd.DataFrame) -> str:
    """What the marks of a figure of arms are; `summary` is `statistics.summarize_arms`."""
    interval = ", 95 % t interval" if summary["low"].notna().any() else ""
    return over_seeds([int(n) for n in summary["n"]], f"{interval}, each trial a light mark")


def complete_trials(
    trials: pd.DataFrame, arm: str, metric: str | None = "test_error"
) -> pd.DataFrame:
    rows = trials[(trials["arm"].astype(str) == arm) & (trials["status"] == "complete")]
    return (
        rows
        if metric is None
        else rows[np.isfinite(pd.to_numeric(rows[metric], errors="coerce").to_numpy(dtype=float))]
    )


def arm_places(trials: pd.DataFrame) -> dict[str, float]:
    """Where each arm stands: at log2 of its cardinality, or one after the other."""
    cardinalities = arm_cardinalities(trials)
    if cardinalities:
        return {arm: float(np.log2(cardinalities[arm])) for arm in arm_order(trials)}
    return {arm: float(place) for place, arm in enumerate(arm_order(trials))}


def smallest_step(places: dict[str, float]) -> float:
    """The smallest distance between two arms, at most 1."""
    gaps = np.diff(sorted(places.values()))
    return float(min(1.0, gaps.min())) if len(gaps) else 1.0


def add_mean(
    figure: go.Figure,
    x: float,
    y: float,
    low: float,
    high: float,
    style: Style,
    hover: str,
    *,
    filled: bool,
    theme: str,
) -> None:
    """A strong mark with a thin interval."""
    if high > low:
        figure.add_scatter(
            x=[x, x],
            y=[low, high],
            mode="lines",
            line={"color": style.color, "width": 1.75},
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={
            "color": style.color if filled else THEMES[theme].ground,
            "symbol": style.symbol,
            "size": style.size(13),
            "line": {
                "color": THEMES[theme].ground if filled else style.color,
                "width": 1.5 if filled else 2.25,
            },
        },
        customdata=[[hover]],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )


def wrapped(arm: str) -> str:
    return "<br>".join(label(word, 14) for word in arm.split())


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


def kept_of_crowd(heights: Any, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Which points of a crowd to draw, in their order: the lowest, the highest and
    evenly many between; all where they are few."""
    count = len(heights)
    if count <= most:
        return np.arange(count)
    order = np.argsort(np.asarray(heights, dtype=float), kind="stable")
    return np.sort(order[np.linspace(0, count - 1, most).round().astype(int)])


def left_out_phrase(count: int, what: str = "single trials") -> str:
    """The end of a subtitle: how many points of a crowd are not drawn."""
    return f"; {count:,} {what} between those drawn are left out" if count else ""


def add_trials(
    figure: go.Figure, x: Any, rows: pd.DataFrame, style: Style, theme: str, speed: str = ""
) -> int:
    """Each row of complete trials as a small, light point at its test
    error in %, that says on hover which one it is.

    With `speed`, the name of a column, at its images a second there. A point's `customdata` begins
    with its design's name and its seed (escaped text, number). Returns how many points of a crowd
    are left out.
    """
    values = pd.to_numeric(rows[speed or "test_error"]).to_numpy(dtype=float)
    kept = kept_of_crowd(values)
    left_out = len(values) - len(kept)
    x, values, rows = np.asarray(x, dtype=float)[kept], values[kept], rows.iloc[kept]
    designs = rows.drop_duplicates("design").filter(["design", *COSTS])
    own = {
        row["design"]: [label(row["design"], 200), costs(row)] for row in designs.to_dict("records")
    }
    one = next(iter(own.values())) if len(own) == 1 else None
    names = rows["design"].tolist()
    points = [
        [own[name][0], seed, *(() if one else own[name][1:])]
        for name, seed in zip(names, rows["seed"], strict=True)
    ]
    arms = rows["arm"].astype(str).unique()
    heading = (
        f"<b>{template_text(label(arms[0]))}</b>, seed %{{customdata[1]}}"
        if len(arms) == 1
        else "seed %{customdata[1]}"
    )
    lines = [heading, "%{customdata[0]}", one[1] if one else "%{customdata[2]}"]
    lines.append("%{y:,.0f} images a second" if speed else "test error %{y:.2f} %")
    figure.add_scatter(
        x=x,
        y=values if speed else 100 * values,
        mode="markers",
        marker={
            "color": style.color,
            "symbol": style.symbol,
            "size": style.size(8),
            "opacity": 0.5 if theme == "light" else 0.65,
        },
        customdata=points,
        hovertemplate="<br>".join(lines) + "<extra></extra>",
    )
    return left_out


def costs(row: Any) -> str:
    """What a design costs, for a hover: FLOPs, params, activations, and its mismatch."""
    parts = [
        f"{human(row[key])} {name}"
        for key, name, human in (
            ("flops", "FLOPs", human_flops), ("params", "params", human_count), ("activations", "activations", human_count)
        )
        if pd.notna(row.get(key))
    ]  # fmt: skip
    if pd.notna(row.get("mismatch")):
        parts.append(f"mismatch {human_percent(float(row['mismatch']), signed=True)}")
    return ", ".join(parts)


def template_text(text: str) -> str:
    """Text for the middle of a hovertemplate, in which %{...} would be replaced."""
    return text.replace("%{", "%\u200b{")


def set_arm_axis(figure: go.Figure, designs: pd.DataFrame, places: dict[str, float]) -> None:
    """Ticks at the arms: the cardinality (or the arm's name), and under it the
    template. `designs`: `statistics.designs_of`."""
    cardinalities = arm_cardinalities(designs)
    labels: dict[str, list[str]] = {arm: [] for arm in places}
    for arm, *template in designs[["arm", "cardinality", "bottleneck_width", "width"]].itertuples(
        index=False
    ):
        labels[str(arm)].append(template_label(*template))
    ticks = []
    for arm, found in labels.items():
        below = found[0] if len(set(found)) == 1 else f"{len(found)} designs"
        ticks.append(
            f"{cardinalities.get(arm) or wrapped(arm)}<br><span"
            f" style='font-size:11px'>{below}</span>"
        )
    step = smallest_step(places)
    ends = (min(places.values()), max(places.values())) if places else (0.0, 1.0)
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(places.values()),
        ticktext=ticks,
        tickangle=0,
        ticklabeloverflow="allow",
        range=[ends[0] - 0.6 * step, ends[1] + 0.6 * step],
        title={
            "text": "Cardinality C (log2); template below" if cardinalities else "",
            "standoff": 10,
        },
        fixedrange=True,
    )
    figure.update_yaxes(fixedrange=True)


def error_range(summary: pd.DataFrame, table: pd.DataFrame) -> list[float]:
    """From the lowest to the highest trial and interval, in %. Two seeds can give an interval many
    times as wide as all data: it runs out of the figure rather than flatten it."""
    errors = table.to_numpy(dtype=float)
    firm = summary[summary["n"] > 2]
    low = float(np.nanmin([np.nanmin(errors), *firm["low"]]))
    high = float(np.nanmax([np.nanmax(errors), *firm["high"]]))
    room = high - low
    low = max(low - room, min(low, float(summary["low"].min())))
    high = min(high + room, max(high, float(summary["high"].max())))
    margin = 0.06 * (high - low) or 0.002
    return [100 * max(low - margin, -0.25 * margin), 100 * (high + margin)]
