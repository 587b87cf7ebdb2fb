"""Trackers: TensorBoard, MLflow and W&B, each through Lightning's own logger.

Every attempt at a pair is a run of its own, under its study, arm and seed. A run has a fixed
identity there, so that one that was cut off is gone on with, and none is there twice.
"""

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.training.outcome import Row

# A server that does not answer holds a tracker's process up for less than a minute. A user's own
# settings go before these.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
OFFLINE = {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
IDENTITY = "resnext_explorer_run"  # the tag by which a run of MLflow is found again


@dataclass(frozen=True)
class About:
    """What a run is filed under.

    Attributes:
        study: Its name.
        arm: As in 'C=8', with a recipe or a tuning trial where there is one.
        seed: Of the training; None for the run of the study itself, which holds its report.
        key: Tells it from every other run: of the study's `uid` and the attempt's number.
        config: What was trained, and how; nested plain data.
    """

    study: str
    arm: str
    seed: int | None
    key: str
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What a page of runs calls it."""
        number = self.key.rpartition("-")[2]
        return self.arm if self.seed is None else f"{self.arm} seed {self.seed} attempt {number}"


class TrackedRun:
    """One run in a tracker.

    Attributes:
        epochs: How many it has already, of an earlier process that was cut off.
    """

    def __init__(self, logger: Any, about: About, epochs: int = 0) -> None:
        self.logger, self.epochs, self._about = logger, epochs, about
        logger.log_hyperparams(dict(about.config))

    def add(self, rows: list[Row]) -> None:
        """Log the epochs of a curve that the run does not have; `rows` is all of it so far."""
        for row in rows:
            if row["epoch"] > self.epochs:
                self.logger.log_metrics(
                    {key: value for key, value in row.items() if value is not None}, row["epoch"]
                )
                self.epochs = row["epoch"]

    def end(self, ended: str, final: Mapping[str, Any], reason: str = "") -> None:
        """Log how the training ended, and with what; nothing can be added after that.

        Args:
            ended: One of `attempt.ENDINGS`.
            final: What was measured after the last epoch; numbers are logged.
            reason: Why it failed.
        """
        numbers = {
            f"final/{key}": value
            for key, value in final.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        ending = {"ended": ended, "reason": reason} if reason else {"ended": ended}
        self._conclude({**self._about.config, **ending}, numbers)
        self._close("success" if ended in ("complete", "pruned") else "failed")

    def let_go(self) -> None:
        """Leave the run as it is; it can be opened again."""
        self._close("failed")

    def _close(self, status: str) -> None:
        self.logger.finalize(status)

    def attach(self, path: Path) -> None:
        """Keep a file with the run, where the tracker keeps files."""

    def _conclude(self, config: Mapping[str, Any], final: dict[str, float]) -> None:
        self.logger.log_metrics(final, self.epochs)
        self.logger.log_hyperparams(config)


class _TensorBoardRun(TrackedRun):
    def _conclude(self, config: Mapping[str, Any], final: dict[str, float]) -> None:
        # Its page of hyperparameters shows a run by the metrics that come with them.
        self.logger.log_hyperparams(dict(config), final, self.epochs)


class _MLflowRun(TrackedRun):
    def let_go(self) -> None:
        pass  # it still runs, and each number has arrived

    def attach(self, path: Path) -> None:
        self.logger.experiment.log_artifact(self.logger.run_id, str(path))


class _WandbRun(TrackedRun):
    def attach(self, path: Path) -> None:
        name = re.sub(r"[^\w.-]", "_", f"{self._about.study}-report")
        self.logger.experiment.log_artifact(str(path), name=name, type="report")

    def _close(self, status: str) -> None:
        super()._close(status)
        self.logger.experiment.finish(exit_code=int(status == "failed"))


def _open_tensorboard(about: About, folder: Path) -> TrackedRun:
    from pytorch_lightning.loggers import TensorBoardLogger

    version = f"seed{about.seed}/attempt{about.key.rpartition('-')[2]}"
    arm = re.sub(r"[^\w=.,+ -]", "_", about.arm)
    logger = TensorBoardLogger(folder, arm, version, default_hp_metric=False)
    # Events are added in a file of their own: those of a run that was cut off would show twice.
    for path in Path(logger.log_dir).glob("events.out.tfevents.*"):
        path.unlink()
    return _TensorBoardRun(logger, about)


def _open_mlflow(about: About, folder: Path) -> TrackedRun:
    import mlflow
    from pytorch_lightning.loggers import MLFlowLogger

    os.environ.update({**PATIENCE, **os.environ})
    database = logging.getLogger("mlflow.store.db.utils")
    if database.level == logging.NOTSET:
        database.setLevel(logging.WARNING)  # a new database tells of its tables
    uri = mlflow.get_tracking_uri()
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name(about.study)
    if experiment is None:  # Lightning's logger would make it too, with a warning
        client.create_experiment(about.study)
    earlier = experiment and client.search_runs(
        [experiment.experiment_id], f"tags.{IDENTITY} = '{about.key}'", max_results=1
    )
    tags = {IDENTITY: about.key, "arm": about.arm}
    logger = MLFlowLogger(
        about.study,
        about.name,
        tracking_uri=uri,
        tags=tags if about.seed is None else {**tags, "seed": str(about.seed)},
        run_id=earlier[0].info.run_id if earlier else None,
        synchronous=True,
    )
    epochs = int(earlier[0].data.metrics.get("epoch", 0)) if earlier else 0
    return _MLflowRun(logger, about, epochs)


def _open_wandb(about: About, folder: Path) -> TrackedRun:
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    os.environ.update({**OFFLINE, **os.environ})
    settings = wandb.Settings(console="off", disable_git=True, x_disable_stats=True)
    logger = WandbLogger(
        about.name,
        folder.parent,  # it makes the folder `wandb` in it
        id=about.key,
        project=about.study,
        group=about.arm,
        job_type=None if about.seed is None else f"seed {about.seed}",
        reinit="create_new",  # beside the runs of other attempts
        settings=settings,
    )
    # Lightning gives it as None, and W&B warns of any value.
    getattr(logger, "_wandb_init", {}).pop("anonymous", None)
    return _WandbRun(logger, about)


_OPEN: dict[str, Callable[[About, Path], TrackedRun]] = {
    "tensorboard": _open_tensorboard,
    "mlflow": _open_mlflow,
    "wandb": _open_wandb,
}
KEEP_FILES = ("mlflow", "wandb")


def open_run(tracker: str, about: About, folder: Path) -> TrackedRun:
    """Open a run in a tracker, or one again that has not ended.

    Args:
        tracker: `tensorboard`, `mlflow` or `wandb`.
        about: What it is filed under.
        folder: Where a tracker that writes files writes them.

    Raises:
        Exception: Whatever the tracker raises where it cannot be reached or written.
    """
    return _OPEN[tracker](about, folder)


def destination(tracker: str, folder: Path) -> str:
    """Where a tracker's runs go: a folder, or the address of a server."""
    if tracker == "mlflow":
        import mlflow

        return re.sub("//[^/@]+@", "//", mlflow.get_tracking_uri())  # without a password
    if tracker == "wandb" and os.environ.get("WANDB_MODE", "offline") == "online":
        return os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    return str(folder)
