"""What was measured for this project, as its reader meets it: the page, the app, the report."""

import re
import runpy
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import dashboards
from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import comparison_table
from dashboards.app.app import create_app, show
from dashboards.app.pages import overview, study_figures
from dashboards.app.pages.selection import Selection
from dashboards.page.elements import to_html
from explorer.cli import cli
from explorer.text import signed_points
from studies.results import ROOM, Reader, evidence_names, evidence_reader
from studies.storage import Storage

MAKE = runpy.run_path(str(Path(dashboards.__file__).parent / "pictures" / "evidence.py"))
README = (ROOM / "README.md").read_text()


def rows_of(name: str) -> list[dict[str, str]]:
    """The table of a study's section, by column."""
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_the_page_is_what_its_command_writes_from_the_csv_files() -> None:
    assert MAKE["readme"](MAKE["studies"]()) == README, "`make evidence` writes it anew"


@pytest.mark.parametrize("name", evidence_names())
def test_errors_on_the_page_are_the_means_of_the_csv_files(name: str) -> None:
    trials = pd.read_csv(ROOM / name / "trials.csv")
    complete = trials[trials["status"] == "complete"].groupby("arm")
    rows = rows_of(name)
    assert {row["Arm"] for row in rows} == set(trials["arm"])
    for row in rows:
        own = complete.get_group(row["Arm"])
        assert int(row["n"]) == len(own)
        assert float(row["Test error (%)"]) == pytest.approx(
            100 * own["test_error"].mean(), abs=0.005001
        )
        assert float(row["Seconds per epoch"]) == pytest.approx(
            own["seconds_per_epoch"].mean(), abs=0.005001
        )


def test_the_newest_study_comes_first() -> None:
    listed = overview.Sought().of_studies(evidence_reader().studies())
    made = [study.content.origin.created for study in listed]
    assert made == sorted(made, reverse=True)
    assert len(made) == len(evidence_names())


@pytest.mark.parametrize("name", evidence_names())
def test_every_study_has_its_picture(name: str) -> None:
    assert f"(pictures/{name}.png)" in README
    assert (ROOM / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_paper_stands_beside_what_was_measured() -> None:
    # Table 3: 23.9, 23.0, 22.6, 22.3 and 22.2 % at C = 1, 2, 4, 8 and 32.
    assert "C=2 −0.90, C=4 −1.30, C=8 −1.60 and C=32 −1.70" in " ".join(README.split())


def test_the_overview_says_in_words_whose_results_these_are() -> None:
    page = to_html(overview.page(evidence_reader(), "", 1.0))
    assert '<p class="study">In the results that come with resnext-explorer</p>' in page


def test_an_empty_storage_opens_on_what_was_measured(workdir: Path) -> None:
    reader = Reader(Storage("sqlite:///none.db"), beside=evidence_reader)
    page = to_html(show(reader, "/", "", None))
    assert "No studies here yet" in page
    assert "Measured for this project" in page
    assert "4 designs, at most 20 seeds" in page
    assert "4 designs, 5 seeds" in page
    for name in evidence_names():
        assert f'href="/study/{name}"' in page
        study = to_html(show(reader, f"/study/{name}", "", None))
        assert "All times are of that machine" in study
        assert "NVIDIA H100" in study
    client = create_app(reader).server.test_client()
    table = client.get("/download/h100/curves.csv", base_url="http://127.0.0.1").text.splitlines()
    there = (ROOM / "h100" / "curves.csv").read_text().replace("gpu,", "h100,").splitlines()
    assert len(table) == 1 + 12 * 8  # without the epochs of a training that was cut off
    assert set(table) < set(there)
    assert "/study/fashion_mnist_scale" in to_html(
        show(reader, "/compare", "?study=fashion_mnist_scale", None)
    )
    assert list(workdir.iterdir()) == []


def test_arms_that_were_decided_carry_gap_interval_and_seed_of_the_decision() -> None:
    study = evidence_reader().tables("cifar10_cardinality")
    table = comparison_table(Findings(study.trials, study.info))
    of = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    for arm in study.info["until"]["arms"][1:]:
        row = of[arm["arm"]]
        assert row["Minus C=1 at its last look (points)"] == signed_points(arm["estimate"])
        low, high = row["95 % interval over all looks"].split(" to ")
        assert (low, high) == (signed_points(arm["low"]), signed_points(arm["high"]))
        assert row["Seeds shared"] == str(arm["decided_at"])
        assert row["Verdict"] == f"better, decided at seed {arm['decided_at']}"
        size = f"by {100 * -arm['estimate']:.2f} ({100 * -arm['high']:.2f} to"
        assert f"{arm['arm']} better {size}" in " ".join(README.split())
    assert of["C=1"]["Verdict"] == "–"


def test_without_what_was_measured_an_empty_overview_says_nothing_of_it(workdir: Path) -> None:
    reader = Reader(Storage("sqlite:///none.db"))
    assert "Measured" not in to_html(overview.content(reader))


def test_the_dashboard_of_what_was_measured_names_no_storage(workdir: Path) -> None:
    page = to_html(show(evidence_reader(), "/", "", None))
    assert "the results that come with resnext-explorer" in page
    assert "No studies here yet" not in page
    told = CliRunner().invoke(cli, ["dashboard", "--evidence", "--storage", "sqlite:///t.db"])
    assert told.exit_code != 0
    assert "leave --storage out" in str(told.exception)


def test_a_report_of_what_was_measured_needs_no_storage(workdir: Path) -> None:
    told = CliRunner().invoke(cli, ["report", "evidence:h100"])
    assert told.exit_code == 0, told.output
    assert "So far (12 of 15 trainings)" in told.output
    assert "NVIDIA H100" in told.output
    assert "resnext-explorer dashboard --evidence" in told.output
    assert [path.name for path in workdir.iterdir()] == ["h100.html"]


def test_a_wrong_name_lists_what_there_is(workdir: Path) -> None:
    told = CliRunner().invoke(cli, ["report", "evidence:h10"])
    assert "Did you mean 'h100'" in str(told.exception)


def test_table_4_is_laid_over_the_measured_study_of_scale_as_in_its_report() -> None:
    reader, name = evidence_reader(), "fashion_mnist_scale"
    page = show(reader, f"/study/{name}", "?beside=table4", None)
    (choice,) = [
        node
        for part in page
        if hasattr(part, "_traverse")
        for node in part._traverse()
        if getattr(node, "id", None) == "beside"
    ]
    assert ([option["value"] for option in choice.options], choice.value) == (
        ["", "table4"],
        "table4",
    )
    plain, beside = (
        study_figures.shown(reader, "error", name, Selection(beside=value), None)[0]
        for value in ("", "table4")
    )
    assert "Table 4" not in str(plain)
    assert "paper, Table 4" in str(beside)


def test_the_prefix_alone_lists_the_names(workdir: Path) -> None:
    shown = CliRunner().invoke(cli, ["report", "evidence:"])
    assert shown.exit_code == 0, shown.exception
    names = [line.split()[0] for line in shown.output.splitlines()[1:] if line]
    assert names[:-1] == [f"evidence:{name}" for name in evidence_names()]
    assert "deeper, wider or more paths?" in shown.output
    assert not list(workdir.iterdir())
