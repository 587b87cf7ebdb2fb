"""How figures look: the colours of both grounds, each arm's hue and
mark, and the frame every figure starts from."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import plotly.graph_objects as go

from dashboards.analysis.evidence import Evidence
from explorer.errors import check_known

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# Arms without a cardinality of their own; the named ones are the same
# in every study (Okabe and Ito's palette).
NAMED_COLORS = {"deeper": "#0072B2", "wider": "#E69F00", "more paths": "#009E73"}
FURTHER_COLORS = ("#D55E00", "#CC79A7", "#56B4E9", "#0072B2", "#E69F00", "#009E73")
SYMBOLS = (
    "circle",
    "diamond",
    "triangle-up",
    "pentagon",
    "star",
    "triangle-down",
    "bowtie",
    "cross",
)
# Lines of the same colour, or of nearly the same, differ in these.
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
FEW_HUES = 5  # steps of one hue that are told apart without dashes
SIDES = {"l": 48, "r": 16, "b": 64}  # margins of a figure in pixels, but for that of its title
HEIGHT, TOP = 440, 94  # pixels of a figure that does not need more, and of these for its title
EMPTY = 110  # pixels below the title of one that has nothing to show
TITLE_LINE, SUBTITLE_LINE = 84, 130  # letters of a line in a picture of 960 pixels
BREAK = "<br>"


@dataclass(frozen=True)
class Theme:
    """Colours of one ground. `ramp` is the one hue of cardinality,
    from the smallest C to the largest."""

    ground: str
    ink: str
    quiet: str
    grid: str
    reference: str
    ramp: tuple[str, str, str]


THEMES = {
    "light": Theme(
        "#ffffff", "#1b1f23", "#5b636b", "#e7eaed", "#000000", ("#45b592", "#009E73", "#00543d")
    ),
    "dark": Theme(
        "#121416", "#eceff1", "#a3abb3", "#2b3036", "#ffffff", ("#2b8f72", "#0dbb8c", "#b4f5df")
    ),
}


@dataclass(frozen=True)
class Style:
    color: str
    symbol: str
    dash: str = "solid"

    def size(self, pixels: int) -> float:
        """Pixels at which this mark weighs as much as a circle of `pixels`."""
        return pixels * (1.25 if self.symbol.startswith(("triangle", "star", "pentagon")) else 1)

    def marker(self, pixels: int, **more: Any) -> dict[str, Any]:
        """Plotly's marker of this size; `more` are further properties, or others than these."""
        return {"color": self.color, "symbol": self.symbol, "size": self.size(pixels), **more}


def marker_of(styles: Sequence[Style], pixels: int, **more: Any) -> dict[str, Any]:
    """Plotly's marker of a trace whose marks each have a style of their own, as `Style.marker`."""
    # Marks of different sizes are to Plotly bubbles, which it makes translucent, with an edge.
    plain = {"opacity": 1, "line": {"width": 0}}
    return {
        **plain,
        "color": [style.color for style in styles],
        "symbol": [style.symbol for style in styles],
        "size": [style.size(pixels) for style in styles],
        **more,
    }


def arm_styles(evidence: Evidence, theme: str = "light") -> dict[str, Style]:
    """The colour, the mark and the dashes of each arm: the reference in black (white) and square,
    cardinalities in one hue. No two of up to 36 arms share colour and dashes. Of a choice of
    trainings, those of the whole study."""
    colors, study = colors_of(theme), evidence.whole
    others = [arm for arm in study.arms if arm != study.reference]
    taken = {NAMED_COLORS[arm] for arm in others if arm in NAMED_COLORS}
    hues = [color for color in FURTHER_COLORS if color not in taken]
    styles, further = {study.reference: Style(colors.reference, "square", "5px,3px")}, 0
    for number, arm in enumerate(others):
        dash = "solid"
        if study.cardinalities:
            color = _along(colors.ramp, number / max(1, len(others) - 1))
            dash = DASHES[number % len(DASHES) if len(others) > FEW_HUES else 0]
        elif arm in NAMED_COLORS:
            color = NAMED_COLORS[arm]
        else:
            color, dash = hues[further % len(hues)], DASHES[further // len(hues) % len(DASHES)]
            further += 1
        styles[arm] = Style(color, SYMBOLS[number % len(SYMBOLS)], dash)
    return {arm: styles[arm] for arm in (study.arms or styles)}


def colors_of(name: str) -> Theme:
    """The colours of a ground by its name. Raises `UserError` for an unknown one."""
    check_known("theme", name, THEMES)
    return THEMES[name]


class _Figure(go.Figure):
    def add_scatter(self, **trace: Any) -> go.Figure:
        """As Plotly's own, which looks through every point twice: it makes a trace and copies it.
        A study of many points waits for that."""
        return self.add_trace({"type": "scatter", **trace})


def blank_figure(theme: str) -> go.Figure:
    """A figure without data: system fonts, a thin horizontal grid, no boxes."""
    colors = colors_of(theme)
    axis = {
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"color": colors.quiet, "size": 13},
        "title": {"font": {"color": colors.quiet, "size": 13}},
        "automargin": True,
        "exponentformat": "none",  # 30,000, not 30k: axes of larger counts have units
        "separatethousands": True,
    }
    layout = {
        "template": None,
        "paper_bgcolor": colors.ground,
        "plot_bgcolor": colors.ground,
        "font": {"family": FONT, "color": colors.ink, "size": 13},
        "showlegend": False,
        "legend": {"font": {"color": colors.ink}, "bgcolor": "rgba(0,0,0,0)"},
        "margin": {**SIDES, "t": TOP},
        "height": HEIGHT,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": colors.ground,
            "bordercolor": colors.quiet,
            "font": {"family": FONT, "color": colors.ink, "size": 13},
            "align": "left",
        },
        "xaxis": {**axis, "showgrid": False},
        "yaxis": {**axis, "gridcolor": colors.grid, "gridwidth": 1},
        "separators": ".,",
        "dragmode": False,
    }
    return _Figure(layout=layout)


