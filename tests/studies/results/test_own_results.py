"""Results of networks of one's own as files: read, checked and continued as those of ours are."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import fake_training
import pandas as pd
import pytest
from own_families import PLAIN, write

import studies.results.continuing
from dashboards.report.sources import load_sources
from explorer.errors import UserError
from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.records.stored_study import get
from studies.results import CURVES, TRIALS, read
from studies.results.importing import import_csv, read_csv
from studies.storage import Storage
from studies.storage.schema import CURVE, RESULT

Here = Callable[..., "subprocess.CompletedProcess[str]"]
THERE, URL = "sqlite:///there.db", "sqlite:///t.db"
NET = "resulted"
STUDY = f"""
name: own
space:
  name: own
  reference: "{NET}:net(width=8,depths=1-1)"
  axes: {{kernel: [1, 3]}}
  match: {{solve: width, by: flops}}
reference_arm: {{kernel: 3}}
data: {{name: digits, validation: 0.2, test: 0.2, split_seed: 0}}
recipe: {{name: quick, epochs: 2, batch_size: 64}}
seeds: [0, 1]
"""
CHANGED = PLAIN.replace("nn.ReLU()", "nn.Conv2d(width, width, 1), nn.ReLU()")
TRAINED = re.compile("learning_rate|.*_(loss|error)")  # the numbers of an epoch
FILES = ("own.yaml", "results.csv", "results.origin.yaml", "curves.csv", "there.db")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one's own networks, complete "elsewhere" and written as files."""
    from click.testing import CliRunner

    from explorer.cli import cli

    folder = tmp_path_factory.mktemp("finished")
    write(folder, NET, PLAIN)
    (folder / "own.yaml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        _complete()
        for options in (["-o", "results.csv"], ["--curves", "-o", "curves.csv"]):
            call = ["study", "results", "own", "--storage", THERE, *options]
            assert CliRunner().invoke(cli, call).exit_code == 0
    return folder


def _complete() -> None:
    """Store the study with all its pairs, as a worker stores them."""
    study, storage = Study.load("own.yaml"), Storage(THERE)
    settings = fake_training.SUPERVISED["resolve"]().settings.model_dump()
    about = about_data(fake_training.load(study.data, None))
    stored = create_or_extend(
        storage, study, study.wanted(), lambda: {**about, "notes": [], "settings": settings}
    )
    claims = Claims(storage, stored.id, stored)
    numbers = {key: [0.5, 0.25] for key in CURVES if TRAINED.match(key)}
    for error in (0.1, 0.2, 0.3, 0.5):
        attempt = claims.claim(Worker("worker"))
        assert attempt
        errors = dict.fromkeys(("train_error", "validation_error", "test_error"), error)
        result = {**errors, "epochs": 2, "seconds": 4.0, "device": "cpu"}
        curve = {f"{CURVE}1": {"epoch": [1, 2], "seconds": [2.0, 2.0], **numbers}}
        claims.end(attempt, "complete", error, {RESULT: result, **curve})
    storage.close()


@pytest.fixture
def files(finished: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its files, and the module that makes its networks, in the current folder."""
    for name in ("load", "resolve"):
        monkeypatch.setattr(studies.results.continuing, name, fake_training.SUPERVISED[name])
    for name in FILES:
        shutil.copy(finished / name, workdir)
    write(workdir, NET, PLAIN)
    return workdir


def test_the_table_says_quantities_and_source(files: Path) -> None:
    trials = pd.read_csv("results.csv")
    assert list(trials) == [*TRIALS, "kernel", "source"]
    assert trials["source"].str.fullmatch("[0-9a-f]{16}").all()


def test_what_was_exported_comes_back_as_it_was(files: Path, here: Here) -> None:
    told = here("study", "import", "results.csv", "--storage", URL)
    assert told.returncode == 0, told.stderr
    assert "Imported 4 results of 2 designs into own." in told.stdout
    assert "Ignored" not in told.stdout
    there, now = read(THERE, "own")[0], read(URL, "own")[0]
    pd.testing.assert_frame_equal(now.drop(columns="worker"), there.drop(columns="worker"))
    # A report of the file, of the import and of the study itself find the same.
    found = [*load_sources(["results.csv"]), *load_sources(["own"], URL)]
    study = load_sources(["own"], THERE)[0].findings
    for source in found:
        assert source.findings.verdict.title == study.verdict.title
        assert source.findings.reference == "kernel=3"
        pd.testing.assert_frame_equal(source.findings.summary, study.summary)
    shown = [here("study", "show", "own", "--storage", url).stdout for url in (THERE, URL)]
    tables = [text.partition("\n\n")[0] for text in shown]
    assert tables[0] == tables[1]
    assert f"{NET}:net(depths=1-1,kernel=3,width=8)" in tables[1]


def test_the_rest_is_continued_with_the_curves(files: Path, here: Here) -> None:
    lines = Path("results.csv").read_text().splitlines()
    Path("results.csv").write_text("\n".join(lines[:4]))
    call = ["results.csv", "--curves", "curves.csv", "--continue", "./own.yaml"]
    told = here("study", "import", *call, "--storage", URL)
    assert told.returncode == 0, told.stderr
    assert "own: took 3 complete pairs from results.csv." in told.stdout
    counts = get(Storage(URL), "own").counts(Storage(URL))
    assert (counts.complete, counts.left) == (3, 1)
    assert read(URL, "own")[1].equals(read(THERE, "own")[1].iloc[:6])


@pytest.mark.parametrize("more", [[], ["--continue", "./own.yaml"]], ids=["alone", "continued"])
def test_a_changed_function_is_refused_with_the_difference_in_counts(
    files: Path, here: Here, more: list[str]
) -> None:
    write(files, NET, CHANGED)
    told = here("study", "import", "results.csv", *more, "--storage", URL)
    assert told.returncode == 2
    assert "line 2: the source of resulted:net has changed since resulted:net(" in told.stderr
    before = int(pd.read_csv("results.csv")["params"][0])
    width = pd.read_csv("results.csv")["width"][0]
    assert f"{before:,} -> {before + 2 * (width + 1) * width:,} params" in told.stderr
    assert told.stderr.count("\n") == 1
    assert not Path("t.db").exists()


def test_a_function_of_other_code_but_equal_costs_is_refused(files: Path) -> None:
    write(files, NET, PLAIN.replace("nn.ReLU()", "nn.GELU()"))
    with pytest.raises(UserError, match="its costs are the same, but its code is not"):
        read_csv(Path("results.csv"))
    # Of a table without the digest, names and counts are checked.
    pd.read_csv("results.csv").drop(columns="source").to_csv("bare.csv", index=False)
    assert read_csv(Path("bare.csv")).name == "own"
    write(files, NET, CHANGED)
    with pytest.raises(UserError, match=r"line 2: flops is .* here, and resulted:net"):
        read_csv(Path("bare.csv"))
    # A file of origin alone can be older than the code, too.
    write(files, NET, PLAIN.replace("nn.ReLU()", "nn.GELU()"))
    with pytest.raises(UserError, match="but its code is not"):
        studies.results.continuing.continue_study(
            Storage(URL), Study.load("own.yaml"), Path("bare.csv").rename("results.csv")
        )


def test_without_its_module_one_message_says_which_is_missing(files: Path, here: Here) -> None:
    write(files, NET, PLAIN)  # forgets what was known of it
    Path(f"{NET}.py").unlink()
    told = here("study", "import", "results.csv", "--storage", URL)
    assert told.returncode == 2
    assert "line 2: the network 'resulted:net' cannot be found" in told.stderr
    assert "installed or in the current folder" in told.stderr
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("target", ["os:abort", "torchgen.utils:concatMap", "explorer:count"])
def test_a_file_cannot_have_functions_of_libraries_called(files: Path, target: str) -> None:
    text = Path("results.csv").read_text().replace(f"{NET}:net", target)
    Path("evil.csv").write_text(text)
    with pytest.raises(UserError, match=rf"line 2: .* names '{target}', a function of a library"):
        import_csv(URL, Path("evil.csv"))


def test_what_a_row_says_of_its_network_is_checked(files: Path) -> None:
    table = pd.read_csv("results.csv", dtype=str, keep_default_na=False)
    for column, value, words in [
        ("kernel", "5", "kernel is '5' here, and resulted:net.* has '1'"),
        ("width", "7", "width is 7 here, and"),
        ("cardinality", "4", "cardinality is 4 here, and resulted:net.* has None"),
        ("depths", "1-2", "depths is '1-2' here, and resulted:net.* has '1-1'"),
        ("kind", "basic", "kind is 'basic' here, and resulted:net.* has ''"),
    ]:
        table.assign(**{column: value}).to_csv("wrong.csv", index=False)
        with pytest.raises(UserError, match=f"line 2: {words}"):
            read_csv(Path("wrong.csv"))
    # Arms without a name are called by what tells them apart.
    bare = table[["design", "seed", "validation_error", "test_error"]]
    bare.assign(resolution=8, in_channels=1, classes=10).to_csv("bare.csv", index=False)
    arms = {design.arm for design in read_csv(Path("bare.csv")).designs}
    assert arms == {"kernel=3, width=8", f"kernel=1, width={table['width'][0]}"}
