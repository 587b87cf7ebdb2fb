"""More computation, but where: deeper, wider or more paths at k times
the budget, the shape of the paper's Table 4."""

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.comparison import (
    CONFIDENCE,
    Comparison,
    arm_costs,
    arm_order,
    compare,
    error_table,
    summarize_arms,
)
from dashboards.analysis.tables import template_label
from dashboards.analysis.verdict import (
    headline,
    listed,
    measure,
    points,
    seeds_phrase,
    signed_points,
)
from dashboards.figures.common import (
    add_mean,
    add_trials,
    complete_trials,
    costs,
    error_range,
    left_out_phrase,
    means_and_trials,
    wrapped,
)
from dashboards.figures.paper import add_paper, gaps_of_scaling
from dashboards.figures.theme import (
    THEMES,
    arm_styles,
    blank_figure,
    label,
    note_if_empty,
    set_title,
)

ARMS = ("deeper", "wider", "more paths")


def deeper_wider_more_paths(
    trials: pd.DataFrame,
    reference: str,
    *,
    comparison: Comparison | None = None,
    context: str = "",
    paper: bool = False,
    theme: str = "light",
) -> go.Figure:
    """Test error of the reference and of each way to spend k times
    its cost: trials, means, 95 % t intervals.

    The title compares more paths with the other ways; `comparison`, of all arms with the reference,
    gives the confidence and the title where there is nothing to compare. `paper` adds Table 4 as
    differences from its ResNet-101.
    """
    comparison = comparison or compare(trials, reference)
    colors, styles = THEMES[theme], arm_styles(trials, reference, theme)
    others = [arm for arm in arm_order(trials) if arm != reference]
    arms = [
        reference,
        *(arm for arm in ARMS if arm in others),
        *(arm for arm in others if arm not in ARMS),
    ]
    summary, price = summarize_arms(trials), arm_costs(trials)
    figure = blank_figure(theme)
    table = error_table(trials)
    seeds = {seed: place for place, seed in enumerate(table.columns)}
    gaps = gaps_of_scaling() if paper else {}
    base = float(summary["mean"].get(reference, float("nan")))
    if base == base:
        figure.add_hline(
            y=100 * base, line={"color": colors.quiet, "width": 1, "dash": "dot"}, layer="below"
        )
    ticks, published, left_out = [], list[float](), 0
    for place, arm in enumerate(arms):
        rows, style = complete_trials(trials, arm), styles[arm]
        designs = trials[trials["arm"].astype(str) == arm].drop_duplicates("design")
        ratio = (
            f"{price[arm] / price[reference]:.2f}x" if arm in price and price.get(reference) else ""
        )
        below = _template(designs, ratio)
        ticks.append(f"{wrapped(arm)}<br><span style='font-size:11px'>{below}</span>")
        if len(rows):
            row = summary.loc[arm]
            offsets = [0.16 * seeds[seed] / max(1, len(seeds) - 1) - 0.36 for seed in rows["seed"]]
            left_out += add_trials(
                figure, [place + offset for offset in offsets], rows, style, theme
            )
            mean = 100 * float(row["mean"])
            has_interval = bool(pd.notna(row["low"]))
            low, high = (
                (100 * max(0.0, row["low"]), 100 * row["high"]) if has_interval else (mean, mean)
            )
            text = (
                f"<b>{label(arm)}</b>, {ratio} {measure(trials)}<br>mean test error {mean:.2f} %,"
                f" {seeds_phrase(int(row['n']))}"
            )
            text += (
                f"<br>95 % interval {low:.2f} to {high:.2f} %"
                if has_interval
                else "<br>no interval"
            )
            text += "".join(
                f"<br>{label(one['design'], 200)}<br>{costs(one)}"
                for one in designs.head(1).to_dict("records")
            )
            add_mean(figure, place, mean, low, high, style, text, filled=True, theme=theme)
        if base == base and arm in gaps:
            names = [f"{name}: {signed_points(gap)} points" for name, gap in gaps[arm]]
            heights = [100 * (base + gap) for _, gap in gaps[arm]]
            hovers = [f"paper, Table 4 (from ResNet-101, 2x the FLOPs)<br>{name}" for name in names]
            add_paper(
                figure,
                [place + 0.26] * len(heights),
                heights,
                hovers,
                theme,
                joined=False,
                labelled=not published,
            )
            published += heights
    shown = f"Test error in %: {means_and_trials(summary)}"
    context = ", ".join(
        filter(None, (shown, "dotted: the reference", label(context)))
    ) + left_out_phrase(left_out)
    set_title(figure, _title(trials, reference, comparison), context, theme)
    figure.update_xaxes(
        tickmode="array", tickvals=list(range(len(arms))), ticktext=ticks, range=[-0.6, len(arms) - 0.4], fixedrange=True,
        tickangle=0, ticklabeloverflow="allow",
    )  # fmt: skip
    figure.update_yaxes(fixedrange=True)
    if summary["n"].any():
        low, high = error_range(summary, table)
        margin = 0.08 * (high - low)
        low, high = (
            min([low, *(one - margin for one in published)]),
            max([high, *(one + margin for one in published)]),
        )
        figure.update_yaxes(range=[low, high])
    note_if_empty(figure, summary[summary["n"] > 0], theme)
    return figure


def _template(designs: pd.DataFrame, ratio: str) -> str:
    if len(designs) != 1:
        return f"{len(designs)} designs"
    row = designs.iloc[0]
    template = template_label(row["cardinality"], row["bottleneck_width"], row["width"])
    return "<br>".join(filter(None, (template, label(row["depths"], 14), ratio)))


def _title(trials: pd.DataFrame, reference: str, comparison: Comparison) -> str:
    """The arms at k times the cost among themselves: more paths against the others."""
    ways = [arm for arm in ARMS if arm in set(trials["arm"].astype(str))]
    scaled = trials[trials["arm"].astype(str).isin(ways)]
    contest = compare(scaled, "more paths", confidence=comparison.confidence or CONFIDENCE)
    if contest.problem or not contest.differences:
        return headline(trials, comparison)
    price = arm_costs(trials)
    ratios = [
        price[arm] / price[reference] for arm in ways if arm in price and price.get(reference)
    ]
    ends = (
        list(dict.fromkeys(f"{ratio:.2f}x" for ratio in (min(ratios), max(ratios))))
        if ratios
        else []
    )
    at = f" at {' to '.join(ends)} {measure(trials)}" if ends else ""
    unfinished = "So far: " if trials["status"].isin(["running", "waiting"]).any() else ""
    parts = []
    for better, words in ((True, "beat"), (False, "lose to")):
        found = [one for one in contest.differences if one.shown and (one.estimate > 0) == better]
        if found:
            parts.append(
                f"{words} {listed([f'{one.arm} by {points(one.estimate)}' for one in found])}"
                " points"
            )
    if not parts:
        return f"{unfinished}No difference between {listed(ways)} is shown{at}"
    return f"{unfinished}More paths {' and '.join(parts)}{at}"
