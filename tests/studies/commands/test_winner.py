"""The winner has the lowest validation error over the seeds; what the seeds leave
open is said; the model to take along is whole."""

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import searching
import yaml
from click.testing import CliRunner
from PIL import Image
from tiny_study import change

from explorer import Architecture, build
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.data import DataSpec, load
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.records.stored_study import get
from studies.results import study_info
from studies.storage import Storage
from studies.winner.winner import choose, train_on_both


def trials(
    errors: dict[str, list[float | None]], flops: dict[str, int] | None = None
) -> pd.DataFrame:
    """A table of results: the validation error of each design for seeds 0, 1, ...; None failed."""
    rows = [
        {
            "study": "study",
            "arm": f"arm {design}",
            "design": design,
            "seed": seed,
            "status": "failed" if error is None else "complete",
            "validation_error": error,
            "flops": (flops or {}).get(design, 100),
            "params": 1000,
            "latency": None,
        }
        for design, column in errors.items()
        for seed, error in enumerate(column)
    ]
    return pd.DataFrame(rows)


def test_the_lowest_mean_wins_and_clear_losers_are_told_apart() -> None:
    found = choose(
        trials({"a": [0.10, 0.121, 0.11], "b": [0.05, 0.07, 0.06], "c": [0.051, 0.069, 0.065]})
    )
    assert (found.design, found.arm, found.seeds) == ("b", "arm b", (0, 1, 2))
    assert found.validation_error == pytest.approx(0.06)
    assert [(rival.design, rival.stands) for rival in found.rivals] == [
        ("c", "tied"),
        ("a", "worse"),
    ]
    assert "Not told apart from it: arm c." in found.why


def test_intervals_are_tukeys_from_the_residuals_of_all_designs() -> None:
    """Three designs on three seeds: four degrees of freedom, q = 5.040 (Tukey's table, 5 %)."""
    errors: dict[str, list[float | None]] = {
        "a": [0.50, 0.10, 0.30],
        "b": [0.51, 0.12, 0.33],
        "c": [0.90, 0.52, 0.73],
    }
    table = np.array(list(errors.values()), dtype=float)
    rest = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    half = 5.040 / 2**0.5 * np.sqrt((rest**2).sum() / 4 * 2 / 3)
    first, second = choose(trials(errors)).rivals
    assert first.worse == pytest.approx(0.02)
    assert (first.low, first.high) == pytest.approx((0.02 - half, 0.02 + half), abs=1e-5)
    assert second.high - second.low == pytest.approx(first.high - first.low)


def test_a_winner_that_is_clearly_better_than_equal_others_is_told_apart() -> None:
    """Four standard deviations of the residual better than four equal others, on three seeds: with
    each rival's own differences 2 of 100 studies showed it, with all residuals 75 do."""
    random = np.random.default_rng(0)
    shown = 0
    for _ in range(60):
        errors = random.normal([0.016, 0.026, 0.026, 0.026, 0.026], 0.0025, (3, 5)).T
        found = choose(trials({name: list(row) for name, row in zip("abcde", errors, strict=True)}))
        shown += all(rival.stands == "worse" for rival in found.rivals)
    assert shown > 33


def test_who_is_worse_and_who_is_not_told_apart_is_said_apart() -> None:
    found = choose(
        trials({"a": [0.30, 0.321, 0.31], "b": [0.05, 0.07, 0.06], "c": [0.051, 0.069, 0.065]})
    )
    assert found.why.endswith("Worse than arm b: arm a. Not told apart from it: arm c.")
    two = choose(trials({"a": [0.30, 0.321, 0.31], "b": [0.05, 0.07, 0.06]}))
    assert two.why.endswith("mean of 3 seeds. The other one's interval lies above it.")


