"""Mistakes of tired people: what was given, what is allowed and what to do, in one message."""

from pathlib import Path

import pytest
from big_study import make_study
from click.testing import CliRunner

from explorer.cli import cli
from studies.storage import Storage


@pytest.fixture
def stored(workdir: Path) -> None:
    """A study of one recipe, of which nothing was trained."""
    storage = Storage()
    make_study(storage)
    storage.close()
    (workdir / "photos").mkdir()


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("study plan ./photos", "./photos is a folder, and a study is a YAML file, for example"),
        ("study winner big:quick", "has one recipe only, so there is no part of 'quick': give its"),
        ("study winner big --where latency<=2", "time above zero with its unit, for example 10ms"),
        (
            "dashboard --storage sqlite:///no/x.db",
            "no for the storage sqlite:///no/x.db: make it, or correct",
        ),
        ("study winner big --where a,b", "given: 'a,b'. The columns are flops, params, activati"),
        (
            "study winner big --where params<=1M,flops<=5M",
            "Give each a filter of its own: --where 'params<=30M' --where 'flops<=5G'.",
        ),
        (
            "study winner big --where test_error<=10%",
            "the lowest validation error. Limits are on flops, params, activations, latency,",
        ),
        ("report big.html", "and report takes the studies that it shows: `resnext-explorer report"),
        (
            "report big out.html",
            "out.html is a page, and report takes the studies that it shows: `resnext-explorer"
            " report big -o out.html` writes it.",
        ),
        ("study delete big", "big was not deleted; --yes deletes it without asking."),
        ("study winner big --where “params<=1M”", "(“ is pasted from a page; type \" or ' instead"),
        ("predict photos --weights photos", "photos holds no image (of a format that Pillow reads"),
    ],
)
def test_a_mistake_is_one_message(line: str, message: str) -> None:
    result = CliRunner().invoke(cli, line.split(" "))
    assert message in str(result.exception)
    assert str(result.exception).count("\n") == 0
