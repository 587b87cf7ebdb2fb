"""A study in Python: from arrays to a verdict and a model, without a file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.errors import UserError
from explorer.suggestions import command
from search_spaces import SearchSpace
from studies import Predictor, RayEngine, Recipe, SlurmEngine, Study, hand_over_study
from studies.config.keys import StudyKeys
from studies.config.study import StudyFile
from studies.data import DataSpec, load

SPACE: dict[str, Any] = {
    "name": "two",
    "reference": "resnext_1_1x8d_w16_small8",
    "match": {"solve": "bottleneck_width", "by": "flops", "tolerance": 0.1},
    "axes": {"cardinality": [1, 2]},
}
KEYS: dict[str, Any] = {
    "name": "arrays",
    "space": SPACE,
    "reference_arm": {"cardinality": 1},
    "recipe": {"name": "quick", "epochs": 1, "batch_size": 32},
    "seeds": np.arange(2),
}


def digits(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    part = load(DataSpec(name="digits", test=0.2)).train
    return np.asarray(part.images)[:count, 0], part.labels[:count]


def three_parts() -> tuple[Any, Any, Any]:
    images, labels = digits()
    return (images[:200], labels[:200]), None, (images[200:], labels[200:])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """A study of arrays that was run to its end, in a folder of its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("notebook"))
        patched.delenv("RESNEXT_EXPLORER_STORAGE", raising=False)
        study = Study(**KEYS, data=digits())
        assert study.run(quiet=True).complete == 4
        yield study


@pytest.mark.heavy
def test_arrays_are_trained_on_by_workers_and_give_a_verdict(finished: Study) -> None:
    assert finished.status().complete == 4
    assert "C=2" in finished.verdict()
    assert finished.report() == Path("arrays.html")
    assert "C=2" in Path("arrays.html").read_text()
    winner = finished.winner()
    assert winner.design in repr(winner)
    assert winner.why in repr(winner)
    within = finished.winner(where="params<=1G")
    assert within == finished.winner(where=["params<=1G"])
    assert (within.design, within.params) == (winner.design, winner.params)
    assert within.why.endswith("of the 2 of 2 designs with params<=1G.") or (
        ", of the 2 of 2 designs with params<=1G. " in within.why
    )
    plan = finished.plan()
    assert plan.left == []
    assert repr(plan).startswith("<Plan of 'arrays': 4 trials, none left>")


def test_the_winner_is_trained_and_predicts_from_arrays(finished: Study) -> None:
    trained = finished.retrain("best", quiet=True, changes=["recipe.epochs=2"])
    predictor = Predictor.load(trained.files[0])
    test = load(finished.data).test
    likeliest = predictor.probabilities(test.images).argmax(1)
    assert (likeliest != test.labels).mean() == pytest.approx(trained.test_error)


@pytest.mark.parametrize(
    "data",
    [
        {"train": digits(), "test": 0.3, "validation": 0.2, "split_seed": 4},
        {"train": digits(), "test": digits(50)},
        three_parts,
        tuple(map(list, digits(100))),
    ],
    ids=["fractions", "parts", "function", "lists"],
)
def test_arrays_become_a_file_named_by_its_content(workdir: Path, data: Any) -> None:
    if isinstance(data, tuple):  # lists of Python's own numbers are no uint8
        data = (np.array(data[0], np.uint8), data[1])
    study, again = Study(**KEYS, data=data), Study(**KEYS, data=data)
    assert study == again
    assert study.data.name == "npz"
    assert [str(path) for path in Path().glob("resnext-explorer-files/_arrays/*")] == [
        study.data.path
    ]
    splits = load(study.data)
    images, labels = digits()
    if isinstance(data, dict) and data["test"] == 0.3:
        assert splits.sizes == {"train": 150, "validation": 60, "test": 90}
        assert study.data.split_seed == 4
    elif callable(data):
        assert np.array_equal(splits.test.images[:, 0], images[200:])
        assert np.array_equal(splits.test.labels, labels[200:])
    elif isinstance(data, tuple):
        assert study.data.test == 0.2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.zeros((4, 8, 8)), [0, 1, 0, 1]), "data: the train images are float64, 4 x 8 x 8, and"),
        ((np.zeros((4, 8, 8), np.uint8), [0, 1]), "2 labels for 4 images"),
        (
            (1, 2, 3),
            "train must be a pair (images, labels), not a tuple of 3; data is (images, labels);",
        ),
        ({"train": digits(), "test": "digits"}, "test must be a pair (images, labels), not a str"),
        ({"train": digits(), "val": digits()}, "unknown part 'val'. Known: train, validation,"),
        ({"data": digits()[0], "target": digits()[1]}, "unknown part 'data'. Known: train,"),
        ({"imags": digits()[0], "labels": digits()[1]}, "are one pair: data=(images, labels)."),
        (object(), "data: object is no array of images; data is (images, labels); a dict"),
        (lambda: None, "must return train, validation and test, each (images, labels), the last"),
        ({"train": digits(), "folder": 1}, "unknown key in data 'folder'"),
    ],
)
def test_data_that_is_not_arrays_is_refused_with_what_is(
    workdir: Path, data: Any, message: str
) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        Study(**KEYS, data=data)


