"""What the pages' controls change: callbacks between the browser and
the functions that make pages and figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboards.app.pages import design, study
from dashboards.app.pages.parts import FRAME_PARTS, Look, said
from dashboards.app.pages.question import INPUTS, Question
from dashboards.app.pages.selection import Selection
from dashboards.app.pages.study_figures import CURVES, RESULTS, SPENDING, outputs
from explorer.errors import UserError
from explorer.published import STUDIES
from studies.attempts.attempt import STATUSES
from studies.results import Reader


def add_study_callbacks(app: Dash, reader: Reader, data_dir: Path | None = None) -> None:
    """A study's page: its choices, its figures, and looking again while it runs. Its images are
    looked for in `data_dir`."""
    chosen = [Input("arms", "value"), Input("statuses", "value"), Input("seeds", "value")]
    every_arm = State("arms", "options")
    changed, look_now, name_now = (
        Input("study-stamp", "data"),
        Input("look", "data"),
        State("study-name", "data"),
    )
    # A choice shows first in the figures of results; those further down
    # follow, lest all compete for one processor.
    results_are_drawn = Input("results-drawn", "data")
    then = [State(choice.component_id, choice.component_property) for choice in chosen]

    @app.callback(
        Output("study-stamp", "data"), Output("trouble", "children"),
        Input("study-tick", "n_intervals"),
        State("study-stamp", "data"), name_now, prevent_initial_call=True,
    )  # fmt: skip
    def look_again(_: int, before: str, name: str) -> Any:
        try:
            stamp = reader.stamp(name)
        except UserError as error:
            return no_update, said(error)
        return (no_update if stamp == before else stamp), ""

    @app.callback(
        Output("study-head", "children"),
        Output("study-rest", "children"),
        changed,
        name_now,
        prevent_initial_call=True,
    )
    def head(_: str, name: str) -> Any:
        try:
            tables = reader.tables(name)
        except UserError:  # said by the look that found the change
            return no_update, no_update
        return study.head(reader, tables), study.rest(reader, tables)

    @app.callback(
        *frames(RESULTS), Output("study-shown", "children"), Output("results-drawn", "data"),
        *chosen, Input("beside", "value"), changed, look_now, name_now, every_arm,
        State("results-drawn", "data"), *zooms_of(RESULTS),
    )  # fmt: skip
    def results(
        arms: Any, statuses: Any, seeds: Any, beside: str, _: str, look: Look | None, name: str,
        options: Any, before: int, *zooms: Any
    ) -> Any:  # fmt: skip
        asked = selection(
            arms, statuses, seeds, options, beside=beside if beside in STUDIES else ""
        )
        if ctx.triggered_id == "beside":  # a zoom might hide what is laid over
            zooms = (None,) * len(zooms)
        try:
            figures = outputs(reader, "results", name, asked, look, zooms)
            # The first is of the choice that the page came with, as are its tables.
            drawn = 1 if ctx.triggered_id is None else (before or 1) + 1
            return [*figures, study.shown(reader.tables(name), asked), drawn]
        except UserError as error:
            return [*unchanged(RESULTS), said(error), no_update]

    @app.callback(
        *frames(CURVES), Output("study-numbers", "children"), results_are_drawn,
        *then, State("look", "data"), name_now, every_arm, *zooms_of(CURVES),
        prevent_initial_call=True,
    )  # fmt: skip
    def curves(
        drawn: int, arms: Any, statuses: Any, seeds: Any, look: Look | None, name: str,
        options: Any, *zooms: Any
    ) -> Any:  # fmt: skip
        asked = selection(arms, statuses, seeds, options)
        try:
            figures = outputs(reader, "curves", name, asked, look, zooms)
            if drawn == 1:  # the page came with the table
                return [*figures, no_update]
            return [*figures, study.behind(reader, reader.tables(name), asked)]
        except UserError:
            return [*unchanged(CURVES), no_update]

    @app.callback(
        *frames(SPENDING), results_are_drawn, Input("cost-by", "value"), *then,
        State("look", "data"), name_now, every_arm,
        *zooms_of(SPENDING), prevent_initial_call=True,
    )  # fmt: skip
    def costs(
        _: int, by: str, arms: Any, statuses: Any, seeds: Any, look: Look | None, name: str,
        options: Any, *zooms: Any
    ) -> Any:  # fmt: skip
        asked = selection(arms, statuses, seeds, options, cost=by)
        try:
            if ctx.triggered_id == "cost-by":  # another axis: a zoom into the old one means nothing
                return [
                    *outputs(reader, "cost", name, asked, look, (None,)),
                    *unchanged(("speed",)),
                ]
            figures = zip(SPENDING, zooms, strict=True)
            return [
                part
                for key, zoom in figures
                for part in outputs(reader, key, name, asked, look, (zoom,))
            ]
        except UserError:
            return unchanged(SPENDING)

    # Last of all: it reads what no figure needs, perhaps also the data.
    @app.callback(
        Output("study-missed", "children"), Output("missed-shown", "data"),
        Input("speed-title", "children"), State("missed-shown", "data"), name_now,
        prevent_initial_call=True,
    )  # fmt: skip
    def got_wrong(_: str, before: str, name: str) -> Any:
        try:
            tables = reader.tables(name)
            if tables.stamp == before:  # it is of the whole study, whatever is chosen
                return no_update, no_update
            return study.got_wrong(reader, tables, data_dir), tables.stamp
        except UserError:
            return no_update, no_update

    @app.callback(
        Output("study-trainings", "children"), results_are_drawn, Input("order", "value"),
        Input("page-shown", "data"), *then,
        name_now, every_arm, prevent_initial_call=True,
    )  # fmt: skip
    def trainings(
        drawn: int, order: str, page: int, arms: Any, statuses: Any, seeds: Any, name: str,
        options: Any
    ) -> Any:  # fmt: skip
        if ctx.triggered_id == "results-drawn" and drawn == 1:  # the page came with them
            return no_update
        try:
            asked = selection(arms, statuses, seeds, options, order=order, page=page)
            return study.trainings(reader, reader.tables(name), asked)
        except UserError:
            return no_update

    app.clientside_callback(
        ClientsideFunction("explorer", "turn"), Output("page-shown", "data"),
        Input("page-back", "n_clicks"),
        Input("page-on", "n_clicks"), State("page-shown", "data"), prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "study"), Output("sink", "data", allow_duplicate=True),
        *chosen,
        Input("order", "value"), Input("page-shown", "data"), Input("cost-by", "value"),
        Input("beside", "value"), every_arm, State("statuses", "options"),
        State("own-cost", "data"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "open"), Output("url", "pathname"),
        Input("error", "clickData"),
        State("study-name", "data"), prevent_initial_call=True,
    )  # fmt: skip


def add_design_callbacks(app: Dash) -> None:
    """The design page: every control answers at once."""
    keys = ("reference", "factor", "by", "solve", "most", "multiple", "policy", *INPUTS)
    controls = [Input(key, "value") for key in keys]
    answers = ("design-table", "design-paper", "design-drawing", "design-problem")
    labels = ("factor-value", "most-name", "most-value", "multiple-value")

    @app.callback(
        *frames(("matched",)), *(Output(key, "children") for key in (*answers, *labels)),
        Output("policy-field", "hidden"), Output("by", "options"), Output("solve", "options"),
        *controls, Input("design-shown", "data"), Input("look", "data"),
    )  # fmt: skip
    def answer(*values: Any) -> Any:
        *chosen, shown, look = values
        asked = Question.read({**dict(zip(keys, chosen, strict=True)), "shown": shown})
        return design.answer_outputs(asked, look)

    app.clientside_callback(
        ClientsideFunction("explorer", "shown"), Output("design-shown", "data"),
        Input("matched", "clickData"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "design"), Output("sink", "data", allow_duplicate=True),
        *controls, Input("design-shown", "data"), prevent_initial_call=True,
    )  # fmt: skip


def selection(
    arms: Any, statuses: Any, seeds: Any, options: Sequence[Any], **more: Any
) -> Selection:
    """What the controls of a study's page choose; `options` are all arms."""
    return Selection(
        None if arms is None or len(arms) == len(options) else tuple(arms),
        None if statuses is None or len(statuses) == len(STATUSES) else tuple(statuses),
        seeds or "", **more,
    )  # fmt: skip


def zooms_of(keys: tuple[str, ...]) -> list[State]:
    """What the reader has zoomed to in the figures of these keys."""
    return [State(key, "relayoutData") for key in keys]


def frames(keys: tuple[str, ...]) -> list[Output]:
    """Where figures go: all parts of the frames of these keys."""
    return [Output(f"{key}{part}", what) for key in keys for part, what in FRAME_PARTS]


def unchanged(keys: tuple[str, ...]) -> list[Any]:
    """What leaves these frames as they are."""
    return [no_update] * (len(FRAME_PARTS) * len(keys))
