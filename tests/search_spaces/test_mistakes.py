"""A value of a wrong kind is told in plain words: where, what is allowed, what was given."""

import numpy as np
import pytest
from space_files import parse

from explorer import UserError
from search_spaces import SearchSpace

TEXT = "reference: resnet50\n"
AXES = "axes: {cardinality: [1, 8]}\n"


def refusal(text: str) -> str:
    with pytest.raises(UserError) as caught:
        parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"reference: 5\n{AXES}", "my.yaml: reference: must be text or a list (given: 5)."),
        (
            f"reference: [5]\n{AXES}",
            'my.yaml: reference.0: must be text, for example in quotes: "5" (given: 5).',
        ),
        (
            f"reference: []\n{AXES}",
            "my.yaml: reference: must be text or a list of at least one value (given: []).",
        ),
        (
            f"{TEXT}axes: {{width: 5}}\n",
            "my.yaml: axes.width: must be a list, for example width: [5] (given: 5).",
        ),
        (
            f"{TEXT}axes: {{width: ['1']}}\n",
            "my.yaml: axes.width.0: must be a whole number (given: '1').",
        ),
        (
            f"{TEXT}axes: {{width: [2000000]}}\n",
            "my.yaml: axes.width.0: must be at most 1,048,576 (given: 2000000).",
        ),
        (
            f"{TEXT}axes: [{{cardinality: [1]}}, {{width: a}}]\n",
            "my.yaml: axes.1.width: must be a list, for example width: [a] (given: 'a').",
        ),
        (
            f"{TEXT}axes: {{cardinality: 1-4}}\n",
            "my.yaml: axes.cardinality: must be a list, for example cardinality: [1, 2, 3, 4]"
            " (given: '1-4').",
        ),
        (
            f"{TEXT}axes: {{width: '8, 16'}}\n",
            "my.yaml: axes.width: must be a list, for example width: [8, 16] (given: '8, 16').",
        ),
        (
            f"budget: 5M\n{AXES}",
            "my.yaml: budget: must be a mapping with keys of flops, params, activations, for"
            " example budget: {flops: 5M} (given: '5M').",
        ),
        (
            f"budget: 250 MFLOPs\n{AXES}",
            "my.yaml: budget: must be a mapping with keys of flops, params, activations, for"
            " example budget: {flops: 5M} (given: '250 MFLOPs').",
        ),
        (
            f"{TEXT}{AXES}match: 5\n",
            "my.yaml: match: must be a mapping with keys of solve, by, tolerance, multiple_of,"
            " depth_policy (given: 5).",
        ),
        (
            f"{TEXT}{AXES}match: {{tolerance: 5}}\n",
            "my.yaml: match.tolerance: it must be below 1 (100 %); given: 5, which is 500 %; write"
            " 5% for 5 %.",
        ),
        (
            f"{TEXT}{AXES}match: {{tolerance: lots}}\n",
            "my.yaml: match.tolerance: it must be a share of at least 0 and below 1, for example"
            " 0.02 or 2%; given: 'lots'.",
        ),
        (
            f"{TEXT}axes: {{depths: [1, 1]}}\n",
            "my.yaml: axes.depths: depths lists networks, each with the blocks of its stages:"
            " [[1, 1, 1], [2, 2, 2]] or [1-1-1, 2-2-2] (given: [1, 1]).",
        ),
        (
            f"{TEXT}axes: {{depths: [1-x]}}\n",
            "my.yaml: axes.depths.0: the blocks of each stage are written [3, 4, 6, 3] or 3-4-6-3"
            " (given: '1-x').",
        ),
        (
            f"{TEXT}{AXES}resolution: yes\n",
            "my.yaml: resolution: must be a whole number (given: true, yes or on).",
        ),
        (
            f"name: yes\n{TEXT}{AXES}",
            'my.yaml: name: must be text, for example in quotes: name: "yes" (given: true, yes or'
            " on).",
        ),
        (
            f"{TEXT}axes: {{width: 1,2}}\n",
            "my.yaml: axes.width: a comma follows 1, which ends the value; write decimals with a"
            " point (0.5), and lists in brackets ([1, 2]).",
        ),
        (
            f"{TEXT}{AXES}match: {{tolerance: 0,05}}\n",
            "my.yaml: match.tolerance: a comma follows 0, which ends the value; write decimals with"
            " a point (0.5), and lists in brackets ([1, 2]).",
        ),
        (
            f"{TEXT}{AXES}name: 2024-11-02\n",
            'my.yaml: name: must be text, for example in quotes: name: "2024-11-02" (given:'
            " 2024-11-02).",
        ),
        (
            f"{AXES}budget: {{flops: '1,5M'}}\n",
            "my.yaml: budget.flops: cannot read '1,5M' as a number; write for example 4100000000,"
            " 4.1G, 25M or 250k; write 1.5M, with a point.",
        ),
    ],
)
def test_the_message_is_in_plain_words(text: str, message: str) -> None:
    assert refusal(text) == message


VALUES = ["5", "-1", "lots", "[]", "[5]", "[[]]", "{}", "{a: 1}", "yes", "1.5", "''", "2020-01-01"]
KEYS = [
    *("name", "description", "reference", "budget", "match", "scale", "free", "axes", "resolution"),
    *("match.solve", "match.by", "match.tolerance", "match.multiple_of", "match.depth_policy"),
    *(
        "axes.cardinality",
        "axes.depths",
        "axes.growth",
        "free.limits",
        "scale.factor",
        "scale.arms",
    ),
    *("budget.flops", "free.limits.params"),
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", VALUES)
def test_no_message_has_pydantics_own_words(key: str, value: str) -> None:
    for part in reversed(key.split(".")[1:]):
        value = f"{{{part}: {value}}}"
    lines = {"reference": "resnet50", "axes": "{cardinality: [1, 8]}", key.split(".")[0]: value}
    message = ""
    try:
        parse("".join(f"{name}: {given}\n" for name, given in lines.items()))
    except UserError as error:
        message = str(error)
    words = ("Input should", "pydantic", "https://", "function-", "validat", "instance of")
    assert not [each for each in words if each in message]


def test_a_share_in_percent_and_depths_with_dashes_are_read() -> None:
    space = parse(f"{TEXT}match: {{tolerance: 5%}}\naxes: {{depths: [1-1-1-1, [2, 2, 2, 2]]}}\n")
    assert space.match
    assert space.match.tolerance == 0.05
    assert list(space.points) == ["depths=1-1-1-1", "depths=2-2-2-2"]
    assert space.arm_label({"depths": "2-2-2-2"}) == "depths=2-2-2-2"
    assert parse(f"{TEXT}axes: {{depths: 3-4-6-3}}\n").points


def test_numpys_numbers_and_ranges_are_taken() -> None:
    plain = SearchSpace(
        name="x", reference="resnet50", axes={"cardinality": [1, 2, 3]}, resolution=32
    )
    space = SearchSpace(
        name="x",
        reference="resnet50",
        axes={"cardinality": np.arange(1, 4)},
        resolution=np.int64(32),
    )
    assert space == plain
    assert (
        SearchSpace(
            name="x", reference="resnet50", axes={"cardinality": range(1, 4)}, resolution=32
        )
        == plain
    )
    names = [design.name for design in plain.bind().sample(2, seed=1)]
    assert [design.name for design in space.bind().sample(2, seed=np.int64(1))] == names
