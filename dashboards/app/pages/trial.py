"""One training: how it went, what failed and why, the network it trained."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from dash import html

from dashboards.analysis.tables import TextTable
from dashboards.analysis.words import NOTHING, percent, signed_percent
from dashboards.app.pages.elsewhere import with_this_network
from dashboards.app.pages.parts import Look, Still, framed, study_path, theme_of
from dashboards.app.pages.question import RULE_LABELS
from dashboards.app.pages.study_figures import findings_of
from dashboards.figures.learning import still_falls
from dashboards.figures.theme import THEMES, arm_styles, blank_figure, note_if_empty, set_title
from dashboards.figures.ticks import epoch_ticks
from dashboards.page.elements import element, joined, link
from dashboards.page.parts import drawing, facts, section, table
from dashboards.page.study import remarks
from explorer.architecture import Architecture
from explorer.complexity import layer_complexity
from explorer.drawing import svg
from explorer.errors import UnknownName, check_known
from explorer.layers import iter_layers
from explorer.own.names import is_own
from explorer.suggestions import command
from explorer.template import SIZES
from explorer.text import human_count, human_flops, human_time
from studies.results import Reader

COSTS = ("FLOPs", "Params", "Activations")
LAYER_HEADINGS = ("Layer", "Kind", "In", "Out", "Kernel", "Stride", "Groups", "Output", *COSTS)


def page(reader: Reader, name: str, design: str, seed: str, look: Look | None) -> list[Any]:
    """Raises `UserError` for a study, a design or a seed that is not there."""
    tables = reader.tables(name)
    trials = tables.trials
    check_known("design", design, sorted(set(trials["design"])))
    rows = trials[(trials["design"] == design) & (trials["seed"].astype(str) == seed)]
    if rows.empty:
        raise UnknownName(
            f"the study {name} has no seed {seed!r}; it has {trials['seed'].min()} to"
            f" {trials['seed'].max()}."
        )
    row = rows.iloc[0].to_dict()
    shape = {key: int(row[key]) for key in SIZES}
    network = _network(design, shape)
    curve = reader.curve(name, design, int(row["seed"]))
    attempts = reader.attempts(name, design, int(row["seed"]))
    theme = theme_of(look)
    styles = arm_styles(findings_of(reader, tables), theme)
    figure = trial_curves(errors_by_epoch(curve, row), styles[row["arm"]].color, theme)
    return [
        Still(element("p", link(name, study_path(name)), "\u2002one training", className="study"),
              *remarks(tables.info)),
        Still(element("h1", joined(_headline(row))), *_failure(row, attempts)),
        html.Div(framed("trial-curves", figure, look), className="single"),
        Still(
            section("The training", facts(_about(row))),
            section("Attempts", _attempts(attempts)) if len(attempts) > 1 else None,
            with_this_network(design),
            *network,
        ),
    ]  # fmt: skip


def _network(design: str, shape: dict[str, int]) -> list[Any]:
    """The network and its layers; of one of the user's own, whose code is not run here, the
    command that shows them."""
    if is_own(design):
        shown = element("code", command("describe", design, **shape))
        return [section("The network", element("p", "Its modules and their costs: ", shown))]
    architecture = Architecture.from_name(design, **shape)
    picture = drawing(svg(architecture), f"The network {design}")
    return [
        section("The network", picture),
        section("Its layers", layer_table(architecture)),
    ]


def _headline(row: dict[str, Any]) -> str:
    who = f"{row['arm']}, seed {row['seed']}"
    if row["status"] == "complete":
        return f"{who}: {percent(row['test_error'])} % test error"
    if row["status"] == "failed":
        return f"{who} failed: {row['reason']}"
    return f"{who} is {row['status']}" if row["status"] != "pruned" else f"{who} was pruned"


def _failure(row: dict[str, Any], attempts: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
    """Why it failed, and the last lines of its log."""
    failures = [written["failure"] for _, written in attempts if "failure" in written]
    if not failures:
        return []
    last = failures[-1]
    log = last.get("log") or []
    heading = "Why it failed" if row["status"] == "failed" else "An earlier attempt failed"
    lines = element("pre", "\n".join(map(str, log)), tabIndex=0) if log else None
    reason = element("p", str(last.get("reason")))
    return [section(heading, reason, lines, className="failure")]


def _about(row: dict[str, Any]) -> dict[str, Any]:
    took = [
        "" if pd.isna(row["seconds"]) else human_time(row["seconds"]),
        _written("{} epochs", row["epochs"]),
        _written("{:.0f} images a second", row["images_per_second"]),
    ]
    errors = {
        f"{split.capitalize()} error": f"{percent(row[f'{split}_error'])} %"
        for split in ("test", "validation", "train")
        if not pd.isna(row[f"{split}_error"])
    }
    memory, rule = row["peak_memory"], RULE_LABELS.get(row["by"], row["by"])
    return {
        "Design": row["design"],
        **errors,
        "Status": row["status"],
        "Cost": (
            f"{human_flops(row['flops'])} FLOPs, {human_count(row['params'])} params, "
            f"{human_count(row['activations'])} activations"
        ),
        "Mismatch": f"{signed_percent(row['mismatch'])} in {rule}",
        "Input": (
            f"{row['in_channels']}x{row['resolution']}x{row['resolution']}, {row['classes']}"
            " classes"
        ),
        "Time": ", ".join(filter(None, took)),
        "Peak memory": "" if pd.isna(memory) else f"{memory / 2**20:.0f} MiB",
        "Device": row["device"],
        "Worker": row["worker"],
        "Started": _written("{:%Y-%m-%d %H:%M:%S} UTC", row["started"]),
        "Finished": _written("{:%Y-%m-%d %H:%M:%S} UTC", row["finished"]),
    }


def _written(form: str, value: Any) -> str:
    return "" if pd.isna(value) else form.format(value)


def _attempts(attempts: list[tuple[Any, dict[str, Any]]]) -> Any:
    rows = tuple(
        (
            str(attempt.number),
            attempt.ended or "running",
            f"{attempt.worker.host}-{attempt.worker.id}",
            str(written.get("started") or NOTHING)[:19],
            str(written.get("finished") or NOTHING)[:19],
            str(written.get("failure", {}).get("reason", "")),
        )
        for attempt, written in attempts
    )
    headings = ("Attempt", "Ended", "Worker", "Started (UTC)", "Finished (UTC)", "Reason")
    words = frozenset(("Ended", "Worker", "Reason"))
    return table(TextTable(headings, rows, words), "Attempts at this training")


@dataclass(frozen=True)
class TrialChart:
    """What `trial_curves` shows: errors in % by epoch, a column a split."""

    title: str
    subtitle: str
    errors: pd.DataFrame


def errors_by_epoch(curve: pd.DataFrame, row: dict[str, Any]) -> TrialChart:
    """What `trial_curves` shows of a training, from its epochs and its row of `trials`."""
    splits = {split: 100 * curve[f"{split}_error"].to_numpy() for split in ("train", "validation")}
    errors = pd.DataFrame(splits, index=curve["epoch"].to_numpy())
    title = "No epoch is finished yet"
    if row["status"] == "complete":
        title = "The errors after each epoch are not known"  # trained elsewhere
    if len(errors):
        title = _course(errors["validation"], row["status"] == "running")
    subtitle = f"Error in % by epoch: {row['arm']}, seed {row['seed']}, this training"
    return TrialChart(title, subtitle, errors)


def _course(errors: pd.Series, is_running: bool) -> str:
    """Where the validation error ends, and its lowest where that was before."""
    last, lowest = float(errors.iloc[-1]), float(errors.min())
    words = f"Validation error {'so far:' if is_running else 'ends at'} {last:.2f} %"
    if last > lowest:
        return f"{words}, after {lowest:.2f} % in epoch {errors.idxmin()}"
    if len(errors) > 1 and last < errors.iloc[0]:
        return f"{words}, its lowest" + ("; it still falls" if still_falls(errors) else "")
    return words


def trial_curves(chart: TrialChart, color: str, theme: str = "light") -> go.Figure:
    """Training and validation error of one training by epoch, each named at its end."""
    figure, errors = blank_figure(theme), chart.errors
    epochs = errors.index.tolist()
    for split, dash in (("train", "dot"), ("validation", "solid")) if epochs else ():
        values, ends = errors[split].tolist(), errors.iloc[-1]
        figure.add_scatter(
            x=epochs, y=values, mode="lines+markers",
            line={"color": color, "width": 2.25, "dash": dash},
            marker={"size": 5, "color": color}, name=split,
            hovertemplate=f"{split} error %{{y:.2f}} %, epoch %{{x}}<extra></extra>",
        )  # fmt: skip
        is_upper = (split == "validation") == (ends["validation"] >= ends["train"])
        figure.add_annotation(
            x=epochs[-1], y=values[-1], text=split, showarrow=False, xanchor="left", xshift=8,
            yshift=7 if is_upper else -7, font={"color": THEMES[theme].ink, "size": 12.5},
        )  # fmt: skip
    last = max(epochs, default=1)
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(
        title={"text": "Epoch"}, tickformat="d", tickvals=epoch_ticks(last), tickangle=0,
        range=[1 - 0.03 * last, 1.03 * last],
    )  # fmt: skip
    figure.update_layout(margin={"r": 84, "b": 48})
    set_title(figure, chart.title, chart.subtitle, theme)
    note_if_empty(figure, epochs, theme)
    return figure


def layer_table(architecture: Architecture) -> Any:
    """Every layer with its counts; equal blocks stand once."""
    rows = []
    for layer in iter_layers(architecture):
        counts = (f"{int(value):,}" for value in vars(layer_complexity(layer)).values())
        size = f"{layer.out_channels}x{layer.size}x{layer.size}"
        kernel = f"{layer.kernel}x{layer.kernel}"
        ends = str(layer.in_channels), str(layer.out_channels)
        steps = str(layer.stride), str(layer.groups)
        rows.append((layer.names, layer.kind, *ends, kernel, *steps, size, *counts))
    return table(TextTable(LAYER_HEADINGS, tuple(rows), frozenset(("Layer", "Kind"))), "Layers")
