"""Imports run one way: no module of the four rooms imports, by whatever way,
what imports it. What they require, they import."""

import re
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

ROOMS = ("explorer", "search_spaces", "studies", "dashboards")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Imports inside functions and those for types alone count: a circle
    is no smaller for being closed later."""
    return grimp.build_graph(
        *ROOMS, include_external_packages=True, exclude_type_checking_imports=False
    )


def test_there_is_no_import_circle(graph: grimp.ImportGraph) -> None:
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        raise AssertionError(f"these modules import each other: {circle}") from None


def test_every_library_that_is_required_is_imported(graph: grimp.ImportGraph) -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    required = {re.split(r"[>\[]", line)[0].lower() for line in project["dependencies"]}
    imported = {
        module for module in graph.modules if graph.is_module_squashed(module)
    } - sys.stdlib_module_names
    distributions = packages_distributions()
    assert required <= {distributions[module][0].lower() for module in imported}
