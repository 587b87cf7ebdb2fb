"""Spaces with a budget: the reference follows from it, is within it, and mistakes are told."""

import pytest
from space_files import parse

from explorer import UserError, count, suggest
from search_spaces import SearchSpace

TEXT = "budget: {flops: 5M}\nmatch: {tolerance: 0.02}\naxes: {cardinality: [1, 2, 4, 8]}\n"


def test_the_reference_is_the_best_suggestion_and_all_arms_cost_what_it_costs() -> None:
    resolved = parse(TEXT).resolve(resolution=32, classes=10)
    best = suggest("5M", resolution=32, classes=10, cardinality=[1, 2, 4, 8])[0]
    assert [design.arm for design in resolved.designs] == ["C=1", "C=2", "C=4", "C=8"]
    assert [design.name for design in resolved.designs] == [arm.name for arm in best.arms]
    spent = count(best.reference).flops
    assert 4_900_000 <= spent <= 5_000_000
    assert all(abs(design.complexity.flops / spent - 1) <= 0.02 for design in resolved.designs)
    assert {design.reference for design in resolved.designs} == {best.name}


@pytest.mark.parametrize(
    ("budget", "measure", "most"),
    [("{params: 500k}", "params", 500_000), ("{activations: 120k}", "activations", 120_000)],
)
def test_a_budget_in_another_measure_is_matched_in_it(budget: str, measure: str, most: int) -> None:
    text = f"budget: {budget}\nmatch: {{tolerance: 5%}}\naxes: {{cardinality: [1, 4]}}\n"
    space = parse(text)
    assert space.match
    assert space.match.by == measure
    designs = space.resolve(resolution=32).designs
    assert 0.95 * most <= getattr(designs[0].complexity, measure) <= most


def test_grids_of_paths_width_and_depth_have_one_reference() -> None:
    text = (
        "budget: {flops: 20M}\nmatch: {tolerance: 0.05}\naxes:\n"
        "- {cardinality: [1, 2, 4]}\n- {width: [64, 96]}\n- {depths: [[2, 2, 2], [4, 4, 4]]}\n"
    )
    designs = parse(text).resolve(resolution=32, classes=10).designs
    assert [design.arm for design in designs] == [
        *("C=1", "C=2", "C=4", "width=64", "width=96", "depths=2-2-2", "depths=4-4-4")
    ]
    assert designs[0].mismatch == 0
    # No arm is the reference's own network once more, whatever depths and width that has.
    assert len({design.name for design in designs}) == len(designs)
    assert max(abs(design.mismatch) for design in designs) <= 0.05


def test_the_side_of_the_input_is_needed() -> None:
    with pytest.raises(UserError, match="depends on the input: give its side, --resolution"):
        parse(TEXT).resolve()
    assert parse(f"{TEXT}resolution: 32\n").resolve().designs


def test_a_reference_beside_a_budget_must_be_within_it() -> None:
    within = "reference: resnext_1-1-1_1x24d_w72\n"
    assert parse(within + TEXT).resolve(resolution=32, classes=10).designs[0].mismatch == 0
    with pytest.raises(UserError, match=r"the reference resnet50 costs .* more than the budget of"):
        parse("reference: resnet50\n" + TEXT).resolve(resolution=32)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "axes: {cardinality: [1]}\n",
            r"reference: resnet50; or give a budget, as budget: \{flops",
        ),
        (TEXT.replace("{flops: 5M}", "{flops: 5M, params: 1M}"), "given: flops and params"),
        (TEXT.replace("{flops: 5M}", "{}"), "give one of flops, params, activations"),
        (TEXT.replace("flops", "flop"), "Did you mean 'flops'"),
        (TEXT.replace("5M", "5 lots"), "cannot read '5 lots' as a number"),
        (TEXT.replace("5M", "-5"), "budget.flops"),
        (TEXT.replace("{tolerance: 0.02}", "{by: params}"), "match.by is params, and the budget"),
        (TEXT.replace("{tolerance: 0.02}", "{solve: depths}"), "give depths as an axis"),
        ("budget: {flops: 5M}\nscale: {factor: 2}\n", "in a scale space name a reference"),
        (f"reference: [resnet50, resnet101]\n{TEXT}", "one reference is derived"),
    ],
)
def test_a_mistake_is_one_message(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(text)


def test_where_nothing_fits_the_space_and_the_nearest_reference_are_named() -> None:
    with pytest.raises(UserError, match=r"the space my: no reference .* the nearest, resnext_"):
        parse(TEXT.replace("0.02", "0.0001")).resolve(resolution=32)


def test_a_space_is_the_same_with_the_reference_that_its_budget_led_to() -> None:
    space = parse(TEXT)
    designs = space.resolve(resolution=32).designs
    named = space.with_reference(designs[0].reference)
    assert isinstance(named, SearchSpace)
    assert named.resolve(resolution=32).designs == designs
