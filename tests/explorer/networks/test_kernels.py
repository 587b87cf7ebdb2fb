"""Batch norm, addition and relu as one operation: exact, and with the same bits in every run."""

import copy
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from explorer.networks import kernels
from explorer.networks.modules import fuses, normalise


def exactly(
    norm: torch.nn.BatchNorm2d, x: torch.Tensor, shortcut: torch.Tensor | None, relu: bool
) -> torch.Tensor:
    """A norm, an addition and relu in float64, through which gradients flow."""
    x = x.double()
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    out = (x - mean) / (variance + norm.eps).sqrt() * norm.weight.double().view(
        1, -1, 1, 1
    ) + norm.bias.double().view(1, -1, 1, 1)
    out = out if shortcut is None else out + shortcut.double()
    return out.relu() if relu else out


# Hypothesis does not reset fixtures between examples; this one needs no reset.
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(
        st.integers(1, 5), st.integers(1, 70), st.integers(1, 9), st.integers(1, 9)
    ).filter(lambda shape: shape[0] * shape[2] * shape[3] >= 16),
    adds=st.booleans(),
    relu=st.booleans(),
    far=st.sampled_from((0.0, 3.0, -40.0)),
    flow=st.sampled_from((torch.channels_last, torch.contiguous_format)),
    seed=st.integers(0, 99),
)
def test_norm_addition_and_relu_in_one_are_exact_to_bfloat16s_rounding(
    shape: tuple[int, int, int, int],
    adds: bool,
    relu: bool,
    far: float,
    flow: torch.memory_format,
    seed: int,
    one_thread: None,
) -> None:
    torch.manual_seed(seed)

    def maps(offset: float = 0.0) -> torch.Tensor:
        return (
            (torch.randn(shape) + offset)
            .bfloat16()
            .to(memory_format=torch.channels_last)
            .requires_grad_()
        )

    norm = torch.nn.BatchNorm2d(shape[1])
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    reference = copy.deepcopy(norm).double()
    x, shortcut = maps(far), maps() if adds else None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    actual = normalise(norm, x, shortcut, relu)
    assert "Normalise" in str(actual.grad_fn)
    expected = exactly(norm, x, shortcut, relu)
    # One rounding to 8 bits; the few that lie between two bfloat16 may go either way.
    torch.testing.assert_close(actual.double(), expected, rtol=2**-8, atol=1e-4)

    reference(x.detach().double())  # torch's own, for the running statistics
    torch.testing.assert_close(
        norm.running_mean.double(), reference.running_mean, rtol=1e-6, atol=1e-6
    )
    torch.testing.assert_close(
        norm.running_var.double(), reference.running_var, rtol=1e-5, atol=1e-6
    )

    gradient = torch.randn(shape).bfloat16().to(memory_format=flow)
    if relu:  # where rounding decides on which side of 0 an output lies, no gradient is given
        gradient = torch.where(expected.detach().abs() < 1e-4, 0, gradient)
    inputs = (x, norm.weight, norm.bias, *([shortcut] if shortcut is not None else []))
    ours = torch.autograd.grad(actual, inputs, gradient)
    theirs = torch.autograd.grad(expected, inputs, gradient.double())
    torch.testing.assert_close(ours[0].double(), theirs[0].double(), rtol=2**-7, atol=1e-4)
    for our, their in zip(ours[1:], theirs[1:], strict=True):
        torch.testing.assert_close(our.double(), their.double(), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("shape", [(2, 1, 1, 3), (1, 1, 2, 3), (1, 2, 1, 3)])  # N x H x W x C
def test_two_pixels_are_one_deviation_below_and_above_their_mean(
    shape: tuple[int, int, int, int], one_thread: None
) -> None:
    pixels = torch.tensor([[-7.0, 1, 40], [9, 1.5, 41]]).bfloat16()
    norm = torch.nn.BatchNorm2d(3)
    out = normalise(norm, pixels.view(shape).permute(0, 3, 1, 2), relu=False)
    assert "Normalise" in str(out.grad_fn)
    expected = torch.tensor([[-1.0] * 3, [1.0] * 3])
    torch.testing.assert_close(
        out.permute(0, 2, 3, 1).reshape(2, 3).float(), expected, rtol=0.01, atol=0
    )
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * torch.tensor([128, 0.125, 0.5]))