def test_a_type_checker_knows_the_keys_of_a_study_file() -> None:
    assert set(StudyKeys.__annotations__) == set(StudyFile.model_fields)


def test_a_study_of_objects_is_the_study_of_their_keys(workdir: Path) -> None:
    of_keys = Study(**KEYS, data=digits())
    recipe = Recipe(**KEYS["recipe"])
    for given in (recipe, recipe.model_dump()):
        study = Study(**{**KEYS, "space": SearchSpace(**SPACE), "recipe": given}, data=digits())
        assert study == of_keys
    several = [recipe, recipe.model_copy(update={"name": "other"})]
    keys = {key: value for key, value in KEYS.items() if key != "recipe"}
    study = Study(**keys, recipes=several, data=study.data)
    assert study.recipe_names == ["quick", "other"]
    assert Study(**study.document()) == study


def test_mistakes_in_the_constructor_are_told_as_in_a_file(workdir: Path) -> None:
    with pytest.raises(UserError) as raised:
        Study(**{**KEYS, "sedes": [0], "recipe": {"name": "quik"}}, data={"name": "digits"})
    assert str(raised.value).startswith("Study: ")
    assert "unknown key 'sedes'. Did you mean 'seeds'?" in str(raised.value)
    assert "unknown recipe 'quik'. Did you mean 'quick'?" in str(raised.value)
    assert "pydantic" not in str(raised.value)


def test_a_study_that_is_made_is_not_changed_and_keys_are_not_loaded(workdir: Path) -> None:
    study = Study(**KEYS, data={"name": "digits", "test": 0.2})
    with pytest.raises(UserError, match=r"seeds of a Study .* Study\(\.\.\., seeds=\.\.\.\)"):
        study.seeds = [0]
    with pytest.raises(UserError, match=r"a name or the path of a file; given: \{'name'"):
        Study.load({"name": "mine"})  # type: ignore[arg-type]


def test_what_the_interpreter_shows_of_a_study_is_a_line(workdir: Path) -> None:
    study = Study(**KEYS, data={"name": "digits", "test": 0.2})
    assert repr(study) == (
        "Study(name='arrays', space='two', data='digits', recipe='quick', seeds=[0, 1])"
    )
    assert repr(study.data) == "DataSpec(name='digits', test=0.2)"
    assert "seeds='16 seeds'" in repr(Study(**{**KEYS, "seeds": range(16)}, data=study.data))


def test_a_study_that_is_not_stored_says_to_run_it(workdir: Path) -> None:
    study = Study.load("digits_cardinality")
    asked = (study.status, study.verdict, study.report, study.winner, study.results, study.curves)
    for ask in asked:
        with pytest.raises(UserError) as raised:
            ask()
        assert "nothing of it was trained yet. Run it first, with study.run()" in str(raised.value)
    assert list(workdir.iterdir()) == []


