"""The results of studies as two tables, `trials`, one row a pair, and `curves`, one row an epoch.

Everything that a dashboard, a report, a CSV file or a notebook shows comes from these, and from
`study_info`, which says what a study asks and what it was run with.
"""

from studies.results.info import info_of, study_info
from studies.results.reader import Reader, Tables, read
from studies.results.tables import CURVES, TRIALS, with_tuned

__all__ = ["CURVES", "TRIALS", "Reader", "Tables", "info_of", "read", "study_info", "with_tuned"]
