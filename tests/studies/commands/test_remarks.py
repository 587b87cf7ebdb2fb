"""`study note` and `study tag` as a user types them."""

from big_study import make_study

from studies.storage import Storage


def test_a_note_is_written_printed_and_taken_away(here, workdir):
    make_study(Storage(f"sqlite:///{workdir}/resnext-explorer.db"), "noted")
    assert here("study", "note", "noted").stdout == "noted has no note.\n"
    assert here("study", "note", "noted", "One machine only.").stdout == (
        "noted: One machine only.\n"
    )
    assert here("study", "note", "noted").stdout == "One machine only.\n"
    assert here("study", "note", "noted", "").stdout == "noted has no note any more.\n"


def test_tags_are_given_printed_and_taken_away(here, workdir):
    make_study(Storage(f"sqlite:///{workdir}/resnext-explorer.db"), "noted")
    assert here("study", "tag", "noted").stdout == "noted has no tags.\n"
    assert here("study", "tag", "noted", "baseline", "old").stdout == "noted: baseline, old\n"
    assert here("study", "tag", "noted", "--remove", "old").stdout == "noted: baseline\n"
    wrong = here("study", "tag", "noted", "--remove", "baselin")
    assert (wrong.returncode, "baseline" in wrong.stderr) == (2, True)
    assert here("study", "tag", "noted", "--remove").returncode == 2
    unknown = here("study", "tag", "note", "baseline")
    assert (unknown.returncode, "noted" in unknown.stderr) == (2, True)
