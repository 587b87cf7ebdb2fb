"""The check of the two rules: it passes what obeys them, and names what breaks and where."""

from dataclasses import replace

import pytest
import torch
from architectures import architectures
from hypothesis import given, settings
from torch import nn

from explorer import Architecture, UserError, build
from explorer.rules import BlockShape, check, stages_of_architecture


@given(architectures())
def test_every_architecture_obeys_both_rules(architecture: Architecture) -> None:
    assert check(architecture) == []


@settings(max_examples=15)
@given(architectures())
def test_a_built_module_is_seen_as_the_architecture_is(architecture: Architecture) -> None:
    image = torch.zeros(1, architecture.in_channels, architecture.resolution, architecture.resolution)
    assert check(build(architecture), image) == []


STAGES = stages_of_architecture(Architecture.from_name("resnext50_32x4d"))


def broken(stage: int, block: int, **changes: object) -> list[list[BlockShape]]:
    stages = [list(blocks) for blocks in STAGES]
    stages[stage][block] = replace(stages[stage][block], **changes)  # type: ignore[arg-type]
    return stages


@pytest.mark.parametrize(
    ("stages", "rule", "where"),
    [
        (broken(2, 3, groups=(1, 16, 1)), 1, "layer3.3"),
        (broken(1, 1, channels=(256, 256, 500)), 1, "layer2.1"),
        ([*STAGES[:3], [replace(block, channels=(900, 900, 2048)) for block in STAGES[3]]], 2, "layer4"),
        ([STAGES[0], STAGES[2]], 2, "layer2"),
        ([STAGES[0], [replace(block, kernels=(1, 5, 1)) for block in STAGES[0]]], 1, "layer2"),
    ],
)
def test_what_breaks_is_named_with_its_place(stages: list[list[BlockShape]], rule: int, where: str) -> None:
    found = check(stages)
    assert {violation.where for violation in found} == {where}
    assert rule in {violation.rule for violation in found}


class Foreign(nn.Module):
    """A network of somebody else, with a shortcut of another name and a stage that triples its width."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        channels = 3
        for number, width in enumerate(widths, start=1):
            block = nn.ModuleDict({"conv": nn.Conv2d(channels, width, 3, stride=2, padding=1)})
            block.shortcut = nn.Conv2d(channels, width, 1, stride=2)
            block.forward = lambda x, block=block: block.conv(x) + block.shortcut(x)
            self.add_module(f"layer{number}", nn.Sequential(block))
            channels = width
        self.stages = len(widths)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for number in range(1, self.stages + 1):
            x = getattr(self, f"layer{number}")(x)
        return x


def test_a_foreign_module_is_checked_by_running_it() -> None:
    image = torch.zeros(1, 3, 32, 32)
    assert check(Foreign((8, 16, 32)), image) == []
    (violation,) = check(Foreign((8, 16, 48)), image)
    assert (violation.rule, violation.where) == (2, "layer3")
    assert "(16,) to (48,)" in violation.message


@pytest.mark.parametrize(
    ("network", "example", "message"),
    [
        (nn.Linear(3, 3), torch.zeros(1, 3), "no stages found in Linear"),
        (Foreign((8,)), None, "example input is needed"),
        (Foreign((8,)), torch.zeros(1, 5, 8, 8), "does not take the example input"),
        ([], None, "no stages to check"),
        (7, None, "expected a torch module"),
    ],
)
def test_a_network_without_stages_is_a_clear_mistake(network: object, example: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(network, example)  # type: ignore[arg-type]
