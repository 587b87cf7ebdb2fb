"""Drafting a study file from five answers: data, budget, question, seeds and margin."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError, check_known, unknown
from explorer.numbers import as_number
from explorer.suggestions import command
from explorer.text import FAR_OFF, human_flops, human_percent

if TYPE_CHECKING:
    from studies.config.study import StudyFile, Wanted
    from studies.data import DataSpec, Sizes

# What is asked, and how the space says it: `{reference}` of a scale space is suggested, and
# `{axes}` are the first of AXES of which every arm fits the budget.
QUESTIONS = {
    "paths": (
        "At equal FLOPs, how many paths?",
        """\
  budget: {{flops: {flops}}}      # the reference is the best network at or under it
  match: {{solve: bottleneck_width, tolerance: {tolerance}}}   # d is solved: equal cost
  axes: {axes}""",
    ),
    "scale": (
        "At twice the FLOPs, deeper, wider or more paths?",
        """\
  reference: {reference}      # at or under half of {flops} FLOPs
  scale: {{factor: 2, by: flops, depth_policy: spread}}   # all stages grow""",
    ),
    "all": (
        "At equal FLOPs, which cardinality and depth together?",
        """\
  budget: {{flops: {flops}}}      # the reference is the best network at or under it
  match: {{solve: bottleneck_width, tolerance: {tolerance}}}   # d is solved: equal cost
  axes: {axes}""",
    ),
}
AXES = {
    "paths": [f"{{cardinality: {paths}}}" for paths in ([1, 2, 4, 8], [1, 2, 4], [1, 2])],
    "scale": [""],
    "all": [
        f"{{cardinality: {paths}, depths: [{depths}]}}"
        for depths in ("1-1-1, 2-2-2, 3-3-3", "1-1-1, 2-2-2")
        for paths in ([1, 4, 8], [1, 2, 4], [1, 4], [1, 2])
    ],
}
RESOLUTION = 32  # of a folder's images
VALIDATION_SHARES = (0.1, 0.2, 0.3)  # the first that gives images of every class
CANDIDATES = 15  # references of each depth, of which the one with the nearest arms is taken
# A training gets epochs for so many steps, and at least 15: in 90 steps networks learned nothing of
# 420 photos.
LEAST_STEPS, LEAST_EPOCHS = 1_000, 15
MOST_SEEDS = 1_000
LEAST_D = 4  # the paper's narrowest paths
LARGEST_BATCH, SMALLEST_BATCH, STEPS_AN_EPOCH = 64, 8, 10
TEMPLATE = """\
# A study file, by `{new}`. Change what you like; every key is explained in
# the README of the folder studies, and by an editor that is given `{schema}`.
name: {name}
question: {question}
space:
  name: {name}
{space}
{data}
# {steps_an_epoch} steps an epoch, {steps:,} in all{why}.
recipe: {{name: quick, epochs: {epochs}, batch_size: {batch_size}}}   # or modern, resnext_cifar
seeds: [{seeds}]      # every arm is trained with each of them
margin: {margin}      # points of test error that do not matter to you
search: grid          # every arm; a search proposes designs instead: {{method: tpe, trials: 30}}
"""


@dataclass(frozen=True)
class Draft:
    """A study file that was written.

    Attributes:
        text: The file.
        study: What it says.
        wanted: Its designs.
        sizes: Of its data.
    """

    text: str
    study: "StudyFile"
    wanted: "Wanted"
    sizes: "Sizes"


def new_study(
    path: str | Path,
    *,
    data: str,
    budget: float | str,
    ask: str = "paths",
    seeds: int = 3,
    margin: float = 0.5,
    force: bool = False,
) -> Draft:
    """Write a commented study file that runs: `Study.load(path)` reads it.

    Args:
        path: The file, .yaml or .yml.
        data: A data set's name, or the path of a folder of images, a folder a class.
        budget: FLOPs of a network for one image, as a number or a text such as "3M".
        ask: `paths`: how many, at equal FLOPs; `scale`: deeper, wider or more paths, at twice the
            FLOPs of a network of half the budget; `all`: paths and depth together.
        seeds: How many trainings of each network, by seeds from 0 on.
        margin: Points of test error that do not matter.
        force: Also replace a file that is there.

    Raises:
        UserError: An answer is not allowed, the images cannot be read, or no networks fit the
            budget; nothing is written.
    """
    from explorer.files import check_output, write_atomic

    check_known("question", ask, QUESTIONS)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"seeds is a number from 1 to {MOST_SEEDS:,}; given: {seeds!r}.")
    points = as_number(margin, "margin")
    file = Path(path)
    check_output(file, (".yaml", ".yml"), b"", force=force)
    spec, sizes = _data(data)
    draft = _chosen(file, spec, sizes, as_number(budget, "budget"), ask, seeds, points)
    write_atomic(file, draft.text)
    return draft


