"""What is made for speed is the function that torch's own is, and is used where it gains."""

import copy
from collections.abc import Callable

import pytest
import torch
from architectures import architectures
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from explorer import Architecture, build, count
from explorer.networks import kernels
from explorer.networks.modules import (
    GlobalAveragePool,
    MergingPaths,
    StridedProjection,
    merged_on_cpu,
    merged_on_gpu,
)
from explorer.networks.network import Network


class OtherNorm(torch.nn.BatchNorm2d):
    """Torch's batch norm, of a class that is left alone."""


def with_torchs_own_modules(model: Network) -> Network:
    """A copy that computes with torch's modules where ours are made for speed."""
    model = copy.deepcopy(model)
    model.avgpool = torch.nn.AdaptiveAvgPool2d(1)  # type: ignore[assignment]
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.__class__ = OtherNorm
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Conv2d) and type(module) is not torch.nn.Conv2d:
            shape = (
                module.in_channels,
                module.out_channels,
                module.kernel_size,
                module.stride,
                module.padding,
            )
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
    assert not any(
        isinstance(module, StridedProjection | MergingPaths) for module in torchs.modules()
    )
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
    rule=st.sampled_from([merged_on_cpu, merged_on_gpu]),
    d=st.integers(2, 17),
    outputs=st.integers(1, 3),
    paths=st.integers(2, 32),
    stride=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_paths_taken_together_are_the_same_function(
    rule: Callable[[int, int], int], d: int, outputs: int, paths: int, stride: int, seed: int
) -> None:
    torch.manual_seed(seed)
    module = MergingPaths(
        paths * d, paths * outputs, 3, stride, 1, groups=paths, bias=False
    ).double()
    images = torch.randn(2, paths * d, 5, 5, dtype=torch.float64, requires_grad=True)
    weight, groups = module.merged(rule(d, paths))
    assert groups * rule(d, paths) == paths
    together = torch.nn.functional.conv2d(images, weight, None, stride, 1, groups=groups)
    apart = module(images)
    torch.testing.assert_close(together, apart)
    for ours, theirs in zip(
        torch.autograd.grad(together.square().sum(), (images, module.weight)),
        torch.autograd.grad(apart.square().sum(), (images, module.weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@given(d=st.integers(2, 7), paths=st.integers(2, 32))
def test_a_cpu_takes_the_fewest_paths_that_make_8_channels_else_the_most_that_fit_in_16(
    d: int, paths: int
) -> None:
    merged = merged_on_cpu(d, paths)
    others = [n for n in range(1, paths + 1) if paths % n == 0 and n != merged]
    assert merged == 1 or merged * d <= 16
    assert all(n > merged or n * d < 8 for n in others if n * d <= 16)
    assert merged_on_cpu(1, paths) == merged_on_cpu(d + 6, paths) == 1


@pytest.mark.parametrize(
    ("d", "paths", "groups"),
    [
        *((4, 32, 8), (2, 32, 4), (8, 32, 32), (16, 32, 32), (1, 128, 128)),
        *((13, 8, 1), (26, 8, 1), (52, 8, 1), (104, 8, 8), (24, 4, 1), (6, 16, 1), (4, 3, 1)),
    ],
)
def test_a_gpu_computes_what_was_fastest_on_an_h100_or_nearly_so(
    d: int, paths: int, groups: int
) -> None:
    assert paths // merged_on_gpu(d, paths) == groups


def test_paths_are_taken_together_in_bfloat16_training_on_a_cpu_alone() -> None:
    architecture = Architecture.from_name("resnext_1-1-1_8x4d_w96_small16", resolution=16)
    counted = 2 * 2 * count(architecture).flops
    images = torch.randn(2, 3, 16, 16)
    for training, enabled in ((True, False), (False, True), (False, False), (True, True)):
        model = build(architecture).train(training)
        with (
            FlopCounterMode(display=False) as counter,
            torch.autocast("cpu", torch.bfloat16, enabled=enabled),
        ):
            together = model(images)
        assert (counter.get_total_flops() > counted) == (training and enabled)
    with torch.autocast("cpu", torch.bfloat16):
        apart = with_torchs_own_modules(model)(images)
    torch.testing.assert_close(together, apart, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("side", [7, 8])
def test_gradients_of_modules_made_for_speed_are_channels_last_as_their_maps_are(side: int) -> None:
    for module in (GlobalAveragePool(), StridedProjection(4, 6, 1, stride=2, bias=False)):
        images = (
            torch.randn(2, 4, side, side).to(memory_format=torch.channels_last).requires_grad_()
        )
        module(images).square().sum().backward()
        assert images.grad is not None
        assert images.grad.is_contiguous(memory_format=torch.channels_last)


def test_a_network_trains_in_bfloat16_as_with_torchs_own_modules(
    one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = kernels._forward
    torch.manual_seed(0)
    ours = build(Architecture.from_name("resnext_2-1_4x4d_w16_small8", resolution=16, classes=10))
    ours.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    torchs = with_torchs_own_modules(ours)
    counted = []
    monkeypatch.setattr(kernels, "_forward", lambda *given: counted.append(1) or forward(*given))
    images, labels = (
        torch.randn(32, 3, 16, 16).to(memory_format=torch.channels_last),
        torch.arange(32) % 10,
    )
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
    assert len(counted) == 20 * sum(
        isinstance(module, torch.nn.BatchNorm2d) for module in ours.modules()
    )
    assert losses[0][-1] < 0.9 * losses[0][0]
    torch.testing.assert_close(*map(torch.tensor, losses), rtol=0.005, atol=0)


def test_another_norm_in_ones_place_is_called_as_torch_calls_norms() -> None:
    network = build(
        Architecture.from_name("resnext_1-1_4x4d_w16_small8", resolution=16, classes=10)
    )
    norms = [
        name for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)
    ]
    assert len(norms) == 1 + 4 + 4
    for name in norms:
        network.set_submodule(
            name, torch.nn.GroupNorm(1, network.get_submodule(name).weight.numel())
        )
    assert network(torch.randn(2, 3, 16, 16)).isfinite().all()


@pytest.mark.parametrize("training", [True, False])
def test_hooks_of_a_norm_see_what_the_norm_gives(training: bool) -> None:
    network = build(
        Architecture.from_name("resnext_1-1_4x4d_w16_small8", resolution=16, classes=10)
    ).train(training)
    seen: dict[str, float] = {}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(
                lambda _, __, out, name=name: seen.update({name: out.min().item()})
            )
    network(torch.randn(2, 3, 16, 16))
    assert len(seen) == 1 + 4 + 4
    assert all(lowest < 0 for lowest in seen.values())  # before relu


def test_a_network_in_evaluation_can_be_traced_by_torch_fx() -> None:
    network = build(
        Architecture.from_name("resnext_1-1_4x4d_w16_small8", resolution=16, classes=10)
    ).eval()
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(torch.fx.symbolic_trace(network)(images), network(images))
