"""The check of the two rules: it passes what obeys them, and names what breaks and where."""

from dataclasses import replace

import pytest
import torch
from architectures import architectures
from hypothesis import given, settings
from torch import nn

from explorer import Architecture, UserError, build
from explorer.networks.rules import (
    BlockShape,
    find_violations,
    stages_of_architecture,
    stages_of_module,
)


@given(architectures(kinds=("bottleneck", "basic")))
def test_every_architecture_of_equal_paths_obeys_both_rules(architecture: Architecture) -> None:
    assert find_violations(architecture) == []


@given(architectures(kinds=("inception",)))
def test_of_inception_blocks_only_the_unlike_paths_break_a_rule(architecture: Architecture) -> None:
    violations = find_violations(architecture)
    assert [(violation.rule, violation.where) for violation in violations] == [
        (1, f"layer{stage.number}.0") for stage in architecture.stages
    ]
    d = architecture.template.bottleneck_width
    assert f"1x1 ({d}); 1x1-3x3 ({d}-{d}); 1x1-5x5 ({d}-{d}); 1x1 ({d})" in violations[0].message


@settings(max_examples=15)
@given(architectures())
def test_a_built_module_is_seen_as_the_architecture_is(architecture: Architecture) -> None:
    image = torch.zeros(
        1, architecture.in_channels, architecture.resolution, architecture.resolution
    )
    network, shapes = build(architecture), stages_of_architecture(architecture)
    assert stages_of_module(network, image) == shapes
    assert find_violations(network, image) == find_violations(architecture)
    assert all(parameter.grad is None for parameter in network.parameters())


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
        (
            [*STAGES[:3], [replace(block, channels=(900, 900, 2048)) for block in STAGES[3]]],
            2,
            "layer4",
        ),
        ([STAGES[0], STAGES[2]], 2, "layer2"),
        ([STAGES[0], [replace(block, kernels=(1, 5, 1)) for block in STAGES[0]]], 1, "layer2"),
    ],
)
def test_what_breaks_is_named_with_its_place(
    stages: list[list[BlockShape]], rule: int, where: str
) -> None:
    violations = find_violations(stages)
    assert {violation.where for violation in violations} == {where}
    assert rule in {violation.rule for violation in violations}


