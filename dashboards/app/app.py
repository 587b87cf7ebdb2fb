"""The live app: addresses to pages, callbacks between controls
and figures, and the server on this machine.

All state is in the address, so every view is a link. The server answers from a `Reader`, which only
reads. A page's first sight is plain HTML made from the same components, so that numbers stand there
before any script has run.
"""

import gc
import threading
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import unquote

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from flask import g, request

from dashboards.app.callbacks import add_design_callbacks, add_study_callbacks
from dashboards.app.many_callbacks import add_many_callbacks
from dashboards.app.pages import compare, design, designs, overview, paper, recipes, study, trial
from dashboards.app.pages.parts import Look, Still, labelled, problem, said, study_path
from dashboards.app.pages.selection import Selection
from dashboards.app.pages.study_figures import prepare
from dashboards.app.routes import LOCAL, add_routes
from dashboards.page.elements import element, joined, resource, to_html
from explorer.errors import UnknownName, UserError
from studies.results import Reader

EVERY = 2.0  # seconds between two looks at the storage
PATIENCE = 1.0  # seconds that a start waits for what the first page would wait for
LINKS = (
    ("Studies", "/"),
    ("Compare", "/compare"),
    ("Design", "/design"),
    ("Published", "/published"),
)


_BACK = html.P(dcc.Link("All studies", href="/"))


class Problem(list[Any]):
    """A page that says what cannot be shown."""


class Missing(Problem):
    """A page that says what is not there; the server answers it with 404."""


def create_app(
    reader: Reader, *, every: float = EVERY, local: bool = True, data_dir: Path | None = None
) -> Dash:
    """The app for one storage. `local` turns away requests that name another host, as a page
    elsewhere could make a browser send; images are looked for in `data_dir`."""
    app = Dash(
        "resnext-explorer",
        assets_folder=str(files("dashboards.app").joinpath("assets")),
        suppress_callback_exceptions=True,
        serve_locally=True,
        title="resnext-explorer",
        update_title="",
        compress=False,
        include_assets_files=True,
    )
    app.layout = lambda: _layout(reader)
    latest: dict[str, Look] = {"look": {"theme": "light", "touch": False}}
    app.interpolate_index = lambda **parts: _index(app, reader, latest["look"], **parts)  # type: ignore[method-assign]
    _add_page_callbacks(app, reader, latest, every)
    add_study_callbacks(app, reader, data_dir)
    add_many_callbacks(app, reader)
    add_design_callbacks(app)
    add_routes(app, reader, local)
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
        html.Header(
            labelled(html.Nav([html.Span("resnext-explorer", className="brand"), *links]), "Pages")
        ),
        main,
        html.Footer(
            [
                html.P("", id="trouble", role="status"),
                html.P(f"Read only, from {reader.storage.shown}"),
            ]
        ),
    ]


def show(
    reader: Reader,
    pathname: str | None,
    search: str | None,
    look: Look | None,
    every: float = EVERY,
) -> list[Any]:
    """The page at an address; a mistake, or what is not there, is a page that
    says so. The latter is answered with 404."""
    path = [unquote(part) for part in (pathname or "/").split("/") if part]
    try:
        match path:
            case []:
                return overview.page(reader, search, every)
            case ["study", name]:
                if reader.tables(name).recipes:
                    return recipes.page(reader, name, look, every)
                return study.page(reader, name, search, every)
            case ["study", name, "trial", network, seed]:
                return trial.page(reader, name, network, seed, look)
            case ["compare"]:
                return compare.page(reader, search, look)
            case ["designs"]:
                return designs.page(reader, search, look)
            case ["design"]:
                return design.page(search)
            case ["published"]:
                return paper.page()
    except UserError as error:
        # A study may come after its page: the page looks again until it can show it.
        waiting = dcc.Interval(id="waiting-tick", interval=int(1000 * every))
        page = [
            html.H1("This cannot be shown"),
            Still(element("p", joined(error), className="more")),
            html.P("This page looks again by itself.", className="quiet"),
            _BACK,
            waiting,
        ]
        return Missing(page) if isinstance(error, UnknownName) else Problem(page)
    return Missing([html.H1("There is no such page"), _BACK])


