"""A study as one HTML file: the verdict first, the figure that shows it, the table behind it, then the rest.

The file is complete in itself: it opens offline and sends no request (a content security policy forbids it to). Every text of a study is
escaped where it enters the page, as markup or inside a script's data, and only scripts with the hashes of ours run.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape as escape_markup
from html import unescape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import differences_from_reference, error_against_cardinality, learning_curves
from dashboards.sampling import compare_study, size_of_test_set
from dashboards.sampling import reference_arm as reference_arm
from dashboards.statistics import Comparison
from dashboards.tables import Table, comparison_table, design_table, trial_table
from dashboards.verdict import (
    chosen_by_validation,
    confidence_text,
    judge,
    points,
    sampling_sentence,
    seeds_phrase,
    trend_sentence,
)
from explorer.files import write_atomic
from explorer.text import human_time

MOST_ROWS = 500  # of the table of all trials; the CSV has every one


def write_report(
    path: str | Path, trials: pd.DataFrame, curves: pd.DataFrame, info: dict[str, Any], *, now: datetime | None = None
) -> Path:
    """Write the page. Raises `UserError` where `path` cannot be written."""
    return write_atomic(path, render_report(trials, curves, info, now=now))


def render_report(
    trials: pd.DataFrame, curves: pd.DataFrame, info: dict[str, Any], *, now: datetime | None = None
) -> str:
    """The page of one study from its two tables and what `studies.results.study_info` says about it."""
    from plotly.offline import get_plotlyjs

    comparison = compare_study(trials, info)
    reference = comparison.reference
    name = str(info.get("name") or "study")
    figures = _figures(trials, curves, reference, comparison, info)
    plotly, script = get_plotlyjs(), _resource("report.js")
    assert "</script" not in plotly.lower()
    data = {
        "name": file_stem(name),
        "figures": {
            key: {theme: draw(theme).to_plotly_json() for theme in ("light", "dark")} for key, draw in figures.items()
        },
        "tables": {"trials": trials.to_csv(index=False), "curves": curves.to_csv(index=False)},
    }
    return Template(_resource("report.html")).substitute(
        policy=_policy(plotly, script),
        title=escape(f"{name}: {judge(trials, comparison, info).title}"),
        style=_resource("report.css"),
        body="\n".join(_body(trials, curves, info, comparison, figures, now or datetime.now(UTC))),
        data=script_json(data),
        plotly=plotly,
        script=script,
    )


def escape(text: str) -> str:
    """Text as markup. A number stays on one line with its unit."""
    return re.sub(r"(?<=\d) (?=%)|(?<=\bp) (?=[=&])|(?<=[=;]) (?=0\.)", "\u00a0", escape_markup(text))


def file_stem(name: str) -> str:
    """A study's name as the name of a file."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "study"


