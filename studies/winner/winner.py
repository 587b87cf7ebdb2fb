"""The best design of a study, by validation error, how sure that is, and
the same design trained fully to take along.

Validation chooses; the test set is read by the full training alone, once, at its end.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from explorer.errors import UserError
from explorer.lazy import load
from explorer.suggestions import Secret, command
from explorer.terminal import progress_bar
from explorer.text import counted
from studies.data import Images, Rows, Splits, mean_and_std
from studies.judging.guessing import Guess, unlearned_sentences
from studies.judging.latency import Latency, latency_of
from studies.judging.residuals import are_too_few
from studies.judging.rivals import behind, standings
from studies.records.arm_standings import until_standings
from studies.winner.limits import all_limits, among, nearly, within
from studies.winner.ranking import Ranking, rank

if TYPE_CHECKING:
    from studies.records.content import Origin
    from studies.records.stored_study import StoredStudy

Costs = tuple[int | None, Latency | None]  # parameters, and the latency


@dataclass(frozen=True)
class Rival:
    """A design beside the winner. `worse` is its validation error minus the winner's, both means by
    least squares; `low` to `high` its interval. Those of every two designs hold together with 95 %
    (Tukey), as the winner is picked from the same numbers. None where seeds are still to come,
    where the two share no seed, and where one seed or seeds that are all alike say nothing of how
    far it could be off, or two seeds too little (`is_vague`). Fractions throughout. `params` and
    `latency` are what it costs, where they are known.
    """

    arm: str
    design: str
    validation_error: float
    worse: float
    seeds: int
    low: float | None
    high: float | None
    params: int | None
    latency: Latency | None
    shared_seeds: int = 0  # with the winner
    is_vague: bool = False

    @property
    def stands(self) -> str:
        """`worse`; `tied` where the seeds leave open which of the two is better;
        `cannot tell` where there is no interval."""
        if self.low is None:
            return "cannot tell"
        return "tied" if self.low <= 0 else "worse"

    @property
    def without_interval(self) -> str:
        """Why there is none, of several seeds."""
        if self.is_vague:
            return "two seeds are too few for one"
        if self.shared_seeds > 1:
            return "the same gap in every seed"
        return "one seed in common" if self.shared_seeds else "no seed in common"


@dataclass(frozen=True, repr=False)
class Winner:
    """The design with the lowest mean validation error, and its rivals, best first.

    Of a study whose seeds end with the verdict, `decided` says where its arms stand; they stopped
    because of what was seen, so rivals have no interval.
    """

    arm: str
    design: str
    validation_error: float
    seeds: tuple[int, ...]
    rivals: tuple[Rival, ...]
    fewer_seeds: tuple[str, ...]  # designs not compared, because they were trained on fewer seeds
    planned_seeds: int
    unfinished: bool
    decided: str = ""
    chosen_on: int | None = None  # of a search, the seed that chose its finalists
    params: int | None = None
    latency: Latency | None = None
    timed: str = ""  # 'measured on 2026-11-27' where that was to choose it, and by no training
    among: str = ""  # of one that was chosen within limits, as `limits.among` says it
    nearly: str = ""  # which designs a latency keeps out by little, as `limits.nearly` says it
    unlearned: str = ""  # that even this one has not learned, as `judging.guessing` says it

    def __repr__(self) -> str:
        return f"<Winner {self.design!r}: {self.why}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        html: str = load("studies.winner.showing").of_winner(self)
        return html

    @property
    def why(self) -> str:
        """Why it is this one, and whether it might be another: one or two sentences; before them,
        that it has not learned, where that is so."""
        return f"{self.unlearned} {self._reason} {self.nearly}".strip()

    @property
    def _reason(self) -> str:
        complete = len(self.seeds)
        of = "" if complete == self.planned_seeds else f" of {self.planned_seeds}"
        seeds = f"{complete}{of} {'seed' if self.planned_seeds == 1 else 'seeds'}"
        lowest = _percent(self.validation_error)
        first = (
            f"{self.arm} ({self.design}) has the lowest validation error, {lowest}, mean of"
            f" {seeds}{f', of {self.among}' if self.among else ''}."
        )
        if self.unfinished:
            return f"So far, {first} How sure that is comes with the last seed."
        if not self.rivals:
            return first
        if self.decided:
            return f"{first} By test error: {self.decided}"
        if complete == 1:
            alone = f"{first} One seed cannot tell whether another is better: no interval exists."
            if self.planned_seeds > 1:
                return f"{alone} The other seeds have no result."
            chosen_on = () if self.chosen_on is None else (self.chosen_on,)
            known = list(dict.fromkeys([*chosen_on, *self.seeds]))  # a search keeps its first seed
            more = [*known, max(known) + 1, max(known) + 2]
            return (
                f"{alone} Add seeds and run the study again, by seeds: {more} in its file or --set"
                f" 'seeds={str(more).replace(' ', '')}'; only the new ones are trained."
            )
        return " ".join([first, *self._standings(), *self._losses()])

    def _standings(self) -> list[str]:
        """Who is worse, and who is not told apart from the winner."""
        arms = {
            stands: ", ".join(rival.arm for rival in self.rivals if rival.stands == stands)
            for stands in ("worse", "tied", "cannot tell")
        }
        if not arms["tied"] and not arms["cannot tell"]:
            if len(self.rivals) == 1:
                return ["The other one's interval lies above it."]
            return ["The intervals of all others lie above it."]
        sentences = [f"Worse than {self.arm}: {arms['worse']}."] if arms["worse"] else []
        if arms["tied"]:
            sentences.append(f"Not told apart from it: {arms['tied']}.")
        without = [rival for rival in self.rivals if rival.stands == "cannot tell"]
        for reason in dict.fromkeys(rival.without_interval for rival in without):
            those = ", ".join(rival.arm for rival in without if rival.without_interval == reason)
            sentences.append(f"No interval for {those}: {reason}.")
        return sentences

    def _losses(self) -> list[str]:
        """Whose mean is as if no seed were missing."""
        own = (self.arm, len(self.seeds))
        lost = [
            f"{arm} has {count} of {self.planned_seeds} seeds"
            for arm, count in [own, *((rival.arm, rival.seeds) for rival in self.rivals)]
            if count < self.planned_seeds
        ]
        return [f"By least squares, as trainings are missing: {', '.join(lost)}."] if lost else []


def choose_stored(
    stored: "StoredStudy",
    trials: pd.DataFrame,
    storage: str | Secret | None = None,
    where: Sequence[str] = (),
) -> Winner:
    """The winner of a stored study within limits, among these of its trials by one recipe.

    Limits are also the constraints of its search, but for measures that `where` limits itself.

    Raises:
        UserError: As `choose` and `limits.within` do.
    """
    until, origin = until_standings(stored), stored.content.origin
    timer = None if origin.imported else partial(_time_designs, stored)
    search = stored.content.document.search
    demanded = search.limits if search else []
    limits = all_limits(where, demanded)
    allowed = within(trials, limits, origin.settings.model_dump(), timer, demanded)
    is_timed = bool(trials["latency"].isna().all() and allowed["latency"].notna().any())
    chosen = choose(
        allowed,
        storage,
        of=among(trials, allowed, limits),
        timed=f"measured on {datetime.now().date()}" if is_timed else "",
        decided=until.text if until else "",
        chosen_on=stored.seeds[0] if stored.content.document.search else None,
    )
    settings = origin.settings.model_dump()
    return replace(
        chosen,
        unlearned=_unlearned(chosen, trials, origin),
        nearly=nearly(trials, allowed, limits, settings),
    )


def _unlearned(chosen: Winner, trials: pd.DataFrame, origin: "Origin") -> str:
    """That the winner has not learned, and what to do, in words; "" where it has."""
    if origin.shape.classes < 2:
        return ""
    guess, of_train = (
        Guess.of(split, origin.shape.classes, origin.splits, origin.commonest)
        for split in ("validation", "train")
    )
    if guess.is_beaten_by(chosen.validation_error):
        return ""
    own = trials[(trials["design"] == chosen.design) & (trials["status"] == "complete")]
    train = pd.to_numeric(own["train_error"], errors="coerce").dropna().tolist()
    subject = f"The best, {chosen.arm}, has not" if chosen.rivals else f"{chosen.arm} has not"
    return unlearned_sentences(subject, [chosen.validation_error], guess, train, of_train)


def choose(
    trials: pd.DataFrame,
    storage: str | Secret | None = None,
    *,
    decided: str = "",
    chosen_on: int | None = None,
    of: str = "",
    timed: str = "",
) -> Winner:
    """The winner among the complete pairs of one study's table of trials, by `ranking.rank`.

    Args:
        trials: One row a pair.
        storage: The study's `Storage.option`, for the command that an error proposes.
        decided: Where the arms stand, of a study whose seeds end with the verdict.
        chosen_on: Of a search, the seed that chose its finalists.
        of: Which designs these are, where limits leave some out, as `limits.among` says it.
        timed: When the latencies were measured, where no training did.

    Raises:
        UserError: where no pair is complete.
    """
    done = trials[trials["status"] == "complete"]
    ranking = rank(trials, until=bool(decided), chosen_on=chosen_on)
    if not ranking.order:
        name = " ".join(trials["study"].unique())
        if len(done):
            raise UserError(
                f"no validation error is known of {name}, so there is no winner: choosing by test"
                " error would flatter it."
            )
        failed = int((trials["status"] == "failed").sum())
        advice = (
            f"{failed} failed; see why: {command('study show', name, storage=storage)}"
            if failed
            else f"Run it first: {command('study run', name, storage=storage)}"
        )
        raise UserError(f"no pair of this study is complete yet, so there is no winner. {advice}")
    arms = done.drop_duplicates("design").set_index("design")["arm"].astype(str)
    costs = {
        str(design): (_count(rows["params"].iloc[0]), latency_of(rows))
        for design, rows in trials.groupby(trials["design"].astype(str))
    }
    best = ranking.order[0]
    unfinished = bool(trials["status"].isin(["waiting", "running"]).any())
    return Winner(
        arms[best],
        best,
        ranking.means[best],
        tuple(int(seed) for seed in ranking.errors.columns[ranking.errors.loc[best].notna()]),
        tuple(_rivals(ranking, arms, costs, unfinished or bool(decided))),
        ranking.fewer_seeds,
        ranking.planned[best],
        unfinished,
        decided,
        chosen_on,
        *costs[best],
        timed,
        of,
    )


def _time_designs(stored: "StoredStudy", names: Sequence[str]) -> dict[str, Latency]:
    """The latency of each design, measured here in turns, by the study's settings."""
    from explorer.networks import Case, measure, use_threads

    settings, threads = stored.content.settings, use_threads(None)
    use_threads(settings.threads)
    of = counted(len(names), "design")
    print(f"Measuring the latency of {of} on {settings.device} ...", file=sys.stderr, flush=True)
    try:
        with progress_bar("measuring") as progress:
            timings = measure(
                [Case(stored.design(name).architecture) for name in names],
                device=settings.device,
                precision=settings.precision,
                progress=progress,
            )
    except UserError as error:
        raise UserError(
            f"{error} A latency is measured as the study trains: here, limit params or flops."
        ) from None
    finally:
        use_threads(threads)
    latencies = [Latency(timing.seconds, timing.low, timing.high) for timing in timings]
    return dict(zip(names, latencies, strict=True))


