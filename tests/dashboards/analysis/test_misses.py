"""What trainings got wrong, against NumPy and scikit-learn on a small study of the digits."""

import numpy as np
import pytest
from guessing_study import Guessed, store
from sklearn.metrics import confusion_matrix
from study_tables import make_info, make_trials

from dashboards.analysis.findings import Findings
from dashboards.analysis.misses import (
    Misses,
    _whole_percent,
    class_table,
    concentration_text,
    image_table,
    misses_of,
    overlap_table,
    why_unknown,
)
from dashboards.analysis.notes import sampling_sentence
from studies.missed import Missed
from studies.results import Reader
from studies.storage import Storage

ARMS = ["C=1", "C=2", "C=4", "C=8", "C=16"]


def findings_in(storage: Storage, name: str = "guessed") -> Findings:
    reader = Reader(storage)
    tables = reader.tables(name)
    return Findings(tables.trials, tables.info, read_missed=lambda: reader.misses(name))


@pytest.fixture(scope="module")
def guessed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Guessed, Findings]:
    storage = Storage(f"sqlite:///{tmp_path_factory.mktemp('guessed')}/studies.db")
    study = store(storage)
    return study, findings_in(storage)


def test_errors_by_class_are_those_of_numpy(guessed: tuple[Guessed, Findings]) -> None:
    study, findings = guessed
    misses = misses_of(findings)
    assert misses is not None
    labels = study.splits.test.labels
    for arm in ARMS:
        for label in range(10):
            expected = study.wrong(arm)[:, labels == label].mean()
            assert misses.errors_by_class.loc[label, arm] == pytest.approx(expected)
    table = class_table(misses).content
    assert table.columns == ("Class", "Images", *ARMS)
    assert [row[1] for row in table.rows] == [str(n) for n in np.bincount(labels)]
    assert table.rows[8][2] == f"{100 * study.wrong('C=1')[:, labels == 8].mean():.2f}"


def test_confusions_are_those_of_scikit_learn(guessed: tuple[Guessed, Findings]) -> None:
    study, findings = guessed
    misses = misses_of(findings)
    assert misses is not None
    labels = study.splits.test.labels
    expected = sum(confusion_matrix(labels, guesses) for guesses in study.guesses.values())
    np.fill_diagonal(expected, 0)
    assert (misses.confusion == expected).all()
    label, guess = np.unravel_index(expected.argmax(), expected.shape)
    assert (
        f"Most often {label} was taken for {guess} ({expected.max()} times)"
        in concentration_text(misses)
    )


def test_the_images_missed_most_are_those_of_numpy(guessed: tuple[Guessed, Findings]) -> None:
    study, findings = guessed
    misses = misses_of(findings)
    assert misses is not None
    wrong = {arm: study.wrong(arm).sum(axis=0) for arm in ARMS}
    total = sum(wrong.values())
    images = misses.missed_most()
    assert [image.misses for image in images] == sorted(total, reverse=True)[:12]
    for image in images:
        assert image.misses == total[image.number]
        assert image.label == study.splits.test.labels[image.number]
        assert image.by_arm == {arm: wrong[arm][image.number] for arm in ARMS}
        guesses = [own[image.number] for own in study.guesses.values()]
        assert guesses.count(image.taken_for) == max(
            guesses.count(guess) for guess in set(guesses) - {image.label}
        )
    row = image_table(misses, images).rows[0]
    assert row[0] == f"No. {images[0].number}"
    assert row[3] == f"{images[0].misses} of 15"
    half = int(np.searchsorted(np.sort(total)[::-1].cumsum(), total.sum() / 2)) + 1
    assert concentration_text(misses).startswith(
        f"{half} images of 359 carry half of all misses; {(total == 0).sum()} were missed by no"
    )


def test_overlap_is_counted_over_all_pairs_of_trainings(guessed: tuple[Guessed, Findings]) -> None:
    study, findings = guessed
    misses = misses_of(findings)
    assert misses is not None
    one, other = study.wrong("C=1"), study.wrong("C=8")
    both = np.mean([(a & b).sum() for a in one for b in other])
    assert misses.overlap.loc["C=1", "C=8"] == pytest.approx(both / one.sum(axis=1).mean())
    own = np.mean([(one[i] & one[k]).sum() for i in range(3) for k in range(3) if i != k])
    assert misses.overlap.loc["C=1", "C=1"] == pytest.approx(own / one.sum(axis=1).mean())
    table = overlap_table(misses).content
    chance = [float(cell) for cell in table.rows[-1][1:]]
    assert chance == pytest.approx([100 * study.wrong(arm).mean() for arm in ARMS], abs=0.5)


