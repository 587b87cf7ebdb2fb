"""Arms under the labels that a study's file gives them now.

With several references an arm carries its reference's name ("resnet50 C=1"), with one it does not
("C=1"). So where a study is extended by a second reference, what was stored and proposed before is
read under its new label. That also mends studies that an earlier version extended: it left the
reference arm under its old label.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from explorer import Architecture


def relabelled(
    records: Iterable[Mapping[str, Any]], document: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Records of designs with the labels of their arms as the study's `document` has them."""
    names = _references(document)
    if len(names) < 2:
        return [dict(record) for record in records]
    written = {Architecture.from_name(name).name: name for name in names}
    return [
        {**record, "arm": _label(record["arm"], written.get(record["reference"]), names)}
        for record in records
    ]


def reference_arm(content: Mapping[str, Any]) -> str:
    """The label of the arm that a stored study's others are compared with."""
    names = _references(content["document"])
    if len(names) < 2:
        return str(content["reference_arm"])
    own = content["document"]["reference_arm"].get("reference", names[0])
    return _label(str(content["reference_arm"]), own, names)


def _references(document: Mapping[str, Any]) -> list[str]:
    given = document.get("space", {}).get("reference", [])  # an imported study has no space
    return [given] if isinstance(given, str) else list(given)


def _label(label: str, reference: str | None, names: Iterable[str]) -> str:
    if reference is None or any(label.startswith(f"{name} ") for name in names):
        return label
    return f"{reference} {label}"
