"""Every command that the program prints is run as printed, in a folder
and with a storage whose names need quoting."""

import ast
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import fake_training
import pytest
from click.testing import CliRunner, Result

from dashboards.app.pages import overview
from explorer import suggestions
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.records.stored_study import get
from studies.results import Reader
from studies.running.progress import QuietView
from studies.storage import Storage

NAN = "resnext_1_2x5d_w16_small8"
# A file whose name needs quotes and must not be taken for an option.
FILE = '-it\'s "my" study.yaml'
STORAGE = "sqlite:///my 'own'/st $udies.db"
# What stands for something that only the user knows.
PLACEHOLDERS = {"STUDY": "tiny", "DATA": "digits"}


def as_bash_reads(line: str) -> list[str]:
    """The words after the program's name."""
    script = f"resnext-explorer() {{ printf '%s\\0' \"$@\"; }}; {line}"
    out = subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True).stdout
    return [PLACEHOLDERS.get(word, word) for word in out.split("\0")[:-1]]


class Shell:
    """Runs commands in this process, and keeps each command that is printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.printed: list[str] = []
        built = suggestions._built

        def keep(*parts: list[str]) -> str:
            line = built(*parts)
            self.printed.append(line)
            return line

        monkeypatch.setattr(suggestions, "_built", keep)

    def __call__(self, *words: str, code: int = 0) -> str:
        """What a command prints, its error as `main` shows it."""
        result: Result = CliRunner().invoke(cli, list(words), input="y\n")
        if isinstance(result.exception, UserError):
            assert code == 2, result.exception
            return result.output + str(result.exception)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output

    def suggested(self, *words: str, code: int = 0) -> list[list[str]]:
        """The commands that a command prints, each as it was built, as a shell reads them."""
        self.printed.clear()
        output = self(*words, code=code)
        lines = [line for line in self.printed if line in output]
        assert len(lines) == len(re.findall("resnext-explorer [a-z]", output)), (
            self.printed,
            output,
        )
        return [as_bash_reads(line) for line in sorted(lines, key=output.index)]


@pytest.fixture
def shell(fake: None, tiny: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """In a folder with blanks and quotes in its name; the cache is there too."""
    folder = workdir / "a b's"
    (folder / "my 'own'").mkdir(parents=True)
    tiny.rename(folder / FILE)
    (workdir / "tiny_space.yaml").rename(folder / "tiny_space.yaml")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(folder / "the cache"))
    monkeypatch.setenv("FAKE_EPOCH", "0")
    return Shell(monkeypatch)


HERE = ["--storage", STORAGE]


@pytest.mark.heavy
def test_commands_of_a_study_from_its_plan_to_its_winner(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = {
        "steps": [[1.0, 1.0]],
        "splits": {"train": 1000, "validation": 100, "test": 100},
        "start": 0.0,
        "notes": [],
    }
    monkeypatch.setattr("studies.running.plan._measure", lambda *_: measured)
    monkeypatch.setattr("studies.running.plan.resolve", fake_training.SUPERVISED["resolve"])
    (run,) = shell.suggested(
        "study",
        "plan",
        "--set",
        "seeds=[0, 1]",
        "--data-dir",
        "my data",
        "--workers",
        "2",
        *HERE,
        "--",
        FILE,
    )
    given = ["--set", "seeds=[0, 1]", "--data-dir", "my data", "--workers", "2", *HERE]
    assert run == ["study", "run", *given, "--", FILE]
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({NAN: "nan"}))
    show, retry, report = shell.suggested(*run, code=1)
    (of_show,) = shell.suggested(*show)
    assert of_show == report == ["report", "tiny", *HERE]
    report_retry, results = shell.suggested(*report)
    assert report_retry == retry == ["study", "retry", "tiny", *HERE]
    assert results == ["study", "results", "tiny", "-o", "results.csv", *HERE]
    shell(*results)
    assert Path("results.csv").exists()
    (again,) = shell.suggested(*retry)
    assert again == ["study", "run", "tiny", *HERE]
    assert shell.suggested("study", "retry", *HERE, "--", FILE) == []  # nothing has failed since
    monkeypatch.delenv("FAKE_MISCHIEF")
    (report_at_last,) = shell.suggested(*again)
    describe, _ = shell.suggested(*report_at_last)
    assert describe[0] == "describe"
    assert "fvcore" in shell(*describe)
    (retrain,) = shell.suggested("study", "winner", *HERE, "--", FILE)
    assert retrain == ["study", "winner", "--retrain", "--export", "best", *HERE, "--", FILE]
    Path("best").mkdir()
    Path("best/card.md").touch()
    assert "best holds another model" in shell(*retrain, code=2)  # all of it was understood


def test_commands_where_nothing_is_stored_yet(shell: Shell) -> None:
    (run,) = shell.suggested("study", "status", "tiny", *HERE, code=2)
    assert run == ["study", "run", "digits_cardinality", *HERE]
    (of_list,) = shell.suggested("study", "list", *HERE)
    assert of_list[:2] == ["study", "run"]
    assert of_list[3:] == HERE
    shell.printed.clear()
    page = str(overview.content(Reader(Storage(STORAGE))))
    (line,) = shell.printed
    assert as_bash_reads(line) == ["study", "run", "digits_cardinality", "--workers", "2", *HERE]
    assert "resnext-explorer" in page
    report = shell.suggested(*run)[-1]
    assert report == ["report", "digits_cardinality", *HERE]
    shell(*report)
    (of_preset,) = shell.suggested("study", "status", "paper_table3", *HERE, code=2)
    assert of_preset == ["study", "run", "paper_table3", *HERE]


def test_commands_around_imported_results_and_csv_files(shell: Shell) -> None:
    name, more = "resnext_1_1x8d_w16_small8", "resolution,classes,in_channels\n"
    Path("it's mine.csv").write_text(
        f"design,seed,validation_error,test_error,{more}{name},0,0.2,0.3,8,10,1\n"
    )
    import_it = ["study", "import", "it's mine.csv", "--name", "mine", *HERE]
    (report,) = shell.suggested(*import_it)
    assert report == ["report", "mine", *HERE]
    shell(*report)
    (train,) = shell.suggested(
        "study", "winner", "mine", "--retrain", "--export", "b", *HERE, code=2
    )
    assert train == ["train", name, "--data", "digits", "-o", "weights.safetensors"]
    assert shell.suggested("study", "winner", "mine", *HERE) == [train]
    (delete,) = shell.suggested(*import_it, code=2)
    assert delete == ["study", "delete", "mine", *HERE]
    assert "Deleted mine" in shell(*delete)
    shell(*import_it)
    shell("study", "results", "mine", "-o", "a.csv", *HERE)
    shell("study", "import", "a.csv", "--name", "second", *HERE)
    for status in shell.suggested("report", "mine", "second", *HERE):
        shell(*status)


def test_an_interrupted_run_is_gone_on_with_by_the_command_it_prints(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell("study", "run", "--quiet", *HERE, "--", FILE)
    options = {
        "set": ["recipe.epochs=4"],
        "workers": 2,
        "storage": Storage(STORAGE).option,
        "data_dir": Path("/a b"),
    }
    view = QuietView(FILE, options)
    place = Storage(STORAGE)
    shell.printed.clear()
    view.stopped(get(place, "tiny"), get(place, "tiny").counts(place))
    (line,) = shell.printed
    assert f"Go on with: {line}\n" in capsys.readouterr().err
    assert "all 6 pairs are complete" in shell(*as_bash_reads(line))


def test_a_run_from_python_tells_of_its_storage(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    Study.load(FILE).run(storage=STORAGE)
    (line,) = shell.printed
    assert line in capsys.readouterr().out
    shell(*as_bash_reads(line))


def test_the_environments_storage_is_not_repeated_but_another_is(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", STORAGE)
    assert shell.suggested("study", "run", "--", FILE)[-1] == ["report", "tiny"]
    assert shell.suggested("study", "run", *HERE, "--", FILE)[-1] == ["report", "tiny"]
    default = ["--storage", "sqlite:///resnext-explorer.db"]
    assert shell.suggested("study", "run", *default, "--", FILE)[-1] == ["report", "tiny", *default]


def test_commands_around_caches(shell: Shell) -> None:
    folder = Path("the cache/mnist")
    folder.mkdir(parents=True)
    (folder / "t10k-images-idx3-ubyte.gz").write_text("x")
    (clear,) = shell.suggested("data", "caches")
    assert "Removed mnist" in shell(*clear)


URLS = (
    "postgresql://me:se%40cret@nowhere/db",
    "postgresql://me:se@cret@nowhere/db",
    "postgresql://me@nowhere/db?password=secret",
)


@pytest.mark.parametrize("url", URLS)
def test_a_password_is_in_no_command(
    url: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = suggestions.command("report", "tiny", storage=Storage(url).option)
    assert (
        line
        == "resnext-explorer report tiny  # with the URL in RESNEXT_EXPLORER_STORAGE: its password"
        " is not shown"
    )
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", url)
    assert Storage().option is None
    assert Storage(url).option is None
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "sqlite:///other.db")
    assert isinstance(Storage(url).option, suggestions.Secret)


@pytest.mark.slow
def test_a_training_and_its_checkpoint_lead_on(
    workdir: Path,
    here: Callable[..., "subprocess.CompletedProcess[str]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("studies.machine.memory.keep_memory", lambda: None)
    design = "resnext_1_1x8d_w16_small8"
    train = ["train", design, "--data", "digits", "--set", "recipe.epochs=1"]
    shown = here(*train, "--checkpoints", "ck pt").stdout
    line = shown.partition("Next: ")[2].strip()
    assert design in here(*as_bash_reads(line)).stdout
    (checkpoint,) = [path for path in Path("ck pt").iterdir() if path.is_file() and path.suffix]
    size = ["--resolution", "8", "--classes", "10", "--in-channels", "1"]
    shown = here(
        "export",
        design,
        *size,
        "--format",
        "safetensors",
        "-o",
        "w.safetensors",
        "--weights",
        str(checkpoint),
    ).stdout
    assert f"Read: {checkpoint} (the weights are those under 'model')" in shown


def test_no_command_is_written_by_hand() -> None:
    """Strings of the code that hold a command, apart from
    docstrings (help) and the builder's own."""
    root = Path(suggestions.__file__).parent.parent
    found: list[tuple[str, int]] = []
    for room in ("explorer", "search_spaces", "studies", "dashboards"):
        for path in (root / room).rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text())))
            docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            texts = [
                node
                for node in nodes
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            found += [
                (path.name, text.lineno)
                for text in texts
                if id(text) not in docs and "resnext-explorer " in str(text.value)
            ]
    assert found == []
