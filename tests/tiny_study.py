"""A study file that trains in seconds, and editing it."""

from pathlib import Path

STUDY = """
name: tiny
question: Does it go on?
space: tiny_space.yaml
reference_arm: {cardinality: 1}
data: {name: digits, validation: 0.2, test: 0.2, split_seed: 0}
recipe: {name: quick, epochs: 4, batch_size: 64}
seeds: [0, 1]
"""
SPACE = """
reference: resnext_1_1x8d_w16_small8
match: {solve: bottleneck_width, by: flops}
axes: {cardinality: [1, 2, 4]}
"""


def change(path: Path, old: str, new: str) -> None:
    """Edit a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