def _add_page_callbacks(app: Dash, reader: Reader, latest: dict[str, Look], every: float) -> None:
    app.clientside_callback(
        ClientsideFunction("explorer", "look"),
        Output("look", "data"),
        Input("url", "pathname"),
        State("look", "data"),
    )

    @app.callback(
        Output("page", "children"),
        Input("url", "pathname"),
        Input("url", "search"),
        Input("look", "data"),
    )
    def page(pathname: str, search: str, look: Look | None) -> Any:
        if look is None:
            return no_update
        latest["look"] = look
        return show(reader, pathname, search, look, every)

    @app.callback(
        Output("page", "children", allow_duplicate=True),
        Input("waiting-tick", "n_intervals"),
        State("url", "pathname"),
        State("url", "search"),
        State("look", "data"),
        prevent_initial_call=True,
    )
    def look_again(_: int, pathname: str, search: str, look: Look | None) -> Any:
        page = show(reader, pathname, search, look, every)
        return no_update if isinstance(page, Problem) else page

    app.clientside_callback(
        ClientsideFunction("explorer", "arrived"),
        Output("title", "data"),
        Input("page", "children"),
    )

    @app.callback(
        Output("overview", "children"), Output("overview", "data-stamp"),
        Output("trouble", "children", allow_duplicate=True),
        Input("overview-tick", "n_intervals"), Input("sought", "value"),
        Input("studies-by", "value"), State("overview", "data-stamp"),
        prevent_initial_call=True,
    )  # fmt: skip
    def refresh(_: int, words: str | None, order: str, before: str | None) -> Any:
        try:
            # What is sought is part of what is shown.
            stamp = f"{reader.stamp_of_all()}|{order} {words}"
            if stamp == before:
                return no_update, no_update, ""
            return overview.content(reader, overview.Sought(words or "", order)), stamp, ""
        except UserError as error:
            return no_update, no_update, said(error)

    app.clientside_callback(
        ClientsideFunction("explorer", "sought"),
        Output("sink", "data", allow_duplicate=True),
        Input("sought", "value"),
        Input("studies-by", "value"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output("recipes", "children"), Output("recipes", "data-stamp"),
        Output("trouble", "children", allow_duplicate=True),
        Input("recipes-tick", "n_intervals"), State("recipes", "data-stamp"),
        State("recipes-name", "data"), State("look", "data"),
        prevent_initial_call=True,
    )  # fmt: skip
    def refresh_recipes(_: int, before: str | None, name: str, look: Look | None) -> Any:
        try:
            stamp = reader.stamp(name)
            if stamp == before:
                return no_update, no_update, ""
            return recipes.content(reader, name, look), stamp, ""
        except UserError as error:
            return no_update, no_update, said(error)

    @app.callback(
        Output("comparison", "children"),
        Input("compared", "value"),
        State("look", "data"),
        prevent_initial_call=True,
    )
    def compared(names: list[str], look: Look | None) -> Any:
        try:
            return compare.content(reader, names or [], look)
        except UserError as error:
            return [problem(error)]

    @app.callback(
        Output("two-designs", "children"),
        Input("first-design", "value"),
        Input("second-design", "value"),
        State("look", "data"),
        prevent_initial_call=True,
    )
    def two_designs(first: str | None, second: str | None, look: Look | None) -> Any:
        return designs.content_or_problem(reader, [first or "", second or ""], look)

    app.clientside_callback(
        ClientsideFunction("explorer", "twoDesigns"),
        Output("sink", "data", allow_duplicate=True),
        Input("first-design", "value"),
        Input("second-design", "value"),
        prevent_initial_call=True,
    )

    app.clientside_callback(
        ClientsideFunction("explorer", "compared"), Output("sink", "data"),
        Input("compared", "value"),
        prevent_initial_call=True,
    )  # fmt: skip


def _index(app: Dash, reader: Reader, look: Look, **parts: str) -> str:
    """The document: styles, the first sight of the page, scripts.

    The figures of a study's page are made while the browser reads its
    scripts, for the `look` of the last reader.
    """
    search = f"?{request.query_string.decode(errors='replace')}"
    content = show(reader, request.path, search, None)
    g.is_missing = isinstance(content, Missing)
    match [unquote(part) for part in request.path.split("/") if part]:
        case ["study", name]:
            threading.Thread(
                target=prepare, args=(reader, name, Selection.of(search), look), daemon=True
            ).start()
    first = to_html(_frame(html.Main(content, tabIndex=-1), reader))
    heading = next((node.children for node in content if isinstance(node, html.H1)), "")
    return Template(resource("dashboards.app", "app.html")).substitute(
        parts,
        title=to_html(heading if isinstance(heading, str) else "") or "resnext-explorer",
        style=resource("dashboards.page", "page.css"),
        first=first,
    )


def warm_up(reader: Reader) -> threading.Event:
    """Read all studies in the background, the newest first (without any, those beside them), so
    that pages find them read; whatever goes wrong, the page says.

    The event is set when the newest study's page can be shown.
    """
    ready = threading.Event()

    def read() -> None:
        # What a server has read and imported stays. Walking it all again and again while 10,000
        # trainings were read cost the garbage collector a third of the time, and afterwards 0.2 s
        # now and then.
        gc.disable()
        try:
            for stored in reversed(reader.studies() or reader.studies_beside()):
                show(reader, study_path(stored.name), "", None)
                if not ready.is_set():
                    ready.set()
                    time.sleep(0.15)  # a page that was waited for goes first
                    prepare(reader, stored.name, Selection())
                reader.curves(stored.name)
        except UserError:
            return
        finally:
            gc.freeze()
            gc.enable()
            ready.set()

    threading.Thread(target=read, name="warm-up", daemon=True).start()
    return ready


def serve(
    reader: Reader,
    host: str,
    port: int,
    announce: Callable[[str], None],
    data_dir: Path | None = None,
) -> None:
    """Serve until interrupted; `announce` gets the address once it answers. Raises
    `UserError` for a port or host that cannot be had."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        def log(self, *_: Any, **__: Any) -> None:
            return

    app = create_app(reader, local=host in LOCAL, data_dir=data_dir)
    try:
        server = make_server(host, port, app.server, threaded=True, request_handler=Handler)
    except (OSError, SystemExit) as error:
        raise UserError(
            f"cannot listen on {host}:{port}:"
            f" {getattr(error, 'strerror', None) or 'the port is taken'}. Another port is chosen"
            " with --port, and any free one with --port 0."
        ) from None
    shown = f"[{host}]" if ":" in host else host
    # Not before the port is ours: Python that ends while a thread is in NumPy or SciPy aborts.
    warm_up(reader).wait(PATIENCE)
    try:
        announce(f"http://{shown}:{server.server_port}/")
        server.serve_forever()
    except KeyboardInterrupt:  # the server ends for it by itself, once it serves
        pass
    finally:
        server.server_close()
        reader.storage.close()
