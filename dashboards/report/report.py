"""Studies as one HTML file: one alone, or several side by side.

The file is complete in itself: it opens offline and sends no request (a content security policy
forbids it to). Every text of a study is escaped where it enters the page, as markup or inside a
script's data, and only scripts with the hashes of ours run.
"""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.findings import Findings
from dashboards.analysis.recipes import ByRecipe
from dashboards.analysis.spaces import compare_spaces, design_means, drawn_from_space
from dashboards.analysis.tables import spaces_table, studies_table
from dashboards.figures import error_distribution_functions, errors_by_recipe
from dashboards.figures.arm_chart import share_scale
from dashboards.figures.theme import least_width, own_height
from dashboards.page.elements import Element, element, joined, resource, to_html
from dashboards.page.parts import notes, quiet, section, table
from dashboards.page.recipes import recipes_answer, recipes_method
from dashboards.page.study import remarks, study_name
from dashboards.report.sources import Source
from dashboards.report.study import Draw, StudyPart, figure_frame, study_body
from explorer.errors import UserError
from explorer.files import PAGE_MARK, check_output, write_atomic
from studies.results import as_csv

SPACE = 8  # designs that make a study a design space, with a distribution worth drawing


def write_report(
    path: str | Path,
    sources: Sequence[Source],
    *,
    paper: str | None = None,
    published: str | None = None,
    now: datetime | None = None,
    force: bool = False,
) -> Path:
    """Write the page of one study or of several.

    Raises `UserError` where `path` does not end in .html, cannot be written, or is a file that is
    no page of ours, unless `force` is given.
    """
    check_output(path, (".html", ".htm"), PAGE_MARK, force=force)
    page = render_report(sources, paper=paper, published=published, now=now)
    return write_atomic(path, page)


def render_report(
    sources: Sequence[Source],
    *,
    paper: str | None = None,
    published: str | None = None,
    now: datetime | None = None,
) -> str:
    """The page of one study, or of several side by side.

    Args:
        sources: The studies.
        paper: Lays the paper's values of "ResNet-50" or "ResNet-101" over where there are any.
        published: Lays over what others published: a name of `explorer.published.STUDIES`.
        now: When it is written.

    Raises:
        UserError: For no study, or an unknown name.
    """

    if not sources:
        raise UserError("a report needs at least one study.")
    now = now or datetime.now(UTC)
    each = [part for source in sources for part in source.parts]
    if len(each) == 1:
        parts = [StudyPart(sources[0], paper=paper, published=published)]
        title, body, figures = _alone(parts[0], now)
    else:
        parts = [
            StudyPart(source, f"{number}-", paper, published) for number, source in enumerate(each)
        ]
        title, body, figures = _side_by_side(sources, parts, now)
    plotly = resource("dashboards.app", "assets/plotly-explorer.min.js")
    script = "".join(
        (
            resource("dashboards.app", "assets/brush.js"),
            resource("dashboards.report", "report.js"),
        )
    )
    assert "</script" not in plotly.lower()
    names = {key: key for key in figures}
    for part in parts:
        for key in (*part.figures, *part.tables):
            names[key] = file_stem(f"{part.source.name}_{key.removeprefix(part.prefix)}")
    data = {
        "names": names,
        "heights": {key: own_height(draw("light")) for key, draw in figures.items()},
        "widths": {key: least_width(draw("light")) for key, draw in figures.items()},
        "figures": _packed(
            _json(
                {
                    key: {theme: draw(theme).to_plotly_json() for theme in ("light", "dark")}
                    for key, draw in figures.items()
                }
            )
        ),
        "tables": {
            key: _packed(as_csv(table)) for part in parts for key, table in part.tables.items()
        },
    }
    return Template(resource("dashboards.report", "report.html")).substitute(
        policy=_policy(plotly, script),
        title=escape(title),
        style=resource("dashboards.page", "page.css"),
        body=body,
        data=script_json(data),
        plotly=plotly,
        script=script,
    )  # fmt: skip


def _alone(part: StudyPart, now: datetime) -> tuple[str, str, dict[str, Draw]]:
    """Title, body and figures of a page of one study."""
    source, verdict = part.source, part.findings.verdict
    head = [
        study_name(source.name, source.info),
        element("h1", joined(verdict.sentence)),
    ]
    body = to_html([*head, *study_body(part, now)])
    return f"{source.name}: {verdict.title}", body, part.figures


