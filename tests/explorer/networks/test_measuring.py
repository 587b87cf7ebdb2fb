"""Measured cost: every case is measured, memory adds up, and matching by time takes the nearest."""

import pytest
import torch

from explorer import Architecture, UserError, count
from explorer.networks.measuring import Case, measure
from explorer.networks.time_matching import match_time

TINY = Architecture.from_name("resnext_1-1_1x16d_w32_small16", resolution=16, classes=10)


def test_every_case_is_measured_and_a_training_step_costs_more_than_inference() -> None:
    visits = []
    cases = [
        Case(TINY, form=form, batch=4, mode=mode)
        for form in "abc"
        for mode in ("inference", "train_step")
    ]
    timings = measure(
        cases,
        rounds=3,
        round_seconds=0.01,
        progress=lambda done, total: visits.append((done, total)),
    )
    assert [timing.case for timing in timings] == cases
    assert visits[-1] == (18, 18)
    for inference, training in zip(timings[::2], timings[1::2], strict=True):
        assert 0 < inference.low <= inference.seconds <= inference.high
        assert inference.images_per_second == pytest.approx(4 / inference.seconds)
        assert training.peak_memory > inference.peak_memory


def test_peak_memory_holds_parameters_and_the_largest_maps() -> None:
    (timing,) = measure([Case(TINY, batch=32)], rounds=1, round_seconds=0)
    parameters = 4 * count(TINY).params
    largest_map = 4 * 32 * 32 * 16 * 16
    assert timing.peak_memory > parameters + largest_map
    # Inference never holds every activation at once, nor more than a few copies of them.
    assert timing.peak_memory < parameters + 3 * 4 * 32 * count(TINY).activations


def test_a_budget_in_time_takes_the_nearest_of_all_that_was_measured() -> None:
    torch.set_num_threads(1)
    (design,) = match_time(TINY, by="latency", cardinality=2, batch=4, rounds=3)
    own, *candidates = design.candidates
    assert own.case.architecture == TINY
    assert design.budget.value == own.seconds
    gaps = {
        timing.case.architecture.name: abs(timing.seconds - own.seconds) for timing in candidates
    }
    assert gaps[design.name] == min(gaps.values())
    assert design.mismatch == pytest.approx(design.cost / own.seconds - 1)
    widths = [timing.case.architecture.template.bottleneck_width for timing in candidates]
    assert widths == list(range(widths[0], widths[-1] + 1)), "every d in the bracket"


@pytest.mark.parametrize(
    ("case", "options", "message"),
    [
        (Case(TINY), {"device": "cuda:99"}, "CUDA|GPU"),
        (Case(TINY), {"device": "tpu"}, "unknown device"),
        (Case(TINY), {"precision": "8"}, "unknown precision"),
        (Case(TINY, mode="training"), {}, "Did you mean 'train_step'"),
        (Case(TINY.with_(resolution=2), mode="train_step"), {}, "batch of at least 2"),
    ],
)
def test_mistakes_are_named(case: Case, options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        measure([case], **options)  # type: ignore[arg-type]
