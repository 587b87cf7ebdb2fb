"""Two processes train as one does, to the precision of floating-point numbers."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sharing_training
import torch
from small_trainings import CPU, GROUPED, RECIPE, few_digits

from explorer.errors import UserError
from studies import Study
from studies.config.recipe import Recipe
from studies.data import DataSpec, load
from studies.machine import failures
from studies.machine.settings import Settings
from studies.training import helpers
from studies.training.batches import TrainingBatches
from studies.training.ranks import MeetingPlace, Ranks
from studies.training.training import train


def test_where_processes_meet_no_other_program_listens() -> None:
    """A port that was looked for first and taken later had been another program's by then."""
    place = MeetingPlace()
    for host in ("127.0.0.1", ""):
        with pytest.raises(OSError, match="in use"):
            socket.create_server((host, place.port))
    with pytest.raises(OSError, match=r"\[Errno"):  # by another address of this machine
        socket.create_connection(("127.0.0.2", place.port), timeout=5)


@pytest.mark.heavy
def test_two_processes_come_to_the_numbers_of_one(workdir: Path) -> None:
    places = [MeetingPlace() for _ in range(3)]
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                sharing_training.__file__,
                str(rank),
                *(str(each.port) for each in places),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    alone = {recipe: sharing_training.shared(recipe, None) for recipe in sharing_training.RECIPES}
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    first, second = (torch.load(f"outcomes{rank}.pt", weights_only=False) for rank in range(2))
    for recipe, whole in alone.items():
        own: dict[str, Any] = first[recipe]
        for name, value in whole.state_dict.items():
            torch.testing.assert_close(own["state_dict"][name], value, rtol=0, atol=1e-4)
            # Both have the same network, to the bit.
            assert torch.equal(own["state_dict"][name], second[recipe]["state_dict"][name])
        for row, expected in zip(own["curves"], whole.curves, strict=True):
            for key in ("train_loss", "validation_loss", "learning_rate"):
                assert row[key] == pytest.approx(expected[key], rel=1e-4)
            # An image on the edge between two classes may fall to either side.
            assert row["validation_error"] == pytest.approx(expected["validation_error"], abs=0.01)
        assert own["test_error"] == pytest.approx(whole.test_error, abs=0.012)
        assert own["missed"]["test"].images == 90


@pytest.mark.parametrize("recipe", sharing_training.RECIPES.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("number", [2, 4])
def test_the_parts_of_all_processes_are_the_batch_of_one(recipe: Recipe, number: int) -> None:
    splits, device = few_digits(), torch.device("cpu")

    def batches(ranks: Ranks | None) -> Any:
        return zip(*TrainingBatches(splits, recipe, 3, device, lambda: 1, ranks), strict=True)

    images, labels, partners, mixings = batches(None)
    parts = [batches(Ranks(number, rank, 0)) for rank in range(number)]
    of_all = [list(zip(*part, strict=True)) for part in zip(*parts, strict=True)]
    for whole, own in ((images, of_all[0]), (labels, of_all[1]), (partners, of_all[2])):
        for batch, shared in zip(whole, own, strict=True):
            if batch is None:
                assert set(shared) == {None}
            else:
                assert torch.equal(batch, torch.cat(shared))
    assert all(set(shared) == {mixing} for mixing, shared in zip(mixings, of_all[3], strict=True))


def test_what_is_looked_at_is_dealt_out_whole_and_in_order() -> None:
    images = few_digits().test
    parts = [Ranks(4, rank, 0).own_images(images) for rank in range(4)]
    assert sorted(map(len, parts)) == [22, 22, 23, 23]
    labels = [label for part in parts for label in part.labels.tolist()]
    assert labels == images.labels.tolist()


def test_a_batch_that_cannot_be_dealt_out_is_refused() -> None:
    with pytest.raises(UserError, match="a batch of 32 images cannot be dealt out evenly to 3"):
        Ranks(3, 0, 0).check(RECIPE, CPU)
    pinned = Settings(device="cuda:1", precision="32", threads=1)
    with pytest.raises(UserError, match="trains on cuda:1 alone"):
        Ranks(2, 0, 0).check(RECIPE, pinned)


@pytest.mark.heavy
def test_a_study_whose_trainings_are_shared_has_the_results_of_one_whose_are_not(
    workdir: Path,
) -> None:
    found = []
    for devices in (1, 2):
        study = Study(
            name="shared",
            space={
                "name": "one",
                "reference": "resnext_1_1x8d_w16_small8",
                "match": {"solve": "bottleneck_width", "by": "flops"},
                "axes": {"cardinality": [1]},
            },
            reference_arm={"cardinality": 1},
            data={"name": "digits", "validation": 0.2, "test": 0.2},
            recipe={"name": "quick", "epochs": 1, "learning_rate": 0.01},
            seeds=[0],
        )
        storage = f"sqlite:///{devices}.db"
        counts = study.run(storage=storage, devices_per_worker=devices, threads=1, quiet=True)
        assert counts.complete == 1
        found.append(study.results(storage=storage).iloc[0])
    alone, shared = found
    assert shared["validation_error"] == pytest.approx(alone["validation_error"], abs=0.01)
    assert shared["machine"] == f"2 x {alone['machine']}"


@pytest.mark.heavy
def test_where_one_process_is_killed_the_others_do_not_wait_for_it(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, started = DataSpec(name="digits", validation=0.2, test=0.2), []
    init = helpers._Helper.__init__

    def noted(helper: helpers._Helper, *given: Any) -> None:
        init(helper, *given)
        started.append(helper.process)

    monkeypatch.setattr(helpers._Helper, "__init__", noted)
    recipe = RECIPE.model_copy(update={"epochs": 50})
    shared = helpers.SharedTraining(GROUPED, recipe, data, None, None, 5, CPU, None)

    def train_together() -> None:
        with helpers.shared_by(2, shared) as ranks:
            kill = started[0].kill
            train(GROUPED, recipe, load(data), 5, CPU, ranks=ranks, on_epoch=lambda _: kill())

    with pytest.raises(RuntimeError, match="was killed by signal 9") as caught:
        train_together()
    # As if the worker itself were gone: its pair goes to another.
    assert failures.is_of_device(caught.value)
    assert started[0].poll() == -9


def test_what_another_process_failed_at_is_told() -> None:
    class Failed:
        process = subprocess.Popen(
            [sys.executable, "-c", "print('in process 2: out of memory'); raise SystemExit(1)"],
            stdout=subprocess.PIPE,
        )

    why = helpers._why([Failed()], RuntimeError("the connection is closed"))  # type: ignore[list-item]
    assert str(why) == "in process 2: out of memory"
    Failed.process.stdout.close()  # type: ignore[union-attr]
