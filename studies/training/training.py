"""Training one network: a Lightning module and a silent Trainer over data that lives on the device.

What a run sees is a pure function of (seed, epoch): initial weights, order of images, crops and
flips are drawn on the CPU, so they are the same for every arm, on every device, and after a resume.
Nothing is read from the device during an epoch.
"""

import contextlib
import logging
import math
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from torch import Tensor
from torch.nn import functional as F

from explorer import Architecture, build
from explorer.errors import UserError
from studies.config.recipe import Recipe
from studies.data.splits import Splits
from studies.machine.memory import give_back, peak, reset_peak
from studies.machine.settings import Settings, check
from studies.training.batches import EvaluationBatches, TrainingBatches
from studies.training.checkpoints import identify, put_aside, read_checkpoint, write_checkpoint
from studies.training.metrics import ClassTally, Reading, Tally, balanced
from studies.training.outcome import Stopped, TrainingFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)
# Lightning sets its own level when imported, and prints tips and an
# inventory of devices for every Trainer.
for _name in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(_name).setLevel(logging.ERROR)

CHECKPOINT = "checkpoint.pt"
Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a finished run found, read at the last epoch. Errors are top-1, as fractions;
    `train_error` is of the augmented images, during that epoch. Top-5 errors are None where there
    are fewer than ten classes. A balanced error is the mean of the errors by class; None where an
    older checkpoint does not tell it. `test_errors_by_class` is in the order of the labels.

    `seconds` are those of all epochs (validation included) and of the test, `images_per_second`
    those of training alone. `peak_memory` is in bytes: allocated on the GPU, resident in the
    process on a CPU; None where the system does not tell.
    """

    train_error: float
    validation_error: float
    test_error: float
    seconds: float
    images_per_second: float
    epochs: int
    curves: list[Row]
    peak_memory: int | None
    state_dict: dict[str, Tensor] = field(repr=False)
    train_top5_error: float | None = None
    validation_top5_error: float | None = None
    test_top5_error: float | None = None
    validation_balanced_error: float | None = None
    test_balanced_error: float | None = None
    test_errors_by_class: list[float | None] = field(default_factory=list)


def train(
    architecture: Architecture,
    recipe: Recipe,
    splits: Splits,
    seed: int,
    settings: Settings,
    *,
    checkpoints: Path | None = None,
    on_epoch: Callable[[Row], None] = lambda row: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_resume: Callable[[list[Row]], None] = lambda rows: None,
) -> Outcome:
    """Train `architecture` from `seed`, validate after every epoch, test once, after the last.

    `checkpoints` is a folder of this run's own: after each epoch one file in it is replaced whole,
    and a run that finds one goes on from there, equal bit for bit (on a CPU) to one never
    interrupted. `on_epoch` is told each epoch trained now: {epoch (from 1), learning_rate (of its
    last step), train_loss, train_error, validation_loss, validation_error,
    validation_balanced_error, seconds}, and train_top5_error and validation_top5_error where there
    are ten classes or more; `Outcome.curves` has the earlier ones too, and `on_resume` is told
    those before anything is trained. `should_stop` is asked after every step.

    Raises `Stopped`, `TrainingFailed` where the loss is no longer a number, and `UserError` where
    the network does not fit the data, the machine cannot honour the settings, or the checkpoint is
    a file this program would not write.
    """
    check(settings)
    _check_shape(architecture, splits)
    recipe.steps_per_epoch(len(splits.train))
    with _environment(settings):
        give_back()
        is_watched = reset_peak(torch.device(settings.device))
        run = _Run(architecture, recipe, splits, seed, settings, checkpoints, on_epoch, should_stop)
        run.resume()
        on_resume(list(run.rows))
        trainer = _trainer(settings, recipe.epochs - len(run.rows))
        if len(run.rows) < recipe.epochs:
            batches = TrainingBatches(splits, recipe, seed, run.target, lambda: len(run.rows))
            validation = EvaluationBatches(splits.validation, splits, recipe, run.target)
            _interruptible(lambda: trainer.fit(run, batches, validation))
        (_, test_error, test_top5), by_class, test_seconds = run.test(trainer)
        last = run.rows[-1]
        images = recipe.steps_per_epoch(len(splits.train)) * recipe.batch_size * recipe.epochs
        return Outcome(
            train_error=last["train_error"],
            validation_error=last["validation_error"],
            test_error=test_error,
            seconds=sum(row["seconds"] for row in run.rows) + test_seconds,
            images_per_second=images / run.training_seconds,
            epochs=recipe.epochs,
            curves=run.rows,
            peak_memory=peak(run.target) if is_watched else None,
            state_dict={name: value.cpu() for name, value in run.network.state_dict().items()},
            train_top5_error=last.get("train_top5_error"),
            validation_top5_error=last.get("validation_top5_error"),
            test_top5_error=test_top5,
            validation_balanced_error=last.get("validation_balanced_error"),
            test_balanced_error=balanced(by_class),
            test_errors_by_class=by_class,
        )


def balanced_weights(labels: "NDArray[np.int64]", classes: int) -> Tensor:
    """A weight for each class: n / (k n_c), of n images in k classes, n_c in this one; float32."""
    counts = torch.bincount(torch.from_numpy(labels), minlength=classes)
    return len(labels) / (classes * counts).float()


class _Run(pytorch_lightning.LightningModule):
    """One run: the network with its optimiser, what it has found so far, and its checkpoint.

    Lightning counts the epochs of this process; `rows` counts those of
    the run, which may have begun in another.
    """

    def __init__(
        self,
        architecture: Architecture,
        recipe: Recipe,
        splits: Splits,
        seed: int,
        settings: Settings,
        checkpoints: Path | None,
        on_epoch: Callable[[Row], None],
        should_stop: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.recipe, self.splits, self.target = recipe, splits, torch.device(settings.device)
        self.tell, self.ask = on_epoch, should_stop
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = build(architecture)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        self.rows: list[Row] = []
        self.training_seconds = 0.0
        self.path = checkpoints / CHECKPOINT if checkpoints is not None else None
        self.identity = identify(architecture, recipe, splits, seed, settings) if self.path else ""
        self.resumed: dict[str, Any] = {}
        self.tally, self.by_class = (
            Tally(self.target, splits.classes),
            ClassTally(self.target, splits.classes),
        )
        self.class_weights = None
        if recipe.class_weights == "balanced":
            self.class_weights = balanced_weights(splits.train.labels, splits.classes).to(
                self.target
            )
        self.trained = Reading(math.nan, math.nan, None)
        self.started = self.evaluated = 0.0

    def configure_optimizers(self) -> Any:
        recipe = self.recipe
        steps = recipe.epochs * recipe.steps_per_epoch(len(self.splits.train))
        optimiser = torch.optim.SGD(
            self.network.parameters(),
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
        return batch  # it is there already

    def on_train_epoch_start(self) -> None:
        self.started = time.perf_counter()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        logits = self.network(images)
        loss = self._loss(logits, labels, self.class_weights)
        self.tally.add(loss, logits, labels)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._stop_if_asked()

    def on_validation_epoch_start(self) -> None:
        self.trained = self._read("training")
        self.evaluated = time.perf_counter()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        logits = self.network(images)
        self.tally.add(self._loss(logits, labels), logits, labels)
        self.by_class.add(logits, labels)
        self._stop_if_asked()

    test_step = validation_step

    def on_train_epoch_end(self) -> None:
        validated = self._read("validation")
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
            "validation_balanced_error": balanced(self.by_class.read()),
            "seconds": now - self.started,
        }
        if validated.top5_error is not None:
            row |= {
                "train_top5_error": self.trained.top5_error,
                "validation_top5_error": validated.top5_error,
            }
        self.rows.append(row)
        self._save()
        self.tell(row)

    def test(self, trainer: pytorch_lightning.Trainer) -> tuple[Reading, list[float | None], float]:
        """What the test images say, also by class, and the seconds it took; the first
        time that anything looks at the test images."""
        started = time.perf_counter()
        batches = EvaluationBatches(self.splits.test, self.splits, self.recipe, self.target)
        _interruptible(lambda: trainer.test(self, batches, verbose=False))
        return self._read("test"), self.by_class.read(), time.perf_counter() - started

    def resume(self) -> None:
        """Take up the checkpoint, where there is one of this very run."""
        if self.path is None or (state := read_checkpoint(self.path)) is None:
            return
        if state.get("identity") != self.identity:
            log.warning(
                "%s belongs to another training (other data, recipe or settings, or an older"
                " version of this program): starting afresh. It is kept as %s",
                *(self.path, put_aside(self.path)),
            )
            return
        self.network.load_state_dict(state["model"])
        self.rows, self.training_seconds = state["rows"], state["training_seconds"]
        self.resumed = state

    def _save(self) -> None:
        if self.path is None:
            return
        state = {
            "identity": self.identity,
            "epoch": len(self.rows),
            "rows": self.rows,
            "training_seconds": self.training_seconds,
            "model": self.network.state_dict(),
            "optimiser": self.trainer.optimizers[0].state_dict(),
            "scheduler": self.trainer.lr_scheduler_configs[0].scheduler.state_dict(),
        }
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

    def _loss(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        return F.cross_entropy(
            logits.float(), labels, weights, label_smoothing=self.recipe.label_smoothing
        )

    def _stop_if_asked(self) -> None:
        if self.ask():
            raise Stopped


def _trainer(settings: Settings, epochs: int) -> pytorch_lightning.Trainer:
    kind, _, index = settings.device.partition(":")
    trainer = pytorch_lightning.Trainer(
        accelerator=kind,
        devices=[int(index or 0)] if kind == "cuda" else 1,
        precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
        max_epochs=epochs,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # Each run is one process on one device, whatever Slurm or torchrun started it.
        plugins=[LightningEnvironment()],
        # On a Slurm node Lightning looks there for a checkpoint of
        # its own, and takes it up unasked.
        default_root_dir=os.devnull,
    )
    # Signals are the worker's business: Lightning would turn SIGTERM
    # into an exception at the end of a batch.
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    return trainer


def _interruptible(call: Callable[[], Any]) -> None:
    """Run a Trainer's method. Lightning answers Ctrl-C with `SystemExit`
    and from then on ignores it: undo both."""
    main = signal.getsignal(signal.SIGINT)
    try:
        call()
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, main)
            raise KeyboardInterrupt from None
        raise


@contextlib.contextmanager
def _environment(settings: Settings) -> Iterator[None]:
    """Torch's global switches as the settings have them, and back
    again; none of Lightning's warnings."""
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    convolutions: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    precision = convolutions.fp32_precision
    debug: Any = torch.utils.deterministic
    fill = debug.fill_uninitialized_memory
    try:
        torch.set_num_threads(settings.threads)
        # cuBLAS reads this when CUDA starts, and needs it to be deterministic.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # On CUDA the max-pool of the imagenet stem has no deterministic
        # gradient, so there it stays at a warning.
        torch.use_deterministic_algorithms(True, warn_only=settings.device != "cpu")
        # Filling fresh memory with NaN is for finding bugs, and costs a pass over every tensor.
        debug.fill_uninitialized_memory = False
        torch.backends.cudnn.benchmark = False
        if settings.precision == "32":
            convolutions.fp32_precision = "ieee"  # left alone, cuDNN computes with TF32, of 19 bits
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", module=r"(pytorch_lightning|lightning_fabric|torch)\b"
            )
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        debug.fill_uninitialized_memory = fill
        torch.backends.cudnn.benchmark = benchmark
        convolutions.fp32_precision = precision


def _check_shape(architecture: Architecture, splits: Splits) -> None:
    channels, resolution = splits.train.images.shape[1:3]
    data = (resolution, channels, splits.classes)
    network = (architecture.resolution, architecture.in_channels, architecture.classes)
    if data != network:
        raise UserError(
            "the network is made for {} pixels, {} channels and {} classes, ".format(*network)
            + "the data has {} pixels, {} channels and {} classes.".format(*data)
        )
