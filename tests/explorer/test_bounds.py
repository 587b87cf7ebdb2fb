"""Nothing that is asked of the design room goes on for ever,
wraps, or answers with more than a sentence."""

from itertools import product

import numpy as np
import pytest

from explorer import Architecture, Budget, UserError, count, match
from explorer.budget import LARGEST_BUDGET, MEASURES, QUANTITIES, scale
from explorer.commands.parsing import DepthLists, WholeNumbers
from explorer.depths import POLICIES
from explorer.enumeration import enumerate_designs
from explorer.errors import LONGEST_MESSAGE, shorten, unknown
from explorer.numbers import parse_number
from explorer.template import LARGEST_NUMBER, MOST_BLOCKS, MOST_STAGES
from explorer.text import human_flops, human_time

RESNET50 = Architecture.from_name("resnet50")
REFERENCES = ("resnet50", "resnet18", "resnext_1-1-1-1-1_8x4d_w64_small_growC", "resnet20_cifar")


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize(("solve", "by", "policy"), list(product(QUANTITIES, MEASURES, POLICIES)))
def test_every_combination_ends_with_designs_or_a_sentence(
    reference: str, solve: str, by: str, policy: str
) -> None:
    start = Architecture.from_name(reference)
    answers = 0
    for factor in (1e-6, 0.5, 1, 2, 1e4, 1e9):
        try:
            designs = scale(start, factor, solve=[solve], by=by, depth_policy=policy)
        except UserError:
            continue
        answers += 1
        assert designs[0].cost > 0
    basic = start.template.kind == "basic"
    refused = (solve, by) == ("depths", "block") or (
        basic and (by == "block" or solve not in ("depths", "width"))
    )
    # Published depths exist for four stages only.
    refused |= solve == "depths" and policy == "published" and len(start.depths) != 4
    assert bool(answers) != refused


def test_depths_are_not_solved_by_a_cost_that_they_do_not_change() -> None:
    with pytest.raises(
        UserError, match="depths cannot be solved by block, which does not change with depths"
    ):
        match(RESNET50, solve="depths", by="block", width=128)
    with pytest.raises(UserError, match="depths cannot be solved by block"):
        scale(RESNET50, 2, by="block")


def test_depths_are_solved_up_to_the_most_blocks_of_a_network() -> None:
    for policy in ("proportional", "longest"):
        with pytest.raises(UserError, match=f"more than {MOST_BLOCKS:,} blocks"):
            match(RESNET50, solve="depths", budget=LARGEST_BUDGET, by="params", depth_policy=policy)
    (design,) = match(RESNET50, solve="depths", budget=LARGEST_BUDGET, depth_policy="published")
    assert design.name == "resnet200"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnext_" + "-".join(["1"] * 20_000) + "_1x4d_w64", "at most 500"),
        (
            "resnext_" + "-".join(["1"] * (MOST_STAGES + 1)) + "_1x4d_w64",
            "29 stages are too many: .* at most 28",
        ),
        (
            "resnext_1000000-1_1x4d_w64",
            "1,000,001 blocks in all are too many: a network has at most 10,000",
        ),
        ("resnext_1-1_1x4d_w99999999999", "width must be at most 1,000,000,000"),
        ("resnet99999999999999999999_cifar", "6k \\+ 2 layers"),
        ("resnext" + "9" * 400 + "_1x4d_cifar", "9k \\+ 2 layers"),
    ],
)
def test_a_name_of_something_endless_is_refused_with_its_bound(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as problem:
        Architecture.from_name(name, resolution=LARGEST_NUMBER)
    assert len(str(problem.value)) < 600


def test_the_longest_names_still_parse_back() -> None:
    deep = Architecture.from_name("resnet50", resolution=LARGEST_NUMBER).with_(
        depths=(300,) * MOST_STAGES,
        cardinality=LARGEST_NUMBER,
        bottleneck_width=LARGEST_NUMBER,
        width=LARGEST_NUMBER,
    )
    assert Architecture.from_name(deep.name, resolution=LARGEST_NUMBER) == deep
    assert count(deep).flops > 2**63, "Python's own numbers do not end there"


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64", "uint64"])
def test_a_batch_is_counted_to_the_unit_whatever_kind_of_numbers_it_has(dtype: str) -> None:
    widths = np.array([64, 256, 20_000], dtype=dtype)
    expected = [count(RESNET50.with_(width=int(width))).flops for width in widths]
    assert expected[-1] > 2**40
    assert count(RESNET50.with_(width=widths)).flops.tolist() == expected


def test_counts_that_64_bits_do_not_hold_are_refused_and_not_wrapped() -> None:
    huge = np.array([64, LARGEST_NUMBER])
    assert count(RESNET50.with_(width=LARGEST_NUMBER)).flops > 2**63
    with pytest.raises(UserError, match="64-bit numbers"):
        count(RESNET50.with_(width=huge))
    for axes in ({"width": [64, LARGEST_NUMBER]}, {"cardinality": [1], "width": [10**8]}):
        with pytest.raises(UserError, match="64-bit numbers"):
            enumerate_designs(RESNET50, **axes)
    with pytest.raises(UserError, match="64-bit numbers"):
        enumerate_designs(RESNET50, multiple_of=LARGEST_NUMBER)


def test_long_stages_of_unlike_networks_are_counted() -> None:
    long = [(9000, 1), (1, 9000)]
    table = enumerate_designs(RESNET50, depths=long, cardinality=[1, 2], budget=1e13)
    assert len(table) == 4
    counts = count(RESNET50.with_(depths=tuple(np.array(long).T))).flops.tolist()
    assert counts == [count(RESNET50.with_(depths=depths)).flops for depths in long]
    assert count(RESNET50.with_(width=np.array([], dtype=int))).flops.tolist() == []


def test_a_grid_of_too_many_designs_is_refused_before_any_is_counted() -> None:
    many = range(1, 1_000_001)
    with pytest.raises(UserError, match=r"1,000,000,000,000 combinations, and at most 20,000,000"):
        enumerate_designs(RESNET50, cardinality=many, width=many)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e16, 10**400])