def test_a_search_is_judged_without_the_seed_that_chose_its_finalists() -> None:
    """On seed 0 all three were lucky; the reference, c, was not chosen by it."""
    errors: dict[str, list[float | None]] = {
        "a": [0.01, 0.22, 0.20],
        "b": [0.02, 0.10, 0.13],
        "c": [0.30, 0.17, 0.18],
    }
    found = choose(trials(errors), chosen_on=0)
    assert (found.design, found.seeds, found.planned_seeds) == ("b", (1, 2), 2)
    assert found.validation_error == pytest.approx(0.115)
    assert choose(trials(errors)).design == "b"
    two = choose(trials({name: row[:2] for name, row in errors.items()}), chosen_on=0)
    assert (two.design, {rival.stands for rival in two.rivals}) == ("b", {"cannot tell"})
    assert "One seed cannot tell" in two.why
    assert "--set 'seeds=[0,1,2,3]'" in two.why  # without its first seed a search is refused
    alone = choose(trials({name: row[:1] for name, row in errors.items()}), chosen_on=0)
    assert (alone.design, alone.seeds) == ("a", (0,))


def test_where_seeds_end_with_the_verdict_every_arm_can_win_on_its_own_seeds() -> None:
    table = trials(
        {
            "a": [0.10, 0.12, 0.11, 0.13, 0.12, 0.11],
            "b": [0.05, 0.07, 0.06],
            "c": [0.10, 0.11, 0.12, None],
        }
    )
    # Five points below arm a on the seeds of both, and arm a's mean over all of them is 11.5 %.
    told = "arm b better, decided at seed 3; arm c equal within 0.5, at 4. 13 trainings."
    found = choose(table, decided=told)
    assert (found.design, found.seeds, found.planned_seeds) == ("b", (0, 1, 2), 3)
    assert found.why == (
        "arm b (b) has the lowest validation error, 6.50 %, mean of 3 seeds. By test error: " + told
    )
    assert {rival.stands for rival in found.rivals} == {"cannot tell"}
    assert choose(table).design == "a"


def test_the_same_gap_in_every_seed_gives_no_interval() -> None:
    found = choose(trials({"a": [0.10, 0.20], "b": [0.15, 0.25]}))
    (rival,) = found.rivals
    assert rival.worse == pytest.approx(0.05)
    assert found.why.endswith("2 seeds. The other one's interval lies above it.") or (
        rival.stands == "cannot tell"
    )
    flat = choose(trials({"a": [0.10, 0.20], "b": [0.15, 0.25], "c": [0.20, 0.30]}))
    assert {rival.stands for rival in flat.rivals} == {"cannot tell"}
    assert "No interval for arm b, arm c: the same gap in every seed." in flat.why


def test_two_seeds_are_too_few_for_an_interval_that_shows_nothing() -> None:
    """As for the verdict: with as many arms that it may rest on more, or a gap that shows, not."""
    errors = {"a": [0.10, 0.12], "b": [0.20, 0.26], "c": [0.15, 0.14]}
    found = choose(trials(errors))
    assert [rival.low for rival in found.rivals] == [None, None]
    assert "No interval for arm c, arm b: two seeds are too few for one." in found.why
    more = choose(trials(errors | {"d": [0.21, 0.29], "e": [0.22, 0.28]}))
    assert all(rival.low is not None for rival in more.rivals)
    shown = choose(trials({"a": [0.10, 0.1001], "b": [0.50, 0.5002], "c": [0.1004, 0.1001]}))
    assert {rival.arm: rival.stands for rival in shown.rivals} == {
        "arm b": "worse",
        "arm c": "tied",
    }


def test_a_notebook_shows_the_winner_beside_its_rivals() -> None:
    html = choose(trials({"a": [0.1, 0.2, 0.1], "b": [0.2, 0.3, 0.25]}))._repr_html_()
    assert html.startswith("<p>arm a (a) has the lowest validation error")
    assert html.count("<tr>") == 3


def test_nothing_is_called_worse_before_the_last_seed() -> None:
    table = trials({"a": [0.30, 0.321, None], "b": [0.05, 0.07, 0.06]})
    table.loc[table["status"] == "failed", "status"] = "waiting"
    found = choose(table)
    assert [rival.stands for rival in found.rivals] == ["cannot tell"]
    assert found.why == (
        "So far, arm b (b) has the lowest validation error, 6.00 %, mean of 3 seeds. How sure that"
        " is comes with the last seed."
    )


