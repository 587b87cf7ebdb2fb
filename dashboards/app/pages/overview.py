"""All studies of a storage: how each stands, and what it has found so far."""

from typing import Any

from dash import dcc, html

from dashboards.analysis.test_set import compare_study
from dashboards.analysis.verdict import judge
from dashboards.app.pages.parts import Still, facts, joined, progress, study_path
from explorer.errors import UserError
from explorer.suggestions import command
from studies.records.stored_study import StoredStudy
from studies.results import Reader


def page(reader: Reader, every: float) -> list[Any]:
    """The overview, looked at again `every` so many seconds; it says
    what to do where there is nothing yet."""
    return [
        html.H1("Studies"),
        html.P(["In ", html.Code(reader.storage.shown)], className="study"),
        dcc.Interval(id="overview-tick", interval=int(1000 * every)),
        html.Div(content(reader), id="overview"),
    ]


def content(reader: Reader) -> Still:
    """One entry a study, the newest first."""
    studies = reader.studies()
    if not studies:
        start = command("study run", "digits_cardinality", workers=2, storage=reader.storage.option)
        return Still(
            html.P("No studies here yet. This one takes about two minutes on two cores:"),
            html.Pre(start, tabIndex=0),
            html.P(
                ["Meanwhile, the ", dcc.Link("design page", href="/design"), " needs no study."]
            ),
        )
    return Still(*(_told(reader, study) for study in reversed(studies)))


def _told(reader: Reader, study: StoredStudy) -> Any:
    try:
        return _entry(reader, study)
    except UserError as error:  # the others can still be shown
        return html.Section(
            [html.H2(study.name), html.P(str(error), className="problem")], className="entry"
        )


def _entry(reader: Reader, study: StoredStudy) -> Any:
    tables = reader.tables(study.name)
    trials, info = tables.trials, tables.info
    finding = judge(trials, compare_study(trials, info), info)
    last = trials["finished"].dropna().max() if len(trials) else None
    about = {
        "Question": info["question"],
        "Data": info["data"]["name"],
        "Size": f"{trials['design'].nunique():,} designs, {len(study.seeds):,} seeds",
        "Last result": f"{last:%Y-%m-%d %H:%M} UTC" if last is not None and last == last else "",
    }
    return html.Section(
        [
            html.H2(dcc.Link(study.name, href=study_path(study.name))),
            html.P(joined(finding.title), className="finding"),
            progress(tables.counts),
            facts(about),
        ],
        className="entry",
    )
