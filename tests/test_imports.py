"""Imports run one way: no module of the four rooms imports, by whatever way, what imports it."""

from graphlib import CycleError, TopologicalSorter

import grimp

ROOMS = ("explorer", "search_spaces", "studies", "dashboards")


def test_there_is_no_import_circle() -> None:
    """Imports inside functions and those for types alone count: a circle is no smaller for being closed later."""
    graph = grimp.build_graph(*ROOMS, exclude_type_checking_imports=False)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        raise AssertionError(f"these modules import each other: {circle}") from None
