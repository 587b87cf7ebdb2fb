"""What the server answers beside pages: tables as CSV; and
headers and compression for everything."""

import gzip
from typing import Any

from dash import Dash
from flask import Response, abort, g, redirect, request

from explorer.errors import UserError
from studies.results import Reader, as_csv

LOCAL = ("127.0.0.1", "localhost", "::1")


def add_routes(app: Dash, reader: Reader, local: bool) -> None:
    """Downloads of tables, and what every answer carries. `local` turns
    away requests that name another host."""
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
            table = {
                "trials": lambda: reader.tables(name).trials,
                "curves": lambda: reader.curves(name),
            }.get(kind)
            if table is None:
                abort(404)
            return Response(as_csv(table()), mimetype="text/csv")
        except UserError:
            abort(404)

    @server.route("/paper")
    def earlier_address() -> Any:
        """Where the page of what others published was, for links from then."""
        return redirect("/published")

    @server.errorhandler(404)
    def missing(_: Exception) -> tuple[str, int]:
        return app.index(), 404

    @server.after_request
    def finish(response: Response) -> Response:
        if g.get("is_missing"):
            response.status_code = 404
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {inline}; style-src 'self' 'unsafe-inline';"
            " img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors"
            " 'none'"
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
    key = request.path
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
