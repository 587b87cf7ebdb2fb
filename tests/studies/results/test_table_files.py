"""CSV files as other programs write them: what is certain is converted, the
rest is one sentence with its line and column."""

import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from explorer.errors import UserError
from studies.results import TRIALS
from studies.results.importing import read_csv
from studies.results.table_files import check_curves, check_results, holds_curves, open_table

C1 = "resnext_1_1x8d_w16_small8"
C2 = "resnext_1_2x5d_w16_small8"
HEADER = (
    "design,seed,validation_error,test_error,status,flops,epochs,peak_memory,started,arm,classes,"
    "resolution,in_channels\n"
)
ROW1 = f"{C1},0,0.25,0.3,complete,62112,4,1000,2026-01-31 12:00:00+00:00,C=1,10,8,1\n"
ROW2 = f"{C2},1,0.2,0.21,complete,57120,4,2000,2026-01-31 13:00:00+00:00,C=2,10,8,1\n"
FILE = HEADER + ROW1 + ROW2


def read(text: str | bytes, encoding: str = "utf-8") -> pd.DataFrame:
    """The pairs of a file, read as for a report."""
    Path("table.csv").write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    (study,) = check_results(open_table("table.csv")).studies
    return study.trials


def test_a_file_from_before_there_were_other_blocks_says_them_by_its_names(workdir: Path) -> None:
    assert set(read(FILE)["kind"]) == {"bottleneck"}
    header, row = HEADER.replace("flops,", ""), ROW1.replace("62112,", "")
    other = read(header + row.replace(C1, "inception_1_8d_w16_small8_pre").replace("C=1", "unlike"))
    assert list(other[["kind", "order", "cardinality"]].iloc[0]) == ["inception", "pre", 4]
    with pytest.raises(UserError, match="order is 'pre' here, and resnext_1_1x8d_w16_small8 has"):
        read(header.replace("arm,", "order,") + row.replace("C=1", "pre"))


def semicolons(text: str) -> str:
    """As a German Excel writes it."""
    return text.replace(",", ";").replace(".", ",")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FILE, "utf-8"),
        (FILE, "utf-8-sig"),
        (FILE, "utf-16"),  # Excel's "Unicode text"
        (FILE.replace("\n", "\r\n"), "utf-8"),
        (FILE.replace("\n", "\r"), "utf-8"),  # an old Macintosh's
        (semicolons(FILE), "utf-8"),
        ("sep=;\n" + semicolons(FILE), "utf-8-sig"),
        (FILE.replace(",", "\t"), "utf-16"),
        (FILE.replace(",", ";"), "utf-8"),  # semicolons with decimal points
        (
            FILE + ",,,,,,,,,,,,\n\n   ,,,,,,,,,,,,\n",
            "utf-8",
        ),  # what Excel leaves of rows that were cleared
        (HEADER + "\n" + ROW1 + "\n" + ROW2, "utf-8"),
        (FILE.replace("\n", ",,\n"), "utf-8"),  # and of columns
        (
            "".join(
                f"{row}{line}\n"
                for row, line in zip([",", "0,", "1,"], FILE.splitlines(), strict=True)
            ),
            "utf-8",
        ),
        (FILE.replace("design", "Unnamed: 0,design").replace("resnext", "7,resnext"), "utf-8"),
        (FILE.replace("0.25", "25 %").replace("0.2,", "20%,"), "utf-8"),  # all of a column
        (FILE.replace("validation_error,test_error", "Validation Error, test_error "), "utf-8"),
        (
            FILE.replace(",4,", ",4.0,").replace("57120", "57120.0"),
            "utf-8",
        ),  # whole numbers beside missing ones in pandas
        (FILE.replace("complete", "FINISHED"), "utf-8"),
        (FILE.replace("complete", "COMPLETED"), "utf-8"),
        (FILE.replace("2026-01-31 12:00:00+00:00", "2026-01-31T13:00:00+01:00"), "utf-8"),
        (FILE.replace("+00:00", ""), "utf-8"),  # no zone: UTC
        (FILE.replace("+00:00", " UTC"), "utf-8"),
        (FILE.replace("+00:00", "Z"), "utf-8"),
    ],
)
def test_what_can_mean_only_one_thing_is_read(workdir: Path, text: str, encoding: str) -> None:
    usual = read(FILE)
    assert usual[["seed", "validation_error", "test_error", "epochs"]].values.tolist() == [
        [0, 0.25, 0.3, 4],
        [1, 0.2, 0.21, 4],
    ]
    assert [str(when) for when in usual["started"]] == [
        "2026-01-31 12:00:00+00:00",
        "2026-01-31 13:00:00+00:00",
    ]
    pd.testing.assert_frame_equal(read(text, encoding), usual)
    found = read_csv(Path("table.csv"))
    pd.testing.assert_frame_equal(found.trials, usual)
    assert found.ignored == []


