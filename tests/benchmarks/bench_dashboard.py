"""A study of 10,000 trainings of 20 epochs in a real browser: this
dashboard, and optuna-dashboard on the same storage.

    python tests/benchmarks/bench_dashboard.py [--postgresql | --many]

`--many` measures only a study of 625 designs with 16 seeds each, without optuna-dashboard.

Seconds are of this machine at this moment; the ratio of the two,
measured one after the other, is what to compare.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from big_study import add_attempts, make_study
from playwright.sync_api import sync_playwright
from postgres_server import serve

from studies.storage import Storage

SEEDS = 2000  # five arms: 10,000 trainings
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
OURS, THEIRS = 8961, 8962
DRAWN = (
    "['error', 'differences', 'train', 'validation', 'cost', 'speed'].every(key => "
    "document.querySelector(`#${key} .main-svg .trace`))"
)


def press(where: str, what: str) -> str:
    """Click what reads so, signs that keep words together left out."""
    text = r"label.textContent.replace(/[^\x20-\x7e]/g, '')"
    return f"[...document.querySelectorAll('{where}')].find(label => {text} === '{what}').click()"


def shown(trainings: str, arms: int) -> str:
    drawn = (
        "new Set(document.querySelector('#error .js-plotly-plot').data.flatMap(one =>"
        " (one.customdata || []).map(about => about[3])).filter(Boolean)).size"
    )
    return (
        f"document.querySelector('#study-shown').textContent.startsWith('Below: {trainings} ') &&"
        f" {drawn} === {arms}"
    )


TYPE_SEEDS = (
    "const field = document.querySelector('#seeds');"
    "Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, '0-999');"
    "field.dispatchEvent(new Event('input', { bubbles: true }))"
)


def drag(page: Any) -> Callable[[], None]:
    """Draw along an axis of the parallel coordinates; what comes back lets go."""
    box = page.locator("#parallel .axis-brush").first.bounding_box()
    x = box["x"] + box["width"] / 2
    for part in (0.2, 0.3, 0.4, 0.5, 0.6):
        page.mouse.move(x, box["y"] + part * box["height"])
        if part == 0.2:
            page.mouse.down()
    release: Callable[[], None] = page.mouse.up
    return release


FIRST_ROW, PAGES = (
    "document.querySelector('#study-trainings tbody th')",
    "document.querySelector('.pages')",
)
# What a reader does, one after the other: where, how, and what then stands there.
ACTIONS = {
    "filter by arm": ("#arms", press("#arms label", "C=16"), shown("8,000", 4)),
    "filter by another arm": ("#arms", press("#arms label", "C=2"), shown("6,000", 3)),
    "filter by seeds, after its 0.25 s pause in typing": (
        "#seeds",
        TYPE_SEEDS,
        shown("3,000", 3),
    ),
    "cost measure": (
        "#cost-by",
        press("#cost-by label", "measured time"),
        "document.querySelector('#cost').textContent.includes('econds')",
    ),
    "order of trainings": (
        "#order",
        press("#order label", "lowest test error first"),
        f"{FIRST_ROW}.textContent !== 'C=1, seed 0'",
    ),
    "next page": (
        "#page-on",
        "document.querySelector('#page-on').click()",
        f"{PAGES}.textContent.includes('2 of 120')",
    ),
    "open a training": (
        "#study-trainings",
        f"{FIRST_ROW}.firstChild.click()",
        "document.querySelector('#trial-curves .main-svg .trace')",
    ),
}
# A free space of 625 designs, 16 seeds each: 10,000 trainings.
MANY_SEEDS = 16
MANY_SPACE = {
    "name": "many",
    "reference": "resnext_1-1-1_1x16d_w128_small",
    "free": {},
    "axes": {
        "cardinality": [1, 2, 4, 8, 16],
        "bottleneck_width": [4, 8, 16, 24, 32],
        "width": [64, 96, 128, 192, 256],
        "depths": [[1, 1, 1], [1, 2, 1], [2, 2, 2], [2, 3, 2], [3, 3, 3]],
    },
}
MANY_REFERENCE = {
    "cardinality": 1, "bottleneck_width": 16, "width": 128, "depths": [1, 1, 1],
}  # fmt: skip
MANY_DRAWN = (
    "['trend', 'strength', 'map', 'triangle', 'extremes'].every(key => "
    "document.querySelector(`#${key} .main-svg`) && "
    "document.querySelector(`#${key}-title`).textContent.trim()) && "
    "document.querySelectorAll('#study-lines tbody tr').length >= 25"
)
SETTLED = "!document.querySelector('[data-part][aria-busy=true]')"
# The same of a reader of many designs.
MANY_ACTIONS = {
    "cost measure": ACTIONS["cost measure"],  # to compare the new figures with
    "quantity": (
        "#trend",
        press("#quantity label", "depth (blocks)"),
        "document.querySelector('#trend .xtitle').textContent === 'Depth (blocks)'",
    ),
    "pair of axes": (
        "#map",
        press("#pair label", "width and d"),
        "document.querySelector('#map .xtitle').textContent === 'width'",
    ),
    "filter by arm": (
        "#arms",
        press("#arms label", "C=1, d=4, width=64, depths=3-3-3"),
        "document.querySelector('#study-shown').textContent.startsWith('Below: 9,984 ')",
    ),
    "filter by seeds, after its 0.25 s pause in typing": (
        "#seeds",
        TYPE_SEEDS.replace("0-999", "0-7"),
        "document.querySelector('#error-below').textContent.includes('mean of 8 seeds')",
    ),
    "choice along an axis, from its end": (
        "#parallel",
        drag,
        "!document.querySelector('#study-lines [data-count]').textContent.startsWith('300 of')",
    ),
}
PROGRAMS = Path(sys.executable).parent


@contextmanager
def running(*command: Any, ready: str = "") -> Iterator[float]:
    """A server while the block runs; gives the seconds until it
    printed `ready`, or a while after its start."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if ready:
            assert process.stdout is not None
            while ready not in process.stdout.readline():
                assert process.poll() is None, "the server did not start"
        else:
            time.sleep(8)
        yield time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


