"""The live app: addresses to pages, callbacks between controls and figures, and the server on this machine.

All state is in the address, so every view is a link. The server answers from `dashboards.reading`, which only reads. A page's first sight
is plain HTML made from the same components, so that numbers stand there before any script has run.
"""

import gzip
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import unquote

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from flask import Response, abort, request

from dashboards.pages import compare, design, overview, paper, study, trial
from dashboards.pages.parts import Look, labelled, to_html
from dashboards.reading import Reader
from explorer.errors import UserError
from studies.claims import STATUSES

EVERY = 2.0  # seconds between two looks at the storage
LOCAL = ("127.0.0.1", "localhost", "::1")
LINKS = (("Studies", "/"), ("Compare", "/compare"), ("Design", "/design"), ("Paper", "/paper"))


def create_app(reader: Reader, *, every: float = EVERY, local: bool = True) -> Dash:
    """The app for one storage. `local` turns away requests that name another host, as a page elsewhere could make a browser send."""
    app = Dash(
        "resnext-explorer",
        assets_folder=str(files("dashboards").joinpath("assets")),
        suppress_callback_exceptions=True,
        serve_locally=True,
        title="resnext-explorer",
        update_title="",
        compress=False,
        include_assets_files=True,
    )
    app.layout = lambda: _layout(reader)
    app.interpolate_index = lambda **parts: _index(app, reader, **parts)  # type: ignore[method-assign]
    _add_page_callbacks(app, reader, every)
    _add_study_callbacks(app, reader)
    _add_design_callbacks(app)
    _add_routes(app, reader, local)
    return app


def _layout(reader: Reader) -> Any:
    return [
        dcc.Location(id="url", refresh=False),
        dcc.Store(id="look"),
        dcc.Store(id="title"),
        dcc.Store(id="sink"),
        *_frame(html.Main(id="page", tabIndex=-1), reader),
    ]


def _frame(main: Any, reader: Reader) -> list[Any]:
    """Header, page and footer."""
    links = [dcc.Link(text, href=href) for text, href in LINKS]
    return [
        html.A("To the content", href="#page", className="skip"),
        html.Header(labelled(html.Nav([html.Span("resnext-explorer", className="brand"), *links]), "Pages")),
        main,
        html.Footer([html.P("", id="trouble", role="status"), html.P(f"Read only, from {reader.storage.shown}")]),
    ]


def show(
    reader: Reader, pathname: str | None, search: str | None, look: Look | None, every: float = EVERY
) -> list[Any]:
    """The page at an address; a mistake, or what is not there, is a page that says so."""
    path = [unquote(part) for part in (pathname or "/").split("/") if part]
    try:
        match path:
            case []:
                return overview.page(reader, every)
            case ["study", name]:
                return study.page(reader, name, search, every)
            case ["study", name, "trial", network, seed]:
                return trial.page(reader, name, network, seed, look)
            case ["compare"]:
                return compare.page(reader, search, look)
            case ["design"]:
                return design.page(search)
            case ["paper"]:
                return paper.page()
    except UserError as error:
        return [html.H1("This cannot be shown"), html.P(str(error), className="more")]
    return [html.H1("There is no such page"), html.P(dcc.Link("All studies", href="/"))]


def _add_page_callbacks(app: Dash, reader: Reader, every: float) -> None:
    app.clientside_callback(
        ClientsideFunction("explorer", "look"), Output("look", "data"), Input("url", "pathname"), State("look", "data")
    )

    @app.callback(Output("page", "children"), Input("url", "pathname"), Input("url", "search"), Input("look", "data"))
    def page(pathname: str, search: str, look: Look | None) -> Any:
        return no_update if look is None else show(reader, pathname, search, look, every)

    app.clientside_callback(
        ClientsideFunction("explorer", "arrived"), Output("title", "data"), Input("page", "children")
    )

    @app.callback(
        Output("overview", "children"), Output("overview", "data-stamp"), Input("overview-tick", "n_intervals"),
        State("overview", "data-stamp"), prevent_initial_call=True,
    )  # fmt: skip
    def refresh(_: int, before: str | None) -> Any:
        stamp = overview.stamp(reader)
        return (no_update, no_update) if stamp == before else (overview.content(reader), stamp)

    @app.callback(
        Output("comparison", "children"), Input("compared", "value"), State("look", "data"), prevent_initial_call=True
    )
    def compared(names: list[str], look: Look | None) -> Any:
        return compare.content(reader, names or [], look)

    app.clientside_callback(
        ClientsideFunction("explorer", "compared"), Output("sink", "data"), Input("compared", "value"),
        prevent_initial_call=True,
    )  # fmt: skip