class Foreign(nn.Module):
    """A network of another program: its shortcut has another name, one stage triples its width."""

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
    assert find_violations(Foreign((8, 16, 32)), image) == []
    (violation,) = find_violations(Foreign((8, 16, 48)), image)
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
def test_a_network_without_stages_is_a_clear_mistake(
    network: object, example: object, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        find_violations(network, example)  # type: ignore[arg-type]


class Gated(nn.Module):
    """A bottleneck block with squeeze-and-excitation as torchvision writes it.

    The gate's 1x1 convolutions work on a map pooled to 1x1. Its reduction is rounded up to 8
    channels, as timm's is, so the gates do not double with the width.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width // 4, 1)
        self.conv2 = nn.Conv2d(width // 4, width // 4, 3, stride, 1)
        self.conv3 = nn.Conv2d(width // 4, width, 1)
        self.se = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, max(8, width // 16), 1),
            nn.Conv2d(max(8, width // 16), width, 1),
        )
        self.downsample = nn.Conv2d(channels, width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.conv3(self.conv2(self.conv1(x)))
        return out * self.se(out) + self.downsample(x)


class Selective(nn.Module):
    """A block of selective kernels (Li et al. 2019).

    A 3x3 and a dilated 3x3 convolution are weighed by a gate of at least 32 channels.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        inner = width // 2
        self.conv1 = nn.Conv2d(channels, inner, 1)
        self.paths = nn.ModuleList(
            nn.Conv2d(inner, inner, 3, stride, far, far, 4) for far in (1, 2)
        )
        self.reduce, self.select = nn.Conv2d(inner, 32, 1), nn.Conv2d(32, 2 * inner, 1)
        self.conv3 = nn.Conv2d(inner, width, 1)
        self.shortcut = nn.Conv2d(channels, width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = (path(self.conv1(x)) for path in self.paths)
        weights = self.select(self.reduce((first + second).mean((2, 3), keepdim=True))).chunk(2, 1)
        return self.conv3(first * weights[0] + second * weights[1]) + self.shortcut(x)


class Stages(nn.Module):
    """Four stages of two blocks, `layer1` to `layer4`."""

    def __init__(self, block: type[nn.Module], widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        channels = 3
        for number, width in enumerate(widths, start=1):
            blocks = (block(channels, width, 2), block(width, width, 1))
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            channels = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for stage in self.children():
            x = stage(x)
        return x


class GoogLeNetBlock(nn.Module):
    """Inception's block as GoogLeNet has it: paths of a width each, concatenated."""

    widths = ((16,), (12, 24), (4, 8), (16,))

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        a, (b, c), (d, e), (f,) = self.widths[0][0], *self.widths[1:]
        self.one = nn.Conv2d(channels, a, 1, stride)
        self.three = nn.Sequential(
            nn.Conv2d(channels, b, 1), nn.ReLU(True), nn.Conv2d(b, c, 3, stride, 1)
        )
        self.five = nn.Sequential(
            nn.Conv2d(channels, d, 1), nn.ReLU(True), nn.Conv2d(d, e, 5, stride, 2)
        )
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride, 1), nn.Conv2d(channels, f, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu_(x)
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class EqualPaths(nn.Module):
    """Figure 3a of the paper: paths of equal topology as modules of their own, summed."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, width // 8, 1),
                nn.Conv2d(width // 8, width // 8, 3, stride, 1),
                nn.Conv2d(width // 8, width, 1),
            )
            for _ in range(4)
        )
        self.matching = nn.Conv2d(channels, width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.matching(x) + sum(path(x) for path in self.paths))


def test_an_inception_like_network_is_told_why_it_breaks_rule_1() -> None:
    network = Stages(GoogLeNetBlock, (64, 64, 64, 64))
    violations = find_violations(network, torch.zeros(1, 3, 64, 64))
    assert [
        (violation.rule, violation.where) for violation in violations if violation.rule == 1
    ] == [(1, f"layer{stage}.0") for stage in (1, 2, 3, 4)]
    assert (
        "its 4 paths are unlike, 1x1 (16); 1x1-3x3 (12-24); 1x1-5x5 (4-8); 1x1 (16), where"
        in violations[0].message
    )


def test_equal_paths_as_modules_break_no_rule_and_a_frozen_network_is_seen_alike() -> None:
    image = torch.zeros(1, 3, 64, 64)
    shapes = stages_of_module(Stages(EqualPaths), image)
    assert {len(block.paths) for stage in shapes for block in stage} == {4}
    assert find_violations(shapes) == []
    frozen = Stages(GoogLeNetBlock, (64, 64, 64, 64)).requires_grad_(False)
    assert len(stages_of_module(frozen, image)[0][0].paths) == 4


@pytest.mark.parametrize("block", [Gated, Selective])
@pytest.mark.parametrize(
    "side", [64, 16]
)  # at 16 pixels the last stage's own map is 1x1, as a gate's is
def test_a_gate_is_no_part_of_what_the_rules_compare(block: type[nn.Module], side: int) -> None:
    image = torch.zeros(1, 3, side, side)
    assert find_violations(Stages(block), image) == []
    (violation,) = find_violations(Stages(block, (16, 32, 64, 192)), image)
    assert (violation.rule, violation.where) == (2, "layer4")


def test_the_size_of_a_block_is_that_of_its_output() -> None:
    shapes = stages_of_module(Stages(Gated), torch.zeros(1, 3, 64, 64))
    assert [[block.size for block in stage] for stage in shapes] == [
        [32, 32],
        [16, 16],
        [8, 8],
        [4, 4],
    ]
    assert shapes[0][0].channels == (4, 4, 16)