class Page:
    """A page of a fresh browser profile that adds up what it is sent."""

    def __init__(self, browser: Any) -> None:
        self.page = browser.new_page()
        self.sent = self.plotly = 0
        session = self.page.context.new_cdp_session(self.page)
        session.send("Network.enable")
        addresses: dict[str, str] = {}
        session.on(
            "Network.responseReceived",
            lambda told: addresses.update({told["requestId"]: told["response"]["url"]}),
        )
        session.on(
            "Network.loadingFinished",
            lambda told: self._add(addresses.get(told["requestId"], ""), told),
        )

    def _add(self, address: str, told: dict[str, Any]) -> None:
        self.sent += int(told["encodedDataLength"])
        self.plotly += int(told["encodedDataLength"]) if "plotly-explorer" in address else 0

    def until(self, expression: str, limit: float = 90) -> None:
        end = time.perf_counter() + limit
        while not self.page.evaluate(expression):
            if time.perf_counter() > end:
                raise TimeoutError(expression)
            self.page.wait_for_timeout(15)

    def timed(self, action: Any, *expressions: str) -> list[float]:
        began = time.perf_counter()
        action()
        found = []
        for expression in expressions:
            self.until(expression)
            found.append(time.perf_counter() - began)
        return found


def ours(browser: Any, url: str) -> float:
    command = (sys.executable, "-m", "explorer", "dashboard", "--storage", url, "--port", OURS)
    address = f"http://127.0.0.1:{OURS}/study/big"
    complete = 0.0
    with running(*command, ready="Dashboard:") as started:
        print(f"dashboard: address printed after {started:.2f} s")
        for which in ("first page, just started", "second page"):
            page = Page(browser)
            first, complete = page.timed(
                lambda page=page: page.page.goto(address, wait_until="commit"),
                "document.querySelector('main h1')?.textContent.includes('points')",
                DRAWN,
            )
            beyond = (page.sent - page.plotly) / 2**20
            print(
                f"  {which}: first data {first:.2f} s, complete {complete:.2f} s, {beyond:.2f} MB"
                " beyond plotly.js"
            )
            if which != "second page":
                page.page.close()
        for name, (where, action, done) in ACTIONS.items():
            page.page.evaluate(f"document.querySelector('{where}').scrollIntoView()")
            page.page.wait_for_timeout(1500)
            (seconds,) = page.timed(partial(page.page.evaluate, action), done)
            print(f"  {name}: {seconds:.2f} s")
        page.page.goto(f"http://127.0.0.1:{OURS}/design")
        page.until("document.querySelector('#matched .main-svg .trace')")
        page.page.wait_for_timeout(1000)
        slider = page.page.get_by_label("Budget")
        doubled = "document.querySelector('#matched-below').textContent.includes('2x the')"
        print(
            "  design page, twice the budget:"
            f" {page.timed(lambda: slider.fill('6'), doubled)[0]:.2f} s"
        )
        page.page.close()
    return complete


