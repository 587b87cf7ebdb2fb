"""A training that starts from given weights."""

import logging
from pathlib import Path

import pytest
import torch
from small_trainings import CPU, DENSE, RECIPE, assert_same

from explorer import build
from studies.data import Splits
from studies.training.checkpoints import identify
from studies.training.training import Outcome, TrainingStopped, train


@pytest.fixture
def drawn() -> dict[str, torch.Tensor]:
    """The weights that seed 0 draws."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(DENSE).state_dict()


def test_weights_that_a_seed_draws_give_the_training_of_that_seed(
    splits: Splits, undisturbed: Outcome, drawn: dict[str, torch.Tensor]
) -> None:
    assert_same(train(DENSE, RECIPE, splits, 0, CPU, weights=drawn), undisturbed)
    # What is left out is drawn from the seed as ever.
    body = {name: tensor for name, tensor in drawn.items() if not name.startswith("fc.")}
    assert_same(train(DENSE, RECIPE, splits, 0, CPU, weights=body), undisturbed)


def test_a_training_goes_on_from_trained_weights(splits: Splits, undisturbed: Outcome) -> None:
    further = train(DENSE, RECIPE, splits, 0, CPU, weights=undisturbed.state_dict)
    first = undisturbed.curves[0]["train_loss"]
    assert further.curves[0]["train_loss"] < first
    assert further.train_error < undisturbed.train_error


def test_a_checkpoint_is_of_the_weights_that_its_training_started_from(
    splits: Splits,
    drawn: dict[str, torch.Tensor],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = {**drawn, "conv1.weight": drawn["conv1.weight"] * 2}
    digests = [identify(DENSE, RECIPE, splits, 0, CPU, weights) for weights in (drawn, other, {})]
    assert len(set(digests)) == 3
    assert identify(DENSE, RECIPE, splits, 0, CPU, dict(drawn)) == digests[0]
    assert identify(DENSE, RECIPE, splits, 0, CPU) == digests[2]

    def stop(row: dict[str, object]) -> None:
        raise TrainingStopped

    def resumed(weights: dict[str, torch.Tensor]) -> int:
        """How many epochs a training takes from the checkpoint; it trains one more."""
        counts: list[int] = []
        with pytest.raises(TrainingStopped):
            train(
                DENSE,
                RECIPE,
                splits,
                0,
                CPU,
                checkpoints=tmp_path,
                on_epoch=stop,
                on_resume=lambda rows: counts.append(len(rows)),
                weights=weights,
            )
        return counts[0]

    with caplog.at_level(logging.WARNING):
        assert [resumed(weights) for weights in (drawn, drawn, other)] == [0, 1, 0]
    assert "belongs to another training" in caplog.text
