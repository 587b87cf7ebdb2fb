"""Search spaces: presets, points left out, and mistakes in files."""

import json
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import Design, UserError
from search_spaces import SearchSpace
from search_spaces.commands import space
from search_spaces.documents import parse_document, preset_names

TEXT = "reference: resnet50\naxes: {cardinality: [1, 8]}\n"


def parse(text: str) -> SearchSpace:
    return parse_document(SearchSpace, text, source="my.yaml", path=Path("my.yaml"))


def test_paper_table_3_has_both_settings_with_the_papers_d() -> None:
    designs = SearchSpace.load("paper_table3").resolve().designs
    names = [design.name for design in designs]
    assert names[:5] == [
        "resnet50",
        "resnext50_2x40d",
        "resnext50_4x24d",
        "resnext50_8x14d",
        "resnext50_32x4d",
    ]
    assert names[5:] == [
        "resnet101",
        "resnext101_2x40d",
        "resnext101_4x24d",
        "resnext101_8x14d",
        "resnext101_32x4d",
    ]
    # The paper's caption: about 4.1 and 7.8 billion FLOPs.
    assert [round(designs[index].complexity.flops / 1e9, 1) for index in (0, 5)] == [4.1, 7.8]


def test_paper_table_4_spends_twice_the_cost_on_each_arm() -> None:
    designs = SearchSpace.load("paper_table4").resolve().designs
    assert [design.arm for design in designs] == ["reference", "deeper", "wider", "more paths"]
    assert [design.name for design in designs[:2]] == ["resnet101", "resnet200"]
    reference = designs[0].complexity.flops
    assert all(design.budget.value == 2 * reference for design in designs[1:])


def test_paper_figure_7_widens_one_path_or_adds_paths() -> None:
    designs = SearchSpace.load("paper_figure7").resolve().designs
    params = {design.name: design.complexity.params / 1e6 for design in designs}
    # Confirmed points of the figure: 8x64d with 34.4 and 16x64d with 68.1
    # million parameters (the paper truncates).
    assert int(10 * params["resnext29_8x64d_cifar"]) == 344
    assert int(10 * params["resnext29_16x64d_cifar"]) == 681
    assert {
        design.architecture.template.cardinality for design in designs if "d=64" not in design.arm
    } == {1}


def test_the_residual_ablation_changes_nothing_but_the_shortcut() -> None:
    designs = SearchSpace.load("paper_ablation").resolve().designs
    for with_shortcut, without in zip(designs[::2], designs[1::2], strict=True):
        assert with_shortcut.architecture.with_(shortcut="none") == without.architecture


def test_a_free_space_limits_cost_and_says_what_is_left_out() -> None:
    resolved = parse(
        "reference: resnet50\nfree: {limits: {params: 30M}}\naxes: {cardinality: [1, 2]}\n"
    ).resolve()
    assert [design.name for design in resolved.designs] == ["resnet50"]
    assert "more than 30.0 M" in resolved.left_out[0].reason


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
    found = bound.at(chosen)
    if isinstance(found, Design):
        assert abs(found.mismatch) <= 0.05
        assert found.arm == space.arm_label(chosen)
        assert found.architecture.growth == growth
    else:
        assert found.reason


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


@pytest.mark.parametrize("name", preset_names("space"))
def test_every_preset_resolves_for_a_common_input(name: str) -> None:
    resolved = SearchSpace.load(name).resolve()
    assert resolved.designs
    assert len({design.arm for design in resolved.designs}) == len(resolved.designs)


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


def test_input_comes_from_the_data_and_must_agree_with_the_file() -> None:
    assert (
        parse(TEXT).resolve(resolution=64, classes=7, in_channels=1).designs[0].architecture.classes
        == 7
    )
    with pytest.raises(UserError, match="resolution 32, but the data has 64"):
        parse(TEXT + "resolution: 32\n").resolve(resolution=64)


