"""Optuna's migrations, read once in a process.

Optuna runs the ten modules of its migrations anew four times for each database that it makes, and
once for each that it opens: two thirds of what an SQLite file costs, and hundreds of tests make
one. They are the same modules each time.
"""

import functools
from typing import Any

from alembic.script import ScriptDirectory


def read_once() -> Any:
    """What finds the migrations, in place of `ScriptDirectory.from_config`."""
    read = functools.cache(ScriptDirectory)
    return lambda config: read(config.get_main_option("script_location"))
