"""A seed gives the same numbers through any interruption; the test set is read once."""

import gc
import itertools
import os
import pickle
import signal
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_trainings import (
    CPU,
    DENSE,
    EPOCHS,
    GROUPED,
    MODERN,
    PAPER,
    RECIPE,
    STEPS,
    assert_same,
    numbers,
    stop_after,
)
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import explorer
from explorer import Architecture
from explorer.errors import UserError
from studies.config.recipe import Recipe
from studies.data import DataSpec, Images, Splits, load
from studies.machine.settings import check_settings
from studies.training import training
from studies.training.batches import TrainingBatches, plan_epoch
from studies.training.checkpoints import read_checkpoint
from studies.training.decay import parameter_groups
from studies.training.mixing import plan_mixing
from studies.training.training import CHECKPOINT, Outcome, TrainingFailed, TrainingStopped, train


def supports(precision: str) -> bool:
    try:
        check_settings(CPU.model_copy(update={"precision": precision}))
    except UserError:
        return False
    return True


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, Tensor]]:
    """What every network built from here on is shown: (in training, images)."""
    seen: list[tuple[bool, Tensor]] = []
    build = explorer.build

    def spied(architecture: Architecture) -> Any:
        network = build(architecture)
        network.register_forward_pre_hook(
            lambda module, args: seen.append((module.training, args[0].clone()))
        )
        return network

    monkeypatch.setattr(training, "build", spied)
    return seen


# The same numbers.


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_one_seed_gives_the_same_numbers_and_weights_to_the_bit(
    splits: Splits, precision: str
) -> None:
    if not supports(precision):
        pytest.skip(f"this processor does not compute {precision}")
    settings = CPU.model_copy(update={"precision": precision})
    first = train(GROUPED, RECIPE, splits, 7, settings)
    torch.manual_seed(99)  # whatever happened in this process before
    assert_same(first, train(GROUPED, RECIPE, splits, 7, settings))


def test_another_seed_gives_other_numbers(splits: Splits, undisturbed: Outcome) -> None:
    assert numbers(train(DENSE, RECIPE, splits, 1, CPU)) != numbers(undisturbed)


