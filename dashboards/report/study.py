"""One study as the parts of a page: the verdict first, the figure that
shows it, the table behind it, then the rest."""

import base64
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from html import escape as escape_markup
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.comparison import Comparison
from dashboards.analysis.tables import (
    Table,
    comparison_table,
    design_table,
    extremes_table,
    trial_table,
)
from dashboards.analysis.test_set import compare_study, size_of_test_set
from dashboards.analysis.verdict import (
    Verdict,
    chosen_by_validation,
    confidence_text,
    judge,
    points,
    sampling_sentence,
    shared_seeds,
    trend_sentence,
)
from dashboards.figures import (
    deeper_wider_more_paths,
    differences_from_reference,
    error_against_cardinality,
    error_against_cost,
    learning_curves,
    mismatches,
    network_drawing,
    progress,
    throughput,
)
from dashboards.figures.scaling import ARMS as WAYS
from dashboards.report.sources import Source
from explorer.errors import UserError
from explorer.text import human_time

MOST_ROWS = 500  # of the table of all trials; the CSV has every one
SPREAD_COST = (
    1.25  # designs whose costs are further apart than this get figures of error against them
)

Draw = Callable[[str], go.Figure]


@dataclass
class StudyPart:
    """A study's place in a page: `prefix` tells its figures and tables from
    other studies', `level` is that of its headings."""

    source: Source
    prefix: str = ""
    level: int = 2
    paper: str | None = None  # whose of the paper's values to lay over: "ResNet-50" or "ResNet-101"
    comparison: Comparison = field(init=False)
    verdict: Verdict = field(init=False)
    figures: dict[str, Draw] = field(init=False)

    def __post_init__(self) -> None:
        self.comparison = compare_study(self.source.trials, self.source.info)
        self.verdict = judge(self.source.trials, self.comparison, self.source.info)
        # Each is drawn once in a theme: its frame needs its title, the page its data.
        self.figures = {self.prefix + key: cache(draw) for key, draw in _figures(self).items()}

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            f"{self.prefix}trials": self.source.trials,
            f"{self.prefix}curves": self.source.curves,
        }

    def figure(self, key: str) -> str:
        """A figure's frame; "" where the study has no such figure."""
        key = self.prefix + key
        return figure_frame(key, self.figures[key], self.level) if key in self.figures else ""

    def pair(self, first: str, second: str, kind: str = "pair even") -> str:
        """Two figures side by side, or the one there is."""
        frames = [frame for frame in (self.figure(first), self.figure(second)) if frame]
        return (
            f'<div class="{kind if len(frames) > 1 else "single"}">{"".join(frames)}</div>'
            if frames
            else ""
        )

    def section(self, title: str, *content: str) -> str:
        heading = f"<h{self.level}>{escape(title)}</h{self.level}>" if title else ""
        return f"<section>{heading}{''.join(content)}</section>"

    def csv(self, table: str) -> str:
        key = f"{self.prefix}{table}"
        return (
            f'<p class="tools"><button type="button" data-csv="{key}">All {table}'
            " (CSV)</button></p>"
        )


def _figures(part: StudyPart) -> dict[str, Draw]:
    """Every figure that the study has something to show in, by its key, to be drawn in a theme."""
    trials, curves, comparison = part.source.trials, part.source.curves, part.comparison
    reference, context = comparison.reference, _context(trials, part.source.info)

    def curve(split: str) -> Draw:
        return lambda theme: learning_curves(
            curves, trials, reference, split=split, context=context, theme=theme
        )

    def cost(which: str) -> Draw:
        return lambda theme: error_against_cost(
            trials, reference, cost=which, context=context, theme=theme
        )

    figures: dict[str, Draw] = {}
    if trials["status"].isin(["running", "waiting"]).any():
        figures["progress"] = lambda theme: progress(trials, theme=theme)
    if comparison.seeds:
        if len(set(WAYS) & set(trials["arm"].astype(str))) > 1:
            figures["error"] = lambda theme: deeper_wider_more_paths(
                trials,
                reference,
                comparison=comparison,
                context=context,
                paper=part.paper is not None,
                theme=theme,
            )
        else:
            figures["error"] = lambda theme: error_against_cardinality(
                trials,
                reference,
                comparison=comparison,
                context=context,
                paper=part.paper,
                theme=theme,
            )
        figures["differences"] = lambda theme: differences_from_reference(
            trials, reference, comparison=comparison, paper=part.paper, theme=theme
        )
    if len(curves):
        figures["train"], figures["validation"] = curve("train"), curve("validation")
    if comparison.seeds:
        if any(_apart(trials[which]) for which in ("flops", "params")):
            figures |= {which: cost(which) for which in ("flops", "params", "activations")}
        if pd.to_numeric(trials["images_per_second"], errors="coerce").notna().any():
            figures["time"] = cost("seconds_per_epoch")
            figures["speed"] = lambda theme: throughput(trials, reference, theme=theme)
    if pd.to_numeric(trials["mismatch"], errors="coerce").abs().gt(0).any():
        figures["mismatch"] = lambda theme: mismatches(trials, reference, theme=theme)
    return figures


