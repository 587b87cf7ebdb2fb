"""What a notebook shows of a study and of its findings."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from study_tables import make_info, make_trials

from dashboards import Findings, findings, write_report
from studies import Study

EFFECTS = {"C=8": -0.01}


def test_findings_are_their_verdict_and_a_row_for_each_arm() -> None:
    found = Findings(make_trials(EFFECTS, seeds=8), make_info())
    html = found._repr_html_()
    assert html.startswith(f"<p><strong>{found.verdict.text}</strong></p><table>")
    assert html.count("<tr>") == 6
    assert all(f"<li>{note}</li>" in html for note in found.verdict.notes if "<" not in note)


def test_text_of_a_study_is_escaped() -> None:
    trials = make_trials({}, seeds=3)
    trials["arm"] = trials["arm"].str.replace("C=2", "<b>C=2</b>")
    assert "<b>" not in Findings(trials, make_info())._repr_html_()
    study = Study.load("digits_cardinality").model_copy(update={"question": "<script>?"})
    assert "<script>" not in study._repr_html_()


def test_a_study_shows_what_it_trains_and_once_it_is_stored_its_verdict(
    stored_study: Callable[[pd.DataFrame], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.load("digits_cardinality")
    before = study._repr_html_()
    assert before.startswith("<p>digits_cardinality: ")
    assert '<td style="text-align: left">C=1</td>' in before
    assert "pairs are complete" not in before
    url = stored_study(make_trials(EFFECTS))
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", url)
    after = study._repr_html_()
    assert "<p>15 of 15 pairs are complete.</p>" in after
    found = findings("digits_cardinality", storage=url)
    assert found._repr_html_() in after
    recipe = study.recipe.model_copy(update={"epochs": 7})
    other = study.model_copy(update={"recipe": recipe})._repr_html_()
    assert "In the storage a study of this name differs (" in other
    assert "recipe.epochs: " in other
    assert "-&gt; 7" in other
    assert write_report(["digits_cardinality"], "all.html", storage=url) == Path("all.html")
    assert "C=8" in Path("all.html").read_text()


def test_a_storage_that_cannot_be_read_is_a_sentence(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.load("digits_cardinality")
    assert "digits_cardinality" in study._repr_html_()
    Path("notes.db").write_text("no database at all")
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "sqlite:///notes.db")
    assert "the file is not an SQLite database" in study._repr_html_()


def test_importing_the_room_imports_nothing_heavy() -> None:
    program = (
        "import sys, dashboards, studies;"
        "print([n for n in ('torch', 'pandas', 'plotly', 'dash', 'optuna') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr
