"""Damaged input, hundreds of times: every outcome must be an
answer or one clear message, never a traceback.

    python tests/benchmarks/fuzz_inputs.py [--mutations 500] [--seed 0]

Mutated are study files, space files and CSV files for import (characters and lines changed, values
swapped for odd ones), databases (cut off, bytes changed, tables dropped, attributes overwritten)
and checkpoints (cut off, bytes changed, exchanged for code that would leave a mark). A database
that a command only reads must be the same afterwards, byte for byte.
"""

import argparse
import hashlib
import io
import os
import pickle
import random
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
os.environ["FAKE_EPOCH"] = "0"

import fake_training
import torch
from tiny_study import SPACE, STUDY

import studies.running.supervisor
import studies.storage.storage
from dashboards.report.sources import load_sources
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.results.importing import read_csv
from studies.storage import Storage
from studies.training.checkpoints import read_checkpoint

ODD = (
    "",
    "null",
    "-1",
    "0",
    "1e999",
    ".nan",
    "[]",
    "{}",
    "[[1]]",
    "true",
    "99999999999",
    "'",
    '"',
    "&a [*a]",
    "!!python/object:os.system x",
)
ODD += (
    "\x00",
    "\u202e",
    "../../etc/passwd",
    "2026-01-01",
    "0x10",
    "1_000",
    "~",
    "|",
    "? a",
    "- b",
    "<<: 1",
    "%",
    "@",
    "seeds: [1]",
)
READING = (
    ["status", "tiny"],
    ["results", "tiny"],
    ["results", "tiny", "--curves"],
    ["show", "tiny"],
    ["list"],
)


def mutate_text(text: str, rng: random.Random) -> str:
    """A few changes to a text: characters, lines, or a value exchanged for an odd one."""
    for _ in range(rng.randrange(1, 4)):
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        kind = rng.randrange(6)
        if kind == 0:
            place = rng.randrange(len(text) + 1)
            text = text[:place] + rng.choice(ODD) + text[place + rng.randrange(3) :]
            continue
        if kind == 1:
            del lines[at]
        elif kind == 2:
            lines.insert(at, rng.choice(lines))
        elif kind == 3:
            lines[at] = "  " * rng.randrange(3) + lines[at]
        elif kind == 4:
            head, separator, _ = lines[at].partition(rng.choice((": ", ",")))
            lines[at] = head + separator + rng.choice(ODD)
        else:
            lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
        text = "\n".join(lines)
    return text


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut off, or some bytes changed."""
    if rng.random() < 0.4:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.choice((1, 10, 200))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def mutate_database(path: Path, rng: random.Random) -> None:
    """Damage the file, or what is stored in it."""
    if rng.random() < 0.6:
        path.write_bytes(mutate_bytes(path.read_bytes(), rng))
        return
    connection = sqlite3.connect(path)
    table = rng.choice(
        ("trials", "studies", "trial_user_attributes", "study_user_attributes", "version_info")
    )
    if rng.random() < 0.3:
        connection.execute(f"DROP TABLE {table}")
    elif rng.random() < 0.5:
        connection.execute(f"DELETE FROM {table} WHERE rowid % 2 = 0")
    else:
        odd = rng.choice(("", "{", "null", "[]", '"x"', "{}", "1e999", "\x00"))
        table = rng.choice(("trial_user_attributes", "study_user_attributes"))
        connection.execute(
            f"UPDATE {table} SET value_json = ? WHERE rowid % 3 = {rng.randrange(3)}", (odd,)
        )
    connection.commit()
    connection.close()


class Code:
    """A pickle that would leave a mark if it were loaded with trust."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