def _apart(values: pd.Series) -> bool:
    numbers = pd.to_numeric(values, errors="coerce").dropna().to_numpy(dtype=float)
    return bool(len(numbers) and numbers.max() > SPREAD_COST * np.abs(numbers.min()))


def _context(trials: pd.DataFrame, info: dict[str, Any]) -> str:
    data = info.get("data")
    epochs = pd.to_numeric(trials["epochs"], errors="coerce").dropna().unique()
    parts = [str(data.get("name", "")) if isinstance(data, dict) else str(data or "")]
    parts.append(f"{int(epochs[0])} epochs" if len(epochs) == 1 else "")
    return ", ".join(part for part in parts if part)


def study_body(part: StudyPart, now: datetime) -> list[str]:
    """The study's parts of a page, below its name."""
    trials, info, comparison, verdict = (
        part.source.trials,
        part.source.info,
        part.comparison,
        part.verdict,
    )
    parts = [
        f'<p class="more">{escape(text)}</p>'
        for text in (verdict.more, trend_sentence(comparison))
        if text
    ]
    sampling = sampling_sentence(trials, comparison, info)
    parts += [f'<p class="more quiet">{escape(sampling)}</p>'] if sampling else []
    if verdict.notes:
        parts.append(
            f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in verdict.notes)}</ul>'
        )
    parts.append(part.pair("error", "differences", "pair"))
    parts.append(part.figure("progress"))
    chosen = chosen_by_validation(trials)
    winner = f'<p class="quiet">Lowest validation error: {escape(chosen)}.</p>' if chosen else ""
    numbers = table_markup(comparison_table(trials, comparison))
    parts.append(part.section("The numbers behind it", winner, numbers, part.csv("trials")))
    if len(part.source.curves):
        parts.append(part.section("", part.pair("train", "validation"), part.csv("curves")))
    costs = [
        key
        for key in ("flops", "params", "activations", "time", "speed")
        if part.prefix + key in part.figures
    ]
    pairs = zip(costs[::2], [*costs[1::2], ""], strict=False)
    parts += [part.section("", part.pair(*pair)) for pair in pairs]
    left_out = "".join(
        f"<li>{escape(f'{arm} is left out: {why}')}</li>" for arm, why in _left_out(info)
    )
    designs = table_markup(design_table(trials)) + (
        f'<ul class="notes">{left_out}</ul>' if left_out else ""
    )
    drawings = _drawings(trials, comparison.reference, chosen)
    more = part.pair("mismatch", "") + drawings
    parts.append(part.section("The designs and how well their costs match", designs, more))
    best = (
        f'<p class="quiet">{_BEST}</p>{table_markup(extremes_table(trials))}'
        if comparison.seeds
        else ""
    )
    parts.append(part.section("Every training", best, *_all_trials(part)))
    parts.append(
        part.section("How the verdict is reached", *_method(part.source.trials, comparison, info))
    )
    parts.append(part.section("What was run", *_what_was_run(part, now)))
    return parts


_BEST = (
    "The best of many trainings is luckier than the best of few; compare arms by it only where n is"
    " the same."
)


def _drawings(trials: pd.DataFrame, reference: str, chosen: str | None) -> str:
    """Pictures of the reference's network and of the one that validation
    chose, as images that carry themselves."""
    frames = []
    roles = {reference: "the reference"}
    if chosen is not None:
        roles[chosen] = (
            "the reference, with the lowest validation error"
            if chosen in roles
            else "lowest validation error"
        )
    for arm, what in roles.items():
        rows = trials[trials["arm"].astype(str) == str(arm)]
        if rows.empty:
            continue
        try:
            picture = network_drawing(rows.iloc[0])
        except (UserError, ValueError):
            continue  # a CSV file may hold anything for a name
        data = base64.b64encode(picture.encode()).decode()
        name = escape(f"{arm}, {what}: {rows.iloc[0]['design']}")
        words = f"The network {name}: its stages and the block that each repeats"
        image = f'<img alt="{words}" src="data:image/svg+xml;base64,{data}">'
        frames.append(
            f'<figure class="drawing"><figcaption><p>{name}</p></figcaption><div class="scroll"'
            f' tabindex="0" role="region" aria-label="drawing of {name}">{image}</div></figure>'
        )
    return "".join(frames)


def figure_frame(key: str, draw: Draw, level: int) -> str:
    """The frame of a figure: its title as text that wraps, the
    place it is drawn in, and its download."""
    title = draw("light").layout.title
    # Titles are escaped for Plotly, with <br> nowhere; taken back to plain text
    # and escaped anew, nothing of them can be markup.
    heading, below = escape(unescape(title.text)), escape(unescape(title.subtitle.text))
    return (
        f"<figure><figcaption><h{level}>{heading}</h{level}><p>{below}</p></figcaption>"
        f'<div class="plot" data-figure="{key}" role="img" aria-label="{heading}. {below}."></div>'
        f'<p class="tools"><button type="button" data-picture="{key}">Picture'
        " (PNG)</button></p></figure>"
    )


