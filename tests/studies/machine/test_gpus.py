"""GPUs are dealt out to workers: see also `tests/studies/running/test_supervisor.py`."""

import pytest

from explorer.errors import UserError
from studies.machine.gpus import deal


def test_workers_with_several_gpus_get_them_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4")
    assert deal("cuda", None, None, 2) == ["0,1", "2,3"]
    assert deal("cuda", 1, None, 4) == ["0,1,2,3"]
    assert deal("cpu", 2, None, 2) == [None, None]
    for given, says in (
        ((3, None, 2), "3 workers with 2 GPUs each are too many here: there is room for 2"),
        ((None, None, 6), "--devices-per-worker 6 needs 6 GPUs, and there are 5 here"),
        ((None, 2, 2), "Give one of the two"),
    ):
        with pytest.raises(UserError, match=says):
            deal("cuda", *given)
