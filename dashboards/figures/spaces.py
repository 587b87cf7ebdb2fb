"""Error distributions of whole design spaces: the share of designs with an error of at most x, at
equal complexity, with a test of whether the spaces differ."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.findings import Findings
from dashboards.analysis.spaces import ComparedSpaces, Distribution, compare_spaces, design_means
from dashboards.analysis.words import p_text, span
from dashboards.figures.common import over_seeds, template_text
from dashboards.figures.legend import add_legend, fit_beside
from dashboards.figures.theme import (
    DASHES,
    FURTHER_COLORS,
    Style,
    arm_styles,
    blank_figure,
    colors_of,
    label,
    note_if_empty,
    set_title,
)
from dashboards.figures.tradeoffs import COST_LABELS
from explorer.errors import check_known
from explorer.text import human_flops, listed
from studies.judging.dunnett import CONFIDENCE

MEASURES = ("flops", "params", "activations")
MOST_NAMED = 3  # spaces, or pairs of them


@dataclass(frozen=True)
class SpacesChart:
    """What `error_distribution_functions` shows: each space's distribution by its name."""

    title: str
    subtitle: str
    spaces: dict[str, Distribution]
    if_empty: str = "Nothing to show"


def error_distribution_functions(
    trials: pd.DataFrame,
    *,
    by: str = "study",
    measure: str | None = "flops",
    compared: ComparedSpaces | None = None,
    theme: str = "light",
) -> go.Figure:
    """The share of a design space's designs that have an error of at most x: one line a space.

    Args:
        trials: Trainings of one study or of several.
        by: The column whose values are the spaces.
        measure: "flops", "params" or "activations" compares spaces at equal complexity, see
            `spaces.compare_spaces`; None compares them as they are.
        compared: What that gives, where it has been worked out: it tests by permutation.
        theme: "light" or "dark".

    Raises:
        UserError: For another column, measure or theme.
    """
    chart = spaces_shown(trials, by, measure, compared)
    colors, figure = colors_of(theme), blank_figure(theme)
    styles = arm_styles(Findings(trials), theme) if by == "arm" else {}
    hues, beside = (colors.reference, *FURTHER_COLORS), fit_beside(list(chart.spaces))
    for number, name in enumerate(chart.spaces):
        further = Style(hues[number % len(hues)], "circle", DASHES[number % len(DASHES)])
        styles.setdefault(name, further)
    for number, (name, space) in enumerate(chart.spaces.items()):
        style = styles[name]
        x, y = np.repeat(100 * space.errors, 2), np.repeat(space.shares, 2)
        figure.add_scatter(
            x=x,
            y=np.concatenate([[0.0], y[:-1]]),
            mode="lines",
            line={"color": style.color, "width": 2.25, "dash": style.dash},
            name=label(name),
            legendgroup=label(name),
            hovertemplate=(
                f"<b>{template_text(label(name))}</b><br>%{{y:.0%}} of {space.designs} designs"
                " have an error of at most %{x:.2f} %<extra></extra>"
            ),
        )
        if beside and len(chart.spaces) > 1:
            share = (number + 1) / (len(chart.spaces) + 1)
            figure.add_annotation(
                x=100 * space.quantile(share), y=share, text=label(name), ax=30, ay=16,
                showarrow=True, arrowhead=0, arrowwidth=1, arrowcolor=style.color, xanchor="left",
                bgcolor=colors.ground, font={"size": 12.5, "color": colors.ink},
            )  # fmt: skip
    if not beside:
        add_legend(figure, {name: styles[name] for name in chart.spaces}, mode="lines")
    set_title(figure, chart.title, chart.subtitle, theme)
    shares = range(0, 101, 20)
    figure.update_yaxes(
        range=[0, 1.02],
        tickmode="array",
        tickvals=[share / 100 for share in shares],
        ticktext=[f"{share} %" for share in shares],
        title={"text": ""},
    )
    figure.update_xaxes(title={"text": "Test error in %", "standoff": 8})
    note_if_empty(figure, chart.spaces, theme, chart.if_empty)
    return figure


def spaces_shown(
    trials: pd.DataFrame,
    by: str = "study",
    measure: str | None = "flops",
    compared: ComparedSpaces | None = None,
) -> SpacesChart:
    """What `error_distribution_functions` shows; arguments likewise."""
    check_known("column", by, list(trials.columns))
    if measure is not None:
        check_known("measure", measure, MEASURES)
    compared = compared or compare_spaces(trials, by, measure)
    spaces = compared.spaces
    equal = f" at equal {COST_LABELS[measure]}" if measure and len(compared.costs) > 1 else ""
    if compared.costs and not spaces:
        return SpacesChart(
            f"No comparison{equal}: no cost is shared",
            _apart(compared, measure or "flops"),
            {},
            "No cost is shared",
        )
    seeds = over_seeds(design_means(trials)["n"], "")
    worth = [
        f"{name} {space.designs} designs" + (f", worth {space.effective:.0f}" if equal else "")
        for name, space in spaces.items()
    ]
    if len(worth) > MOST_NAMED:
        worth = [f"{span([space.designs for space in spaces.values()])} designs each"]
    subtitle = f"Share of designs with an error of at most x{equal}; {'; '.join(worth)}; {seeds}"
    return SpacesChart(_title(compared, equal), subtitle, spaces)


def _apart(compared: ComparedSpaces, measure: str) -> str:
    """Why spaces cannot be compared at equal complexity: what their designs cost."""
    ranges = [
        f"{name} costs {human_flops(low)} to {human_flops(high)}"
        for name, (low, high) in compared.costs.items()
    ]
    return f"{listed(ranges)} {COST_LABELS[measure]}, so there is nothing to compare"


def _title(compared: ComparedSpaces, equal: str) -> str:
    spaces, tests = compared.spaces, compared.tests
    if not tests:
        medians = {name: 100 * space.quantile(0.5) for name, space in spaces.items()}
        return "".join(
            f"Half of the designs of {name} have an error of at most {median:.2f} %"
            for name, median in medians.items()
        ) or "Error distribution"  # fmt: skip
    differing = [test for test in tests if test.p_value < 1 - CONFIDENCE]
    if not differing:
        smallest = p_text(min(test.p_value for test in tests))
        p_value = smallest if len(tests) == 1 else f"lowest {smallest}"
        return f"No difference between {listed(list(spaces))} is shown{equal} ({p_value})"
    if len(differing) > MOST_NAMED - 1:
        return f"{len(differing)} of {len(tests)} pairs of spaces differ{equal} (all p < 0.05)"
    parts = []
    for test in differing:
        better, worse = (test.second, test.first) if test.gap > 0 else (test.first, test.second)
        parts.append(
            f"{better} has a lower test error than {worse}{equal} ({p_text(test.p_value)})"
        )
    return listed(parts)