def test_among_other_studies_one_that_was_not_run_is_not_taken_for_them(finished: Study) -> None:
    study = Study(**{**KEYS, "name": "arrays2"}, data=digits())
    with pytest.raises(UserError, match=r"the study 'arrays2' is not in .*Run it first") as raised:
        study.verdict()
    assert "Did you mean" not in str(raised.value)


def test_other_arrays_under_the_same_name_are_told_in_words(finished: Study) -> None:
    with pytest.raises(UserError) as raised:
        Study(**KEYS, data=digits(299)).run(quiet=True)
    assert "data: the arrays hold other images or labels than those it began with" in str(
        raised.value
    )
    assert ".npz" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "example"), [(2, "[0, 1]"), ("0-3", "[0, 1, 2, 3]"), ("0, 5", "[0, 5]")]
)
def test_seeds_that_are_no_list_get_an_example(workdir: Path, given: Any, example: str) -> None:
    words = re.escape(f"seeds: must be a list, for example seeds: {example} (given")
    with pytest.raises(UserError, match=words):
        Study(**{**KEYS, "seeds": given}, data={"name": "digits", "test": 0.2})


def test_a_search_says_beforehand_which_seed_does_not_count(workdir: Path) -> None:
    search = {"method": "random", "trials": 2, "finalists": 1}
    space = {**SPACE, "match": {"solve": "bottleneck_width", "by": "flops"}}
    keys = {**KEYS, "space": space, "data": {"name": "digits", "test": 0.2}, "search": search}
    (note,) = Study(**{**keys, "seeds": [7, 3]}).notes
    assert note == (
        "Seed 7 chooses the finalists of the search, and does not count for them: only seed 3"
        " compares them, and one seed gives no interval. Give three seeds or more, for example"
        " seeds: [7, 3, 0]."
    )
    assert Study(**{**keys, "seeds": [0, 1, 2]}).notes == []
    assert Study(**KEYS, data={"name": "digits", "test": 0.2}).notes == []


def test_arrays_that_are_nearly_black_are_mentioned_as_the_study_is_made(workdir: Path) -> None:
    images, labels = digits()
    with pytest.warns(
        UserWarning, match=r"is 15, of 255: .*use \(images \* \(255 / 15\)\)"
    ) as said:
        Study(**KEYS, data=(images // 16, labels))
    assert said[0].filename == __file__


def test_what_a_study_wants_is_shown_without_its_arrays(workdir: Path) -> None:
    assert repr(load(DataSpec(name="digits", test=0.2)).train) == "<Images: 1,258 of 1x8x8>"
    shown = repr(Study(**KEYS, data=digits()).wanted())
    assert shown == "<Wanted: 2 designs for 1x8x8, 10 classes>"


def test_every_preset_is_listed_and_loads() -> None:
    assert "digits_cardinality" in Study.presets()
    assert [Study.load(name).name for name in Study.presets()] == Study.presets()


def test_a_study_is_trained_where_an_engine_places_workers(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(**KEYS, data={"name": "digits", "test": 0.2})
    given: dict[str, Any] = {}
    monkeypatch.setattr("studies.api.run", lambda _, **options: given.update(options))
    engine = SlurmEngine(16, "gpu", "4:00:00", devices=2)
    study.run(engine=engine)
    assert given["engine"] is engine
    assert command("study run", "arrays", **given["view"].options) == (
        "resnext-explorer study run arrays --workers 16 --devices-per-worker 2 --engine slurm"
        " --partition gpu --time 4:00:00"
    )
    with pytest.raises(UserError, match="made with its workers"):
        study.run(engine=engine, workers=2)
    with pytest.raises(UserError, match="workers must be a whole number"):
        RayEngine(workers=0)
    handed: list[Any] = []
    monkeypatch.setattr(
        "studies.running.detached.detach", lambda *given, **_: bool(handed.extend(given)) or True
    )
    cluster = RayEngine("head:6379", gpus_per_worker=0.5)
    assert hand_over_study(study, cluster)
    assert (handed[0], handed[2]) == (study, cluster)