MAPS = torch.randn(2, 4, 3, 3).bfloat16().to(memory_format=torch.channels_last)


def batch_norm(**options: Any) -> torch.nn.BatchNorm2d:
    return torch.nn.BatchNorm2d(4, **options)


@pytest.mark.parametrize(
    ("norm", "x", "shortcut"),
    [
        (batch_norm(), MAPS.float(), None),
        (batch_norm(), MAPS.contiguous(), None),
        (batch_norm(), MAPS, MAPS.float()),
        (batch_norm(), MAPS, MAPS[:, :, :1, :1]),  # which addition repeats
        (batch_norm(), MAPS, MAPS[:1]),
        (batch_norm().eval(), MAPS, None),
        (batch_norm(momentum=None), MAPS, None),
        (batch_norm(affine=False), MAPS, None),
        (batch_norm(track_running_stats=False), MAPS, None),
        (batch_norm().bfloat16(), MAPS, None),
    ],
)
def test_what_the_operation_is_not_made_for_is_torchs_own_to_the_bit(
    norm: torch.nn.BatchNorm2d, x: torch.Tensor, shortcut: torch.Tensor | None, one_thread: None
) -> None:
    expected = copy.deepcopy(norm)(x)
    expected = F.relu(expected if shortcut is None else expected + shortcut)
    assert not fuses(norm, x, shortcut)
    torch.testing.assert_close(normalise(norm, x, shortcut), expected, rtol=0, atol=0)


def test_a_norm_is_one_operation_where_one_thread_trains_in_bfloat16(one_thread: None) -> None:
    norm, x = batch_norm(), MAPS.clone().requires_grad_()
    out = normalise(norm, x, MAPS)
    assert "Normalise" in str(out.grad_fn)
    assert norm.num_batches_tracked == 1
    torch.set_num_threads(2)
    assert "Relu" in str(normalise(norm, x, MAPS).grad_fn)
    assert norm.num_batches_tracked == 2


@pytest.mark.parametrize(
    ("norm", "x", "shortcut", "message"),
    [
        (batch_norm(), MAPS[:1, :, :1, :1], None, "more than 1 value per channel"),
        (torch.nn.BatchNorm2d(8), MAPS, None, "should contain 4 elements not 8"),
        (batch_norm(), MAPS, MAPS[..., :2], "must match the size"),
    ],
)
def test_what_torch_refuses_is_refused_in_its_words(
    norm: torch.nn.BatchNorm2d,
    x: torch.Tensor,
    shortcut: torch.Tensor | None,
    message: str,
    one_thread: None,
) -> None:
    with pytest.raises((ValueError, RuntimeError), match=message):
        normalise(norm, x, shortcut)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_norm_hides_no_number_that_has_gone(number: float, one_thread: None) -> None:
    for dtype in (torch.bfloat16, torch.float32):
        images = torch.ones(2, 3, 4, 4, dtype=dtype).to(memory_format=torch.channels_last)
        images[1, 1, 2, 2] = number
        norm = torch.nn.BatchNorm2d(3)
        out = normalise(norm, images.requires_grad_())
        assert out[:, 1].isnan().all()
        assert not out[:, [0, 2]].isnan().any()
        assert norm.running_mean is not None
        assert norm.running_mean.isfinite().tolist() == [True, False, True]
        out.sum().backward()
        assert images.grad is not None
        assert images.grad[:, 1].isnan().all()


