"""What a study asks, and what it was run with."""

from typing import Any

import yaml

from studies.records.stored_study import StoredStudy, get
from studies.storage import Storage


def study_info(storage: str | Storage | None, name: str) -> dict[str, Any]:
    """What a study asks and what it was run with; see `info_of`.

    Raises `UserError` for an unknown study.
    """
    with Storage.visit(storage) as place, place.sound():
        return info_of(get(place, name))


def info_of(stored: StoredStudy) -> dict[str, Any]:
    """The same of a study that has been read, with its attempts."""
    content, document = stored.content, stored.content["document"]
    return {
        "name": stored.name,
        "question": document["question"],
        "reference_arm": stored.reference_arm,
        "document": yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100),
        "data": {"name": document["data"]["name"], **content["splits"]},
        "recipe": document["recipe"],
        "settings": content["settings"],
        "versions": content["versions"],
        "machine": content["machine"],
        "device": content["settings"]["device"],
        "created": content["created"],
        "seeds": stored.seeds,
        "planned_seeds": content["planned_seeds"],
        "extended_from": content.get("extended_from", []),
        "wanted": len(stored.pairs),
        "to_come": stored.agenda(stored.attempts).to_come,
        "left_out": content["left_out"],
        "search": _search(stored),
        "tuned": {stored.design(name)["arm"]: one for name, one in stored.tuned.items()},
        "git commit": content["git_commit"],
    }


def _search(stored: StoredStudy) -> dict[str, Any] | None:
    """What a search was asked for, how many `trials` its space holds of those, and the arms of its
    finalists once it has ended."""
    if not stored.is_search:
        return None
    later = {pair.design: None for pair in stored.pairs if pair.seed != stored.seeds[0]}
    finalists = [stored.design(name)["arm"] for name in later]
    return {
        **stored.content["document"]["search"],
        "trials_possible": stored.content["trials"],
        "trials_proposed": len(stored.designs),
        "finalists_chosen": finalists,
    }
