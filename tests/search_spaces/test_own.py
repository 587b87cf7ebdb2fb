"""Spaces of networks of one's own: their quantities are the axes, and one of them is solved."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from own_families import PLAIN, write
from space_files import parse

from explorer import UserError, blueprint, count
from search_spaces import SearchSpace

Here = Callable[..., "subprocess.CompletedProcess[str]"]

SPACE = """
reference: "spaced:net(width=16,depths=1-2)"
axes: {kernel: [3, 5, 7], depths: [1-2, 2-2]}
match: {solve: width, by: flops}
"""


def test_every_arm_is_the_nearest_to_the_references_cost(workdir: Path) -> None:
    write(workdir, "spaced", PLAIN)
    resolved = parse(SPACE).resolve(resolution=8, in_channels=1, classes=10)
    assert [design.arm for design in resolved.designs][:2] == [
        "kernel=3, depths=1-2",
        "kernel=3, depths=2-2",
    ]
    reference = blueprint(
        "spaced:net(width=16,depths=1-2)", resolution=8, in_channels=1, classes=10
    )
    budget = count(reference).flops
    for design in resolved.designs:
        assert design.budget.value == budget
        width = design.architecture.quantities["width"]
        costs = {
            near: abs(count(design.architecture.with_(width=near)).flops - budget)
            for near in range(max(1, width - 3), width + 4)
        }
        assert costs[width] == min(costs.values())
    assert resolved.designs[0].architecture == reference


def test_a_space_is_read_without_importing_anything() -> None:
    space = parse(SPACE.replace("spaced:", "nobody_has_this:"))
    assert "nobody_has_this" not in sys.modules
    document = space.model_dump(mode="json", exclude_none=True)
    assert document["axes"] == {"kernel": [3, 5, 7], "depths": [[1, 2], [2, 2]]}
    assert SearchSpace.model_validate(document) == space
    assert space.arm_label({"kernel": 5, "depths": "1-2"}) == "kernel=5, depths=1-2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            (SPACE[SPACE.index("axes") :], "scale: {factor: 2}"),
            "scale: deeper, wider and more paths are of networks of ours",
        ),
        (("kernel: [3, 5, 7]", "kernel: [3, 3]"), "axes.kernel lists a value twice: 3"),
        (("kernel: [3, 5, 7]", "kernel: [3, big]"), "axes.kernel takes a whole number"),
        (("kernel: [3, 5, 7]", "kernel: 3"), "axes.kernel must be a list of at least one value"),
        (("by: flops", "by: block"), "block is of our own bottleneck blocks"),
        (("solve: width", "solve: kernel"), "kernel is both an axis and what match solves for"),
        (("spaced:net(width=16,", "spaced:net(width=a,"), "width takes a whole number"),
    ],
)
def test_a_mistake_in_the_file_is_one_message(change: tuple[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(SPACE.replace(*change))


def test_what_the_function_does_not_take_is_told_when_it_is_called(workdir: Path) -> None:
    write(workdir, "spaced", PLAIN)
    sizes = {"resolution": 8, "in_channels": 1, "classes": 10}
    with pytest.raises(UserError, match=r"unknown quantity .*'kernl'. Did you mean 'kernel'"):
        parse(SPACE.replace("kernel:", "kernl:")).resolve(**sizes)
    with pytest.raises(
        UserError, match=r"unknown quantity to solve 'bottleneck_width'. Known: depths"
    ):
        parse(SPACE.replace("{solve: width, by: flops}", "{}")).resolve(**sizes)


def test_a_free_space_keeps_limits_and_finds_ignored_quantities(workdir: Path) -> None:
    write(workdir, "freed", PLAIN.replace("kernel: int", "spare: int = 1, kernel: int"))
    text = SPACE.replace("spaced:", "freed:")
    free = text.replace("match: {solve: width, by: flops}", "free: {limits: {flops: 800k}}")
    resolved = parse(free).resolve(resolution=8, in_channels=1, classes=10)
    assert all(design.complexity.flops <= 800_000 for design in resolved.designs)
    assert [point.arm for point in resolved.left_out][-1] == "kernel=7, depths=2-2"
    ignoring = parse(text.replace("kernel: [3, 5, 7]", "spare: [1, 2]"))
    with pytest.raises(UserError, match="freed:net ignores spare"):
        ignoring.resolve(resolution=8, in_channels=1, classes=10)


def test_the_commands_of_spaces_show_them(workdir: Path, here: Here) -> None:
    write(workdir, "spaced", PLAIN)
    (workdir / "space.yaml").write_text(SPACE)
    sizes = ("--resolution", "8", "--in-channels", "1", "--classes", "10")
    shown = here("space", "show", "./space.yaml", *sizes)
    assert shown.returncode == 0
    assert "spaced:net(depths=1-2,kernel=3,width=16)" in shown.stdout
    record = json.loads(here("space", "show", "./space.yaml", *sizes, "--json").stdout)
    assert record["designs"][0]["quantities"] == {"depths": [1, 2], "kernel": 3, "width": 16}