def test_a_design_that_lost_one_hard_seed_is_neither_out_nor_the_better_for_it() -> None:
    """Seed 2 is hard for all. Without it, a's mean is the lowest; as if it were there, c's is."""
    lost: dict[str, list[float | None]] = {
        "a": [0.10, 0.11, None],
        "b": [0.12, 0.13, 0.30],
        "c": [0.09, 0.10, 0.28],
    }
    found = choose(trials(lost))
    assert (found.design, found.rivals[0].design, found.fewer_seeds) == ("c", "a", ())
    assert found.rivals[0].worse == pytest.approx(0.01, abs=0.003)
    assert found.why.endswith("By least squares, as trainings are missing: arm a has 2 of 3 seeds.")


def test_of_equal_errors_the_cheaper_wins() -> None:
    table = trials({"a": [0.1, 0.2], "b": [0.2, 0.1]}, flops={"a": 200, "b": 100})
    assert choose(table).design == "b"


def test_a_lucky_single_seed_does_not_win() -> None:
    found = choose(trials({"a": [0.01, None, None], "b": [0.05, 0.07, 0.06]}))
    assert found.design == "b"
    assert found.fewer_seeds == ("a",)


def test_one_seed_cannot_tell_and_says_how_to_add_more() -> None:
    found = choose(trials({"a": [0.1], "b": [0.2]}))
    assert found.rivals[0].low is None
    assert found.rivals[0].stands == "cannot tell"
    assert "One seed cannot tell" in found.why
    assert "--set 'seeds=[0,1,2]'" in found.why
    assert "cannot tell" not in choose(trials({"a": [0.1]})).why


def test_designs_without_a_seed_in_common_cannot_be_told_apart() -> None:
    found = choose(trials({"a": [0.1, 0.2, None, None], "b": [None, None, 0.2, 0.3]}))
    assert [rival.stands for rival in found.rivals] == ["cannot tell"]
    assert "No interval for arm b: no seed in common" in found.why


def test_without_a_complete_pair_there_is_no_winner() -> None:
    with pytest.raises(UserError, match="no pair of this study is complete yet"):
        choose(trials({"a": [None]}))
    with pytest.raises(UserError, match="no validation error is known of study"):
        choose(trials({"a": [0.1]}).assign(validation_error=np.nan))


def test_training_on_both_joins_train_and_validation_and_measures_them_anew() -> None:
    splits = load(DataSpec(name="digits", validation=0.2, test=0.2))
    both = train_on_both(splits)
    assert both.sizes == {"train": 1079 + 359, "validation": 359, "test": 359}
    pixels = np.concatenate([splits.train.images, splits.validation.images]) / 255
    assert both.mean == pytest.approx([pixels.mean()])
    assert both.std == pytest.approx([pixels.std()])
    assert np.array_equal(both.test.images, splits.test.images)
    assert sorted(both.train.labels) == sorted([*splits.train.labels, *splits.validation.labels])


def store_results(file: Path, errors: list[float]) -> None:
    """What a run leaves in the storage: the study with its true data,
    and a complete pair for each error."""
    study, storage = Study.load(file), Storage()
    settings = {"device": "cpu", "precision": "32", "threads": 1}
    known = {**about_data(load(study.data)), "settings": settings}
    stored = create_or_extend(storage, study, study.wanted(), lambda: known)
    claims = Claims(storage, stored.id, stored)
    for error in errors:
        attempt = claims.claim(Worker("worker"))
        assert attempt
        claims.end(attempt, "complete", error, {"result": {"validation_error": error}})
    assert claims.counts().left == 0
    storage.close()


def test_the_winner_of_a_search_says_that_it_is_one(workdir: Path) -> None:
    storage = Storage()
    stored = searching.make(storage, "digits_search")
    attempt = searching.claims_of(storage, stored).claim(searching.NOBODY)
    result = {"result": {"validation_error": 0.1, "test_error": 0.1}}
    searching.claims_of(storage, stored).end(attempt, "complete", 0.1, result)
    storage.close()
    shown = CliRunner().invoke(cli, ["study", "winner", "digits_search"])
    assert shown.exit_code == 0, shown.output
    assert (
        "that a search tried on its first seed. On that one the best looks better than it is, so it"
        " does not count for those trained on more." in shown.output
    )


