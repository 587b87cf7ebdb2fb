"""Published trainings as a study: through the same check, and stored as a CSV file's are."""

from pathlib import Path

from explorer.errors import unknown
from explorer.file_kinds import PUBLISHED
from explorer.published import STUDIES
from studies.results.importing import Imported, checked
from studies.results.table_text import TextTable


def read_published(
    origin: str | Path, *, name: str | None = None, reference_arm: str | None = None
) -> Imported:
    """The study of these published trainings; stores nothing.

    Args:
        origin: The prefix and a name in `explorer.published.STUDIES`.
        name: What to call it; else the published name.
        reference_arm: The arm that others are compared with; else the first with C=1.

    Raises:
        UserError: For an unknown name; it gives the nearest and lists all.
    """
    known = str(origin).removeprefix(PUBLISHED)
    if known not in STUDIES:
        raise unknown("published result", known, STUDIES)
    published = STUDIES[known]
    rows = [
        {
            "design": training.network.name,
            "arm": training.label,
            "seed": "0",
            "validation_error": "",  # nobody publishes them
            "test_error": repr(training.error),
            "resolution": str(training.network.resolution),
            "in_channels": str(training.network.in_channels),
            "classes": str(training.network.classes),
        }
        for training in published.trainings
    ]
    usual = next(
        (
            training.label
            for training in published.trainings
            if training.network.template.cardinality == 1
        ),
        None,
    )
    table = TextTable.of(Path(PUBLISHED + known), rows)
    return checked(
        table,
        PUBLISHED + known,
        name=name or known,
        reference_arm=reference_arm or usual,
        data=published.data,
        about=published.about,
    )