def _data(data: str) -> "tuple[DataSpec, Sizes]":
    """The data section of a data set's name, or of a folder's path, and its sizes.

    A tenth is for the validation, or as much more as gives it images of every class.
    """
    from explorer.files import expanded, nearest_path
    from studies.data import DATA_SETS, DataSpec, has_test, known_sizes

    section: dict[str, Any] = {"name": data}
    if data in DATA_SETS:
        own_test = DATA_SETS[data].own_test
    else:
        folder = expanded(data)
        if not folder.exists():
            raise UserError(
                f"{unknown('data set', data, DATA_SETS)} Nor is it a folder of images that is"
                f" there{nearest_path(folder)}."
            )
        own_test = has_test(folder)
        path = str(folder.absolute())
        section = {"name": "folder", "path": path, "resolution": RESOLUTION}
    if not own_test:
        section["test"] = 0.2
    for validation in VALIDATION_SHARES:
        spec = DataSpec(**section, validation=validation)
        try:
            return spec, known_sizes(spec)
        except UserError as error:
            refusal = error
    raise refusal


def _chosen(
    file: Path,
    spec: "DataSpec",
    sizes: "Sizes",
    budget: float,
    ask: str,
    seeds: int,
    margin: float,
) -> Draft:
    """The study of the most arms that fit the budget."""
    from search_spaces.documents import parse_document
    from studies.config.study import StudyFile

    others = " or ".join(f"--ask {question}" for question in QUESTIONS if question != ask)
    advice = f"Give another --budget, or {others}."
    for axes in AXES[ask]:
        try:
            reference = _reference(spec, sizes.classes, budget) if ask == "scale" else ""
        except UserError as error:
            raise UserError(f"{error.problem} {advice}") from None
        text = _written(file, spec, sizes, budget, ask, axes, reference, seeds, margin)
        study = parse_document(StudyFile, text, source=str(file), path=file)
        try:
            return Draft(text, study, study.wanted(), sizes)
        except UserError as error:
            refusal = UserError(f"{error.problem} {advice}")
    raise refusal


def _written(
    file: Path,
    spec: "DataSpec",
    sizes: "Sizes",
    budget: float,
    ask: str,
    axes: str,
    reference: str,
    seeds: int,
    margin: float,
) -> str:
    """The study's file as text."""
    import json

    from studies.config.outlook import epochs_for

    question, space = QUESTIONS[ask]
    train = sizes.splits["train"]
    batch_size = _batch_size(train)
    epochs = max(LEAST_EPOCHS, epochs_for(LEAST_STEPS, train, batch_size))
    section = spec.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    keys = ("name", "path", "resolution", "validation", "test")
    section = {"validation": spec.validation, **section}
    shown = ", ".join(
        f"{key}: {json.dumps(section[key]) if key == 'path' else section[key]}"
        for key in keys
        if key in section
    )
    comment = "   # images are resized to resolution" if spec.name == "folder" else ""
    return TEMPLATE.format(
        new=command("study new"),
        schema=command("schema", "study"),
        name=_name(file),
        question=question,
        space=space.format(
            flops=human_flops(budget).replace(" ", ""),
            reference=reference,
            axes=axes,
            tolerance=FAR_OFF,
        ),
        data=f"data: {{{shown}}}{comment}",
        steps_an_epoch=train // batch_size,
        steps=epochs * (train // batch_size),
        why=why_so_many(epochs),
        epochs=epochs,
        batch_size=batch_size,
        seeds=", ".join(map(str, range(seeds))),
        margin=f"{margin:g}",
    )


def _name(file: Path) -> str:
    """The study's name: the file's, with `_` for a space, as it names a folder as well."""
    return "_".join(file.stem.split())


def why_so_many(epochs: int) -> str:
    """Why so many epochs, where it is more than usual."""
    if epochs == LEAST_EPOCHS:
        return ""
    return f", since in far fewer than {LEAST_STEPS:,} a network seldom learns much"


def _batch_size(train: int) -> int:
    """64, or less where an epoch of that had only a few steps."""
    size = LARGEST_BATCH
    while size > SMALLEST_BATCH and train // size < STEPS_AN_EPOCH:
        size //= 2
    return min(size, train)


def _reference(spec: "DataSpec", classes: int, budget: float) -> str:
    """A network at or under half the budget, whose arms at twice its cost are near to that.

    Few blocks and some paths, of which each can grow. Of small budgets, two paths may have nearer
    arms than four.
    """
    from explorer import scale
    from explorer.references import Suggestion, suggest
    from studies.data import DATA_SETS, DataShape

    known = DATA_SETS.get(spec.name)
    shape = known.shape if known else DataShape(RESOLUTION, 3, classes)

    def mismatch(candidate: Suggestion) -> float:
        arms = scale(candidate.reference, 2, depth_policy="spread")
        return max(abs(arm.mismatch) for arm in arms)

    nearest = []
    for cardinality in (4, 2):
        candidates: list[Suggestion] = []
        for depths in ((1, 1, 1), (2, 2, 2)):
            try:
                candidates += suggest(
                    budget / 2,
                    tolerance=0.1,
                    top=CANDIDATES,
                    cardinality=cardinality,
                    depths=depths,
                    **vars(shape),
                )
            except UserError as error:
                refusal = error
        usual = [
            candidate
            for candidate in candidates
            if (candidate.reference.template.bottleneck_width or 0) >= LEAST_D
        ]
        for choice in filter(None, (usual, candidates)):
            best = min(choice, key=mismatch)
            nearest.append(mismatch(best))
            if nearest[-1] <= FAR_OFF:
                return best.name
    if not nearest:
        raise refusal
    raise UserError(
        f"no network at or under half of {human_flops(budget)} FLOPs can be made deeper, wider and"
        f" of more paths within {human_percent(FAR_OFF)} of twice its cost: the nearest is"
        f" {human_percent(min(nearest))} off."
    )
