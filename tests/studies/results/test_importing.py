"""Results that were trained elsewhere: what comes in as it was, and what is turned away."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from optuna.study import StudyDirection

import studies
from explorer.errors import UserError
from studies.records.stored_study import get
from studies.results import TRIALS, read, study_info
from studies.results.importing import import_csv, read_csv
from studies.storage import Storage
from studies.storage.schema import IMPORTING

HEADER = "design,seed,validation_error,test_error,flops,classes,resolution,in_channels\n"
C1 = "resnext_1_1x8d_w16_small8"
C2 = "resnext_1_2x5d_w16_small8"
ROWS = f"{C1},0,0.25,0.3,62112,10,8,1\n{C2},0,0.2,0.21,57120,10,8,1\n{C1},1,0.3,0.31,,10,8,1\n"
URL = "sqlite:///t.db"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(studies.__file__).parent.parent)}


@pytest.fixture
def file(workdir: Path) -> Path:
    path = workdir / "cluster.csv"
    path.write_text(HEADER + ROWS)
    return path


def test_what_is_needed_is_enough(file: Path) -> None:
    found = import_csv(URL, file)
    assert (found.name, found.reference_arm, found.skipped, found.ignored) == (
        "cluster",
        "C=1",
        0,
        [],
    )
    trials, curves = read(URL, "cluster")
    assert list(trials.columns) == list(TRIALS)
    assert trials[["arm", "seed", "test_error", "status"]].values.tolist() == [
        ["C=1", 0, 0.3, "complete"],
        ["C=2", 0, 0.21, "complete"],
        ["C=1", 1, 0.31, "complete"],
    ]
    # The mismatch is that against the reference arm: 57,120 over 62,112.
    assert trials["mismatch"].tolist() == pytest.approx([0, 57120 / 62112 - 1, 0])
    assert curves.empty
    assert study_info(URL, "cluster")["machine"] == "elsewhere; imported from cluster.csv"


def test_a_pair_that_is_not_in_the_file_is_not_waited_for(file: Path) -> None:
    import_csv(URL, file)
    place = Storage(URL)
    counts = get(place, "cluster").counts(place)
    assert (counts.wanted, counts.complete, counts.left) == (3, 3, 0)


def test_what_was_exported_comes_back_as_it_was(file: Path) -> None:
    import_csv(URL, file)
    before, _ = read(URL, "cluster")
    before.to_csv("exported.csv", index=False)
    again = import_csv("sqlite:///other.db", Path("exported.csv"))
    assert again.ignored == []
    after, _ = read("sqlite:///other.db", "cluster")
    pd.testing.assert_frame_equal(after.drop(columns="worker"), before.drop(columns="worker"))


def test_a_report_can_be_made_of_it(file: Path) -> None:
    import_csv(URL, file)
    command = [
        sys.executable,
        "-m",
        "explorer",
        "report",
        "cluster",
        "--storage",
        URL,
        "-o",
        "report.html",
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert "resnext_1_2x5d_w16_small8" in Path("report.html").read_text()


def test_rows_that_are_not_complete_are_passed_over(file: Path) -> None:
    lines = (HEADER + ROWS).splitlines()
    states = ["status", "complete", "failed", "complete"]
    file.write_text(
        "\n".join(f"{line},{state},x" for line, state in zip(lines, states, strict=True))
    )
    file.write_text(file.read_text().replace("status,x", "status,temperature"))
    found = read_csv(file)
    assert (found.skipped, len(found.trials), found.ignored) == (1, 2, ["temperature"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("62112", "62113", r"line 2: flops is 62113 here, and resnext_1_1x8d_w16_small8 has 62112"),
        (
            C2,
            "resnext_1_2x5d_w16_small9",
            r"line 3: flops is 57120 here, and resnext_1_2x5d_w16_small9 has",
        ),
        (C2, "resnext_1_2xd5_w16_small8", "line 3: .*resnext_1_2xd5_w16_small8"),
        ("0.21", "2.1", "line 3: test_error must be a number from 0 to 1.*fractions"),
        ("0.21", "nan", "line 3: test_error must be a number"),
        ("0.21", "", "line 3: test_error must be a number"),
        (",1,0.3,", ",0,0.3,", "line 4: .* with seed 0 is there twice"),
        (",1,0.3,", ",0.5,0.3,", "line 4: seed must be a whole number"),
        (",10,8,1\n", ",10,8,1,7\n", "another number of columns"),
        ("57120,10,8,1", "57130,12,8,1", r"line 3: flops is 57130 here"),
        ("57120,10,8,1", ",12,8,1", r"line 3: its resolution, in_channels or classes differ"),
        ("test_error", "test_eror", "no column 'test_error'.*Did you mean 'test_eror'"),
        (ROWS, "", "holds no complete result"),
        ("design,", "désign,", "no column 'design'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_nothing_is_stored(
    file: Path, old: str, new: str, words: str
) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=words) as error:
        import_csv(URL, file)
    assert "cluster.csv" in str(error.value)
    assert not Path("t.db").exists()


def test_names_and_reference_arms(file: Path) -> None:
    assert read_csv(file, name="mine", reference_arm="C=2").reference_arm == "C=2"
    with pytest.raises(UserError, match="unknown reference arm 'C=3'"):
        read_csv(file, reference_arm="C=3")
    with pytest.raises(UserError, match="cannot name a study"):
        read_csv(file, name="../mine")
    with pytest.raises(UserError, match=r"there is no file nothing\.csv"):
        read_csv(Path("nothing.csv"))
    Path("photos.html").touch()
    with pytest.raises(UserError, match=r"a table of results is needed.* photos\.html is a page"):
        read_csv(Path("photos.html"))
    file.write_bytes(b"design,\xff\xfe\x00")
    with pytest.raises(UserError, match="not a text file"):
        read_csv(file)


def test_a_name_that_is_taken_stays_as_it_is(file: Path) -> None:
    import_csv(URL, file)
    before, _ = read(URL, "cluster")
    with pytest.raises(UserError, match=r"there is a study cluster in sqlite:///t\.db already"):
        import_csv(URL, file)
    after, _ = read(URL, "cluster")
    pd.testing.assert_frame_equal(after, before)


KILLED = """
import os, signal, sys
from pathlib import Path
from optuna.storages import RDBStorage
from studies.results.importing import import_csv

