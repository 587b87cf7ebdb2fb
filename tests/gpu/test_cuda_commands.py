"""Measuring, matching by time and a single training on a GPU, as functions and as commands."""

import json
from pathlib import Path

import pytest
from cuda_device import DEVICE, MARKS, command, settings

from explorer import Architecture, build, count
from explorer.networks import MODES, Case, match_time, measure

pytestmark = MARKS

NAME = "resnext_1-1_1x16d_w32_small16"
TINY = Architecture.from_name(NAME, resolution=16, classes=10)


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_every_case_is_measured_and_a_training_step_needs_more_memory(precision: str) -> None:
    cases = [Case(TINY, form=form, batch=64, mode=mode) for form in "abc" for mode in MODES]
    timings = measure(cases, device=DEVICE, precision=precision, rounds=3, round_seconds=0.01)
    assert [timing.case for timing in timings] == cases
    for inference, training in zip(timings[::2], timings[1::2], strict=True):
        for timing in (inference, training):
            assert 0 < timing.low <= timing.seconds <= timing.high
            assert timing.images_per_second == pytest.approx(64 / timing.seconds)
        assert training.peak_memory > inference.peak_memory > 4 * count(TINY).params


def test_larger_batches_need_memory_in_proportion_and_none_of_it_stays() -> None:
    batches = (64, 1024, 64)
    cases = [Case(TINY, batch=batch, mode="train_step") for batch in batches]
    small, large, again = (
        timing.peak_memory for timing in measure(cases, device=DEVICE, rounds=1, round_seconds=0)
    )
    images = (1024 - 64) * 4 * 3 * 16 * 16
    maps = (1024 - 64) * 4 * count(TINY).activations  # each is kept for the gradients
    assert large - small > images + maps
    assert again == pytest.approx(small, rel=0.2, abs=2**20)


def test_a_design_of_equal_time_is_the_nearest_that_was_measured() -> None:
    small = Architecture.from_name("resnext_1_1x6d_w16_small8", resolution=8, classes=10)
    (design,) = match_time(small, by="train_step", cardinality=2, batch=8, rounds=2, device=DEVICE)
    own, *candidates = design.candidates
    gaps = {
        timing.case.architecture.name: abs(timing.seconds - own.seconds) for timing in candidates
    }
    assert gaps[design.name] == min(gaps.values())


def test_the_command_measure_prints_what_it_measured() -> None:
    options = ("--device", DEVICE, "--batch", "1,64", "--form", "a,c", "--rounds", "2")
    result = command("measure", NAME, "--resolution", "16", *options, "--json")
    assert result.returncode == 0, result.stderr
    records = json.loads(result.stdout)
    assert len(records) == 2 * 2 * 2
    assert {record["device"] for record in records} == {DEVICE}
    assert {(record["mode"], record["form"], record["batch"]) for record in records} == {
        (mode, form, batch) for mode in MODES for form in "ac" for batch in (1, 64)
    }
    assert all(0 < record["seconds"] < 10 and record["peak_memory"] > 0 for record in records)


def test_what_no_gpu_can_hold_is_one_message() -> None:
    options = ("--device", DEVICE, "--batch", "1000000000", "--mode", "inference")
    result = command("measure", NAME, "--resolution", "16", *options)
    assert result.returncode == 2, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert line.startswith("Error: there is not enough memory. Ask for less")
    assert "Traceback" not in result.stderr


def test_the_command_match_finds_a_design_of_equal_latency() -> None:
    small = ("resnext_1_1x4d_w16_small8", "--resolution", "8", "--cardinality", "2")
    result = command("match", *small, "--by", "latency", "--device", DEVICE, "--json")
    assert result.returncode == 0, result.stderr
    (record,) = json.loads(result.stdout)
    assert Architecture.from_name(record["name"]).template.cardinality == 2


def test_the_command_train_uses_the_gpu_by_itself_and_its_weights_load_anywhere(
    workdir: Path,
) -> None:
    from safetensors.torch import load_file

    few = ("--set", "recipe.epochs=2", "--checkpoints", "run", "-o", "weights.safetensors")
    name = "resnext_1-1_4x3d_w16_small8"
    result = command("train", name, "--data", "digits", *few)
    assert result.returncode == 0, result.stderr
    assert f"2 epochs, {DEVICE}, {settings().precision}, " in result.stdout
    again = command("train", name, "--data", "digits", *few, "--json")
    complete = json.loads(again.stdout.splitlines()[-1])
    assert complete["event"] == "complete"
    assert not [line for line in again.stdout.splitlines() if '"epoch"' in line.split(",")[0]]
    weights = load_file(workdir / "weights.safetensors")
    assert {tensor.device.type for tensor in weights.values()} == {"cpu"}
    network = build(Architecture.from_name(name, resolution=8, in_channels=1, classes=10))
    network.load_state_dict(weights)
    assert result.stderr == ""