@pytest.mark.parametrize(("error", "is_learned"), [(0.88, False), (0.2, True)])
def test_a_winner_that_has_not_learned_is_said_to_have_not_and_not_proposed_for_export(
    tiny: Path, error: float, is_learned: bool
) -> None:
    """Of 359 validation images 36 are of the commonest class, so guessing makes 90.0 % error."""
    change(tiny, "seeds: [0, 1]", "seeds: [0]")
    store_results(tiny, [error, error + 0.001, error + 0.01])
    shown = CliRunner().invoke(cli, ["study", "winner", "tiny"])
    assert shown.exit_code == 0, shown.output
    assert study_info(None, "tiny")["commonest"] == {"train": 110, "validation": 36, "test": 37}
    said = (
        "has not learned much: always guessing the commonest class makes 90.0 % validation error,"
        " and here it is 88.0 %."
    )
    assert (said in " ".join(shown.output.split())) == (not is_learned)
    assert ("--retrain --export best" in shown.output) == is_learned
    assert ("Next: resnext-explorer report tiny" in shown.output) == (not is_learned)


@pytest.mark.slow
def test_the_winner_is_shown_trained_fully_and_exported_whole(
    tiny: Path,
    here: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(tiny, "seeds: [0, 1]", "seeds: [0]")
    store_results(tiny, [0.2, 0.1, 0.3])
    shown = here("study", "winner", "tiny")
    assert shown.returncode == 0, shown.stderr
    assert "has the lowest validation error" in shown.stdout
    assert "cannot tell" in shown.stdout.splitlines()[2]
    assert "tied" not in shown.stdout
    assert "chosen" in shown.stdout
    # No training measured a latency, so a limit on it has the designs measured now.
    limited = ["winner", "tiny", "--where", "latency<=60s"]
    timed = here("study", *limited)
    assert "Measuring the latency of 3 designs on cpu ..." in timed.stderr
    assert re.search(
        r"^Latency: .*, measured on 20\d\d-\d\d-\d\d, just now,", timed.stdout, re.MULTILINE
    )
    none = here("study", "winner", "tiny", "--where", "latency<=1us")
    assert (none.returncode, "no design of this study has latency<=1us" in none.stderr) == (2, True)
    retrain = [*limited, "--retrain", "--export", "best"]
    monkeypatch.setattr("studies.machine.memory.keep_memory", lambda: None)
    trained = here("study", *retrain, "--set", "recipe.epochs=2", "--json")
    assert trained.returncode == 0, trained.stderr
    told = json.loads(trained.stdout)
    assert told["epochs"] == 2
    assert sorted(path.name for path in Path("best").iterdir()) == [
        "card.md",
        "network.onnx",
        "weights.safetensors",
    ]

    # What stands in the card is enough to come to the test error that stands in the card.
    card = Path("best/card.md").read_text()
    _, front_matter, _ = card.split("---\n", 2)
    about = yaml.safe_load(front_matter)
    (model,) = about["model-index"]
    (result,) = model["results"]
    (accuracy,) = result["metrics"]
    assert about["pipeline_tag"] == result["task"]["type"] == "image-classification"
    assert f"# {model['name']}\n" in card
    (error,) = re.findall(r"^- test error: ([0-9.]+) %", card, re.MULTILINE)
    assert 100 * (1 - accuracy["value"]) == pytest.approx(float(error), abs=0.0051)
    assert "1,438 images" in card
    measured = (
        r"in torch, for one image on cpu, in 32 bits, with 1 thread, measured on 20\d\d-\d\d-"
    )
    assert re.search(rf"latency of weights.safetensors: .*\(quartiles .*\) {measured}", card)
    assert re.search(
        r"latency of network.onnx: .*\(quartiles .*\) in onnxruntime, .* 1 thread", card
    )
    mean, std = (
        float(number) for number in re.search(r"minus ([\d.]+), over ([\d.]+)", card).groups()
    )  # type: ignore[union-attr]
    import onnxruntime

    data = load(DataSpec(name="digits", validation=0.2, test=0.2)).test
    session = onnxruntime.InferenceSession("best/network.onnx")
    images = ((data.images / 255 - mean) / std).astype(np.float32)
    (logits,) = session.run(None, {"images": images})
    error = (logits.argmax(1) != data.labels).mean()
    # In bf16, where it was trained, a few images fall on the other side.
    assert error == pytest.approx(told["test_error"], abs=0.02)
    assert f"test error: {100 * told['test_error']:.2f} %" in card
    assert (
        f"balanced test error: {100 * told['test_balanced_error']:.2f} %, the mean of the errors by"
        " class" in card
    )
    assert "- notes: Augmentation: crops with 1 pixel of padding." in card
    use = re.search(r"```python\n(.*?)```", card, re.DOTALL).group(1)  # type: ignore[union-attr]
    # The card's own code, on the same images as files, comes to that test error exactly.
    Path("best/photos").mkdir()
    for number, image in enumerate(data.images):
        Image.fromarray(image[0]).save(f"best/photos/{number:03}.png")
    printed = io.StringIO()
    with contextlib.chdir("best"), contextlib.redirect_stdout(printed):
        exec(use.replace('["photo1.jpg", "photo2.jpg"]', '["photos"]'), {})
    likeliest = [int(re.search(r"\(\('(\d)'", line)[1]) for line in printed.getvalue().splitlines()]  # type: ignore[index]
    assert (np.array(likeliest) != data.labels).mean() == pytest.approx(told["test_error"])

    # Neither the network's name nor its sizes are needed to export it again.
    exported = here(
        "export", "--weights", "best/weights.safetensors", "--format", "onnx", "-o", "b.onnx"
    )
    assert exported.returncode == 0, exported.stderr
    facts = onnxruntime.InferenceSession("b.onnx").get_modelmeta().custom_metadata_map
    assert facts == session.get_modelmeta().custom_metadata_map
    assert (facts["architecture"], facts["input"]) == (told["design"], "float32, N x 1 x 8 x 8")
    assert json.loads(facts["mean"]) == pytest.approx([mean], rel=1e-5)
    assert (facts["resolution"], facts["in_channels"], facts["classes"]) == ("8", "1", "10")

    # The same again, as a notebook's "Run all" asks for it, is what is there; another is refused.
    written = {path: path.read_bytes() for path in Path("best").glob("*.*") if path.is_file()}
    again = here("study", *retrain, "--set", "recipe.epochs=2", "--json")
    same = ("design", "test_error", "test_errors_by_class", "epochs", "folder")
    assert [json.loads(again.stdout)[key] for key in same] == [told[key] for key in same]
    assert {path: path.read_bytes() for path in written} == written
    another = here("study", *retrain)
    assert another.returncode == 2
    assert "best holds another model; name another folder, or remove it" in another.stderr

    # The card's commands work as they stand, in its folder, for a network of other classes.
    for kind, colour in (("dark", 20), ("light", 200), ("grey", 120)):
        Path("best/photos", kind).mkdir()
        for number in range(20):
            Image.new("L", (9, 9), colour + number).save(f"best/photos/{kind}/{number}.png")
    for path in Path("best/photos").glob("*.png"):
        path.unlink()
    shutil.copy("best/photos/dark/0.png", "best/photo1.jpg")
    shutil.copy("best/photos/dark/1.png", "best/photo2.jpg")
    lines = re.findall(r"^resnext-explorer (.*)$", card, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["predict", "train"]
    assert "best/" not in card
    with contextlib.chdir("best"):
        for line in lines:
            done = here(
                *shlex.split(line),
                *(
                    ["--set", "recipe.epochs=1", "--set", "recipe.batch_size=8"]
                    if line.startswith("train")
                    else []
                ),
            )
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["winner", "tiny", "--retrain"], "--retrain needs a folder"),
        (["winner", "tiny", "--export", "best"], "give --retrain with them"),
        (["winner", "tiny"], "no"),
    ],
)
def test_a_mistake_is_one_message(
    workdir: Path,
    here: Callable[..., subprocess.CompletedProcess[str]],
    arguments: list[str],
    message: str,
) -> None:
    result = here("study", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert not Path("best").exists()


# What goes wrong in a retraining, with a stand-in for the training of the study.


@pytest.fixture
def complete(done: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from studies.machine import memory

    monkeypatch.setattr(memory, "keep_memory", lambda: None)
    monkeypatch.setattr(
        "studies.records.same_data.check_data", lambda *_: None
    )  # the stand-in's data is not that of digits


def retrain(*more: str) -> Exception:
    arguments = [
        "study",
        "winner",
        "tiny",
        "--storage",
        "sqlite:///t.db",
        "--retrain",
        "--export",
        "best",
        *more,
    ]
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is not None
    assert not isinstance(result.exception, SystemExit), result.output
    return result.exception  # type: ignore[return-value]


def test_data_that_cannot_be_read_leaves_no_folder(
    complete: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise UserError("there is no data")

    monkeypatch.setattr("studies.data.load", missing)
    assert str(retrain()) == "there is no data"
    assert not Path("best").exists()


def test_an_imported_study_does_not_know_its_data(complete: None) -> None:
    storage = Storage("sqlite:///t.db")
    stored = get(storage, "tiny")
    content = {**stored.content.plain, "imported": "results.csv"}
    content["document"] = {
        **content["document"],
        "data": {"name": "imported"},
        "recipe": {"name": "imported"},
    }
    storage.open().set_study_user_attr(stored.id, "explorer", content)
    error = retrain("--recipe", "quick")
    assert isinstance(error, UserError)
    assert "tiny was imported from results.csv, which does not say on what data" in str(error)
    assert not Path("best").exists()


def test_a_batch_that_is_too_large_leaves_no_folder(complete: None) -> None:
    error = retrain("--set", "recipe.batch_size=4096")
    assert isinstance(error, UserError)
    assert "batch_size of 4096 is larger" in str(error)
    assert not Path("best").exists()


def test_too_little_memory_is_a_sentence(complete: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr("studies.training.training.train", fail)
    error = retrain()
    assert isinstance(error, UserError)
    assert str(error).startswith(
        "the training failed: out of memory; a smaller batch_size, as --set"
    )
    assert not Path("best").exists()


@pytest.fixture
def trained(complete: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The retraining itself goes well."""

    def train(
        architecture: Architecture, *_: object, checkpoints: Path, **__: object
    ) -> SimpleNamespace:
        (checkpoints / "checkpoint.pt").touch()
        figures = dict.fromkeys(("train_error", "test_error"), 0.1)
        figures |= dict.fromkeys(("train_top5_error", "test_top5_error"), None)
        figures |= {"test_balanced_error": 0.55, "test_errors_by_class": [0.1, 1.0]}
        return SimpleNamespace(**figures, epochs=4, state_dict=build(architecture).state_dict())

    monkeypatch.setattr("studies.training.training.train", train)


@pytest.mark.parametrize("name", ["network.onnx", "weights.safetensors"])
def test_a_network_of_somebody_else_is_not_replaced(trained: None, name: str) -> None:
    path = Path("best") / name
    path.parent.mkdir()
    path.write_text("not ours")
    assert f"best holds another {name}; name another folder" in str(retrain())
    assert path.read_text() == "not ours"


@pytest.mark.parametrize("as_json", [False, True])
def test_where_onnx_fails_the_weights_and_the_card_are_there_all_the_same(
    trained: None, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    import explorer.networks.exporting

    def differ(*_: object) -> str:
        raise RuntimeError("onnxruntime's output differs")

    Path("best").mkdir()
    Path("best/network.onnx").write_bytes(b"an older one of explorer.networks")
    with monkeypatch.context() as patched:
        patched.setattr(explorer.networks.exporting, "_export_onnx", differ)
        arguments = [
            "study",
            "winner",
            "tiny",
            "--storage",
            "sqlite:///t.db",
            "--retrain",
            "--export",
            "best",
        ]
        result = CliRunner().invoke(cli, [*arguments, *(["--json"] if as_json else [])])
    assert result.exit_code == 1
    why = (
        "Error: there is no network.onnx: the export to ONNX failed: RuntimeError: onnxruntime's"
        " output differs. "
    )
    assert why in result.stderr
    assert sorted(path.name for path in Path("best").iterdir()) == [
        "card.md",
        "weights.safetensors",
    ]
    assert "`network.onnx`: missing" in Path("best/card.md").read_text()
    if as_json:
        assert "onnxruntime's output differs" in json.loads(result.stdout)["onnx_error"]
    else:
        assert "Written: best/weights.safetensors, best/card.md" in result.stdout

    _, _, again = result.stderr.partition("Try again with: resnext-explorer ")
    assert CliRunner().invoke(cli, again.split()).exit_code == 0
    assert Path("best/network.onnx").exists()


def test_without_the_extra_onnx_the_weights_and_the_card_are_written(
    trained: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["study", "winner", "tiny", "--storage", "sqlite:///t.db", "--retrain"]
    arguments += ["--export", "best"]
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "onnxruntime", None)
        result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1, result.output
    why = (
        "network.onnx is left out: it needs the extra [onnx] (onnxruntime is missing): pip install"
    )
    assert why in result.stdout  # before the training, too
    assert f"Error: {why} 'resnext-explorer[onnx]'. Try again with: resnext-explorer export" in (
        result.stderr
    )
    assert sorted(path.name for path in Path("best").iterdir()) == [
        "card.md",
        "weights.safetensors",
    ]
    assert "`network.onnx`: missing: it needs the extra [onnx]" in Path("best/card.md").read_text()
    # What is there is found again, and what it lacks is said again.
    again = Study.load("tiny", storage="sqlite:///t.db").retrain(
        "best", storage="sqlite:///t.db", quiet=True
    )
    assert [path.name for path in again.files] == ["weights.safetensors", "card.md"]
    assert again.onnx_error is not None
    assert why in again.onnx_error


def test_weights_that_cannot_be_written_leave_nothing_half_written(
    trained: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import explorer.networks.exporting

    def full(*_: object) -> None:
        raise UserError("the disk is full.")

    monkeypatch.setattr(explorer.networks.exporting, "write_atomic", full)
    error = retrain()
    assert isinstance(error, UserError)
    assert "could not be exported: the disk is full. Nothing was exported" in str(error)
    assert [path.name for path in Path("best").iterdir()] == [".checkpoints"]


def test_the_winner_says_how_many_of_the_planned_seeds_it_rests_on() -> None:
    lost = choose(trials({"a": [0.1, 0.2, 0.15, None], "b": [0.2, 0.32, 0.26, None]}))
    assert "mean of 3 of 4 seeds." in lost.why
    assert lost.planned_seeds == 4
    apart = choose(
        trials(
            {
                "a": [0.1, 0.2, 0.15, None],
                "b": [None, 0.32, 0.26, 0.3],
                "c": [0.3, 0.41, 0.36, None],
            }
        )
    )
    assert "By least squares, as trainings are missing: arm a has 3 of 4 seeds, arm b" in apart.why
    assert "least squares" not in choose(trials({"a": [0.1, 0.2], "b": [0.2, 0.32]})).why
    begun = choose(trials({"a": [0.1, None, None], "b": [0.2, None, None]})).why
    assert "mean of 1 of 3 seeds. One seed cannot tell" in begun
    assert begun.endswith("The other seeds have no result.")


def test_another_machine_goes_on_with_a_retraining_and_its_files_are_with_the_artifacts(
    complete: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    began_with = []

    def train(
        architecture: Architecture, *_: object, checkpoints: Path, on_epoch: Any, **__: object
    ) -> SimpleNamespace:
        path = checkpoints / "checkpoint.pt"
        began_with.append(path.read_text() if path.exists() else "")
        path.write_text("one epoch")
        on_epoch({"epoch": 1, "train_error": 0.5})
        if not began_with[-1]:
            raise KeyboardInterrupt
        figures = dict.fromkeys(("train_error", "test_error"), 0.1)
        figures |= dict.fromkeys(("train_top5_error", "test_top5_error"), None)
        figures |= {"test_balanced_error": 0.55, "test_errors_by_class": [0.1, 1.0]}
        return SimpleNamespace(**figures, epochs=4, state_dict=build(architecture).state_dict())

    monkeypatch.setattr("studies.training.training.train", train)
    arguments = ["study", "winner", "tiny", "--storage", "sqlite:///t.db", "--retrain"]
    arguments += ["--export", "best", "--artifacts", "shared"]
    assert CliRunner().invoke(cli, arguments).exit_code == 1  # click's answer to Ctrl-C
    shutil.rmtree("best")  # another machine has none
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert began_with == ["", "one epoch"]
    assert "Copied to " in result.output
    files = [path for path in Path("shared").rglob("*") if path.is_file()]
    names = sorted(path.name for path in files)
    assert names == ["card.md", "network.onnx", "weights.safetensors"]
    for path in files:
        assert path.read_bytes() == (Path("best") / path.name).read_bytes()
