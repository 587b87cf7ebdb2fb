"""What a study would still train and about how long that takes here, from a few
measured steps of its cheapest and its most expensive design.

Nothing is stored. Torch runs in processes of their own, as many at once as there will be
workers, set up as workers are: so a step takes as long as it will.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import Design
from explorer.complexity import TRAINING_FACTOR
from explorer.errors import UserError
from explorer.lazy import load
from explorer.scarcity import last_words
from explorer.text import counted, human_time
from search_spaces import LeftOut
from studies.attempts.attempt import Attempt
from studies.attempts.planned import planned_pairs
from studies.attempts.standing import Attempts, Counts, agenda_statuses
from studies.config.outlook import warnings
from studies.data import DataShape
from studies.engines.worker_process import worker_environment
from studies.machine import gpus
from studies.machine.cores import available_cores
from studies.machine.settings import Resolved, Settings, resolve
from studies.machine.threads import notes_on_stored
from studies.pair import Pair
from studies.records.creation import as_extended, with_designs
from studies.records.stored_study import StoredStudy
from studies.running.estimate import cost_of, schedule, seconds_a_step, typical_step
from studies.running.measuring import CHILD
from studies.storage import Storage

if TYPE_CHECKING:
    from studies.config.recipe import Recipe
    from studies.config.study import StudyFile
    from studies.judging.planning import Expected

MEASURING = "Measuring some steps of the cheapest and of the most expensive design ..."


@dataclass(frozen=True)
class Measurement:
    """What was measured of a design: seconds of one training step, and of a
    whole epoch by it (validation included)."""

    design: str
    step: float
    epoch: float


@dataclass(frozen=True)
class RecipePlan:
    """The trainings by one recipe: steps are of an epoch, `measured` and `trial_seconds` as of a
    whole plan."""

    name: str
    epochs: int
    steps: int
    batch_size: int
    measured: list[Measurement]
    trial_seconds: list[float]


@dataclass(frozen=True, repr=False)
class Plan:
    """A study's work. `pairs` are all that it wants, `left` those that are still to
    be trained: all, where nothing is `stored` yet.

    `flops` are multiply-adds of all training steps that are left (backward counts twice), `seconds`
    the estimate for `workers`; a training that was begun counts whole. `trial_seconds` is the
    estimate for one trial of each design, in the order of `designs`; `start` is what a worker takes
    before its first step. Where nothing is left, nothing was measured: `measured` and
    `trial_seconds` are empty. Of several recipes, each has its part in `recipes`, and `epochs`,
    `steps`, `batch_size`, `measured` and `trial_seconds` are the first one's. Of a study whose
    seeds end where the verdict is known, all these are the most there can be, and `expected` says
    how many trials such studies take.
    """

    study: str
    designs: list[Design]
    left_out: list[LeftOut]
    pairs: list[Pair]
    left: list[Pair]
    stored: Counts | None
    epochs: int
    steps: int
    batch_size: int
    splits: dict[str, int]
    notes: list[str]  # what to know of the data, and what stands in the way of a finding
    settings: Settings
    workers: int
    flops: int
    measured: list[Measurement]
    trial_seconds: list[float]
    start: float
    seconds: float
    expected: "Expected | None" = None
    recipes: tuple[RecipePlan, ...] = ()

    def __repr__(self) -> str:
        return f"<Plan of {self.study!r}: {self.summary}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        html: str = load("studies.running.plan_table").of_plan(self)
        return html

    @property
    def summary(self) -> str:
        """'15 trials, about 2 min 5 s with 1 worker'."""
        if not self.left:
            return f"{self.trials}, none left"
        left = f", {len(self.left):,} left" if len(self.left) < len(self.pairs) else ""
        workers = counted(self.workers, "worker")
        return f"{self.trials}{left}, about {human_time(self.seconds)} with {workers}"

    @property
    def trials(self) -> str:
        """'15 trials', or as many as there may be and as are expected."""
        if self.expected is None:
            return f"{len(self.pairs):,} trials"
        return (
            f"at most {len(self.pairs):,} trials (expected: about {self.expected.mean:.0f}; 9"
            f" studies of 10 take at most {self.expected.nine_in_ten})"
        )

    def record(self) -> dict[str, Any]:
        """The plan as plain data."""
        designs = zip_longest(self.designs, self.trial_seconds)
        return {
            "study": self.study,
            "designs": [
                {**design.record(), "trial_seconds": seconds} for design, seconds in designs
            ],
            "left_out": [vars(point) for point in self.left_out],
            "trials": len(self.pairs),
            "trials_left": len(self.left),
            "expected_trials": asdict(self.expected) if self.expected else None,
            "stored": asdict(self.stored) if self.stored else None,
            "epochs": self.epochs,
            "steps_per_epoch": self.steps,
            "batch_size": self.batch_size,
            "splits": self.splits,
            "notes": self.notes,
            "settings": self.settings.model_dump(),
            "workers": self.workers,
            "training_flops": self.flops,
            "measured": [vars(measurement) for measurement in self.measured],
            "start_seconds": self.start,
            "seconds": self.seconds,
            **({"recipes": [asdict(recipe) for recipe in self.recipes]} if self.recipes else {}),
        }


def plan(
    study: "StudyFile",
    *,
    storage: str | Storage | None = None,
    workers: int | None = None,
    workers_per_gpu: int | None = None,
    threads: int | None = None,
    data_dir: Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Plan:
    """Plan a study: see `Plan`; `workers` and `threads` as in `Study.run`. Takes about as
    long as starting a worker, and some seconds more, which it tells before; it is quick where
    nothing is left to train.

    Of a study that is stored, what is left, with the settings it was stored with. Raises
    `UserError` for what would stop a run as well: missing data, a batch larger than the data, a
    device that is not there, a stored study that wants something else.
    """
    gpus.check_workers(workers, workers_per_gpu, threads)
    with Storage.visit(storage) as opened:
        study, wanted = with_designs(opened, study, data_dir)
        wanted = replace(wanted, parts=None)  # the data is for those who measure
        pairs = planned_pairs(study, wanted.designs)
        stored = as_extended(opened, study, wanted)
        counts, left = None, pairs
        if stored:
            stored.content.require_threads(threads)
            with opened.sound():
                attempts = Attempts(opened, stored.id, stored.attribute_keys).read()
                stored = stored.seen(attempts)
                counts, left = _stand(stored, attempts, pairs)
    chosen: list[Design] = []
    if stored and not left and stored.content.origin.splits:
        origin, settings, workers, notes = stored.content.origin, stored.content.settings, 1, []
        steps: list[list[float]] = [[] for _ in study.recipe_names]
        answer: dict[str, Any] = {
            "splits": origin.splits,
            "notes": origin.notes,
            "steps": steps,
            "start": 0.0,
        }
    else:
        tell(MEASURING)
        if stored:
            resolved = Resolved(stored.content.settings)
        else:
            step = typical_step(study.recipe, wanted)
            resolved = resolve(workers=workers or 1, threads=threads, step=step)
        settings = resolved.settings
        seats = gpus.deal(settings.device, workers, workers_per_gpu)
        workers = len(seats)
        notes = list(resolved.notes)
        if stored and settings.device == "cpu":
            notes += notes_on_stored(settings.threads, workers)
        by_cost = sorted(wanted.designs, key=cost_of(wanted.designs))
        chosen = [by_cost[0], by_cost[-1]] if len(by_cost) > 1 else by_cost
        answer = _measure(study, wanted.shape, chosen, seats, data_dir, settings)
    splits = answer["splits"]
    plans = {
        name: _plan_recipe(study.recipe_named(name), wanted.designs, chosen, seconds, splits)
        for name, seconds in zip(study.recipe_names, answer["steps"], strict=True)
    }
    flops_of = {design.name: design.complexity.flops for design in wanted.designs}
    seconds_of = {
        (design.name, name): seconds
        for name, part in plans.items()
        for design, seconds in zip(wanted.designs, part.trial_seconds, strict=bool(chosen))
    }
    images_of = {name: part.epochs * part.steps * part.batch_size for name, part in plans.items()}
    first = next(iter(plans.values()))
    return Plan(
        study=study.name,
        designs=wanted.designs,
        left_out=wanted.left_out,
        pairs=pairs,
        left=left,
        stored=counts,
        epochs=first.epochs,
        steps=first.steps,
        batch_size=first.batch_size,
        splits=splits,
        notes=[*study.notes, *warnings(study, splits), *answer["notes"], *notes],
        settings=settings,
        workers=workers,
        flops=int(sum(flops_of[pair.design] * images_of[pair.recipe] for pair in left))
        * TRAINING_FACTOR,
        measured=first.measured,
        trial_seconds=first.trial_seconds,
        start=answer["start"],
        seconds=(
            answer["start"]
            + schedule([seconds_of[pair.design, pair.recipe] for pair in left], workers)
            if left
            else 0.0
        ),
        expected=_expected(study, stored, len(wanted.designs)),
        recipes=tuple(plans.values()) if study.recipes else (),
    )


def _plan_recipe(
    recipe: "Recipe",
    designs: list[Design],
    chosen: list[Design],
    seconds: list[float],
    splits: dict[str, int],
) -> RecipePlan:
    """The plan of one recipe, from the seconds of a step of the `chosen` designs."""
    steps = recipe.steps_per_epoch(splits["train"])
    # Looking is about a third of training.
    share = 1 + splits["validation"] / TRAINING_FACTOR / splits["train"]
    test = splits["test"] / TRAINING_FACTOR / recipe.batch_size
    return RecipePlan(
        recipe.name,
        recipe.epochs,
        steps,
        recipe.batch_size,
        [
            Measurement(design.name, step, step * steps * share)
            for design, step in zip(chosen, seconds, strict=True)
        ],
        [
            step * (recipe.epochs * steps * share + test)
            for step in (seconds_a_step(designs, chosen, seconds) if chosen else [])
        ],
    )


def _expected(study: "StudyFile", stored: StoredStudy | None, arms: int) -> "Expected | None":
    """How many trainings such studies take where all arms are equal, near the most they take.

    The noise is that of the stored results, or as measured on the digits.
    """
    if study.until is None:
        return None
    import numpy as np

    from studies.judging.planning import RESIDUAL_SD, expected_trainings
    from studies.judging.residuals import fit

    sd = None
    if stored and stored.until:
        sd = fit(np.array(stored.until.errors(stored.attempts), dtype=float)).sd
    margin = study.until.margin
    return expected_trainings(
        [0.0] * arms,
        study.until.at_most,
        sd or RESIDUAL_SD,
        margin=None if margin is None else margin / 100,
        start=study.until.start,
    )


def _stand(
    stored: StoredStudy, attempts: list[Attempt], pairs: list[Pair]
) -> tuple[Counts, list[Pair]]:
    """How the pairs of a stored study stand, and which of `pairs` are left.

    Of a search as many of them, for it may try others.
    """
    agenda = stored.agenda(attempts)
    stands = agenda_statuses(agenda, attempts, stored.retried_from)
    counts = Counts.of(stands, agenda.to_come)
    if stored.content.document.search:
        return counts, pairs[max(0, len(pairs) - counts.left) :]
    if stored.until:  # the decided arms want no more
        pairs = list(agenda.pairs)
    return counts, [pair for pair in pairs if stands.get(pair, "waiting") in ("waiting", "running")]


def _measure(
    study: "StudyFile",
    shape: DataShape,
    designs: list[Design],
    seats: list[str | None],
    data_dir: Path | None,
    settings: Settings,
) -> dict[str, Any]:
    """The means of what as many processes tell as there will be
    workers, as far as there are cores."""
    config = {
        "path": sys.path,
        "study": study.document(),
        "shape": asdict(shape),
        "names": [design.name for design in designs],
        "data_dir": str(data_dir) if data_dir else None,
        "settings": settings.model_dump(),
        "now": time.time(),
    }
    children = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=worker_environment(settings.threads, gpu),
        )
        for gpu in seats[: available_cores()]
    ]
    try:
        for child in children:
            assert child.stdin
            child.stdin.write(json.dumps(config))
            child.stdin.close()
            child.stdin = None
        answers = [_answer(child) for child in children]
    finally:
        for child in children:
            child.kill()
    steps = [
        [sum(seconds) / len(answers) for seconds in zip(*of_recipe, strict=True)]
        for of_recipe in zip(*(answer["steps"] for answer in answers), strict=True)
    ]
    return {**answers[0], "steps": steps, "start": max(answer["start"] for answer in answers)}


def _answer(child: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = child.communicate()
    if child.returncode:
        raise UserError(f"a few steps could not be measured: {last_words(child.returncode, err)}")
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    if "error" in answer:
        raise UserError(answer["error"])
    return answer
