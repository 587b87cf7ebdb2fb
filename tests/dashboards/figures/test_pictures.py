"""The room's README shows every public figure with the example that made it;
that the examples run is tested with all READMEs."""

import re
import runpy
from pathlib import Path

import pytest

import dashboards
from dashboards import figures

ROOM = Path(dashboards.__file__).parent
README = ROOM / "README.md"
MAKE = runpy.run_path(str(ROOM / "pictures" / "make.py"))
SHOWN = [(block, name) for block, name in MAKE["examples"]() if name]


def test_every_public_figure_is_shown_with_its_command():
    made = {call for block, _ in SHOWN for call in re.findall(r"figure = (\w+)\(", block)}
    assert made == set(figures.__all__) - {"spread"}


def test_every_picture_of_the_readme_is_made_by_an_example():
    assert set(re.findall(r"\(pictures/([\w.]+\.png)\)", README.read_text())) == {
        name for _, name in SHOWN
    }


@pytest.mark.parametrize("name", [name for _, name in SHOWN])
def test_pictures_are_there_and_small(name):
    picture = (ROOM / "pictures" / name).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 100_000


def test_made_up_tables_are_called_so():
    tables = {path.name for path in (ROOM / "pictures").glob("*.csv")}
    assert {name for name in tables if not name.startswith("made_up_")} == {
        "digits_cardinality.csv",
        "digits_cardinality_curves.csv",
    }
    assert "**made up**" in README.read_text()
