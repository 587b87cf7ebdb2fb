"""Training one network: a Lightning module and a Trainer, over data that is on the device.

What a run sees is a pure function of (seed, epoch): initial weights, order of images, crops and
flips are drawn on the CPU, so they are the same for every arm, on every device, and after a resume.
During an epoch nothing is read back from the device, so it is never waited for.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer import Blueprint, build
from explorer.networks import SGD, channels_last, forget, record, sync_norms
from studies.config.recipe import Recipe
from studies.data import Images, Splits
from studies.machine.memory import give_back, read_peak, reset_peak
from studies.machine.settings import Settings, check_settings
from studies.missed import Missed
from studies.training.averaging import Average
from studies.training.batches import EvaluationBatches, TrainingBatch, TrainingBatches
from studies.training.checkpoints import (
    CHECKPOINT,
    identify,
    put_aside,
    read_checkpoint,
    write_checkpoint,
)
from studies.training.decay import parameter_groups
from studies.training.environment import make_trainer, run_interruptible, torch_environment
from studies.training.lightning import pytorch_lightning
from studies.training.losses import balanced_weights, cross_entropy
from studies.training.metrics import Predictions, Reading, Tally, balanced_error
from studies.training.outcome import Outcome, Row, TrainingFailed, TrainingStopped
from studies.training.ranks import Exchange, Ranks, meeting
from studies.training.shapes import check_shape

log = logging.getLogger(__name__)


def train(
    architecture: Blueprint,
    recipe: Recipe,
    splits: Splits,
    seed: int,
    settings: Settings,
    *,
    checkpoints: Path | None = None,
    on_epoch: Callable[[Row], None] = lambda row: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_resume: Callable[[list[Row]], None] = lambda rows: None,
    weights: Mapping[str, Tensor] | None = None,
    ranks: Ranks | None = None,
) -> Outcome:
    """Train a network, validate it after every epoch, and test it once, after the last.

    Args:
        architecture: Of the network.
        recipe: How it is trained.
        splits: The data.
        seed: Of the initial weights, the order of images and their augmentation.
        settings: Device, precision and threads.
        checkpoints: A folder of this run's own. After each epoch one file in it is replaced; a run
            that finds one goes on from there, equal bit for bit (on a CPU) to one that was never
            interrupted.
        on_epoch: Called after each epoch with its row: epoch (from 1), learning_rate (of the last
            step), train_loss, train_error, validation_loss, validation_error,
            validation_balanced_error and seconds; of ten classes or more also train_top5_error and
            validation_top5_error.
        should_stop: Called after every step.
        on_resume: Called once before training, with the rows of the epochs that the checkpoint has.
        weights: Tensors to start from, on the CPU; the seed draws what they leave out.
        ranks: Which of the processes that share the training this one is; each calls `train` with
            the same arguments. None: it is alone.

    Raises:
        TrainingStopped: `should_stop` returned True.
        TrainingFailed: A loss became infinite or NaN.
        UserError: The network does not fit the data, this machine cannot compute with the settings,
            or the checkpoint is not a file that this program would write.
    """
    check_settings(settings)
    check_shape(architecture, splits)
    recipe.steps_per_epoch(len(splits.train))
    if ranks:
        ranks.check(recipe, settings)
    with torch_environment(settings), meeting(ranks, settings):
        give_back()
        is_watched = reset_peak(torch.device(settings.device))
        run = _Run(
            architecture,
            recipe,
            splits,
            seed,
            settings,
            checkpoints,
            on_epoch,
            should_stop,
            weights or {},
            ranks,
        )
        run.resume()
        on_resume(list(run.rows))
        trainer = make_trainer(settings, recipe.epochs - len(run.rows), ranks)
        if len(run.rows) < recipe.epochs:
            batches = TrainingBatches(
                splits, recipe, seed, run.target, lambda: len(run.rows), ranks
            )
            validation = run.looked_at(splits.validation)
            run_interruptible(lambda: trainer.fit(run, batches, validation))
        (_, test_error, test_top5), missed, test_seconds = run.test(trainer)
        last, by_class = run.rows[-1], missed.errors_by_class
        images = recipe.steps_per_epoch(len(splits.train)) * recipe.batch_size * recipe.epochs
        return Outcome(
            train_error=last["train_error"],
            validation_error=last["validation_error"],
            test_error=test_error,
            seconds=sum(row["seconds"] for row in run.rows) + test_seconds,
            images_per_second=images / run.training_seconds,
            epochs=recipe.epochs,
            curves=run.rows,
            peak_memory=read_peak(run.target) if is_watched else None,
            state_dict={name: value.cpu() for name, value in run.judged.state_dict().items()},
            train_top5_error=last.get("train_top5_error"),
            validation_top5_error=last.get("validation_top5_error"),
            test_top5_error=test_top5,
            validation_balanced_error=last.get("validation_balanced_error"),
            test_balanced_error=balanced_error(by_class),
            test_errors_by_class=by_class,
            missed={**({"validation": run.validated} if run.validated else {}), "test": missed},
        )


class _Run(pytorch_lightning.LightningModule):
    """A run: the network with its optimiser, the rows of its epochs, and its checkpoint.

    Lightning counts the epochs of this process; `rows` counts those of the run, which may have
    begun in another process.
    """

    def __init__(
        self,
        architecture: Blueprint,
        recipe: Recipe,
        splits: Splits,
        seed: int,
        settings: Settings,
        checkpoints: Path | None,
        on_epoch: Callable[[Row], None],
        should_stop: Callable[[], bool],
        weights: Mapping[str, Tensor],
        ranks: Ranks | None,
    ) -> None:
        super().__init__()
        self.architecture, self.recipe, self.splits = architecture, recipe, splits
        self.settings, self.ranks = settings, ranks
        self.target = ranks.device(settings) if ranks else torch.device(settings.device)
        self.on_row, self.should_stop = on_epoch, should_stop
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = build(architecture)
        self.network.load_state_dict(weights, strict=False)
        if ranks:
            self.network = sync_norms(self.network, self.target.type)
        channels_last(self.network)
        steps = recipe.epochs * recipe.steps_per_epoch(len(splits.train))
        self.average = (
            Average(self.network, recipe.averaging_decay(steps))
            if recipe.weight_averaging
            else None
        )
        self.rows: list[Row] = []
        self.training_seconds = 0.0
        self.path = checkpoints / CHECKPOINT if checkpoints is not None else None
        self.identity = (
            identify(architecture, recipe, splits, seed, settings, weights) if self.path else ""
        )
        self.resumed: dict[str, Any] = {}
        self.tally = Tally(self.target, splits.classes)
        self.predictions = Predictions()
        self.exchange: Exchange | None = None  # with the other processes of this training
        self.validated: Missed | None = None  # after the last epoch
        self.class_weights = None
        if recipe.class_weights == "balanced":
            by_class = balanced_weights(splits.train.labels, splits.classes)
            self.class_weights = by_class.to(self.target)
        self.trained = Reading(math.nan, math.nan, None)
        self.started = self.evaluated = 0.0

    @property
    def judged(self) -> torch.nn.Module:
        """The network that is validated, tested and exported."""
        return self.average.network if self.average else self.network

    def looked_at(self, images: Images) -> EvaluationBatches:
        """The batches of images that are only looked at: this process's part of them."""
        own = self.ranks.own_images(images) if self.ranks else images
        return EvaluationBatches(own, self.splits, self.recipe, self.target)

    def setup(self, stage: str) -> None:
        """The processes have met. Lightning calls it before training, and before the test."""
        if self.ranks and self.exchange is None:
            self.exchange = self.tally.exchange = self.predictions.exchange = Exchange()

    def configure_optimizers(self) -> Any:
        recipe = self.recipe
        steps = recipe.epochs * recipe.steps_per_epoch(len(self.splits.train))
        optimiser = SGD(
            parameter_groups(self.network, recipe),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=True,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: recipe.rate(step, steps)
        )
        if self.resumed:
            optimiser.load_state_dict(self.resumed["optimiser"])
            scheduler.load_state_dict(self.resumed["scheduler"])
            self.resumed = {}
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        return batch  # it is on the device already

    def on_train_start(self) -> None:
        # Recorded graphs hold no exchange with other processes.
        if self.target.type == "cuda" and self.ranks is None:
            batch = torch.zeros(
                self.recipe.batch_size, *self.architecture.input_shape, device=self.target
            )
            record(
                self.network.train(),
                batch.to(memory_format=torch.channels_last),
                torch.bfloat16 if self.settings.precision == "bf16" else None,
            )

    def on_train_end(self) -> None:
        forget(self.network)

    def on_train_epoch_start(self) -> None:
        self.started = time.perf_counter()

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> Tensor:
        images, labels, partners, mixing = batch
        logits = self.network(images)
        loss = self._loss(logits, labels, self.class_weights)
        if mixing is not None and partners is not None:
            others = self._loss(logits, partners, self.class_weights)
            loss = mixing.share * loss + (1 - mixing.share) * others
            labels = labels if mixing.share >= 0.5 else partners
        self.tally.add(loss, logits, labels)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.average:
            self.average.update(self.network)
        self._stop_if_asked()

    def on_validation_epoch_start(self) -> None:
        self.trained = self._read("training")
        self.evaluated = time.perf_counter()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        logits = self.judged(images)
        self.tally.add(self._loss(logits, labels), logits, labels)
        self.predictions.add(logits)
        if self.exchange is None:  # processes may differ in how many batches they look at
            self._stop_if_asked()

    test_step = validation_step

    def on_train_epoch_end(self) -> None:
        validated = self._read("validation")
        self.validated = self._missed(self.splits.validation)
        now = time.perf_counter()
        self.training_seconds += self.evaluated - self.started
        epoch = len(self.rows) + 1
        steps = self.recipe.steps_per_epoch(len(self.splits.train))
        rate = self.recipe.rate(epoch * steps - 1, self.recipe.epochs * steps)
        row: Row = {
            "epoch": epoch,
            "learning_rate": rate * self.recipe.learning_rate,
            "train_loss": self.trained.loss,
            "train_error": self.trained.error,
            "validation_loss": validated.loss,
            "validation_error": validated.error,
            "validation_balanced_error": balanced_error(self.validated.errors_by_class),
            "seconds": now - self.started,
        }
        if validated.top5_error is not None:
            row |= {
                "train_top5_error": self.trained.top5_error,
                "validation_top5_error": validated.top5_error,
            }
        self.rows.append(row)
        self._save()
        self.on_row(row)

    def test(self, trainer: pytorch_lightning.Trainer) -> tuple[Reading, Missed, float]:
        """The loss and errors on the test images, which it missed, and the seconds it took.

        Nothing has looked at the test images before.
        """
        started = time.perf_counter()
        batches = self.looked_at(self.splits.test)
        run_interruptible(lambda: trainer.test(self, batches, verbose=False))
        reading, missed = self._read("test"), self._missed(self.splits.test)
        return reading, missed, time.perf_counter() - started

    def resume(self) -> None:
        """Load the checkpoint, where there is one of this run."""
        if self.path is None or (state := read_checkpoint(self.path)) is None:
            return
        if state.get("identity") != self.identity:
            if self.ranks and self.ranks.rank:  # the first process tells, and puts it aside
                return
            log.warning(
                "%s belongs to another training (other data, recipe or settings, as the"
                " number of threads, or an older version of this program): starting afresh. It was"
                " renamed to %s",
                self.path,
                put_aside(self.path),
            )
            return
        self.network.load_state_dict(state["model"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.rows, self.training_seconds = state["rows"], state["training_seconds"]
        if record := state.get("validated"):
            self.validated = Missed.read(record)
        self.resumed = state

    def _save(self) -> None:
        if self.path is None or (self.ranks and self.ranks.rank):
            return
        state = {
            "identity": self.identity,
            "threads": self.settings.threads,
            "epoch": len(self.rows),
            "rows": self.rows,
            "training_seconds": self.training_seconds,
            "model": self.network.state_dict(),
            "optimiser": self.trainer.optimizers[0].state_dict(),
            "scheduler": self.trainer.lr_scheduler_configs[0].scheduler.state_dict(),
        }
        if self.validated and len(self.rows) == self.recipe.epochs:
            # A run that was killed before its test validates nothing again.
            state["validated"] = self.validated.record()
        if self.average:
            state["average"] = self.average.state_dict()
        write_checkpoint(self.path, state)

    def _read(self, phase: str) -> Reading:
        reading = self.tally.read()
        if not math.isfinite(reading.loss):
            epoch = len(self.rows) + (phase != "test")
            raise TrainingFailed(
                f"the {phase} loss became {reading.loss} in epoch {epoch}; a smaller learning rate"
                " may help"
            )
        return reading

    def _missed(self, images: Images) -> Missed:
        return Missed.of(images.labels, self.predictions.read(), self.splits.classes)

    def _loss(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        return cross_entropy(logits, labels, self.recipe.label_smoothing, weights, self.exchange)

    def _stop_if_asked(self) -> None:
        stops = self.should_stop()
        if self.exchange.any(stops) if self.exchange else stops:  # all after the same step
            raise TrainingStopped