def table_markup(table: Table) -> str:
    def kind(column: str) -> str:
        if column == "Reason":
            return ' class="word long"'
        return ' class="word"' if column in table.words else ""

    head = "".join(
        f'<th scope="col"{kind(column)}>{escape(column)}</th>' for column in table.columns
    )
    body = []
    for row in table.rows:
        cells = [f'<th scope="row">{escape(row[0])}</th>']
        cells += [
            f"<td{kind(column)}>{escape(cell)}</td>"
            for column, cell in zip(table.columns[1:], row[1:], strict=True)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    if not body:
        body = [f'<tr><td colspan="{len(table.columns)}">Nothing yet</td></tr>']
    # A table wider than a phone scrolls in its own frame, which the keyboard reaches.
    return (
        '<div class="scroll" tabindex="0" role="region"'
        f' aria-label="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _all_trials(part: StudyPart) -> list[str]:
    table = trial_table(part.source.trials)
    shown = Table(table.columns, table.rows[:MOST_ROWS], table.words)
    parts = [table_markup(shown)]
    if len(table.rows) > MOST_ROWS:
        parts.append(
            f'<p class="quiet">The first {MOST_ROWS} of {len(table.rows)}; the CSV has all.</p>'
        )
    return [*parts, part.csv("trials")]


def _method(trials: pd.DataFrame, comparison: Comparison, info: dict[str, Any]) -> list[str]:
    reference = comparison.reference
    texts = [
        (
            "Validation error chooses, test error reports. A training's test error is modelled as"
            " the sum of its arm's mean, what its seed adds to every arm alike, and a rest. The"
            " rest is what the intervals come from."
        ),
        (
            f"Each arm is compared with {reference}. The intervals of all these differences hold"
            f" together with {confidence_text(comparison.confidence)} confidence (Dunnett's"
            " many-to-one comparisons), and a difference is claimed only where its interval"
            " excludes zero: where no arm differs, at most 1 study in 20 claims anything. The"
            " trend is a test of its own."
        ),
        (
            "The interval of a single arm's error, drawn in the first figure, is a t interval over"
            " its own seeds, cut at an error of zero. It says less about differences, since the"
            " arms share their seeds."
        ),
    ]
    if not comparison.problem:
        texts.append(
            f"Here: {shared_seeds(trials, comparison.differences)}, {comparison.arms} arms; the"
            f" rest has a standard deviation of {points(comparison.residual_sd or 0)} points on"
            f" {comparison.degrees_of_freedom} degrees of freedom; a difference is claimed beyond"
            f" {comparison.critical:.2f} standard errors. More seeds would settle a gap if they"
            " make its interval exclude zero in 8 of 10 repeats."
        )
    if comparison.looks > 1:
        texts.append(
            f"This is look {comparison.looks} at the study: it was extended by seeds. As planned,"
            " it claims wrongly in at most 1 study of 20; all extensions together do so in at most"
            " another 1 of 20, however many there are: look k is judged at 1 − 5 % / (k (k − 1))"
            " confidence."
        )
    images = size_of_test_set(info)
    if images:
        texts.append(
            f"The test set has {images} images, so one image is {points(1 / images)} points. Its"
            " own sampling is apart from the seeds' and in no interval of the figures: they say"
            " how the arms compare on these images. The error on other images is Wilson's interval"
            " for one trained network; a gap's variance is at most (a + b − (a − b)²) / images for"
            " errors a and b."
        )
    return [f'<p class="quiet">{escape(text)}</p>' for text in texts]


def _what_was_run(part: StudyPart, now: datetime) -> list[str]:
    trials, info = part.source.trials, part.source.info
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
        "Trained": (
            f"{_date(started.min())} to {_date(finished.max())}"
            if len(started) and len(finished)
            else None
        ),
        "Time in training": (
            human_time(float(seconds)) if seconds and math.isfinite(seconds) else None
        ),
        "Report written": _date(now),
    }
    rows = [
        f"<dt>{escape(key)}</dt><dd>{escape(_words(value))}</dd>"
        for key, value in facts.items()
        if value
    ]
    parts = [f"<dl>{''.join(rows)}</dl>"]
    if info.get("document"):
        # The scrolling frame of a long line can be reached by keyboard.
        parts.append(
            f"<h{part.level + 1}>Study file</h{part.level + 1}><pre"
            f' tabindex="0">{escape(str(info["document"]))}</pre>'
        )
    return parts


def _left_out(info: dict[str, Any]) -> list[tuple[str, str]]:
    """Arms of the space that no design solves, and why."""
    return [
        (str(point.get("arm")), str(point.get("reason")).rstrip(".") + ".")
        for point in info.get("left_out") or []
    ]


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


def escape(text: str) -> str:
    """Text as markup. A number stays on one line with its unit."""
    return re.sub(
        r"(?<=\d) (?=%)|(?<=\bp) (?=[=&])|(?<=[=;]) (?=0\.)", "\u00a0", escape_markup(text)
    )
