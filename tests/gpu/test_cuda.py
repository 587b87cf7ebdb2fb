"""On CUDA: a seed gives the same bits through any interruption, and the numbers are a CPU's."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cuda_device import DEVICE, MARKS, ON_CUDA, on_device, settings
from small_trainings import (
    EPOCHS,
    GROUPED,
    MODERN,
    RECIPE,
    STEPS,
    assert_same,
    few_digits,
    numbers,
    stop_after,
)
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import Architecture, build
from explorer.networks.modules import MergingPaths
from search_spaces.documents import validate
from studies.config.recipe import Recipe
from studies.data import Images, Splits
from studies.machine.memory import give_back
from studies.machine.settings import resolve
from studies.training import batches, training
from studies.training.averaging import Average
from studies.training.batches import EvaluationBatches, TrainingBatches
from studies.training.checkpoints import identify, read_checkpoint, write_checkpoint
from studies.training.environment import torch_environment
from studies.training.training import CHECKPOINT, TrainingStopped, train

pytestmark = MARKS

VALIDATIONS = 4  # 100 images
PRECISIONS = ("auto", "32")


@pytest.fixture(scope="module")
def splits() -> Splits:
    return few_digits()


# The same numbers.


def test_auto_is_the_gpu_and_bf16_where_it_computes_that() -> None:
    chosen = settings()
    assert chosen.device == DEVICE
    if ON_CUDA:
        capable = torch.cuda.get_device_capability() >= (8, 0)
        assert chosen.precision == ("bf16" if capable else "32")
        assert resolve().settings == chosen


@pytest.mark.parametrize("precision", PRECISIONS)
def test_one_seed_gives_the_same_bits_twice(splits: Splits, precision: str) -> None:
    first = train(GROUPED, RECIPE, splits, 7, settings(precision))
    torch.manual_seed(99)  # whatever happened in this process before
    unrelated = torch.rand(1000, 1000, device=DEVICE) @ torch.rand(1000, 1000, device=DEVICE)
    second = train(GROUPED, RECIPE, splits, 7, settings(precision))
    assert unrelated.isfinite().all()
    assert_same(first, second)
    assert numbers(train(GROUPED, RECIPE, splits, 8, settings(precision))) != numbers(first)
    losses = [row["train_loss"] for row in first.curves]
    assert losses[-1] < losses[0]


def test_network_and_images_are_on_the_device_and_the_result_is_on_the_cpu(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[str, str]] = set()
    original = training._Run.training_step

    def spied(run: Any, batch: Any, number: int) -> Any:
        seen.add((run.network.conv1.weight.device.type, batch[0].device.type))
        return original(run, batch, number)

    monkeypatch.setattr(training._Run, "training_step", spied)
    outcome = train(GROUPED, RECIPE, splits, 0, settings())
    assert seen == {(DEVICE, DEVICE)}
    assert {value.device.type for value in outcome.state_dict.values()} == {"cpu"}
    held = sum(value.nbytes for value in outcome.state_dict.values())
    assert outcome.peak_memory is not None
    assert outcome.peak_memory > held


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "steps",
    [STEPS + VALIDATIONS + 3, 2 * (STEPS + VALIDATIONS) + STEPS + 2],
    ids=["in an epoch", "while validating"],
)
def test_a_resumed_run_equals_an_undisturbed_one_to_the_bit(
    splits: Splits, tmp_path: Path, precision: str, steps: int
) -> None:
    undisturbed = train(GROUPED, RECIPE, splits, 0, settings(precision))
    options: dict[str, Any] = {"checkpoints": tmp_path}
    with pytest.raises(TrainingStopped):
        train(
            GROUPED,
            RECIPE,
            splits,
            0,
            settings(precision),
            should_stop=stop_after(steps),
            **options,
        )
    resumed: list[int] = []
    outcome = train(
        GROUPED,
        RECIPE,
        splits,
        0,
        settings(precision),
        on_resume=lambda rows: resumed.append(len(rows)),
        **options,
    )
    assert resumed == [steps // (STEPS + VALIDATIONS)]
    assert_same(outcome, undisturbed)


def test_a_modern_run_stopped_anywhere_goes_on_to_the_same_bits(
    splits: Splits, tmp_path: Path
) -> None:
    undisturbed = train(GROUPED, MODERN, splits, 0, settings())
    with pytest.raises(TrainingStopped):
        train(
            GROUPED,
            MODERN,
            splits,
            0,
            settings(),
            checkpoints=tmp_path,
            should_stop=stop_after(STEPS + VALIDATIONS + 3),
        )
    assert_same(train(GROUPED, MODERN, splits, 0, settings(), checkpoints=tmp_path), undisturbed)


def test_a_modern_step_does_not_wait_for_the_device(splits: Splits) -> None:
    """Mixing and erasing a batch, its loss, and a step of the averaged weights."""
    if not ON_CUDA:
        pytest.skip("only CUDA says where it is waited for")
    device = torch.device(DEVICE)
    loader = iter(TrainingBatches(splits, MODERN, 0, device, lambda: 0))
    network = build(GROUPED).to(device)
    average = Average(network, 0.9)
    next(loader)  # the plan of the epoch is copied before the first
    average.update(network)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            batch = next(loader)
            logits = network(batch.images)
            for labels in (batch.labels, batch.partners):
                F.cross_entropy(logits, labels, label_smoothing=0.1)
            average.update(network)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_steps_are_replayed_from_graphs_to_the_bits_of_steps_that_are_not(
    splits: Splits, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    if not ON_CUDA:
        pytest.skip("only CUDA has such graphs")
    replayed: list[bool] = []
    original = training._Run.training_step

    def watched(run: Any, batch: Any, number: int) -> Any:
        replayed.append("forward" in vars(run.network))
        return original(run, batch, number)

    monkeypatch.setattr(training._Run, "training_step", watched)
    outcome = train(GROUPED, RECIPE, splits, 7, settings(precision))
    assert replayed == [True] * EPOCHS * STEPS
    monkeypatch.setattr(training, "record", lambda *arguments: None)
    assert_same(outcome, train(GROUPED, RECIPE, splits, 7, settings(precision)))
    assert not any(replayed[EPOCHS * STEPS :])


# A checkpoint moves.

OTHER = "cpu"
MOVES = pytest.mark.parametrize(
    ("source", "target"), [(DEVICE, OTHER), (OTHER, DEVICE)], ids=["to the CPU", "from the CPU"]
)


def begun(splits: Splits, folder: Path, device: str) -> Path:
    """The checkpoint of a float32 run that was stopped in its second epoch."""
    with pytest.raises(TrainingStopped):
        train(
            GROUPED,
            RECIPE,
            splits,
            0,
            settings("32", device),
            checkpoints=folder,
            should_stop=stop_after(STEPS + VALIDATIONS + 3),
        )
    return folder / CHECKPOINT


@MOVES
def test_a_checkpoint_of_another_device_is_put_aside_and_the_run_starts_afresh(
    splits: Splits,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    source: str,
    target: str,
) -> None:
    """Going on would give numbers that no run of its own gives."""
    if source == target:
        pytest.skip("there is one device")
    begun(splits, tmp_path, source)
    outcome = train(GROUPED, RECIPE, splits, 0, settings("32", target), checkpoints=tmp_path)
    assert "belongs to another training" in caplog.text
    assert_same(outcome, train(GROUPED, RECIPE, splits, 0, settings("32", target)))


@MOVES
def test_all_of_a_checkpoint_loads_and_goes_on_on_another_device(
    splits: Splits, tmp_path: Path, source: str, target: str
) -> None:
    path, there = begun(splits, tmp_path, source), settings("32", target)
    state = read_checkpoint(path)
    assert state is not None
    tensors = [*state["model"].values()]
    tensors += [buffers["momentum_buffer"] for buffers in state["optimiser"]["state"].values()]
    assert len(tensors) > len(state["model"])
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    # Said to be of the other device, it is not put aside.
    identity = identify(GROUPED, RECIPE, splits, 0, there)
    write_checkpoint(path, {**state, "identity": identity})
    epochs: list[int] = []
    outcome = train(
        GROUPED,
        RECIPE,
        splits,
        0,
        there,
        checkpoints=tmp_path,
        on_epoch=lambda row: epochs.append(row["epoch"]),
    )
    assert epochs == [2, 3]
    undisturbed = train(GROUPED, RECIPE, splits, 0, there)
    assert outcome.curves[-1]["train_loss"] == pytest.approx(
        undisturbed.curves[-1]["train_loss"], rel=0.05
    )


def test_weights_trained_on_the_device_make_the_same_mistakes_on_a_cpu(splits: Splits) -> None:
    outcome = train(GROUPED, RECIPE, splits, 0, settings("32"))
    network = build(GROUPED)
    network.load_state_dict(outcome.state_dict)
    network.eval()
    wrong = 0
    with torch.inference_mode():
        for images, labels in EvaluationBatches(splits.test, splits, RECIPE, torch.device("cpu")):
            wrong += int((network(images).argmax(1) != labels).sum())
    # Two logits may be so near that their order is another.
    assert abs(wrong - outcome.test_error * len(splits.test)) <= 1.01


# The numbers are a CPU's.


@pytest.fixture
def colours() -> Splits:
    """Random colour images."""
    rng = np.random.default_rng(0)
    parts = [
        Images(rng.integers(0, 256, (count, 3, 16, 16), np.uint8), np.arange(count) % 10)
        for count in (96, 32, 32)
    ]
    return Splits(*parts, 10, (0.5, 0.4, 0.3), (0.2, 0.3, 0.25), mirrored=True)


@pytest.mark.parametrize("resident", [True, False], ids=["all on the device", "read in batches"])
@pytest.mark.parametrize("name", ["quick", "resnext_imagenet", "modern"])
def test_a_run_sees_the_images_that_it_sees_on_a_cpu(
    colours: Splits, monkeypatch: pytest.MonkeyPatch, name: str, resident: bool
) -> None:
    recipe = validate(Recipe, {"name": name, "epochs": 1, "batch_size": 32}, source="test")
    expected = [*TrainingBatches(colours, recipe, 3, torch.device("cpu"), lambda: 1)]
    if not resident:
        monkeypatch.setattr(batches, "RESIDENT_PART", 0)
    actual = [*TrainingBatches(colours, recipe, 3, torch.device(DEVICE), lambda: 1)]
    assert len(actual) == len(expected) == 3
    for batch, on_cpu in zip(actual, expected, strict=True):
        images, images_on_cpu = batch.images, on_cpu.images
        assert images.device.type == DEVICE
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(batch.labels.cpu(), on_cpu.labels)
        assert batch.mixing == on_cpu.mixing
        if name == "modern":
            assert torch.equal(batch.partners.cpu(), on_cpu.partners)
        torch.testing.assert_close(images.cpu(), images_on_cpu, rtol=1e-4, atol=1e-3)


def forward_and_backward(
    network: nn.Module, images: Tensor, labels: Tensor
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Logits, gradients and buffers of a training step, in 64 bits on the CPU."""
    logits = network(images)
    F.cross_entropy(logits, labels).backward()
    gradients: dict[str, Tensor] = {}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        gradients[name] = parameter.grad.double().cpu()
    buffers = {name: buffer.double().cpu() for name, buffer in network.named_buffers()}
    return logits.detach().double().cpu(), gradients, buffers


