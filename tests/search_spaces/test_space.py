"""Search spaces: presets, points left out, and mistakes in files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from explorer import UserError
from search_spaces import SearchSpace
from search_spaces.commands import space
from search_spaces.documents import parse_document, preset_names

TEXT = "reference: resnet50\naxes: {cardinality: [1, 8]}\n"


def parse(text: str) -> SearchSpace:
    return parse_document(SearchSpace, text, source="my.yaml", default_name="my")


def test_paper_table_3_has_both_settings_with_the_papers_d() -> None:
    designs = SearchSpace.load("paper_table3").resolve().designs
    names = [design.name for design in designs]
    assert names[:5] == ["resnet50", "resnext50_2x40d", "resnext50_4x24d", "resnext50_8x14d", "resnext50_32x4d"]
    assert names[5:] == ["resnet101", "resnext101_2x40d", "resnext101_4x24d", "resnext101_8x14d", "resnext101_32x4d"]
    # The paper's caption: about 4.1 and 7.8 billion FLOPs.
    assert [round(designs[index].complexity.flops / 1e9, 1) for index in (0, 5)] == [4.1, 7.8]


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
    assert parse(TEXT).resolve(resolution=64, classes=7, in_channels=1).designs[0].architecture.classes == 7
    with pytest.raises(UserError, match="resolution 32, but the data has 64"):
        parse(TEXT + "resolution: 32\n").resolve(resolution=64)


def test_arms_are_named_by_their_axes() -> None:
    found = parse("reference: resnet50\naxes: {cardinality: [1, 8], depths: [[3, 4, 6, 3], [2, 2, 2, 2]]}\n")
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
