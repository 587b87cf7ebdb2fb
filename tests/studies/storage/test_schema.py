"""What is documented of a database is what stands in it, and every query stands in one place."""

import re
import sqlite3
import tarfile
from pathlib import Path

from big_study import add_attempts, make_study

from studies.storage import Storage, schema

ROOT = Path(__file__).parents[3]
README = (ROOT / "studies" / "README.md").read_text()
DOCUMENTED = README[README.index("## Reading the database") :]
KEYS = {
    value
    for name, value in vars(schema).items()
    if name.isupper() and isinstance(value, str) and re.fullmatch("[a-z_:/]+", value)
}


def test_the_example_in_sql_gives_the_errors_that_were_stored(
    storage: Storage, workdir: Path
) -> None:
    stored = make_study(storage, "digits_cardinality")
    add_attempts(storage, stored, states={3: "failed", 13: "running", 14: "waiting"})
    storage.close()
    (query,) = re.findall(r"^```sql\n(.*?)^```", DOCUMENTED, re.MULTILINE | re.DOTALL)
    connection = sqlite3.connect(workdir / "studies.db")
    rows = connection.execute(query).fetchall()
    connection.close()
    assert [row[1:4] for row in rows] == [
        (stored.pairs[number].design, stored.pairs[number].seed, 20)
        for number in range(13)
        if number != 3
    ]
    assert all(0.01 < error < 0.04 for *_, error in rows)
    assert {row[0] for row in rows} == {"digits_cardinality"}


def test_every_key_is_documented() -> None:
    assert len(KEYS) == 20
    for key in KEYS:
        assert f"`{key}" in DOCUMENTED, key


def test_what_every_kind_of_study_wrote_stands_under_keys_of_the_schema(workdir: Path) -> None:
    """A grid, a search, a study that tunes, failed and interrupted trainings, an import."""
    with tarfile.open(ROOT / "tests" / "fixtures" / "storage_0_1_0.tar.gz") as archive:
        archive.extract("old.db", workdir, filter="data")
    connection = sqlite3.connect(workdir / "old.db")
    tables = ("study_user_attributes", "study_system_attributes", "trial_user_attributes")
    keys = {key for table in tables for (key,) in connection.execute(f"SELECT key FROM {table}")}
    connection.close()
    written = {schema.CURVE if key.startswith(schema.CURVE) else key for key in keys}
    later = {schema.MISSED, schema.MADE_ON, schema.NOTE, schema.TAGS, schema.STOPS}
    assert written == KEYS - {schema.RETRIED} - later


def test_no_other_module_asks_for_studies_trials_or_attributes() -> None:
    table = re.compile(r"\b(FROM|JOIN) (studies|trials|\w+_attributes)\b")
    rooms = ("explorer", "search_spaces", "studies", "dashboards")
    asking = [
        path.name
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if table.search(path.read_text())
    ]
    assert asking == ["schema.py"]
