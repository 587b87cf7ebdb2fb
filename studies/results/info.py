"""What a study asks, and what it was run with."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from studies.config.study import StudyFile
from studies.records.arm_standings import until_standings
from studies.records.stored_study import StoredStudy, get
from studies.storage import Storage


def study_info(storage: str | Storage | None, name: str) -> dict[str, Any]:
    """What a study asks and what it was run with; see `info_of`.

    Raises `UserError` for an unknown study.
    """
    with Storage.visit(storage) as opened, opened.sound():
        return info_of(get(opened, name))


def info_of(stored: StoredStudy) -> dict[str, Any]:
    """The same of a study that has been read, with its attempts."""
    document, origin = stored.content.document, stored.content.origin
    path = getattr(document.data, "path", None)
    recipes = [recipe.model_dump(mode="json") for recipe in document.recipes]
    agenda, standings = stored.agenda(stored.attempts), until_standings(stored)
    return {
        "name": stored.name,
        "question": document.question,
        "reference_arm": stored.content.reference_arm,
        "document": stored.content.as_yaml(),
        "data": {"name": document.data.name, **({"path": path} if path else {}), **origin.splits},
        "recipe": None if recipes else document.recipe.model_dump(mode="json"),
        **({"recipes": recipes} if recipes else {}),
        "settings": origin.settings.model_dump(),
        "versions": origin.versions,
        "machine": origin.machine,
        "device": origin.settings.device,
        "created": origin.created,
        "seeds": stored.seeds,
        "planned_seeds": origin.planned_seeds,
        "extended_from": origin.extended_from,
        "arms_before": origin.arms_before,
        "margin": document.margin,
        "imported": origin.imported,
        "misses_left_out": _misses_left_out(stored),
        "class_names": origin.class_names,
        "commonest": origin.commonest,
        "earlier_rules": stored.content.has_earlier_rules,
        "wanted": len(stored.pairs),
        "to_come": agenda.to_come + len(agenda.ahead),
        "is_solved": not isinstance(document, StudyFile) or document.space.free is None,
        "left_out": [asdict(point) for point in origin.left_out],
        "search": _search(stored),
        "tuned": {stored.design(name).arm: asdict(tuned) for name, tuned in stored.tuned.items()},
        "until": standings.record() if standings else None,
        "git commit": origin.git_commit,
        "about": origin.about,
        "note": stored.remarks.note,
        "tags": list(stored.remarks.tags),
    }


def _misses_left_out(stored: StoredStudy) -> str:
    """Why its trainings do not store which images they miss; "" where they do."""
    document, origin = stored.content.document, stored.content.origin
    if origin.imported:
        return "imported"
    images = origin.splits.get("validation", 0) + origin.splits.get("test", 0)
    if not isinstance(document, StudyFile) or document.keeps_misses(images):
        return ""
    return "too many images" if document.keep_misses is None else "switched off"


def info_of_recipe(info: Mapping[str, Any], recipe: str) -> dict[str, Any]:
    """What is said of the part of a study that one of its recipes trains."""
    known = {own["name"]: own for own in info.get("recipes", ())}
    rest = {key: value for key, value in info.items() if key != "recipes"}
    own = known.get(recipe, {"name": recipe})
    return {**rest, "name": f"{info.get('name', '')}:{recipe}", "recipe": own}


def _search(stored: StoredStudy) -> dict[str, Any] | None:
    """What a search was asked for, how many `trials` its space holds of those, and the arms of its
    finalists once it has ended."""
    search = stored.content.document.search
    if search is None:
        return None
    later = {pair.design: None for pair in stored.pairs if pair.seed != stored.seeds[0]}
    finalists = [stored.design(name).arm for name in later]
    return {
        **search.model_dump(mode="json", exclude_none=True),
        "limits": search.limits,
        "trials_possible": stored.content.origin.trials,
        "trials_proposed": len(stored.designs),
        "finalists_chosen": finalists,
    }