def _side_by_side(
    sources: Sequence[Source], parts: Sequence[StudyPart], now: datetime
) -> tuple[str, str, dict[str, Draw]]:
    """The same of several studies, or of one with several recipes, which are its `parts`: their
    verdicts, their errors on one scale, one table of all, then each part."""
    figures = {key: draw for part in parts for key, draw in part.figures.items()}
    _share_scale(figures, [f"{part.prefix}error" for part in parts])
    studies = [(part.source.name, part.findings) for part in parts]
    title, head = _head(sources)
    frames, methods = [], []
    for number, by_recipe in enumerate(filter(None, (source.by_recipe for source in sources))):
        key = f"recipes-{number}"
        figures[key] = partial(_errors_by_recipe, by_recipe)
        frames.append(element("div", figure_frame(key, figures[key]), className="single"))
        methods.append(recipes_method(by_recipe))
    panels = [
        element("div", study_name(part.source.name), figure_frame(key, figures[key]))
        for part in parts
        if (key := f"{part.prefix}error") in figures
    ]
    distributions = _distributions(studies, figures)
    body = [
        to_html([*head, *frames]),
        to_html(element("div", *panels, className="side") if panels else None, deeper=1),
        to_html([distributions, section("The studies", table(studies_table(studies), "Studies"))]),
        to_html(methods),
        *(_among_others(part, now) for part in parts),
    ]
    return title, "\n".join(body), figures


def _errors_by_recipe(study: ByRecipe, theme: str) -> go.Figure:
    return errors_by_recipe(study, theme=theme)


def _head(sources: Sequence[Source]) -> tuple[str, list[Element | None]]:
    """The title, and the answers of all studies; of one with several recipes, its own."""
    if len(sources) == 1 and (alone := sources[0].by_recipe):
        return f"{sources[0].name}: {alone.title}", recipes_answer(alone, sources[0].name)
    title = f"{len(sources)} studies side by side"
    answers: list[Element | None] = [element("h1", title)]
    for source in sources:
        sentences = [(source.name, source.by_recipe.sentence)] if source.by_recipe else []
        sentences += [(part.name, part.findings.verdict.sentence) for part in source.parts]
        for name, sentence in sentences:
            words = f" \u00a0{joined(sentence)}"
            answers.append(element("p", element("b", name), words, className="more"))
    return title, answers


def _distributions(
    studies: Sequence[tuple[str, Findings]], figures: dict[str, Draw]
) -> Element | None:
    """The error distributions of the studies that have many designs, their figure put among the
    others; None where there are no two of them."""
    large = [
        (name, *drawn_from_space(findings))
        for name, findings in studies
        if len(design_means(findings.trials)) >= SPACE
    ]
    if len(large) < 2:
        return None
    left_out = notes(
        [
            f"{name} is left out of the error distributions: {reason}."
            for name, _, reason in large
            if reason
        ]
    )
    spaces = [trials for _, trials, reason in large if not reason]
    if len(spaces) < 2:
        return section("", left_out)
    trials = pd.concat(spaces, ignore_index=True)
    compared = compare_spaces(trials)
    figures["distributions"] = lambda theme: error_distribution_functions(
        trials, compared=compared, theme=theme
    )
    return section(
        "",
        figure_frame("distributions", figures["distributions"]),
        table(spaces_table(compared), "Error distributions") if compared.spaces else None,
        left_out,
    )


def _among_others(part: StudyPart, now: datetime) -> str:
    """A study of several, whose figure of errors stands above, beside the other studies'."""
    question = part.source.info.get("question")
    head = [
        element("h2", part.source.name),
        quiet(question),
        *remarks(part.source.info),
        element("p", joined(part.findings.verdict.sentence), className="verdict"),
    ]
    inner = to_html(study_body(part, now, errors=False), deeper=1)
    return f'<section class="whole">{to_html(head)}{inner}</section>'


def _share_scale(figures: dict[str, Draw], keys: Sequence[str]) -> None:
    """Let these figures have one scale of error, so that heights
    can be compared from study to study."""
    drawn = [figures[key] for key in keys if key in figures]

    def on_scale(draw: Draw) -> Draw:
        def shared(theme: str) -> go.Figure:
            figure = go.Figure(draw(theme))
            share_scale([figure, *(go.Figure(other(theme)) for other in drawn)])
            return figure

        return shared

    if len(drawn) > 1:
        figures.update({key: on_scale(figures[key]) for key in keys if key in figures})


def file_stem(name: str) -> str:
    """A study's name as the name of a file."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "study"


def script_json(value: Any) -> str:
    """JSON that can stand inside a <script> element: no character of it
    can end the element or start a comment."""
    text = _json(value)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _json(value: Any) -> str:
    from plotly.utils import PlotlyJSONEncoder

    return json.dumps(value, cls=PlotlyJSONEncoder, separators=(",", ":"))


def _packed(text: str) -> str:
    """Text for the page's script to unpack: the same text always gives the same. The epochs of
    10,000 trainings shrink to a sixth, the figures of 60 designs from 1.4 to 0.15 MB."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def _policy(*scripts: str) -> str:
    """The content security policy: nothing is loaded, only the given
    scripts run, pictures are made in the page."""
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )
