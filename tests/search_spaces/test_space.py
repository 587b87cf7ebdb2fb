"""Search spaces: presets, points left out, and mistakes in files."""

import pytest
from space_files import parse

from explorer import UserError
from search_spaces import SearchSpace
from search_spaces.documents import preset_names


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
    for with_shortcut, without in zip(designs[:4:2], designs[1:4:2], strict=True):
        assert with_shortcut.architecture.with_(shortcut="none") == without.architecture
    assert [design.architecture.with_(order="post") for design in designs[4:]] == [
        design.architecture for design in designs[:4:2]
    ]


SIZES = {
    "small": {"resolution": 8, "in_channels": 1, "classes": 10},
    "fashion_mnist": {"resolution": 28, "in_channels": 1, "classes": 10},
    "paper": {},
}


@pytest.mark.parametrize("size", SIZES)
def test_inception_presets_compare_unlike_with_equal_paths_at_equal_flops(size: str) -> None:
    resolved = SearchSpace.load(f"{size}_inception").resolve(**SIZES[size])
    assert [design.arm for design in resolved.designs][0::3] == ["C=1", "block=inception"]
    kinds = [design.architecture.template.kind for design in resolved.designs]
    assert kinds == ["bottleneck"] * 3 + ["inception"]
    assert not resolved.left_out
    assert {design.budget.by for design in resolved.designs} == {"flops"}


@pytest.mark.parametrize("size", SIZES)
def test_roots_presets_differ_only_in_where_the_paths_are(size: str) -> None:
    resolved = SearchSpace.load(f"{size}_roots").resolve(**SIZES[size])
    assert not resolved.left_out
    paths = {
        design.architecture.growth: [stage.cardinality for stage in design.architecture.stages]
        for design in resolved.designs
    }
    assert set(paths) == {"d", "root", "C"}
    assert paths["root"] == paths["C"][::-1], "early is late, reversed"
    assert len(set(paths["d"])) == 1
    activations = [design.complexity.activations for design in resolved.designs]
    assert max(activations) < 1.03 * min(activations)


@pytest.mark.parametrize("name", preset_names("space"))
def test_every_preset_resolves_for_a_common_input(name: str) -> None:
    resolved = SearchSpace.load(name).resolve()
    assert resolved.designs
    assert len({design.arm for design in resolved.designs}) == len(resolved.designs)


def test_arms_are_named_by_their_axes() -> None:
    grid = parse(
        "reference: resnet50\naxes: {cardinality: [1, 8], depths: [[3, 4, 6, 3], [2, 2, 2, 2]]}\n"
    )
    assert grid.arm_label({"cardinality": 8, "depths": [2, 2, 2, 2]}) == "C=8, depths=2-2-2-2"
    with pytest.raises(UserError, match="cardinality takes one of 1, 8; given: 3"):
        grid.arm_label({"cardinality": 3, "depths": [2, 2, 2, 2]})


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
