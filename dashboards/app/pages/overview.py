"""All studies of a storage: how each stands, and what it has found so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from dash import dcc, html

from dashboards.analysis.effort import effort_sentence
from dashboards.analysis.words import seeds_phrase
from dashboards.app.pages import recipes
from dashboards.app.pages.parts import (
    Still,
    labelled_options,
    legend,
    problem,
    progress,
    radio,
    study_path,
)
from dashboards.app.pages.study_figures import findings_of
from dashboards.page.elements import element, joined, link
from dashboards.page.parts import facts, quiet, section
from dashboards.page.study import remarks
from explorer.errors import UserError
from explorer.suggestions import command
from explorer.text import counted
from studies.records.stored_study import StoredStudy
from studies.results import EVIDENCE_SHOWN, Reader

ORDERS = {"newest": "newest first", "name": "by name", "tags": "by tags"}


@dataclass(frozen=True)
class Sought:
    """Which studies are shown: those that have each of these words in their name, their tags or
    their note; and their order, a key of `ORDERS`."""

    words: str = ""
    order: str = "newest"

    @classmethod
    def of(cls, search: str | None) -> "Sought":
        """As a link says it: ?sought=baseline&by=tags"""
        asked = parse_qs((search or "").lstrip("?"))
        order = asked.get("by", [""])[0]
        return cls(
            asked.get("sought", [""])[0][:200], order if order in ORDERS else next(iter(ORDERS))
        )

    def of_studies(self, studies: Sequence[StoredStudy]) -> list[StoredStudy]:
        """Those, in their order; `studies` come oldest first. Studies without tags come last."""
        words = self.words.casefold().split()
        listed = [
            study for study in reversed(studies) if all(word in _said(study) for word in words)
        ]
        if self.order == "name":
            return sorted(listed, key=lambda study: study.name.casefold())
        if self.order == "tags":
            tags = {study.name: sorted(map(str.casefold, study.remarks.tags)) for study in listed}
            return sorted(listed, key=lambda study: (not tags[study.name], tags[study.name]))
        return listed


def _said(study: StoredStudy) -> str:
    """All that is sought through."""
    return "\n".join((study.name, *study.remarks.tags, study.remarks.note)).casefold()


def page(reader: Reader, search: str | None, every: float) -> list[Any]:
    """The overview, looked at again `every` so many seconds; it says
    what to do where there is nothing yet."""
    sought = Sought.of(search)
    field = html.Div(
        [
            html.Label("Name, tag or note contains", htmlFor="sought"),
            dcc.Input(
                id="sought", type="text", value=sought.words, debounce=0.25, className="text"
            ),
        ],
        className="field",
    )
    order = legend("Order", radio("studies-by", labelled_options(ORDERS), sought.order))
    where = reader.storage.shown
    return [
        html.H1("Studies"),
        # An address is code, words are not.
        html.P(["In ", where if where == EVIDENCE_SHOWN else html.Code(where)], className="study"),
        dcc.Interval(id="overview-tick", interval=int(1000 * every)),
        html.Div([field, order], className="controls"),
        html.Div(content(reader, sought), id="overview"),
    ]


def content(reader: Reader, sought: Sought = Sought()) -> Still:
    """One entry a study that is sought."""
    studies = reader.studies()
    if not studies:
        start = command("study run", "digits_cardinality", workers=2, storage=reader.storage.option)
        return Still(
            element("p", "No studies here yet. This one takes about two minutes on two cores:"),
            element("pre", start, tabIndex=0),
            element("p", "Meanwhile, the ", link("design page", "/design"), " needs no study."),
            *_measured(reader),
        )
    listed = sought.of_studies(studies)
    if not listed:
        return Still(quiet(f"None of {len(studies)} studies has these words."))
    return Still(*(_entry_or_problem(reader, study) for study in listed))


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
        return section(study.name, problem(error), className="entry")


def _entry(reader: Reader, study: StoredStudy) -> Any:
    tables = reader.tables(study.name)
    trials = tables.trials
    evidence = findings_of(reader, tables)
    answer = recipes.by_recipe_of(reader, tables) if tables.recipes else evidence.verdict
    last = trials["finished"].dropna().max() if len(trials) else None
    info = tables.info
    seeds = f"{'at most ' if info.get('until') else ''}{seeds_phrase(len(study.seeds))}"
    about = {
        "Question": info["question"],
        "Data": info["data"]["name"],
        "Size": f"{counted(trials['design'].nunique(), 'design')}, {seeds}",
        "Last result": f"{last:%Y-%m-%d %H:%M} UTC" if last is not None and last == last else "",
        "Effort": effort_sentence(evidence),
    }
    return section(
        "",
        element("h2", link(study.name, study_path(study.name))),
        *remarks(info),
        element("p", joined(answer.title), className="finding"),
        progress(tables.counts),
        facts(about),
        className="entry",
    )
