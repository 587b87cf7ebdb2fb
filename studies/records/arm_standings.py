"""Where the arms of a study stand whose seeds end where the verdict is known.

Numbers for programs, and sentences for readers. Errors are fractions, points are hundredths.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from explorer.text import counted, listed, signed_points
from studies.records.stored_study import StoredStudy

if TYPE_CHECKING:
    from studies.attempts.until_agenda import Errors, UntilAgenda
    from studies.judging.decisions import Course, Look
    from studies.judging.race import Drop, Race


@dataclass(frozen=True)
class ArmStanding:
    """Where one arm stands.

    Attributes:
        arm: Its label.
        verdict: "better", "worse" or "equal" (of the reference), "dropped" or "best" (of a study
            that looks for the best), "open", or "reference".
        decided_at: The seeds that it took; None while it is open.
        seeds: Its results that count.
        late: Its results that came after the decision: they are shown, not used.
        estimate: Its gap to the reference, or to the best, at its last look; None before the first.
        low: What the gap is at least.
        high: What it is at most.
        by: Of a dropped arm, the better one.
        looks: The gap after each seed, with its boundaries.
    """

    arm: str
    verdict: str
    decided_at: int | None
    seeds: int
    late: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    by: str = ""
    looks: tuple["Look", ...] = ()


@dataclass(frozen=True)
class UntilStandings:
    """Where a study stands whose seeds end where the verdict is known.

    Attributes:
        margin: In points of test error; None where it looks for the best.
        start: Seeds before the first decision.
        at_most: Seeds of an arm.
        ended_at: Beyond so many seeds nothing is decided, since the plan was extended after its
            end; None where it was not.
        finished: Whether nothing more will be decided.
        trained: Results so far, late ones included.
        arms: In the order of the study.
        retried: Results that a retry brought after looks had been taken without them.
    """

    margin: float | None
    start: int
    at_most: int
    ended_at: int | None
    finished: bool
    trained: int
    arms: tuple[ArmStanding, ...]
    retried: int = 0

    def record(self) -> dict[str, Any]:
        """As plain data, with the sentences."""
        return {
            **asdict(self),
            "title": self.title,
            "sentences": self.sentences,
            "text": self.text,
        }

    def line(self, standing: ArmStanding) -> str:
        """'C=2: equal within 0.5, decided at seed 9'."""
        if standing.decided_at is None:
            return f"{standing.arm}: {self._open(standing)}"
        return f"{standing.arm}: {self._verdict(standing)}, decided at seed {standing.decided_at}"

    @property
    def decided(self) -> list[ArmStanding]:
        """The decided arms, those decided first before others."""
        arms = [arm for arm in self.arms if arm.decided_at is not None]
        return sorted(arms, key=lambda arm: arm.decided_at or 0)

    @property
    def title(self) -> str:
        """Where the arms stand, short enough for a title: 'C=2 and C=4 equal within 0.5'."""
        if self.margin is None:
            words = {"best": "the best", "dropped": "dropped", "open": "left"}
        else:
            equal = f"equal to {self._reference} within {self.margin:g}"
            words = {v: f"{v} than {self._reference}" for v in ("better", "worse")}
            words |= {"equal": equal, "open": "open"}
        parts = []
        for verdict, word in words.items():
            if names := [arm.arm for arm in self.arms if arm.verdict == verdict]:
                parts.append(f"{listed(names)} {'is' if len(names) == 1 else 'are'} {word}")
        return ("; " if self._between == ", " else ". ").join(parts)

    @property
    def _between(self) -> str:
        """What stands between arms of a list: of names with commas, a semicolon."""
        return "; " if any("," in arm.arm for arm in self.arms) else ", "

    @property
    def _reference(self) -> str:
        return next((arm.arm for arm in self.arms if arm.verdict == "reference"), "the reference")

    @property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)

    @property
    def sentences(self) -> list[str]:
        """All arms in a sentence or two, and how many trainings it took."""
        sentences = self._race() if self.margin is None else self._against_reference()
        if self.finished:
            most = len(self.arms) * self.at_most
            instead = f" instead of {most}" if self.trained < most else ""
            sentences.append(f"{counted(self.trained, 'training')}{instead}.")
        if self.ended_at:
            sentences.append(
                f"The plan had ended at seed {self.ended_at} before it was extended to"
                f" {self.at_most}: later seeds decide nothing."
            )
        elif late := sum(arm.late for arm in self.arms):
            sentences.append(f"{counted(late, 'result')} came after the decision: shown, not used.")
        if self.retried:
            sentences.append(
                f"{counted(self.retried, 'result')} of a retry came after a look without it: shown,"
                " not used."
            )
        return sentences

    def _against_reference(self) -> list[str]:
        decided = [
            f"{arm.arm} {self._verdict(arm)}, {'at' if number else 'decided at seed'}"
            f" {arm.decided_at}"
            for number, arm in enumerate(self.decided)
        ]
        left = self._still_open("open" if decided else "Open")
        if self.finished:
            left = [f"{arm.arm} {self._open(arm)}" for arm in self._open_arms]
        return [f"{'; '.join([*decided, *left])}."]

    def _race(self) -> list[str]:
        dropped = [arm for arm in self.decided if arm.verdict == "dropped"]
        drops = self._between.join(
            f"{arm.arm}{'' if number else ' dropped'} at {'' if number else 'seed '}"
            f"{arm.decided_at}"
            for number, arm in enumerate(dropped)
        )
        if best := [arm.arm for arm in self.arms if arm.verdict == "best"]:
            return [f"{best[0]} is the best: {drops}."]
        if not self.finished:
            left_open = self._still_open("left" if drops else "Left")
            return [f"{'; '.join(filter(None, [drops, *left_open]))}."]
        leader = next((arm.arm for arm in self._open_arms if arm.low is None), "")
        left = [
            f"{arm.arm} is left and open: {leader} is worse than it by at most"
            f" {max(0.0, -100 * arm.low):.2g} points."
            for arm in self._open_arms
            if arm.low is not None
        ]
        return [f"{drops}.", *left] if drops else left

    def _still_open(self, word: str) -> list[str]:
        names = self._between.join(arm.arm for arm in self._open_arms)
        seeds = min((arm.seeds for arm in self._open_arms), default=0)
        return [f"{word}: {names} (seed {seeds} of at most {self.at_most})"] if names else []

    @property
    def _open_arms(self) -> list[ArmStanding]:
        return [arm for arm in self.arms if arm.verdict == "open"]

    def _verdict(self, standing: ArmStanding) -> str:
        if standing.verdict == "equal":
            return f"equal within {self.margin:g}"
        if standing.by:
            return f"dropped, worse than {standing.by}"
        if standing.estimate is None or standing.low is None or standing.high is None:
            return standing.verdict
        low, high = sorted(min(1.0, abs(end)) for end in (standing.low, standing.high))
        return (
            f"{standing.verdict} by {100 * abs(standing.estimate):.2f}"
            f" ({100 * low:.2f} to {100 * high:.2f}) points"
        )

    def _open(self, standing: ArmStanding) -> str:
        if standing.verdict == "reference":
            return "the reference"
        if not self.finished or standing.low is None or standing.high is None:
            return f"open, seed {standing.seeds} of at most {self.at_most}"
        bounds = f"{signed_points(standing.low)} to {signed_points(standing.high)}"
        return f"open after {standing.seeds} seeds: {bounds}"


def until_standings(stored: StoredStudy) -> UntilStandings | None:
    """Where the arms of a stored study stand; None where every arm gets all seeds."""
    until = stored.until
    if until is None:
        return None
    from studies.judging.decisions import Course

    course, missed = until.course(stored.attempts), until.missed(stored.attempts)
    trained = until.errors(stored.attempts)
    errors = until.errors([each for each in stored.attempts if each.pair not in missed])
    labels = [stored.design(name).arm for name in until.names]
    arms = (
        _against_reference(course, errors, labels, until)
        if isinstance(course, Course)
        else _race(course, errors, labels, until.decisive - 1)
    )
    return UntilStandings(
        until.until.margin,
        until.until.start,
        until.until.at_most,
        until.ended_at,
        course.finished,
        _count(trained),
        tuple(arms),
        _count(trained) - _count(errors),
    )


def _count(errors: "Errors") -> int:
    return sum(error is not None for row in errors for error in row)


def _against_reference(
    course: "Course", errors: "Errors", labels: Sequence[str], until: "UntilAgenda"
) -> list[ArmStanding]:
    reference = until.names.index(until.reference)
    ends = [arm.looks[-1].column for arm in course.standings.values() if arm.decided_at]
    last_column = until.decisive - 1
    arms = []
    for row, label in enumerate(labels):
        if row == reference:
            # It goes on until the last arm is decided.
            end = max(ends, default=0) if len(ends) == len(course.standings) else last_column
            used, late = _split(errors[row], end)
            arms.append(ArmStanding(label, "reference", None, used, late))
            continue
        standing = course.standings[row]
        last = standing.looks[-1] if standing.looks else None
        end = last.column if last and standing.decided_at else last_column
        used, late = _split(errors[row], end)
        arms.append(
            ArmStanding(
                label,
                standing.verdict,
                standing.decided_at,
                used,
                late,
                estimate=last.estimate if last else None,
                low=last.low if last else None,
                high=last.high if last else None,
                looks=standing.looks,
            )
        )
    return arms


def _race(
    course: "Race", errors: "Errors", labels: Sequence[str], last_column: int
) -> list[ArmStanding]:
    lead = course.leads[-1] if course.leads else None
    arms = []
    for row, label in enumerate(labels):
        if drop := course.dropped.get(row):
            used, late = _split(errors[row], drop.column)
            arms.append(
                ArmStanding(
                    label,
                    "dropped",
                    drop.seeds,
                    used,
                    late,
                    estimate=drop.gap,
                    low=drop.low,
                    by=labels[drop.by],
                    looks=(*_gaps_to_leader(course, row), _look_of(drop)),
                )
            )
            continue
        used, late = _split(errors[row], lead.column if lead and course.decided else last_column)
        if lead and course.decided and lead.arm == row:
            arms.append(ArmStanding(label, "best", used, used, late))
        elif lead and row in lead.gaps:
            gap, half = lead.gaps[row], lead.halves[row]
            arms.append(
                ArmStanding(
                    label,
                    "open",
                    None,
                    used,
                    late,
                    gap,
                    gap - half,
                    gap + half,
                    looks=_gaps_to_leader(course, row),
                )
            )
        else:
            arms.append(ArmStanding(label, "open", None, used, late))
    return arms


def _gaps_to_leader(course: "Race", row: int) -> tuple["Look", ...]:
    """An arm's gap to the leader of each moment, while it is in the race and does not lead."""
    from studies.judging.decisions import Look

    looks = []
    for lead in course.leads:
        if row in lead.gaps:
            gap, half = lead.gaps[row], lead.halves[row]
            looks.append(Look(lead.column, lead.column + 1, gap, gap - half, gap + half, half))
    return tuple(looks)


def _look_of(drop: "Drop") -> "Look":
    """The look that dropped an arm: its gap to the arm that it is worse than."""
    from studies.judging.decisions import Look

    half = drop.gap - drop.low
    return Look(drop.column, drop.column + 1, drop.gap, drop.low, drop.gap + half, half)


def _split(row: Sequence[float | None], end: int) -> tuple[int, int]:
    """How many results an arm has up to the last column that counts, and after it."""
    have = [error is not None for error in row]
    return sum(have[: end + 1]), sum(have[end + 1 :])
