"""Whatever takes an architecture takes its name, too; and NumPy's numbers are numbers."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from explorer import (
    Architecture,
    Budget,
    UserError,
    build,
    count,
    drawing,
    enumerate_designs,
    iter_layers,
    match,
    scale,
    suggest,
)
from explorer.networks import Case, find_violations

NAME = "resnext_1-1_2x8d_w32_small16"
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "match": lambda given: match(given, cardinality=[1, 4]),
    "scale": lambda given: scale(given, 2),
    "enumerate_designs": lambda given: enumerate_designs(given, cardinality=[1, 4]).to_dict(),
    "count": count,
    "iter_layers": lambda given: list(iter_layers(given)),
    "Budget.of": Budget.of,
    "build": lambda given: str(build(given)),
    "Case": Case,
    "find_violations": find_violations,
    "drawing": drawing.svg,
    "drawing as a page": drawing.html,
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_name_stands_for_its_architecture(function: Callable[[Any], Any]) -> None:
    assert function(NAME) == function(Architecture.from_name(NAME))
    with pytest.raises(UserError, match="Did you mean 'resnet50'"):
        function("resnet51")


def test_numpys_numbers_are_taken_and_given_back_as_pythons() -> None:
    designs = match(NAME, cardinality=np.array([1, 4]), budget=np.int64(100_000_000))
    assert designs == match(NAME, cardinality=[1, 4], budget=100_000_000)
    assert (
        json.loads(json.dumps([design.record() for design in designs]))[0]["budget"] == 100_000_000
    )
    assert Architecture.from_name(NAME, resolution=np.int32(32)).resolution == 32
    first = suggest(np.int64(5_000_000), resolution=np.int64(32), cardinality=np.array([1, 2]))[0]
    assert json.dumps(first.record())


@pytest.mark.parametrize("tolerance", [5, "500%", -0.1, "lots", 1])
def test_a_tolerance_is_a_share_below_one(tolerance: Any) -> None:
    for function in (match, enumerate_designs):
        with pytest.raises(UserError, match=r"tolerance must be .*below 1"):
            function(NAME, cardinality=[1, 4], tolerance=tolerance)
