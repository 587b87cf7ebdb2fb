"""One study in a report: its figures, in both themes, among the parts that the live page shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.arms import finite
from dashboards.analysis.cells import pairs_of_axes
from dashboards.analysis.extremes import extreme_designs
from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import are_many, names_of
from dashboards.analysis.tables import extremes_table, trial_table
from dashboards.figures import (
    best_and_worst_curves,
    deeper_wider_more_paths,
    differences_from_reference,
    error_against_cardinality,
    error_against_cost,
    error_against_quantity,
    error_over_two_axes,
    gaps_by_seed,
    learning_curves,
    mismatches,
    network_drawing,
    parallel_coordinates,
    progress,
    strength_of_quantities,
    throughput,
    ways_to_spend,
)
from dashboards.figures.paper import TABLE4, is_scaling
from dashboards.figures.theme import least_width, texts_of
from dashboards.figures.triangle import has_triangle
from dashboards.page import many
from dashboards.page.elements import Element, element, joined, whole_name
from dashboards.page.extremes import side_by_side
from dashboards.page.misses import missed
from dashboards.page.parts import network_image, quiet, scrolling, section, table
from dashboards.page.study import answer, designs, method, moment, numbers, what_was_run
from dashboards.report.sources import Source
from explorer.errors import UserError

MOST_ROWS = 500  # of the table of all trials; the CSV has every one
# Designs whose costs are further apart than this get figures of error against them.
SPREAD_COST = 1.25

# What begins the keys of figures of which the reader chooses one: error against a quantity, and
# over a pair of axes.
TREND, MAP = "trend-", "map-"

Draw = Callable[[str], go.Figure]  # draws a figure in a theme


@dataclass(frozen=True)
class StudyPart:
    """A study's place in a report.

    Attributes:
        source: The study.
        prefix: Tells its figures and tables from other studies'.
        paper: Whose of the paper's values to lay over: "ResNet-50" or "ResNet-101".
        published: The published study to lay over.
    """

    source: Source
    prefix: str = ""
    paper: str | None = None
    published: str | None = None

    @property
    def findings(self) -> Findings:
        return self.source.findings

    @cached_property
    def figures(self) -> dict[str, Draw]:
        """Every figure that the study has something to show in, by its key."""
        # Each is drawn once in a theme: its frame needs its title, the page its data.
        return {
            self.prefix + key: cache(draw)
            for key, draw in _figures(
                self.findings, self.source.curves, self.paper, self.published
            ).items()
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What the report carries as CSV."""
        return {
            f"{self.prefix}trials": self.source.trials,
            f"{self.prefix}curves": self.source.curves,
        }

    def figure(self, key: str) -> Element | None:
        """A figure's frame; None where the study has no such figure."""
        draw = self.figures.get(self.prefix + key)
        return figure_frame(self.prefix + key, draw) if draw else None

    def pair(self, first: str, second: str = "", kind: str = "pair even") -> Element | None:
        """Two figures side by side, or the one there is."""
        frames = [frame for frame in (self.figure(first), self.figure(second)) if frame]
        kind = kind if len(frames) > 1 else "single"
        return element("div", *frames, className=kind) if frames else None

    def choice(self, words: str, options: Mapping[str, str]) -> Element | None:
        """Figures of which the reader chooses one, by the names of `options`; None without any."""
        frames = {key: frame for key in options if (frame := self.figure(key))}
        if not frames:
            return None
        group = f"{self.prefix}{next(iter(frames))}"
        buttons = [
            element(
                "label",
                element(
                    "input", type="radio", name=group, value=key,
                    checked="" if number == 0 else None,
                ),
                options[key],
            )
            for number, key in enumerate(frames)
        ]  # fmt: skip
        chosen = element("div", *buttons, className="choices")
        shown = [
            element("div", frame, data_choice=key, hidden="" if number else None)
            for number, (key, frame) in enumerate(frames.items())
        ]
        return element(
            "div",
            element("fieldset", element("legend", words), chosen),
            *shown,
            className="chooser",
        )

    def csv(self, name: str) -> Element:
        """The button that saves a table."""
        text = f"All {name} (CSV)"
        button = element("button", text, type="button", data_csv=f"{self.prefix}{name}")
        return element("p", button, className="tools")


