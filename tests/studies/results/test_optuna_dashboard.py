"""optuna-dashboard opens our storages: what a user sees there has sensible names."""

import io
import json
from typing import Any

import optuna
import pytest
import tiny_runs

from studies.storage import Storage


@pytest.fixture
def ask(done: None) -> Any:
    """Asks the dashboard's own API, over a run of the tiny study."""
    from optuna_dashboard import wsgi

    application = wsgi(Storage("sqlite:///t.db").open())

    def get(path: str, query: str = "") -> Any:
        said: list[str] = []
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "here",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
        }
        body = b"".join(application(environment, lambda status, headers, *_: said.append(status)))
        assert said[0].startswith("200"), body
        return json.loads(body)

    return get


def test_the_study_and_its_trials_have_sensible_names(ask: Any) -> None:
    (summary,) = ask("/api/studies")["study_summaries"]
    assert summary["study_name"] == "tiny"
    detail = ask(f"/api/studies/{summary['study_id']}", "after=0")
    complete = [trial for trial in detail["trials"] if trial["state"] == "Complete"]
    assert len(complete) == 6
    shown = [
        ({one["name"]: one["param_external_value"] for one in trial["params"]}, trial["values"])
        for trial in complete
    ]
    assert {
        (params["cardinality"], params["bottleneck_width"], params["seed"]) for params, _ in shown
    } == {(c, d, seed) for c, d in (("1", "8"), ("2", "5"), ("4", "3")) for seed in ("0", "1")}
    errors = tiny_runs.tables()[0]["validation_error"]
    assert sorted(values[0] for _, values in shown) == pytest.approx(sorted(errors))
    notes = [{one["key"]: one["value"] for one in trial["user_attrs"]} for trial in complete]
    assert {note["arm"].strip('"') for note in notes} == {"C=1", "C=2", "C=4"}
    # The CSV file that it offers is headed by them.
    assert optuna.load_study(study_name="tiny", storage="sqlite:///t.db").metric_names == [
        "validation_error"
    ]