WRONG: list[tuple[str, str, str]] = [
    # doubled rows
    (ROW2, ROW2 + ROW2, "line 4: resnext_1_2x5d_w16_small8 with seed 1 is there twice"),
    # percentages and errors that are none
    (
        "0.21",
        "5.2 %",
        "line 3: test_error is '5.2 %' here|line 2: test_error is '0.3' here and a percentage",
    ),
    (
        "0.3,complete",
        "102.14 %,complete",
        (
            "line 2: test_error must be a number from 0 to 1; given: '102.14 %'. A percentage is at"
            " most 100 %"
        ),
    ),
    (
        "0.21",
        "90",
        (
            "line 3: test_error must be a number from 0 to 1; given: '90'. Errors are fractions, or"
            " percentages with their sign: 0.062 or 6.2 %"
        ),
    ),
    ("0.21", "-0.1", "line 3: test_error must be a number from 0 to 1; given: '-0.1'"),
    ("0.21", "NaN", "line 3: test_error must be a number; nothing is given"),
    ("0.21", "", "line 3: test_error must be a number; nothing is given"),
    ("0.21", "inf", "line 3: test_error must be a number"),
    ("0.21", "0_21", "line 3: test_error must be a number"),
    # thousands
    ("62112", '"62,112"', "line 2: flops must be a number from 1.*without thousands separators"),
    ("62112", "62.112", "line 2: flops must be a whole number; given: 62.112"),
    ("62112", "6.2112E+04 ", ""),
    # seeds
    (
        f"{C1},0",
        f"{C1},8714302948203947201",
        (
            r"line 2: seed must be a number from 0 to 4294967295.*torch\.seed\(\).* a small number"
            r" of its own instead"
        ),
    ),
    (f"{C1},0", f"{C1},4294967296", "line 2: seed must be a number from 0 to 4294967295"),
    (f"{C1},0", f"{C1},", "line 2: seed must be a number; nothing is given"),
    (f"{C1},0", f"{C1},0.5", "line 2: seed must be a whole number"),
    # sizes
    (
        ",4,1000",
        ",9223372036854775808,1000",
        "line 2: epochs must be a number from 1 to 9007199254740992",
    ),
    (",4,1000", ",4,1e19", "line 2: peak_memory must be a number from 1 to 9007199254740992"),
    (",4,1000", ",0,1000", "line 2: epochs must be a number from 1"),
    # times
    (
        "2026-01-31 12:00:00+00:00",
        "31.01.2026 12:00",
        "line 2: started must be a time such as .*'31.01.2026 12:00'",
    ),
    ("2026-01-31 12:00:00+00:00", "1/2/2026 12:00", "line 2: started must be a time"),
    ("2026-01-31 12:00:00+00:00", "1769860800000", "line 2: started must be a time"),
    ("2026-01-31 12:00:00+00:00", "2026-02-30 12:00:00", "line 2: started must be a time"),
    (
        "2026-01-31 12:00",
        "0001-01-01 00:00",
        "line 2: started lies in the year 1; allowed are 1970 to 2200",
    ),
    ("2026-01-31 12:00", "9999-12-31 23:00", "line 2: started lies in the year 9999"),
    # columns
    (",epochs,", ",seed,", "has the column 'seed' twice"),
    ("test_error", "accuracy", "no column 'test_error'"),
    (
        "validation_error,",
        "top1,",
        (
            r"no column 'validation_error'; needed are .*test_error\. Known: design, seed, top1,"
            r" test_error"
        ),
    ),
    ("seed", "Seeds", "no column 'seed'.*Did you mean 'Seeds'"),
    (ROW2, ROW2.replace("\n", ",7\n"), "line 3: it has another number of columns"),
    (
        ROW2,
        C2 + ",1,0.2\n",
        r"line 3: it has another number of columns \(3\) than the first line \(13\)",
    ),
    # statuses
    (
        "0.21,complete",
        "0.21,TERMINATED",
        "line 3: unknown status 'TERMINATED'.*Known: complete, running",
    ),
    # names
    ("C=1", "a" * 2**20, "line 2: arm holds 1,048,576 characters; at most 200 are allowed"),
    (
        "C=1",
        "C=1\u202e",
        r"line 2: arm holds a character that cannot be shown \(U\+202E, character 4\)",
    ),
    ("C=1", "C=1\x1b[2J", r"line 2: arm holds a character that cannot be shown \(U\+001B"),
    ("C=1", '"C=1\nx"', r"line 2: arm holds a character that cannot be shown \(U\+000A"),
    ("C=1", "C=\0", "not a text file: line 2 holds a NUL"),
    ("C=1", "C=2", "line 3: the arm C=2 is .* and .*; give each design an arm of its own"),
    (C2, "resnet18x", "line 3: unknown architecture 'resnet18x'"),
    (C2, "", "line 3: unknown architecture ''"),
    ("57120", "57121", "line 3: flops is 57121 here, and resnext_1_2x5d_w16_small8 has 57120"),
]