def test_arms_that_err_apart_overlap_as_chance_has_it() -> None:
    random = np.random.default_rng(0)
    labels, wrong = np.zeros(20_000, int), random.random((2, 2, 20_000)) < 0.1
    misses = Misses(
        {
            arm: {seed: Missed.of(labels, row.astype(int), 2) for seed, row in enumerate(own)}
            for arm, own in zip(("a", "b"), wrong, strict=True)
        }
    )
    assert misses.overlap.to_numpy() == pytest.approx(0.1, abs=0.015)
    assert misses.errors.to_numpy() == pytest.approx(0.1, abs=0.005)


def test_one_training_has_no_other_seed_to_overlap_with() -> None:
    missed = Missed.of(np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]), 2)
    misses = Misses({"C=1": {0: missed}, "C=2": {0: missed}})
    assert np.isnan(misses.overlap.loc["C=1", "C=1"])
    assert misses.overlap.loc["C=1", "C=2"] == 1
    assert overlap_table(misses).content.rows[0] == ("C=1", "–", "100")


def test_trainings_without_any_miss_are_told() -> None:
    labels = np.array([0, 1, 0, 1])
    misses = Misses({"C=1": {0: Missed.of(labels, labels, 2), 1: Missed.of(labels, labels, 2)}})
    assert concentration_text(misses) == "No training missed any of the 4 test images."
    assert misses.missed_most() == []
    assert set(class_table(misses).levels[0]) == {0}


def test_of_many_classes_those_with_the_largest_errors_are_shown() -> None:
    labels = np.repeat(np.arange(100), 4)
    guesses = np.where((labels >= 60) & (np.arange(400) % 4 < 2), 0, labels)
    names = tuple(f"<b>{label}" for label in range(100))
    table = class_table(Misses({"C=1": {0: Missed.of(labels, guesses, 100)}}, names))
    assert [row[0] for row in table.content.rows] == [f"<b>{label}" for label in range(60, 80)]
    assert table.left_out == "The first 20 of 100 classes, those with the largest errors."


def test_the_share_of_the_images_in_a_gap_takes_the_place_of_the_bound(
    guessed: tuple[Guessed, Findings],
) -> None:
    _, findings = guessed
    bound = Findings(findings.trials, findings.info)
    assert findings.sampling is not None
    assert bound.sampling is not None
    assert findings.sampling.measured
    assert not bound.sampling.measured
    assert 3 * findings.sampling.gap < bound.sampling.gap
    assert "judged by which images each training missed" in sampling_sentence(findings)
    assert "less the more they miss the same images" in sampling_sentence(bound)


def test_where_a_training_lacks_it_the_others_are_shown_and_the_lack_is_told(
    workdir: object,
) -> None:
    storage = Storage("sqlite:///studies.db")
    store(storage, without=(0, 3))
    findings = findings_in(storage)
    misses = misses_of(findings)
    assert misses is not None
    assert len(misses.trainings) == 13
    assert why_unknown(findings) == (
        "Which images were missed is not known of 2 of 15 trainings. An earlier version of this"
        " program did not store it."
    )


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        ("switched off", "The study's file says keep_misses: false."),
        ("too many images", "With more than 1,000,000 validation and test images"),
        ("imported", "Results from a file do not say it."),
        ("", "An earlier version of this program did not store it."),
    ],
)
def test_why_nothing_is_known_is_told(left_out: str, reason: str) -> None:
    findings = Findings(make_trials(), {**make_info(), "misses_left_out": left_out})
    assert misses_of(findings) is None
    assert why_unknown(findings).startswith(f"Which images were missed is not known. {reason}")


def test_a_file_of_results_does_not_say_what_was_missed() -> None:
    assert "Results from a file" in why_unknown(Findings(make_trials(), {"name": "x"}))


def test_a_share_of_just_below_ten_reads_as_one_of_ten() -> None:
    shares = (0.0994, 0.0996, 0.1, 0.126)
    assert [_whole_percent(share) for share in shares] == ["9.9", "10", "10", "13"]