def many_designs(browser: Any, url: str) -> None:
    """The page of a study of many designs, and what a reader does there."""
    command = (sys.executable, "-m", "explorer", "dashboard", "--storage", url, "--port", OURS)
    with running(*command, ready="Dashboard:"):
        page, before = Page(browser), cpu_seconds()
        first, complete = page.timed(
            lambda: page.page.goto(f"http://127.0.0.1:{OURS}/study/many", wait_until="commit"),
            "document.querySelector('main h1')?.textContent.length > 10",
            MANY_DRAWN,
        )
        beyond = (page.sent - page.plotly) / 2**20
        print(
            f"  625 designs: first data {first:.2f} s, complete {complete:.2f} s, {beyond:.2f} MB"
            f" beyond plotly.js, CPU {cpu_since(before)}"
        )
        for name, (where, action, done) in MANY_ACTIONS.items():
            page.page.evaluate(f"document.querySelector('{where}').scrollIntoView()")
            page.until(SETTLED)
            page.page.wait_for_timeout(1500)
            act = action(page.page) if callable(action) else partial(page.page.evaluate, action)
            before = cpu_seconds()
            (seconds,) = page.timed(act, done)
            at_once, more = cpu_since(before), page.timed(lambda: None, SETTLED)[0]
            print(f"  {name}: {seconds:.2f} s, CPU {at_once}")
            print(f"    the page below follows within {more:.2f} s, CPU in all {cpu_since(before)}")
        page.page.close()


def cpu_seconds() -> Counter[str]:
    """CPU seconds so far, which say under load what an answer costs: of the server, of the page
    ("renderer"), and of what draws in place of a graphics card ("gpu-process")."""
    spent: Counter[str] = Counter()
    for process in psutil.Process().children(recursive=True):
        try:
            line, times = process.cmdline(), process.cpu_times()
        except psutil.Error:
            continue  # ended meanwhile
        kinds = [part.removeprefix("--type=") for part in line if part.startswith("--type=")]
        if kinds and kinds[0] in ("renderer", "gpu-process"):
            spent[kinds[0]] += times.user + times.system
        elif str(OURS) in line:
            spent["server"] += times.user + times.system
    return spent


def cpu_since(before: Counter[str]) -> str:
    now = cpu_seconds()
    return ", ".join(f"{kind} {now[kind] - before[kind]:.2f}" for kind in sorted(now))


def theirs(browser: Any, url: str, number: int) -> float:
    with running(PROGRAMS / "optuna-dashboard", url, "--port", THEIRS):
        page = Page(browser)
        (complete,) = page.timed(
            lambda: page.page.goto(
                f"http://127.0.0.1:{THEIRS}/dashboard/studies/{number}", wait_until="commit"
            ),
            # Its frames stand there before its data: a figure counts once it holds the trials.
            "[...document.querySelectorAll('.js-plotly-plot')].some(plot => (plot.data || []).some("
            f"line => (line.x || []).length >= {5 * SEEDS}))",
        )
        print(f"optuna-dashboard: first figures {complete:.2f} s, {page.sent / 2**20:.1f} MB")
        page.page.close()
    return complete


def measure(url: str) -> None:
    storage = Storage(url)
    print(f"{storage.dialect}:")
    stored = make_study(storage, "big", seeds=SEEDS)
    add_attempts(storage, stored, misses=True)
    storage.close()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        mine = ours(browser, storage.url)
        other = theirs(browser, storage.url, stored.id)
        browser.close()
    print(f"ratio: optuna-dashboard takes {other / mine:.1f} times as long")


def measure_many(url: str) -> None:
    storage = Storage(url)
    more = {"space": MANY_SPACE, "reference_arm": MANY_REFERENCE}
    add_attempts(storage, make_study(storage, "many", seeds=MANY_SEEDS, **more))
    storage.close()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        many_designs(browser, storage.url)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--postgresql", action="store_true", help="also on a PostgreSQL server of its own"
    )
    parser.add_argument("--many", action="store_true", help="only the study of 625 designs")
    asked = parser.parse_args()
    if asked.postgresql:
        with serve(sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]) as server:
            measure(server.create())
    for measured in (measure_many,) if asked.many else (measure, measure_many):
        with tempfile.TemporaryDirectory() as folder:
            measured(f"sqlite:///{folder}/big.db")


if __name__ == "__main__":
    main()
