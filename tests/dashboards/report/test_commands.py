"""`report` on a real storage: what it prints, writes and says when something is wrong."""

import base64
import gzip
import re
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner
from study_tables import make_trials, without_results
from terminals import CONTROLS, run_on_terminal

from dashboards.analysis.findings import Findings
from dashboards.app.app import create_app
from dashboards.report.commands import next_commands, report
from dashboards.report.report import render_report
from dashboards.report.sources import load_sources
from dashboards.report.study import StudyPart
from explorer.cli import cli
from explorer.errors import UserError
from explorer.streams import printable
from studies.results import Reader
from studies.storage import Storage


def run(*arguments: str) -> str:
    result = CliRunner().invoke(
        report, list(arguments), catch_exceptions=False, standalone_mode=False
    )
    assert result.exit_code == 0
    return result.output


def test_the_report_of_a_finished_study(stored_study, workdir):
    trials = make_trials({"C=8": -0.008})
    output = run("digits_cardinality", "--storage", stored_study(trials))
    lines = output.splitlines()
    assert lines[0].split("  ")[0] == "Arm"
    rows = {line.split()[0]: line for line in lines[1:6]}
    assert list(rows) == ["C=1", "C=2", "C=4", "C=8", "C=16"]
    for arm, summary in Findings(trials).summary.iterrows():
        assert f"{100 * summary['mean']:.2f}" in rows[arm]
        assert f"{100 * summary['low']:.2f} to {100 * summary['high']:.2f}" in rows[arm]
    assert "resnext11_8x13d_cifar" in rows["C=8"]
    assert "C=8 has 0.95 (0.51 to 1.39) points less test error than C=1 (" in output
    assert "Report: digits_cardinality.html" in lines
    following = lines[lines.index("Next:") + 1 :]
    assert len(following) == 2
    assert following[0].startswith(
        "  resnext-explorer describe resnext11_8x13d_cifar --resolution 8 "
    )
    assert "\x1b" not in output
    page = (workdir / "digits_cardinality.html").read_text()
    assert "C=8 has 0.95 (0.51 to 1.39) points less test error" in page
    assert "split_seed: 0" in page


def test_the_report_of_an_unfinished_study_says_how_to_go_on(stored_study, workdir):
    trials = make_trials()
    output = run(
        "digits_cardinality", "--storage", stored_study(trials.iloc[:8]), "-o", "page.html"
    )
    assert "So far (8 of 15 trainings): " in output
    assert "resnext-explorer study run digits_cardinality --storage sqlite:///" in output
    assert (workdir / "page.html").exists()


def test_failed_pairs_and_their_reason_are_in_the_report(stored_study, workdir):
    trials = without_results(make_trials(), [4], "failed", "loss is NaN in epoch 3")
    output = run("digits_cardinality", "--storage", stored_study(trials))
    assert "14 of 15 trainings are complete (1 failed)." in output
    assert "resnext-explorer study retry digits_cardinality" in output
    assert "loss is NaN in epoch 3" in (workdir / "digits_cardinality.html").read_text()


def test_an_unknown_study_is_named_with_the_nearest_one(stored_study, workdir):
    url = stored_study(make_trials())
    with pytest.raises(UserError, match=r"digits_cardinalty.*Did you mean 'digits_cardinality'"):
        run("digits_cardinalty", "--storage", url)
    assert not list(workdir.glob("*.html"))


def test_a_storage_that_is_not_there_is_not_created(workdir):
    with pytest.raises(UserError):
        run("digits_cardinality")
    assert not list(workdir.iterdir())


def test_an_unwritable_output_is_a_users_mistake(stored_study):
    with pytest.raises(UserError, match="cannot write"):
        run(
            "digits_cardinality",
            "--storage",
            stored_study(make_trials()),
            "-o",
            "missing/page.html",
        )


def test_a_study_is_also_found_by_its_file(stored_study, workdir):
    url = stored_study(make_trials())
    document = Path(__file__).parents[3] / "studies" / "presets" / "digits_cardinality.yaml"
    assert "no cardinality differs from C=1 for sure" in run(str(document), "--storage", url)


def test_control_characters_do_not_reach_the_terminal():
    assert printable("a\x1b[31mred\rb\u202ec\nd") == "a[31mred bc d"


def test_next_commands_are_commands_that_exist():
    runner = CliRunner()
    trials = make_trials()
    states = [
        trials,
        without_results(trials, [1], "waiting"),
        without_results(trials, [1], "failed", "x"),
    ]
    for table in [*states, without_results(trials, range(15), "pruned")]:
        commands = next_commands(Findings(table), "sqlite:///a b.db", "digits")
        assert len(commands) == 2
        for command in commands:
            words = command.split()[1:]
            depth = 2 if words[0] == "study" else 1
            shown = runner.invoke(cli, [*words[:depth], "--help"])
            assert shown.exit_code == 0
            assert all(word in shown.output for word in words if word.startswith("--"))


