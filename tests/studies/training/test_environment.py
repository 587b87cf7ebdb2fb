"""Torch's switches are as the settings say inside a training, and as before after it."""

import pytest
import torch

from studies.machine.settings import Settings
from studies.training.environment import torch_environment


@pytest.mark.parametrize(("precision", "expected"), [("32", "ieee"), ("bf16", "tf32")])
def test_32_bits_are_32_bits_also_in_cudnns_convolutions(precision: str, expected: str) -> None:
    convolutions = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    with torch_environment(Settings(device="cpu", precision=precision, threads=1)):
        assert convolutions.fp32_precision == expected
    assert convolutions.fp32_precision == before == "tf32"
