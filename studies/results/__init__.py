"""The results of studies as two tables, `trials`, one row a pair, and `curves`, one row an epoch of a pair, and what a study was run with.

Everything a dashboard, a report, a CSV file or a notebook shows comes from these.
"""

from studies.results.info import info_of, study_info
from studies.results.reader import Reader, Tables, read
from studies.results.tables import CURVES, TRIALS, with_tuned

__all__ = ["CURVES", "TRIALS", "Reader", "Tables", "info_of", "read", "study_info", "with_tuned"]
