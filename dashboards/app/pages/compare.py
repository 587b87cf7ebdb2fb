"""Several studies side by side: what each found, and its errors, on one scale where they are
near one another."""

from typing import Any
from urllib.parse import parse_qs

from dash import dcc, html

from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import arms_table
from dashboards.app.pages.parts import Look, Still, framed, legend, study_path, theme_of
from dashboards.app.pages.study_figures import findings_of
from dashboards.figures import error_against_cardinality
from dashboards.figures.arm_chart import share_scale
from dashboards.figures.theme import label
from dashboards.page.elements import element, joined, link
from dashboards.page.parts import quiet, section, table
from dashboards.page.study import remarks
from explorer.errors import UserError
from studies.results import Reader

MOST = 6  # studies at once


def page(reader: Reader, search: str | None, look: Look | None) -> list[Any]:
    """Choose studies; the first two stand there at once."""
    names = _names(reader)
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
        html.P(dcc.Link("Compare two designs", href="/designs"), className="tools"),
        html.Div(content(reader, chosen, look), id="comparison"),
    ]


def _names(reader: Reader) -> list[str]:
    """The studies of a storage, or without any those beside it; of one with several recipes, the
    part of each."""
    return [
        f"{study.name}:{recipe}" if recipe else study.name
        for study in reader.studies() or reader.studies_beside()
        for recipe in study.recipes or [""]
    ]


def content(reader: Reader, names: list[str], look: Look | None) -> list[Any]:
    """What each found, a figure of the errors of each, and one table."""
    if not names:
        return [Still(quiet("Choose a study."))]
    stored = _names(reader)
    studies: list[tuple[str, Findings]] = []
    sentences: list[Any] = []
    for name in [name for name in stored if name in names][:MOST]:
        try:
            findings = findings_of(reader, reader.tables(name))
        except UserError as error:  # the others can still be shown
            sentences.append(element("li", f"{name}: {error}"))
            continue
        studies.append((name, findings))
        verdict = joined(findings.verdict.sentence)
        sentences.append(
            element("li", link(name, study_path(name)), ": ", verdict, *remarks(findings.info))
        )
    figures = []
    for name, findings in studies:
        figure = error_against_cardinality(findings, theme=theme_of(look))
        figure.layout.title.text = f"{label(name)}: {figure.layout.title.text}"
        figures.append(figure)
    share_scale(figures)
    frames = [framed(f"compared-{number}", figure, look) for number, figure in enumerate(figures)]
    list_of_all = element("ul", *sentences, className="notes findings")
    arms = table(arms_table(studies), "All arms of the chosen studies")
    return [
        Still(section("What each found", list_of_all)),
        html.Div(frames, className="pair even"),
        Still(section("All arms", arms)),
    ]
