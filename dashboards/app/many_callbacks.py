"""What keeps the parts for many designs of a study's page in step with its controls."""

from collections.abc import Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import names_of
from dashboards.app.callbacks import (
    add_zooms,
    drawn_of,
    due,
    frames,
    last_drawn,
    unchanged,
    zooms_of,
)
from dashboards.app.pages import many
from dashboards.app.pages.many import MATTERS
from dashboards.app.pages.parts import Still, labelled_options
from dashboards.app.pages.selection import Selection
from dashboards.app.pages.study_figures import chosen_findings, findings_of, outputs
from dashboards.page.many import lines_table
from explorer.errors import UserError
from studies.results import Reader

_STATES = (State("choice", "data"), State("look", "data"), State("study-name", "data"))


def add_many_callbacks(app: Dash, reader: Reader) -> None:
    """A choice on the page changes them all, each when it is due; a choice of axes its own figure
    only."""

    def drawn(
        keys: Sequence[str], states: Sequence[Any], zooms: Sequence[Any], **asked: str
    ) -> list[Any]:
        choice, look, name = states
        return outputs(reader, keys, name, Selection.chosen(choice, **asked), look, zooms)

    def chosen_of(states: Sequence[Any]) -> Findings:
        choice, _, name = states
        return chosen_findings(reader, reader.tables(name), Selection.chosen(choice))

    @app.callback(
        *frames(MATTERS), Output("quantity", "options"), drawn_of("matters"),
        due("matters"), last_drawn("matters"), Input("quantity", "value"), *_STATES,
        *zooms_of(MATTERS), prevent_initial_call=True,
    )  # fmt: skip
    def quantities(number: int, before: int, quantity: str, *states: Any) -> list[Any]:
        *known, trend, strength = states
        is_other = ctx.triggered_id == "quantity"  # on it a zoom into the axis before means nothing
        trend = None if is_other else trend
        try:
            if is_other and before == number:
                figure = drawn(("trend",), known, (trend,), quantity=quantity)
                return [*figure, *unchanged(("strength",)), no_update, no_update]
            figures = drawn(MATTERS, known, (trend, strength), quantity=quantity)
            options = names_of(findings_of(reader, reader.tables(known[-1])).quantities)
            return [*figures, labelled_options(options), number]
        except UserError:
            return [*unchanged(MATTERS), no_update, number]

    @app.callback(
        *frames(("map",)), drawn_of("map"), due("map"), Input("pair", "value"), *_STATES,
        prevent_initial_call=True,
    )  # fmt: skip
    def over_two_axes(number: int, pair: str, *states: Any) -> list[Any]:
        try:
            return [*drawn(("map",), states, (None,), pair=pair), number]
        except UserError:
            return [*unchanged(("map",)), number]

    @app.callback(
        *frames(("triangle",)), drawn_of("triangle"), due("triangle"), *_STATES,
        prevent_initial_call=True,
    )  # fmt: skip
    def triangle(number: int, *states: Any) -> list[Any]:
        try:
            return [*drawn(("triangle",), states, (None,)), number]
        except UserError:
            return [*unchanged(("triangle",)), number]

    @app.callback(
        *frames(("extremes",)), Output("study-extremes", "children"), drawn_of("extremes"),
        due("extremes"), *_STATES, prevent_initial_call=True,
    )  # fmt: skip
    def best_and_worst(number: int, *states: Any) -> list[Any]:
        try:
            cards = many.extremes(chosen_of(states), states[-1])
            return [*drawn(("extremes",), states, (None,)), cards, number]
        except UserError:
            return [*unchanged(("extremes",)), no_update, number]

    @app.callback(
        *frames(("parallel",)), Output("study-lines", "children"), drawn_of("lines"), due("lines"),
        *_STATES, prevent_initial_call=True,
    )  # fmt: skip
    def lines(number: int, *states: Any) -> list[Any]:
        try:
            listed = Still(*lines_table(chosen_of(states)))
            return [*drawn(("parallel",), states, (None,)), listed, number]
        except UserError:
            return [*unchanged(("parallel",)), no_update, number]

    add_zooms(app, MATTERS)
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
