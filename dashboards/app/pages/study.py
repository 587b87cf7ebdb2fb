"""A study's page: the verdict first, the figures, what is behind them, and
filters; it follows a study while it runs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from dash import dcc, html

from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import TextTable
from dashboards.analysis.words import NOTHING, percent
from dashboards.app.once import made_of
from dashboards.app.pages import many
from dashboards.app.pages.parts import (
    Still,
    figure_frame,
    labelled_options,
    later,
    legend,
    progress,
    radio,
    study_path,
)
from dashboards.app.pages.selection import MEASURE_LABELS, ORDERS, Selection
from dashboards.app.pages.study_figures import (
    CURVES,
    SPENDING,
    chosen_findings,
    findings_of,
    own_cost,
)
from dashboards.app.thumbnails import thumbnails
from dashboards.figures.paper import can_lay_over, is_scaling
from dashboards.page.elements import element, joined, link
from dashboards.page.misses import missed
from dashboards.page.parts import quiet, table
from dashboards.page.study import answer, designs, method, moment, numbers, study_name, what_was_run
from explorer.errors import UserError
from explorer.published import STUDIES
from explorer.text import human_time
from studies.attempts.attempt import STATUSES
from studies.results import Reader, Tables

MOST_BESIDE = 16  # arms of a figure that stands beside another one
ROWS = 25  # of the table of trainings, on one page


def page(reader: Reader, name: str, search: str | None, every: float) -> list[Any]:
    """The page without its figures, which follow; it looks again `every` so many
    seconds. Raises `UserError` for an unknown study."""
    tables, chosen = reader.tables(name), Selection.of(search)
    # Asked for twice when a page is opened: for its first sight, and for the page itself.
    return made_of(reader).get(
        (tables.stamp, "page", chosen, every), lambda: _page(reader, tables, chosen, every)
    )


def _page(reader: Reader, tables: Tables, chosen: Selection, every: float) -> list[Any]:
    try:
        chosen.of_trials(tables.trials)
        readable = chosen
    except UserError:  # seeds half typed: said beside their field, which still holds them
        readable = replace(chosen, seeds="")
    zooming = html.Span(
        "Drag to zoom, double-click to go back. ", className="mouse"
    )  # by touch it scrolls
    findings = findings_of(reader, tables)
    measures = {
        measure: words
        for measure, words in MEASURE_LABELS.items()
        if measure != "latency" or findings.has_latency or measure == findings.objective
    }
    own = own_cost(findings)
    by = radio("cost-by", labelled_options(measures), chosen.cost or own)
    # Of many arms, the rows of the second are ten times as high as the first.
    is_high = len(findings.arms) > MOST_BESIDE
    groups = [[key] for key in SPENDING] if is_high else [SPENDING]
    kind = "single" if is_high else "pair even"
    frames = [html.Div([figure_frame(key) for key in keys], className=kind) for keys in groups]
    costs = later("costs", html.Section([legend("Cost in", by), *frames]))
    curves = html.Div([figure_frame(key) for key in CURVES], className="pair even")
    gaps = figure_frame("differences", part="differences")
    hint = [zooming, "Click a single training's mark to open it."]
    return [
        dcc.Store(id="study-name", data=tables.info["name"]),
        dcc.Store(id="study-stamp", data=tables.stamp),
        dcc.Store(id="own-cost", data=own),
        dcc.Store(id="choice", data=chosen.choice),
        dcc.Store(id="results-drawn", data=0),
        dcc.Interval(id="study-tick", interval=int(1000 * every)),
        html.Div(head(reader, tables), id="study-head"),
        _filters(findings.arms, chosen),
        html.P("", id="study-shown", className="quiet", role="status"),
        # What a search with two objectives looks for comes first.
        *([costs] if findings.objective else []),
        html.Div([figure_frame("error", hint), gaps], className="pair"),
        _published_choice(findings, chosen),
        later("numbers", html.Div(behind(reader, tables, readable), id="study-numbers")),
        later("curves", html.Section(curves)),
        *([] if findings.objective else [costs]),
        *many.map_section(findings, chosen),
        *many.sections(findings, chosen),
        *many.triangle_section(findings),
        *many.lines_section(findings),
        *many.extremes_section(findings),
        later("missed", html.Div(id="study-missed"), dcc.Store(id="missed-shown", data="")),
        later("trainings", html.Div(trainings(reader, tables, readable), id="study-trainings")),
        html.Div(rest(reader, tables), id="study-rest"),
    ]


def head(reader: Reader, tables: Tables) -> Still:
    """The answer: the verdict, what goes with it, and how far the study is."""
    findings = findings_of(reader, tables)
    return Still(
        study_name(tables.info["name"], tables.info),
        element("h1", joined(findings.verdict.sentence)),
        *answer(findings),
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
    return quiet(f"About {human_time(pace * left)} left at the pace of the last results.")


def _filters(arms: list[str], chosen: Selection) -> Any:
    statuses = [each for each in STATUSES if chosen.statuses is None or each in chosen.statuses]
    return html.Details(
        [
            html.Summary("Choose arms, statuses and seeds"),
            html.Div(
                [
                    legend("Arms", _checklist("arms", arms, filter(chosen.has, arms))),
                    legend("Status", _checklist("statuses", STATUSES, statuses)),
                    html.Div(
                        [
                            html.Label("Seeds (empty: all)", htmlFor="seeds"),
                            dcc.Input(
                                id="seeds", type="text", value=chosen.seeds,
                                placeholder="0, 3 or 10-19", debounce=0.25,
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


def _published_choice(findings: Findings, chosen: Selection) -> Any:
    """A choice of what others got, to be laid over the figures above; hidden where nothing can."""
    options = {"": "nothing"} | {
        name: f"{name} ({STUDIES[name].data})" for name in STUDIES if can_lay_over(findings, name)
    }
    value = chosen.beside if chosen.beside in options else ""
    return html.Details(
        [
            html.Summary("Lay over what others published"),
            legend(
                (
                    "Table 4 of the paper: differences from ResNet-101, at 2x its FLOPs"
                    if is_scaling(findings)
                    else "Their differences, at about equal FLOPs"
                ),
                radio("beside", labelled_options(options), value),
            ),
        ],
        className="filters",
        hidden=len(options) == 1,
        open=bool(value),
    )


def _checklist(key: str, options: Iterable[str], chosen: Iterable[str]) -> Any:
    return dcc.Checklist(
        id=key, options=list(options), value=list(chosen), inline=True, className="choices"
    )


def shown(reader: Reader, tables: Tables, chosen: Selection) -> str:
    """What a selection leaves, in a sentence."""
    if chosen.is_all:
        return ""
    trials, until = chosen_findings(reader, tables, chosen).trials, tables.info.get("until")
    decided = ""
    if until and (chosen.seeds.strip() or chosen.statuses is not None):
        gaps = "The gaps by seed" if until["margin"] is None else "Gaps, in figure and table,"
        decided = f" {gaps} are those that the decisions rest on, whichever trainings are chosen."
    return (
        f"Below: {len(trials):,} of {len(tables.trials):,} trainings, {trials['arm'].nunique()} of"
        f" {tables.trials['arm'].nunique()} arms. The verdict above is of the whole study; what a"
        " choice made after looking seems to show is a question for the next study, not a finding."
        f"{decided}"
    )


def behind(reader: Reader, tables: Tables, chosen: Selection) -> Still | None:
    """The table behind the figures."""
    findings = chosen_findings(reader, tables, chosen)
    return None if findings.trials.empty else Still(numbers(findings))


def got_wrong(reader: Reader, tables: Tables, data_dir: Path | None) -> Still:
    """What each training got wrong, with the images missed most where the data is here."""
    findings = findings_of(reader, tables)
    return Still(missed(findings, lambda numbers: thumbnails(reader, tables, numbers, data_dir)))


def trainings(reader: Reader, tables: Tables, chosen: Selection) -> Any:
    """Every chosen training, a page at a time; each row opens its own."""
    rows = chosen_findings(reader, tables, chosen).trials
    if chosen.order == "best":
        rows = rows.sort_values("test_error", kind="stable", na_position="last")
    elif chosen.order == "latest":
        rows = rows.sort_values(
            ["finished", "started"], ascending=False, kind="stable", na_position="last"
        )
    else:
        arms = findings_of(reader, tables).arms
        order_of = {arm: number for number, arm in enumerate(arms)}
        rows = rows.assign(_arm=rows["arm"].map(order_of)).sort_values(
            ["_arm", "seed"], kind="stable"
        )
    pages = max(1, -(-len(rows) // ROWS))
    page = min(chosen.page, pages)
    part = rows.iloc[(page - 1) * ROWS : page * ROWS].to_dict("records")
    headings = (
        "Training",
        "Status",
        "Test error (%)",
        "Validation error (%)",
        "Seconds",
        "Finished (UTC)",
        "Design",
    )
    body = tuple(
        (
            f"{row['arm']}, seed {row['seed']}",
            row["status"] + (f": {row['reason']}" if row["reason"] else ""),
            percent(row["test_error"]),
            percent(row["validation_error"]),
            f"{row['seconds']:.1f}" if row["seconds"] == row["seconds"] else NOTHING,
            NOTHING if pd.isna(row["finished"]) else f"{row['finished']:%Y-%m-%d %H:%M}",
            row["design"],
        )
        for row in part
    )
    name = tables.info["name"]
    content = table(
        TextTable(headings, body, frozenset(("Design", "Status"))),
        "Trainings",
        link=lambda i, text: link(
            text, study_path(name, "trial", part[i]["design"], part[i]["seed"])
        ),
    )
    turning = [
        html.Button("Previous", id="page-back", disabled=page <= 1, type="button"),
        html.Span(f"Page {page:,} of {pages:,}"),
        html.Button("Next", id="page-on", disabled=page >= pages, type="button"),
    ]
    csv = [
        html.A(
            f"All {kind} (CSV)",
            href=f"/download/{quote(name, safe='')}/{kind}.csv",
            download=f"{name}_{kind}.csv",
        )
        for kind in ("trials", "curves")
    ]
    return html.Section(
        [
            html.H2("Every training"),
            legend("Order", radio("order", labelled_options(ORDERS), chosen.order)),
            Still(content),
            html.Div([*turning, dcc.Store(id="page-shown", data=page)], className="tools pages"),
            html.P(csv, className="tools"),
        ]
    )


def rest(reader: Reader, tables: Tables) -> Still:
    """The designs, how the verdict is reached, and what was run."""
    findings = findings_of(reader, tables)
    return Still(
        designs(findings), method(findings), what_was_run(findings, Read=moment(datetime.now(UTC)))
    )
