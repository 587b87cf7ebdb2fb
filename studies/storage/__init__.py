"""Where studies are stored: an Optuna storage in SQLite or PostgreSQL.

Other rooms import from here, and the database's keys and queries from `studies.storage.schema`; the
other modules are private to this room.
"""

from studies.storage.outages import PATIENCE, Away, Patience, Reason, Say, StorageAway
from studies.storage.storage import FILES, Storage, from_json, select_in
from studies.storage.url import hidden

__all__ = [
    "FILES",
    "PATIENCE",
    "Away",
    "Patience",
    "Reason",
    "Say",
    "Storage",
    "StorageAway",
    "from_json",
    "hidden",
    "select_in",
]
