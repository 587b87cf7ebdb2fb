"""Error against what a design costs, with the Pareto front; error
distributions of whole design spaces."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.comparison import arm_order, designs_of
from dashboards.analysis.spaces import design_means, error_distributions, pareto_front
from dashboards.analysis.verdict import listed, seeds_phrase
from dashboards.figures.common import (
    DIRECT_LABELS,
    MOST_POINTS,
    add_trials,
    costs,
    kept_of_crowd,
    left_out_phrase,
    over_seeds,
    template_text,
)
from dashboards.figures.theme import (
    FURTHER_COLORS,
    THEMES,
    Style,
    arm_styles,
    blank_figure,
    label,
    note_if_empty,
    set_title,
)
from explorer.errors import unknown

COSTS = {
    "flops": "FLOPs",
    "params": "parameters",
    "activations": "activations",
    "seconds_per_epoch": "measured seconds per epoch",
}
FEW_DESIGNS = 40  # with more, only the designs' means are drawn
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def error_against_cost(
    trials: pd.DataFrame,
    reference: str,
    *,
    cost: str = "flops",
    context: str = "",
    styles: dict[str, Style] | None = None,
    theme: str = "light",
) -> go.Figure:
    """Test error of each design (mean over its seeds) against its cost, with the
    Pareto front: designs that none beats in both.

    `cost` is "flops", "params", "activations" or "seconds_per_epoch". The front
    is of the means; where seeds differ, so may it.
    """
    if cost not in COSTS:
        raise unknown("cost", cost, COSTS)
    designs = design_means(trials, ("seconds_per_epoch",))
    designs = designs[np.isfinite(designs[cost].to_numpy(dtype=float))].reset_index(drop=True)
    colors, styles = THEMES[theme], styles or arm_styles(designs_of(trials), reference, theme)
    figure = blank_figure(theme)
    front = pareto_front(designs[cost], designs["test_error"])
    best = designs[front].sort_values(cost)
    if len(best):
        figure.add_scatter(
            x=best[cost].to_numpy(dtype=float), y=100 * best["test_error"].to_numpy(), mode="lines",
            line={"color": colors.quiet, "width": 1.25, "shape": "hv"}, hoverinfo="skip", name="Pareto front",
        )  # fmt: skip
    left_out, what = 0, "single trials"
    if len(designs) <= FEW_DESIGNS:
        ended = trials[trials["status"] == "complete"]
        ended = ended[
            np.isfinite(pd.to_numeric(ended["test_error"], errors="coerce").to_numpy(dtype=float))
        ]
        for arm, rows in ended.groupby(ended["arm"].astype(str), sort=False):
            x = pd.to_numeric(rows[cost], errors="coerce")
            left_out += add_trials(figure, x, rows, styles[str(arm)], theme)
        for arm, own in designs.groupby("arm", sort=False):
            _add_designs(figure, own, front[own.index], styles[str(arm)], cost, theme)
    else:
        drawn = np.union1d(
            np.flatnonzero(front), kept_of_crowd(designs["test_error"], 4 * MOST_POINTS)
        )
        left_out, what = len(designs) - len(drawn), "designs"
        _add_designs(
            figure,
            designs.iloc[drawn],
            front[drawn],
            Style(colors.ramp[1], "circle"),
            cost,
            theme,
            size=7,
        )
    for _, row in best.iterrows() if len(best) <= DIRECT_LABELS else ():
        figure.add_annotation(
            x=float(row[cost]) if not _is_wide(designs[cost]) else float(np.log10(row[cost])),
            y=100 * float(row["test_error"]), text=label(row["arm"], 24), showarrow=False,
            xanchor="left", yanchor="bottom", xshift=7, yshift=4, font={"size": 12.5, "color": colors.ink},
        )  # fmt: skip
    subtitle = [
        (
            f"Test error in %, {over_seeds([int(n) for n in designs['n']], '')}, of {len(designs)}"
            " designs; filled: on the front of the means"
        ),
        _devices(trials) if cost == "seconds_per_epoch" else "",
        label(context),
    ]
    shown = ", ".join(filter(None, subtitle)) + left_out_phrase(left_out, what)
    set_title(figure, _front_title(best, len(designs), cost), shown, theme)
    figure.update_xaxes(
        type="log" if _is_wide(designs[cost]) else "linear",
        title={"text": COSTS[cost][0].upper() + COSTS[cost][1:], "standoff": 8},
        nticks=6,
        ticklabelstandoff=6,  # the lowest error's label stands beside the first cost's
    )
    if _is_wide(designs[cost]):
        figure.update_xaxes(dtick="D2")
    note_if_empty(figure, designs, theme)
    return figure


def _add_designs(
    figure: go.Figure,
    designs: pd.DataFrame,
    front: Any,
    style: Style,
    cost: str,
    theme: str,
    size: int = 12,
) -> None:
    ground = THEMES[theme].ground
    filled = [style.color if one else ground for one in front]
    hovers = []
    for row in designs.to_dict("records"):
        own = [f"<b>{label(row['arm'])}</b>", label(row["design"], 200), costs(row)]
        if np.isfinite(row["seconds_per_epoch"]):
            own.append(f"{row['seconds_per_epoch']:.2f} s per epoch")
        hovers.append(
            [
                "<br>".join(
                    [
                        *own,
                        (
                            f"mean test error {100 * row['test_error']:.2f} %,"
                            f" {seeds_phrase(row['n'])}"
                        ),
                    ]
                )
            ]
        )
    figure.add_scatter(
        x=designs[cost].to_numpy(dtype=float),
        y=100 * designs["test_error"].to_numpy(),
        mode="markers",
        marker={"color": filled, "symbol": style.symbol, "size": style.size(size), "line": {"color": style.color, "width": 2}},
        customdata=hovers,
        hovertemplate="%{customdata[0]}<extra></extra>",
    )  # fmt: skip


def _is_wide(values: pd.Series) -> bool:
    return len(values) > 1 and float(values.max()) > 3 * float(values.min()) > 0


def _devices(trials: pd.DataFrame) -> str:
    found = sorted({str(one) for one in trials["device"].dropna()} - {""})
    return label(f"on {listed(found)}") if found else ""


def _front_title(best: pd.DataFrame, designs: int, cost: str) -> str:
    arms = list(dict.fromkeys(best["arm"].astype(str)))
    words = "measured time" if cost == "seconds_per_epoch" else COSTS[cost]
    if not arms:
        return f"Test error against {words}"
    if len(arms) == 1 and designs > 1:
        return f"{arms[0]} alone is on the Pareto front of mean test error and {words}"
    if len(arms) == 1:
        return f"Test error against {words}"
    if len(arms) > 3:
        return (
            f"{len(best)} of {designs} designs are on the Pareto front of mean test error and"
            f" {words}"
        )
    return f"{listed(arms)} are on the Pareto front of mean test error and {words}"


def error_distribution_functions(
    trials: pd.DataFrame, *, by: str = "study", measure: str | None = "flops", theme: str = "light"
) -> go.Figure:
    """The share of a design space's designs that err less than x: one
    line a space (each value of the column `by`).

    With a `measure` spaces are compared at equal complexity, see
    `spaces.error_distributions`; None compares them as they are.
    """
    found = error_distributions(trials, by, measure)
    colors, figure = THEMES[theme], blank_figure(theme)
    arms = arm_styles(trials, arm_order(trials)[0], theme) if by == "arm" and len(trials) else {}
    for place, (name, one) in enumerate(found.items()):
        color = arms[name].color if name in arms else (colors.reference, *FURTHER_COLORS)[place % 7]
        x, y = np.repeat(100 * one.errors, 2), np.repeat(one.shares, 2)
        hover = (
            f"<b>{template_text(label(name))}</b><br>%{{y:.0%}} of {one.designs} designs err at"
            " most %{x:.2f} %<extra></extra>"
        )
        figure.add_scatter(
            x=x,
            y=np.concatenate([[0.0], y[:-1]]) if len(y) else y,
            mode="lines",
            line={"color": color, "width": 2.25, "dash": DASHES[place % len(DASHES)]},
            name=label(name),
            hovertemplate=hover,
            showlegend=len(found) > DIRECT_LABELS,
        )
        if 1 < len(found) <= DIRECT_LABELS:
            share = (place + 1) / (len(found) + 1)
            figure.add_annotation(
                x=100 * one.quantile(share), y=share, text=label(name, 32), ax=30, ay=16, showarrow=True, arrowhead=0,
                arrowwidth=1, arrowcolor=color, xanchor="left", bgcolor=colors.ground, font={"size": 12.5, "color": colors.ink},
            )  # fmt: skip
    set_title(figure, _median_title(found), _edf_subtitle(found, trials, measure), theme)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", title={"text": ""})
    figure.update_xaxes(title={"text": "Test error in %", "standoff": 8})
    note_if_empty(figure, found, theme)
    return figure


def _median_title(found: dict[str, Any]) -> str:
    medians = {name: 100 * one.quantile(0.5) for name, one in found.items()}
    if not medians:
        return "Error distribution"
    order = sorted(medians, key=medians.__getitem__)
    if len(order) == 1:
        return f"Half of the designs of {order[0]} err at most {medians[order[0]]:.2f} %"
    if len(order) == 2:
        one, other = order
        return (
            f"Half of the designs of {one} err at most {medians[one]:.2f} %, of {other}"
            f" {medians[other]:.2f} %"
        )
    best, worst = order[0], order[-1]
    return (
        f"The median design errs {medians[best]:.2f} % in {best}, {medians[worst]:.2f} % in {worst}"
    )


def _edf_subtitle(found: dict[str, Any], trials: pd.DataFrame, measure: str | None) -> str:
    counts = [one.designs for one in found.values()]
    many = (
        f"{min(counts)} to {max(counts)}"
        if counts and min(counts) != max(counts)
        else f"{max(counts, default=0)}"
    )
    means = design_means(trials)
    seeds = over_seeds([int(n) for n in means["n"]], "")
    equal = f", at equal {COSTS[measure]}" if measure and len(found) > 1 else ""
    return (
        f"Share of designs that err at most x{equal}; {many}"
        f" designs{' each' if len(counts) > 1 else ''}, {seeds}"
    )
