"""The live app in a real browser, for tests: a page that may complain of nothing and ask no other
host for anything."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import make_server

from dashboards.app.app import create_app
from studies.results import Reader
from studies.storage import Storage

WAIT = 30_000  # milliseconds: the machine may be busy with other things


@contextmanager
def served(storage: Storage) -> Iterator[str]:
    app = create_app(Reader(storage), every=0.5)
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def opened(browser: Any, url: str, **options: Any) -> Iterator[Any]:
    """A page that may write nothing to the console and ask no other host for anything."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    complaints: list[str] = []
    home = url.split("/", 3)[2]
    page.on(
        "console",
        lambda message: (
            message.type in ("error", "warning")
            # How Chromium's own software draws WebGL, which parallel coordinates need.
            and "GL Driver Message" not in message.text
            and complaints.append(f"{message.type}: {message.text}")
        ),
    )
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((f"http://{home}/", "data:", "blob:"))
            or complaints.append(request.url)
        ),
    )
    page.on(
        "response",
        lambda response: (
            response.status >= 400 and complaints.append(f"{response.status} {response.url}")
        ),
    )
    page.goto(url)
    settled(page)
    yield page
    page.goto(
        "about:blank"
    )  # what the page still asks for must not fail because the server is gone
    context.close()
    assert complaints == []


def settled(page: Any) -> None:
    """Wait until the app has taken over from the first sight of the
    page, and all figures of it are drawn."""
    until(page, "document.querySelector('#page h1') !== null")
    until(
        page,
        "[...document.querySelectorAll('#page .plot')]"
        ".every(plot => plot.querySelector('.main-svg'))"
        " && [...document.querySelectorAll('#page figcaption h2')].every(title =>"
        " title.textContent.trim())",
    )


def until(page: Any, expression: str) -> None:
    """Wait until a JavaScript expression is true (the page's own policy forbids
    Playwright's way, which evaluates text there)."""
    end = time.monotonic() + WAIT / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(50)
