"""Tuning: every arm gets the same recipes on the first seed,
and goes on with its best on all seeds."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from searching import make
from tiny_runs import endings

import studies.running.supervisor
from dashboards.analysis.findings import Findings
from dashboards.app.pages.trial import page as trial_page
from explorer.errors import UserError
from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.standing import Counts
from studies.attempts.workers import Worker
from studies.commands.study import study as command
from studies.config.tuning import Tune
from studies.pair import Pair
from studies.records.stored_study import get
from studies.results import TRIALS, Reader, read, study_info
from studies.storage import Storage

NOBODY = Worker("nobody", host="elsewhere", machine="elsewhere")
TUNE: dict[str, Any] = {"trials": 5, "learning_rate": [0.01, 1.0], "weight_decay": [1e-5, 1e-3]}


@pytest.fixture
def tuned(tiny: Path) -> Callable[..., Path]:
    """The tiny study with tuning: three arms, two seeds."""

    def write(**changes: Any) -> Path:
        document = yaml.safe_load(tiny.read_text())
        tiny.write_text(yaml.safe_dump({**document, "tune": {**TUNE, **changes}}))
        return tiny

    return write


def test_the_recipes_are_evenly_spaced_in_the_logarithm_and_each_value_is_tried_once() -> None:
    recipes = Tune(**TUNE).recipes
    rates, decays = (
        [recipe[key] for recipe in recipes] for key in ("learning_rate", "weight_decay")
    )
    assert rates == [0.01, 0.0316, 0.1, 0.316, 1.0]
    assert sorted(decays) == [1e-5, 3.16e-5, 1e-4, 3.16e-4, 1e-3]
    logs = [[math.log(value) for value in values] for values in (rates, decays)]
    means = [sum(values) / 5 for values in logs]
    products = sum((a - means[0]) * (b - means[1]) for a, b in zip(*logs, strict=True))
    norms = math.prod(
        math.sqrt(sum((a - mean) ** 2 for a in values))
        for values, mean in zip(logs, means, strict=True)
    )
    assert abs(products / norms) < 0.5  # a low rate comes not always with a low decay


def test_an_arms_seeds_wait_for_its_tuning_and_get_its_best_recipe(
    tuned: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, tuned())
    assert stored.counts(storage) == Counts(21, 0, 0, 21, 0, 0)
    claims = Claims(storage, stored.id, stored)
    names = [design.name for design in stored.designs]
    best = {names[0]: 0, names[1]: 3, names[2]: 4}  # the first and the last are at the edge
    trained = []
    while attempt := claims.claim(NOBODY):
        rate = attempt.attributes["recipe"]["learning_rate"]
        wanted = Tune(**TUNE).recipes[best[attempt.pair.design]]
        assert attempt.pair.variant or attempt.attributes["recipe"] == wanted
        error = 0.1 + abs(math.log(rate / wanted["learning_rate"]))
        assert claims.end(
            attempt, "complete", error, {"result": {"validation_error": error, "test_error": error}}
        )
        trained.append(attempt.pair)
    assert [bool(pair.variant) for pair in trained] == [True] * 15 + [False] * 6
    assert {pair.seed for pair in trained[:15]} == {0}
    info = study_info(storage, "tiny")
    rates_at_edge = ["learning_rate" in failure["at_edge"] for failure in info["tuned"].values()]
    assert rates_at_edge == [True, False, True]
    trials, _ = read(storage, "tiny")
    assert len(trials) == 6  # a tuning trial is no replicate
    assert (trials["status"] == "complete").all()
    results = Study.load("./tiny.yaml").results(storage=storage)
    assert list(results) == [*TRIALS, "learning_rate", "weight_decay"]
    for _, row in results.iterrows():
        assert (
            dict(row[["learning_rate", "weight_decay"]])
            == Tune(**TUNE).recipes[best[row["design"]]]
        )


def test_the_results_have_a_column_for_what_is_tuned(
    tuned: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, tuned(weight_decay=None))
    claims = Claims(storage, stored.id, stored)
    for _ in range(15):
        attempt = claims.claim(NOBODY)
        assert attempt
        if attempt.pair.design == stored.designs[0].name:  # of the other arms nothing is chosen yet
            claims.end(attempt, "complete", 0.1, {"result": {"validation_error": 0.1}})
    arguments = ["results", "./tiny.yaml", "--storage", storage.url]
    records = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).output)
    assert [record["learning_rate"] for record in records] == [
        0.1,
        None,
        None,
    ] * 2  # nearest the middle
    assert "weight_decay" not in records[0]
    assert CliRunner().invoke(command, [*arguments, "-o", "results.csv"]).exit_code == 0
    assert Path("results.csv").read_text().startswith(f"{','.join(TRIALS)},learning_rate\n")
    assert (
        "learning_rate,train_loss" in CliRunner().invoke(command, [*arguments, "--curves"]).output
    )


def test_of_equal_errors_the_recipe_nearest_the_middle_is_taken(
    tuned: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, tuned(weight_decay=None))
    claims = Claims(storage, stored.id, stored)
    while (attempt := claims.claim(NOBODY)) and attempt.pair.variant:
        assert claims.end(attempt, "complete", 0.5, {"result": {"validation_error": 0.5}})
    assert attempt
    assert attempt.attributes["recipe"] == {"learning_rate": 0.1}


def test_an_arm_whose_tuning_fails_is_failed_and_says_so(
    tuned: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, tuned(trials=2))
    claims = Claims(storage, stored.id, stored)
    hopeless = stored.designs[1].name
    while attempt := claims.claim(NOBODY):
        if attempt.pair.design == hopeless:
            assert claims.end(
                attempt,
                "failed",
                attributes={"failure": {"reason": "the loss became nan", "log": []}},
            )
        else:
            assert claims.end(attempt, "complete", 0.5, {"result": {"validation_error": 0.5}})
    assert get(storage, "tiny").counts(storage) == Counts(12, 8, 0, 0, 4, 0)
    trials, _ = read(storage, "tiny")
    failed = trials[trials["status"] == "failed"]
    assert list(failed["design"]) == [hopeless] * 2
    assert list(failed["reason"]) == ["all tuning trials of its arm failed"] * 2


def test_a_failed_tuning_trial_is_shown_as_that_and_not_as_its_arms_training(
    tuned: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, tuned(trials=3))
    claims = Claims(storage, stored.id, stored)
    name, failed = stored.designs[0].name, 0
    while attempt := claims.claim(NOBODY):
        if (attempt.pair.design, attempt.pair.variant) == (name, "tuning 2"):
            assert claims.end(
                attempt,
                "failed",
                attributes={"failure": {"reason": "the loss became nan", "log": []}},
            )
            failed += 1
        else:
            errors = dict.fromkeys(("validation_error", "test_error", "train_error"), 0.5)
            assert claims.end(attempt, "complete", 0.5, {"result": errors})
    assert failed == 1
    trials, _ = read(storage, "tiny")
    assert list(trials["status"]) == ["complete"] * 6
    assert list(trials["reason"]) == [""] * 6
    show = ["show", "tiny", "--storage", storage.url]
    shown = CliRunner().invoke(command, show).output
    assert "\nFailed: C=1 tuning 2 seed 0 (attempt " in shown
    assert "Failed: C=1 seed 0" not in shown
    assert "best of 2 tuning trials (1 more without a result)" in shown
    assert shown.count("best of 3 tuning trials") == 2
    (failure,) = json.loads(CliRunner().invoke(command, [*show, "--json"]).output)["failures"]
    assert (failure["arm"], failure["pair"]) == (
        "C=1",
        {"design": name, "seed": 0, "variant": "tuning 2"},
    )
    # The training's own page knows nothing of it, and the report says what the tuning lacks.
    reader = Reader(storage)
    assert [attempt.ended for attempt, _ in reader.attempts("tiny", name, 0)] == ["complete"]
    assert "nan" not in str(trial_page(reader, "tiny", name, "0", None))
    notes = Findings(trials, study_info(storage, "tiny")).verdict.notes
    assert "C=1 was tuned on 2 of 3 trials; the others have no result." in notes


def test_tuning_with_real_processes_is_stored_and_shown(
    fake: None, tuned: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tuned(trials=3)
    monkeypatch.setenv("FAKE_EPOCH", "0.005")
    counts = studies.running.supervisor.run(Study.load(file), storage="sqlite:///t.db", workers=2)
    assert counts == Counts(15, 15, 0, 0, 0, 0)
    # Two workers may claim the same pair in the same moment; the later one withdraws.
    assert [ended for ended in endings() if ended != "superseded"] == ["complete"] * 15
    stored = get(Storage("sqlite:///t.db"), "tiny")
    trained = [attempt for attempt in stored.attempts if attempt.ended == "complete"]
    for name, result in stored.tuned.items():
        recipes = [
            attempt.attributes["recipe"]
            for attempt in trained
            if attempt.pair in (Pair(name, 0), Pair(name, 1))
        ]
        assert recipes == [result.recipe] * 2
    results = [attempt.attributes["result"] for attempt in trained if attempt.pair.variant]
    assert len(results) == 9
    assert not any("test_error" in result for result in results)  # nothing can be chosen on it
    shown = CliRunner().invoke(command, ["show", "tiny", "--storage", "sqlite:///t.db"]).output
    assert shown.count("Tuned C=") == 3
    assert "learning_rate" in shown
    as_json = (
        CliRunner()
        .invoke(command, ["show", "tiny", "--storage", "sqlite:///t.db", "--json"])
        .output
    )
    assert set(json.loads(as_json)["tuned"]) == {"C=1", "C=2", "C=4"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": [1.0, 0.1]}, "from low to high"),
        ({"learning_rate": [0.0, 0.1]}, "above 0"),
        ({"learning_rate": None, "weight_decay": None}, "name what to tune"),
        ({"trials": 1}, "at least 2"),
        ({"momentum": [0.8, 0.9]}, "'momentum'"),
    ],
)
def test_tuning_that_cannot_work_is_an_error(
    tuned: Callable[..., Path], change: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        Study.load(tuned(**change))


def test_tuning_is_for_grids(tuned: Callable[..., Path]) -> None:
    file = tuned()
    file.write_text(file.read_text() + "search: {method: random, trials: 3}\n")
    with pytest.raises(UserError, match="tuning is for comparing arms"):
        Study.load(file)