def _figures(
    findings: Findings, curves: pd.DataFrame, paper: str | None, published: str | None
) -> dict[str, Draw]:
    def of(figure: Callable[..., go.Figure], *more: Any, **options: Any) -> Draw:
        return lambda theme: figure(findings, *more, **options, theme=theme)

    figures: dict[str, Draw] = {}
    has_results = bool(findings.comparison.seeds)
    if findings.objective and findings.measured:
        figures["front"] = of(error_against_cost, cost=findings.objective, split="validation")
    if findings.is_training:
        figures["progress"] = of(progress)
    if has_results:
        figures["error"] = (
            of(deeper_wider_more_paths, paper=paper is not None or published == TABLE4)
            if is_scaling(findings)
            else of(error_against_cardinality, paper=paper, published=published)
        )
        figures["differences"] = (
            of(gaps_by_seed)
            if findings.info.get("until")
            else of(differences_from_reference, paper=paper, published=published)
        )
    if len(curves):
        for split in ("train", "validation"):
            figures[split] = of(learning_curves, curves, split=split)
    if has_results:
        if any(_are_apart(findings.designs[measure]) for measure in ("flops", "params")):
            for measure in ("flops", "params", "activations"):
                figures[measure] = of(error_against_cost, cost=measure)
        if findings.has_latency:
            figures["latency"] = of(error_against_cost, cost="latency")
        # The first figure of all is of the study's own objective.
        figures.pop(findings.objective, None)
        if np.isfinite(finite(findings.trials["images_per_second"])).any():
            figures["time"] = of(error_against_cost, cost="seconds_per_epoch")
            figures["speed"] = of(throughput)
    if (np.abs(finite(findings.designs["mismatch"])) > 0).any():
        figures["mismatch"] = of(mismatches)
    if are_many(findings.by_design):
        for quantity in findings.quantities:
            figures[f"{TREND}{quantity}"] = of(error_against_quantity, quantity=quantity)
        if findings.quantities:
            figures["strength"] = of(strength_of_quantities)
            figures["parallel"] = of(parallel_coordinates)
        if len(curves) and extreme_designs(findings):
            figures["extremes"] = of(best_and_worst_curves, curves)
        if has_triangle(findings):
            figures["triangle"] = of(ways_to_spend)
    if has_results:
        for pair in pairs_of_axes(findings.designs):
            figures[f"{MAP}{pair}"] = of(error_over_two_axes, pair=pair)
    return figures


def _are_apart(costs: pd.Series) -> bool:
    numbers = finite(costs.dropna())
    return bool(len(numbers) and numbers.max() > SPREAD_COST * np.abs(numbers.min()))


def study_body(part: StudyPart, now: datetime, *, errors: bool = True) -> list[Any]:
    """The study's parts of a report, below its verdict; without its figure of `errors` where that
    stands elsewhere."""
    findings, has_curves = part.findings, len(part.source.curves) > 0
    first, second = ("error", "differences") if errors else ("differences", "")
    costs = [
        key
        for key in ("flops", "params", "activations", "latency", "time", "speed")
        if part.prefix + key in part.figures
    ]
    pairs = zip(costs[::2], [*costs[1::2], ""], strict=False)
    return [
        *answer(findings),
        part.pair("front"),
        part.pair(first, second, "pair"),
        part.pair("progress"),
        numbers(findings, part.csv("trials")),
        section("", part.pair("train", "validation"), part.csv("curves")) if has_curves else None,
        *(section("", part.pair(*pair)) for pair in pairs),
        _on_two_axes(part),
        _what_matters(part),
        section("", part.pair("triangle")) if part.figure("triangle") else None,
        _all_at_once(part),
        _extremes(part),
        part.pair("extremes"),
        designs(findings, part.pair("mismatch"), *_drawings(findings)),
        missed(findings),
        _trainings(part),
        method(findings),
        what_was_run(findings, **{"Report written": moment(now)}),
    ]


