"""A study with what can be done with it.

    study = Study.load("digits_cardinality")
    study.run(workers=2)
    print(study.verdict())
    study.results(), study.report(), study.winner()

Nothing in this room imports it but the commands.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack, get_args

from explorer.errors import UserError, check_known
from explorer.files import expanded
from explorer.lazy import load
from explorer.output import say
from studies.artifacts import Artifacts
from studies.attempts.planned import planned_pairs
from studies.attempts.standing import Counts
from studies.config.keys import StudyKeys
from studies.config.study import StudyFile, Tracker
from studies.data import data_section
from studies.engines.local import LocalEngine
from studies.machine.gpus import check_workers
from studies.pair import Pair
from studies.records.named import load_study, storage_of
from studies.records.stored_study import get
from studies.running.bars import choose_view
from studies.running.supervisor import run
from studies.storage import Storage

if TYPE_CHECKING:
    import pandas as pd

    from studies.engines.engine import Engine
    from studies.running.plan import Plan
    from studies.winner.retraining import Retrained
    from studies.winner.winner import Winner


class Study(StudyFile):
    """A study: what is to be trained, on what, how and how often.

    `Study.load` reads one; the constructor takes the keys of a file, and as `data` arrays too.

    Example:
        >>> study = Study(
        ...     name="photos",
        ...     space="digits_cardinality",
        ...     reference_arm={"cardinality": 1},
        ...     data={"train": (images, labels), "test": 0.2, "mirrored": True},
        ...     recipe={"name": "quick", "epochs": 20},
        ...     seeds=range(3),
        ... )  # doctest: +SKIP
        >>> study.run(workers=2)  # doctest: +SKIP
    """

    def __init__(self, /, **keys: Unpack[StudyKeys]) -> None:
        """Make a study of the keys of a study file.

        Args:
            **keys: As in a file. `space` may also be a `SearchSpace`, and `recipe` a `Recipe`;
                `data` may also be arrays, as a pair (images, labels), a dict with
                `train`, `validation` and `test`, each such a pair, or a function that returns the
                three. Images are uint8, N x side x side or with 1 or 3 channels first or last;
                labels are N whole numbers from 0. Arrays are written into an .npz file below
                `resnext-explorer-files` in the current folder, where every worker finds them.

        Raises:
            UserError: A key or a value is not allowed, with all that is wrong in one message.
        """
        if "data" in keys:
            keys["data"] = data_section(keys["data"])
        super().__init__(**keys)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # as in `FileModel`

    @classmethod
    def load(cls, name_or_path: str | Path, *, storage: str | Storage | None = None) -> Self:
        """A file by its path, or a stored study or preset by its name.

        Of a stored study and another preset of the same name the stored one is taken, with a
        warning.

        Args:
            name_or_path: A path ends in .yaml or .yml, or has a slash in it.
            storage: Where studies are stored; None as in `Storage.visit`.

        Raises:
            UserError: naming the file, the key and what is allowed.
        """
        with Storage.visit(storage) as opened:
            study, sentence = load_study(cls, name_or_path, opened)
        if sentence:
            warnings.warn(sentence, stacklevel=2)
        return study

    def run(
        self,
        *,
        storage: str | Storage | None = None,
        workers: int | None = None,
        workers_per_gpu: int | None = None,
        threads: int | None = None,
        devices_per_worker: int = 1,
        data_dir: Path | None = None,
        artifacts: str | None = None,
        engine: "Engine | None" = None,
        quiet: bool = False,
    ) -> Counts:
        """Train what is still missing, in `workers` processes, and return how all pairs stand.

        It goes on where an earlier run stopped, and trains nothing where all is complete.

        Args:
            storage: Where the study is stored; None as in `Storage.visit`.
            workers: Processes that train at the same time. On a CPU the default is one; on CUDA it
                is `workers_per_gpu` for each GPU here, which is also the most.
            workers_per_gpu: On CUDA, workers that share each GPU (default 1).
            threads: Of each worker; a study that is stored keeps its own. None takes what
                OMP_NUM_THREADS says; without it one, or on a CPU as many as the worker has cores
                where a few timed steps are faster with them.
            devices_per_worker: GPUs that share each training, or on a CPU processes. The batch,
                learning rate and seeds are the study's, whatever it is.
            data_dir: The folder with the data set's files, where it is not built in.
            artifacts: A folder or URL that all machines reach, for checkpoints and decoded images.
            engine: Where the workers are: None is this machine; `RayEngine` and `SlurmEngine` say
                themselves how many workers and devices.
            quiet: Show only what goes wrong.

        Raises:
            UserError: A mistake, such as a study of the same name that wants something else.
            KeyboardInterrupt: Ctrl-C was pressed, and the workers have stopped.
        """
        training: dict[str, Any] = {
            "workers": workers, "workers_per_gpu": workers_per_gpu, "threads": threads,
            "data_dir": data_dir,
        }  # fmt: skip
        shared = Artifacts.given(artifacts)
        check_workers(workers, workers_per_gpu, threads, devices_per_worker)
        if engine and (workers or workers_per_gpu or devices_per_worker > 1):
            raise UserError("an engine is made with its workers: leave them out of study.run().")
        with Storage.visit(storage) as opened:
            options = {
                **training,
                "devices_per_worker": devices_per_worker if devices_per_worker > 1 else None,
                "artifacts": shared and shared.shown,
                "storage": opened.option,
                **(engine.options if engine else {}),
            }
            view = choose_view(quiet=quiet, study=self.name, options=options)
            engine = engine or LocalEngine(workers, workers_per_gpu, devices_per_worker)
            return run(self, storage=opened, artifacts=shared, view=view, engine=engine, **training)

    def plan(
        self,
        *,
        storage: str | Storage | None = None,
        workers: int | None = None,
        workers_per_gpu: int | None = None,
        threads: int | None = None,
        data_dir: Path | None = None,
    ) -> "Plan":
        """What the study would still train, and about how long that takes here; stores nothing.

        Some steps are measured, which takes seconds. The arguments are those of `run`.

        Returns:
            The designs and pairs, FLOPs, seconds and the measurements: see `Plan`.

        Raises:
            UserError: As `run` does.

        Example:
            >>> Study.load("digits_cardinality").plan(workers=2).seconds  # doctest: +SKIP
            61.4
        """
        from studies.running.plan import plan

        return plan(
            self, storage=storage, workers=workers, workers_per_gpu=workers_per_gpu,
            threads=threads, data_dir=data_dir,
        )  # fmt: skip

    def status(self, *, storage: str | Storage | None = None) -> Counts:
        """How many pairs the stored study wants, and how they stand.

        Args:
            storage: Where the study is stored; None as in `Storage.visit`.

        Raises:
            UserError: No study of this name is stored.
        """
        with storage_of(self.name, storage) as opened:
            return get(opened, self.name).counts(opened)

    def verdict(self, *, storage: str | Storage | None = None) -> str:
        """What the study says so far, in words: the verdict, and what to know of it, a line each.

        Of several recipes, first whether gaps depend on the recipe, then what is found by each.

        Args:
            storage: Where the study is stored; None as in `Storage.visit`.

        Raises:
            UserError: No study of this name is stored.
        """
        with storage_of(self.name, storage) as opened:
            return "\n".join(self._source(opened).sentences)

    def report(
        self,
        path: str | Path | None = None,
        *,
        force: bool = False,
        storage: str | Storage | None = None,
    ) -> Path:
        """Write the results as one HTML page that opens offline.

        Args:
            path: The page; None is the study's name with .html, in the current folder.
            force: Also replace a file that is no page of ours.
            storage: Where the study is stored; None as in `Storage.visit`.

        Returns:
            The path of the page.

        Raises:
            UserError: No study of this name is stored, or the page cannot be written.
        """
        with storage_of(self.name, storage) as opened:
            source = self._source(opened)
        written: Path = load("dashboards.report.report").write_report(
            path or f"{self.name}.html", [source], force=force
        )
        return written

    def winner(
        self,
        *,
        of_recipe: str = "",
        where: str | Iterable[str] = (),
        storage: str | Storage | None = None,
    ) -> "Winner":
        """The design with the lowest validation error, and how sure that is.

        Args:
            of_recipe: Of a study with several recipes, the one whose trainings choose.
            where: Which designs may be chosen, as `["params<=500k", "latency<=2ms"]`, or one
                such limit.
            storage: Where the study is stored; None as in `Storage.visit`.

        Returns:
            The design, its rivals with intervals, and in `why` both in words: see `Winner`.

        Raises:
            UserError: No study of this name is stored, no training is complete, or no design is
                within the limits.

        Example:
            >>> Study.load("digits_cardinality").winner().design  # doctest: +SKIP
            'resnext_1-1-1_8x15d_w256_small'
        """
        from studies.results import Reader
        from studies.winner.winner import choose_stored

        check_known("recipe of this study", of_recipe, self.recipe_names)
        name = f"{self.name}:{of_recipe}" if of_recipe else self.name
        with storage_of(self.name, storage) as opened:
            limits = (where,) if isinstance(where, str) else tuple(where)
            trials = Reader(opened).tables(name).trials
            return choose_stored(get(opened, self.name), trials, opened.option, limits)

    def retrain(
        self,
        folder: str | Path,
        *,
        of_recipe: str = "",
        where: str | Iterable[str] = (),
        storage: str | Storage | None = None,
        recipe: str | None = None,
        changes: Iterable[str] = (),
        data_dir: Path | None = None,
        seed: int = 0,
        device: str = "auto",
        threads: int | None = None,
        artifacts: str | None = None,
        quiet: bool = False,
    ) -> "Retrained":
        """Train the winner on the train and validation images, test it once, and export it.

        It runs in this process; stopped, the same call goes on from the last finished epoch, and
        repeated it returns what is there.

        Args:
            folder: For weights, card and, with the extra [onnx], the ONNX file. `Predictor.load`
                takes the weights.
            of_recipe: As in `winner`.
            where: As in `winner`.
            storage: Where the study is stored; None as in `Storage.visit`.
            recipe: A preset's name or a YAML file; None is the study's own.
            changes: Keys of the recipe to change, such as `recipe.epochs=30`.
            data_dir: The folder with the data set's files, where it is not built in.
            seed: Of the initial weights, the order of images and their augmentation.
            device: `cpu`, `cuda`, `cuda:1` or `auto`.
            threads: On a CPU; None as in `run`.
            artifacts: A folder or URL to which its files are copied, and from which another machine
                goes on with a training that was stopped.
            quiet: Show nothing meanwhile.

        Returns:
            The test error, and the files that were written: see `Retrained`.

        Raises:
            UserError: There is no winner yet, the folder holds another model, the data has changed,
                or the training failed.

        Example:
            >>> study = Study.load("digits_cardinality")  # doctest: +SKIP
            >>> study.retrain("best", changes=["recipe.epochs=30"]).test_error  # doctest: +SKIP
            0.0139
        """
        from studies.winner.retraining import retrain

        with storage_of(self.name, storage) as opened:
            return retrain(
                get(opened, self.name),
                self.winner(of_recipe=of_recipe, where=where, storage=opened),
                expanded(folder),
                of_recipe=of_recipe,
                recipe=recipe,
                changes=tuple(changes),
                data_dir=data_dir,
                seed=seed,
                device=device,
                threads=threads,
                artifacts=Artifacts.given(artifacts),
                tell=(lambda text: None) if quiet else say,
            )

    def _repr_html_(self) -> str:
        """What a notebook shows; of a study in the default storage also what it found."""
        html: str = load("dashboards.showing").of_study(self)
        return html

    def _source(self, storage: Storage) -> Any:
        """The results as a report takes them. Reports stand above studies, so that they are loaded
        by their name, as commands are."""
        return load("dashboards.report.sources").load_stored(self.name, storage)

    def log_to(self, tracker: str, *, storage: str | Storage | None = None) -> int:
        """Log the stored study to a tracker: each attempt that it does not show yet is a run.

        A study with `log=["tensorboard"]` does so while it runs.

        Args:
            tracker: `tensorboard`, `mlflow` or `wandb`; each has an extra of its name.
            storage: Where the study is stored; None as in `Storage.visit`.

        Returns:
            How many runs were logged.

        Raises:
            UserError: No study of this name is stored, or the tracker is not installed, or cannot
                be reached or written.

        Example:
            >>> Study.load("digits_cardinality").log_to("tensorboard")  # doctest: +SKIP
            80
        """
        from studies.running.tracking import log_to

        check_known("tracker", tracker, get_args(Tracker))
        with Storage.visit(storage) as opened:
            return log_to(self.name, tracker, opened).runs

    def pairs(self, data_dir: Path | None = None) -> list[Pair]:
        """Every wanted pair, in the order in which they are to be trained."""
        return planned_pairs(self, self.wanted(data_dir).designs)

    def results(self, *, storage: str | Storage | None = None) -> "pd.DataFrame":
        """A row a pair: `studies.results.TRIALS`, then the quantities that the study tunes."""
        from studies.results import Reader  # pandas takes 0.4 s, and a run does without

        with storage_of(self.name, storage) as opened:
            return Reader(opened).results(self.name)

    def curves(self, *, storage: str | Storage | None = None) -> "pd.DataFrame":
        """A row an epoch of a pair; the columns are `studies.results.CURVES`."""
        from studies.results import read

        with storage_of(self.name, storage) as opened:
            return read(opened, self.name)[1]
