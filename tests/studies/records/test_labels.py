"""A study extended by a second reference keeps its reference arm,
under its new label, wherever it is read."""

from pathlib import Path
from typing import Any

import pytest
import tiny_study
from tiny_study import change

from dashboards.analysis.findings import Findings
from dashboards.report.report import render_report
from dashboards.report.sources import load_sources
from explorer.errors import UserError
from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.records.creation import create_or_extend
from studies.records.stored_study import StoredStudy, get
from studies.results import Reader, read, study_info
from studies.running.proposing import Proposer
from studies.storage import Storage
from studies.storage.schema import CONTENT
from studies.winner.winner import choose

FIRST, SECOND = "resnext_1_1x8d_w16_small8", "resnext_1_1x12d_w16_small8"
SETTINGS = {"device": "cpu", "precision": "32", "threads": 1, "memory_format": "channels_last"}
FACTS = {"splits": {"train": 1078, "validation": 359, "test": 360}, "settings": SETTINGS}
LABELS = [f"{name} C={paths}" for name in (FIRST, SECOND) for paths in (1, 2, 4)]


def store(storage: Storage, path: Path) -> StoredStudy:
    study = Study.load(path)
    return create_or_extend(storage, study, study.wanted(), lambda: FACTS)


def train(storage: Storage, stored: StoredStudy) -> None:
    """Ends every pair that is left: the error grows with the place of
    its design, and a little with its seed."""
    claims = Claims(storage, stored.id, stored)
    while attempt := claims.claim(Worker("worker")):
        names = [design.name for design in stored.designs]
        error = 0.1 + 0.05 * names.index(attempt.pair.design) + 0.003 * attempt.pair.seed
        error += 0.001 * ((attempt.pair.seed + names.index(attempt.pair.design)) % 2)
        result = dict.fromkeys(("train_error", "validation_error", "test_error"), error)
        result |= {
            "epochs": 4,
            "seconds": 8.0,
            "images_per_second": 5.0,
            "peak_memory": None,
            "device": "cpu",
        }
        claims.end(attempt, "complete", error, {"result": result})


def extend(path: Path, reference: str = f"[{FIRST}, {SECOND}]") -> None:
    change(path.parent / "tiny_space.yaml", "reference: " + FIRST, f"reference: {reference}")


def check(storage: Storage) -> None:
    """Designs, arms, reference arm, figures and verdict agree."""
    trials, _ = read(storage, "tiny")
    info = study_info(storage, "tiny")
    assert list(trials["arm"].drop_duplicates()) == LABELS
    assert info["reference_arm"] == LABELS[0]
    verdict = Findings(trials, info).verdict
    assert f"than {FIRST} C=1" in verdict.sentence
    assert choose(trials).arm == LABELS[0]
    tables = Reader(storage).tables("tiny")
    assert list(tables.trials["arm"].drop_duplicates()) == LABELS
    assert tables.info["reference_arm"] == LABELS[0]
    page = render_report(load_sources(["tiny"], storage.url))
    assert f"<h1>{verdict.sentence.split(',')[0]}" in page.replace("\xa0", " ")
    assert f"Minus {FIRST} C=1 (points)" in page
    assert "has no complete training" not in page


def test_an_extension_by_a_second_reference_keeps_the_reference_arm(
    storage: Storage, tiny: Path
) -> None:
    train(storage, store(storage, tiny))
    before = read(storage, "tiny")[0].set_index(["design", "seed"])
    extend(tiny)
    train(storage, store(storage, tiny))
    check(storage)
    after = read(storage, "tiny")[0].set_index(["design", "seed"]).loc[before.index]
    assert list(after["attempt"]) == list(before["attempt"]), "nothing was trained again"
    assert list(after["arm"]) == [f"{FIRST} {arm}" for arm in before["arm"]]
    # The arm may be named in more words since; it is the same.
    change(tiny, "{cardinality: 1}", f"{{reference: {FIRST}, cardinality: 1}}")
    assert store(storage, tiny).content.reference_arm == LABELS[0]


def test_a_study_that_an_earlier_version_extended_is_read_with_its_reference_arm(
    storage: Storage, tiny: Path
) -> None:
    extend(tiny)
    stored = store(storage, tiny)
    # That version renamed the arms and left this behind.
    left = {**stored.content.plain, "reference_arm": "C=1"}
    storage.open().set_study_user_attr(stored.id, CONTENT, left)
    train(storage, get(storage, "tiny"))
    check(storage)


def test_another_reference_arm_is_no_extension(storage: Storage, tiny: Path) -> None:
    store(storage, tiny)
    extend(tiny, f"[{SECOND}, {FIRST}]")  # so C=1 is the other reference's
    with pytest.raises(UserError, match=rf"reference_arm.reference: {FIRST} -> {SECOND}"):
        store(storage, tiny)


def test_one_reference_may_be_written_as_a_list(storage: Storage, tiny: Path) -> None:
    stored = store(storage, tiny)
    extend(tiny, f"[{FIRST}]")
    assert store(storage, tiny).designs == stored.designs


@pytest.mark.parametrize("leave", [False, True])
def test_a_search_extended_by_a_second_reference_keeps_what_it_has_tried(
    storage: Storage, tiny: Path, leave: bool
) -> None:
    tiny.write_text(tiny_study.STUDY + "search: {method: tpe, trials: 3, finalists: 1}\n")
    stored = store(storage, tiny)

    def search(stored: StoredStudy, trials: int) -> None:
        claims, proposer = Claims(storage, stored.id, stored), Proposer(stored)
        while len(get(storage, "tiny").designs) < trials:
            assert proposer.claim(claims, Worker("worker"))

    search(stored, 3)
    tried = [design.name for design in get(storage, "tiny").designs]
    extend(tiny)
    change(tiny, "trials: 3", "trials: 5")
    stored = store(storage, tiny)
    if leave:  # as an earlier version did
        content: dict[str, Any] = {**stored.content.plain, "reference_arm": "C=1"}
        content["designs"] = [{**content["designs"][0], "arm": "C=1"}, *content["designs"][1:]]
        storage.open().set_study_user_attr(stored.id, CONTENT, content)
        stored = get(storage, "tiny")
    search(get(storage, "tiny"), 5)
    designs = get(storage, "tiny").designs
    assert [design.name for design in designs][:3] == tried
    assert {design.arm for design in designs} <= set(LABELS)
    assert len({design.arm for design in designs}) == 5
    assert stored.content.reference_arm == designs[0].arm == LABELS[0]
    proposer = Proposer(stored)
    assert all(proposer._params(design.arm) is not None for design in designs), (
        "known to the sampler"
    )


def test_arms_of_a_scale_space_are_labelled_anew(storage: Storage, tiny: Path) -> None:
    (tiny.parent / "tiny_space.yaml").write_text(
        f"reference: {FIRST}\nscale: {{factor: 2, arms: [deeper, wider]}}\n"
    )
    change(tiny, "{cardinality: 1}", "{arm: reference}")
    assert [design.arm for design in store(storage, tiny).designs] == [
        "reference",
        "deeper",
        "wider",
    ]
    extend(tiny)
    arms = ("reference", "deeper", "wider")
    assert [design.arm for design in store(storage, tiny).designs] == [
        f"{name} {arm}" for name in (FIRST, SECOND) for arm in arms
    ]
    assert get(storage, "tiny").content.reference_arm == f"{FIRST} reference"
