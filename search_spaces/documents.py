"""YAML files into validated objects: spaces, studies and recipes are found by preset name or by path."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from explorer.errors import UserError, unknown

Model = TypeVar("Model", bound=BaseModel)

# Of a file's problems so many are told, each in so many characters.
MOST_PROBLEMS, LONGEST = 8, 600

# Where each kind of preset lives: package, and the folder inside it.
PRESETS = {"space": ("search_spaces", ""), "study": ("studies", ""), "recipe": ("studies", "recipes")}


def preset_names(kind: str) -> list[str]:
    """The names of the presets of a kind ("space", "study", "recipe"), sorted."""
    folder = _preset_folder(kind)
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_document(model: type[Model], kind: str, name_or_path: str | Path) -> Model:
    """Read a preset by name, or a file by path (it ends in .yaml or .yml, or has a folder in it), into `model`.

    A file that gives no `name` is named after itself. Raises `UserError` for an unknown preset, an unreadable file, broken
    YAML, or a key or value the model does not allow; the message names the file, the key and the nearest right one.
    """
    given = str(name_or_path)
    if given.endswith((".yaml", ".yml")) or "/" in given or isinstance(name_or_path, Path):
        path = Path(given)
        try:
            text = path.read_text()
        except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the path
            reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
            raise UserError(f"cannot read the {kind} file {given[:200]}: {reason}.") from None
        return parse_document(model, text, source=given, default_name=path.stem)
    if given not in preset_names(kind):
        message = unknown(f"{kind} preset", given, preset_names(kind))
        raise UserError(f"{message} A file of your own is given by its path, for example ./{given}.yaml.")
    text = _preset_folder(kind).joinpath(f"{given}.yaml").read_text()
    return parse_document(model, text, source=f"{kind} preset {given}", default_name=given)


def parse_document(model: type[Model], text: str, *, source: str, default_name: str | None = None) -> Model:
    """Validate YAML text into `model`; `source` names it in messages."""
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = "too deeply nested" if isinstance(error, RecursionError) else getattr(error, "problem", None) or error
        raise UserError(f"{source} is not valid YAML{where}: {problem}.") from None
    if not isinstance(data, dict):
        raise UserError(f"{source} must be a mapping of keys to values, not {type(data).__name__}.")
    if default_name is not None and "name" in model.model_fields:
        data.setdefault("name", default_name)
    return validate(model, data, source=source)


def validate(model: type[Model], data: dict[str, Any], *, source: str) -> Model:
    """Validate plain data into `model`, turning pydantic's errors into one message."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors()
        told = [_cut(_explain(model, dict(problem)), LONGEST) for problem in problems[:MOST_PROBLEMS]]
        more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        raise UserError(f"{source}: {'; '.join(dict.fromkeys(told))}{more}.") from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader, but a key given twice is an error rather than the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool | None):
                raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _explain(model: type[BaseModel], problem: dict[str, Any]) -> str:
    location = [part for part in problem["loc"] if not str(part).startswith("function-")]
    where = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        owner = _model_at(model, location[:-1])
        error = unknown(
            f"key in {'.'.join(map(str, location[:-1])) or 'the file'}", str(location[-1]), owner.model_fields
        )
        return str(error).rstrip(".")
    if problem["type"] == "missing":
        return f"the key {where!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    given = problem.get("input")
    shown = "" if isinstance(given, dict) else f" (given: {_shorten(given)})"
    return f"{where}: {message}{shown}" if where else message


def _shorten(value: Any) -> str:
    return _cut(repr(value), 80)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _model_at(model: type[BaseModel], location: list[Any]) -> type[BaseModel]:
    """The model that validates the value found at `location` inside `model`."""
    for part in location:
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


def _preset_folder(kind: str) -> Traversable:
    package, folder = PRESETS[kind]
    root = files(package)
    return root.joinpath(folder) if folder else root
