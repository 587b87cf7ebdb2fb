"""Where studies are kept: an Optuna storage in SQLite or PostgreSQL."""

from studies.storage.storage import Storage, from_json

__all__ = ["Storage", "from_json"]
