"""The winner of a study trained fully, and exported with a card: see `retrain`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import Stopped, UserError
from explorer.suggestions import command
from explorer.text import counted
from studies.artifacts import Artifacts, ArtifactsAway, waiting_for
from studies.winner.exporting import (
    CARD,
    CHECKPOINTS,
    ONNX,
    WEIGHTS,
    facts_of,
    read_model,
    without_onnx,
    write_model,
)

if TYPE_CHECKING:
    from studies.records.stored_study import StoredStudy
    from studies.winner.winner import Winner

CHECKPOINT = "checkpoint.pt"
OUTCOME = ("test_error", "test_balanced_error", "test_errors_by_class", "epochs")


@dataclass(frozen=True, repr=False)
class Retrained:
    """What a full training of the winner measured, and what was written. Errors are fractions.

    Attributes:
        test_error: Top-1, of the one look at the test images, after the last epoch.
        test_balanced_error: The mean of the errors by class.
        test_errors_by_class: In the order of the labels; None for a class without images.
        epochs: How many were trained.
        files: What was written: the weights, the ONNX file where its export worked, the card.
        errors: The errors in words, as they stand in the card.
        onnx_error: Why there is no ONNX file; None where there is one.
    """

    test_error: float
    test_balanced_error: float | None
    test_errors_by_class: list[float | None]
    epochs: int
    files: tuple[Path, ...]
    errors: dict[str, str]
    onnx_error: str | None

    def __repr__(self) -> str:
        written = ", ".join(map(str, self.files))
        return f"<Retrained: test error {100 * self.test_error:.2f} %, {written}>"


def retrain(
    stored: "StoredStudy",
    chosen: "Winner",
    folder: Path,
    *,
    of_recipe: str = "",
    recipe: str | None = None,
    changes: Sequence[str] = (),
    data_dir: Path | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    artifacts: Artifacts | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Retrained:
    """Train the winner on the train and validation images, test it once, and export it.

    A training that was stopped goes on from its last finished epoch when it is called again; where
    the folder holds this winner already, trained by this recipe and seed, it is returned.

    Args:
        stored: The study.
        chosen: Its winner, as `choose` found it.
        folder: For weights, ONNX and a card.
        of_recipe: Of a study with several recipes, the one by which it won.
        recipe: A preset's name or a YAML file; None is the study's own, as it was tuned for the
            design.
        changes: Keys of the recipe to change, such as `recipe.epochs=30`.
        data_dir: The folder with the data set's files, where it is not built in.
        seed: Of the initial weights, the order of images and their augmentation.
        device: `cpu`, `cuda`, `cuda:1` or `auto`.
        threads: Of torch; None is chosen as `studies.machine.settings.resolve` does.
        artifacts: Where its checkpoint is kept for other machines, and its files are copied to.
        tell: Called with each line that says how far it is.

    Raises:
        Stopped: Ctrl-C was pressed.
        UserError: The study was imported; the folder holds another model or cannot be written; the
            data is missing or has changed; the training or the export failed.
    """
    from explorer.networks import check_name
    from studies.data import load
    from studies.judging.latency import latency_words
    from studies.machine.settings import speed_hints
    from studies.records.same_data import check_data
    from studies.training import settings_here, training_notes
    from studies.winner.recipe import full_recipe
    from studies.winner.winner import train_on_both

    if imported := stored.content.origin.imported:
        raise UserError(
            f"{stored.name} was imported from {imported}, which does not say on what data it was"
            f" trained. Train its winner by itself: {by_itself(chosen)}"
        )
    wanted = full_recipe(stored, chosen.design, of_recipe, recipe, changes)
    chosen_from = f"{stored.name}:{of_recipe}" if of_recipe else stored.name
    made_of = {
        "study": chosen_from,
        "arm": chosen.arm,
        "design": chosen.design,
        "seeds": list(chosen.seeds),
        "data": stored.content.file.data.model_dump(mode="json", exclude_none=True),
        "recipe": wanted.model_dump(mode="json"),
        "seed": seed,
    }
    if (folder / CARD).exists():
        record = read_model(folder)
        if record.get("made_of") != made_of:
            raise UserError(f"{folder} holds another model; name another folder, or remove it.")
        tell(f"{folder} holds this winner, trained as asked for: nothing is trained again.")
        return _retrained(record, folder)
    for name, format_ in ((WEIGHTS, "safetensors"), (ONNX, "onnx")):
        try:
            check_name(folder / name, format_)
        except UserError:
            raise UserError(
                f"{folder} holds another {name}; name another folder, or remove it."
            ) from None
    copies = _Copies(artifacts, f"{stored.artifacts_key}/winner/{folder.name}", folder, tell)
    copies.fetch_checkpoint()
    architecture, spec = stored.design(chosen.design).architecture, stored.content.file.data
    resolved = settings_here(
        architecture,
        wanted.batch_size,
        device=device,
        threads=threads,
        checkpoints=folder / CHECKPOINTS,
    )
    settings = resolved.settings
    splits = load(spec, data_dir, artifacts=artifacts)
    check_data(stored, splits)
    said = training_notes(splits, wanted)  # of all images, each once
    splits = train_on_both(splits)
    wanted.steps_per_epoch(len(splits.train))

    from studies.machine import failures
    from studies.machine.memory import keep_memory
    from studies.training import TrainingFailed, train

    if settings.device == "cpu":
        keep_memory()
    tell(
        f"\nTraining {chosen.design} on {len(splits.train):,} images,"
        f" {counted(wanted.epochs, 'epoch')}, {settings.device},"
        f" {counted(settings.threads, 'thread')}."
    )
    tell("\n".join([*said, *resolved.notes, *speed_hints(settings), without_onnx()]).rstrip())
    _make(folder / CHECKPOINTS)

    def on_epoch(row: dict[str, Any]) -> None:
        tell(_epoch_words(row, wanted.epochs))
        copies.put_checkpoint()

    try:
        outcome = train(
            architecture,
            wanted,
            splits,
            seed,
            settings,
            checkpoints=folder / CHECKPOINTS,
            on_epoch=on_epoch,
        )
    except KeyboardInterrupt:
        raise Stopped("the same again goes on from the last finished epoch.") from None
    except TrainingFailed as failure:
        raise UserError(
            f"the training failed: {failure.reason}. Try another --recipe, or --set."
        ) from None
    except (MemoryError, RuntimeError) as error:
        if not failures.is_out_of_memory(error):
            raise
        raise UserError(
            f"the training failed: {failures.describe(error, failures.ALONE)}."
        ) from None
    finally:
        with suppress(OSError):  # there is a checkpoint, or what was there before
            (folder / CHECKPOINTS).rmdir()
            folder.rmdir()
    known = stored.content.origin.settings.model_dump()
    latency = latency_words(known, chosen.timed)
    facts = facts_of(chosen, architecture, spec, splits, said, seed, settings, outcome, latency)
    record = {
        "made_of": made_of,
        **{key: getattr(outcome, key) for key in OUTCOME},
        "errors": facts["errors"],
    }
    onnx_error = write_model(
        architecture, outcome, chosen_from, chosen, facts, wanted, folder, record
    )
    retrained = _retrained({**record, "onnx_error": onnx_error}, folder)
    copies.put_files([path.name for path in retrained.files])
    return retrained


def _retrained(record: Mapping[str, Any], folder: Path) -> Retrained:
    """What was measured and written, from what the card keeps of it."""
    names = [name for name in (WEIGHTS, ONNX, CARD) if (folder / name).exists()]
    return Retrained(
        **{key: record[key] for key in (*OUTCOME, "errors")},
        files=tuple(folder / name for name in names),
        onnx_error=None if ONNX in names else record["onnx_error"],
    )


@dataclass(frozen=True)
class _Copies:
    """The checkpoint and the files of a retraining, copied to the artifacts, if there are any."""

    artifacts: Artifacts | None
    key: str
    folder: Path
    tell: Callable[[str], None]

    def fetch_checkpoint(self) -> None:
        """Take what another machine has trained, where this one has trained nothing."""
        path = self.folder / CHECKPOINTS / CHECKPOINT
        if self.artifacts and not path.exists():
            self.artifacts.check(self.tell)
            _make(path.parent)
            if not self.artifacts.fetch(f"{self.key}/{CHECKPOINTS}/{CHECKPOINT}", path):
                with suppress(OSError):
                    path.parent.rmdir()
                    self.folder.rmdir()

    def put_checkpoint(self) -> None:
        """After an epoch; artifacts that are away are no reason to stop training."""
        if self.artifacts:
            path = self.folder / CHECKPOINTS / CHECKPOINT
            try:
                self.artifacts.put(path, f"{self.key}/{CHECKPOINTS}/{CHECKPOINT}")
            except ArtifactsAway as error:
                self.tell(f"The checkpoint stays here alone: {error}")

    def put_files(self, names: Sequence[str]) -> None:
        """All that was written, the card last; the checkpoint is removed."""
        if self.artifacts is None:
            return
        try:
            with waiting_for(self.artifacts, self.tell, lambda: False):
                for name in names:
                    self.artifacts.put(self.folder / name, f"{self.key}/{name}")
        except UserError as error:
            raise UserError(
                f"the network is exported to {self.folder}, but {error} Copy that folder there."
            ) from None
        self.artifacts.remove(f"{self.key}/{CHECKPOINTS}")
        self.tell(f"Copied to {self.artifacts.shown}/{self.key}.")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write into the folder {folder}: {error.strerror}. Name another."
        ) from None


def by_itself(chosen: "Winner") -> str:
    """The command that trains the winner's design outside its study."""
    return command("train", chosen.design, data="DATA", o="weights.safetensors")


def _epoch_words(row: dict[str, Any], epochs: int) -> str:
    return f"epoch {row['epoch']} of {epochs}: train error {100 * row['train_error']:.1f} %"
