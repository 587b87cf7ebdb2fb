"""Hypothesis strategies: architectures over every option, small enough to build and run."""

from hypothesis import strategies as st

from explorer import Architecture, Stem, Template
from explorer.architecture import GROWTHS, ORDERS, smallest_resolution
from explorer.template import KINDS


@st.composite
def architectures(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Architecture:
    """Any small architecture: all blocks, growths, orders, shortcuts and stems, odd sizes too."""
    small = st.integers(1, 6)
    kind = draw(st.sampled_from(kinds))
    stem = Stem(draw(st.sampled_from(["imagenet", "small"])), draw(st.integers(1, 12)))
    # The stem's own width is likely, since there the first projection disappears.
    width = draw(st.one_of(st.just(stem.channels), st.integers(1, 16)))
    depths = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)))
    growth = draw(st.sampled_from(GROWTHS)) if kind == "bottleneck" else "d"
    if kind == "bottleneck":
        unit = 2 ** (len(depths) - 1) if growth == "root" else 1
        paths = unit * draw(st.integers(1, 2) if unit > 1 else small)
        # Growth "root" has d fourfold in every stage: 64 times that of the first in the fourth.
        template = Template(kind, paths, draw(st.integers(1, 2) if unit > 2 else small), width)
    else:
        template = Template().with_(kind=kind, width=width)
        template = template.with_(bottleneck_width=draw(small)) if kind == "inception" else template
    smallest = smallest_resolution(stem, len(depths))
    return Architecture(
        template,
        depths,
        growth=growth,
        shortcut=draw(st.sampled_from(["projection", "none"])),
        stem=stem,
        resolution=draw(st.integers(smallest, smallest + 24)),
        in_channels=draw(st.integers(1, 4)),
        classes=draw(st.integers(1, 12)),
        order=draw(st.sampled_from(ORDERS)),
    )