def _add_study_callbacks(app: Dash, reader: Reader) -> None:
    chosen = [Input("arms", "value"), Input("statuses", "value"), Input("seeds", "value")]
    every_arm = State("arms", "options")
    common = [*chosen, Input("study-stamp", "data"), Input("look", "data"), State("study-name", "data"), every_arm]

    def selection(
        arms: Any, statuses: Any, seeds: Any, options: Any, order: str = "arm", leaf: int = 1
    ) -> study.Selection:
        return study.Selection(
            None if arms is None or len(arms) == len(options) else tuple(arms),
            None if statuses is None or len(statuses) == len(STATUSES) else tuple(statuses),
            seeds or "", order, leaf,
        )  # fmt: skip

    @app.callback(
        Output("study-stamp", "data"), Output("trouble", "children"), Input("study-tick", "n_intervals"),
        State("study-stamp", "data"), State("study-name", "data"), prevent_initial_call=True,
    )  # fmt: skip
    def look_again(_: int, before: str, name: str) -> Any:
        try:
            stamp = reader.stamp(name)
        except UserError as error:
            return no_update, str(error)
        return (no_update if stamp == before else stamp), ""

    @app.callback(
        Output("study-head", "children"), Output("study-rest", "children"), Input("study-stamp", "data"),
        State("study-name", "data"), prevent_initial_call=True,
    )  # fmt: skip
    def head(_: str, name: str) -> Any:
        tables = reader.tables(name)
        return study.head(tables), study.rest(tables)

    @app.callback(
        *_frames(study.RESULTS),
        Output("study-numbers", "children"),
        Output("study-shown", "children"),
        *common,
        *_zooms(study.RESULTS),
    )
    def results(
        arms: Any, statuses: Any, seeds: Any, _: str, look: Look | None, name: str, options: Any, *zooms: Any
    ) -> Any:  # fmt: skip
        asked, tables = selection(arms, statuses, seeds, options), reader.tables(name)
        try:
            figures = study.result_figures(tables, asked, look)
        except UserError as error:
            return [*[no_update] * (3 * len(study.RESULTS) + 1), str(error)]
        outputs = study.figure_outputs(figures, look, name, study.RESULTS, zooms)
        return [*outputs, study.numbers(tables, asked), study.shown(tables, asked)]

    @app.callback(*_frames(study.CURVES), *common, *_zooms(study.CURVES))
    def curves(
        arms: Any, statuses: Any, seeds: Any, _: str, look: Look | None, name: str, options: Any, *zooms: Any
    ) -> Any:  # fmt: skip
        asked = selection(arms, statuses, seeds, options)
        try:
            figures = study.curve_figures(reader.tables(name), reader.curves(name), asked, look)
        except UserError:
            return [no_update] * (3 * len(study.CURVES))
        return study.figure_outputs(figures, look, name, study.CURVES, zooms)

    @app.callback(*_frames(study.COSTS), *common[:5], Input("cost-by", "value"), *common[5:])
    def costs(
        arms: Any, statuses: Any, seeds: Any, _: str, look: Look | None, by: str, name: str, options: Any
    ) -> Any:  # fmt: skip
        asked = selection(arms, statuses, seeds, options)
        try:
            figures = study.cost_figures(reader.tables(name), asked, by, look)
        except UserError:
            return [no_update] * (3 * len(study.COSTS))
        return study.figure_outputs(figures, look, f"{name} {by}", study.COSTS, (None, None))

    @app.callback(
        Output("study-trainings", "children"), *chosen, Input("study-stamp", "data"), Input("order", "value"),
        Input("leaf", "data"), State("study-name", "data"), every_arm, prevent_initial_call=True,
    )  # fmt: skip
    def trainings(
        arms: Any, statuses: Any, seeds: Any, _: str, order: str, leaf: int, name: str, options: Any
    ) -> Any:  # fmt: skip
        try:
            return study.trainings(reader.tables(name), selection(arms, statuses, seeds, options, order, leaf))
        except UserError:
            return no_update

    app.clientside_callback(
        ClientsideFunction("explorer", "leaf"), Output("leaf", "data"), Input("leaf-back", "n_clicks"),
        Input("leaf-on", "n_clicks"), State("leaf", "data"), prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "study"), Output("sink", "data", allow_duplicate=True), *chosen,
        Input("order", "value"), Input("leaf", "data"), Input("cost-by", "value"), every_arm, State("statuses", "options"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "open"), Output("url", "pathname"), Input("error", "clickData"),
        State("study-name", "data"), prevent_initial_call=True,
    )  # fmt: skip


