"""A network's picture: one column for each stage, with the block that it repeats.

It is drawn from the same layers that are counted and built.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

from explorer.architecture import Architecture, as_architecture
from explorer.complexity import count, total
from explorer.files import PAGE_MARK
from explorer.layers import Layer, iter_layers
from explorer.text import human_count, human_flops

COLUMN, GAP, MARGIN, TOP = 204, 34, 20, 86
BOX, STEP, BRANCH_GAP = 26, 46, 12
# Room beside a block for its shortcut and the words on its paths.
SIDE = 58
SHOWN_PATHS = 5
TITLE_LETTER, SOFT_LETTER = 12.5, 6.2  # pixels that a letter of a heading takes, about
SQUARES_A_ROW = 12

SVG_MARK = b"<metadata>resnext-explorer</metadata>"
# By suffix, what tells that a drawing is ours.
MARKS = {".svg": SVG_MARK, ".html": PAGE_MARK}
STYLE = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif;
    fill: #1a1a1a; }
  .title { font-size: 20px; font-weight: 650; } .stage { font-size: 14px; font-weight: 650; }
  .soft { fill: #5c5c5c; font-size: 11px; } .middle { text-anchor: middle; }
  .box { fill: #f4f6f8; stroke: #9aa5b1; } .path { fill: #ccebe0; stroke: #009e73; }
  .line { fill: none; stroke: #7b8794; stroke-width: 1.2; }
  .short { fill: none; stroke: #0072b2; stroke-width: 1.6; }
  .sum { fill: #ffffff; stroke: #0072b2; stroke-width: 1.6; }
  .plus { stroke: #0072b2; stroke-width: 1.6; }
  .block { fill: #b8c4d0; } .first { fill: #0072b2; } .ground { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #ececec; } .soft { fill: #a6adb5; } .ground { fill: #121416; }
    .box { fill: #22272c; stroke: #5d6872; } .path { fill: #0d3b2e; stroke: #2bc79b; }
    .short, .sum, .plus { stroke: #56b4e9; } .sum { fill: #121416; }
    .block { fill: #4a545e; } .first { fill: #56b4e9; }
  }
"""
PAGE_STYLE = (
    "body { margin: 0; overflow-x: auto }"
    " @media (prefers-color-scheme: dark) { body { background: #121416 } }"
)


@dataclass
class _Canvas:
    """SVG elements in the making, and how far down they reach."""

    parts: list[str] = field(default_factory=list)
    bottom: float = 0

    def add(self, element: str, bottom: float = 0) -> None:
        self.parts.append(element)
        self.bottom = max(self.bottom, bottom)

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        self.add(f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(words)}</text>', y + 6)

    def line(self, points: Sequence[tuple[float, float]], kind: str = "line") -> None:
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.add(f'<polyline class="{kind}" points="{path}"/>', max(y for _, y in points))

    def box(
        self, x: float, y: float, width: float, height: float, kind: str, words: str = ""
    ) -> None:
        self.add(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"'
            f' class="{kind}"/>',
            y + height,
        )
        if words:
            self.text(x + width / 2, y + height / 2 + 4, words, "middle")


def svg(architecture: Architecture | str, columns: int | None = None) -> str:
    """The network as an SVG document.

    It shows the stem, each stage with the block it repeats, its paths, channels and costs, and the
    classifier: side by side, or in rows of so many `columns`, from left to right.
    """
    architecture, canvas = as_architecture(architecture), _Canvas()
    complexity = count(architecture)
    size = "x".join(map(str, architecture.input_shape))
    canvas.text(MARGIN, 34, architecture.name, "title")
    costs = (
        f"{human_flops(complexity.flops)} FLOPs, {human_count(complexity.params)} params, "
        f"{human_count(complexity.activations)} activations; "
        f"input {size}, {architecture.classes} classes"
        + ("; pre-activation" if architecture.order == "pre" else "")
    )
    canvas.text(MARGIN, 56, costs, "soft")
    groups = [
        (stage, list(layers))
        for stage, layers in groupby(iter_layers(architecture), key=lambda layer: layer.stage)
    ]
    across, down = min(columns or len(groups), len(groups)), 0.0
    for start in range(0, len(groups), across):
        row = _Canvas()
        for position in range(start, min(start + across, len(groups))):
            stage, layers = groups[position]
            x = MARGIN + (position - start) * (COLUMN + GAP)
            if position:
                _draw_arrow(row, x, GAP - 4 if position > start else MARGIN - 4)
            if stage:
                _draw_stage(row, x, architecture, stage, layers)
            else:
                _draw_ends(row, x, "input and stem" if position == 0 else "classifier", layers)
        canvas.add(f'<g transform="translate(0 {down:g})">{"".join(row.parts)}</g>')
        canvas.bottom = down + row.bottom
        down = canvas.bottom + 2 * MARGIN - TOP
    heading = max(TITLE_LETTER * len(architecture.name), SOFT_LETTER * len(costs))
    width = 2 * MARGIN + max(across * (COLUMN + GAP) - GAP, heading)
    height = canvas.bottom + MARGIN
    label = escape(
        f"The network {architecture.name}: {len(architecture.depths)} stages", quote=True
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img" aria-label="{label}">'
        f"{SVG_MARK.decode()}<style>{STYLE}</style>"
        f'<rect class="ground" width="100%" height="100%"/>{"".join(canvas.parts)}</svg>\n'
    )


