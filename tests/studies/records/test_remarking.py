"""What people say of a study: a note and tags, kept beside it."""

import pytest
from big_study import add_attempts, make_study

from explorer.errors import UserError
from studies.records.remarking import add_tags, remove_tags, set_note
from studies.records.stored_study import get
from studies.results import Reader, study_info
from studies.storage import Storage


@pytest.fixture
def storage(tmp_path):
    return Storage(f"sqlite:///{tmp_path}/studies.db")


def test_a_note_and_tags_are_kept_with_the_study_and_told_with_it(storage):
    study = make_study(storage, "noted")
    assert set_note(storage, study, "  Two seeds ran\non another machine. ") == (
        "Two seeds ran\non another machine."
    )
    assert add_tags(storage, study, ["baseline", "paper-3"]) == ("baseline", "paper-3")
    known = get(storage, "noted")
    assert add_tags(storage, known, ["baseline", "größe"]) == ("baseline", "paper-3", "größe")
    assert remove_tags(storage, get(storage, "noted"), ["paper-3"]) == ("baseline", "größe")
    info = study_info(storage, "noted")
    assert (info["note"], info["tags"]) == (
        "Two seeds ran\non another machine.", ["baseline", "größe"],
    )  # fmt: skip
    assert set_note(storage, study, "") == ""
    assert study_info(storage, "noted")["note"] == ""


def test_who_looks_again_sees_a_new_note_also_of_a_study_that_has_ended(storage):
    study = make_study(storage, "noted")
    add_attempts(storage, study)
    reader = Reader(storage)
    before = reader.tables("noted")
    assert (before.info["note"], reader.stamp("noted")) == ("", before.stamp)
    set_note(storage, study, "done")
    assert reader.stamp("noted") != before.stamp
    assert reader.tables("noted").info["note"] == "done"


def test_an_extended_study_keeps_what_is_said_of_it(storage):
    study = make_study(storage, "noted", seeds=2)
    add_tags(storage, study, ["kept"])
    add_attempts(storage, study)
    make_study(storage, "noted", seeds=3)
    known = get(storage, "noted")
    assert (len(known.seeds), known.remarks.tags) == (3, ("kept",))


@pytest.mark.parametrize("tag", ["two words", "", "a" * 41, "a,b", "<b>", "a\nb"])
def test_what_is_no_tag_is_refused_and_changes_nothing(storage, tag):
    study = make_study(storage, "noted")
    with pytest.raises(UserError, match="is no tag"):
        add_tags(storage, study, ["fine", tag])
    assert get(storage, "noted").remarks.tags == ()


def test_too_many_tags_too_long_a_note_and_unknown_tags_are_mistakes(storage):
    study = make_study(storage, "noted")
    with pytest.raises(UserError, match="at most 20"):
        add_tags(storage, study, [f"tag{n}" for n in range(21)])
    with pytest.raises(UserError, match="at most 2,000"):
        set_note(storage, study, "x" * 2001)
    add_tags(storage, study, ["baseline"])
    with pytest.raises(UserError, match="baseline"):
        remove_tags(storage, get(storage, "noted"), ["baselin"])


def test_a_question_may_be_worded_anew(storage):
    add_attempts(storage, make_study(storage, "asked", question="Is wide better?"))
    make_study(storage, "asked", question="How many paths?")
    again = get(storage, "asked")
    assert (
        again.content.file.question
        == study_info(storage, "asked")["question"]
        == ("How many paths?")
    )
    assert again.content.origin.extended_from == []
