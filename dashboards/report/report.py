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
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import plotly.graph_objects as go

from dashboards.analysis.spaces import design_means
from dashboards.analysis.tables import studies_table
from dashboards.figures import error_distribution_functions
from dashboards.report.sources import Source
from dashboards.report.study import Draw, StudyPart, escape, figure_frame, study_body, table_markup
from explorer.errors import UserError
from explorer.files import write_atomic
from studies.results.table_text import as_csv

SPACE = 8  # designs that make a study a design space, with a distribution worth drawing


def write_report(
    path: str | Path,
    sources: Sequence[Source],
    *,
    paper: str | None = None,
    now: datetime | None = None,
) -> Path:
    """Write the page of one study or of several. Raises
    `UserError` where `path` cannot be written."""
    return write_atomic(path, render_report(sources, paper=paper, now=now))


def render_report(
    sources: Sequence[Source], *, paper: str | None = None, now: datetime | None = None
) -> str:
    """The page of one study, or of several side by side, with the `paper`'s values of "ResNet-50"
    or "ResNet-101" laid over where there are any. Raises `UserError` for no study."""

    if not sources:
        raise UserError("a report needs at least one study.")
    now = now or datetime.now(UTC)
    if len(sources) == 1:
        parts = [StudyPart(sources[0], paper=paper)]
        title, body, figures = _alone(parts[0], now)
    else:
        parts = [StudyPart(source, f"{place}-", 3, paper) for place, source in enumerate(sources)]
        title, body, figures = _side_by_side(parts, now)
    plotly, script = _plotly(), _resource("report.js")
    assert "</script" not in plotly.lower()
    names = {key: key for key in figures}
    for part in parts:
        own = {
            key: f"{part.source.name}_{key.removeprefix(part.prefix)}"
            for key in (*part.figures, *part.tables)
        }
        names |= {key: file_stem(name) for key, name in own.items()}
    data = {
        "names": names,
        "figures": {
            key: {theme: draw(theme).to_plotly_json() for theme in ("light", "dark")}
            for key, draw in figures.items()
        },
        "tables": {
            key: _packed(as_csv(table)) for part in parts for key, table in part.tables.items()
        },
    }
    return Template(_resource("report.html")).substitute(
        policy=_policy(plotly, script),
        title=escape(title),
        style=_resource("report.css"),
        body="\n".join(body),
        data=script_json(data),
        plotly=plotly,
        script=script,
    )  # fmt: skip


def _alone(part: StudyPart, now: datetime) -> tuple[str, list[str], dict[str, Draw]]:
    """Title, body and figures of a page of one study."""
    question = part.source.info.get("question")
    asked = f" &nbsp;{escape(str(question))}" if question else ""
    head = [
        f'<p class="study"><b>{escape(part.source.name)}</b>{asked}</p>',
        f"<h1>{escape(part.verdict.sentence)}</h1>",
    ]
    return (
        f"{part.source.name}: {part.verdict.title}",
        [*head, *study_body(part, now)],
        part.figures,
    )


def _side_by_side(
    parts: Sequence[StudyPart], now: datetime
) -> tuple[str, list[str], dict[str, Draw]]:
    """The same of several studies: their verdicts, their errors on one
    scale, one table of all, then each study."""
    figures = {key: draw for part in parts for key, draw in part.figures.items()}
    _share_scale(figures, [f"{part.prefix}error" for part in parts])
    title = f"{len(parts)} studies side by side"
    answers = [
        f'<p class="more"><b>{escape(part.source.name)}</b>'
        f" &nbsp;{escape(part.verdict.sentence)}</p>"
        for part in parts
    ]
    body = [f"<h1>{title}</h1>", *answers]
    frames = [(part.source.name, part.figure("error")) for part in parts]
    panels = "".join(
        f'<div><p class="study"><b>{escape(name)}</b></p>{frame}</div>'
        for name, frame in frames
        if frame
    )
    body.append(f'<div class="side">{panels}</div>' if panels else "")
    spaces = [
        part.source.trials for part in parts if len(design_means(part.source.trials)) >= SPACE
    ]
    if len(spaces) > 1:
        import pandas as pd

        trials = pd.concat(spaces, ignore_index=True)
        figures["distributions"] = lambda theme: error_distribution_functions(trials, theme=theme)
        body.append(
            f"<section>{figure_frame('distributions', figures['distributions'], 2)}</section>"
        )
    table = studies_table(
        [(part.source.name, part.source.trials, part.comparison) for part in parts]
    )
    body.append(f"<section><h2>The studies</h2>{table_markup(table)}</section>")
    for part in parts:
        question = part.source.info.get("question")
        asked = f'<p class="quiet">{escape(str(question))}</p>' if question else ""
        inner = "\n".join(study_body(part, now))
        # The figure of errors stands above, beside the other studies'.
        inner = inner.replace(part.figure("error"), "") if part.figure("error") else inner
        head = (
            f"<h2>{escape(part.source.name)}</h2>{asked}<p"
            f' class="verdict">{escape(part.verdict.sentence)}</p>'
        )
        body.append(f'<section class="whole">{head}{inner}</section>')
    return title, body, figures


def _share_scale(figures: dict[str, Draw], keys: Sequence[str]) -> None:
    """Let these figures have one scale of error, so that heights
    can be compared from study to study."""
    ranges = [
        tuple(figure.layout.yaxis.range)
        for key in keys
        if key in figures and (figure := figures[key]("light")).layout.yaxis.range
    ]
    if len(ranges) < 2:
        return
    low, high = min(one[0] for one in ranges), max(one[1] for one in ranges)

    def on_scale(draw: Draw) -> Draw:
        def drawn(theme: str) -> go.Figure:
            figure = go.Figure(draw(theme))
            return figure.update_yaxes(range=[low, high]) if figure.layout.yaxis.range else figure

        return drawn

    figures.update({key: on_scale(figures[key]) for key in keys if key in figures})


def file_stem(name: str) -> str:
    """A study's name as the name of a file."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "study"


def script_json(value: Any) -> str:
    """JSON that can stand inside a <script> element: no character of it
    can end the element or start a comment."""
    from plotly.utils import PlotlyJSONEncoder

    text = json.dumps(value, cls=PlotlyJSONEncoder, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _packed(text: str) -> str:
    """Text for the page's script to unpack: the same text always gives the same, and
    the epochs of 10,000 trainings a sixth of it."""
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


def _plotly() -> str:
    return (
        files("dashboards.app").joinpath("assets/plotly-basic.min.js").read_text(encoding="utf-8")
    )


def _resource(name: str) -> str:
    return files("dashboards.report").joinpath(name).read_text(encoding="utf-8")
