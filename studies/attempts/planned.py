"""Which agenda a study has, and all of its pairs before anything is attempted."""

from collections.abc import Sequence

from explorer import Design
from studies.attempts.agenda import Fixed
from studies.attempts.search_agenda import SearchAgenda
from studies.attempts.tuning_agenda import TuningAgenda
from studies.config.design import StoredDesign
from studies.config.outline import Outline
from studies.config.study import StudyFile
from studies.pair import Pair


def agenda_of(
    study: StudyFile | Outline,
    designs: Sequence[StoredDesign],
    trials: int | None = None,
    retried_from: int = 0,
) -> Fixed | SearchAgenda | TuningAgenda:
    """What decides which pairs a study wants.

    Args:
        study: What is wanted of the designs.
        designs: Of a search, those that are known before it begins.
        trials: Of a search, how many designs it tries; None: those given.
        retried_from: Failures before this attempt are forgiven.
    """
    seeds, names = study.seeds, [design.name for design in designs]
    if study.search:
        return SearchAgenda(study.search, seeds, designs, trials or len(designs), retried_from)
    if study.tune:
        return TuningAgenda(study.tune, seeds, names, retried_from)
    # Seeds outermost: each arm gets its first replicate before any gets its second.
    return Fixed([Pair(name, seed) for seed in seeds for name in names])


def planned_pairs(study: StudyFile, designs: Sequence[Design]) -> list[Pair]:
    """Every pair that a study wants of these designs, in the order of its agenda.

    Of a search, as many as it will train, with designs that stand for those it will choose.
    """
    known = [StoredDesign.of(design) for design in designs]
    agenda = agenda_of(study, known).agenda(())
    finalists = known[: study.search.finalists + 1] if study.search else []
    later = [Pair(design.name, seed) for seed in study.seeds[1:] for design in finalists]
    return [*agenda.pairs, *later]
