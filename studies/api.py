"""A study with what can be done with it.

    study = Study.load("digits_cardinality")
    study.run(workers=2)
    study.results(), study.curves()

Nothing in this room imports it but the commands.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from studies.attempts.planned import planned_pairs
from studies.attempts.standing import Counts
from studies.config.study import StudyFile
from studies.pair import Pair
from studies.records.named import load_study
from studies.running.progress import choose_view
from studies.running.supervisor import run
from studies.storage import Storage

if TYPE_CHECKING:
    import pandas as pd


class Study(StudyFile):
    """A validated study file. `Study.load` reads one; the constructor takes the same keys."""

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
        data_dir: Path | None = None,
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
            data_dir: The folder with the data set's files, where it is not built in.
            quiet: Show only what goes wrong.

        Raises:
            UserError: A mistake, such as a study of the same name that wants something else.
            KeyboardInterrupt: Ctrl-C was pressed, and the workers have stopped.
        """
        training: dict[str, Any] = {
            "workers": workers,
            "workers_per_gpu": workers_per_gpu,
            "threads": threads,
            "data_dir": data_dir,
        }
        with Storage.visit(storage) as opened:
            options = {**training, "storage": opened.option}
            view = choose_view(quiet=quiet, study=self.name, options=options)
            return run(self, storage=opened, view=view, **training)

    def pairs(self, data_dir: Path | None = None) -> list[Pair]:
        """Every wanted pair, in the order in which they are to be trained."""
        return planned_pairs(self, self.wanted(data_dir).designs)

    def results(self, *, storage: str | Storage | None = None) -> "pd.DataFrame":
        """A row a pair.

        The columns are `studies.results.TRIALS`, then the quantities that the study tunes.
        """
        from studies.results import Reader, with_tuned  # pandas takes 0.4 s, and a run does without

        with Storage.visit(storage) as opened:
            tables = Reader(opened).tables(self.name)
        return with_tuned(tables.trials, tables.study)

    def curves(self, *, storage: str | Storage | None = None) -> "pd.DataFrame":
        """A row an epoch of a pair; the columns are `studies.results.CURVES`."""
        from studies.results import read

        return read(storage, self.name)[1]