def test_arms_are_named_by_their_axes() -> None:
    found = parse(
        "reference: resnet50\naxes: {cardinality: [1, 8], depths: [[3, 4, 6, 3], [2, 2, 2, 2]]}\n"
    )
    assert found.arm_label({"cardinality": 8, "depths": [2, 2, 2, 2]}) == "C=8, depths=2-2-2-2"
    with pytest.raises(UserError, match="cardinality takes one of 1, 8; given: 3"):
        found.arm_label({"cardinality": 3, "depths": [2, 2, 2, 2]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT + "axis: {}\n", "Did you mean 'axes'"),
        (TEXT + "match: {tolerence: 0.1}\n", "Did you mean 'tolerance'"),
        (TEXT + "match: {by: flop}\n", "Did you mean 'flops'"),
        (TEXT + "match: {solve: cardinality}\n", "both an axis and what match solves"),
        ("reference: resnet51\naxes: {cardinality: [1]}\n", "Did you mean 'resnet50'"),
        ("reference: resnet50\naxes: {cardinality: []}\n", "axes.cardinality"),
        ("reference: resnet50\naxes: {cardinality: [1, 2.5]}\n", "given: 2.5"),
        ("reference: resnet50\naxes: {cardinality: [-1]}\n", "given: -1"),
        ("reference: resnet50\naxes: {cardinality: [2, 2]}\n", "lists a value twice"),
        ("reference: resnet50\naxes: {}\n", "name at least one of"),
        ("axes: {cardinality: [1]}\n", "the key 'reference' is missing"),
        ("reference: resnet50\nreference: resnet101\n", "given twice"),
        (TEXT + "match: {}\nfree: {}\n", "two kinds of space"),
        ("reference: resnet50\nscale: {factor: 2}\naxes: {cardinality: [1]}\n", "instead of axes"),
        ("reference: resnet50\nscale: {factor: 0}\n", "scale.factor"),
        ("reference: resnet50\nscale: {factor: 2, arms: [deper]}\n", "Did you mean 'deeper'"),
        (
            "reference: resnet50\nfree: {limits: {param: 3M}}\naxes: {cardinality: [1]}\n",
            "Did you mean 'params'",
        ),
        (
            "reference: resnet50\nfree: {limits: {params: 3Q}}\naxes: {cardinality: [1]}\n",
            "cannot read '3Q'",
        ),
        ("reference: resnet50\naxes: {shortcut: [plain]}\n", "unknown shortcut"),
        ("reference: resnet50\naxes: {depth_policy: [longest]}\n", "match: {solve: depths}"),
        ("reference: [", "not valid YAML"),
        ("- a\n- b\n", "must be a mapping"),
        ("reference: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_a_mistake_in_a_file_names_the_key_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(UserError, match=r"my\.yaml") as caught:
        parse(text)
    assert message in str(caught.value)


def test_space_show_prints_designs_and_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT + "match: {tolerance: 0.02}\n")
    shown = CliRunner().invoke(space, ["show", str(path)]).output
    assert "resnet50" in shown
    assert "Left out: C=8" in shown
    record = json.loads(CliRunner().invoke(space, ["show", str(path), "--json"]).output)
    assert [design["arm"] for design in record["designs"]] == ["C=1"]
    assert record["left_out"][0]["arm"] == "C=8"


# Sizes.

LEVELS = "abcdefghi"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(LEVELS)
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in pairwise(LEVELS)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 50,000 values, with each alias"),
        (MERGES, "more than 50,000 values, with each alias"),
        ("reference: &a [*a]\naxes: {cardinality: [1]}\n", "an alias stands for itself"),
        (f"description: {'x' * 1_000_001}\n{TEXT}", "longer than 1,000,000 characters"),
        (f"{TEXT}resolution: {'9' * 5000}\n", "a number of 5,000 characters is too long"),
        (f"{TEXT}resolution: {10**310}\n", "less than or equal to 1048576"),
        (f"{'k' * 1000}: 1\n{TEXT}", "unknown key in the file 'kkk"),
        (f"reference: {'r' * 100_000}\naxes: {{cardinality: [1]}}\n", "has 100,000 characters"),
        (f"reference: resnet50\naxes: {{cardinality: [{'x, ' * 100}]}}\n", "and 96 more"),
        (
            f"reference: resnet50\naxes: {{cardinality: {list(range(1, 102))}, width: {list(range(1, 101))}}}\n",
            "the axes make 10,100 arms, and a space has at most 10,000",
        ),
        (f"reference: resnet50\naxes: {{width: {[7] * 500}}}\n", r"axes.width lists a value twice: 7\b"),
        ("reference: resnet50\nscale: {factor: .inf}\n", "finite number"),
        ("reference: resnet50\nscale: {factor: .nan}\n", "finite number"),
        ("reference: resnet50\nfree: {limits: {params: .nan}}\naxes: {cardinality: [1]}\n", "finite number"),
        ("reference: resnet50\nfree: {limits: {params: 1e400}}\naxes: {cardinality: [1]}\n", "out of range"),
        ("reference: resnet50\nfree: {limits: {params: -3}}\naxes: {cardinality: [1]}\n", "greater than 0"),
        ("reference: resnet50\nmatch: {solve: depths, by: block}\naxes: {width: [64]}\n", "depths cannot be solved by"),
        ("reference: resnet50\nscale: {factor: 2, by: block}\n", "depths cannot be solved by block"),
        ("reference: resnet18\nmatch: {solve: cardinality}\naxes: {width: [64]}\n", "a basic block has no C"),
    ],
)  # fmt: skip
def test_a_file_out_of_bounds_is_refused_in_a_short_sentence(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as problem:
        parse(text)
    assert len(str(problem.value)) < 600


def test_an_ordinary_alias_is_what_it_names() -> None:
    space = parse(
        "reference: resnet50\naxes: [{cardinality: &few [1, 2]}, {cardinality: *few, width:"
        " *few}]\n"
    )
    assert list(space.points)[:3] == ["C=1", "C=2", "C=1, width=1"]


def test_a_file_that_never_ends_is_not_read_to_its_end() -> None:
    with pytest.raises(UserError, match="longer than 1,000,000 characters"):
        SearchSpace.load(Path("/dev/zero"))


@pytest.mark.parametrize("resolution", ["resolution: 1024\n", ""])
def test_a_deep_reference_is_checked_at_the_size_that_it_will_have(resolution: str) -> None:
    space = parse(
        f"reference: resnext_1-1-1-1-1-1-1-1_1x64d_w256\n{resolution}axes: {{cardinality: [1,"
        " 2]}\n"
    )
    assert len(space.resolve(resolution=1024).designs) == 2
    with pytest.raises(UserError, match=r"smallest resolution is 257|for resolution 1024"):
        space.resolve(resolution=224)


def test_every_arm_of_a_large_space_is_found_by_its_values() -> None:
    space = parse(
        f"reference: resnet50\naxes: {{cardinality: [1, 2, 4], width: {list(range(1, 1001))}}}\n"
    )
    for label, point in space.points.items():
        assert space.arm_label(point) == label
    with pytest.raises(UserError, match="cardinality takes one of 1, 2, 4; given: 3"):
        space.arm_label({"cardinality": 3, "width": 7})
    with pytest.raises(UserError, match="cardinality takes one of 1, 2, 4"):
        space.arm_label({"cardinality": [[3]], "width": 7})