def script_json(value: Any) -> str:
    """JSON that can stand inside a <script> element: no character of it can end the element or start a comment."""
    from plotly.utils import PlotlyJSONEncoder

    text = json.dumps(value, cls=PlotlyJSONEncoder, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _figures(
    trials: pd.DataFrame, curves: pd.DataFrame, reference: str, comparison: Comparison, info: dict[str, Any]
) -> dict[str, Callable[[str], go.Figure]]:
    """Every figure of the page by its key, to be drawn in a theme."""
    context = _context(trials, info)

    def curve(split: str) -> Callable[[str], go.Figure]:
        return lambda theme: learning_curves(curves, trials, reference, split=split, context=context, theme=theme)

    figures: dict[str, Callable[[str], go.Figure]] = {}
    if comparison.seeds:
        figures["error"] = lambda theme: error_against_cardinality(
            trials, reference, comparison=comparison, context=context, theme=theme
        )
        figures["differences"] = lambda theme: differences_from_reference(
            trials, reference, comparison=comparison, theme=theme
        )
    if len(curves):
        figures["train"], figures["validation"] = curve("train"), curve("validation")
    return figures


def _context(trials: pd.DataFrame, info: dict[str, Any]) -> str:
    data = info.get("data")
    epochs = pd.to_numeric(trials["epochs"], errors="coerce").dropna().unique()
    parts = [str(data.get("name", "")) if isinstance(data, dict) else str(data or "")]
    parts.append(f"{int(epochs[0])} epochs" if len(epochs) == 1 else "")
    return ", ".join(part for part in parts if part)


def _body(
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    info: dict[str, Any],
    comparison: Comparison,
    figures: dict[str, Callable[[str], go.Figure]],
    now: datetime,
) -> list[str]:
    verdict = judge(trials, comparison, info)
    question = f" &nbsp;{escape(str(info['question']))}" if info.get("question") else ""
    parts = [f'<p class="study"><b>{escape(str(info.get("name") or "study"))}</b>{question}</p>']
    parts.append(f"<h1>{escape(verdict.sentence)}</h1>")
    parts += [f'<p class="more">{escape(text)}</p>' for text in (verdict.more, trend_sentence(comparison)) if text]
    sampling = sampling_sentence(trials, comparison, info)
    parts += [f'<p class="quiet">{escape(sampling)}</p>'] if sampling else []
    if verdict.notes:
        parts.append(f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in verdict.notes)}</ul>')
    if "error" in figures:
        parts.append(f'<div class="pair">{_figure("error", figures)}{_figure("differences", figures)}</div>')
    chosen = chosen_by_validation(trials)
    winner = f'<p class="quiet">Lowest validation error: {escape(chosen)}.</p>' if chosen else ""
    numbers = _table(comparison_table(trials, comparison))
    parts.append(_section("The numbers behind it", winner, numbers, _csv("trials")))
    if "train" in figures:
        pair = f'<div class="pair even">{_figure("train", figures)}{_figure("validation", figures)}</div>'
        parts.append(f"<section>{pair}{_csv('curves')}</section>")
    left_out = "".join(f"<li>{escape(f'{arm} is left out: {why}')}</li>" for arm, why in _left_out(info))
    designs = _table(design_table(trials)) + (f'<ul class="notes">{left_out}</ul>' if left_out else "")
    parts.append(_section("The designs and how well their costs match", designs))
    parts.append(_section("Every training", *_all_trials(trials)))
    parts.append(_section("How the verdict is reached", *_method(comparison, info)))
    parts.append(_section("What was run", *_what_was_run(trials, info, now)))
    return parts


def _figure(key: str, figures: dict[str, Callable[[str], go.Figure]]) -> str:
    title = figures[key]("light").layout.title
    # Titles are escaped for Plotly, with <br> nowhere; taken back to plain text and escaped anew, nothing of them can be markup.
    heading, below = escape(unescape(title.text)), escape(unescape(title.subtitle.text))
    return (
        f"<figure><figcaption><h2>{heading}</h2><p>{below}</p></figcaption>"
        f'<div class="plot" data-figure="{key}" role="img" aria-label="{heading}. {below}."></div>'
        f'<p class="tools"><button type="button" data-picture="{key}">Picture (PNG)</button></p></figure>'
    )


def _section(title: str, *content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(content)}</section>"


def _csv(table: str) -> str:
    return f'<p class="tools"><button type="button" data-csv="{table}">All {table} (CSV)</button></p>'


