"""Which agenda a study has, and all of its pairs before anything is attempted."""

from collections.abc import Sequence

from explorer import Design
from studies.attempts.agenda import Fixed
from studies.attempts.search_agenda import SearchAgenda
from studies.attempts.tuning_agenda import TuningAgenda
from studies.attempts.until_agenda import UntilAgenda
from studies.config.design import StoredDesign
from studies.config.outline import Outline
from studies.config.study import StudyFile
from studies.pair import Pair


def agenda_of(
    study: StudyFile | Outline,
    designs: Sequence[StoredDesign],
    trials: int | None = None,
    retried_from: int = 0,
    *,
    reference: str = "",
    test_images: int = 0,
    ended_at: int | None = None,
) -> Fixed | SearchAgenda | TuningAgenda | UntilAgenda:
    """What decides which pairs a study wants.

    Args:
        study: What is wanted of the designs.
        designs: Of a search, those that are known before it begins.
        trials: Of a search, how many designs it tries; None: those given.
        retried_from: Failures before this attempt are forgiven.
        reference: The label of the arm that the others are compared with.
        test_images: How many there are; 0 where that is not known.
        ended_at: The seeds at most of a plan with `until` that had ended when it was extended.
    """
    seeds, names = study.seeds, [design.name for design in designs]
    if study.search:
        return SearchAgenda(study.search, seeds, designs, trials or len(designs), retried_from)
    if study.tune:
        return TuningAgenda(study.tune, seeds, names, retried_from)
    if study.until:
        (name,) = [design.name for design in designs if design.arm == reference]
        resolution = 1 / test_images if test_images else 0.0
        return UntilAgenda(study.until, names, name, resolution, ended_at, retried_from)
    # Seeds outermost: each arm gets its first replicate before any gets its second.
    return Fixed(
        [
            Pair(name, seed, recipe=recipe)
            for seed in seeds
            for recipe in study.recipe_names
            for name in names
        ]
    )


def planned_pairs(study: StudyFile, designs: Sequence[Design]) -> list[Pair]:
    """Every pair that a study wants of these designs, in the order of its agenda.

    Of a search, as many as it will train, with designs that stand for those it will choose. Of one
    whose seeds end where the verdict is known, as many as there can be.
    """
    known = [StoredDesign.of(design) for design in designs]
    if study.until:
        return [Pair(design.name, seed) for seed in study.seeds for design in known]
    agenda = agenda_of(study, known).agenda(())
    finalists = known[: study.search.finalists + 1] if study.search else []
    later = [Pair(design.name, seed) for seed in study.seeds[1:] for design in finalists]
    return [*agenda.pairs, *later]
