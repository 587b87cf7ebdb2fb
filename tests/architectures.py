"""Hypothesis strategies: architectures over every option, small enough to build and run."""

from hypothesis import strategies as st

from explorer import Architecture, Stem, Template
from explorer.architecture import smallest_resolution


@st.composite
def architectures(
    draw: st.DrawFn, kinds: tuple[str, ...] = ("bottleneck", "basic")
) -> Architecture:
    """Any small architecture: both blocks, growths, shortcuts and stems, odd sizes included."""
    small = st.integers(1, 6)
    kind = draw(st.sampled_from(kinds))
    stem = Stem(draw(st.sampled_from(["imagenet", "small"])), draw(st.integers(1, 12)))
    # The stem's own width is likely, since there the first projection disappears.
    width = draw(st.one_of(st.just(stem.channels), st.integers(1, 16)))
    template = (
        Template("bottleneck", draw(small), draw(small), width)
        if kind == "bottleneck"
        else Template("basic", 1, None, width)
    )
    depths = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)))
    smallest = smallest_resolution(stem, len(depths))
    return Architecture(
        template,
        depths,
        growth=draw(st.sampled_from(["d", "C"])) if kind == "bottleneck" else "d",
        shortcut=draw(st.sampled_from(["projection", "none"])),
        stem=stem,
        resolution=draw(st.integers(smallest, smallest + 24)),
        in_channels=draw(st.integers(1, 4)),
        classes=draw(st.integers(1, 12)),
    )
