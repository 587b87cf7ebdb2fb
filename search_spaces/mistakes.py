"""What pydantic finds wrong with a file, in plain words: where, what is allowed, what was given."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, get_args

from pydantic import BaseModel

from explorer.errors import cut, shorten, unknown
from explorer.numbers import number_hint

# What a value must be, by pydantic's type of the error; in braces are the values of its context.
MUST_BE = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "above {gt:,}",
    "greater_than_equal": "at least {ge:,}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than": "below {lt:,}",
    "less_than_equal": "at most {le:,}",
    "list_type": "a list",
    "literal_error": "one of {expected}",
    "model_attributes_type": "a mapping with keys of {keys}",
    "model_type": "a mapping with keys of {keys}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "text of at most {max_length:,} characters",
    "string_too_short": "text of at least one character",
    "string_type": "text",
    "too_long": "a list of at most {max_length:,} values",
    "too_short": "a list of at least one value",
    "tuple_type": "a list",
}
MOST_LISTED = 100  # numbers that an example writes out


def explain(model: type[BaseModel], data: Any, problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every problem once, in the order found.

    Where a value may be of several kinds, pydantic tells what each of them finds wrong: of these,
    the problems inside the value count, or else all that it may be are named together.

    Args:
        model: The class of the file.
        data: What was validated.
        problems: Pydantic's `errors()`.
    """
    paths = [_path(data, problem) for problem in problems]
    outer = {path[:length] for path in paths for length in range(len(path))}
    commas = _decimal_commas(data, problems, paths)
    problems = [
        problem for problem, path in zip(problems, paths, strict=True) if path not in commas
    ]
    paths = [path for path in paths if path not in commas]
    kinds: dict[tuple[Any, ...], list[str]] = {}
    for path, problem in zip(paths, problems, strict=True):
        if (kind := _must_be(model, path, problem)) and kind not in kinds.setdefault(path, []):
            kinds[path].append(kind)
    lines = list(commas.values())
    for path, problem in zip(paths, problems, strict=True):
        if problem["type"] not in MUST_BE:
            lines.append(_explain(model, path, problem))
        elif path not in outer:
            where, given = _written(path), problem["input"]
            shown = "" if isinstance(given, dict) else f" (given: {_shown(given)})"
            example = _as_listed(path, problem) or _example(model, path)
            if not example and len(kinds[path]) == 1:
                example = _as_meant(model, path, problem)
            wanted = f"{' or '.join(kinds[path])}{example}"
            lines.append(f"{where}: must be {wanted}{shown}")
    return list(dict.fromkeys(lines))


def _decimal_commas(
    data: Any, problems: Sequence[Mapping[str, Any]], paths: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], str]:
    """What to say of each decimal comma, by the paths of the two halves that YAML makes of it.

    `{test: 0,2}` is a mapping of test to 0 and of 2 to nothing.
    """
    said: dict[tuple[Any, ...], str] = {}
    for path, problem in zip(paths, problems, strict=True):
        if problem["type"] not in ("invalid_key", "extra_forbidden"):
            continue
        mapping = data
        for part in path[:-1]:
            mapping = mapping[part]
        keys = list(mapping) if isinstance(mapping, Mapping) else []
        if path[-1] not in keys[1:] or mapping[path[-1]] is not None:
            continue
        before = keys[keys.index(path[-1]) - 1]
        if str(path[-1]).isdecimal() and type(mapping[before]) is int:
            whole = (*path[:-1], before)
            said[path] = said[whole] = (
                f"{_written(whole)}: a comma follows {mapping[before]}, which ends the value; write"
                " decimals with a point (0.5), and lists in brackets ([1, 2])"
            )
    return said


def _as_listed(path: Sequence[Any], problem: Mapping[str, Any]) -> str:
    """', for example seeds: [0, 1, 2]', where a text was given that lists them: 0-2 or 0,1,2."""
    given = problem["input"]
    if problem["type"] != "list_type" or not isinstance(given, str) or path[-1:] == ("depths",):
        return ""
    numbers = given.strip()
    if ends := re.fullmatch(r"(\d{1,9}) *(?:-|–|:|\.\.+|to) *(\d{1,9})", numbers, re.ASCII):
        first, last = map(int, ends.groups())
        numbers = ", ".join(map(str, range(first, last + 1))) if last - first < MOST_LISTED else ""
    elif not re.fullmatch(r"\d+(?: *, *\d+)+", numbers, re.ASCII):
        return ""
    return f", for example {path[-1]}: [{numbers}]" if path and numbers else ""


def _as_meant(model: type[BaseModel], path: Sequence[Any], problem: Mapping[str, Any]) -> str:
    """', for example axes: [1, 2]', where it is plain how a value was meant; else ''."""
    given, kind = problem["input"], problem["type"]
    key = f"{path[-1]}: " if path and isinstance(path[-1], str) else ""
    if kind in ("list_type", "tuple_type") and isinstance(given, int | float | str):
        return f", for example {key}[{cut(str(given))}]"
    if kind == "string_type" and isinstance(given, int | float | date):
        # YAML has read yes and on as true, no and off as false: which it was is not known.
        word = {True: "yes", False: "no"}[given] if isinstance(given, bool) else given
        return f', for example in quotes: {key}"{word}"'
    if kind in ("model_type", "model_attributes_type") and isinstance(given, int | float | str):
        keys = _model_at(model, path).model_fields
        amount = given if re.fullmatch(r"[\d.]+ ?[kKMGBT]?", str(given), re.ASCII) else "5M"
        if "name" in keys and isinstance(given, str):
            return f", for example {key}{{name: {cut(given)}}}"
        return f", for example {key}{{flops: {amount}}}" if "flops" in keys else ""
    if kind.startswith("float") and isinstance(given, str):
        return _percent_hint(given.rstrip().removesuffix("%"), given) or number_hint(given)
    if kind == "less_than" and problem["ctx"]["lt"] == 1:
        return _percent_hint(given, f"{given} %")
    return ""


def _percent_hint(number: Any, given: str) -> str:
    """'; write 0.2 for 20 %', where a fraction was meant as a percentage; else ''."""
    if not given.rstrip().endswith("%"):
        return ""
    try:
        fraction = float(number) / 100
    except ValueError:
        return ""
    return f"; write {fraction:g} for {given.strip()}" if 0 < fraction < 1 else ""


def _shown(given: Any) -> str:
    """A value as the file has it, so that it is found there."""
    if isinstance(given, bool):
        return "true, yes or on" if given else "false, no or off"
    return str(given) if isinstance(given, date) else shorten(given)


def _path(data: Any, problem: Mapping[str, Any]) -> tuple[Any, ...]:
    """The keys that lead to a value, without what pydantic adds: which of several kinds it tried,
    and which function."""
    keys = []
    for part in problem["loc"]:
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(part, int):
            data = data[part] if isinstance(data, Sequence) and part < len(data) else None
        elif problem["type"] != "missing" or part != problem["loc"][-1]:
            continue
        keys.append(part)
    return tuple(keys)


def _written(path: Sequence[Any]) -> str:
    return cut(".".join(map(str, path)))


def _must_be(model: type[BaseModel], path: Sequence[Any], problem: Mapping[str, Any]) -> str:
    """What a value must be; "" where pydantic's own message says more."""
    context = {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in problem.get("ctx", {}).items()
    }
    keys = ", ".join(_model_at(model, path).model_fields)
    return MUST_BE.get(problem["type"], "").format(**context, keys=keys)


def _explain(model: type[BaseModel], path: tuple[Any, ...], problem: Mapping[str, Any]) -> str:
    where, kind = _written(path), problem["type"]
    if kind == "extra_forbidden":
        inside = f" in {_written(path[:-1])}" if len(path) > 1 else ""
        known = _model_at(model, path[:-1]).model_fields
        return str(unknown(f"key{inside}", str(path[-1]), known)).rstrip(".")
    if kind == "missing":
        return f"the key {where!r} is missing{_example(model, path)}"
    message = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    given = problem.get("input")
    # Most of our own messages, as of a space inside a study, have named what was given already.
    is_named = isinstance(given, dict) or "given: " in message or shorten(given) in message
    shown = "" if is_named else f" (given: {_shown(given)})"
    return f"{where}: {message}{shown}" if where else message


def _example(model: type[BaseModel], path: Sequence[Any]) -> str:
    """', for example seeds: [0, 1]', where the key has an example."""
    field = _model_at(model, path[:-1]).model_fields.get(str(path[-1])) if path else None
    examples = field.examples if field else None
    return f", for example {path[-1]}: {examples[0]}" if examples else ""


def _model_at(model: type[BaseModel], path: Sequence[Any]) -> type[BaseModel]:
    """The model that validates the value at a path inside `model`."""
    for part in path:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        nested = next(_models_in(model.model_fields[part].annotation), None)
        if nested is not None:
            model = nested
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