def _what_matters(part: StudyPart) -> Element | None:
    """What of many designs their error goes with; None of few."""
    names = names_of(part.findings.quantities)
    trends = part.choice(many.QUANTITY, {f"{TREND}{key}": names[key] for key in names})
    strength = part.figure("strength")
    if trends is None or strength is None:
        return None
    both = element("div", trends, strength, className="pair even loose")
    return section(many.TITLE, both)


def _all_at_once(part: StudyPart) -> Element | None:
    """Parallel coordinates of many designs, and the table that their choices leave rows of."""
    frame = part.figure("parallel")
    if frame is None:
        return None
    lines = element("div", *many.lines_table(part.findings), data_lines="")
    return section(many.LINES_TITLE, element("div", frame, className="chooser"), lines)


def _extremes(part: StudyPart) -> Element | None:
    """The best and the worst of many designs side by side."""
    extremes = extreme_designs(part.findings)
    return side_by_side(extremes, part.findings.trials) if extremes else None


def _on_two_axes(part: StudyPart) -> Element | None:
    """The map of errors over a pair of axes, where there is one."""
    pairs = pairs_of_axes(part.findings.designs)
    maps = part.choice(many.PAIR, {f"{MAP}{key}": name for key, name in pairs.items()})
    return section(many.MAP_TITLE, maps) if maps else None


def _trainings(part: StudyPart) -> Element:
    findings, count = part.findings, len(part.source.trials)
    best = [
        quiet(
            "The best of many trainings is luckier than the best of few; compare arms by it only"
            " where n is the same."
        ),
        table(
            extremes_table(findings),
            "Best and median training of each arm",
            first=findings.shown_arms,
        ),
    ]
    cut = f"The first {MOST_ROWS} of {count}; the CSV has all." if count > MOST_ROWS else ""
    return section(
        "Every training",
        *(best if findings.measured else []),
        table(trial_table(findings, MOST_ROWS), "Trainings"),
        quiet(cut),
        part.csv("trials"),
    )


def _drawings(findings: Findings) -> list[Element]:
    """Pictures of the reference's network and of the one that validation chose."""
    chosen = "lowest validation error"
    roles = {findings.reference: "the reference"}
    if findings.winner is not None:
        also = f"the reference, with the {chosen}"
        roles[findings.winner] = also if findings.winner in roles else chosen
    frames = []
    for arm, role in roles.items():
        if arm not in findings.by_arm:
            continue
        trial = findings.by_arm[arm].iloc[0].to_dict()
        try:
            picture = network_drawing(trial)
        except (UserError, ValueError):
            continue  # a CSV file may hold anything for a name
        title, design = f"{arm}, {role}: ", str(trial["design"])
        name = title + design
        words = f"The network {name}: its stages and the block that each repeats"
        caption = element("figcaption", element("p", joined(title), whole_name(design)))
        image = scrolling(network_image(picture, words), f"drawing of {name}")
        frames.append(element("figure", caption, image, className="drawing"))
    return frames


def figure_frame(key: str, draw: Draw) -> Element:
    """The frame of a figure: its title as text that wraps, the
    place it is drawn in, and its download."""
    # Titles are escaped for Plotly; as plain text again, nothing of them can be markup.
    heading, below = texts_of(draw("light"))
    button = element("button", "Picture (PNG)", type="button", data_picture=key)
    plot = element(
        "div", className="plot", data_figure=key, role="img", aria_label=f"{heading}. {below}."
    )
    if least_width(draw("light")):
        plot = scrolling(plot, heading, "sideways")
    return element(
        "figure",
        element("figcaption", element("h2", joined(heading)), element("p", joined(below))),
        plot,
        element("p", button, className="tools"),
    )
