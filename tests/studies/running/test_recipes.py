"""A study of two recipes, run for real: its pairs, tables, files, resumption and winners.

The stand-in's errors depend on the number of epochs, in which the recipes differ.
"""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import tiny_runs
from click.testing import CliRunner
from tiny_study import change

from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.pair import Pair
from studies.records.stored_study import get
from studies.results import TRIALS, Reader, read, study_info
from studies.results.importing import import_csv
from studies.storage import Storage

URL = "sqlite:///t.db"
RECIPES = "recipes: [{name: quick, epochs: 2}, {name: modern, epochs: 3}]"
ARMS = 3


@pytest.fixture
def tiny(tiny: Path) -> Path:
    change(tiny, "recipe: {name: quick, epochs: 4, batch_size: 64}", RECIPES)
    return tiny


@pytest.fixture
def trained(tiny: Path, fake: None, once: Callable[..., None]) -> Path:
    """Trained once for all tests."""
    once("recipes", lambda: tiny_runs.run(tiny))
    return tiny


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(cli, [*arguments, "--storage", URL], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_each_arm_is_trained_by_each_recipe_with_each_seed_and_seeds_come_last(tiny: Path) -> None:
    pairs = Study.load(tiny).pairs()
    assert len(pairs) == len(set(pairs)) == ARMS * 2 * 2
    assert [(pair.seed, pair.recipe) for pair in pairs[::ARMS]] == [
        (0, "quick"),
        (0, "modern"),
        (1, "quick"),
        (1, "modern"),
    ]
    assert Pair.of(pairs[0].claim()) == pairs[0]


def test_tables_say_of_which_recipe_a_row_is(trained: Path) -> None:
    trials, curves = read(URL, "tiny")
    assert list(trials.columns) == [*TRIALS, "recipe"]
    assert trials.groupby("recipe")["epochs"].unique().to_dict() == {"modern": [3], "quick": [2]}
    assert curves.groupby("recipe").size().to_dict() == {"modern": 18, "quick": 12}
    info = study_info(URL, "tiny")
    assert [recipe["name"] for recipe in info["recipes"]] == ["quick", "modern"]
    # The part of one recipe is a study of its own.
    part, epochs = Reader(Storage(URL)).both("tiny:modern")
    assert len(part.trials) == part.counts.complete == part.info["wanted"] == 6
    assert set(epochs["recipe"]) == {"modern"}
    assert part.info["recipe"]["epochs"] == 3
    design = str(part.trials["design"][0])
    assert len(Reader(Storage(URL)).curve("tiny:modern", design, 1)) == 3
    with pytest.raises(UserError, match="unknown recipe 'moder'"):
        Reader(Storage(URL)).tables("tiny:moder")
    assert invoke("study", "status", "tiny").split()[6:] == ["12", "12", "0", "0", "0", "0"]
    assert "modern" in invoke("study", "show", "tiny")


@pytest.mark.heavy
def test_an_interrupted_run_goes_on_to_the_same_tables(trained: Path) -> None:
    expected = tiny_runs.tables()
    Path("t.db").unlink()
    tiny = trained
    process = tiny_runs.start(tiny, "--workers", "2", "--json", FAKE_EPOCH="0.1")
    tiny_runs.wait_for(process, "epoch", 4)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert get(Storage(URL), "tiny").counts(Storage(URL)).left > 0
    tiny_runs.run(tiny)
    for found, wanted in zip(tiny_runs.tables(), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted)


def test_events_and_lines_name_the_recipe(tiny: Path, fake: None) -> None:
    process = tiny_runs.start(tiny, "--json")
    lines = [json.loads(line) for line in process.communicate()[0].splitlines()]
    done = [line for line in lines if line["event"] == "complete"]
    assert {line["recipe"] for line in done} == {"quick", "modern"}
    assert {line["arm"] for line in done} >= {"C=1 quick", "C=4 modern"}


def test_a_csv_file_of_results_comes_in_as_it_went_out(trained: Path) -> None:
    invoke("study", "results", "tiny", "-o", "t.csv")
    study = import_csv(URL, Path("t.csv"), name="back")
    assert "recipe" not in study.ignored
    out, back = (read(URL, name)[0] for name in ("tiny", "back"))
    columns = ["arm", "design", "seed", "recipe", "validation_error", "test_error", "status"]
    pd.testing.assert_frame_equal(
        *(table[columns].sort_values(columns[:4], ignore_index=True) for table in (out, back))
    )


def test_a_csv_file_of_one_recipe_is_a_study_without_recipes(trained: Path) -> None:
    read(URL, "tiny")[0].query("recipe == 'quick'").to_csv("one.csv", index=False)
    study = import_csv(URL, Path("one.csv"), name="one")
    assert study.ignored == ["recipe"]
    assert list(read(URL, "one")[0].columns) == list(TRIALS)


def test_a_line_without_its_recipe_is_refused(trained: Path) -> None:
    trials = read(URL, "tiny")[0]
    trials.loc[4, "recipe"] = ""
    trials.to_csv("t.csv", index=False)
    with pytest.raises(UserError, match="line 6: recipe: nothing is given"):
        import_csv(URL, Path("t.csv"), name="back")


def test_there_is_a_winner_by_each_recipe_and_a_retraining_names_one(trained: Path) -> None:
    trials = read(URL, "tiny")[0]
    both = json.loads(invoke("study", "winner", "tiny", "--json"))
    for recipe in ("quick", "modern"):
        own = trials[trials["recipe"] == recipe]
        best = own.groupby("arm")["validation_error"].mean().idxmin()
        assert both[recipe]["arm"] == best
        assert json.loads(invoke("study", "winner", f"tiny:{recipe}", "--json"))["arm"] == best
    assert "By the recipe modern:" in invoke("study", "winner", "tiny")
    with pytest.raises(UserError, match="a winner by each of its recipes; name one"):
        invoke("study", "winner", "tiny", "--retrain", "--export", "best")


def test_a_study_is_extended_by_seeds_and_not_by_other_recipes(trained: Path) -> None:
    change(trained, "seeds: [0, 1]", "seeds: [0, 1, 2]")
    assert tiny_runs.run(trained).complete == 18
    change(trained, "epochs: 3", "epochs: 4")
    with pytest.raises(UserError, match=r"recipes\.modern\.epochs: 3 -> 4"):
        tiny_runs.run(trained)


def test_the_verdict_in_python_is_that_of_each_recipe_and_not_of_all_trainings_together(
    trained: Path,
) -> None:
    lines = Study.load(trained).verdict(storage=URL).splitlines()
    assert "depend on the recipe" in lines[0]
    assert any(line.startswith("tiny:quick: ") for line in lines[1:])
    assert any(line.startswith("tiny:modern: ") for line in lines[1:])