def set_title(figure: go.Figure, title: str, subtitle: str, theme: str) -> None:
    """The finding, and under it what is shown, both plain text. Long ones go on in further lines,
    by which the figure grows; `texts_of` gives them back."""
    colors = colors_of(theme)
    heads, belows = _lines(title, TITLE_LINE), _lines(subtitle, SUBTITLE_LINE)
    more = 24 * max(0, len(heads) - 1) + 18 * max(0, len(belows) - 1)
    figure.layout.margin.t += more
    figure.layout.height += more
    figure.layout.title = {
        "text": BREAK.join(map(label, heads)),
        "subtitle": {
            "text": BREAK.join(map(label, belows)),
            "font": {"size": 13, "color": colors.quiet},
        },
        "font": {"size": 19, "color": colors.ink, "weight": 600},
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "pad": {"l": 12},
        "y": _title_place(figure),
        "yanchor": "top",
    }


def settle(part: Any, **settings: Any) -> None:
    """Set some settings of a part of a figure, of those in a dictionary each its own. Assigned, not
    updated: Plotly walks every setting of a part to update it, 1 to 3 ms each time."""
    for name, value in settings.items():
        if isinstance(value, dict):
            settle(part[name], **value)
        else:
            part[name] = value


def _title_place(figure: go.Figure) -> float:
    """How far up the title stands."""
    return 1 - 18 / float(figure.layout.height)


def _lines(text: str, most: int) -> list[str]:
    return textwrap.wrap(text, most, break_long_words=False, break_on_hyphens=False)


def texts_of(figure: go.Figure) -> tuple[str, str]:
    """A figure's title and subtitle as plain text, for a page, on which they wrap by themselves."""

    def plain(text: str | None) -> str:
        return unescape((text or "").replace(BREAK, " "))

    return plain(figure.layout.title.text), plain(figure.layout.title.subtitle.text)


def own_height(figure: go.Figure) -> int | None:
    """Pixels of a figure without its title, where it needs more than most, or has nothing to
    show; None where it does not."""
    height = figure.layout.height - figure.layout.margin.t
    return None if EMPTY < height <= HEIGHT - TOP else height + 10


def wide(figure: go.Figure, width: int) -> None:
    """Let a figure be at least so many pixels wide: where a page is narrower it scrolls."""
    figure.layout.meta = {"least_width": width}


def least_width(figure: go.Figure) -> int | None:
    """Pixels that a figure needs at least; None where it goes with any page."""
    meta = figure.layout.meta
    return meta.get("least_width") if isinstance(meta, dict) else None


def error_scale(theme: str) -> list[list[Any]]:
    """Colours of errors from the lowest to the highest, in one hue: the lowest stands out, and ink
    can be read on all of them."""
    colors = colors_of(theme)
    hue = (colors.ground, colors.ramp[1])
    return [[0.0, _along(hue, 0.6)], [1.0, _along(hue, 0.07)]]


def mark_scale(theme: str) -> list[list[Any]]:
    """The same for marks and lines, which must be seen on the ground."""
    colors = colors_of(theme)
    pale = _along((colors.ground, colors.ramp[1]), 0.3)
    return [[0.0, colors.ramp[2]], [0.35, colors.ramp[1]], [1.0, pale]]


def note_if_empty(
    figure: go.Figure, content: Any, theme: str, text: str = "Nothing to show"
) -> None:
    """Say so where there is nothing to draw."""
    if len(content):
        return
    figure.layout.xaxis.visible = figure.layout.yaxis.visible = False
    figure.layout.shapes = ()  # lines at zero, and at a margin
    figure.layout.margin.b = 10
    figure.layout.height = figure.layout.margin.t + EMPTY
    figure.layout.title.y = _title_place(figure)
    figure.add_annotation(
        text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False,
        font={"color": THEMES[theme].quiet, "size": 16},
    )  # fmt: skip


def hovers(texts: Iterable[str]) -> dict[str, Any]:
    """What each mark of a trace says on hover, as the trace's options."""
    template = "%{customdata[0]}<extra></extra>"
    return {"customdata": [[text] for text in texts], "hovertemplate": template}


def label(text: Any) -> str:
    """Text of a study for Plotly, which reads markup: escaped, and whole."""
    return escape(str(text), quote=False)


def _along(ramp: Sequence[str], part: float) -> str:
    """The colour at `part` (0 to 1) of the way along a ramp of evenly spaced colours."""
    step = part * (len(ramp) - 1)
    index = min(int(step), len(ramp) - 2)
    pair = (_rgb(ramp[index]), _rgb(ramp[index + 1]))
    mixed = [round(low + (high - low) * (step - index)) for low, high in zip(*pair, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def transparent(color: str, opacity: float) -> str:
    return "rgba({},{},{},{})".format(*_rgb(color), opacity)


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
