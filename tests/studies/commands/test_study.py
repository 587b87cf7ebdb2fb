"""The commands as a user types them."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_training
import pytest
from PIL import Image
from tiny_study import change

from studies import save_results
from studies.records.stored_study import get
from studies.results import CURVES, TRIALS, SavedResults
from studies.storage import Storage
from studies.storage.schema import CONTENT

Result = subprocess.CompletedProcess[str]
COUNTS = {"wanted": 6, "complete": 6, "running": 0, "waiting": 0, "failed": 0, "pruned": 0}


@pytest.fixture
def study(tiny: Path) -> Callable[..., Result]:
    """`resnext-explorer study ...` in the folder of the study
    file, with the stand-in for training."""

    def call(*arguments: str) -> Result:
        command = [sys.executable, fake_training.__file__, "study", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=100)

    return call


@pytest.fixture
def study_here(fake: None, here: Callable[..., Result]) -> Callable[..., Result]:
    """The same in this process."""
    return lambda *arguments: here("study", *arguments)


def test_from_run_to_results(
    study: Callable[..., Result], study_here: Callable[..., Result], tiny: Path
) -> None:
    first = study("run", "./tiny.yaml", "--workers", "2")
    assert (first.returncode, first.stderr) == (0, "")
    lines = first.stdout.splitlines()
    assert lines[0].startswith("tiny: 6 pairs (3 arms x 2 seeds), 6 to train; 2 workers on cpu")
    assert sum("validation error" in line for line in lines) == 6
    assert lines[-2:] == [
        "6 of 6 pairs complete.",
        "See what came out: resnext-explorer report tiny",
    ]

    again = study_here("run", "./tiny.yaml", "--workers", "2")
    assert again.returncode == 0
    assert "all 6 pairs are complete, nothing to train" in again.stdout

    for name in ("tiny", "./tiny.yaml"):
        status = study_here("status", name, "--json")
        assert json.loads(status.stdout) == COUNTS
    assert study_here("status", "tiny").stdout.split() == [*COUNTS, *map(str, COUNTS.values())]

    printed = list(csv.DictReader(study_here("results", "tiny").stdout.splitlines()))
    assert list(printed[0]) == list(TRIALS)
    assert len(printed) == 6
    assert "Wrote 24 rows" in study_here("results", "tiny", "--curves", "-o", "curves.csv").stdout
    curves = list(csv.DictReader(tiny.with_name("curves.csv").read_text().splitlines()))
    assert list(curves[0]) == list(CURVES)
    records = json.loads(study_here("results", "tiny", "--json").stdout)
    assert [record["seed"] for record in records] == [0, 0, 0, 1, 1, 1]
    assert records[0]["peak_memory"] is None

    listed = json.loads(study_here("list", "--json").stdout)
    assert listed["studies"][0] == {
        "study": "tiny",
        **COUNTS,
        "created": listed["studies"][0]["created"],
    }
    assert "digits_cardinality" in listed["presets"]
    assert "tiny" in study_here("list").stdout
    assert "no pair has failed" in study_here("retry", "tiny").stdout


@pytest.mark.heavy
def test_what_is_said_of_a_folder_is_said_once_in_each_run(
    study_here: Callable[..., Result], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tiny.parent / "cache"))
    for label, (name, count) in enumerate((("left", 190), ("right", 10))):
        (folder := tiny.parent / "photos" / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (8, 8), (number, 100 * label, 0))
            image.putpixel((0, 0), (255, 255, 255))
            image.save(folder / f"{number}.png")
        (folder / "one.heic").touch()
    change(
        tiny,
        "name: digits, validation: 0.2",
        "name: folder, path: ~/photos, resolution: 8, validation: 0.2",
    )
    monkeypatch.setenv("HOME", str(tiny.parent))
    first = study_here("run", "./tiny.yaml", "--workers", "2")
    assert first.returncode == 0, first.stderr
    said = (
        "Augmentation: crops with 1 pixel of padding, mirrored left to right.",
        (
            "Warning: images are mirrored, and a mirror image may not keep the class of 'left',"
            " 'right'."
        ),
        f"Left out of {tiny.parent}/photos: 2 files of other kinds: .heic.",
        (
            "The classes are imbalanced: 190 of 200 images are of 'left', 10 of 'right'. Always"
            " guessing 'left' gives 5.0 % error."
        ),
    )
    lines = first.stdout.splitlines()
    assert [line.startswith(part) for line, part in zip(lines[1:5], said, strict=True)] == [
        True
    ] * 4
    one_worker = ["run", "./tiny.yaml", "--workers", "1"]
    more = study_here(*one_worker, "--set", "seeds=[0, 1, 2]", "--json")
    begin = json.loads(more.stdout.splitlines()[0])
    assert begin["notes"] == lines[1:5]
    # A version before stored no such lines.
    storage = Storage("sqlite:///resnext-explorer.db")
    stored = get(storage, "tiny")
    content = {key: value for key, value in stored.content.plain.items() if key != "notes"}
    storage.open().set_study_user_attr(stored.id, CONTENT, content)
    storage.close()
    older = study_here(*one_worker, "--set", "seeds=[0, 1, 2, 3]")
    assert older.returncode == 0, older.stderr
    assert "Augmentation" not in older.stdout


def test_json_prints_only_json(study_here: Callable[..., Result], tiny: Path) -> None:
    result = study_here("run", "./tiny.yaml", "--json", "--workers", "1")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[0]["event"] == "begin"
    assert events[-1] == {"event": "end", "study": "tiny", **COUNTS}
    assert [event["event"] for event in events].count("epoch") == 24


def test_quiet_prints_nothing(study: Callable[..., Result]) -> None:
    result = study("run", "./tiny.yaml", "--quiet", "--workers", "1")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def spoil(path: Path, content: str) -> None:
    path.write_text(content)


MISTAKES: list[tuple[str, list[str], Any, list[str]]] = [
    (
        "an unknown preset",
        ["run", "digits_cardinalty"],
        None,
        ["digits_cardinalty", "Did you mean 'digits_cardinality'?"],
    ),
    ("a missing file", ["run", "./no.yaml"], None, ["./no.yaml", "No such file"]),
    ("no workers", ["run", "./tiny.yaml", "--workers", "0"], None, ["workers", "at least 1", "0"]),
    ("half a worker", ["run", "./tiny.yaml", "--workers", "1.5"], None, ["1.5", "--workers"]),
    ("an unknown option", ["run", "./tiny.yaml", "--worker", "2"], None, ["--worker", "--workers"]),
    (
        "no database",
        ["run", "./tiny.yaml", "--storage", "sqlite:///tiny.yaml"],
        None,
        ["tiny.yaml", "not an SQLite database"],
    ),
    ("a URL that is none", ["run", "./tiny.yaml", "--storage", "x.db"], None, ["sqlite:///x.db"]),
    (
        "a missing folder",
        ["run", "./tiny.yaml", "--storage", "sqlite:///no/x.db"],
        None,
        ["no folder", "no"],
    ),
    ("nothing stored yet", ["status", "tiny"], None, ["resnext-explorer.db", "study run"]),
    (
        "data that is not there",
        ["run", "./tiny.yaml", "--data-dir", "."],
        lambda folder: change(
            folder / "tiny.yaml",
            "name: digits, validation: 0.2, test: 0.2",
            "name: fashion_mnist, validation: 0.2",
        ),
        ["fashion_mnist", "--data-dir"],
    ),
    (
        "a batch larger than the data",
        ["run", "./tiny.yaml"],
        lambda folder: change(folder / "tiny.yaml", "batch_size: 64", "batch_size: 6400"),
        ["batch_size", "6400", "training split"],
    ),
    (
        "broken YAML",
        ["run", "./tiny.yaml"],
        lambda folder: change(folder / "tiny.yaml", "seeds: [0, 1]", "seeds: [0, 1"),
        ["tiny.yaml", "not valid YAML", "line"],
    ),
    (
        "a file in the place of the folder for logs",
        ["run", "./tiny.yaml"],
        lambda folder: (folder / "resnext-explorer-files").write_text(""),
        ["resnext-explorer-files", "cannot create the folder"],
    ),
]


@pytest.mark.parametrize(
    ("arguments", "spoil", "words"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_is_one_message_and_code_2(
    study_here: Callable[..., Result],
    tiny: Path,
    arguments: list[str],
    spoil: Any,
    words: list[str],
) -> None:
    if spoil:
        spoil(tiny.parent)
    result = study_here(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    assert result.stderr.count("Error: ") == 1
    for word in words:
        assert word in result.stderr
    # Nothing was stored by a run that could not begin.
    assert not (tiny.parent / "resnext-explorer.db").exists()


def test_results_never_replace_what_somebody_else_wrote(
    done: None, study_here: Callable[..., Result], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "sqlite:///t.db")
    written = tiny.read_text()
    refused = study_here("results", "tiny", "-o", "tiny.yaml", "--force")
    assert (refused.returncode, tiny.read_text()) == (2, written)
    assert "cannot write tiny.yaml: name a file that ends in .csv." in refused.stderr
    mine = Path("mine.csv")
    mine.write_text("design,seed,validation_error,test_error\n")
    for options in ([], ["--curves"]):
        assert study_here("results", "tiny", "-o", "mine.csv", *options).returncode == 2
    assert mine.read_text() == "design,seed,validation_error,test_error\n"
    for options in (["--force"], [], ["--curves", "--force"], ["--curves"]):
        assert study_here("results", "tiny", "-o", "mine.csv", *options).returncode == 0
    assert study_here("results", "tiny", "-o", "mine.csv").returncode == 2  # now it holds curves


def test_python_writes_the_same_files_of_results(
    done: None, study_here: Callable[..., Result]
) -> None:
    saved = save_results("tiny", "python.csv", storage="sqlite:///t.db")
    assert saved == SavedResults(6, Path("python.origin.yaml"))
    study_here("results", "tiny", "-o", "command.csv", "--storage", "sqlite:///t.db")
    assert Path("python.csv").read_bytes() == Path("command.csv").read_bytes()
    assert save_results("tiny", "curves.csv", curves=True, storage="sqlite:///t.db").rows == 24


def test_an_unwritable_output_is_named(
    done: None, study_here: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "sqlite:///t.db")
    result = study_here("results", "tiny", "-o", "no/such/results.csv")
    assert result.returncode == 2
    assert "cannot write no/such/results.csv" in result.stderr
    unknown = study_here("status", "tinny")
    assert unknown.returncode == 2
    assert "Did you mean 'tiny'?" in unknown.stderr


@pytest.mark.parametrize("command", ["run", "status", "results", "list", "retry"])
def test_every_command_has_help_with_an_example(
    study_here: Callable[..., Result], command: str
) -> None:
    result = study_here(command, "--help")
    assert result.returncode == 0
    assert f"resnext-explorer study {command}" in result.stdout
