"""What the pages' controls change: callbacks between the browser and
the functions that make pages and figures."""

from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboards.app.pages import design, study
from dashboards.app.pages.parts import FRAME_PARTS, PARTS, Look, said
from dashboards.app.pages.question import INPUTS, Question
from dashboards.app.pages.selection import Selection
from dashboards.app.pages.study_figures import CURVES, FIGURES, SPENDING, outputs
from explorer.errors import UserError
from explorer.published import STUDIES
from studies.results import Reader

Choice = dict[str, Any]  # as `Selection.chosen` takes it
FIRST = 1  # the number of the choice that a page comes with, together with its tables


def add_study_callbacks(app: Dash, reader: Reader, data_dir: Path | None = None) -> None:
    """A study's page: its choices, its figures, and looking again while it runs. Its images are
    looked for in `data_dir`."""
    choice, look_now, name_now = (
        State("choice", "data"),
        State("look", "data"),
        State("study-name", "data"),
    )
    changed = Input("study-stamp", "data")

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
        *frames(("error",)), Output("study-shown", "children"), Output("results-drawn", "data"),
        Input("choice", "data"), Input("beside", "value"), changed, Input("look", "data"),
        name_now, State("results-drawn", "data"), *zooms_of(("error",)),
    )  # fmt: skip
    def error(
        choice: Choice, beside: str, _: str, look: Look | None, name: str, before: int, zoom: Any
    ) -> Any:
        asked = Selection.chosen(choice, beside=beside if beside in STUDIES else "")
        if ctx.triggered_id == "beside":  # a zoom might hide what is laid over
            zoom = None
        try:
            figure = outputs(reader, ("error",), name, asked, look, (zoom,))
            # The first is of the choice that the page came with, as are its tables.
            drawn = FIRST if ctx.triggered_id is None else (before or FIRST) + 1
            chosen = study.shown(reader, reader.tables(name), asked)
            return [*figure, chosen, drawn]
        except UserError as problem:
            return [*unchanged(("error",)), said(problem), no_update]

    @app.callback(
        *frames(("differences",)), drawn_of("differences"), due("differences"),
        State("beside", "value"), choice, look_now, name_now, *zooms_of(("differences",)),
        prevent_initial_call=True,
    )  # fmt: skip
    def differences(
        number: int, beside: str, choice: Choice, look: Look | None, name: str, zoom: Any
    ) -> Any:
        asked = Selection.chosen(choice, beside=beside if beside in STUDIES else "")
        try:
            return [*outputs(reader, ("differences",), name, asked, look, (zoom,)), number]
        except UserError:
            return [*unchanged(("differences",)), number]

    @app.callback(
        Output("study-numbers", "children"), drawn_of("numbers"), due("numbers"), choice, name_now,
        prevent_initial_call=True,
    )  # fmt: skip
    def numbers(number: int, choice: Choice, name: str) -> Any:
        try:
            if number == FIRST:
                return no_update, number
            return study.behind(reader, reader.tables(name), Selection.chosen(choice)), number
        except UserError:
            return no_update, number

    @app.callback(
        *frames(CURVES), drawn_of("curves"), due("curves"), choice, look_now, name_now,
        *zooms_of(CURVES), prevent_initial_call=True,
    )  # fmt: skip
    def curves(number: int, choice: Choice, look: Look | None, name: str, *zooms: Any) -> Any:
        try:
            asked = Selection.chosen(choice)
            return [*outputs(reader, CURVES, name, asked, look, zooms), number]
        except UserError:
            return [*unchanged(CURVES), number]

    @app.callback(
        *frames(SPENDING), drawn_of("costs"), due("costs"), last_drawn("costs"),
        Input("cost-by", "value"), choice,
        look_now, name_now, *zooms_of(SPENDING), prevent_initial_call=True,
    )  # fmt: skip
    def costs(
        number: int, drawn: int, by: str, choice: Choice, look: Look | None, name: str, *zooms: Any
    ) -> Any:
        asked = Selection.chosen(choice, cost=by)
        is_other = ctx.triggered_id == "cost-by"  # on it a zoom into the axis before means nothing
        zooms = (None, zooms[1]) if is_other else zooms
        try:
            if is_other and drawn == number:
                figure = outputs(reader, ("cost",), name, asked, look, zooms[:1])
                return [*figure, *unchanged(("speed",)), no_update]
            return [*outputs(reader, SPENDING, name, asked, look, zooms), number]
        except UserError:
            return [*unchanged(SPENDING), number]

    # It reads what no figure needs, perhaps also the data.
    @app.callback(
        Output("study-missed", "children"), Output("missed-shown", "data"), drawn_of("missed"),
        due("missed"), State("missed-shown", "data"), name_now,
        prevent_initial_call=True,
    )  # fmt: skip
    def got_wrong(number: int, before: str, name: str) -> Any:
        try:
            tables = reader.tables(name)
            if tables.stamp == before:  # it is of the whole study, whatever is chosen
                return no_update, no_update, number
            return study.got_wrong(reader, tables, data_dir), tables.stamp, number
        except UserError:
            return no_update, no_update, number

    @app.callback(
        Output("study-trainings", "children"), drawn_of("trainings"), due("trainings"),
        Input("order", "value"), Input("page-shown", "data"), choice, name_now,
        prevent_initial_call=True,
    )  # fmt: skip
    def trainings(number: int, order: str, page: int, choice: Choice, name: str) -> Any:
        if ctx.triggered_id == due("trainings").component_id and number == FIRST:
            return no_update, number
        try:
            asked = Selection.chosen(choice, order=order, page=page)
            return study.trainings(reader, reader.tables(name), asked), number
        except UserError:
            return no_update, number

    app.clientside_callback(
        ClientsideFunction("explorer", "choice"), Output("choice", "data"),
        Input("arms", "value"), Input("statuses", "value"), Input("seeds", "value"),
        State("arms", "options"), State("statuses", "options"), prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "allDue"), Output("sink", "data", allow_duplicate=True),
        Input("results-drawn", "data"), State("study-stamp", "data"), prevent_initial_call=True,
    )  # fmt: skip
    for part in PARTS:
        app.clientside_callback(
            ClientsideFunction("explorer", "drawn"), Output("sink", "data", allow_duplicate=True),
            Input(f"part-{part}", "data-drawn"), prevent_initial_call=True,
        )  # fmt: skip
    add_zooms(app, FIGURES)
    app.clientside_callback(
        ClientsideFunction("explorer", "turn"), Output("page-shown", "data"),
        Input("page-back", "n_clicks"),
        Input("page-on", "n_clicks"), State("page-shown", "data"), prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "study"), Output("sink", "data", allow_duplicate=True),
        Input("choice", "data"),
        Input("order", "value"), Input("page-shown", "data"), Input("cost-by", "value"),
        Input("beside", "value"), State("own-cost", "data"),
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


