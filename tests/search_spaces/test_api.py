"""A space bound to an input."""

import pytest
from space_files import TEXT, parse

from explorer import UserError


def test_input_comes_from_the_data_and_must_agree_with_the_file() -> None:
    assert (
        parse(TEXT).resolve(resolution=64, classes=7, in_channels=1).designs[0].architecture.classes
        == 7
    )
    with pytest.raises(UserError, match="resolution 32, but the data has 64"):
        parse(TEXT + "resolution: 32\n").resolve(resolution=64)


def test_what_the_interpreter_shows_of_a_space_is_a_line_also_after_it_was_resolved() -> None:
    space = parse(TEXT)
    assert repr(space.resolve()) == "<Resolved: 2 designs>"
    assert repr(space.bind(resolution=64)) == "<BoundSpace 'my', resolution=64>"
    assert repr(space).startswith("SearchSpace(name='my', reference='resnet50', match=")


def test_designs_of_a_free_space_are_not_marked_for_what_they_cost() -> None:
    free = parse("reference: resnet50\nfree: {}\naxes: {width: [64, 256]}\n").resolve()
    assert [round(design.mismatch, 2) for design in free.designs] == [-0.4, 0.0]
    assert all("!" not in repr(design) for design in free.designs)