def _add_design_callbacks(app: Dash) -> None:
    keys = ("reference", "factor", "by", "solve", "most", "multiple", "policy")
    controls = [Input(key, "value") for key in keys]
    answers = ("design-table", "design-paper", "design-drawing", "design-problem")
    labels = ("factor-value", "most-name", "most-value", "multiple-value")

    @app.callback(
        *_frames(("matched",)), *(Output(key, "children") for key in (*answers, *labels)),
        Output("policy-field", "hidden"), *controls, Input("design-shown", "data"), Input("look", "data"),
    )  # fmt: skip
    def answer(
        reference: str, factor: Any, by: str, solve: str, most: Any, multiple: Any, policy: str, *rest: Any
    ) -> Any:
        shown, look = rest
        places = (int(float(value)) for value in (factor, most, multiple))
        factor, most, multiple = places
        asked = design.Question((reference or "").strip(), factor, by, solve, most, multiple, policy, shown or "")
        return design.answer_outputs(asked, look)

    app.clientside_callback(
        ClientsideFunction("explorer", "shown"), Output("design-shown", "data"), Input("matched", "clickData"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explorer", "design"), Output("sink", "data", allow_duplicate=True),
        *controls, Input("design-shown", "data"), prevent_initial_call=True,
    )  # fmt: skip


def _zooms(keys: tuple[str, ...]) -> list[State]:
    return [State(key, "relayoutData") for key in keys]


def _frames(keys: tuple[str, ...]) -> list[Output]:
    parts = (("", "figure"), ("-title", "children"), ("-below", "children"))
    return [Output(f"{key}{part}", what) for key in keys for part, what in parts]


def _index(app: Dash, reader: Reader, **parts: str) -> str:
    """The document: styles, the first sight of the page, scripts. Plotly, the largest script, is asked for at once."""
    content = show(reader, request.path, f"?{request.query_string.decode()}", None)
    first = to_html(_frame(html.Main(content, tabIndex=-1), reader))
    heading = next((node.children for node in content if isinstance(node, html.H1)), "")
    plotly = next((path for path in _script_paths(parts["scripts"]) if "plotly" in path), "")
    return Template(_resource("app.html")).substitute(
        title=to_html(heading if isinstance(heading, str) else "") or "resnext-explorer",
        style=_resource("report.css"),
        css=parts["css"],
        preload=f'<link rel="preload" as="script" href="{plotly}">' if plotly else "",
        first=first,
        config=parts["config"],
        scripts=parts["scripts"],
        renderer=parts["renderer"],
    )


def _script_paths(scripts: str) -> list[str]:
    return [part.split('"', 1)[0] for part in scripts.split('src="')[1:]]


@lru_cache(maxsize=8)
def _resource(name: str) -> str:
    return files("dashboards").joinpath(name).read_text(encoding="utf-8")


def _add_routes(app: Dash, reader: Reader, local: bool) -> None:
    server = app.server
    squeezed: dict[str, bytes] = {}
    inline = " ".join(app.csp_hashes())  # the one line that starts Dash

    @server.before_request
    def only_this_host() -> None:
        if local and request.host.rsplit(":", 1)[0].strip("[]") not in LOCAL:
            abort(403)

    @server.route("/download/<name>/<kind>.csv")
    def download(name: str, kind: str) -> Response:
        try:
            table = {"trials": lambda: reader.tables(name).trials, "curves": lambda: reader.curves(name)}.get(kind)
            if table is None:
                abort(404)
            return Response(table().to_csv(index=False, lineterminator="\n"), mimetype="text/csv")
        except UserError:
            abort(404)

    @server.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {inline}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return _compressed(response, squeezed)


def _compressed(response: Response, squeezed: dict[str, bytes]) -> Response:
    """Squeeze what is text and not small; files, whose address carries their version, once."""
    if "gzip" not in request.headers.get("Accept-Encoding", "") or response.status_code != 200:
        return response
    kind = response.mimetype or ""
    if not (kind.startswith("text/") or kind.endswith(("json", "javascript"))):
        return response
    is_file = request.path.startswith(("/_dash-component-suites", "/assets"))
    key = request.full_path
    if not (is_file and key in squeezed):
        response.direct_passthrough = False
        data = response.get_data()
        if len(data) < 1024:
            return response
        small = gzip.compress(data, compresslevel=6 if is_file else 2)
        if is_file:
            squeezed[key] = small
    else:
        small = squeezed[key]
    response.direct_passthrough = False
    response.set_data(small)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def warm_up(reader: Reader) -> threading.Thread:
    """Read all studies in the background, so that the first page finds them read; whatever goes wrong is told by the page."""

    def read() -> None:
        try:
            for one in reversed(reader.studies()):
                reader.tables(one.name)
                reader.curves(one.name)
        except UserError:
            return

    thread = threading.Thread(target=read, name="warm-up", daemon=True)
    thread.start()
    return thread


def serve(reader: Reader, host: str, port: int, told: Callable[[str], None]) -> None:
    """Serve until interrupted; `told` gets the address once it answers. Raises `UserError` for a port or host that cannot be had."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # keeps connections open

        def log(self, *_: Any, **__: Any) -> None:
            return

    app = create_app(reader, local=host in LOCAL)
    try:
        server = make_server(host, port, app.server, threaded=True, request_handler=Handler)
    except (OSError, SystemExit) as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or 'the port is taken'}. "
            "Another port is chosen with --port, and any free one with --port 0."
        ) from None
    shown = f"[{host}]" if ":" in host else host
    told(f"http://{shown}:{server.server_port}/")
    warm_up(reader)
    try:
        server.serve_forever()
    finally:
        server.server_close()
        reader.storage.close()