def test_a_budget_that_is_none_is_one_sentence(value: float) -> None:
    with pytest.raises(UserError, match="budget"):
        Budget("flops", value)


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "1e999999999", "1e" + "9" * 30, "9" * 5000, "2000000T"]
)
def test_a_number_out_of_range_is_said_and_not_computed(text: str) -> None:
    with pytest.raises(UserError, match="out of range: a number is at most 1e\\+18"):
        parse_number(text)


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "\u0663", "", "0x10"])
def test_what_is_no_number_is_said(text: str) -> None:
    with pytest.raises(UserError, match="cannot read"):
        parse_number(text)


@pytest.mark.parametrize(
    "text", ["9" * 5000, "1.." + "9" * 5000, "1000000001", "1..1000000,1..1000000"]
)
def test_a_list_of_endless_numbers_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(
        UserError, match=r"at most 1,000,000,000|more than 1,000,000 numbers"
    ) as problem:
        WholeNumbers().convert(text, None, None)
    assert len(str(problem.value)) < 300


def test_leading_zeros_do_not_make_a_number_large() -> None:
    assert WholeNumbers().convert("0000000000008", None, None) == [8]
    with pytest.raises(UserError, match="at most 1,000,000,000"):
        DepthLists().convert("3-" + "4" * 5000, None, None)


def test_a_message_repeats_only_the_ends_of_a_long_value() -> None:
    word = "resnet" + "x" * 1_000_000
    assert len(str(unknown("architecture", word, ["resnet50"]))) < 300
    assert len(str(UserError(f"{word} is not allowed; write y."))) <= LONGEST_MESSAGE
    assert str(UserError(f"{word} is not allowed; write y.")).endswith("is not allowed; write y.")
    assert shorten(10**5000) == "a number of more than 4,300 digits"
    assert shorten("resnet51") == "'resnet51'"


# Each at its limit: three digits round up into the next unit.
@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.9994, "999 ms"),
        (0.99951, "1.0 s"),
        (1.0, "1.0 s"),
        (0.9994e-3, "999 µs"),
        (0.9996e-3, "1 ms"),
        (59.6, "1 min 0 s"),
    ],
)
def test_a_time_never_has_a_thousand_of_its_unit(seconds: float, words: str) -> None:
    assert human_time(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (99.96e6, "100 M"),
        (9.996e9, "10.0 G"),
        (999_499, "999 k"),
        (999_600, "1.00 M"),
        (1e15, "1,000 T"),
    ],
)
def test_a_count_has_three_digits(value: float, words: str) -> None:
    assert human_flops(value) == words


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("resnext101_32x8d_wsl", "resnext101_32x8d"),
        ("resnext50_32_x4d", "resnext50_32x4d"),
        ("resnext50_32x4", "resnext50_32x4d"),
        ("resnext50", "resnext50_32x4d"),
        ("ResNeXt101_32x16d_swsl", "resnext101_32x"),
        ("wide_resnet50_w", "wide_resnet50_2"),
    ],
)
def test_the_nearest_name_is_of_the_same_family(word: str, nearest: str) -> None:
    with pytest.raises(UserError, match=f"unknown architecture '{word}'. Did you mean '{nearest}"):
        Architecture.from_name(word)
