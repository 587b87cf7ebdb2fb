"""What others published, as studies: their errors, our counts, and what pages say of them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboards.analysis.findings import Findings
from dashboards.report.report import write_report
from dashboards.report.sources import load_sources
from explorer.cli import cli
from explorer.errors import UserError
from explorer.published import STUDIES
from studies.results import read, study_info
from studies.results.importing import store_imported
from studies.results.published_results import read_published
from studies.results.table_text import as_csv
from studies.winner.winner import choose

URL = "sqlite:///t.db"
NAME = "osmr_resnext20_cifar10"


def test_a_published_result_is_a_study_with_its_authors_errors_and_our_counts(
    workdir: Path,
) -> None:
    shown = CliRunner().invoke(cli, ["study", "import", f"published:{NAME}", "--storage", URL])
    assert shown.exit_code == 0, shown.output
    assert f"Imported 13 results of 13 designs into {NAME}." in shown.output
    assert "One training each: no interval, nothing claimed." in shown.output
    trials, _ = read(URL, NAME)
    by_design = trials.set_index("design")
    # The README of imgclsmob: 4.33 % and 3,446,602 parameters, 3.73 % and 4,650,314.
    for design, error, params in (
        ("resnext20_1x64d_cifar", 0.0433, 3_446_602),
        ("resnext20_4x32d_cifar", 0.0373, 4_650_314),
    ):
        row = by_design.loc[design]
        assert (row["test_error"], row["params"], row["status"]) == (error, params, "complete")
    assert trials["validation_error"].isna().all()
    assert study_info(URL, NAME)["reference_arm"] == "ResNeXt-20, 1x64d"


def test_pages_say_whose_it_is_and_claim_nothing(workdir: Path) -> None:
    store_imported(URL, read_published(f"published:{NAME}"))
    trials, _ = read(URL, NAME)
    verdict = Findings(trials, study_info(URL, NAME)).verdict
    assert verdict.sentence == "There is one result an arm: no interval, nothing is claimed."
    assert verdict.more == (
        "The largest gap is ResNeXt-20, 4x32d's, −0.60 points, and may be luck."
    )
    assert verdict.notes[0] == "One training each: no interval, nothing claimed."
    assert "github.com/osmr/imgclsmob" in verdict.notes[1]
    assert "No validation error was published" in verdict.notes[1]


def test_choosing_by_test_error_is_refused(workdir: Path) -> None:
    trials = read_published(f"published:{NAME}").trials
    with pytest.raises(UserError, match="no validation error is known of osmr_resnext20_cifar10"):
        choose(trials, URL)


@pytest.mark.parametrize(
    ("name", "each"),
    [
        ("pycls_zoo", "Each error is the mean of 5 trainings"),
        ("table7_cifar10", "Each error is the mean of 10 trainings"),
        ("resnext29_bearpaw_cifar100", "One training each"),
        ("resnext29_hysts_cifar10", "One published error each"),  # a median of 3 beside one
    ],
)
def test_how_many_trainings_an_error_is_of_is_told(name: str, each: str) -> None:
    assert read_published(f"published:{name}").about[0] == f"{each}: no interval, nothing claimed."


@pytest.mark.parametrize("name", STUDIES)
def test_every_published_result_passes_the_check(name: str) -> None:
    study = read_published(f"published:{name}")
    assert len(study.trials) >= 2
    assert study.trials["test_error"].between(0.01, 0.35).all()
    assert STUDIES[name].table.source in study.about[1]


def test_cifar_100_has_a_hundred_classes() -> None:
    trials = read_published("published:osmr_resnext20_cifar100").trials
    row = trials.set_index("design").loc["resnext20_2x64d_cifar"]
    # 90 more outputs of 1,024 weights and a bias each than the 6,198,602 with ten.
    assert (row["test_error"], row["params"]) == (0.206, 6_198_602 + 90 * 1_025)


def test_what_was_exported_comes_back_and_can_be_reported(workdir: Path) -> None:
    store_imported(URL, read_published(f"published:{NAME}"))
    trials, _ = read(URL, NAME)
    Path("trials.csv").write_text(as_csv(trials))
    sources = load_sources(["trials.csv"])
    assert sources[0].trials["test_error"].tolist() == trials["test_error"].tolist()
    page = write_report("report.html", sources).read_text()
    assert "No validation error is known" in page


@pytest.mark.heavy
def test_two_published_results_stand_side_by_side(workdir: Path) -> None:
    names = [NAME, "osmr_resnext20_svhn"]
    for name in names:
        store_imported(URL, read_published(f"published:{name}"))
    page = write_report("both.html", load_sources(names, URL)).read_text()
    assert "2 studies side by side" in page
    assert "github.com/osmr/imgclsmob" in page


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'osmr_resnext20_cifar10'"):
        read_published("published:osmr_resnext20_cifr10")


def test_the_prefix_alone_lists_the_names(workdir: Path) -> None:
    shown = CliRunner().invoke(cli, ["study", "import", "published:", "--storage", URL])
    assert shown.exit_code == 0, shown.exception
    names = [line.split()[0] for line in shown.output.splitlines()[1:] if line]
    assert names[:-1] == list(STUDIES)  # the last line is what to do next
    assert "Table 4: deeper, wider or more paths" in shown.output
    assert not list(workdir.iterdir())
