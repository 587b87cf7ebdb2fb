"""What is documented of a database is what stands in it, and every query stands in one place."""

import json
import re
import sqlite3
from pathlib import Path

from big_study import add_attempts, make_study

from studies import schema
from studies.storage import Storage

ROOT = Path(__file__).parents[2]
README = (ROOT / "studies" / "README.md").read_text()
DOCUMENTED = README[README.index("## Reading the database") :]


def test_the_example_in_sql_gives_the_errors_that_were_stored(storage: Storage, workdir: Path) -> None:
    stored = make_study(storage, "digits_cardinality")
    add_attempts(storage, stored, states={3: "failed", 13: "running", 14: "waiting"})
    storage.close()
    (query,) = re.findall(r"^```sql\n(.*?)^```", DOCUMENTED, re.MULTILINE | re.DOTALL)
    connection = sqlite3.connect(workdir / "studies.db")
    rows = connection.execute(query).fetchall()
    connection.close()
    assert [row[1:4] for row in rows] == [
        (stored.pairs[place].design, stored.pairs[place].seed, 20) for place in range(13) if place != 3
    ]
    assert all(0.01 < error < 0.04 for *_, error in rows)
    assert {row[0] for row in rows} == {"digits_cardinality"}


def test_every_key_is_documented() -> None:
    keys = {
        value for name, value in vars(schema).items() if name.isupper() and isinstance(value, str) and "\n" not in value
    } - {schema.LAST_ATTRIBUTE, schema._STATE}
    assert len(keys) == 15
    for key in keys:
        assert f"`{key}" in DOCUMENTED, key


def test_what_workers_write_has_keys_of_the_schema(storage: Storage) -> None:
    stored = make_study(storage, "big", seeds=1)
    add_attempts(storage, stored, states={3: "failed"})
    (row,) = storage.rows(schema.STUDY, name="big")
    assert row["key"] == schema.CONTENT
    assert json.loads(row["value_json"])["uid"] == stored.uid
    assert not storage.rows(schema.STUDY, name="other")


def test_no_other_module_asks_for_studies_trials_or_attributes() -> None:
    table = re.compile(r"\b(FROM|JOIN) (studies|trials|\w+_attributes)\b")
    rooms = ("explorer", "search_spaces", "studies", "dashboards")
    asking = [path.name for room in rooms for path in (ROOT / room).rglob("*.py") if table.search(path.read_text())]
    assert asking == ["schema.py"]
