"""What a notebook shows of a study and of what it found, as HTML in which all text is escaped.

`Study` and `Findings` reach it by name in their `_repr_html_`, since it stands above them.
"""

from html import escape
from typing import TYPE_CHECKING

from dashboards.analysis.tables import closing_table
from dashboards.report.sources import load_stored
from explorer.errors import UserError
from explorer.showing import paragraph, table
from explorer.text import counted
from studies.config.study import MOST_SHOWN, StudyFile
from studies.records.creation import compared
from studies.records.stored_study import find
from studies.storage import Storage

if TYPE_CHECKING:
    from dashboards.analysis.findings import Findings


def of_findings(findings: "Findings") -> str:
    """The verdict, the closing table with a row for each arm, and the notes."""
    verdict, closing = findings.verdict, closing_table(findings)
    notes = "".join(f"<li>{escape(note)}</li>" for note in verdict.notes)
    return (
        f"<p><strong>{escape(verdict.text)}</strong></p>"
        + table(closing.columns, closing.rows, left=closing.words)
        + (f"<ul>{notes}</ul>" if notes else "")
    )


def of_study(study: StudyFile) -> str:
    """What a study asks and trains; where the default storage holds it, also what it found."""
    number = len(study.seeds)
    seeds = ", ".join(map(str, study.seeds)) if number <= MOST_SHOWN else f"{number:,} seeds"
    facts = {
        "space": f"{study.space.name}: {counted(len(study.space.points), 'arm')}",
        "reference arm": study.reference_label,
        "data": study.data.name,
        "recipe": ", ".join(
            f"{recipe.name}, {counted(recipe.epochs, 'epoch')}" for recipe in study.all_recipes
        ),
        "seeds": seeds,
    }
    title = f"{study.name}: {study.question}" if study.question else study.name
    rows = list(facts.items())
    return paragraph(title) + table(("study", study.name), rows, left=[study.name]) + _found(study)


def _found(study: StudyFile) -> str:
    try:
        with Storage.visit(None) as storage:
            is_there = storage.exists() and not storage.is_empty()
            stored = find(storage, study.name) if is_there else None
            if stored is None:
                return ""
            counts = stored.counts(storage)
            _, differing = compared(stored.content, study)
            other = (
                f"In the storage a study of this name differs ({'; '.join(differing)}); what"
                " follows is of that study."
            )
            stand = (paragraph(other) if differing else "") + paragraph(
                f"{counts.complete} of {counts.wanted} pairs are complete."
            )
            source = load_stored(study.name, storage) if counts.complete else None
    except UserError as error:  # a value is shown whatever a storage holds
        return paragraph(str(error))
    if source is None:
        return stand
    if source.by_recipe is None:
        return stand + of_findings(source.findings)
    parts = [paragraph(part.name) + of_findings(part.findings) for part in source.parts]
    return stand + paragraph(source.by_recipe.text) + "".join(parts)
