"""What tells the lines and marks of a figure apart: their names at them where those fit on a phone,
else a legend below."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboards.figures.common import DIRECT_LABELS
from dashboards.figures.places import LINE, text_width, wrapped
from dashboards.figures.theme import Style, label

LABEL_SIZE = 12.5  # of the font of a name at its line
LONGEST_LABEL = 90  # pixels of such a name: on a phone the figure is three times as wide
WIDTH = 260  # pixels of a legend on a phone
BETWEEN = 3  # pixels between the rows of a legend
SAMPLE = 45  # pixels of the line before a name
LONGEST_ENTRY = 38  # letters of a name in a legend: longer ones go on in the next line


def fit_beside(names: Sequence[str]) -> bool:
    """Whether so many names, so long, can stand at the ends of their lines."""
    widest = max((text_width(name, LABEL_SIZE) for name in names), default=0.0)
    return len(names) <= DIRECT_LABELS and widest <= LONGEST_LABEL


def add_legend(figure: go.Figure, styles: Mapping[str, Style], mode: str = "lines+markers") -> None:
    """A legend below a figure, which grows by as much: a sample of each style with its name.

    A sample stands and falls with the traces whose `legendgroup` is its name.
    """
    lines = {name: wrapped(name, LONGEST_ENTRY) for name in styles}
    figure.update_traces(showlegend=False)
    for name, style in styles.items():
        figure.add_scatter(
            x=[None],
            y=[None],
            mode=mode,
            line={"color": style.color, "width": 2.25, "dash": style.dash},
            marker=style.marker(9),
            name="<br>".join(map(label, lines[name])),
            legendgroup=label(name),
            showlegend=True,
            hoverinfo="skip",
        )
    widest = max((text_width(line) for own in lines.values() for line in own), default=0.0)
    columns = max(1, int(WIDTH // (SAMPLE + widest)))
    high = [len(own) for own in lines.values()]  # lines of text
    rows = [high[first : first + columns] for first in range(0, len(high), columns)]
    margin, height = figure.layout.margin, figure.layout.height
    below, needed = margin.b + 8, sum(max(row) * LINE + BETWEEN for row in rows) + 10
    figure.update_layout(
        showlegend=True,
        legend={
            # One column stays one on a wide page: else half of its room would be empty there.
            "orientation": "v" if columns == 1 else "h",
            "x": 0,
            "xanchor": "left",
            # Just below the axis. The room is made here and not by Plotly, which makes it once for
            # the first size of a figure and leaves the legend there.
            "y": -below / (height - margin.t - margin.b),
            "yanchor": "top",
            "traceorder": "normal",
            "maxheight": 1,
        },
        height=height + 8 + needed,
        margin={"b": below + needed},
    )
