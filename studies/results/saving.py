"""Results as files: the CSV of a study, and beside it what it is of."""

from dataclasses import dataclass
from pathlib import Path

from explorer.files import check_output, write_atomic
from studies.records.stored_study import StoredStudy
from studies.results.continuing import can_go_on, write_origin
from studies.results.reader import Reader
from studies.results.table_text import as_csv
from studies.results.tables import CURVES, TRIALS
from studies.storage import Storage

MARKING_COLUMNS = 4  # as a CSV file of ours begins: a later version may have others after them


@dataclass(frozen=True)
class SavedResults:
    """What `save_results` has written.

    Attributes:
        rows: How many.
        origin: The file that says what they are of, with which `import_results` goes on; None
            beside curves, and of a study that cannot be gone on with.
    """

    rows: int
    origin: Path | None


def save_tables(
    storage: Storage, study: StoredStudy, path: Path, *, curves: bool, force: bool
) -> SavedResults:
    """What `studies.save_results` does."""
    header = list(CURVES if curves else TRIALS)[:MARKING_COLUMNS]
    check_output(path, (".csv",), ",".join(header).encode(), force=force)
    reader = Reader(storage)
    table = reader.curves(study.name) if curves else reader.results(study.name)
    write_atomic(path, as_csv(table))
    goes_on = not curves and can_go_on(study.content)
    origin = write_origin(path, study.content, force=force) if goes_on else None
    return SavedResults(len(table), origin)
