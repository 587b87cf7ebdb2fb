"""What a notebook shows of networks and designs."""

import base64
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from own_families import PLAIN, write

from explorer import Architecture, Budget, Design, blueprint, match, scale, suggest
from explorer.drawing import svg
from explorer.showing import MOST_ROWS, table
from search_spaces import SearchSpace


def cells(html: str | None) -> list[list[str]]:
    """The rows of all tables, headings included."""
    assert html is not None
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def drawings(html: str | None) -> list[str]:
    return [
        base64.b64decode(data).decode()
        for data in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html or "")
    ]


def test_an_architecture_is_its_drawing() -> None:
    network = Architecture.from_name("resnext29_8x64d_cifar")
    html = network._repr_html_()
    assert drawings(html) == [svg(network)]
    assert html is not None
    assert '<img alt="The network resnext29_8x64d_cifar"' in html


def test_a_design_is_a_row_with_its_mismatch_and_its_drawing() -> None:
    (design,) = match("resnet50", cardinality=32)
    html = design._repr_html_()
    assert cells(html)[1] == [
        "resnext50_32x4d", "32", "4", "256", "4.23 G", "25.0 M", "14.4 M", "+3.5 %"
    ]  # fmt: skip
    assert drawings(html) == [svg(design.architecture)]


def test_lists_of_designs_are_lists_that_show_a_table() -> None:
    designs = match("resnet50", cardinality=[1, 8, 32])
    assert isinstance(designs, list)
    assert designs == [design for design in designs]  # noqa: C416
    names = ["resnet50", "resnext50_8x13d", "resnext50_32x4d"]
    heading, *rows = cells(designs._repr_html_())
    assert heading[0] == "design"
    assert [row[0] for row in rows] == names
    assert [row[0] for row in cells(designs[1:]._repr_html_())[1:]] == names[1:]
    scaled = cells(scale("resnet101", 2)._repr_html_())
    assert [row[0] for row in scaled] == ["arm", "deeper", "wider", "more paths"]
    bound = SearchSpace.load("digits_cardinality").bind(resolution=8, in_channels=1, classes=10)
    for found in (bound.resolve().designs, bound.sample(5)):
        assert len(cells(found._repr_html_())) == 6


def test_designs_of_a_function_of_ones_own_show_in_what_they_differ(workdir: Path) -> None:
    write(workdir, "shown_1", PLAIN)
    network = blueprint("shown_1:net(width=8)", resolution=8, classes=10)
    designs = match(network, kernel=[3, 5], solve="width")
    rows = cells(designs._repr_html_())
    assert rows[0] == ["design", "kernel", "width", "FLOPs", "params", "activations", "mismatch"]
    assert [row[1] for row in rows[1:]] == ["3", "5"]
    assert drawings(designs[0]._repr_html_()) == []


def test_a_long_list_shows_its_first_rows_and_says_so() -> None:
    designs = match("resnet50", cardinality=32)
    designs.extend(designs * 150)
    html = designs._repr_html_()
    assert len(cells(html)) == 1 + MOST_ROWS
    assert html.endswith("<p>The first 100 of 151 rows.</p>")


def test_suggestions_are_a_table_and_one_shows_its_arms() -> None:
    suggestions = suggest("5M", resolution=32, cardinality=[1, 2, 4, 8], top=3)
    rows = cells(suggestions._repr_html_())
    assert len(rows) == 4
    assert rows[1] == [
        "resnext_2-2-2_1x25d_w58_imagenet32", "4.96 M", "389 k", "42.5 k", "0.8 %", "0.8 %"
    ]  # fmt: skip
    shown = suggestions[0]._repr_html_()
    assert "resnext_2-2-2_8x6d_w58_imagenet32" in [row[0] for row in cells(shown)]
    assert len(drawings(shown)) == 1


def test_a_batch_shows_its_repr() -> None:
    batch = Architecture.from_name("resnet50").with_(cardinality=np.array([1, 2, 32]))
    assert batch._repr_html_() is None
    assert Design(batch, Budget.of(batch))._repr_html_() is None


def test_all_text_is_escaped() -> None:
    html = table(("<a>", "n"), [("<script>", '"&'), (None, 1)])
    assert "<script>" not in html
    assert cells(html) == [["&lt;a&gt;", "n"], ["&lt;script&gt;", "&quot;&amp;"], ["", "1"]]


def test_designs_are_shown_without_torch_and_pandas() -> None:
    program = (
        "import sys, explorer; explorer.match('resnet50', cardinality=[1, 2])._repr_html_();"
        "explorer.Architecture.from_name('resnet50')._repr_html_();"
        "print([n for n in ('torch', 'pandas', 'numpy', 'IPython') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr
