"""Single keys of a document, changed from the command line: `--set recipe.epochs=20`."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import yaml

from explorer.errors import UserError, unknown


def override(
    document: dict[str, Any], changes: Iterable[str], *, sections: Iterable[str]
) -> dict[str, Any]:
    """A copy of `document` with each `key.inner=value` put in; the value is written as in YAML.

    Raises `UserError` for what is not of that form, or begins with none of `sections`. Whether a
    key inside a section exists is for the section's own validation to say.
    """
    changed = deepcopy(document)
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {change}: a change is KEY=VALUE, for example recipe.epochs=20.")
        first, *inner = key.strip().split(".")
        if first not in sections:
            for section in sections:
                if isinstance(document.get(section), dict) and first in document[section]:
                    raise UserError(
                        f"--set {change}: {first} is a key of {section}: --set {section}.{change}"
                    )
            raise unknown("key for --set", first, sections)
        if (first, inner) == ("recipe", ["name"]):
            raise UserError(
                f"--set {change}: a name alone would stand over another recipe's values; a recipe"
                f" is chosen whole, with --set recipe={text.strip()}."
            )
        try:
            value = yaml.safe_load(text)
        except (
            yaml.YAMLError,
            ValueError,
            RecursionError,
        ):  # a date that is none, a number of 5,000 digits
            raise UserError(f"--set {change}: {text!r} is not a value as YAML writes it.") from None
        *path, last = [first, *inner]
        inmost = changed
        for name in path:
            inmost = inmost.setdefault(name, {})
            if not isinstance(inmost, dict):
                raise UserError(f"--set {change}: {name} is a single value and has no keys.")
        inmost[last] = value
    return changed
