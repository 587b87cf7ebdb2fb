"""Two designs side by side: drawn from their layers, what they cost, how each was trained, and how
they compare in every study that trained both."""

from typing import Any
from urllib.parse import parse_qs

import pandas as pd
from dash import dcc, html

from dashboards.analysis.arms import error_table
from dashboards.analysis.comparison import compare
from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import TextTable
from dashboards.analysis.words import percent, signed_interval, signed_percent
from dashboards.app.pages.parts import Look, Still, framed, problem, study_path, theme_of
from dashboards.app.pages.study_figures import findings_of
from dashboards.figures import learning_curves
from dashboards.page.elements import Element, element, link
from dashboards.page.parts import drawing, facts, quiet, section, table
from explorer.architecture import Architecture
from explorer.complexity import count
from explorer.drawing import svg
from explorer.errors import UserError, shorten
from explorer.own.names import OwnName, is_own
from explorer.suggestions import command
from explorer.template import SIZES
from explorer.text import counted, dashed, human_count, human_flops, signed_points
from studies.results import Reader

NAMES = ("first", "second")


def page(reader: Reader, search: str | None, look: Look | None) -> list[Any]:
    """Two fields for the names of designs, and what they are."""
    asked = parse_qs((search or "").lstrip("?"))
    chosen = [asked.get(name, [""])[0][:200] for name in NAMES]
    fields = [
        html.Div(
            [
                html.Label(f"{name.capitalize()} design", htmlFor=f"{name}-design"),
                dcc.Input(
                    id=f"{name}-design", type="text", value=value, debounce=0.5, className="text"
                ),
            ],
            className="field name",
        )
        for name, value in zip(NAMES, chosen, strict=True)
    ]
    return [
        html.H1("Compare two designs"),
        html.Div(fields, className="controls"),
        html.Div(content_or_problem(reader, chosen, look), id="two-designs"),
    ]


def content_or_problem(reader: Reader, names: list[str], look: Look | None) -> list[Any]:
    """What two designs are, or what is wrong with their names."""
    if not all(names):
        return [Still(quiet("Name two designs, for example resnet50 and resnext50_32x4d."))]
    try:
        return content(reader, names, look)
    except UserError as error:
        return [problem(error)]


def content(reader: Reader, names: list[str], look: Look | None) -> list[Any]:
    """What two designs are, side by side. Raises `UserError` for a name that is none."""
    known = _studies(reader, names)
    columns = element("div", *(_column(name, known) for name in names), className="pair even loose")
    both = {
        study: rows
        for study, (_, rows) in known.items()
        if len(set(names) & set(rows.loc[rows["status"] == "complete", "design"])) == 2
    }
    parts: list[Any] = [Still(columns)]
    if both:
        parts.append(Still(_compared(names, {study: known[study] for study in both})))
        study = next(iter(both))
        rows = both[study].assign(arm=both[study]["design"])
        curves = reader.curves(study)
        curves = curves[curves["design"].isin(names)]
        own = {"data": known[study][0].info.get("data"), "reference_arm": names[0]}
        figure = learning_curves(
            Findings(rows, own),
            curves.assign(arm=curves["design"]),
            theme=theme_of(look),
        )
        parts.append(html.Div(framed("two-curves", figure, look), className="single"))
    else:
        parts.append(Still(quiet("No study here has a result of both.")))
    return parts


def _studies(reader: Reader, names: list[str]) -> dict[str, tuple[Findings, pd.DataFrame]]:
    """The studies that have one of the designs, with its trainings; the newest first. Of a study
    with several recipes, the part of each."""
    known = {}
    for stored in reversed(reader.studies() or reader.studies_beside()):
        for recipe in stored.recipes or [""]:
            name = f"{stored.name}:{recipe}" if recipe else stored.name
            try:
                findings = findings_of(reader, reader.tables(name))
            except UserError:  # the others can still be shown
                continue
            rows = findings.trials[findings.trials["design"].isin(names)]
            if len(rows):
                known[name] = (findings, rows)
    return known


