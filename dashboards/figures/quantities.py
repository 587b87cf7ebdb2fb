"""What of a design its error goes with: error against any quantity with a smooth trend, and how
strong each quantity is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import (
    Quantity,
    names_of,
    scaled,
    template_words,
    unequal_flops,
)
from dashboards.analysis.spaces import drawn_from_space
from dashboards.analysis.trends import SmoothTrend, smooth_trend
from dashboards.analysis.words import agreeing, p_text, seeds_phrase, span
from dashboards.figures.common import (
    MOST_POINTS,
    drawn_of_crowd,
    errors_in_percent,
    left_out_phrase,
    over_seeds,
    subtitle_of,
)
from dashboards.figures.theme import (
    Style,
    blank_figure,
    colors_of,
    hovers,
    label,
    note_if_empty,
    set_title,
    transparent,
)
from dashboards.figures.ticks import log_ticks, round_ticks
from explorer.errors import check_known
from studies.judging.dunnett import CONFIDENCE

MOST_TICKS = 6
ROW = 40  # pixels of a bar with its name


@dataclass(frozen=True)
class QuantityChart:
    """What `error_against_quantity` shows.

    Attributes:
        designs: Those that are drawn, with `position`, where each stands on the axis.
        trend: Over all designs, on the scale of the axis; None where there is none.
        ticks: What the axis says where.
    """

    title: str
    subtitle: str
    axis: str
    designs: pd.DataFrame
    trend: SmoothTrend | None
    ticks: dict[float, str]


def error_against_quantity(
    findings: Findings, *, quantity: str = "", theme: str = "light"
) -> go.Figure:
    """Test error of each design (mean over its seeds) against a quantity, with a smooth trend and
    the 95 % band of its mean.

    Args:
        findings: Of a study, or of a choice of its trainings.
        quantity: A key of `findings.quantities`; by default the first.
        theme: "light" or "dark".

    Raises:
        UserError: For a quantity in which the designs do not differ.
    """
    chart, colors = errors_by_quantity(findings, quantity), colors_of(theme)
    figure = blank_figure(theme)
    trend, designs = chart.trend, chart.designs
    if trend is not None:
        figure.add_scatter(
            x=np.concatenate([trend.x, trend.x[::-1]]).round(4),
            y=_percent(np.concatenate([trend.high, trend.low[::-1]])),
            mode="lines", fill="toself", fillcolor=transparent(colors.ramp[1], 0.22),
            line={"width": 0}, hoverinfo="skip", name="95 % band",
        )  # fmt: skip
    is_reference = designs["arm"].astype(str) == findings.reference
    for rows, style in (
        (designs[~is_reference], Style(colors.ramp[1], "circle")),
        (designs[is_reference], Style(colors.reference, "square")),
    ):
        if len(rows):
            _add_designs(figure, rows, chart.axis, style)
    if trend is not None:
        figure.add_scatter(
            x=trend.x.round(4), y=_percent(trend.mean), mode="lines",
            line={"color": colors.ink, "width": 2.25}, hoverinfo="skip", name="trend",
        )  # fmt: skip
    set_title(figure, chart.title, chart.subtitle, theme)
    figure.update_xaxes(
        title={"text": chart.axis, "standoff": 8}, tickmode="array", tickangle=0,
        tickvals=list(chart.ticks), ticktext=list(chart.ticks.values()), ticklabelstandoff=6,
    )  # fmt: skip
    note_if_empty(figure, designs, theme)
    return figure


def errors_by_quantity(findings: Findings, quantity: str = "") -> QuantityChart:
    """What `error_against_quantity` shows; arguments likewise."""
    known = findings.quantities
    key = quantity or next(iter(known), "")
    if not key:
        return QuantityChart("Error against a quantity", "No two designs differ", "", *_nothing())
    check_known("quantity", key, known)
    own, designs = known[key], findings.by_design
    position, scale = scaled(designs[key], own)
    designs = designs.assign(position=position)[np.isfinite(position)]
    trend = smooth_trend(designs["position"].to_numpy(), designs["test_error"].to_numpy())
    drawn = designs.iloc[drawn_of_crowd(designs["test_error"], 2 * MOST_POINTS)]
    band = "; line and band: a smooth trend and the 95 % band of its mean" if trend else ""
    _, not_drawn = drawn_from_space(findings)
    subtitle = subtitle_of(
        f"Test error in %, {over_seeds(designs['n'], '')}, of {len(designs):,} designs{band}",
        f"p adjusted for {len(known)} quantities" if trend else "",
        unequal_flops(designs),
        not_drawn,
        findings.context,
        left_out=left_out_phrase(len(designs) - len(drawn), "designs"),
    )
    title = _trend_title(own, trend, scale, len(known))
    name = own.name + (f" ({scale})" if scale == "log2" else "")
    return QuantityChart(
        title, subtitle, name[0].upper() + name[1:], drawn, trend, ticks_of(position, own, scale)
    )


def _nothing() -> tuple[pd.DataFrame, None, dict[float, str]]:
    return pd.DataFrame({"arm": [], "position": []}), None, {}


def _trend_title(quantity: Quantity, trend: SmoothTrend | None, scale: str, quantities: int) -> str:
    """What the trend says; its p-value is adjusted for all quantities that can be chosen."""
    if trend is None:
        return f"Test error by {quantity.name}"
    p_value = min(1.0, quantities * trend.p_value)
    adjusted = p_text(p_value)
    if p_value >= 1 - CONFIDENCE:
        return f"No trend of test error with {quantity.name} is shown ({adjusted})"
    lowest, highest = int(trend.mean.argmin()), int(trend.mean.argmax())
    first, last = 0, len(trend.x) - 1
    ends = f"{100 * trend.mean[first]:.2f} to {100 * trend.mean[last]:.2f} %"
    if (lowest, highest) == (last, first):
        return f"Test error falls with {quantity.name}, from {ends} ({adjusted})"
    if (lowest, highest) == (first, last):
        return f"Test error rises with {quantity.name}, from {ends} ({adjusted})"
    value = _unscaled(float(trend.x[lowest]), scale)
    value = float(f"{value:.2g}") if value < 100 else value
    return (
        f"Test error is lowest near {quantity.name} = {quantity.text(value)}:"
        f" {100 * trend.mean[lowest]:.2f} % ({adjusted})"
    )


def _unscaled(position: float, scale: str) -> float:
    base = {"log2": 2.0, "log10": 10.0}.get(scale)
    return base**position if base else position


def ticks_of(places: Any, quantity: Quantity, scale: str) -> dict[float, str]:
    """Round values of a quantity by where its axis, as `quantities.scaled`, has them; on a log2
    axis powers of two."""
    known = places[np.isfinite(places)]
    if not len(known):
        return {}
    low, high = float(known.min()), float(known.max())
    distinct = np.unique(known)
    if 1 < len(distinct) <= MOST_TICKS and np.diff(distinct).min() * 2 * MOST_TICKS >= high - low:
        values = [round(_unscaled(position, scale), 6) for position in distinct.tolist()]
    elif scale == "log2" and high - low >= 2:
        values = [2.0**power for power in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    elif scale:
        values = log_ticks(_unscaled(low, scale), _unscaled(high, scale))
    elif float(low).is_integer() and high - low < MOST_TICKS and float(high).is_integer():
        values = list(np.arange(low, high + 1))
    else:
        values = round_ticks(low, high) if high > low else [low]
    values = values[:: -(-len(values) // MOST_TICKS)]
    by_scale = {"log2": np.log2, "log10": np.log10}
    return {float(by_scale.get(scale, float)(value)): quantity.text(value) for value in values}


def _add_designs(figure: go.Figure, designs: pd.DataFrame, axis: str, style: Style) -> None:
    texts = [
        f"<b>{label(row['arm'])}</b><br>{label(row['design'])}<br>{label(template_words(row))}"
        f"<br>mean test error {100 * row['test_error']:.2f} %, {seeds_phrase(row['n'])}"
        for row in designs.to_dict("records")
    ]
    figure.add_scatter(
        x=designs["position"].to_numpy().round(4), y=errors_in_percent(designs).round(4),
        mode="markers", marker=style.marker(8, opacity=0.6), name=label(axis), **hovers(texts),
    )  # fmt: skip


def _percent(errors: Any) -> Any:
    """Fractions in %, cut where errors end."""
    return np.clip(100 * errors, 0, 100).round(4)


@dataclass(frozen=True)
class StrengthChart:
    """What `strength_of_quantities` shows: `trends.strengths` with `name`, the weakest first."""

    title: str
    subtitle: str
    strengths: pd.DataFrame


def strength_of_quantities(findings: Findings, *, theme: str = "light") -> go.Figure:
    """How strongly each quantity goes with test error at equal FLOPs: a bar a quantity with its
    interval, filled where that excludes zero."""
    chart, colors, figure = strengths_shown(findings), colors_of(theme), blank_figure(theme)
    table = chart.strengths
    shown = (table["low"] > 0) | (table["high"] < 0)
    figure.add_bar(
        x=table["strength"].round(4), y=list(range(len(table))), orientation="h", width=0.5,
        marker={
            "color": np.where(shown, colors.ramp[1], colors.ground).tolist(),
            "line": {"color": colors.ramp[1], "width": 2},
        },
        **hovers(
            [
                f"<b>{label(row['name'])}</b><br>{_signed(row['strength'])}{_interval(row)},"
                f" {row['n']:,} designs"
                for row in table.to_dict("records")
            ]
        ),
    )  # fmt: skip
    for row, ends in enumerate(table[["low", "high"]].round(4).to_numpy().tolist()):
        figure.add_scatter(
            x=ends, y=[row, row], mode="lines", line={"color": colors.ink, "width": 1.5},
            hoverinfo="skip",
        )  # fmt: skip
    figure.update_layout(height=max(240, 150 + ROW * len(table)))
    figure.update_xaxes(
        range=[-1.04, 1.04], tickmode="array", tickvals=[-1, -0.5, 0, 0.5, 1],
        ticktext=["−1", "−0.5", "0", "+0.5", "+1"], zeroline=True, zerolinecolor=colors.ink,
        showgrid=True, gridcolor=colors.grid,
        title={"text": "← less error · more error →", "standoff": 8},
    )  # fmt: skip
    figure.update_yaxes(
        showgrid=False, fixedrange=True, tickmode="array", tickvals=list(range(len(table))),
        ticktext=[label(name) for name in table["name"]], tickfont={"color": colors.ink},
        range=[-0.6, len(table) - 0.4],
    )  # fmt: skip
    set_title(figure, chart.title, chart.subtitle, theme)
    note_if_empty(figure, table, theme)
    return figure


def strengths_shown(findings: Findings) -> StrengthChart:
    """What `strength_of_quantities` shows."""
    names = names_of(findings.quantities)
    table = findings.strengths[::-1]
    table = table.assign(name=[names[str(key)] for key in table.index])
    subtitle = (
        f"Partial rank correlation with test error given FLOPs, {span(table['n'].tolist())}"
        " designs; thin lines: intervals over resampled designs that hold together with 95 %"
        " confidence; filled where zero is excluded; what falls and rises again is missed"
    )
    return StrengthChart(_strength_title(table), subtitle, table)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _interval(row: Mapping[Any, Any]) -> str:
    if np.isnan(row["low"]):
        return ""
    return f" ({_signed(row['low'])} to {_signed(row['high'])})"


def _strength_title(table: pd.DataFrame) -> str:
    shown = table[(table["low"] > 0) | (table["high"] < 0)]
    if table.empty:
        return "How strongly each quantity goes with error"
    if shown.empty:
        return "No quantity is shown to go with test error at equal FLOPs"
    strongest = shown.iloc[-1]
    less = "less" if strongest["strength"] < 0 else "more"
    size = _signed(strongest["strength"])
    goes = agreeing(strongest["name"], "goes")
    return (
        f"More {strongest['name']} {goes} with {less} test error the most, at equal FLOPs ({size})"
    )
