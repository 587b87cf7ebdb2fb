"""A study whose reference follows from a budget keeps it when it is extended."""

from pathlib import Path

import pytest
from tiny_study import change

from explorer.errors import UserError
from search_spaces.documents import preset_names
from studies import Study
from studies.records.creation import create_or_extend, with_designs
from studies.records.stored_study import StoredStudy, get
from studies.storage import Storage

SETTINGS = {"device": "cpu", "precision": "32", "threads": 1, "memory_format": "channels_last"}
FACTS = {"splits": {"train": 1078, "validation": 359, "test": 360}, "settings": SETTINGS}


@pytest.fixture
def budgeted(tiny: Path) -> Path:
    space = tiny.parent / "tiny_space.yaml"
    change(space, "reference: resnext_1_1x8d_w16_small8", "budget: {flops: 300k}")
    change(space, "by: flops", "tolerance: 0.1")
    change(tiny, "reference_arm: {cardinality: 1}\n", "")
    return tiny


def store(storage: Storage, path: Path) -> StoredStudy:
    study, wanted = with_designs(storage, Study.load(path), None)
    return create_or_extend(storage, study, wanted, lambda: FACTS)


def test_more_arms_are_matched_with_the_stored_reference(storage: Storage, budgeted: Path) -> None:
    before = store(storage, budgeted)
    reference = before.designs[0].reference
    assert 270_000 <= before.designs[0].flops <= 300_000
    assert before.content.reference_arm == "C=1"
    space = budgeted.parent / "tiny_space.yaml"
    change(space, "[1, 2, 4]", "[1, 2, 4, 3, 6]")
    # By itself, the budget would lead to another one now.
    assert Study.load(budgeted).wanted().designs[0].name != reference
    store(storage, budgeted)
    after = get(storage, "tiny")
    assert after.designs[:3] == before.designs
    assert [design.arm for design in after.designs] == ["C=1", "C=2", "C=4", "C=3", "C=6"]
    assert {design.reference for design in after.designs} == {reference}
    assert after.content.file.space.reference == reference


def test_another_budget_is_another_study(storage: Storage, budgeted: Path) -> None:
    store(storage, budgeted)
    change(budgeted.parent / "tiny_space.yaml", "300k", "400k")
    with pytest.raises(UserError, match=r"space.budget.flops: 300000.0 -> 400000.0"):
        store(storage, budgeted)


@pytest.mark.parametrize("name", preset_names("study"))
def test_the_reference_arm_of_every_preset_is_the_one_that_it_would_have_without(name: str) -> None:
    study = Study.load(name)
    document = study.document()
    del document["reference_arm"]
    assert Study.model_validate(document).reference_point == study.reference_point


def test_where_no_arm_is_the_references_own_the_arms_are_named(tiny: Path) -> None:
    change(tiny, "reference_arm: {cardinality: 1}\n", "")
    change(tiny.parent / "tiny_space.yaml", "[1, 2, 4]", "[2, 4]")
    with pytest.raises(
        UserError, match=r"no arm of .* has the values of its reference .* C=2, C=4"
    ):
        Study.load(tiny)
