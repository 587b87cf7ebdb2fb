"""Tables in, Plotly figures out: pure functions that anyone can call on the tables of `study results`.

Every figure has its finding for a title and says below it what is shown, with its n. Labels that come from a study are escaped, since
Plotly reads markup in text. `theme` is "light" or "dark"; arms keep their hue and their mark in both and in every figure.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.statistics import (
    Comparison,
    arm_cardinalities,
    arm_order,
    compare,
    error_table,
    summarize_arms,
)
from dashboards.tables import template_label
from dashboards.theme import THEMES, Style, arm_styles, blank_figure, label, note_if_empty, set_title, transparent
from dashboards.verdict import judge, listed, seeds_phrase, signed_points
from explorer.text import human_count, human_flops, human_percent

DIRECT_LABELS = 8  # more lines than this get a legend


def error_against_cardinality(
    trials: pd.DataFrame,
    reference: str,
    *,
    comparison: Comparison | None = None,
    context: str = "",
    theme: str = "light",
) -> go.Figure:
    """Test error of each arm: every trial a light point, the mean over seeds a strong mark, its 95 % t interval a thin bar.

    `context` ends the subtitle, for example "digits, 10 epochs". Arms without a cardinality of their own stand side by side.
    """
    comparison = comparison or compare(trials, reference)
    colors, styles, places = THEMES[theme], arm_styles(trials, reference, theme), _places(trials)
    summary, table = summarize_arms(trials), error_table(trials)
    figure = blank_figure(theme)
    measured = [arm for arm in summary.index if summary.loc[arm, "n"]]
    means = [100 * float(summary.loc[arm, "mean"]) for arm in measured]
    if arm_cardinalities(trials) and len(measured) > 1:
        line = {"color": colors.quiet, "width": 1}
        figure.add_scatter(x=[places[arm] for arm in measured], y=means, mode="lines", line=line, hoverinfo="skip")
    step = _step(places)
    seeds = list(table.columns)
    for arm, mean in zip(measured, means, strict=True):
        style, row = styles[arm], summary.loc[arm]
        rows = _complete(trials, arm)
        # Single trials stand left of the mean, each seed in its own place, so that a seed can be followed from arm to arm.
        offsets = [0.14 + 0.2 * seeds.index(seed) / max(1, len(seeds) - 1) for seed in rows["seed"]]
        figure.add_scatter(
            x=[places[arm] - step * (0.48 - offset) for offset in offsets],
            y=[100 * float(error) for error in rows["test_error"]],
            mode="markers",
            marker={
                "color": style.color,
                "symbol": style.symbol,
                "size": style.size(8),
                "opacity": 0.5 if theme == "light" else 0.65,
            },
            customdata=[[_trial_hover(trial)] for trial in rows.to_dict("records")],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
        has_interval = bool(row["n"] > 1)
        low, high = (max(0.0, float(row["low"])), float(row["high"])) if has_interval else (row["mean"], row["mean"])
        text = f"<b>{label(arm)}</b><br>mean test error {mean:.2f} %, {seeds_phrase(int(row['n']))}"
        text += f"<br>95 % interval {100 * low:.2f} to {100 * high:.2f} %" if has_interval else "<br>no interval"
        _add_mean(figure, places[arm], mean, 100 * low, 100 * high, style, text, filled=True, theme=theme)
    over = _over_seeds([int(n) for n in summary["n"]], ", 95 % t interval, each trial a light mark")
    shown = f"Test error in %: {over}"
    set_title(figure, judge(trials, comparison).title, ", ".join(filter(None, (shown, label(context)))), theme)
    _set_arm_axis(figure, trials, places)
    if measured:
        figure.update_yaxes(range=_error_range(summary, table))
    note_if_empty(figure, measured, theme)
    return figure


def differences_from_reference(
    trials: pd.DataFrame, reference: str, *, comparison: Comparison | None = None, theme: str = "light"
) -> go.Figure:
    """Each arm's error minus the reference arm's, with the simultaneous 95 % intervals that the verdict comes from.

    A filled mark is a difference that is shown (its interval excludes zero), an open one is not.
    """
    comparison = comparison or compare(trials, reference)
    colors, styles, places = THEMES[theme], arm_styles(trials, reference, theme), _places(trials)
    figure = blank_figure(theme)
    if comparison.differences:
        figure.update_yaxes(zeroline=True, zerolinecolor=colors.ink, zerolinewidth=1.5)
        hover = f"<b>{label(reference)}</b><br>the reference arm"
        _add_mean(figure, places[reference], 0, 0, 0, styles[reference], hover, filled=True, theme=theme)
    for one in comparison.differences:
        text = f"<b>{label(one.arm)} − {label(reference)}</b><br>{signed_points(one.estimate)} points"
        low = high = one.estimate
        if one.low is not None and one.high is not None:
            low, high = one.low, one.high
            text += f"<br>95 % interval {signed_points(low)} to {signed_points(high)}, simultaneous"
        _add_mean(
            figure, places[one.arm], 100 * one.estimate, 100 * low, 100 * high, styles[one.arm], text,
            filled=one.shown, theme=theme,
        )  # fmt: skip
    shown = [one.arm for one in comparison.differences if one.shown]
    title = f"{listed(shown)} {'differs' if len(shown) == 1 else 'differ'} from {reference}" if shown else ""
    none = "Gaps without intervals" if comparison.problem else "Every difference's interval holds zero"
    subtitle = f"Points of test error minus {label(reference)}'s, {seeds_phrase(len(comparison.seeds))}"
    if not comparison.problem:
        subtitle += ", simultaneous 95 % intervals; filled where zero is excluded"
    set_title(figure, title or none, subtitle, theme)
    _set_arm_axis(figure, trials, places)
    note_if_empty(figure, comparison.differences, theme)
    return figure


def learning_curves(
    curves: pd.DataFrame,
    trials: pd.DataFrame,
    reference: str,
    *,
    split: str = "validation",
    context: str = "",
    theme: str = "light",
) -> go.Figure:
    """Error by epoch, one line an arm: the mean over its seeds, in a band from its lowest to its highest seed.

    `split` is "train" or "validation". Only complete trials count where an arm has any; else an arm's line ends where its
    shortest one does, so that no line changes its seeds on the way.
    """
    styles, column = arm_styles(trials, reference, theme), f"{split}_error"
    lines = {arm: line for arm in arm_order(trials) if len(line := _curve(curves, trials, arm, column))}
    figure = blank_figure(theme)
    values = np.concatenate(
        [line[["mean", "low", "high"]].to_numpy().ravel() for line in lines.values()] or [np.ones(1)]
    )
    positive = values[values > 0]
    floor = float(positive.min()) / 3 if len(positive) else 0.01
    for arm, line in lines.items():
        style = styles[arm]
        epochs = list(line.index)
        low, high = line["low"].clip(lower=floor).tolist(), line["high"].clip(lower=floor).tolist()
        figure.add_scatter(
            x=epochs + epochs[::-1], y=high + low[::-1], mode="lines", line={"width": 0},
            fill="toself", fillcolor=transparent(style.color, 0.13), hoverinfo="skip",
        )  # fmt: skip
    for arm, line in lines.items():
        style = styles[arm]
        hover = [
            f"<b>{label(arm)}</b>, epoch {epoch}<br>{split} error {row['mean']:.2f} %<br>"
            f"{row['low']:.2f} to {row['high']:.2f} % over {seeds_phrase(int(row['n']))}"
            for epoch, row in line.iterrows()
        ]
        last = len(line) - 1
        figure.add_scatter(
            x=list(line.index),
            y=line["mean"].clip(lower=floor).tolist(),
            mode="lines+markers",
            name=label(arm),
            line={"color": style.color, "width": 2.25, "dash": "5px,3px" if arm == reference else "solid"},
            marker={"color": style.color, "symbol": style.symbol, "size": [0] * last + [style.size(9)]},
            customdata=[[text] for text in hover],
            hovertemplate="%{customdata[0]}<extra></extra>",
            showlegend=len(lines) > DIRECT_LABELS,
        )
    counts = [int(line["n"].max()) for line in lines.values()]
    over = _over_seeds(counts, ", band from the lowest to the highest")
    subtitle = f"{split.capitalize()} error in %, log scale: {over}"
    set_title(figure, _ends(lines, split), ", ".join(filter(None, (subtitle, label(context)))), theme)
    _set_epoch_axes(figure, lines, floor, bool((values <= 0).any()))
    if len(lines) <= DIRECT_LABELS:
        _label_ends(figure, lines, styles, floor, theme)
    note_if_empty(figure, lines, theme)
    return figure


def _curve(curves: pd.DataFrame, trials: pd.DataFrame, arm: str, column: str) -> pd.DataFrame:
    """Mean, lowest and highest error (in %) and n by epoch of one arm."""
    mine = curves[curves["arm"].astype(str) == arm]
    finished = _complete(trials, arm, None)[["design", "seed"]]
    complete = mine.merge(finished, on=["design", "seed"])
    error = pd.to_numeric((complete if len(complete) else mine)[column], errors="coerce")
    rows = (complete if len(complete) else mine).assign(error=100 * error.astype(float)).dropna(subset=["error"])
    by_epoch = rows.groupby("epoch")["error"].agg(mean="mean", low="min", high="max", n="count")
    return by_epoch[by_epoch["n"] == by_epoch["n"].max()]


def _over_seeds(counts: list[int], more: str) -> str:
    """'mean of 3 seeds' or 'mean of 2 to 3 seeds', and what follows where there is more than one."""
    least, most = min(counts, default=0), max(counts, default=0)
    if most < 2:
        return seeds_phrase(most)
    return f"mean of {'' if least == most else f'{least} to '}{seeds_phrase(most)}{more}"


def _error_range(summary: pd.DataFrame, table: pd.DataFrame) -> list[float]:
    """From the lowest to the highest trial and interval, in %. Two seeds can give an interval many times as wide as all data:
    it runs out of the figure rather than flatten it."""
    errors = table.to_numpy(dtype=float)
    firm = summary[summary["n"] > 2]
    low = float(np.nanmin([np.nanmin(errors), *firm["low"]]))
    high = float(np.nanmax([np.nanmax(errors), *firm["high"]]))
    room = high - low
    low = max(low - room, min(low, float(summary["low"].min())))
    high = min(high + room, max(high, float(summary["high"].max())))
    margin = 0.06 * (high - low) or 0.002
    return [100 * max(low - margin, -0.25 * margin), 100 * (high + margin)]


def _ends(lines: dict[str, pd.DataFrame], split: str) -> str:
    """'Validation error ends at 2.1 % (C=8) to 2.9 % (C=1)'."""
    ends = {arm: float(line["mean"].iloc[-1]) for arm, line in lines.items()}
    if not ends:
        return f"{split.capitalize()} error by epoch"
    edges = dict.fromkeys((min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)))
    return f"{split.capitalize()} error ends at {' to '.join(f'{ends[arm]:.1f} % ({arm})' for arm in edges)}"


def _complete(trials: pd.DataFrame, arm: str, metric: str | None = "test_error") -> pd.DataFrame:
    rows = trials[(trials["arm"].astype(str) == arm) & (trials["status"] == "complete")]
    return rows if metric is None else rows[pd.to_numeric(rows[metric], errors="coerce").notna()]


def _places(trials: pd.DataFrame) -> dict[str, float]:
    """Where each arm stands: at log2 of its cardinality, or one after the other."""
    cardinalities = arm_cardinalities(trials)
    if cardinalities:
        return {arm: float(np.log2(cardinalities[arm])) for arm in arm_order(trials)}
    return {arm: float(place) for place, arm in enumerate(arm_order(trials))}


def _step(places: dict[str, float]) -> float:
    """The smallest distance between two arms, at most 1."""
    gaps = np.diff(sorted(places.values()))
    return float(min(1.0, gaps.min())) if len(gaps) else 1.0


def _add_mean(
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
            x=[x, x], y=[low, high], mode="lines", line={"color": style.color, "width": 1.75}, hoverinfo="skip"
        )
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={
            "color": style.color if filled else THEMES[theme].ground,
            "symbol": style.symbol,
            "size": style.size(13),
            "line": {"color": THEMES[theme].ground if filled else style.color, "width": 1.5 if filled else 2.25},
        },
        customdata=[[hover]],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )


def _set_arm_axis(figure: go.Figure, trials: pd.DataFrame, places: dict[str, float]) -> None:
    """Ticks at the arms: the cardinality (or the arm's name), and under it the template."""
    cardinalities = arm_cardinalities(trials)
    ticks = []
    for arm in places:
        rows = trials[trials["arm"].astype(str) == arm].drop_duplicates("design")
        labels = {template_label(*row) for row in rows[["cardinality", "bottleneck_width", "width"]].to_numpy()}
        below = labels.pop() if len(labels) == 1 else f"{len(rows)} designs"
        ticks.append(f"{cardinalities.get(arm) or _wrapped(arm)}<br><span style='font-size:11px'>{below}</span>")
    step = _step(places)
    ends = (min(places.values()), max(places.values())) if places else (0.0, 1.0)
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(places.values()),
        ticktext=ticks,
        tickangle=0,
        ticklabeloverflow="allow",
        range=[ends[0] - 0.6 * step, ends[1] + 0.6 * step],
        title={"text": "Cardinality C (log2); template below" if cardinalities else "", "standoff": 10},
        fixedrange=True,
    )
    figure.update_yaxes(fixedrange=True)


