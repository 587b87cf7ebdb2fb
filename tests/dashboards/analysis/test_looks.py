"""Looks at a study: what extensions are judged by, against
simulated studies whose truth is known."""

import numpy as np
import pytest
from study_tables import make_info, make_trials

from dashboards.analysis.comparison import compare, compare_table
from dashboards.analysis.findings import Findings
from dashboards.analysis.looks import confidence_after, count_looks
from studies.api import Study
from studies.records.creation import create_or_extend
from studies.results import study_info
from studies.storage import Storage

ARMS = ["C=1", "C=2", "C=4", "C=8", "C=16"]


def test_all_extensions_together_get_one_more_alpha():
    assert confidence_after(1) == 0.95
    assert confidence_after(2) == pytest.approx(0.975)
    assert sum(1 - confidence_after(look) for look in range(2, 4000)) == pytest.approx(
        0.05, rel=1e-3
    )


@pytest.mark.parametrize(
    ("info", "looks"),
    [
        ({}, 1),
        ({"planned_seeds": [0, 1, 2], "seeds": [0, 1, 2]}, 1),
        ({"planned_seeds": [0, 1, 2], "seeds": [0, 1, 2, 3]}, 2),
        ({"planned_seeds": [0], "extended_from": [[0], [0, 1]], "seeds": [0, 1, 2]}, 3),
        ({"planned_seeds": [0], "extended_from": [], "seeds": [0]}, 1),
    ],
)
def test_looks_are_the_plan_and_every_extension(info, looks):
    assert count_looks(info) == looks


def test_a_stored_study_remembers_every_extension_by_seeds(workdir):
    url = f"sqlite:///{workdir}/looks.db"
    storage, study = Storage(url), Study.load("digits_cardinality")
    facts = {
        "settings": {"device": "cpu"},
        "splits": {"train": 1078, "validation": 359, "test": 360},
    }
    for seeds in ([0, 1, 2], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5]):
        wanted = study.model_copy(update={"seeds": seeds})
        create_or_extend(storage, wanted, wanted.wanted(), lambda: facts)
    info = study_info(url, "digits_cardinality")
    assert info["extended_from"] == [[0, 1, 2], [0, 1, 2, 3]]
    assert count_looks(info) == 3


def test_an_extended_studys_intervals_are_those_of_the_stricter_confidence():
    trials = make_trials({"C=8": -0.008})
    extended = Findings(trials, {**make_info(), "planned_seeds": [0, 1]}).comparison
    assert (extended.looks, extended.confidence) == (2, pytest.approx(0.975))
    planned = Findings(trials, make_info())
    strict = compare(planned.errors, "C=1", confidence=0.975)
    assert [gap.low for gap in extended.differences] == [gap.low for gap in strict.differences]
    assert extended.difference("C=8").low < planned.comparison.difference("C=8").low


def claims(errors: np.ndarray, confidence: float) -> bool:
    return any(
        gap.shown
        for gap in compare_table(errors, ARMS[:4], "C=1", confidence=confidence).differences
    )


def test_extending_until_something_shows_claims_no_more_often_than_promised():
    """No arm differs. Each study is planned with 3 seeds and, as long as
    nothing shows, extended by 2, up to 5 times."""
    random = np.random.default_rng(0)
    planned = corrected = naive = 0
    studies = 500
    for _ in range(studies):
        errors = random.normal(0, 2, (1, 13)) + random.normal(0, 1, (4, 13))
        if claims(errors[:, :3], 0.95):
            planned += 1
            continue
        later = [(seeds, look) for look, seeds in enumerate(range(5, 14, 2), start=2)]
        corrected += any(claims(errors[:, :seeds], confidence_after(look)) for seeds, look in later)
        naive += any(claims(errors[:, :seeds], 0.95) for seeds, _ in later)
    # Two standard errors of 5 % in 500 studies are 2 points.
    assert planned / studies <= 0.07
    assert corrected / studies <= 0.05
    assert naive / studies > 0.08
