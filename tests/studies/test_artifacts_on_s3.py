"""Artifacts on S3: another machine goes on from them; a server that is away costs no training."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from s3_server import S3, SECRET
from tiny_runs import DONE, Recorder, assert_undisturbed, attempts, kill, run, start

from explorer.errors import UserError
from studies.artifacts import Artifacts, ArtifactsAway

pytestmark = pytest.mark.heavy

URL = "s3://bucket/folder"


def test_another_machine_goes_on_from_s3_which_was_away_meanwhile(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, s3: S3
) -> None:
    process = start(tiny, "--json", "--artifacts", URL, FAKE_EPOCH="0.5", FAKE_RESPITE="0")
    assert process.stdout
    notes: list[str] = []
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "epoch" and event["epoch"] == 1 and not notes:
            s3.stop()
        elif event["event"] == "note":
            notes.append(event["text"])
            if len(notes) == 1:
                s3.start()
        elif event["event"] == "epoch" and event["epoch"] == 2 and len(notes) == 2:
            break
    away, back = notes
    assert away.startswith(f"The artifacts at {URL} cannot be used: ")
    assert away.endswith("Trainings go on; their checkpoints stay here meanwhile.")
    assert back == f"The artifacts at {URL} are back."
    # All processes are killed, and their machine is lost.
    process.kill()
    (running,) = [attempt for attempt in attempts() if attempt.running]
    kill(running.worker.pid)
    process.communicate()
    shutil.rmtree("t-files/tiny/checkpoints")
    view = Recorder()
    assert run(tiny, view, artifacts=URL) == DONE
    pair = running.pair.design, running.pair.seed
    epochs = [row["epoch"] for row in view.named("epoch") if (row["design"], row["seed"]) == pair]
    assert epochs[0] >= 2
    assert view.named("note") == []
    assert_undisturbed(undisturbed)
    assert s3.keys() == []  # what is over needs no checkpoint


def test_what_cannot_be_used_is_one_message_without_a_secret(
    workdir: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    def message(url: str) -> str:
        with pytest.raises(UserError) as caught:
            Artifacts(url).check(print)
        assert str(caught.value).startswith(f"the artifacts at {url} cannot be used: ")
        assert SECRET not in str(caught.value)
        return str(caught.value)

    assert "it is not there" in message("s3://no-such-bucket/folder")
    (workdir / "a.bin").write_bytes(b"content")
    with pytest.raises(ArtifactsAway):
        Artifacts("s3://no-such-bucket/folder").put(workdir / "a.bin", "study/0/a.bin")
    assert s3.buckets() == ["bucket"]  # none is made in its place
    s3.stop()
    assert "Could not connect" in message(URL)
    s3.start(calls=1)
    assert "may not be read and written (The AWS Access Key Id you provided does not" in message(
        URL
    )
    s3.stop()
    s3.start()