def distance(actual: Tensor, expected: Tensor) -> float:
    """How far two tensors are apart, relative to their length."""
    return float((actual - expected).norm() / expected.norm().clamp_min(1e-12))


def step(
    architecture: Architecture, device: str, dtype: torch.dtype, form: str = "c"
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """A training step of a network with the weights and images of a seed."""
    torch.manual_seed(0)
    network = build(architecture, form).to(device, dtype)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shape = architecture.input_shape
    images = torch.randn(16, *shape).to(device, dtype, memory_format=torch.channels_last)
    labels = (torch.arange(16) % architecture.classes).to(device)
    with torch_environment(settings("32", device)):
        return forward_and_backward(network, images, labels)


def assert_near(
    actual: tuple[Tensor, dict[str, Tensor], dict[str, Tensor]],
    expected: tuple[Tensor, dict[str, Tensor], dict[str, Tensor]],
    dtype: torch.dtype,
) -> None:
    # In 32 bits a relu of nearly zero may be open on one device and shut on the other, and then one
    # of some thousand terms of a gradient is missing. TF32 would change logits by a thousandth.
    forward, backward = (1e-10, 1e-9) if dtype == torch.float64 else (1e-4, 2e-2)
    assert distance(actual[0], expected[0]) < forward
    for part, tolerance in ((1, backward), (2, forward)):
        assert actual[part].keys() == expected[part].keys()
        for name, value in expected[part].items():
            assert distance(actual[part][name], value) < tolerance, name


SMALL = [
    "resnext_1-1_4x3d_w16_small16",  # narrow paths and a strided projection
    "resnext_1-1_8x16d_w64_small16",
    "resnext_1-1_16x1d_w32_small16",  # depthwise
    "resnet20_cifar",
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", SMALL)
def test_logits_gradients_and_statistics_are_a_cpus(name: str, dtype: torch.dtype) -> None:
    architecture = Architecture.from_name(name, resolution=16, classes=10)
    assert_near(step(architecture, DEVICE, dtype), step(architecture, "cpu", dtype), dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("form", ["a", "b"])
def test_the_three_forms_are_one_function(form: str, dtype: torch.dtype) -> None:
    architecture = Architecture.from_name("resnext_1-1_4x8d_w32_small16", resolution=16, classes=10)
    grouped = step(architecture, DEVICE, dtype)
    assert_near(step(architecture, DEVICE, dtype, form), grouped, dtype)


@pytest.mark.parametrize(("d", "paths"), [(4, 32), (2, 8), (13, 8), (24, 4), (16, 4), (104, 8)])
def test_paths_that_a_gpu_computes_as_one_are_the_same_function(d: int, paths: int) -> None:
    torch.manual_seed(0)
    module = MergingPaths(d * paths, d * paths, 3, padding=1, groups=paths, bias=False)
    images = torch.randn(8, d * paths, 9, 9).bfloat16()
    gradient = torch.randn(8, d * paths, 9, 9).bfloat16()

    def results(device: str, dtype: torch.dtype) -> tuple[Tensor, ...]:
        layer = copy.deepcopy(module).to(device, dtype, memory_format=torch.channels_last)
        x = images.to(device, dtype, memory_format=torch.channels_last).requires_grad_()
        y = layer(x)
        gradients = torch.autograd.grad(y, (x, layer.weight), gradient.to(device, dtype))
        return tuple(value.detach().double().cpu() for value in (y, *gradients))

    module.to(torch.bfloat16)
    for actual, expected in zip(
        results(DEVICE, torch.bfloat16), results("cpu", torch.float64), strict=True
    ):
        assert distance(actual, expected) < 0.01


def test_a_study_in_32_bits_computes_without_tf32() -> None:
    """TF32 keeps 10 bits of each factor, and sums of such products are wrong by about 4e-4."""
    torch.manual_seed(0)
    images, weight = torch.randn(8, 256, 16, 16), torch.randn(256, 256, 3, 3)
    expected = F.conv2d(images.double(), weight.double(), padding=1)
    before = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]
    with torch_environment(settings("32")):
        maps = F.conv2d(on_device(images), on_device(weight), padding=1).double().cpu()
        product = (on_device(weight.flatten(1)) @ on_device(weight.flatten(1)).T).double().cpu()
    assert distance(maps, expected) < 1e-4
    assert distance(product, weight.flatten(1).double() @ weight.flatten(1).double().T) < 1e-4
    assert torch.backends.cudnn.conv.fp32_precision == before  # type: ignore[attr-defined]


# Nothing is left behind.


def test_trainings_leave_no_memory_of_the_device_behind(splits: Splits) -> None:
    """Finished ones, and one that was stopped."""
    if not ON_CUDA:
        pytest.skip("memory of a CUDA device is measured")
    one_epoch = RECIPE.model_copy(update={"epochs": 1})
    held = []
    for _ in range(3):
        train(GROUPED, one_epoch, splits, 0, settings())
        with pytest.raises(TrainingStopped):
            train(GROUPED, RECIPE, splits, 0, settings(), should_stop=stop_after(3))
        train(GROUPED, one_epoch, splits, 0, settings())
        give_back()
        held.append(torch.cuda.memory_allocated())
    assert held[2] <= held[1]


def test_steps_are_queued_and_the_gpu_is_not_waited_for(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch itself tells of every wait: none happens in an epoch's steps."""
    if not ON_CUDA:
        pytest.skip("only a CUDA device is waited for")
    waits: list[str] = []
    original = training._Run.training_step

    def watched(run: Any, batch: Any, number: int) -> Any:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return original(run, batch, number)
        except RuntimeError as error:
            waits.append(str(error))
            raise
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(training._Run, "training_step", watched)
    train(GROUPED, RECIPE.model_copy(update={"epochs": 1}), splits, 0, settings())
    assert waits == []
