"""CSV files of results come back as the tables they were written
from, and what is none is a user's mistake."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from study_tables import make_curves, make_trials, without_results

from dashboards.app.app import create_app
from dashboards.report.report import render_report
from dashboards.report.sources import load_sources
from explorer.errors import UserError
from studies.results import TRIALS, Reader, import_csv, read
from studies.storage import Storage


def test_csv_files_give_the_tables_of_the_storage(stored_study, workdir):
    url = stored_study(
        without_results(make_trials({"C=8": -0.008}), [4], "failed", "NA, loss is <NaN>")
    )
    trials, curves = read(url, "digits_cardinality")
    trials.to_csv("trials.csv", index=False)
    curves.to_csv("curves.csv", index=False)
    (source,) = load_sources(["curves.csv", "trials.csv"])
    assert_frame_equal(source.trials, trials)
    assert_frame_equal(source.curves, curves)
    (stored,) = load_sources(["digits_cardinality"], url)
    assert source.findings.comparison == stored.findings.comparison


def test_the_designs_of_a_free_space_have_no_reference_in_a_file_either(workdir):
    free = make_trials().assign(reference="", mismatch=0.0)
    free["budget"] = free["flops"]
    free.to_csv("free.csv", index=False)
    (source,) = load_sources(["free.csv"])
    assert source.trials[["reference", "mismatch"]].values.tolist() == [["", 0.0]] * len(free)
    assert source.info["reference_arm"] == "C=1"


def test_one_file_may_hold_several_studies(workdir):
    both = pd.concat([make_trials(), make_trials(name="other")])
    both.to_csv("both.csv", index=False)
    make_curves(make_trials(name="other")).to_csv("curves.csv", index=False)
    first, second = load_sources(["both.csv", "curves.csv"])
    assert (first.name, second.name) == ("digits_cardinality", "other")
    assert (len(first.curves), len(second.curves)) == (0, 150)


def test_a_file_from_before_a_measure_was_added_is_read(workdir):
    make_trials().drop(columns=["peak_memory", "images_per_second", "started"]).to_csv(
        "old.csv", index=False
    )
    table = load_sources(["old.csv"])[0].trials
    assert list(table) == list(TRIALS)
    assert table[["peak_memory", "images_per_second", "started"]].isna().all(axis=None)


def write(name: str, table: pd.DataFrame) -> str:
    table.to_csv(name, index=False)
    return name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ["missing.csv"], "there is no file missing.csv"),
        (lambda: [write("x.csv", make_trials().drop(columns=["seed", "flops"]))],
         "no column 'seed'"),
        (lambda: [write("x.csv", make_trials().assign(seed="first"))],
         "line 2: seed must be a number"),
        (lambda: [write("x.csv", make_trials().assign(started="soon"))],
         "line 2: started must be a time"),
        (lambda: [write("x.csv", make_curves(make_trials()))],
         "holds the curves of digits_cardinality, whose trainings"),
        (lambda: [write("x.csv", make_trials()), "x.csv"], "digits_cardinality is given twice"),
        (lambda: [write("x.csv", pd.DataFrame({"a": [1]}))], "no column 'design'"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_results_is_a_users_mistake(make, words, workdir):
    with pytest.raises(UserError, match=words):
        load_sources(make())


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b'a,"b\n'])
def test_a_file_that_is_no_csv_is_a_users_mistake(content, workdir):
    (workdir / "x.csv").write_bytes(content)
    with pytest.raises(UserError):
        load_sources(["x.csv"])


def test_the_largest_numbers_that_are_taken_can_be_shown(workdir):
    most = {
        "epochs": 2**53,
        "peak_memory": 2**53,
        "seconds": 1e10,
        "images_per_second": 1e12,
        "seed": 2**32 - 1,
    }
    make_trials(seeds=1).assign(
        **most, finished="2200-12-31T23:59:59Z", started="1970-01-01"
    ).to_csv("most.csv", index=False)
    url = f"sqlite:///{workdir}/most.db"
    import_csv(url, workdir / "most.csv")
    (source,) = load_sources(["most.csv"])
    place = Storage(url)
    for trials in (
        source.trials,
        read(place, "digits_cardinality")[0],
        Reader(place).tables("digits_cardinality").trials,
    ):
        assert trials[list(most)].iloc[0].tolist() == list(most.values())
    render_report([source])
    client = create_app(Reader(place)).server.test_client()
    assert "2200-12-31" in client.get("/study/digits_cardinality", base_url="http://127.0.0.1").text
