"""What keeps the parts for many designs of a study's page in step with its controls."""

from collections.abc import Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboards.analysis.quantities import names_of
from dashboards.app.callbacks import frames, selection, unchanged, zooms_of
from dashboards.app.pages import many
from dashboards.app.pages.parts import Still, labelled_options
from dashboards.app.pages.study_figures import chosen_findings, findings_of, outputs
from dashboards.page.many import lines_table
from explorer.errors import UserError
from studies.results import Reader

# What a study's page shows is read from here; these figures come after those of results.
_STATES = (
    State("arms", "value"),
    State("statuses", "value"),
    State("seeds", "value"),
    State("arms", "options"),
    State("look", "data"),
    State("study-name", "data"),
)


def add_many_callbacks(app: Dash, reader: Reader) -> None:
    """Their figures follow those of results, and a choice changes its own figure only."""
    results_are_drawn = Input("results-drawn", "data")

    def drawn(
        keys: Sequence[str], states: Sequence[Any], zooms: Sequence[Any], **asked: str
    ) -> list[Any]:
        arms, statuses, seeds, options, look, name = states
        chosen = selection(arms, statuses, seeds, options, **asked)
        figures = zip(keys, zooms, strict=True)
        return [
            part
            for key, zoom in figures
            for part in outputs(reader, key, name, chosen, look, (zoom,))
        ]

    @app.callback(
        *frames(("trend", "strength")), Output("quantity", "options"), results_are_drawn,
        Input("quantity", "value"), *_STATES, *zooms_of(("trend", "strength")),
        prevent_initial_call=True,
    )  # fmt: skip
    def quantities(_: int, quantity: str, *states: Any) -> list[Any]:
        *known, trend, strength = states
        try:
            if ctx.triggered_id == "quantity":  # a zoom into the axis before means nothing
                figures = drawn(("trend",), known, (None,), quantity=quantity)
                return [*figures, *unchanged(("strength",)), no_update]
            figures = drawn(("trend", "strength"), known, (trend, strength), quantity=quantity)
            options = names_of(findings_of(reader, reader.tables(known[-1])).quantities)
            return [*figures, labelled_options(options)]
        except UserError:
            return [*unchanged(("trend", "strength")), no_update]

    @app.callback(
        *frames(("map",)), results_are_drawn, Input("pair", "value"), *_STATES,
        prevent_initial_call=True,
    )  # fmt: skip
    def over_two_axes(_: int, pair: str, *states: Any) -> list[Any]:
        try:
            return drawn(("map",), states, (None,), pair=pair)
        except UserError:
            return unchanged(("map",))

    @app.callback(*frames(("triangle",)), results_are_drawn, *_STATES, prevent_initial_call=True)
    def triangle(_: int, *states: Any) -> list[Any]:
        try:
            return drawn(("triangle",), states, (None,))
        except UserError:
            return unchanged(("triangle",))

    @app.callback(
        *frames(("extremes",)), Output("study-extremes", "children"), results_are_drawn, *_STATES,
        prevent_initial_call=True,
    )  # fmt: skip
    def best_and_worst(_: int, *states: Any) -> list[Any]:
        *chosen, _, name = states
        try:
            tables = reader.tables(name)
            findings = chosen_findings(reader, tables, selection(*chosen))
            return [*drawn(("extremes",), states, (None,)), many.extremes(findings, name)]
        except UserError:
            return [*unchanged(("extremes",)), no_update]

    @app.callback(
        *frames(("parallel",)), Output("study-lines", "children"), results_are_drawn, *_STATES,
        prevent_initial_call=True,
    )  # fmt: skip
    def lines(_: int, *states: Any) -> list[Any]:
        *chosen, _, name = states
        try:
            findings = chosen_findings(reader, reader.tables(name), selection(*chosen))
            return [*drawn(("parallel",), states, (None,)), Still(*lines_table(findings))]
        except UserError:
            return [*unchanged(("parallel",)), no_update]

    app.clientside_callback(
        ClientsideFunction("explorer", "brush"),
        Output("sink", "data", allow_duplicate=True),
        Input("parallel", "restyleData"),
        Input("study-lines", "children"),
        prevent_initial_call=True,
    )

    for control in ("quantity", "pair"):
        app.clientside_callback(
            ClientsideFunction("explorer", "further"),
            Output("sink", "data", allow_duplicate=True),
            Input(control, "value"), prevent_initial_call=True,
        )  # fmt: skip