@pytest.mark.parametrize(("old", "new", "words"), WRONG)
def test_what_is_wrong_is_refused_alike_for_a_report_and_an_import(
    workdir: Path, old: str, new: str, words: str
) -> None:
    assert old in FILE
    text = FILE.replace(old, new, 1)
    if not words:  # only written in another way
        pd.testing.assert_frame_equal(read(text), read(FILE))
        return
    with pytest.raises(UserError, match=words) as for_a_report:
        read(text)
    with pytest.raises(UserError, match=words) as for_an_import:
        read_csv(Path("table.csv"))
    assert str(for_a_report.value) == str(for_an_import.value)
    assert len(str(for_a_report.value)) < 600


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            b"PK\x03\x04rest",
            "not a CSV file but a spreadsheet or an archive; save the sheet as CSV",
        ),
        (b"\x1f\x8brest", "not a CSV file but compressed"),
        (
            FILE.replace("C=1", "schön").encode("cp1252"),
            r"not a text file in UTF-8 \(line 2\); save it as 'CSV UTF-8'",
        ),
        (FILE.encode("utf-16-le"), "holds a NUL"),
        (b"", "has no column 'design'"),
        (HEADER.encode(), "holds no result"),
        (b'design,"seed\n', "it is not CSV"),
    ],
)
def test_what_is_no_table_is_said_to_be_none(workdir: Path, data: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(data)


def test_decimal_commas_and_points_in_one_file_are_refused(workdir: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"line 3: test_error is '0\.21' here, but other numbers have a decimal comma",
    ):
        read(semicolons(FILE).replace("0,21", "0.21"))


def test_the_words_of_other_programs_for_what_did_not_finish(workdir: Path) -> None:
    for word, ours in {
        "crashed": "failed",
        "KILLED": "failed",
        "FAIL": "failed",
        "PRUNED": "pruned",
    }.items():
        trials = read(FILE.replace("0.21,complete", f",{word}"))
        assert trials["status"].tolist() == ["complete", ours]
        assert trials["test_error"].isna().tolist() == [False, True]


def test_states_of_other_programs_count_even_where_a_row_has_errors(workdir: Path) -> None:
    text = FILE.replace("status", "State")
    assert read(text.replace("0.21,complete", "0.21,crashed"))["status"].tolist() == [
        "complete",
        "failed",
    ]
    assert len(read_csv(Path("table.csv")).trials) == 1
    with_both = FILE.replace("flops", "state").replace("62112", "x").replace("57120", "y")
    assert read(with_both)["status"].tolist() == ["complete", "complete"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("results of June (2).csv", "results_of_June_2"),
        ("münchen.csv", "m_nchen"),
        ("_.csv", "table"),
    ],
)
def test_a_study_is_named_as_its_file(workdir: Path, file: str, name: str) -> None:
    Path(file).write_text(FILE)
    assert read_csv(Path(file)).name == check_results(open_table(file)).studies[0].name == name