def _count(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _rivals(
    ranking: Ranking, arms: pd.Series, costs: Mapping[str, Costs], by_looks: bool
) -> list[Rival]:
    """All behind the first. Without intervals while seeds are to come, or where they ended by what
    was seen: who looks and stops when one is worse is wrong more often than 5 %."""
    errors = ranking.errors.to_numpy(dtype=float)
    ranked = standings(errors)
    _, low, high = behind(ranked, 0)
    is_vague = are_too_few(int(ranked.seeds.max()), ranked.freedom) and not (low > 0).any()
    best, *others = ranking.order
    rivals = []
    for row, design in enumerate(others, start=1):
        has_interval = not by_looks and bool(np.isfinite(low[row]))
        is_known = has_interval and not is_vague
        rivals.append(
            Rival(
                arms[design],
                design,
                ranking.means[design],
                ranking.means[design] - ranking.means[best],
                int(np.isfinite(errors[row]).sum()),
                float(low[row]) if is_known else None,
                float(high[row]) if is_known else None,
                *costs[design],
                int(np.isfinite(errors[[0, row]]).all(axis=0).sum()),
                is_vague=has_interval and is_vague,
            )
        )
    return rivals


def train_on_both(splits: Splits) -> Splits:
    """Train and validation as one training split, normalised by itself. The validation images stay
    where they are as well, so that an epoch can be followed; their error is then one of
    training."""
    parts = (splits.train, splits.validation)
    images: Any
    if isinstance(splits.train.images, Rows) and isinstance(splits.validation.images, Rows):
        train = splits.train.images
        images = replace(train, rows=np.concatenate([train.rows, splits.validation.images.rows]))
    else:
        images = np.concatenate([part.images[:] for part in parts])
    whole = Images(images, np.concatenate([part.labels for part in parts]))
    mean, std = mean_and_std(whole.images)
    return replace(splits, train=whole, mean=mean, std=std)


def _percent(fraction: float) -> str:
    return f"{round(100 * fraction, 2) + 0.0:.2f} %"  # no -0.00, as least squares may have it
