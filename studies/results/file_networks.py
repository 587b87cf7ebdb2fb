"""The networks that a file of results names, checked against what each row says about them."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from explorer import Architecture, Blueprint, Budget, Design, blueprint
from explorer.budget import write_quantities
from explorer.errors import UserError
from explorer.foreign import check_users_own
from explorer.own.names import OwnName, is_own
from explorer.suggestions import command
from explorer.template import SIZES
from explorer.text import dashed, human_count
from studies.config.design import COUNTS, StoredDesign, changed_source
from studies.results.table_text import NOTHING, TextTable
from studies.results.tables import SOURCE, columns_of_designs, own_columns

WORDS = ("growth", "shortcut", "stem", "kind", "order")


def network_of(
    table: TextTable, rows: pd.DataFrame, key: Any, trusted: Collection[str]
) -> Blueprint:
    """The network of these rows.

    Args:
        table: The file.
        rows: Those of one design.
        key: Its name and sizes.
        trusted: Networks of the user's own that the user has named: their functions may be called,
            also where they are of a library.

    Raises:
        UserError: There is no such network, or its function is not called; with the line.
    """
    name, *sizes = key
    given = {column: int(size) for column, size in zip(SIZES, sizes, strict=True) if size == size}
    try:
        if is_own(name):
            _check_trusted(name, trusted)
        network = blueprint(name, **given)
        network.count()  # what goes wrong in a function of the user's own has a line as well
        return network
    except UserError as error:
        raise table.refused(rows.index[0], str(error)) from None


def _check_trusted(name: str, trusted: Collection[str]) -> None:
    """Raise `UserError` where a network's function is of a library, and not named by the user."""
    target = OwnName.parse(name).target
    if target not in {OwnName.parse(known).target for known in filter(is_own, trusted)}:
        again = command("study import", "FILE", **{"continue": "STUDY"})
        advice = f"If you trust it, name it in the space of a study, and store the file: {again}."
        check_users_own(target, "the column design", advice)


def compare(table: TextTable, rows: pd.DataFrame, network: Blueprint) -> None:
    """Raise `UserError` where a row says something else about its network than we count."""
    design = StoredDesign.of(Design(network, Budget.of(network)))
    _compare_own(table, rows, network, design)
    described = {key: of[0] for key, of in columns_of_designs([design], [design.name]).items()}
    for column in ("cardinality", "bottleneck_width", "width", *COUNTS):
        count = described[column]
        differs = rows[column].notna() & (rows[column] != count)
        if differs.any():
            row = int(differs.idxmax())
            size = (
                f"{network.resolution} pixels, {network.in_channels} channels, {network.classes}"
                " classes"
            )
            raise table.refused(
                row,
                f"{column} is {rows[column][row]:.0f} here, and {network.name} has {count}"
                f" ({human_count(count or 0)}; at {size}). Correct the name, the number, or the"
                " columns resolution, in_channels and classes",
            )
    for column in ("depths", *WORDS):
        word = "" if described[column] is None else str(described[column])
        differs = (rows[column] != "") & (rows[column] != word)
        if differs.any():
            row = int(differs.idxmax())
            raise table.refused(
                row, f"{column} is {rows[column][row]!r} here, and {network.name} has {word!r}"
            )


def _compare_own(
    table: TextTable, rows: pd.DataFrame, network: Blueprint, design: StoredDesign
) -> None:
    """`compare` for what only networks of the user's own have: more quantities and a source."""
    if not design.source:
        return
    own = {
        column: str(dashed(design.quantities[key])) for column, key in own_columns([design]).items()
    }
    for row in rows.index:
        cells = {
            column: cell
            for column in (SOURCE, *own)
            if column in table.columns
            and (cell := table.cells[column][row].strip()).casefold() not in NOTHING
        }
        if cells.pop(SOURCE, design.source) != design.source:
            counts = {key: rows[key][row] for key in COUNTS if rows[key][row] == rows[key][row]}
            reason = changed_source(network, counts, "was written here")
            raise table.refused(row, f"{reason} Take the source of then")
        for column, text in own.items():
            if cells.get(column, text).removesuffix(".0") != text:
                raise table.refused(
                    row, f"{column} is {cells[column]!r} here, and {network.name} has {text!r}"
                )


def usual_arms(networks: Mapping[str, Blueprint]) -> dict[str, str]:
    """The arm of each design where the file has none: 'C=8'.

    Of networks of the user's own it is what tells them apart: 'kernel=5, width=44'.
    """
    own = [network.quantities for network in networks.values()]
    differing = [
        key
        for key in dict.fromkeys(key for values in own for key in values)
        if len({values.get(key) for values in own}) > 1
    ]
    arms = {}
    for name, network in networks.items():
        keys = [key for key in differing if key in network.quantities]
        if isinstance(network, Architecture):
            keys = ["cardinality"]
        arms[name] = write_quantities(network, keys) or name
    return arms
