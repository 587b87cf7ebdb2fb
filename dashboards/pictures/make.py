"""Make the pictures of dashboards/README.md: run its examples and
draw each `figure` at the picture that follows.

    python dashboards/pictures/make.py            # the pictures
    python dashboards/pictures/make.py --tables   # the made-up tables too

`digits_cardinality*.csv` are real: `study results` of the preset study, trained on two CPU cores
that were busy with other work as well. `made_up_*.csv` are not: design spaces of many trained
networks take days, so these show what a figure looks like, no finding. Needs Chromium (Debian's
`chromium`) and playwright.
"""

import doctest
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from dashboards.report.report import write_report
from dashboards.report.sources import Source, load_sources
from studies.judging.decisions import against_reference
from studies.records.arm_standings import ArmStanding, UntilStandings

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MOST_BYTES = 100_000  # of a picture: a larger one gets fewer colours
SIZE = {"width": 960, "height": 460}
DRAW = (
    "text => { const f = JSON.parse(text); return Plotly.newPlot('plot', f.data, f.layout,"
    " {displayModeBar: false}) }"
)


def examples() -> list[tuple[str, str | None]]:
    """The README's `pycon` blocks in order, each with the name of the picture after it, or None."""
    blocks = re.findall(
        r"^```pycon\n(.*?)^```\n(?:\n!\[[^\]]*\]\(pictures/([\w.]+)\))?",
        README.read_text(),
        re.M | re.S,
    )
    return [(block, name or None) for block, name in blocks]


def figures() -> dict[str, Any]:
    """What `figure` is after each block that a picture follows: a Plotly figure, or SVG text."""
    names: dict[str, Any] = {}
    drawn = {}
    for block, name in examples():
        for example in doctest.DocTestParser().get_examples(block):
            exec(compile(example.source, README.name, "single"), names)
        if name is not None:
            drawn[name] = names["figure"]
    return drawn


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser for pictures."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--headless", "--no-sandbox", "--disable-gpu"],
        )
        yield browser
        browser.close()


def draw(drawn: dict[str, Any], folder: Path, browser: Any) -> None:
    """Write each figure as a picture of its name into a folder."""
    from plotly.offline import get_plotlyjs

    page = browser.new_page(viewport={"width": SIZE["width"], "height": 640})
    for name, figure in drawn.items():
        if isinstance(figure, str):
            page.set_content(
                f"<style>body {{ margin: 0 }} svg {{ width: 100%; height: auto }}</style>{figure}"
            )
            page.locator("svg").screenshot(path=folder / name)
            continue
        page.set_content('<!doctype html><body style="margin: 0"><div id="plot"></div>')
        page.add_script_tag(content=get_plotlyjs())
        figure.update_layout(**{**SIZE, "height": figure.layout.height or SIZE["height"]})
        page.evaluate(DRAW, figure.to_json())
        # Of parallel coordinates the lines lie on another layer.
        page.locator("#plot").screenshot(path=folder / name)
        shrink(folder / name)


def shrink(picture: Path) -> None:
    """Give a large picture fewer colours."""
    if picture.stat().st_size > MOST_BYTES:
        Image.open(picture).quantize(64).save(picture, optimize=True)


def draw_report(browser: Any) -> None:
    """Write the top of the real study's report as a picture beside this file."""
    page = browser.new_page(viewport={"width": 1160, "height": 1000})
    with tempfile.TemporaryDirectory() as folder:
        page.goto(f"file://{write_report(Path(folder) / 'report.html', real_study())}")
        page.locator("[data-figure=differences] .main-svg").first.wait_for()
        page.screenshot(path=HERE / "report.png")
    shrink(HERE / "report.png")


def draw_dashboard(browser: Any) -> None:
    """Write the top of a made-up study's live page as a picture beside this file."""
    sys.path.insert(0, str(HERE.parents[1] / "tests"))
    from app_pages import opened, served
    from big_study import add_attempts, make_study

    from studies.storage import Storage

    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(f"sqlite:///{folder}/studies.db")
        study = make_study(storage, "made_up_numbers", seeds=5)
        add_attempts(storage, study)
        size = {"width": 1160, "height": 1180}
        with (
            served(storage) as address,
            opened(browser, f"{address}/study/{study.name}", viewport=size) as page,
        ):
            page.wait_for_timeout(500)  # figures take their last size
            page.screenshot(path=HERE / "dashboard.png")
    shrink(HERE / "dashboard.png")


def real_study() -> list[Source]:
    return load_sources(
        [str(HERE / "digits_cardinality.csv"), str(HERE / "digits_cardinality_curves.csv")]
    )


def like(trials: pd.DataFrame, count: int, **columns: Any) -> pd.DataFrame:
    """`count` rows of a table of trainings, with these columns changed."""
    rows = trials.iloc[np.arange(count) % len(trials)].reset_index(drop=True)
    return rows.assign(attempt=np.arange(count), **columns)


