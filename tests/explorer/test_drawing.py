"""The drawing: well-formed, true to the layers, safe, and nothing runs out of it."""

from xml.etree import ElementTree

import pytest
from architectures import architectures
from hypothesis import given, settings

from explorer import Architecture, iter_layers
from explorer.drawing import html, svg

SVG = "{http://www.w3.org/2000/svg}"


@settings(max_examples=60)
@given(architectures())
def test_every_drawing_is_well_formed_and_inside_its_frame(architecture: Architecture) -> None:
    root = ElementTree.fromstring(svg(architecture))
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for box in root.iter(f"{SVG}rect"):
        if "%" in box.get("width", ""):
            continue
        assert float(box.get("x", "0")) + float(box.get("width", "0")) <= width
        assert float(box.get("y", "0")) + float(box.get("height", "0")) <= height
    assert all(float(text.get("y", "0")) <= height for text in root.iter(f"{SVG}text"))


@pytest.mark.parametrize(
    "name",
    [
        "resnext29_8x64d_cifar",
        "resnet152",
        "resnext_2-3_4x6d_w48_small_growC_plain",
        "inception_2-3_6d_w48_small_pre",
    ],
)
def test_the_drawing_says_what_the_layers_are(name: str) -> None:
    architecture = Architecture.from_name(name)
    root = ElementTree.fromstring(svg(architecture))
    words = [text.text or "" for text in root.iter(f"{SVG}text")]
    squares = [box for box in root.iter(f"{SVG}rect") if box.get("class") in ("block", "first")]
    assert len(squares) == sum(architecture.depths)
    for layer in iter_layers(architecture):
        if layer.kind == "linear":
            assert f"linear, {layer.in_channels} to {layer.out_channels}" in words
        elif "branch" in layer.part and layer.kind == "conv" and layer.block == 1:
            assert f"{layer.kernel}x{layer.kernel}" in words
            assert f"d={layer.out_channels}" in words
        elif layer.kind == "conv" and layer.block == 1 and layer.groups == 1:
            assert (
                f"{layer.kernel}x{layer.kernel}, {layer.in_channels} to {layer.out_channels}"
                in words
            )
        elif layer.kind == "conv" and layer.block == 1:
            assert f"C={layer.groups}" in words
            assert str(layer.out_channels // layer.groups) in words
    shortcuts = [line for line in root.iter(f"{SVG}polyline") if line.get("class") == "short"]
    assert len(shortcuts) == (0 if architecture.shortcut == "none" else len(architecture.depths))


def test_a_block_of_unlike_paths_shows_its_four_branches() -> None:
    root = ElementTree.fromstring(svg("inception_2-2_6d_w48_small"))
    boxes = [box for box in root.iter(f"{SVG}rect") if box.get("class") == "path"]
    columns: dict[str, int] = {}
    for box in boxes:
        columns[box.get("x", "")] = columns.get(box.get("x", ""), 0) + 1
    # 1x1; 1x1 - 3x3; 1x1 - 5x5; max-pooling - 1x1, in two stages
    assert sorted(columns.values()) == [1, 1, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("name", ["resnext_1-1_1x64d_w256_small", "inception_2-3_6d_w48_small_pre"])
def test_in_rows_of_two_columns_a_drawing_has_the_same_words_and_is_half_as_wide(name: str) -> None:
    whole, rows = (ElementTree.fromstring(svg(name, columns)) for columns in (None, 2))
    words = [[text.text for text in root.iter(f"{SVG}text")] for root in (whole, rows)]
    assert words[0] == words[1]
    assert float(rows.get("width", "0")) < 650 < 900 < float(whole.get("width", "0"))
    starts = [group.get("transform") for group in rows.iter(f"{SVG}g")]
    assert (len(starts), starts[0]) == (2, "translate(0 0)")


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = html(Architecture.from_name("resnet50"))
    assert "<script" not in page
    assert page.count("http") == page.count("http://www.w3.org/2000/svg")
