"""Spaces resolved to designs: all are on the budget, and what is left out says why."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from space_files import TEXT, parse

from explorer import Design, UserError
from search_spaces import SearchSpace


def test_depths_are_solved_along_the_depth_policies_of_an_axis() -> None:
    text = (
        "reference: resnet50\nmatch: {solve: depths}\naxes: {cardinality: [2], depth_policy:"
        " [proportional, longest]}\n"
    )
    designs = parse(text).resolve().designs
    assert [design.arm for design in designs] == [
        "C=2, depth policy=proportional",
        "C=2, depth policy=longest",
    ]
    assert designs[1].architecture.depths[:2] == (3, 4)


def test_a_free_space_limits_cost_and_says_what_is_left_out() -> None:
    resolved = parse(
        "reference: resnet50\nfree: {limits: {params: 30M}}\naxes: {cardinality: [1, 2]}\n"
    ).resolve()
    assert [design.name for design in resolved.designs] == ["resnet50"]
    assert "more than 30.0 M" in resolved.left_out[0].reason


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 32), min_size=1, max_size=4, unique=True),
    st.sampled_from(["d", "C"]),
    st.randoms(),
)
def test_whatever_a_search_chooses_is_on_the_budget(
    cardinalities: list[int], growth: str, random: Random
) -> None:
    space = SearchSpace.model_validate(
        {
            "name": "searched",
            "reference": "resnext_1-1-1_1x64d_w256_small",
            "match": {"tolerance": 0.05},
            "axes": {
                "cardinality": cardinalities,
                "depths": [[1, 1, 1], [2, 1, 2]],
                "growth": [growth],
            },
        }
    )
    bound = space.bind(resolution=8, classes=10)
    chosen = {axis: random.choice(values) for axis, values in bound.axes.items()}
    outcome = bound.at(chosen)
    if isinstance(outcome, Design):
        assert abs(outcome.mismatch) <= 0.05
        assert outcome.arm == space.arm_label(chosen)
        assert outcome.architecture.growth == growth
    else:
        assert outcome.reason


def test_samples_are_different_designs_and_the_same_for_a_seed() -> None:
    bound = SearchSpace.load("paper_table3").bind()
    names = [design.name for design in bound.sample(4, seed=7)]
    assert len(set(names)) == 4
    assert names == [design.name for design in bound.sample(4, seed=7)]
    assert len(bound.sample(99)) == 10


def test_a_nearby_reference_with_smaller_mismatches_is_proposed() -> None:
    text = (
        "reference: resnext_1-1-1_1x40d_w128_small\nmatch: {tolerance: 0.02}\naxes: {cardinality:"
        " [1, 2, 4, 8]}\n"
    )
    bound = parse(text).bind(resolution=8, classes=10)
    left_out = bound.resolve().left_out
    proposal = bound.propose()
    assert left_out
    assert proposal is not None
    better = parse(text.replace("resnext_1-1-1_1x40d_w128_small", proposal.reference)).resolve(
        resolution=8, classes=10
    )
    assert len(better.left_out) < len(left_out)
    assert max(abs(design.mismatch) for design in better.designs) == pytest.approx(proposal.worst)


def test_a_point_beyond_the_tolerance_is_left_out_and_says_why() -> None:
    resolved = parse(TEXT + "match: {tolerance: 0.02}\n").resolve()
    assert [design.arm for design in resolved.designs] == ["C=1"]
    (left_out,) = resolved.left_out
    assert left_out.arm == "C=8"
    assert "nearest d=13, -3.4 %" in left_out.reason


def test_a_point_that_no_d_solves_is_left_out() -> None:
    small = "reference: resnext_1-1_1x8d_w64_small\naxes: {width: [64, 4096]}\n"
    resolved = parse(small).resolve(resolution=8)
    assert [design.arm for design in resolved.designs] == ["width=64"]
    assert "impossible" in resolved.left_out[0].reason


@pytest.mark.parametrize("resolution", ["resolution: 1024\n", ""])
def test_a_deep_reference_is_checked_at_the_size_that_it_will_have(resolution: str) -> None:
    space = parse(
        f"reference: resnext_1-1-1-1-1-1-1-1_1x64d_w256\n{resolution}axes: {{cardinality: [1,"
        " 2]}\n"
    )
    assert len(space.resolve(resolution=1024).designs) == 2
    with pytest.raises(UserError, match=r"smallest resolution is 257|for resolution 1024"):
        space.resolve(resolution=224)