class Fuzz:
    """A folder with a finished study, and what to damage in a copy of it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng, self.seed = folder, random.Random(seed), seed
        self.outcomes: Counter[str] = Counter()
        self.tracebacks: list[str] = []
        os.chdir(folder)
        Path("tiny.yaml").write_text(STUDY)
        Path("tiny_space.yaml").write_text(SPACE)
        fake_training.install()
        studies.running.supervisor.run(Study.load("./tiny.yaml"), storage="sqlite:///whole.db")
        self.command("results", "tiny", "-o", "whole.csv", storage="whole.db")
        buffer = io.BytesIO()
        torch.save(
            {"epoch": 1, "model": {"weight": torch.ones(100)}, "rows": [{"epoch": 1}]}, buffer
        )
        self.checkpoint = buffer.getvalue()

    def command(self, *arguments: str, storage: str) -> None:
        url = f"sqlite:///{storage}"
        cli.main(
            ["study", *arguments, "--storage", url],
            prog_name="resnext-explorer",
            standalone_mode=False,
        )

    def text(self) -> None:
        """A study file or its space, mutated: loaded and resolved."""
        for name, text in (("tiny.yaml", STUDY), ("tiny_space.yaml", SPACE)):
            Path(f"bad_{name}").write_text(text.replace("tiny_space.yaml", "bad_tiny_space.yaml"))
        name = self.rng.choice(("bad_tiny.yaml", "bad_tiny_space.yaml"))
        Path(name).write_text(mutate_text(Path(name).read_text(), self.rng))
        Study.load("./bad_tiny.yaml").wanted()

    def table(self) -> None:
        """A CSV file, mutated: read as for an import, or as for a report."""
        Path("bad.csv").write_text(mutate_text(Path("whole.csv").read_text(), self.rng))
        if self.rng.random() < 0.5:
            read_csv(Path("bad.csv"))
        else:
            load_sources(["bad.csv"])

    def database(self) -> None:
        """A database, damaged: a command that reads, which must change
        nothing; sometimes one that runs the study."""
        shutil.copy("whole.db", "bad.db")
        for path in Path().glob("bad.db-*"):
            path.unlink()
        mutate_database(Path("bad.db"), self.rng)
        before = hashlib.sha256(Path("bad.db").read_bytes()).digest()
        try:
            self.command(*self.rng.choice(READING), storage="bad.db")
        finally:
            assert hashlib.sha256(Path("bad.db").read_bytes()).digest() == before, (
                "reading changed the database"
            )
        if self.rng.random() < 0.3:
            with Storage.visit("sqlite:///bad.db") as place:
                studies.running.supervisor.run(Study.load("./tiny.yaml"), storage=place)

    def checkpoints(self) -> None:
        """A checkpoint, damaged or exchanged for code: read; nothing in it may run."""
        path, mark = Path("bad.pt"), self.folder / "executed"
        if self.rng.random() < 0.5:
            path.write_bytes(mutate_bytes(self.checkpoint, self.rng))
        elif self.rng.random() < 0.5:
            path.write_bytes(pickle.dumps({"model": Code(mark)}, protocol=self.rng.randrange(2, 6)))
        else:
            torch.save({"model": Code(mark)}, path)
        try:
            read_checkpoint(path)
        finally:
            assert not mark.exists(), "a checkpoint's code was executed"

    def one(self, what: Callable[[], None]) -> None:
        """Damage something and note what comes of it."""
        said = io.StringIO()
        try:
            with redirect_stdout(said), redirect_stderr(said):
                what()
            self.outcomes[f"{what.__name__}: an answer"] += 1
        except UserError as error:
            self.outcomes[f"{what.__name__}: a message"] += 1
            if not str(error).strip() or "Traceback" in str(error):
                self.tracebacks.append(f"{what.__name__}: {error}")
        except Exception:  # noqa: BLE001 - what this script is looking for
            self.outcomes[f"{what.__name__}: a traceback"] += 1
            self.tracebacks.append(f"{what.__name__}:\n{traceback.format_exc()}")
        finally:
            studies.storage.storage._close_all()

    def run(self, mutations: int) -> None:
        kinds = (self.text, self.text, self.table, self.database, self.database, self.checkpoints)
        for number in range(mutations):
            self.rng.seed(self.seed * 10**6 + number)
            self.one(kinds[number % len(kinds)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Fuzz(Path(folder), options.seed)
        fuzz.run(options.mutations)
        os.chdir(ROOT)
    for told in fuzz.tracebacks:
        print(told)
    for outcome, count in sorted(fuzz.outcomes.items()):
        print(f"{count:5} {outcome}")
    print(f"{options.mutations} mutations, {len(fuzz.tracebacks)} tracebacks")
    sys.exit(1 if fuzz.tracebacks else 0)


if __name__ == "__main__":
    main()
