"""Where trainings were done on different machines, results say so."""

from pathlib import Path
from typing import Any

import fake_training

from studies import Study
from studies.attempts.attempt import Attempt
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.pair import Pair
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.results import Reader
from studies.results.machines import machines_note
from studies.results.tables import Row
from studies.storage import Storage
from studies.storage.schema import MADE_ON, RESULT


def row(seed: int, *machines: tuple[str, str], progress: int = 1) -> Row:
    """A pair that is complete, with an attempt on each of the machines."""
    attempts = []
    for number, (machine, torch) in enumerate(machines):
        ended = "complete" if number == len(machines) - 1 else "lost"
        made_on: dict[str, Any] = {
            "machine": machine,
            "versions": {"python": "3.11", "torch": torch},
        }
        attempts.append(
            Attempt(
                number,
                number,
                Pair("a", seed),
                "COMPLETE",
                ended,
                0,
                Worker("w"),
                progress,
                {MADE_ON: made_on},
            )
        )
    return Row(Pair("a", seed), "complete", attempts, attempts[-1])


def test_alike_machines_need_no_note() -> None:
    assert machines_note([]) == ""
    assert machines_note([row(seed, ("EPYC", "2.13.0")) for seed in range(3)]) == ""
    old = Attempt(0, 0, Pair("a", 9), "COMPLETE", "complete", 0, Worker("w"))
    stored_before = Row(Pair("a", 9), "complete", [old], old)
    assert machines_note([row(0, ("EPYC", "2.13.0")), stored_before]) == ""


def test_kinds_of_processor_and_versions_that_differ_are_counted() -> None:
    rows = [row(seed, ("EPYC", "2.13.0")) for seed in range(3)]
    assert machines_note([*rows, row(3, ("Xeon", "2.13.0"))]) == (
        "Done on different machines: 3 trainings on EPYC; 1 training on Xeon. The same seed gives"
        " other bits there. Column machine of the results tells them apart."
    )
    assert "3 trainings on EPYC, torch 2.13.0; 1 training on EPYC, torch 2.12.0." in machines_note(
        [*rows, row(3, ("EPYC", "2.12.0"))]
    )


def test_where_versions_are_not_known_the_machine_alone_counts() -> None:
    imported = Attempt(
        0,
        0,
        Pair("a", 9),
        "COMPLETE",
        "complete",
        0,
        Worker("w"),
        0,
        {MADE_ON: {"machine": "EPYC"}},
    )
    brought = Row(Pair("a", 9), "complete", [imported], imported)
    assert machines_note([brought, row(0, ("EPYC", "2.13.0"))]) == ""
    assert "1 training on Xeon; 1 training on EPYC" in machines_note(
        [row(0, ("Xeon", "2.13.0")), brought]
    )


def test_a_training_that_went_on_on_another_kind_of_machine_is_counted() -> None:
    moved = row(0, ("Xeon", "2.13.0"), ("EPYC", "2.13.0"))
    note = machines_note([moved, row(1, ("EPYC", "2.13.0"))])
    assert note.startswith("1 training went on on another kind of machine than begun")
    assert machines_note([row(0, ("Xeon", "2"), ("EPYC", "2"), progress=0)]) == ""


def test_what_attempts_store_of_their_machines_is_told_with_the_results(
    storage: Storage, tiny: Path
) -> None:
    study = Study.load(tiny)
    known = {
        **about_data(fake_training.load(study.data, None)),
        "settings": {"device": "cpu", "precision": "32", "threads": 1},
    }
    stored = create_or_extend(storage, study, study.wanted(), lambda: known)
    for machine in ("EPYC", "Xeon"):
        made_on = {MADE_ON: {"machine": machine, "versions": {"torch": "2.13.0"}}}
        claims = Claims(storage, stored.id, stored, attributes=made_on)
        attempt = claims.claim(Worker("worker"))
        assert attempt
        claims.end(attempt, "complete", 0.1, {RESULT: {"validation_error": 0.1}})
    tables = Reader(storage).tables("tiny")
    assert tables.trials["machine"].tolist()[:3] == ["EPYC", "Xeon", ""]
    assert "1 training on EPYC; 1 training on Xeon" in tables.info["about"][-1]
