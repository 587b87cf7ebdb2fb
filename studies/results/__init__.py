"""The results of studies as two tables, `trials`, one row a pair, and `curves`, one row an epoch.

Everything that a dashboard, a report, a CSV file or a notebook shows comes from these, and from
`study_info`, which says what a study asks and what it was run with. Other rooms import from here;
the modules are private to this one. Names are loaded when first used: the tables load pandas, which
takes 0.4 s; deleting a study does not.
"""

from typing import TYPE_CHECKING

from explorer.lazy import lazy_getattr

if TYPE_CHECKING:
    from studies.results.continuing import Taken, continue_study
    from studies.results.evidence import (
        EVIDENCE_SHOWN,
        ROOM,
        evidence_names,
        evidence_questions,
        evidence_reader,
        evidence_storage,
    )
    from studies.results.history import Failure, delete, failures
    from studies.results.importing import Imported, import_csv, read_csv, store_imported
    from studies.results.info import info_of, info_of_recipe, study_info
    from studies.results.nds import read_nds
    from studies.results.published_results import read_published
    from studies.results.reader import Reader, Tables, read
    from studies.results.saving import SavedResults, save_tables
    from studies.results.table_files import (
        NO_VALIDATION,
        FileStudy,
        check_curves,
        check_results,
        holds_curves,
        open_table,
    )
    from studies.results.table_text import as_csv
    from studies.results.tables import CURVES, OF_RECIPE, TRIALS, of_recipe

__all__ = [
    "CURVES",
    "EVIDENCE_SHOWN",
    "NO_VALIDATION",
    "ROOM",
    "TRIALS",
    "Failure",
    "FileStudy",
    "Imported",
    "Reader",
    "SavedResults",
    "Tables",
    "Taken",
    "as_csv",
    "check_curves",
    "check_results",
    "continue_study",
    "delete",
    "evidence_names",
    "evidence_questions",
    "evidence_reader",
    "evidence_storage",
    "failures",
    "holds_curves",
    "import_csv",
    "info_of",
    "info_of_recipe",
    "open_table",
    "read",
    "read_csv",
    "read_nds",
    "read_published",
    "save_tables",
    "store_imported",
    "study_info",
]
__getattr__ = lazy_getattr(
    __name__,
    {
        "evidence": (
            "EVIDENCE_SHOWN",
            "ROOM",
            "evidence_names",
            "evidence_questions",
            "evidence_reader",
            "evidence_storage",
        ),
        "history": ("Failure", "delete", "failures"),
        "continuing": ("Taken", "continue_study"),
        "importing": ("Imported", "import_csv", "read_csv", "store_imported"),
        "nds": ("read_nds",),
        "published_results": ("read_published",),
        "info": ("info_of", "info_of_recipe", "study_info"),
        "reader": ("Reader", "Tables", "read"),
        "saving": ("SavedResults", "save_tables"),
        "table_files": (
            "NO_VALIDATION",
            "FileStudy",
            "check_curves",
            "check_results",
            "holds_curves",
            "open_table",
        ),
        "table_text": ("as_csv",),
        "tables": ("CURVES", "OF_RECIPE", "TRIALS", "of_recipe"),
    },
)