def due(part: str) -> Input:
    """When a part of a study's page is to be drawn anew: the number of the choice, which the page's
    script (`PARTS` of pages/parts.py say how) puts there."""
    return Input(f"part-{part}", "data-due")


def drawn_of(part: str) -> Output:
    """Where the number goes once the part is drawn."""
    return Output(f"part-{part}", "data-drawn")


def last_drawn(part: str) -> State:
    """The number that the part was last drawn for. Where it is due, a control of its own that
    overtakes that has all of it drawn: the browser drops the answer that was overtaken."""
    return State(f"part-{part}", "data-drawn")


def add_zooms(app: Dash, keys: tuple[str, ...]) -> None:
    """Zooms into these figures outlast one of the other axis, and another size of the window, which
    Plotly tells in their place."""
    for key in keys:
        app.clientside_callback(
            ClientsideFunction("explorer", "zoomed"), Output(key, "relayoutData"),
            Input(key, "relayoutData"), prevent_initial_call=True,
        )  # fmt: skip


def zooms_of(keys: tuple[str, ...]) -> list[State]:
    """What the reader has zoomed to in the figures of these keys; the page's script (`ANEW` in
    app.js) forgets what a choice makes them give up."""
    return [State(key, "relayoutData") for key in keys]


def frames(keys: tuple[str, ...]) -> list[Output]:
    """Where figures go: all parts of the frames of these keys."""
    return [Output(f"{key}{part}", what) for key in keys for part, what in FRAME_PARTS]


def unchanged(keys: tuple[str, ...]) -> list[Any]:
    """What leaves these frames as they are."""
    return [no_update] * (len(FRAME_PARTS) * len(keys))
