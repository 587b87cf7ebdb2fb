"""What each training got wrong, in the report: without any image, and of a file not at all."""

from pathlib import Path

from guessing_study import store

from dashboards.app.pages.study import got_wrong
from dashboards.page.elements import to_html
from dashboards.report.report import render_report
from dashboards.report.sources import load_sources
from explorer.cli import cli
from studies.results import Reader
from studies.storage import Storage

URL = "sqlite:///studies.db"
UNKNOWN = "Which images were missed is not known. Results from a file do not say it."


def test_a_report_has_the_tables_and_no_image(workdir: Path) -> None:
    store(Storage(URL))
    html = render_report(load_sources(["guessed"], URL))
    assert "What each training got wrong" in html
    assert "carry half of all misses" in html
    assert "judged by which images each training missed" in html
    assert "The images&#x27; share in a gap&#x27;s variance is the covariance" in html
    assert "data:image/png" not in html


def test_results_that_left_and_came_back_say_what_they_lack(workdir: Path) -> None:
    from click.testing import CliRunner

    store(Storage(URL))
    export = ["study", "results", "guessed", "--storage", URL, "-o", "guessed.csv"]
    assert CliRunner().invoke(cli, export).exit_code == 0
    html = render_report(load_sources(["guessed.csv"]))
    assert UNKNOWN in html
    other = "sqlite:///other.db"
    back = ["study", "import", "guessed.csv", "--reference-arm", "C=1", "--storage", other]
    assert CliRunner().invoke(cli, back).exit_code == 0
    reader = Reader(Storage(other))
    assert UNKNOWN in to_html(got_wrong(reader, reader.tables("guessed"), None))