def make_tables() -> None:
    """The made-up tables."""
    random = np.random.default_rng(0)
    real = pd.read_csv(HERE / "digits_cardinality.csv")
    arms = {
        "reference": (
            "resnext11_1x64d_cifar",
            1,
            64,
            "1-1-1",
            19_970_048,
            1_977_802,
            85_002,
            0.0,
            0.031,
        ),
        "deeper": (
            "resnext20_1x64d_cifar",
            1,
            64,
            "2-2-2",
            33_339_392,
            3_445_450,
            128_010,
            -0.165265,
            0.026,
        ),
        "wider": (
            "resnext11_1x111d_cifar",
            1,
            111,
            "1-1-1",
            39_765_696,
            3_909_643,
            102_298,
            -0.004367,
            0.025,
        ),
        "more paths": (
            "resnext11_2x64d_cifar",
            2,
            64,
            "1-1-1",
            34_650_112,
            3_265_738,
            108_554,
            -0.132448,
            0.018,
        ),
    }
    keys = (
        "design",
        "cardinality",
        "bottleneck_width",
        "depths",
        "flops",
        "params",
        "activations",
        "mismatch",
    )
    rows = []
    for arm, (*values, error) in arms.items():
        noise = random.normal(0, 0.0025, 5)
        own = like(
            real,
            5,
            study="made_up_scaling",
            arm=arm,
            seed=range(5),
            width=256,
            stem="small",
            **dict(zip(keys, values, strict=True)),
        )
        rows.append(
            own.assign(
                test_error=error + noise,
                validation_error=error + noise,
                budget=39_940_096 if rows else 19_970_048,
            )
        )
    pd.concat(rows).round(6).to_csv(HERE / "made_up_scaling.csv", index=False)
    spaces = []
    for name, cardinality, shift in (("one path", 1, 0.0), ("many paths", 8, -0.012)):
        flops = 10 ** random.uniform(7, 8.4, 60)
        error = np.clip(
            0.16 * (flops / 1e7) ** -0.4 + shift + random.normal(0, 0.009, 60), 0.004, 1
        )
        label = [f"{name}, design {i}" for i in range(60)]
        columns = {
            "arm": label,
            "design": label,
            "cardinality": cardinality,
            "flops": flops.astype(int),
            "seed": 0,
        }
        columns |= {
            "test_error": error,
            "validation_error": error,
            "params": (flops / 9).astype(int),
            "study": name,
        }
        spaces.append(like(real, 60, **columns))
    pd.concat(spaces).round(6).to_csv(HERE / "made_up_spaces.csv", index=False)
    # A stronger recipe: half of the errors, a fifth of the gaps.
    means = real.groupby("arm")["test_error"].transform("mean")
    stronger = 0.5 * (real["test_error"] - 0.8 * (means - means.iloc[0]))
    recipes = [
        real.assign(study="made_up_recipes", recipe="quick"),
        real.assign(study="made_up_recipes", recipe="modern", test_error=stronger),
    ]
    pd.concat(recipes).round(6).to_csv(HERE / "made_up_recipes.csv", index=False)


def make_designs() -> None:
    """Write trainings of many designs: of a free space, and of a matched one with two axes."""
    sys.path.insert(0, str(HERE.parents[1] / "tests"))
    from many_designs import make_grid, make_many
    from study_tables import make_curves

    for name, trials in (("made_up_designs", make_many()), ("made_up_grid", make_grid())):
        own = trials.assign(study=name, budget=trials["budget"].replace({pd.NA: None}))
        errors = [column for column in own if str(column).endswith("_error")]
        own.round(dict.fromkeys(errors, 6)).to_csv(HERE / f"{name}.csv", index=False)
    make_curves(own).round(6).to_csv(HERE / "made_up_grid_curves.csv", index=False)


def make_course() -> None:
    """Write where five made-up arms stand in a study that ends each arm at its verdict."""
    random = np.random.default_rng(5)
    gaps = np.array([0.0, 0.0, -0.002, -0.005, -0.007])
    errors = 0.026 + gaps[:, None] + random.normal(0, 0.0025, (5, 20))
    course = against_reference(errors, 0, margin=0.005)
    rows = [
        ArmStanding(
            f"C={2**row}",
            standing.verdict,
            standing.decided_at,
            standing.decided_at or 20,
            0,
            looks=tuple(standing.looks),
        )
        for row, standing in course.standings.items()
    ]
    trained = sum(arm.seeds for arm in rows) + max(arm.seeds for arm in rows)
    arms = (ArmStanding("C=1", "reference", None, 20, 0), *rows)
    standings = UntilStandings(0.5, 3, 20, None, course.finished, trained, arms)
    (HERE / "made_up_course.json").write_text(json.dumps(standings.record(), indent=1) + "\n")


if __name__ == "__main__":
    if "--tables" in sys.argv[1:]:
        make_tables()
        make_designs()
        make_course()
    with chromium() as browser:
        draw(figures(), HERE, browser)
        draw_report(browser)
        draw_dashboard(browser)