def test_csv_files_need_no_storage(workdir):
    make_trials({"C=8": -0.008}).to_csv("trials.csv", index=False)
    make_trials(name="other").to_csv("other.csv", index=False)
    output = run("trials.csv")
    assert "C=8 has 0.95 (0.51 to 1.39) points less test error than C=1 (" in output
    assert "Report: trials.html" in output
    both = run("trials.csv", "other.csv", "-o", "both.html")
    assert both.count("Mismatch (%)") == 2
    assert "2 studies side by side" in (workdir / "both.html").read_text()
    written = {path.name for path in workdir.iterdir()} - {"trials.csv", "other.csv"}
    assert written == {"both.html", "trials.html"}


def test_the_report_of_a_csv_file_leaves_the_studys_own_as_it_is(stored_study, workdir):
    url = stored_study(make_trials())
    run("digits_cardinality", "--storage", url)
    before = (workdir / "digits_cardinality.html").read_bytes()
    (workdir / "elsewhere").mkdir()
    make_trials({"C=8": -0.008}).to_csv("elsewhere/of.june.csv", index=False)
    assert "Report: of.june.html" in run("elsewhere/of.june.csv")
    assert (workdir / "digits_cardinality.html").read_bytes() == before
    assert (workdir / "of.june.html").exists()


def test_a_file_without_a_training_is_a_users_mistake(workdir):
    make_trials().iloc[:0].to_csv("none.csv", index=False)
    with pytest.raises(UserError, match=r"none\.csv holds no result"):
        run("none.csv")


def test_what_a_study_holds_cannot_move_the_cursor(stored_study, workdir):
    url = stored_study(
        without_results(make_trials(), [4], "failed", "\x1b[2Jlost\x1b]0;title\x07\u202e\r")
    )
    program = """
        import sys
        from explorer.cli import cli, let_only_text_through

        let_only_text_through()
        for command in ("show", "status", "results", "winner"):
            cli(["study", command, "digits_cardinality", *sys.argv[1:]], standalone_mode=False)
        cli(["study", "list", *sys.argv[1:]], standalone_mode=False)
        cli(["report", "digits_cardinality", *sys.argv[1:]], standalone_mode=False)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), "--storage", url]
    text = run_on_terminal(command, cwd=workdir)
    assert not CONTROLS & set(text)
    assert text.count("[2Jlost]0;title") >= 2  # in `show` and in `results`
    assert "digits_cardinality.html" in text  # all the way to the last


def test_what_a_spreadsheet_would_compute_leaves_with_an_apostrophe(stored_study, workdir, here):
    url = stored_study(without_results(make_trials(), [4], "failed", "=1+1"))
    text = here("study", "results", "digits_cardinality", "--storage", url).stdout
    assert ",failed,'=1+1," in text
    page = create_app(Reader(Storage(url))).server.test_client()
    assert (
        page.get("/download/digits_cardinality/trials.csv", base_url="http://127.0.0.1").text
        == text
    )
    source = load_sources(["digits_cardinality"], url)[0]
    packed = re.search(r'"tables": ?\{"trials": ?"([^"]+)"', render_report([source]))
    assert packed
    assert gzip.decompress(base64.b64decode(packed[1])).decode() == text
    (workdir / "there.csv").write_text(text)
    assert load_sources(["there.csv"])[0].trials["reason"][4] == "=1+1"


def test_published_results_that_cannot_be_laid_over_are_told(stored_study, workdir):
    url = stored_study(make_trials())
    told = run("digits_cardinality", "--storage", url, "--published", "table7_cifar10")
    assert "table7_cifar10 is not laid over: it needs arms with a C of their own" in told
    told = run("digits_cardinality", "--storage", url, "--published", "osmr_resnext20_cifar10")
    assert "not laid over" not in told
    with pytest.raises(UserError, match="Did you mean 'osmr_resnext20_cifar10'"):
        run("digits_cardinality", "--storage", url, "--published", "osmr_resnext20_cifar1")


def test_table_4_by_its_published_name_is_laid_over_a_study_of_scale(workdir):
    study = "evidence:fashion_mnist_scale"
    told = run(study, "--published", "table4", "-o", "scale.html")
    assert "not laid over" not in told
    part = StudyPart(load_sources([study])[0], published="table4")
    assert "paper, Table 4" in str(part.figures["error"]("light"))