def test_a_name_that_cannot_be_one_is_refused_where_it_stands(workdir: Path) -> None:
    with pytest.raises(UserError, match=r"line 3: study: '\.\./x' cannot name a study"):
        read(FILE.replace("flops", "study").replace("62112", "a").replace("57120", "../x"))


def test_a_file_that_says_little_gets_the_rest_from_its_designs(workdir: Path) -> None:
    little = "design,seed,validation_error,test_error,classes,resolution,in_channels\n"
    trials = read(little + f"{C1},0,0.25,0.3,10,8,1\n{C2},0,0.2,0.21,10,8,1\n")
    assert list(trials.columns) == list(TRIALS)
    assert trials[["study", "arm", "flops", "budget"]].values.tolist() == [
        ["table", "C=1", 62112, 62112],
        ["table", "C=2", 57120, 62112],
    ]


def test_several_studies_in_one_file_are_checked_each_by_itself(workdir: Path) -> None:
    rows = [f"{row},{study}" for study in ("a", "b") for row in (ROW1.strip(), ROW2.strip())]
    Path("two.csv").write_text("\n".join([HEADER.strip() + ",study", *rows]))
    assert [study.name for study in check_results(open_table("two.csv")).studies] == ["a", "b"]
    with pytest.raises(UserError, match="more than one study: a, b"):
        read_csv(Path("two.csv"))


CURVES: dict[str, Any] = {
    "study": "s",
    "arm": "C=1",
    "design": C1,
    "seed": 0,
    "epoch": 1,
    "train_loss": 2.5,
    "train_error": 0.5,
}


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("train_error", 90, "line 2: train_error must be a number from 0 to 1"),
        ("train_loss", "x", "line 2: train_loss must be a number"),
        ("epoch", 0, "line 2: epoch must be a number from 1"),
        ("seed", 2**63, "line 2: seed must be a number from 0"),
        ("arm", "a\x1b", "line 2: arm holds a character"),
    ],
)
def test_curves_follow_the_same_rules(workdir: Path, column: str, value: Any, words: str) -> None:
    pd.DataFrame([CURVES]).to_csv("curves.csv", index=False)
    assert holds_curves(open_table("curves.csv"))
    assert check_curves(open_table("curves.csv"))["train_loss"].tolist() == [2.5]
    pd.DataFrame([{**CURVES, "train_loss": float("inf")}]).to_csv("curves.csv", index=False)
    assert check_curves(open_table("curves.csv"))["train_loss"].tolist() == [float("inf")]
    pd.DataFrame([CURVES, CURVES]).to_csv("curves.csv", index=False)
    with pytest.raises(UserError, match=r"line 3: .* with seed 0, epoch 1 is there twice"):
        check_curves(open_table("curves.csv"))
    pd.DataFrame([{**CURVES, column: value}]).to_csv("curves.csv", index=False)
    with pytest.raises(UserError, match=words):
        check_curves(open_table("curves.csv"))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_a_time_without_a_zone_is_utc_wherever_it_is_read(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        started = read(FILE.replace("+00:00", ""))["started"]
        assert [str(when) for when in started] == [
            "2026-01-31 12:00:00+00:00",
            "2026-01-31 13:00:00+00:00",
        ]
    finally:
        monkeypatch.undo()
        time.tzset()
