"""Which arm makes fewer errors: error by arm, and each arm's
difference from the reference with its interval."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.comparison import (
    Comparison,
    arm_cardinalities,
    compare,
    designs_of,
    error_table,
    summarize_arms,
)
from dashboards.analysis.verdict import (
    confidence_text,
    headline,
    listed,
    seeds_phrase,
    shared_seeds,
    signed_points,
)
from dashboards.figures.common import (
    add_mean,
    add_trials,
    arm_places,
    complete_trials,
    error_range,
    left_out_phrase,
    means_and_trials,
    set_arm_axis,
    smallest_step,
)
from dashboards.figures.paper import add_table3
from dashboards.figures.theme import (
    THEMES,
    Style,
    arm_styles,
    blank_figure,
    label,
    note_if_empty,
    set_title,
)


def error_against_cardinality(
    trials: pd.DataFrame,
    reference: str,
    *,
    comparison: Comparison | None = None,
    context: str = "",
    paper: str | None = None,
    styles: dict[str, Style] | None = None,
    theme: str = "light",
) -> go.Figure:
    """Test error of each arm: every trial a light point, the mean over seeds a
    strong mark, its 95 % t interval a thin bar.

    `context` ends the subtitle, for example "digits, 10 epochs". Arms without a cardinality of
    their own stand side by side. `paper`, "ResNet-50" or "ResNet-101", lays Table 3 over arms of
    cardinality, as differences from our reference arm's mean. `styles` gives each arm its colour
    and mark where these are to be those of a larger table; see `theme.arm_styles`.
    """
    comparison = comparison or compare(trials, reference)
    designs = designs_of(trials)
    colors, places = THEMES[theme], arm_places(designs)
    styles = styles or arm_styles(designs, reference, theme)
    summary, table = summarize_arms(trials), error_table(trials)
    figure = blank_figure(theme)
    measured = [arm for arm in summary.index if summary.loc[arm, "n"]]
    means = [100 * float(summary.loc[arm, "mean"]) for arm in measured]
    if arm_cardinalities(designs) and len(measured) > 1:
        line = {"color": colors.quiet, "width": 1}
        figure.add_scatter(
            x=[places[arm] for arm in measured], y=means, mode="lines", line=line, hoverinfo="skip"
        )
    step = smallest_step(places)
    seeds = {seed: place for place, seed in enumerate(table.columns)}
    left_out = 0
    for arm, mean in zip(measured, means, strict=True):
        style, row = styles[arm], summary.loc[arm]
        rows = complete_trials(trials, arm)
        # Single trials stand left of the mean, each seed in its own place, so
        # that a seed can be followed from arm to arm.
        offsets = [0.14 + 0.2 * seeds[seed] / max(1, len(seeds) - 1) for seed in rows["seed"]]
        spots = [places[arm] - step * (0.48 - offset) for offset in offsets]
        left_out += add_trials(figure, spots, rows, style, theme)
        has_interval = bool(pd.notna(row["low"]))
        low, high = (
            (max(0.0, float(row["low"])), float(row["high"]))
            if has_interval
            else (row["mean"], row["mean"])
        )
        text = f"<b>{label(arm)}</b><br>mean test error {mean:.2f} %, {seeds_phrase(int(row['n']))}"
        text += (
            f"<br>95 % interval {100 * low:.2f} to {100 * high:.2f} %"
            if has_interval
            else "<br>no interval"
        )
        add_mean(
            figure, places[arm], mean, 100 * low, 100 * high, style, text, filled=True, theme=theme
        )
    shown = f"Test error in %: {means_and_trials(summary)}"
    if comparison.trend is not None:
        _add_trend(figure, comparison.trend.slope, summary, places, theme)
        shown += ", dotted: the trend on log2 C"
    shown = ", ".join(filter(None, (shown, label(context)))) + left_out_phrase(left_out)
    set_title(figure, headline(trials, comparison), shown, theme)
    set_arm_axis(figure, designs, places)
    if measured:
        low, high = error_range(summary, table)
        if paper is not None and reference in measured and reference in arm_cardinalities(designs):
            base = 100 * float(summary.loc[reference, "mean"])
            heights = add_table3(figure, paper, arm_cardinalities(designs)[reference], base, theme)
            margin = 0.08 * (max(high, *heights) - min(low, *heights)) if heights else 0
            low, high = (
                min([low, *(one - margin for one in heights)]),
                max([high, *(one + margin for one in heights)]),
            )
        figure.update_yaxes(range=[low, high])
        if low < -0.1 * high:
            # The paper's differences reach below zero; our errors do not.
            step = 10 ** np.floor(np.log10(high)) / 2
            figure.update_yaxes(
                tickmode="array", tickvals=np.arange(0, high + step / 2, step).tolist()
            )
    note_if_empty(figure, measured, theme)
    return figure


def _add_trend(
    figure: go.Figure, slope: float, summary: pd.DataFrame, places: dict[str, float], theme: str
) -> None:
    """The trend's straight line through the middle of the arms' means."""
    measured = [arm for arm in summary.index if summary.loc[arm, "n"]]
    at = np.array([places[arm] for arm in measured])
    line = 100 * (float(summary.loc[measured, "mean"].mean()) + slope * (at - at.mean()))
    style = {"color": THEMES[theme].quiet, "width": 1.5, "dash": "dot"}
    figure.add_scatter(x=at, y=line, mode="lines", line=style, hoverinfo="skip", name="trend")


def differences_from_reference(
    trials: pd.DataFrame,
    reference: str,
    *,
    comparison: Comparison | None = None,
    paper: str | None = None,
    styles: dict[str, Style] | None = None,
    theme: str = "light",
) -> go.Figure:
    """Each arm's error minus the reference arm's, with the
    simultaneous intervals that the verdict comes from.

    A filled mark is a difference that is shown (its interval excludes zero), an open one is not.
    `paper` as for `error_against_cardinality`, and so are `styles`.
    """
    comparison = comparison or compare(trials, reference)
    designs = designs_of(trials)
    colors, places = THEMES[theme], arm_places(designs)
    styles = styles or arm_styles(designs, reference, theme)
    figure, sure = blank_figure(theme), confidence_text(comparison.confidence)
    if comparison.differences:
        figure.update_yaxes(zeroline=True, zerolinecolor=colors.ink, zerolinewidth=1.5)
        hover = f"<b>{label(reference)}</b><br>the reference arm"
        add_mean(
            figure, places[reference], 0, 0, 0, styles[reference], hover, filled=True, theme=theme
        )
    for one in comparison.differences:
        text = (
            f"<b>{label(one.arm)} − {label(reference)}</b><br>{signed_points(one.estimate)}"
            " points, "
        )
        text += shared_seeds(trials, [one])
        low = high = one.estimate
        if one.low is not None and one.high is not None:
            low, high = one.low, one.high
            text += (
                f"<br>{sure} interval {signed_points(low)} to {signed_points(high)}, simultaneous"
            )
        add_mean(
            figure, places[one.arm], 100 * one.estimate, 100 * low, 100 * high, styles[one.arm], text,
            filled=one.shown, theme=theme,
        )  # fmt: skip
    shown = [one.arm for one in comparison.differences if one.shown]
    title = (
        f"{listed(shown)} {'differs' if len(shown) == 1 else 'differ'} from {reference}"
        if shown
        else ""
    )
    none = (
        "Gaps without intervals" if comparison.problem else "Every difference's interval holds zero"
    )
    subtitle = (
        f"Points of test error minus {label(reference)}'s,"
        f" {shared_seeds(trials, comparison.differences)}"
    )
    if not comparison.problem:
        subtitle += f", simultaneous {sure} intervals; filled where zero is excluded"
    set_title(figure, title or none, subtitle, theme)
    set_arm_axis(figure, designs, places)
    if paper is not None and comparison.differences and reference in arm_cardinalities(designs):
        add_table3(figure, paper, arm_cardinalities(designs)[reference], 0.0, theme)
    note_if_empty(figure, comparison.differences, theme)
    return figure