def test_a_number_gone_of_any_kind_stays_gone(one_thread: None) -> None:
    norm = batch_norm()
    with torch.no_grad():  # what a GPU writes for NaN, all bits set
        norm.bias.copy_(torch.full((4,), 0x7FFFFFFF, dtype=torch.int32).view(torch.float32))
    assert normalise(norm, MAPS).isnan().all()


def test_each_kernel_is_compiled_for_one_kind_of_arguments_only(one_thread: None) -> None:
    for shortcut, relu in itertools.product((None, MAPS), (True, False)):
        x = MAPS.clone().requires_grad_()
        normalise(batch_norm(), x, shortcut, relu).sum().backward()
    functions = [value for value in vars(kernels).values() if hasattr(value, "signatures")]
    assert len(functions) == 5
    assert all(len(function.signatures) == 1 for function in functions)


TRAIN = """
import hashlib, torch
from explorer.networks.modules import normalise
torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(8, 5, 3, 3).bfloat16().to(memory_format=torch.channels_last).requires_grad_()
norm = torch.nn.BatchNorm2d(5)
out = normalise(norm, x)
assert "Normalise" in str(out.grad_fn)
out.square().sum().backward()
results = (out.detach(), x.grad, norm.weight.grad)
data = b"".join(each.float().numpy().tobytes() for each in results)
print(hashlib.sha256(data).hexdigest())
"""


def trained(**environment: str) -> tuple[str, str]:
    """What a training in a process of its own prints, and its complaints."""
    variables = {**os.environ, **environment}
    run = subprocess.run(
        [sys.executable, "-c", TRAIN], env=variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, run.stderr


@pytest.mark.heavy
@pytest.mark.slow
def test_kernels_give_the_same_bits_from_numbas_cache_and_whatever_became_of_it(
    tmp_path: Path,
) -> None:
    digest, complaint = trained(NUMBA_CACHE_DIR=str(tmp_path))
    assert not complaint
    cached = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(cached) == 2 * 5
    assert trained(NUMBA_CACHE_DIR=str(tmp_path)) == (digest, "")
    for path in cached:  # of two kernels: to compile all five again takes seconds
        if "_near" in path.name or "_over" in path.name:
            path.write_bytes(path.read_bytes()[: 0 if "_near" in path.name else -20])
    again, complaint = trained(NUMBA_CACHE_DIR=str(tmp_path))
    assert again == digest
    assert "compiled without Numba's cache" in complaint


def halved(number: float) -> float:
    return number / 2


def test_without_a_place_for_numbas_cache_a_kernel_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As where neither the program's folder nor a home can be written: the one place allowed does
    not apply."""
    monkeypatch.setattr(numba.config, "CACHE_LOCATOR_CLASSES", "ZipCacheLocator")
    function = kernels.compiled("f8(f8)")(halved)
    assert function(5.0) == 2.5
    assert len(function.signatures) == 1
    assert "compiled without Numba's cache" in caplog.text
    assert "no locator available" in caplog.text


WITHOUT = """
import torch
from explorer import Architecture, build
torch.set_num_threads(1)
network = build(Architecture.from_name("resnext_2-1_4x4d_w16_small8", resolution=16, classes=10))
network.to(memory_format=torch.channels_last)
with torch.autocast("cpu", torch.bfloat16):
    out = network(torch.randn(8, 3, 16, 16).to(memory_format=torch.channels_last))
seen, left = set(), [out.grad_fn]
while left:
    step = left.pop()
    seen.add(step.name())
    left.extend(before for before, _ in step.next_functions if before and before not in left)
print(*sorted(seen))
"""


def test_without_numba_a_network_trains_with_torchs_own_norms(
    without_numba: dict[str, str],
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env=without_numba,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    steps = run.stdout.split()
    assert {"ReluBackward0", "AddBackward0"} <= set(steps)
    assert any("BatchNorm" in step for step in steps)
    assert not any("Normalise" in step for step in steps)