name, number = sys.argv[1], int(sys.argv[2])
usual = getattr(RDBStorage, name)
calls = []

def killed(*given):
    calls.append(given)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return usual(*given)

setattr(RDBStorage, name, killed)
import_csv("sqlite:///t.db", Path("cluster.csv"))
"""


@pytest.mark.heavy
@pytest.mark.parametrize(
    "moment", [("create_new_trial", 1), ("create_new_trial", 3), ("set_study_user_attr", 1)]
)
def test_an_import_that_is_killed_leaves_nothing_and_is_done_again(
    file: Path, moment: tuple[str, int]
) -> None:
    command = [sys.executable, "-c", KILLED, *map(str, moment)]
    assert (
        subprocess.run(command, cwd=file.parent, check=False, env=ENVIRONMENT).returncode
        == -signal.SIGKILL
    )
    assert read(URL)[0].empty
    with Storage.visit(URL) as place:
        assert (
            place.rows("SELECT study_name FROM studies")
            == place.rows("SELECT trial_id FROM trials")
            == []
        )
    import_csv(URL, file)
    assert len(read(URL, "cluster")[0]) == 3


def test_an_import_that_fails_in_the_middle_leaves_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import studies.results.importing

    def pull_the_plug(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(studies.results.importing, "_trial", pull_the_plug)
        with pytest.raises(KeyboardInterrupt):
            import_csv(URL, file)
    with Storage.visit(URL) as place:
        assert place.rows("SELECT study_name FROM studies") == []
    import_csv(URL, file)
    assert len(read(URL, "cluster")[0]) == 3


def test_what_an_earlier_version_left_half_is_done_again(file: Path) -> None:
    with Storage.visit(URL) as place:
        study_id = place.open().create_new_study([StudyDirection.MINIMIZE], "cluster")
        place.open().set_study_user_attr(study_id, IMPORTING, "cluster.csv")
    import_csv(URL, file)
    assert len(read(URL, "cluster")[0]) == 3


def test_another_programs_study_of_that_name_is_left_alone(file: Path) -> None:
    with Storage.visit(URL) as place:
        place.open().create_new_study([StudyDirection.MINIMIZE], "cluster")
        with pytest.raises(UserError, match="a study of another program"):
            import_csv(place, file)
        assert len(place.rows("SELECT study_id FROM studies")) == 1


def test_too_many_rows_are_refused_before_anything_is_stored(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import studies.results.importing

    monkeypatch.setattr(studies.results.importing, "MOST_ROWS", 2)
    with pytest.raises(UserError, match=r"holds 3 results; 2 can be imported at once\. Split it"):
        import_csv(URL, file)
    assert not Path("t.db").exists()


def test_a_design_too_large_to_be_stored_is_refused(file: Path) -> None:
    file.write_text(HEADER + "resnext_1_1x8d_w2097152_small8,0,0.25,0.3,,10,8,1\n")
    with pytest.raises(UserError, match="resnext_1_1x8d_w2097152_small8 is too large to be stored"):
        import_csv(URL, file)


def test_the_command_names_what_it_left_out_and_nothing_of_it_moves_the_cursor(file: Path) -> None:
    lines = (HEADER + ROWS).splitlines()
    more = [
        "status,\x1b[2Jcolour,b,c,d,e,f,g,h,i,j,k,l,m",
        *["complete" + ",x" * 13] * 2,
        "crashed" + ",x" * 13,
    ]
    file.write_text("\n".join(f"{line},{rest}" for line, rest in zip(lines, more, strict=True)))
    command = [sys.executable, "-m", "explorer", "study", "import", str(file), "--storage", URL]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Imported 2 results of 2 designs into cluster." in told
    assert "Skipped: 1 row of trainings that are not complete." in told
    assert "Ignored 13 columns: colour, b, c, d, e, f, g, h, i, j, k, l, ..." in told
    assert "\x1b" not in told