@pytest.mark.parametrize(
    "steps",
    [STEPS + 4 + 1, 2 * (STEPS + 4) + STEPS, 2 * (STEPS + 4) + STEPS + 2, 3 * (STEPS + 4) + 1],
)
def test_a_run_stopped_at_any_point_goes_on_to_the_same_bits(
    splits: Splits, undisturbed: Outcome, tmp_path: Path, steps: int
) -> None:
    """In epoch 2's first step, epoch 3's last, while validating (4 batches), and while testing."""
    with pytest.raises(TrainingStopped):
        train(DENSE, RECIPE, splits, 0, CPU, checkpoints=tmp_path, should_stop=stop_after(steps))
    finished = min((steps - 1) // (STEPS + 4), EPOCHS)
    epochs: list[int] = []
    outcome = train(
        DENSE,
        RECIPE,
        splits,
        0,
        CPU,
        checkpoints=tmp_path,
        on_epoch=lambda row: epochs.append(row["epoch"]),
    )
    assert_same(outcome, undisturbed)
    assert epochs == list(range(finished + 1, EPOCHS + 1))  # what was finished is not trained again


def test_a_run_stopped_after_every_epoch_goes_on_to_the_same_bits(
    splits: Splits, undisturbed: Outcome, tmp_path: Path
) -> None:
    for _ in range(EPOCHS):
        with pytest.raises(TrainingStopped):
            train(
                DENSE,
                RECIPE,
                splits,
                0,
                CPU,
                checkpoints=tmp_path,
                should_stop=stop_after(STEPS + 4 + 1),
            )
    assert_same(train(DENSE, RECIPE, splits, 0, CPU, checkpoints=tmp_path), undisturbed)


def test_a_run_in_bf16_resumes_to_the_same_bits(splits: Splits, tmp_path: Path) -> None:
    if not supports("bf16"):
        pytest.skip("this processor does not compute bf16")
    settings = CPU.model_copy(update={"precision": "bf16"})
    with pytest.raises(TrainingStopped):
        train(
            GROUPED,
            RECIPE,
            splits,
            0,
            settings,
            checkpoints=tmp_path,
            should_stop=stop_after(2 * (STEPS + 4)),
        )
    resumed = train(GROUPED, RECIPE, splits, 0, settings, checkpoints=tmp_path)
    assert_same(resumed, train(GROUPED, RECIPE, splits, 0, settings))


# The same batches.


def test_two_architectures_with_one_seed_see_the_same_batches(
    splits: Splits, inputs: list[tuple[bool, Tensor]]
) -> None:
    train(DENSE, RECIPE, splits, 3, CPU)
    first = inputs.copy()
    inputs.clear()
    train(GROUPED, RECIPE, splits, 3, CPU)
    assert len(first) == len(inputs) == EPOCHS * (STEPS + 4) + 3
    for (training_a, a), (training_b, b) in zip(first, inputs, strict=True):
        assert training_a == training_b
        assert torch.equal(a, b)


def test_a_run_under_the_papers_augmentation_resumes_to_the_same_bits(
    splits: Splits, tmp_path: Path
) -> None:
    whole = train(DENSE, PAPER, splits, 0, CPU)
    with pytest.raises(TrainingStopped):
        train(
            DENSE,
            PAPER,
            splits,
            0,
            CPU,
            checkpoints=tmp_path,
            should_stop=stop_after(2 * (STEPS + 4)),
        )
    assert_same(train(DENSE, PAPER, splits, 0, CPU, checkpoints=tmp_path), whole)
    assert [row["learning_rate"] for row in whole.curves] == pytest.approx(
        [0.1 * 0.1 ** (n >= 1) for n in range(3)]
    )
    assert numbers(whole) != numbers(train(DENSE, PAPER, splits, 1, CPU))


def test_every_batch_is_full_and_other_images_are_left_out_each_epoch(
    splits: Splits, inputs: list[tuple[bool, Tensor]]
) -> None:
    train(DENSE, RECIPE, splits, 0, CPU)
    assert [len(images) for is_training, images in inputs if is_training] == [32] * STEPS * EPOCHS
    left_out = [
        set(plan_epoch(0, epoch, 240, 1).order[STEPS * 32 :].tolist()) for epoch in range(EPOCHS)
    ]
    assert len(set.union(*left_out)) > len(left_out[0])


def test_a_batch_larger_than_the_training_split_is_an_error(splits: Splits) -> None:
    with pytest.raises(
        UserError, match=r"batch_size of 512 is larger than the training split .240 images"
    ):
        train(DENSE, RECIPE.model_copy(update={"batch_size": 512}), splits, 0, CPU)


@pytest.mark.parametrize("changes", [{"resolution": 16}, {"in_channels": 3}, {"classes": 9}])
def test_a_network_that_does_not_fit_the_data_is_an_error(
    splits: Splits, changes: dict[str, int]
) -> None:
    message = "the network is for .*, the data has 8 x 8 pixels, 1 channel and 10 classes"
    with pytest.raises(UserError, match=message):
        train(DENSE.with_(**changes), RECIPE, splits, 0, CPU)


# What recipes have added since the paper.


@pytest.fixture(scope="module")
def averaged(splits: Splits) -> Outcome:
    return train(DENSE, MODERN, splits, 0, CPU)


def test_a_modern_run_stopped_after_every_epoch_goes_on_to_the_same_bits(
    splits: Splits, averaged: Outcome, tmp_path: Path
) -> None:
    for _ in range(EPOCHS):
        with pytest.raises(TrainingStopped):
            train(
                DENSE,
                MODERN,
                splits,
                0,
                CPU,
                checkpoints=tmp_path,
                should_stop=stop_after(STEPS + 4 + 1),
            )
    assert_same(train(DENSE, MODERN, splits, 0, CPU, checkpoints=tmp_path), averaged)


def test_errors_and_exported_weights_are_of_the_averaged_weights(
    splits: Splits, averaged: Outcome, tmp_path: Path
) -> None:
    train(DENSE, MODERN, splits, 0, CPU, checkpoints=tmp_path)
    state = read_checkpoint(tmp_path / CHECKPOINT)
    assert state
    network = explorer.build(DENSE).eval()
    for weights, is_averaged in ((state["average"], True), (state["model"], False)):
        plain = {name.removeprefix("network."): value for name, value in weights.items()}
        assert plain.keys() == averaged.state_dict.keys()
        same = all(torch.equal(value, averaged.state_dict[name]) for name, value in plain.items())
        assert same == is_averaged
    network.load_state_dict(averaged.state_dict)
    for part, expected in (
        (splits.validation, averaged.validation_error),
        (splits.test, averaged.test_error),
    ):
        images = (torch.from_numpy(part.images) / 255 - splits.mean[0]) / splits.std[0]
        with torch.inference_mode():
            mistakes = (network(images).argmax(1) != torch.from_numpy(part.labels)).sum().item()
        assert mistakes / len(part) == pytest.approx(expected)


def test_averaged_weights_are_those_of_torchs_averaged_model_over_the_same_run(
    splits: Splits, averaged: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is trained as without averaging; the average looks on."""
    steps = EPOCHS * STEPS
    decay = 1 - 1 / (0.2 * steps)
    theirs: list[AveragedModel] = []
    ended = training._Run.on_train_batch_end

    def spied(run: Any, *given: Any) -> None:
        assert theirs
        theirs[0].update_parameters(run.network)
        ended(run, *given)

    def started(run: Any) -> None:
        ema = get_ema_multi_avg_fn(decay)
        theirs.append(AveragedModel(run.network, multi_avg_fn=ema, use_buffers=True))
        theirs[0].n_averaged += 1

    monkeypatch.setattr(training._Run, "on_train_batch_end", spied)
    monkeypatch.setattr(training._Run, "on_train_start", started)
    train(DENSE, MODERN.model_copy(update={"weight_averaging": 0.0}), splits, 0, CPU)
    for name, value in theirs[0].module.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, averaged.state_dict[name]), name


def test_norms_and_biases_are_not_decayed_where_the_recipe_says_so(splits: Splits) -> None:
    network = explorer.build(DENSE)
    groups = parameter_groups(network, MODERN)
    decayed = {id(each) for each in groups[0]["params"]}
    spared = {id(each) for each in groups[1]["params"]}
    assert groups[1]["weight_decay"] == 0
    assert decayed | spared == {id(each) for each in network.parameters()}
    assert not decayed & spared
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            is_norm = isinstance(module, torch.nn.BatchNorm2d)
            assert (id(parameter) in spared) == (is_norm or name == "bias")


def test_each_key_changes_the_training(splits: Splits) -> None:
    keys = ({}, {"mixup": 0.2}, {"cutmix": 1.0}, {"erasing": 0.5}, {"decayed": "weights"})
    weights = []
    for changes in keys:
        outcome = train(DENSE, RECIPE.model_copy(update={**changes, "epochs": 1}), splits, 0, CPU)
        weights.append(torch.cat([value.flatten() for value in outcome.state_dict.values()]))
    assert not any(torch.equal(*pair) for pair in itertools.combinations(weights, 2))


def test_mixed_batches_are_counted_against_the_larger_share(splits: Splits) -> None:
    """A batch is what mixing makes of the plain one; its partner's label is the one before."""
    plain, mixed = (
        TrainingBatches(splits, recipe, 4, torch.device("cpu"), lambda: 1)
        for recipe in (RECIPE, RECIPE.model_copy(update={"mixup": 0.5, "cutmix": 1.0}))
    )
    plan = plan_mixing(4, 1, STEPS, 8, 0.5, 1.0)
    for before, batch, mixing in zip(plain, mixed, plan, strict=True):
        assert mixing
        assert torch.equal(batch.images, mixing.mix(before.images))
        assert torch.equal(batch.labels, before.labels)
        assert batch.partners.tolist() == [before.labels[-1], *before.labels[:-1]]


# The test set.


class Guarded:
    """Images that nobody may look at before they are opened."""

    def __init__(self, images: Images) -> None:
        self._images, self.opened, self.looks = images, False, 0

    def __getattr__(self, name: str) -> Any:
        if not self.opened:
            raise AssertionError("the test images were looked at too early")
        self.looks += name == "images"
        return getattr(self._images, name)


def test_the_test_set_is_looked_at_once_after_the_last_epoch(
    splits: Splits, inputs: list[tuple[bool, Tensor]], undisturbed: Outcome, tmp_path: Path
) -> None:
    guarded: Any = Guarded(splits.test)

    def on_epoch(row: dict[str, Any]) -> None:
        guarded.opened = row["epoch"] == EPOCHS

    data = replace(splits, test=guarded)
    outcome = train(DENSE, RECIPE, data, 0, CPU, checkpoints=tmp_path, on_epoch=on_epoch)
    assert outcome.test_error == undisturbed.test_error
    assert guarded.looks == 1
    shown = torch.cat([images for is_training, images in inputs[EPOCHS * (STEPS + 4) :]])
    expected = (splits.test.images / 255 - splits.mean[0]) / splits.std[0]
    np.testing.assert_allclose(shown.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_stopped_run_never_looks_at_the_test_set(splits: Splits, tmp_path: Path) -> None:
    guarded: Any = Guarded(splits.test)
    data = replace(splits, test=guarded)
    with pytest.raises(TrainingStopped):
        train(
            DENSE,
            RECIPE,
            data,
            0,
            CPU,
            checkpoints=tmp_path,
            should_stop=stop_after(EPOCHS * (STEPS + 4)),
        )


def test_top5_errors_count_labels_outside_the_five_largest(
    splits: Splits, undisturbed: Outcome
) -> None:
    network = explorer.build(DENSE).eval()
    network.load_state_dict(undisturbed.state_dict)
    for part, expected in (
        (splits.validation, undisturbed.validation_top5_error),
        (splits.test, undisturbed.test_top5_error),
    ):
        images = (torch.from_numpy(part.images) / 255 - splits.mean[0]) / splits.std[0]
        with torch.inference_mode():
            ranks = network(images).numpy().argsort(1)[:, ::-1]
        outside = [label not in rank[:5] for label, rank in zip(part.labels, ranks, strict=True)]
        assert np.mean(outside) == pytest.approx(expected)
    assert 0 < undisturbed.train_top5_error < undisturbed.train_error
    assert undisturbed.curves[-1]["train_top5_error"] == undisturbed.train_top5_error


def test_there_is_no_top5_error_of_nine_classes(splits: Splits) -> None:
    parts = {
        name: Images(part.images[part.labels < 9], part.labels[part.labels < 9])
        for name, part in (
            ("train", splits.train),
            ("validation", splits.validation),
            ("test", splits.test),
        )
    }
    data = replace(splits, **parts, classes=9)
    outcome = train(DENSE.with_(classes=9), RECIPE.model_copy(update={"epochs": 1}), data, 0, CPU)
    assert (
        outcome.train_top5_error is outcome.validation_top5_error is outcome.test_top5_error is None
    )
    assert "train_top5_error" not in outcome.curves[0]


def test_errors_are_those_of_the_final_weights(splits: Splits, undisturbed: Outcome) -> None:
    network = explorer.build(DENSE).eval()
    network.load_state_dict(undisturbed.state_dict)
    for split, part, expected in (
        ("validation", splits.validation, undisturbed.validation_error),
        ("test", splits.test, undisturbed.test_error),
    ):
        images = (torch.from_numpy(part.images) / 255 - splits.mean[0]) / splits.std[0]
        with torch.inference_mode():
            predicted = network(images).argmax(1).numpy()
        wrong = np.flatnonzero(predicted != part.labels)
        assert len(wrong) / len(part) == pytest.approx(expected)
        missed = undisturbed.missed[split]
        assert missed.numbers.tolist() == wrong.tolist()  # by their places in the split
        assert missed.actual.tolist() == part.labels[wrong].tolist()
        assert missed.predicted.tolist() == predicted[wrong].tolist()


def test_the_missed_images_do_not_hang_on_the_size_of_a_batch_of_the_evaluation(
    splits: Splits, undisturbed: Outcome
) -> None:
    """The order is that of the split, however it is cut into batches."""
    from studies.training.batches import EvaluationBatches

    for size in (7, 32, 90):
        batches = EvaluationBatches(
            splits.test, splits, RECIPE.model_copy(update={"batch_size": size}), torch.device("cpu")
        )
        labels = torch.cat([labels for _, labels in batches])
        assert labels.tolist() == splits.test.labels.tolist()


# What comes out.


def test_an_outcome_has_a_whole_curve_and_sensible_figures(undisturbed: Outcome) -> None:
    assert [row["epoch"] for row in undisturbed.curves] == [1, 2, 3]
    assert set(undisturbed.curves[0]) == {
        "train_top5_error",
        "validation_top5_error",
        "epoch",
        "learning_rate",
        "train_loss",
        "train_error",
        "validation_loss",
        "validation_error",
        "validation_balanced_error",
        "seconds",
    }
    assert undisturbed.train_error == undisturbed.curves[-1]["train_error"]
    assert undisturbed.validation_error == undisturbed.curves[-1]["validation_error"]
    assert undisturbed.curves[-1]["train_loss"] < undisturbed.curves[0]["train_loss"]
    assert undisturbed.curves[-1]["train_error"] < undisturbed.curves[0]["train_error"] <= 1
    assert undisturbed.seconds >= sum(row["seconds"] for row in undisturbed.curves) > 0
    assert undisturbed.images_per_second > 0
    assert undisturbed.peak_memory is None or undisturbed.peak_memory > 50_000_000


@pytest.mark.slow
def test_quick_learns_the_digits(tmp_path: Path) -> None:
    settings = CPU.model_copy(update={"precision": "bf16" if supports("bf16") else "32"})
    architecture = Architecture.from_name(
        "resnext_1-1-1_4x8d_w32_small8", resolution=8, classes=10, in_channels=1
    )
    data = load(DataSpec(name="digits", validation=0.2, test=0.2))
    outcome = train(
        architecture, Recipe.model_validate("quick"), data, 0, settings, checkpoints=tmp_path
    )
    assert outcome.test_error <= 0.03


@pytest.mark.parametrize("rate", [1e10, 1e30])
def test_a_loss_that_is_no_number_fails_the_training_with_a_reason(
    splits: Splits, rate: float, tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(update={"learning_rate": rate, "warm_up": 0.0, "epochs": 30})
    with pytest.raises(
        TrainingFailed, match=r"the (training|validation) loss became (nan|inf) in epoch \d+"
    ) as error:
        train(DENSE, recipe, splits, 0, CPU, checkpoints=tmp_path)
    assert "\n" not in error.value.reason


# Manners.


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from explorer import Architecture
from studies.data import DataSpec, load
from studies.config.recipe import Recipe
from studies.machine.settings import Settings, check_settings
from studies.training.training import TrainingStopped, train

shape = {"resolution": 8, "classes": 10, "in_channels": 1}
network = Architecture.from_name("resnext_1_2x4d_w8_small8", **shape)
recipe = Recipe.model_validate({"name": "quick", "epochs": 2, "batch_size": 512})
data = load(DataSpec(name="digits", test=0.2))
settings = Settings(device="cpu", precision="32", threads=1)
try:
    train(network, recipe, data, 0, settings, should_stop=lambda: True)
except TrainingStopped:
    train(network, recipe, data, 0, settings, checkpoints=Path("own"))
"""


def test_nothing_is_printed_or_left_behind_also_on_a_slurm_node(tmp_path: Path) -> None:
    slurm = {
        "NTASKS": "4",
        "JOB_NAME": "sweep",
        "JOB_ID": "1",
        "PROCID": "0",
        "LOCALID": "0",
        "NODEID": "0",
        "NODELIST": "a",
    }
    environment = os.environ | {f"SLURM_{name}": value for name, value in slurm.items()}
    # What Lightning, left alone, would take up on a Slurm node.
    (tmp_path / "hpc_ckpt_1.ckpt").write_bytes(pickle.dumps("another program's"))
    command = [sys.executable, "-c", SCRIPT, str(Path(training.__file__).parents[2])]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hpc_ckpt_1.ckpt", "own"]


@pytest.mark.parametrize("steps", [1, 5, STEPS + 1])
def test_a_stop_is_asked_for_after_every_step(
    splits: Splits, inputs: list[tuple[bool, Tensor]], steps: int
) -> None:
    with pytest.raises(TrainingStopped):
        train(DENSE, RECIPE, splits, 0, CPU, should_stop=stop_after(steps))
    assert len(inputs) == steps


def test_signals_and_torchs_switches_stay_the_callers(splits: Splits) -> None:
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in signals]
    random, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    during: list[list[Any]] = []

    def spy() -> bool:
        during.append([signal.getsignal(number) for number in signals])
        return False

    train(DENSE, RECIPE.model_copy(update={"epochs": 1}), splits, 0, CPU, should_stop=spy)
    assert all(handlers == before for handlers in during)
    assert [signal.getsignal(number) for number in signals] == before
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.get_num_threads() == threads + 1
    torch.set_num_threads(threads)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_stopped_training_is_gone_when_the_next_begins(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the garbage collector has not come by: on a GPU it is memory of the device."""
    held: list[weakref.ref[TrainingBatches]] = []

    class Watched(TrainingBatches):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            held.append(weakref.ref(self))

    alive: list[bool] = []

    def look() -> bool:
        alive.append(held[0]() is not None)
        return True

    monkeypatch.setattr(training, "TrainingBatches", Watched)
    gc.disable()
    try:
        for _ in range(2):
            with pytest.raises(TrainingStopped):
                train(DENSE, RECIPE, splits, 0, CPU, should_stop=look)
    finally:
        gc.enable()
    assert alive == [True, False]


def test_ctrl_c_comes_out_as_itself(splits: Splits) -> None:
    def interrupted() -> bool:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(DENSE, RECIPE, splits, 0, CPU, should_stop=interrupted)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_on_epoch_comes_out_after_the_checkpoint(
    splits: Splits, tmp_path: Path
) -> None:
    def fenced(row: dict[str, Any]) -> None:
        raise RuntimeError("fenced off")

    with pytest.raises(RuntimeError, match="fenced off"):
        train(DENSE, RECIPE, splits, 0, CPU, checkpoints=tmp_path, on_epoch=fenced)
    assert (tmp_path / CHECKPOINT).exists()


def test_values_are_read_per_epoch_not_per_step(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taking a value from a tensor makes the processor wait for the GPU."""
    reads: list[str] = []
    for name in ("item", "tolist", "numpy", "__bool__", "__float__", "__int__"):
        original = getattr(Tensor, name)

        def spied(self: Tensor, name: str = name, original: Any = original) -> Any:
            reads.append(name)
            return original(self)

        monkeypatch.setattr(Tensor, name, spied)
    counts = []
    for batch_size in (8, 80):
        reads.clear()
        train(DENSE, RECIPE.model_copy(update={"batch_size": batch_size}), splits, 0, CPU)
        counts.append(len(reads))
        assert reads.count("tolist") == 2 * EPOCHS + 1  # training and validation; the test
        assert reads.count("numpy") == EPOCHS + 1  # what validation images were taken for; test
    assert counts[0] == counts[1]