def _table(table: Table) -> str:
    def kind(column: str) -> str:
        if column == "Reason":
            return ' class="word long"'
        return ' class="word"' if column in table.words else ""

    head = "".join(f'<th scope="col"{kind(column)}>{escape(column)}</th>' for column in table.columns)
    body = []
    for row in table.rows:
        cells = [f'<th scope="row">{escape(row[0])}</th>']
        cells += [
            f"<td{kind(column)}>{escape(cell)}</td>" for column, cell in zip(table.columns[1:], row[1:], strict=True)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    if not body:
        body = [f'<tr><td colspan="{len(table.columns)}">Nothing yet</td></tr>']
    # A table wider than a phone scrolls in its own frame, which the keyboard reaches.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _all_trials(trials: pd.DataFrame) -> list[str]:
    table = trial_table(trials)
    shown = Table(table.columns, table.rows[:MOST_ROWS], table.words)
    parts = [_table(shown)]
    if len(table.rows) > MOST_ROWS:
        parts.append(f'<p class="quiet">The first {MOST_ROWS} of {len(table.rows)}; the CSV has all.</p>')
    return [*parts, _csv("trials")]


def _method(comparison: Comparison, info: dict[str, Any]) -> list[str]:
    reference = comparison.reference
    texts = [
        "Validation error chooses, test error reports. A training's test error is modelled as the sum of its arm's mean, what "
        "its seed adds to every arm alike, and a rest. The rest is what the intervals come from.",
        f"Each arm is compared with {reference}. The intervals of all these differences hold together with "
        f"{confidence_text(comparison.confidence)} confidence (Dunnett's many-to-one comparisons), and a difference is claimed only where "
        "its interval excludes zero: where no arm differs, at most 1 study in 20 claims anything. The trend is a test of its own.",
        "The interval of a single arm's error, drawn in the first figure, is a t interval over its own seeds, cut at an error of zero. "
        "It says less about differences, since the arms share their seeds.",
    ]
    if not comparison.problem:
        texts.append(
            f"Here: {seeds_phrase(len(comparison.seeds))}, {comparison.arms} arms; the rest has a standard deviation of "
            f"{points(comparison.residual_sd or 0)} points on {comparison.degrees_of_freedom} degrees of freedom; a difference is "
            f"claimed beyond {comparison.critical:.2f} standard errors. More seeds would settle a gap if they make its interval "
            "exclude zero in 8 of 10 repeats."
        )
    if comparison.looks > 1:
        texts.append(
            f"This is look {comparison.looks} at the study: it was extended by seeds. As planned, it claims wrongly in at most "
            "1 study of 20; all extensions together do so in at most another 1 of 20, however many there are: look k is judged at "
            "1 − 5 % / (k (k − 1)) confidence."
        )
    images = size_of_test_set(info)
    if images:
        texts.append(
            f"The test set has {images} images, so one image is {points(1 / images)} points. Its own sampling is apart from the "
            "seeds' and in no interval of the figures: they say how the arms compare on these images. The error on other images is "
            "Wilson's interval for one trained network; a gap's variance is at most (a + b − (a − b)²) / images for errors a and b."
        )
    return [f'<p class="quiet">{escape(text)}</p>' for text in texts]


def _what_was_run(trials: pd.DataFrame, info: dict[str, Any], now: datetime) -> list[str]:
    seconds = pd.to_numeric(trials["seconds"], errors="coerce").sum()
    started, finished = trials["started"].dropna(), trials["finished"].dropna()
    status = trials["status"].value_counts()
    facts = {
        "Trainings": ", ".join(f"{count} {name}" for name, count in status.items()) or "none",
        "Data": info.get("data"),
        "Recipe": info.get("recipe"),
        "Seeds": info.get("seeds"),
        "Settings": info.get("settings"),
        "Machine": info.get("machine"),
        "Device": info.get("device"),
        "Versions": info.get("versions"),
        "Commit": info.get("git_commit") or info.get("git commit"),
        "Study created": _date(info.get("created")),
        "Trained": f"{_date(started.min())} to {_date(finished.max())}" if len(started) and len(finished) else None,
        "Time in training": human_time(float(seconds)) if seconds else None,
        "Report written": _date(now),
    }
    rows = [f"<dt>{escape(key)}</dt><dd>{escape(_words(value))}</dd>" for key, value in facts.items() if value]
    parts = [f"<dl>{''.join(rows)}</dl>"]
    if info.get("document"):
        # The scrolling frame of a long line can be reached by keyboard.
        parts.append(f'<h3>Study file</h3><pre tabindex="0">{escape(str(info["document"]))}</pre>')
    return parts


def _left_out(info: dict[str, Any]) -> list[tuple[str, str]]:
    """Arms of the space that no design solves, and why."""
    return [(str(point.get("arm")), str(point.get("reason")).rstrip(".") + ".") for point in info.get("left_out") or []]


def _words(value: Any) -> str:
    """Plain data as a line of text: {'name': 'digits', 'test': 360} -> 'digits, test 360'."""
    if isinstance(value, dict):
        rest = (
            f"{str(key).replace('_', ' ')} {_words(entry)}"
            for key, entry in value.items()
            if key != "name" and entry is not None
        )
        return ", ".join([*([_words(value["name"])] if value.get("name") else []), *rest])
    if isinstance(value, list | tuple):
        return ", ".join(_words(entry) for entry in value)
    return str(value)


def _date(value: Any) -> str:
    moment = pd.to_datetime(value, errors="coerce", utc=True)
    return "" if pd.isna(moment) else f"{moment:%Y-%m-%d %H:%M} UTC"


def _policy(*scripts: str) -> str:
    """The content security policy: nothing is loaded, only the given scripts run, pictures are made in the page."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _resource(name: str) -> str:
    return files("dashboards").joinpath(name).read_text(encoding="utf-8")