def _column(name: str, known: dict[str, tuple[Findings, pd.DataFrame]]) -> Element:
    """A design: what it is, what it costs at the size of the first study that has it, drawn."""
    own = [rows[rows["design"] == name] for _, rows in known.values()]
    rows = next((rows for rows in own if len(rows)), None)
    if is_own(name):
        return _own_column(name, rows)
    shape = {} if rows is None else {key: int(rows.iloc[0][key]) for key in SIZES}
    network = Architecture.from_name(name, **shape)
    counts, template = count(network), network.template
    described = {
        "Template": f"{counted(template.cardinality, 'path')}, d"
        f" {template.bottleneck_width or '–'}, width {template.width}",
        "Depths": dashed(network.depths),
        "FLOPs": human_flops(counts.flops),
        "Params": human_count(counts.params),
        "Activations": human_count(counts.activations),
        "Input": "x".join(map(str, network.input_shape)) + f", {network.classes} classes",
    }
    picture = drawing(svg(network), f"The network {name}")
    return element("div", element("h2", name), facts(described), picture, className="column")


def _own_column(name: str, rows: pd.DataFrame | None) -> Element:
    """A network of the user's own, whose code is not run here: as a study has it."""
    parsed = OwnName.parse(name)
    if rows is None:
        raise UserError(
            f"{shorten(name)} is a network of your own, which this page shows as a study here has"
            f" it, and none has trained it. Its modules and costs: {command('describe', name)}"
        )
    row = rows.iloc[0]
    shape = {key: int(row[key]) for key in SIZES}
    described = {
        "Function": parsed.target,
        **{key: str(dashed(value)) for key, value in parsed.values.items()},
        "FLOPs": human_flops(row["flops"]),
        "Params": human_count(row["params"]),
        "Activations": human_count(row["activations"]),
        "Input": "{in_channels}x{resolution}x{resolution}, {classes} classes".format(**shape),
    }
    modules = element("p", "Its modules and their costs: ")
    shown = element("code", command("describe", name, **shape))
    return element("div", element("h2", name), facts(described), modules, shown, className="column")


def _compared(names: list[str], known: dict[str, tuple[Findings, pd.DataFrame]]) -> Element:
    """A row a study that has results of both: their errors, and the difference with its
    interval."""
    first, second = names
    rows = []
    for study, (findings, trainings) in known.items():
        errors = error_table(trainings.assign(arm=trainings["design"]), [second, first])
        problem = "results are to come" if findings.whole.is_unfinished else ""
        comparison = compare(errors, second, problem=problem, margin=findings.margin)
        gap = comparison.difference(first)
        rows.append(
            (
                study,
                *(percent(errors.loc[name].mean()) for name in names),
                "–" if gap is None else str(gap.seeds),
                "–" if gap is None else signed_points(gap.estimate),
                "–" if gap is None else signed_interval(gap.low, gap.high),
                _cost(findings, names),
            )
        )
    headings = (
        "Study", "First: test error (%)", "Second: test error (%)", "Seeds shared",
        "First minus second (points)", "95 % interval", "FLOPs, first against second (%)",
    )  # fmt: skip
    links = [link(study, study_path(study)) for study in known]
    return section(
        "Where both were trained",
        table(
            TextTable(headings, tuple(rows), frozenset(("Study",))),
            "Both designs by study",
            link=lambda row, _: links[row],
        ),
        quiet(
            "The interval is of this one comparison. What two designs that were chosen after"
            " looking seem to show is a question for the next study, not a finding."
        ),
    )


def _cost(findings: Findings, names: list[str]) -> str:
    costs = findings.designs.drop_duplicates("design").set_index("design")["flops"]
    return signed_percent(float(costs[names[0]] / costs[names[1]] - 1)).removesuffix(" %")
