"""All studies of a storage: how each stands, and what it has found so far."""

from typing import Any

from dash import dcc, html

from dashboards.app.pages import recipes
from dashboards.app.pages.parts import Still, progress, study_path
from dashboards.app.pages.study_figures import findings_of
from dashboards.page.elements import element, joined, link
from dashboards.page.parts import facts, section
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
            element("p", "No studies here yet. This one takes about two minutes on two cores:"),
            element("pre", start, tabIndex=0),
            element("p", "Meanwhile, the ", link("design page", "/design"), " needs no study."),
            *_measured(reader),
        )
    return Still(*(_entry_or_problem(reader, study) for study in reversed(studies)))


def _measured(reader: Reader) -> list[Any]:
    """What was measured for this project, for who has no study yet."""
    entries = [_entry_or_problem(reader, study) for study in reversed(reader.studies_beside())]
    if not entries:
        return []
    return [
        element("p", "Measured for this project; these results come with it:", className="more"),
        *entries,
    ]


def _entry_or_problem(reader: Reader, study: StoredStudy) -> Any:
    try:
        return _entry(reader, study)
    except UserError as error:  # the others can still be shown
        return section(study.name, element("p", str(error), className="problem"), className="entry")


def _entry(reader: Reader, study: StoredStudy) -> Any:
    tables = reader.tables(study.name)
    trials = tables.trials
    answer = (
        recipes.by_recipe_of(reader, tables)
        if tables.recipes
        else findings_of(reader, tables).verdict
    )
    last = trials["finished"].dropna().max() if len(trials) else None
    info = tables.info
    about = {
        "Question": info["question"],
        "Data": info["data"]["name"],
        "Size": f"{trials['design'].nunique():,} designs, {len(study.seeds):,} seeds",
        "Last result": f"{last:%Y-%m-%d %H:%M} UTC" if last is not None and last == last else "",
    }
    return section(
        "",
        element("h2", link(study.name, study_path(study.name))),
        element("p", joined(answer.title), className="finding"),
        progress(tables.counts),
        facts(about),
        className="entry",
    )
