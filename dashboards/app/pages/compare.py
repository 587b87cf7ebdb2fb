"""Several studies side by side: what each found, and its errors on one scale."""

from typing import Any
from urllib.parse import parse_qs

import pandas as pd
from dash import dcc, html

from dashboards.analysis.comparison import summarize_arms
from dashboards.analysis.tables import Table, interval, percent
from dashboards.analysis.test_set import compare_study, reference_arm
from dashboards.analysis.verdict import judge, signed_points
from dashboards.app.pages.parts import (
    Look,
    Still,
    framed,
    joined,
    legend,
    section,
    study_path,
    theme_of,
)
from dashboards.app.pages.parts import table as table_of
from dashboards.app.pages.study_figures import context_of
from dashboards.figures import error_against_cardinality
from explorer.errors import UserError
from studies.results import Reader

MOST = 6  # studies at once
HEADINGS = (
    "Study", "Arm", "n", "Test error (%)", "95 % interval", "Minus reference (points)", "Simultaneous 95 % interval",
)  # fmt: skip


def page(reader: Reader, search: str | None, look: Look | None) -> list[Any]:
    """Choose studies; the first two stand there at once."""
    names = [study.name for study in reader.studies()]
    asked = [
        name for name in parse_qs((search or "").lstrip("?")).get("study", []) if name in names
    ]
    chosen = asked or names[:2]
    return [
        html.H1("Compare studies"),
        html.P(
            "Each study is compared within itself, arm by arm. Between studies there are other"
            " differences (data, recipe, budget), so a gap between two of them is not tested.",
            className="more",
        ),
        legend(
            f"Studies (up to {MOST})",
            dcc.Checklist(
                id="compared", options=names, value=chosen, inline=True, className="choices"
            ),
        ),
        html.Div(content(reader, chosen, look), id="comparison"),
    ]


def content(reader: Reader, names: list[str], look: Look | None) -> list[Any]:
    """What each found, their figures on one scale of error, and one table."""
    if not names:
        return [html.P("Choose a study.", className="quiet")]
    stored = [study.name for study in reader.studies()]
    parts: list[Any] = []
    findings: list[Any] = []
    rows: list[tuple[str, ...]] = []
    for name in [name for name in stored if name in names][:MOST]:
        try:
            tables = reader.tables(name)
        except UserError as error:  # the others can still be shown
            findings.append(html.Li(f"{name}: {error}"))
            continue
        trials, reference = tables.trials, reference_arm(tables.trials, tables.info)
        comparison = compare_study(trials, tables.info)
        verdict = judge(trials, comparison, tables.info)
        findings.append(
            html.Li([dcc.Link(name, href=study_path(name)), ": ", joined(verdict.sentence)])
        )
        figure = error_against_cardinality(
            trials,
            reference,
            comparison=comparison,
            context=context_of(tables),
            theme=theme_of(look),
        )
        figure.layout.title.text = f"{name}: {figure.layout.title.text}"
        parts.append(figure)
        rows += _rows(name, trials, comparison)
    ranges = [figure.layout.yaxis.range for figure in parts if figure.layout.yaxis.range]
    if ranges:
        common = [min(low for low, _ in ranges), max(high for _, high in ranges)]
        for figure in parts:
            figure.update_yaxes(range=common)
    frames = [framed(f"compared-{place}", figure, look) for place, figure in enumerate(parts)]
    table = Table(HEADINGS, tuple(rows), frozenset(("Study", "Arm")))
    return [
        Still(section("What each found", html.Ul(findings, className="notes findings"))),
        html.Div(frames, className="pair even"),
        Still(section("All arms", table_of(table, "All arms of the chosen studies"))),
    ]


def _rows(name: str, trials: pd.DataFrame, comparison: Any) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for arm, row in summarize_arms(trials).iterrows():
        one = comparison.difference(str(arm))
        gap = (
            "reference"
            if str(arm) == comparison.reference
            else signed_points(one.estimate)
            if one
            else "–"
        )
        if one and one.seeds != row["n"]:
            gap += f" ({one.seeds} shared)"
        sure = (
            f"{signed_points(one.low)} to {signed_points(one.high)}"
            if one and one.low is not None
            else "–"
        )
        error = percent(row["mean"])
        rows.append(
            (
                name,
                str(arm),
                str(int(row["n"])),
                error,
                interval(row["low"], row["high"]),
                gap,
                sure,
            )
        )
    return rows
