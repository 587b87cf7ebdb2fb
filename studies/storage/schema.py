"""What a database holds, and how it is read: every attribute that is written, and every query.

A study is a study of Optuna, an attempt at a pair is one of its trials, and what is stored of the
two are their attributes: JSON texts under the keys below. Studies are written through Optuna, and
attempts as Optuna would write them (`studies.attempts.writing`). "Reading the database" in
`studies/README.md` describes it for those who read a database themselves.
"""

from collections.abc import Iterable

# Attributes of a study. The first holds all that `studies.records.content` knows of it, and marks
# it as a study of this program.
CONTENT = "explorer"
RETRIED = "retried_from"  # the number of the first attempt whose failure counts
STOPS = "stops"  # how often `study stop` was called
NOTE, TAGS = "note", "tags"  # what people say of it: a text, and a list of words
IMPORTING = "explorer:importing"  # left by a version that stored an import in several steps
METRICS = "study:metric_names"  # Optuna's own: the names of the values of a trial

# Attributes of an attempt. Each is written once, but for the lease.
CLAIM = "claim"  # its pair and its worker, written as the attempt is created
LEASE = "lease"  # counts the worker's signs of life
PROGRESS = "progress"  # the first epoch that it finished
CURVE = "curve/"  # and the first epoch of the chunk
RESULT = "result"
MISSED = "missed"  # which images; read apart, since it is large and few pages show it
FAILURE = "failure"
ENDED = "ended"  # how it ended; the state, which is written after it, decides
PROPOSAL = "proposal"  # of a search: the design that it names first
RECIPE = "recipe"  # of a study that tunes: what it changes in the recipe
MADE_ON = "made_on"  # on what kind of machine, with which versions
ARM, DESIGN = "arm", "design"  # for optuna-dashboard to show

# Queries. Ids of trials grow in the order in which attempts are created, also across studies.
STUDIES = f"""
    SELECT s.study_id, s.study_name, a.key, a.value_json FROM studies s
    JOIN study_user_attributes a ON a.study_id = s.study_id
        AND a.key IN ('{CONTENT}', '{RETRIED}', '{NOTE}', '{TAGS}')
    ORDER BY s.study_id"""
STUDY = STUDIES.replace("ORDER BY", "WHERE s.study_name = :name ORDER BY")
# What a database holds of the study of a name: itself, the names of its attributes, whether it has
# trials.
ABOUT = """
    SELECT 'study' AS kind, s.study_name AS key FROM studies s WHERE s.study_name = :name
    UNION SELECT 'user', a.key FROM studies s
    JOIN study_user_attributes a ON a.study_id = s.study_id WHERE s.study_name = :name
    UNION SELECT 'system', a.key FROM studies s
    JOIN study_system_attributes a ON a.study_id = s.study_id WHERE s.study_name = :name
    UNION SELECT 'trial', '' FROM studies s JOIN trials t ON t.study_id = s.study_id
    WHERE s.study_name = :name"""
STOPPED = f"""
    SELECT value_json FROM study_user_attributes WHERE study_id = :study AND key = '{STOPS}'"""
TIMES = """
    SELECT trial_id, datetime_start, datetime_complete FROM trials
    WHERE study_id = :study AND trial_id >= :first"""
CURVES = f"""
    SELECT a.trial_id, a.value_json
    FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id
    WHERE t.study_id = :study AND t.trial_id >= :first AND a.key LIKE '{CURVE}%'
    ORDER BY a.trial_user_attribute_id"""
CURVES_OF_ATTEMPT = f"""
    SELECT value_json FROM trial_user_attributes WHERE trial_id = :trial AND key LIKE '{CURVE}%'
    ORDER BY trial_user_attribute_id"""
MISSES = f"""
    SELECT a.trial_id, a.value_json
    FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = '{MISSED}'
    WHERE t.study_id = :study AND t.trial_id >= :first"""
FAILURES = f"""
    SELECT t.number, c.value_json AS claim, f.value_json AS failure FROM trials t
    JOIN trial_user_attributes c ON c.trial_id = t.trial_id AND c.key = '{CLAIM}'
    JOIN trial_user_attributes f ON f.trial_id = t.trial_id AND f.key = '{FAILURE}'
    WHERE t.study_id = :study ORDER BY t.number"""
# PostgreSQL keeps states as an enumeration.
_STATE = "CAST(state AS VARCHAR(16))"
EXTENT = f"""
    SELECT COUNT(*) AS trials, MAX(trial_id) AS last,
        SUM(CASE WHEN {_STATE} IN ('RUNNING', 'WAITING') THEN 1 ELSE 0 END) AS running
    FROM trials WHERE study_id = :study"""
LAST_ATTRIBUTE = "SELECT MAX(trial_user_attribute_id) AS last FROM trial_user_attributes"

# Writing an attempt. `LOCK` keeps other claims of a study out until the transaction ends: on a
# server by the lock under which Optuna creates a trial, in an SQLite file because one transaction
# writes at a time. A server keeps a lock for two hours where the machine of its holder lost power,
# unless it is told to end a transaction that is silent.
LOCK = "SELECT 1 FROM studies WHERE study_id = :study"
LOCK_ON_SERVER = """
    SELECT set_config('idle_in_transaction_session_timeout', '15s', true) FROM studies
    WHERE study_id = :study FOR NO KEY UPDATE"""
LAST_NUMBER = """
    SELECT number FROM trials WHERE study_id = :study ORDER BY trial_id DESC LIMIT 1"""
HOLD = f"SELECT {_STATE} FROM trials WHERE trial_id = :trial"


def write_attributes(count: int) -> str:
    """Writes so many attributes of `:trial`, `:key0` as `:value0` and so on, in one statement."""
    rows = ", ".join(f"(:trial, :key{number}, :value{number})" for number in range(count))
    return f"""
    INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES {rows}
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json"""


def query_attempts(
    keys: int, running: Iterable[int] = (), *, leases: bool = False, again: bool = True
) -> str:
    """The query for the attempts after `:last` and those of `running` that have ended since.

    Each of the two reads by the primary key, however many attempts have ended, also where a server
    has no statistics yet: with one condition for both it read whole tables then.

    Args:
        keys: How many attributes are asked for, by the parameters `:key0` and so on.
        running: The ids of attempts that were running.
        leases: Read those that still run as well.
        again: It is not the first reading.
    """
    named = ", ".join(f":key{number}" for number in range(keys))
    query = f"""
    SELECT t.trial_id, t.number, {_STATE} AS state, a.key, a.value_json
    FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key IN ({named})
    WHERE """
    # A server without statistics would look at all of a study by its index, and not at few by ids.
    study = "t.study_id + 0" if again else "t.study_id"
    queries = [f"{query} {study} = :study AND t.trial_id > :last AND a.trial_id > :last"]
    if numbers := ", ".join(map(str, running)):
        old = f"{query} t.trial_id IN ({numbers}) AND a.trial_id IN ({numbers})"
        queries.append(old if leases else f"{old} AND {_STATE} NOT IN ('RUNNING', 'WAITING')")
    return " UNION ALL ".join(queries)
