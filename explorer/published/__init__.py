"""What others published: the paper's tables, and later trainings of the same networks.

Errors are in percent; FLOPs are multiply-adds.
"""

from explorer.published.elsewhere import ELSEWHERE
from explorer.published.paper import PAPER
from explorer.published.studies import STUDIES, TABLES, PublishedStudy, Training, trainings_of
from explorer.published.tables import PublishedRow, PublishedTable

__all__ = [
    "ELSEWHERE",
    "PAPER",
    "STUDIES",
    "TABLES",
    "PublishedRow",
    "PublishedStudy",
    "PublishedTable",
    "Training",
    "trainings_of",
]
