"""A study's page: the verdict first, the figures, what is behind them, and
filters; it follows a study while it runs."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pandas as pd
from dash import dcc, html

from dashboards.analysis.comparison import arm_order
from dashboards.analysis.tables import Table, comparison_table, design_table, percent
from dashboards.analysis.test_set import compare_study
from dashboards.analysis.verdict import (
    chosen_by_validation,
    judge,
    sampling_sentence,
    trend_sentence,
)
from dashboards.app.once import made_of
from dashboards.app.pages.parts import (
    Still,
    facts,
    figure_frame,
    joined,
    legend,
    notes,
    progress,
    section,
    study_path,
)
from dashboards.app.pages.parts import table as table_of
from dashboards.app.pages.selection import MEASURES, ORDERS, Selection
from dashboards.app.pages.study_figures import COSTS, CURVES, compared
from explorer.errors import UserError
from explorer.text import human_time
from studies.attempts.attempt import STATUSES
from studies.results import Reader, Tables

ROWS = 25  # of the table of trainings, on one leaf


def page(reader: Reader, name: str, search: str | None, every: float) -> list[Any]:
    """The page without its figures, which follow; it looks again `every` so many
    seconds. Raises `UserError` for an unknown study."""
    tables, chosen = reader.tables(name), Selection.of(search)
    # Asked for twice when a page is opened: for its first sight, and for the page itself.
    return made_of(reader).get(
        (tables.stamp, "page", chosen, every), lambda: _page(tables, chosen, every)
    )


def _page(tables: Tables, chosen: Selection, every: float) -> list[Any]:
    try:
        chosen.of_trials(tables.trials)
        readable = chosen
    except UserError:  # seeds half typed: said beside their field, which still holds them
        readable = replace(chosen, seeds="")
    zooming = html.Span(
        "Drag to zoom, double-click to go back. ", className="mouse"
    )  # by touch it scrolls
    hint = [zooming, "A single training's mark opens it."]
    return [
        dcc.Store(id="study-name", data=tables.info["name"]),
        dcc.Store(id="study-stamp", data=tables.stamp),
        dcc.Store(id="results-drawn", data=0),
        dcc.Interval(id="study-tick", interval=int(1000 * every)),
        html.Div(head(tables), id="study-head"),
        _filters(tables, chosen),
        html.P("", id="study-shown", className="quiet", role="status"),
        html.Div([figure_frame("error", hint), figure_frame("differences")], className="pair"),
        html.Div(numbers(tables, readable), id="study-numbers"),
        html.Section(html.Div([figure_frame(key) for key in CURVES], className="pair even")),
        html.Section(
            [
                legend(
                    "Cost in",
                    dcc.RadioItems(
                        id="cost-by",
                        options=[{"label": text, "value": key} for key, text in MEASURES.items()],
                        value=chosen.cost,
                        inline=True,
                        className="choices",
                    ),
                ),
                html.Div([figure_frame(key) for key in COSTS], className="pair even"),
            ]
        ),
        html.Div(trainings(tables, readable), id="study-trainings"),
        html.Div(rest(tables), id="study-rest"),
    ]


def head(tables: Tables) -> Still:
    """The answer: the verdict, what goes with it, and how far the study is."""
    trials, info = tables.trials, tables.info
    comparison = compare_study(trials, info)
    verdict = judge(trials, comparison, info)
    sampling = sampling_sentence(trials, comparison, info)
    question = f"\u2002{info['question']}" if info.get("question") else ""
    more = [
        html.P(joined(text), className="more")
        for text in (verdict.more, trend_sentence(comparison))
        if text
    ]
    return Still(
        html.P([html.B(tables.info["name"]), question], className="study"),
        html.H1(joined(verdict.sentence)),
        *more,
        html.P(joined(sampling), className="quiet") if sampling else None,
        notes(verdict.notes),
        progress(tables.counts),
        left_to_do(tables),
    )


def left_to_do(tables: Tables) -> Any:
    """How long the rest of a running study will take, from the pace of the last results."""
    counts, trials = tables.counts, tables.trials
    finished = (
        trials.loc[trials["status"] == "complete", "finished"].dropna().sort_values().tail(20)
    )
    if not counts.running or len(finished) < 3:
        return None
    pace = (finished.iloc[-1] - finished.iloc[0]).total_seconds() / (len(finished) - 1)
    left = counts.running + counts.waiting
    return html.P(
        joined(f"About {human_time(pace * left)} left at the pace of the last results."),
        className="quiet",
    )


def _filters(tables: Tables, chosen: Selection) -> Any:
    arms, statuses = arm_order(tables.trials), list(STATUSES)
    return html.Details(
        [
            html.Summary("Choose arms, statuses and seeds"),
            html.Div(
                [
                    legend(
                        "Arms",
                        dcc.Checklist(
                            id="arms", options=arms, inline=True, className="choices",
                            value=arms if chosen.arms is None else [arm for arm in arms if arm in chosen.arms],
                        ),
                    ),
                    legend(
                        "Status",
                        dcc.Checklist(
                            id="statuses", options=statuses, inline=True, className="choices",
                            value=statuses if chosen.statuses is None
                            else [one for one in statuses if one in chosen.statuses],
                        ),
                    ),
                    html.Div(
                        [
                            html.Label("Seeds (empty: all)", htmlFor="seeds"),
                            dcc.Input(
                                id="seeds", type="text", value=chosen.seeds, placeholder="0, 3 or 10-19", debounce=0.25,
                                className="text",
                            ),
                        ],
                        className="field",
                    ),
                ],
                className="controls",
            ),
        ],
        className="filters",
        open=True,
    )  # fmt: skip


def shown(tables: Tables, chosen: Selection) -> str:
    """What a selection leaves, in a sentence."""
    if chosen.is_all:
        return ""
    trials = chosen.of_trials(tables.trials)
    return (
        f"Below: {len(trials):,} of {len(tables.trials):,} trainings, {trials['arm'].nunique()} of"
        f" {tables.trials['arm'].nunique()} arms. The verdict above is of the whole study; what a"
        " choice made after looking seems to show is a question for the next study, no finding."
    )


def numbers(tables: Tables, chosen: Selection) -> Still | None:
    """The table behind the figures."""
    trials = chosen.of_trials(tables.trials)
    if trials.empty:
        return None
    _, comparison = compared(tables, trials, chosen)
    winner = chosen_by_validation(trials)
    text = [html.P(f"Lowest validation error: {winner}.", className="quiet")] if winner else []
    content = table_of(comparison_table(trials, comparison), "The numbers behind the figures")
    return Still(section("The numbers behind it", *text, content))


def trainings(tables: Tables, chosen: Selection) -> list[Any]:
    """Every chosen training, a leaf at a time; each row opens its own page."""
    rows = chosen.of_trials(tables.trials)
    if chosen.order == "best":
        rows = rows.sort_values("test_error", kind="stable", na_position="last")
    elif chosen.order == "latest":
        rows = rows.sort_values(
            ["finished", "started"], ascending=False, kind="stable", na_position="last"
        )
    else:
        places = {arm: place for place, arm in enumerate(arm_order(tables.trials))}
        rows = rows.assign(_arm=rows["arm"].map(places)).sort_values(
            ["_arm", "seed"], kind="stable"
        )
    leaves = max(1, -(-len(rows) // ROWS))
    leaf = min(chosen.leaf, leaves)
    part = rows.iloc[(leaf - 1) * ROWS : leaf * ROWS].to_dict("records")
    headings = (
        "Training",
        "Design",
        "Status",
        "Validation error (%)",
        "Test error (%)",
        "Seconds",
        "Finished (UTC)",
    )
    body = tuple(
        (
            f"{row['arm']}, seed {row['seed']}",
            row["design"],
            row["status"] + (f": {row['reason']}" if row["reason"] else ""),
            percent(row["validation_error"]),
            percent(row["test_error"]),
            f"{row['seconds']:.1f}" if row["seconds"] == row["seconds"] else "–",
            "–" if pd.isna(row["finished"]) else f"{row['finished']:%Y-%m-%d %H:%M}",
        )
        for row in part
    )
    name = tables.info["name"]
    content = table_of(
        Table(headings, body, frozenset(("Design", "Status"))),
        "Trainings",
        link=lambda i, text: dcc.Link(
            text, href=study_path(name, "trial", part[i]["design"], part[i]["seed"])
        ),
    )
    turning = [
        html.Button("Earlier", id="leaf-back", disabled=leaf <= 1, type="button"),
        html.Span(f"{leaf:,} of {leaves:,}"),
        html.Button("Further", id="leaf-on", disabled=leaf >= leaves, type="button"),
    ]
    order = dcc.RadioItems(
        id="order", options=[{"label": text, "value": key} for key, text in ORDERS.items()], value=chosen.order, inline=True,
        className="choices",
    )  # fmt: skip
    csv = [
        html.A(
            f"All {kind} (CSV)",
            href=f"/download/{quote(name, safe='')}/{kind}.csv",
            download=f"{name}_{kind}.csv",
        )
        for kind in ("trials", "curves")
    ]
    return [
        section(
            "Every training",
            legend("Order", order),
            Still(content),
            html.Div([*turning, dcc.Store(id="leaf", data=leaf)], className="tools leaves"),
            html.P(csv, className="tools"),
        )
    ]


def rest(tables: Tables) -> Still:
    """The designs, and what was run."""
    info, trials = tables.info, tables.trials
    left_out = [
        f"{point.get('arm')} is left out: {point.get('reason')}"
        for point in info.get("left_out") or []
    ]
    seconds = float(trials["seconds"].sum())
    data = info["data"]
    told = {
        "Data": (
            f"{data['name']},"
            f" {', '.join(f'{value} {key}' for key, value in data.items() if key != 'name')}"
        ),
        "Recipe": _words(info["recipe"]),
        "Seeds": _seeds(info["seeds"]),
        "Settings": _words(info["settings"]),
        "Machine": info["machine"],
        "Versions": _words(info["versions"]),
        "Commit": info.get("git commit"),
        "Time in training": human_time(seconds) if seconds and math.isfinite(seconds) else "",
        "Created": str(info["created"]),
        "Read": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    return Still(
        section(
            "The designs and how well their costs match",
            table_of(design_table(trials), "Designs"),
            notes(left_out),
        ),
        section(
            "What was run",
            facts(told),
            html.Details([html.Summary("Study file"), html.Pre(info["document"], tabIndex=0)]),
        ),
    )


def _words(value: dict[str, Any]) -> str:
    return ", ".join(
        f"{key.replace('_', ' ')} {entry}" for key, entry in value.items() if entry is not None
    )


def _seeds(seeds: list[int]) -> str:
    if len(seeds) > 12:
        return f"{len(seeds):,} seeds, {min(seeds)} to {max(seeds)}"
    return ", ".join(map(str, seeds))
