"""The single marks of a figure, whose traces may hold many of them."""

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True)
class Drawn:
    """A mark as it is drawn; `about` is its `customdata`."""

    x: float
    y: float
    color: str
    size: float
    about: Any = None


def marks_of(figure: go.Figure, size: float = 0.0) -> list[Drawn]:
    """Every mark of at least this size, in the order in which they are drawn."""
    marks = []
    for trace in figure.data:
        if trace.mode != "markers":
            continue
        for place, (x, y) in enumerate(zip(trace.x, trace.y, strict=True)):
            color, own = (_of(value, place) for value in (trace.marker.color, trace.marker.size))
            about = None if trace.customdata is None else trace.customdata[place]
            if (own or 0) >= size:
                marks.append(Drawn(x, y, color, own, about))
    return marks


def points_of(figure: go.Figure) -> list[Drawn]:
    """The marks of single trainings."""
    return [mark for mark in marks_of(figure) if mark.about is not None and len(mark.about) > 1]


def intervals_of(figure: go.Figure) -> list[list[tuple[float, float]]]:
    """The ends of every line of two points, of traces that may hold many with gaps between."""
    lines: list[list[tuple[float, float]]] = []
    for trace in figure.data:
        if trace.mode == "lines":
            line: list[tuple[float, float]] = []
            for x, y in [*zip(trace.x, trace.y, strict=True), (None, None)]:
                if x is not None:
                    line.append((x, y))
                elif line:
                    lines.append(line)
                    line = []
    return [line for line in lines if len(line) == 2]


def _of(value: Any, place: int) -> Any:
    return value[place] if isinstance(value, tuple | list) else value
