"""The modules made for speed are the functions that torch's own are, and are used where they gain."""

import copy
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from architectures import architectures
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from explorer import Architecture, build, count
from explorer.modules import GlobalAveragePool, NarrowPaths, Norm, StridedProjection
from explorer.network import Network


def with_torchs_own_modules(model: Network) -> Network:
    """A copy that computes with torch's modules where ours are made for speed."""
    model = copy.deepcopy(model)
    model.avgpool = torch.nn.AdaptiveAvgPool2d(1)  # type: ignore[assignment]
    for module in model.modules():
        if isinstance(module, Norm):
            module.fuses = lambda *_: False  # type: ignore[method-assign]
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Conv2d) and type(module) is not torch.nn.Conv2d:
            shape = (module.in_channels, module.out_channels, module.kernel_size, module.stride, module.padding)
            model.set_submodule(name, torch.nn.Conv2d(*shape, groups=module.groups, bias=False))
            model.get_submodule(name).weight = module.weight
    return model


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@settings(max_examples=25)
@given(architecture=architectures(), training=st.booleans())
def test_modules_made_for_speed_are_the_same_function_as_torchs_own(
    architecture: Architecture, training: bool, memory_format: torch.memory_format
) -> None:
    ours = build(architecture).double().to(memory_format=memory_format).train(training)
    torchs = with_torchs_own_modules(ours)
    assert not any(isinstance(module, StridedProjection | NarrowPaths) for module in torchs.modules())
    side = architecture.resolution
    images = torch.randn(3, architecture.in_channels, side, side, dtype=torch.float64)
    images = images.to(memory_format=memory_format)
    outputs = []
    for model in (ours, torchs):
        out = model(images)
        out.square().sum().backward()
        outputs.append(out.detach())
    torch.testing.assert_close(*outputs, rtol=1e-8, atol=1e-8)
    for (name, expected), actual in zip(torchs.named_parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(actual.grad, expected.grad, rtol=1e-6, atol=1e-6, msg=name)


@settings(max_examples=50)
@given(
    d=st.integers(2, 7), outputs=st.integers(1, 3), paths=st.integers(2, 32), stride=st.integers(1, 2), seed=st.integers(0, 99)
)  # fmt: skip
def test_paths_taken_together_are_the_same_function(d: int, outputs: int, paths: int, stride: int, seed: int) -> None:
    torch.manual_seed(seed)
    module = NarrowPaths(paths * d, paths * outputs, 3, stride, 1, groups=paths, bias=False).double()
    images = torch.randn(2, paths * d, 5, 5, dtype=torch.float64, requires_grad=True)
    weight, groups = module.merged()
    assert paths % groups == 0
    merged = paths // groups
    others = [n for n in range(1, paths + 1) if paths % n == 0 and n != merged]
    assert merged == 1 or merged * d <= 16
    assert all(n > merged or n * d < 8 for n in others if n * d <= 16)  # the fewest that make 8, else the most that fit
    together = torch.nn.functional.conv2d(images, weight, None, stride, 1, groups=groups)
    apart = module(images)
    torch.testing.assert_close(together, apart)
    for ours, theirs in zip(
        torch.autograd.grad(together.square().sum(), (images, module.weight)),
        torch.autograd.grad(apart.square().sum(), (images, module.weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_paths_are_taken_together_in_bfloat16_training_on_a_cpu_alone() -> None:
    architecture = Architecture.from_name("resnext_1-1-1_8x4d_w96_small16", resolution=16)
    counted = 2 * 2 * count(architecture).flops
    images = torch.randn(2, 3, 16, 16)
    for training, enabled in ((True, False), (False, True), (False, False), (True, True)):
        model = build(architecture).train(training)
        with FlopCounterMode(display=False) as counter, torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            together = model(images)
        assert (counter.get_total_flops() > counted) == (training and enabled)
    with torch.autocast("cpu", torch.bfloat16):
        apart = with_torchs_own_modules(model)(images)
    torch.testing.assert_close(together, apart, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("side", [7, 8])
def test_gradients_of_modules_made_for_speed_are_channels_last_as_their_maps_are(side: int) -> None:
    for module in (GlobalAveragePool(), StridedProjection(4, 6, 1, stride=2, bias=False)):
        images = torch.randn(2, 4, side, side).to(memory_format=torch.channels_last).requires_grad_()
        module(images).square().sum().backward()
        assert images.grad is not None
        assert images.grad.is_contiguous(memory_format=torch.channels_last)


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def normalised(norm: Norm, x: torch.Tensor, shortcut: torch.Tensor | None, relu: bool) -> torch.Tensor:
    """What a norm, an addition and relu are, of float64's exactness; gradients flow to x, the shortcut and the norm's parameters."""
    x = x.double()
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    out = (x - mean) / (variance + norm.eps).sqrt() * norm.weight.double().view(1, -1, 1, 1) + norm.bias.double().view(
        1, -1, 1, 1
    )
    out = out if shortcut is None else out + shortcut.double()
    return out.relu() if relu else out


@settings(max_examples=80)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 70), st.integers(1, 9), st.integers(1, 9)).filter(
        lambda shape: shape[0] * shape[2] * shape[3] >= 16
    ),
    adds=st.booleans(),
    relu=st.booleans(),
    far=st.sampled_from((0.0, 3.0, -40.0)),
    flow=st.sampled_from((torch.channels_last, torch.contiguous_format)),
    seed=st.integers(0, 99),
)
def test_norm_addition_and_relu_in_one_are_exact_to_bfloat16s_rounding(
    shape: tuple[int, int, int, int], adds: bool, relu: bool, far: float, flow: torch.memory_format, seed: int
) -> None:
    from explorer.kernels import Normalise

    torch.manual_seed(seed)

    def maps(offset: float = 0.0) -> torch.Tensor:
        return (torch.randn(shape) + offset).bfloat16().to(memory_format=torch.channels_last).requires_grad_()

    norm = Norm(shape[1])
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    reference = copy.deepcopy(norm).double()
    x, shortcut = maps(far), maps() if adds else None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    vectors = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    actual = Normalise.apply(x, shortcut, *vectors, norm.momentum, norm.eps, relu)
    expected = normalised(norm, x, shortcut, relu)
    # One rounding to 8 bits; the few that lie between two bfloat16 may go either way.
    torch.testing.assert_close(actual.double(), expected, rtol=2**-8, atol=1e-4)

    reference(x.detach().double())  # torch's own, for the running statistics
    torch.testing.assert_close(norm.running_mean.double(), reference.running_mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(norm.running_var.double(), reference.running_var, rtol=1e-5, atol=1e-6)

    gradient = torch.randn(shape).bfloat16().to(memory_format=flow)
    if relu:  # where rounding decides on which side of 0 an output lies, no gradient is given
        gradient = torch.where(expected.detach().abs() < 1e-4, 0, gradient)
    inputs = (x, norm.weight, norm.bias, *([shortcut] if shortcut is not None else []))
    ours = torch.autograd.grad(actual, inputs, gradient)
    theirs = torch.autograd.grad(expected, inputs, gradient.double())
    torch.testing.assert_close(ours[0].double(), theirs[0].double(), rtol=2**-7, atol=1e-4)
    for our, their in zip(ours[1:], theirs[1:], strict=True):
        torch.testing.assert_close(our.double(), their.double(), rtol=1e-5, atol=1e-3)


def test_a_norm_is_one_operation_in_bfloat16_training_by_one_thread_of_a_cpu_alone(one_thread: None) -> None:
    images = torch.randn(2, 4, 3, 3).bfloat16().to(memory_format=torch.channels_last)
    shortcut = torch.randn_like(images)
    for training, number, channels_last, threads in itertools.product(
        (True, False), ("bfloat16", "float32"), (True, False), (1, 2)
    ):
        torch.set_num_threads(threads)
        norm = Norm(4).train(training)
        x = images.to(getattr(torch, number)).requires_grad_()
        x = x if channels_last else x.contiguous()
        out = norm(x, shortcut.to(x.dtype), relu=True)
        one = training and number == "bfloat16" and channels_last and threads == 1
        assert ("Normalise" in str(out.grad_fn)) == one
        assert norm.num_batches_tracked == int(training)
        if not one:  # torch's own to the bit
            torch.testing.assert_close(
                out, F.relu(torch.nn.BatchNorm2d(4).train(training)(x) + shortcut.to(x.dtype)), rtol=0, atol=0
            )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_norm_hides_no_number_that_has_gone(number: float, one_thread: None) -> None:
    for dtype in (torch.bfloat16, torch.float32):
        images = torch.ones(2, 3, 4, 4, dtype=dtype).to(memory_format=torch.channels_last)
        images[1, 1, 2, 2] = number
        norm = Norm(3)
        out = norm(images.requires_grad_(), relu=True)
        assert out[:, 1].isnan().all()
        assert not out[:, [0, 2]].isnan().any()
        assert norm.running_mean is not None
        assert norm.running_mean.isfinite().tolist() == [True, False, True]
        out.sum().backward()
        assert images.grad is not None
        assert images.grad[:, 1].isnan().all()


def test_one_pixel_has_no_variance_and_torch_says_so(one_thread: None) -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        Norm(3)(torch.zeros(1, 3, 1, 1, dtype=torch.bfloat16))


def test_a_network_trains_in_bfloat16_as_with_torchs_own_modules(one_thread: None) -> None:
    torch.manual_seed(0)
    ours = build(Architecture.from_name("resnext_2-1_4x4d_w16_small8", resolution=16, classes=10))
    ours.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    torchs = with_torchs_own_modules(ours)
    images, labels = torch.randn(32, 3, 16, 16).to(memory_format=torch.channels_last), torch.arange(32) % 10
    losses = []
    for model in (ours, torchs):
        optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        losses.append([])
        for _ in range(20):
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(model(images).float(), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses[-1].append(loss.item())
    assert losses[0][-1] < 0.9 * losses[0][0]
    torch.testing.assert_close(*map(torch.tensor, losses), rtol=0.005, atol=0)


def test_kernels_compile_where_no_folder_can_keep_what_is_compiled() -> None:
    code = """
import torch
from explorer.modules import Norm
torch.set_num_threads(1)
print(Norm(2)(torch.randn(2, 2, 3, 3).bfloat16().to(memory_format=torch.channels_last)).grad_fn)
"""
    # As where neither the program's folder nor a home can be written: the one place allowed does not apply.
    environment = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "Normalise" in run.stdout, run.stderr


def test_another_norm_in_ours_place_is_called_as_torch_calls_norms() -> None:
    network = build(Architecture.from_name("resnext_1-1_4x4d_w16_small8", resolution=16, classes=10)).eval()
    norms = [name for name, module in network.named_modules() if isinstance(module, Norm)]
    assert len(norms) == 1 + 4 + 4
    for name in norms:
        network.set_submodule(name, torch.nn.GroupNorm(1, network.get_submodule(name).weight.numel()))
    assert network(torch.randn(2, 3, 16, 16)).isfinite().all()
