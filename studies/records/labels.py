"""Arms under the labels that a study's file gives them now.

With several references an arm carries its reference's name ("resnet50 C=1"), with one it does not
("C=1"). So where a study is extended by a second reference, what was stored and proposed before is
read under its new label. That also mends studies that an earlier version extended: it left the
reference arm under its old label.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from explorer import Architecture
from explorer.own.names import OwnName, is_own
from studies.config.design import StoredDesign


def relabelled(designs: Iterable[StoredDesign], references: Sequence[str]) -> list[StoredDesign]:
    """The designs with the labels of their arms as a space with these references has them."""
    if len(references) < 2:
        return list(designs)
    ours = {Architecture.from_name(name).name: name for name in references if not is_own(name)}
    own = {name: OwnName.parse(name) for name in references if is_own(name)}

    def written(canonical: str | None) -> str | None:
        if not is_own(canonical):
            return ours.get(canonical or "")
        stored = OwnName.parse(canonical)
        return next((name for name, said in own.items() if said.covers(stored)), None)

    return [
        replace(design, arm=label_now(design.arm, written(design.reference), references))
        for design in designs
    ]


def label_now(label: str, reference: str | None, references: Sequence[str]) -> str:
    """The label that an arm of `reference` has in a space with these references."""
    if len(references) < 2 or reference is None:
        return label
    is_named = any(label.startswith(f"{name} ") for name in references)
    return label if is_named else f"{reference} {label}"
