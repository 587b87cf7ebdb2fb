"""Architectures: the two rules by construction, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from architectures import architectures
from hypothesis import given

from explorer import Architecture, Stem, Template, UserError
from explorer.architecture import smallest_resolution


@given(architectures())
def test_both_rules_hold_by_construction(architecture: Architecture) -> None:
    stages = architecture.stages
    for before, after in pairwise(stages):
        assert after.size == (before.size + 1) // 2
        assert after.size < before.size
        assert after.width == 2 * before.width
        if architecture.template.kind != "basic":
            total = [stage.cardinality * stage.bottleneck_width for stage in (before, after)]
            assert total[1] == 2 * total[0]


@given(architectures())
def test_no_smaller_input_could_be_halved_as_often(architecture: Architecture) -> None:
    smallest = smallest_resolution(architecture.stem, len(architecture.depths))
    assert architecture.with_(resolution=smallest).stages[-1].size >= 1
    if smallest > 1:
        with pytest.raises(UserError, match=f"smallest resolution is {smallest}"):
            architecture.with_(resolution=smallest - 1)


def test_growth_doubles_d_or_the_number_of_paths_or_halves_it() -> None:
    template = Template("bottleneck", 4, 8, 64)
    by_d = Architecture(template, (1, 1, 1), stem=Stem("small"), resolution=32)
    by_c = by_d.with_(growth="C")
    assert [(stage.cardinality, stage.bottleneck_width) for stage in by_d.stages] == [
        (4, 8),
        (4, 16),
        (4, 32),
    ]
    assert [(stage.cardinality, stage.bottleneck_width) for stage in by_c.stages] == [
        (4, 8),
        (8, 8),
        (16, 8),
    ]
    by_root = by_d.with_(growth="root")
    assert [(stage.cardinality, stage.bottleneck_width) for stage in by_root.stages] == [
        (4, 8),
        (2, 32),
        (1, 128),
    ]


def test_a_block_of_another_kind_has_the_paths_and_the_d_of_its_kind() -> None:
    resnext = Architecture.from_name("resnext50_32x4d")
    inception = resnext.with_(kind="inception")
    assert inception.name == "inception_3-4-6-3_4d_w256"
    assert inception.with_(kind="bottleneck").name == "resnext50_1x4d"
    assert resnext.with_(kind="basic", width=64).name == "resnet34"
    assert Architecture.from_name("resnet34").with_(kind="bottleneck", width=256).name == "resnet50"


@pytest.mark.parametrize("value", [0, -3, 1.5, "4", None, True])
def test_a_width_that_is_no_whole_number_is_named(value: object) -> None:
    with pytest.raises(UserError, match="whole number of at least 1"):
        Template("bottleneck", 1, 64, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Template("basic", 4, None, 64), "figure 4"),
        (lambda: Template("basic", 1, 8, 64), "no bottleneck width"),
        (lambda: Template("botleneck"), "Did you mean 'bottleneck'"),
        (lambda: Stem("imagnet"), "Did you mean 'imagenet'"),
        (lambda: Architecture(Template(), ()), "depths must list"),
        (lambda: Architecture(Template(), (3, 0)), "depth of a stage"),
        (lambda: Architecture(Template(), (3,), growth="width"), "unknown growth"),
        (lambda: Architecture(Template(), (3,), shortcut="identity"), "unknown shortcut"),
        (
            lambda: Architecture(Template("basic", 1, None, 64), (2,), growth="C"),
            "has C = 1 in every",
        ),
        (lambda: Template("inception", 1, 8, 64), "four paths are unlike"),
        (lambda: Architecture(Template().with_(kind="inception"), (2,), growth="root"), "C = 4"),
        (lambda: Architecture(Template(), (3,), order="before"), "unknown order"),
        (
            lambda: Architecture(Template("bottleneck", 12, 4, 64), (1, 1, 1, 1), growth="root"),
            "halves C 3 times in 4 stages, and C = 12 .*the smallest C is 8",
        ),
        (
            lambda: Architecture.from_name("resnet50").with_(
                cardinality=np.array([8, 12]), growth="root"
            ),
            "C = 12 cannot be halved",
        ),
    ],
)
def test_what_is_no_network_is_refused_with_what_is_allowed(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("resnext50_32x4d", {}),
        ("resnet20_cifar", {"classes": 100}),
        ("resnext_1-1_2x4d_w16_small8", {"resolution": 8, "in_channels": 1}),
    ],
)
def test_a_repr_is_the_short_call_that_makes_it(name: str, sizes: dict[str, int]) -> None:
    architecture = Architecture.from_name(name, **sizes)
    assert len(repr(architecture)) < 100
    assert eval(repr(architecture)) == architecture


def test_the_repr_of_a_batch_says_how_many_there_are() -> None:
    batch = Architecture.from_name("resnet50").with_(cardinality=np.array([1, 2, 4]))
    assert repr(batch) == "<Architecture: a batch of 3>"