def html(architecture: Architecture | str) -> str:
    """The drawing as an HTML page of its own."""
    architecture = as_architecture(architecture)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">{PAGE_MARK.decode()}'
        f"<title>{escape(architecture.name)}</title><style>{PAGE_STYLE}</style>"
        f"{svg(architecture)}</html>\n"
    )


def _draw_arrow(canvas: _Canvas, x: float, length: float) -> None:
    """An arrow to what stands at x."""
    canvas.line([(x - length, TOP + 14), (x - 6, TOP + 14)])
    canvas.line([(x - 11, TOP + 10), (x - 6, TOP + 14), (x - 11, TOP + 18)])


def _draw_ends(canvas: _Canvas, x: float, title: str, layers: list[Layer]) -> None:
    canvas.text(x, TOP + 10, title, "stage")
    canvas.text(x, TOP + 28, _costs(layers), "soft")
    y = TOP + 76
    shown = [layer for layer in layers if layer.kind != "norm"]
    for index, layer in enumerate(shown):
        if index:
            canvas.line([(x + (COLUMN - SIDE) / 2, y - STEP + BOX), (x + (COLUMN - SIDE) / 2, y)])
        canvas.box(x, y, COLUMN - SIDE, BOX, "box", _words(layer))
        y += STEP


def _draw_stage(
    canvas: _Canvas, x: float, architecture: Architecture, number: int, layers: list[Layer]
) -> None:
    stage = architecture.stages[number - 1]
    canvas.text(x, TOP + 10, f"stage {number}", "stage")
    canvas.text(x, TOP + 28, f"{stage.width} x {stage.size} x {stage.size}", "soft")
    canvas.text(x, TOP + 43, _costs(layers), "soft")
    # The block that repeats; a stage of one block shows that one.
    repeated = 1 if stage.depth > 1 else 0
    rows = _rows(layer for layer in layers if layer.block == repeated)
    projection = next((layer for layer in layers if layer.part == "downsample.0"), None)
    inner, center = COLUMN - SIDE, x + (COLUMN - SIDE) / 2
    top = y = TOP + 62
    before = y
    y += 14
    for row in rows:
        # Paths fan out from a point ten below the box before them, and come together ten above the
        # one after.
        part = len(row) > 1 or row[0][0].groups > 1
        canvas.line([(center, before), (center, y - (10 if part else 0))])
        if len(row) > 1:
            _draw_branches(canvas, x, y, inner, row)
        elif part:
            _draw_paths(canvas, x, y, inner, row[0][0])
        else:
            canvas.box(x, y, inner, BOX, "box", _words(row[0][0]))
        y += _height(row)
        before = y + (10 if part else 0)
        y += STEP - BOX
    canvas.line([(center, y - STEP + BOX), (center, y - 2)])
    if architecture.shortcut == "projection":
        _draw_shortcut(canvas, x, center, top, y)
    else:
        canvas.line([(center, y - 2), (center, y + 12)])
    y += 34
    first = layers[0]
    changed = [f"stride {stage.stride}"] if stage.stride > 1 else []
    changed += [f"1x1 projection, {first.in_channels} to {stage.width}"] if projection else []
    canvas.text(x, y, f"{stage.depth} block{'s' if stage.depth > 1 else ''}")
    for block in range(stage.depth):
        kind = "first" if block == 0 and changed else "block"
        line, column = divmod(block, SQUARES_A_ROW)
        canvas.box(x + column * 14, y + 8 + line * 14, 10, 10, kind)
    y += 14 * ((stage.depth - 1) // SQUARES_A_ROW) + 34
    if changed:
        canvas.text(x, y, f"first block: {changed[0]}", "soft")
    for more in changed[1:]:
        canvas.text(x, y + 15, more, "soft")


def _rows(layers: Iterable[Layer]) -> list[list[list[Layer]]]:
    """What stands one below the other in a block: unlike branches side by side, or one layer.

    Each branch is a list of its layers. Batch norms and the shortcut are left out.
    """
    shown = [
        layer
        for layer in layers
        if layer.kind != "norm" and not layer.part.startswith("downsample")
    ]
    rows: list[list[list[Layer]]] = []
    for in_branches, parts in groupby(shown, key=lambda layer: layer.part.startswith("branch")):
        if in_branches:
            branches = groupby(parts, key=lambda layer: layer.part.partition(".")[0])
            rows.append([list(branch) for _, branch in branches])
        else:
            rows += [[[layer]] for layer in parts]
    return rows


def _height(row: list[list[Layer]]) -> int:
    longest = max(map(len, row))
    return longest * BOX + (longest - 1) * BRANCH_GAP


def _draw_branches(
    canvas: _Canvas, x: float, y: float, width: float, branches: list[list[Layer]]
) -> None:
    """Draw unlike paths side by side, each with its layers one below the other."""
    slot, bottom = width / len(branches), y + _height(branches)
    for index, layers in enumerate(branches):
        middle, at = x + (index + 0.5) * slot, y
        canvas.line([(x + width / 2, y - 10), (middle, y)])
        for layer in layers:
            if at > y:
                canvas.line([(middle, at - BRANCH_GAP), (middle, at)])
            words = "max" if layer.kind == "pool" else f"{layer.kernel}x{layer.kernel}"
            canvas.box(x + index * slot + 2, at, slot - 4, BOX, "path", words)
            at += BOX + BRANCH_GAP
        canvas.line([(middle, at - BRANCH_GAP), (middle, bottom), (x + width / 2, bottom + 10)])
    d = branches[0][-1].out_channels
    canvas.text(x + width + 4, y + BOX / 2 - 3, f"{len(branches)} paths", "soft")
    canvas.text(x + width + 4, y + BOX / 2 + 10, f"d={d}", "soft")


def _draw_paths(canvas: _Canvas, x: float, y: float, width: float, layer: Layer) -> None:
    """Draw a grouped convolution as its paths.

    Up to five paths are all drawn; of more, the first three and the last, with dots between.
    """
    shown = layer.groups if layer.groups <= SHOWN_PATHS else SHOWN_PATHS
    slot = width / shown
    d = layer.out_channels // layer.groups
    for index in range(shown):
        left, middle = x + index * slot + 2, x + index * slot + slot / 2
        rest = layer.groups > SHOWN_PATHS and index == SHOWN_PATHS - 2
        canvas.line([(x + width / 2, y - 10), (middle, y)])
        canvas.line([(x + width / 2, y + BOX + 10), (middle, y + BOX)])
        if rest:
            canvas.text(middle, y + BOX / 2 + 4, "...", "middle")
        else:
            canvas.box(left, y, slot - 4, BOX, "path", str(d))
    canvas.text(x + width + 4, y + BOX / 2 - 3, "3x3", "soft")
    canvas.text(x + width + 4, y + BOX / 2 + 10, f"C={layer.groups}", "soft")


def _draw_shortcut(canvas: _Canvas, x: float, center: float, top: float, y: float) -> None:
    right = x + COLUMN - 6
    canvas.line([(center, top), (right, top), (right, y + 7), (center + 9, y + 7)], "short")
    canvas.add(f'<circle class="sum" cx="{center:g}" cy="{y + 7:g}" r="9"/>')
    canvas.line([(center - 5, y + 7), (center + 5, y + 7)], "plus")
    canvas.line([(center, y + 2), (center, y + 12)], "plus")


def _words(layer: Layer) -> str:
    if layer.part == "avgpool":
        return f"average over {layer.kernel}x{layer.kernel}"
    if layer.kind == "linear":
        return f"linear, {layer.in_channels} to {layer.out_channels}"
    stride = f", /{layer.stride}" if layer.stride > 1 else ""
    if layer.kind == "pool":
        return f"max {layer.kernel}x{layer.kernel}{stride}, {layer.size}x{layer.size}"
    return f"{layer.kernel}x{layer.kernel}{stride}, {layer.in_channels} to {layer.out_channels}"


def _costs(layers: list[Layer]) -> str:
    return (
        f"{human_flops(total(layers, 'flops'))} FLOPs, {human_count(total(layers, 'params'))}"
        " params"
    )