def _wrapped(arm: str) -> str:
    return "<br>".join(label(word, 14) for word in arm.split())


def _set_epoch_axes(figure: go.Figure, lines: dict[str, pd.DataFrame], floor: float, has_zero: bool) -> None:
    ends = [int(line.index.max()) for line in lines.values()] or [1]
    last = max(ends)
    step = max(1, int(np.ceil(last / 6)))
    figure.update_xaxes(
        tickmode="array",
        tickvals=sorted({1, *range(step, last + 1, step), last} - ({last - 1} if step > 1 else set())),
        range=[1 - 0.02 * last, last + max(0.02 * last, 0.2)],
        title={"text": "Epoch", "standoff": 8},
        fixedrange=True,
    )
    highest = max((float(line["high"].max()) for line in lines.values()), default=1.0)
    marks = [mark for power in range(-4, 3) for mark in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)]
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
    figure: go.Figure, lines: dict[str, pd.DataFrame], styles: dict[str, Style], floor: float, theme: str
) -> None:
    """Name each line at its end. Names that would overlap are moved apart, each tied to its line."""
    low, high = figure.layout.yaxis.range
    # Heights in parts of the plot; a line of text takes about a twentieth of it.
    ends = {
        arm: (float(np.log10(max(line["mean"].iloc[-1], floor))) - low) / (high - low) for arm, line in lines.items()
    }
    for arm, height in zip(sorted(ends, key=ends.__getitem__), spread(sorted(ends.values()), 0.056), strict=True):
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


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Sorted heights in 0..1, moved as little as needed so that neighbours are at least `gap` apart."""
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
    return [centre(group) + gap * (i - (len(group) - 1) / 2) for group in groups for i in range(len(group))]


def _trial_hover(trial: dict[str, Any]) -> str:
    costs = f"{human_flops(trial['flops'])} FLOPs, {human_count(trial['params'])} params" if trial.get("flops") else ""
    lines = [
        f"<b>{label(trial['arm'])}</b>, seed {label(trial['seed'])}",
        label(trial["design"]),
        costs,
        f"mismatch {human_percent(float(trial['mismatch']), signed=True)}" if pd.notna(trial["mismatch"]) else "",
        f"test error {100 * float(trial['test_error']):.2f} %",
    ]
    return "<br>".join(line for line in lines if line)
