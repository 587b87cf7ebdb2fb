"""YAML files as validated objects: spaces, studies and recipes, by preset name or by path."""

import os
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from explorer.errors import UnknownName, UserError, odd_character, shorten, unknown
from explorer.file_kinds import told_by_name
from explorer.files import expanded, nearest_path
from explorer.suggestions import command
from search_spaces.mistakes import explain

Model = TypeVar("Model", bound=BaseModel)

# Bounds of a file, some fifty times the largest preset. PyYAML reads about 20,000 values a second;
# and a value that is named once and used at many places (`&name`, `*name`) counts at each of them,
# since it is validated and written there.
MOST_CHARACTERS = 1_000_000
MOST_VALUES = 50_000
MOST_DIGITS = 400
# Of a file with more mistakes, the first ones are told.
MOST_PROBLEMS = 5

ENDINGS = (".yaml", ".yml")  # of a file of the user's

# Where each kind of preset lives: package, and the folder inside it.
PRESETS = {
    "space": ("search_spaces", "presets"),
    "study": ("studies", "presets"),
    "recipe": ("studies", "recipes"),
}


# Keys that tell what kind of file a file is.
SIGNS = {
    "space": {"reference", "budget", "match", "scale", "free", "axes"},
    "study": {"space", "data", "recipe", "recipes", "seeds"},
}
USES = {"space": "space show", "study": "study run"}  # the commands that take a file

# What PyYAML says of the commonest slips, and what to do about them.
SLIPS = {
    "found character '\\t'": "a tab stands here; indent with spaces",
    "<block end>": "keys of one level must start in the same column; check the spaces before them",
    "mapping values are not allowed here": "a key is indented differently from those around it, or"
    " a text with a colon lacks its quotes",
    "could not find expected ':'": "here or in the line before, a key lacks its colon or the space"
    " after it (`key: value`)",
    "found unknown escape character": "a backslash between double quotes; write / in a path, or"
    " single quotes",
    "unacceptable character": "a character stands in it that no text has; save it as UTF-8",
    "that cannot start any token": "a text that begins with this character needs quotes",
}


class FileModel(BaseModel):
    """A file, or a part of one: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __init__(self, /, **keys: Any) -> None:
        """Validate keys as those of a file; raises `UserError` with all problems in one message."""
        try:
            super().__init__(**keys)
        except ValidationError:
            validate(type(self), keys, source=type(self).__name__)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).model_fields:
            kind = type(self).__name__
            raise UserError(
                f"{name} of a {kind} cannot be changed. Make another: {kind}(..., {name}=...)."
            )
        super().__setattr__(name, value)

    # Pydantic then makes the parts of a file by itself, and knows where in it a mistake is.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        """Without the keys that have their defaults.

        Checkpoints are told apart by their recipe's, which so is as before there were these keys.
        """
        # Not of all attributes: what was worked out of them is kept among these.
        values = (
            (key, getattr(self, key), field) for key, field in type(self).model_fields.items()
        )
        return [(key, value) for key, value, field in values if value != field.get_default()]

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        return plain(data)


def plain(data: Any) -> Any:
    """Data with Python's own numbers and lists where a notebook has NumPy's, or a range."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple | range):
        return [plain(value) for value in data]
    return data.tolist() if hasattr(data, "dtype") and hasattr(data, "tolist") else data


def preset_names(kind: str) -> list[str]:
    """The names of the presets of a kind ("space", "study", "recipe"), sorted."""
    names = [entry.name for entry in _preset_folder(kind).iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def is_path(name_or_path: str) -> bool:
    """Whether this is the path of a file, rather than the name of a preset or a stored study.

    A path ends in .yaml or .yml, or has a slash in it.
    """
    return name_or_path.endswith(ENDINGS) or "/" in name_or_path


def load_document(model: type[Model], kind: str, name_or_path: str | Path) -> Model:
    """Read a preset by name, or a file by path, into `model`.

    Args:
        model: The class of the file.
        kind: "space", "study" or "recipe".
        name_or_path: A name, or a path (see `is_path`). A file without a `name` gets its own.

    Raises:
        UserError: There is no such preset, the file cannot be read or is no valid YAML, or it has a
            key or value that the model does not allow. The message names the file, the key and the
            nearest right one.
    """
    given = str(name_or_path)
    if isinstance(name_or_path, Path) or is_path(given):
        path = expanded(given)
        try:
            with path.open(encoding="utf-8-sig") as file:
                text = file.read(MOST_CHARACTERS + 1)
        except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the path
            reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
            if isinstance(error, UnicodeDecodeError):
                is_utf_16 = error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
                what = ", but in UTF-16" if is_utf_16 else ""
                reason = f"it is not a text file in UTF-8{what}; save it as UTF-8"
            if isinstance(error, IsADirectoryError):
                raise UserError(
                    f"{given[:200]} is a folder, and a {kind} is a YAML file, for example"
                    f" {path / 'my'}_{kind}.yaml, or a name. (Folders of images: --data-dir.)"
                ) from None
            if isinstance(error, FileNotFoundError):
                hint = nearest_path(path, ENDINGS)
                hint = "; write / between folders" if "\\" in path.name else hint
                reason = f"{reason} (looked for in {path.parent.absolute()}){hint}"
            raise UserError(f"cannot read the {kind} file {given[:200]}: {reason}.") from None
        return parse_document(model, text, source=given, path=path)
    if given not in preset_names(kind):
        raise unknown_document(f"{kind} preset", given, preset_names(kind))
    text = _preset_folder(kind).joinpath(f"{given}.yaml").read_text()
    return parse_document(model, text, source=f"{kind} preset {given}", path=Path(given))


def unknown_document(kind: str, given: str, names: Iterable[str], where: str = "") -> UnknownName:
    """The error for a name that is none of `names`: how to give the file that may be meant.

    Args:
        kind: What the name is of.
        given: The name.
        names: Those that are known.
        where: A sentence on where they are from.
    """
    if os.path.isdir(given):  # False, and no error, also for a name that no file can have
        return UnknownName(
            f"{given[:200]} is a folder, and a {kind} is a name or the path of a YAML file. Of a"
            f" folder of images this makes one: {command('study new', 'FILE.yaml', data=given)}"
        )
    if not given.lower().endswith(ENDINGS) and (other := told_by_name(given)):
        return UnknownName(f"a {kind} is given by its name, or the path of a YAML file. {other}")
    files = [f"{given}{ending}" for ending in ("", *ENDINGS)]
    if file := next((file for file in files if os.path.isfile(file)), None):
        return UnknownName(
            f"unknown {kind} {shorten(given)}. A file is given by its path: ./{file}."
        )
    return UnknownName(
        f"{unknown(kind, given, names)}{where} A file of your own is given by its path, for example"
        f" ./{given}.yaml."
    )


def parse_document(model: type[Model], text: str, *, source: str, path: Path) -> Model:
    """Validate YAML text into `model`.

    Args:
        model: The class of the file.
        text: At most `MOST_CHARACTERS` characters.
        source: What messages call the text.
        path: Where it is from, or a preset's name. A text without a `name` is named after it, and
            paths in the text start beside it.

    Raises:
        UserError: As `load_document` does.
    """
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"{source} is longer than {MOST_CHARACTERS:,} characters, the most that such a file may"
            " have."
        )
    try:
        data = yaml.load(text, Loader=_BoundedLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = _in_plain_words(str(getattr(error, "problem", None) or error))
        if isinstance(error, RecursionError):
            problem = "too deeply nested"
        elif mark and (slip := _odd_line(text, mark.line)):
            problem = slip
        raise UserError(f"{source} is not valid YAML{where}: {problem}.") from None
    if not isinstance(data, dict):
        holds = "it is empty" if data is None else f"it holds {shorten(data)}"
        raise UserError(f"{source} must hold keys with values, such as `name: my_study`; {holds}.")
    _check_kind(model, data, source)
    if "name" in model.model_fields:
        data.setdefault("name", path.stem)
    return validate(model, data, source=source, folder=path.parent)


def validate(
    model: type[Model], data: dict[str, Any], *, source: str, folder: Path = Path()
) -> Model:
    """Validate plain data into `model`; raises `UserError` with all problems in one message.

    The validation's context is the `folder` at which paths in the data start.
    """
    try:
        return model.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        problems = explain(model, data, error.errors(include_url=False))
        rest = len(problems) - MOST_PROBLEMS
        more = f"; and {rest:,} more" if rest > 0 else ""
        raise UserError(f"{source}: {'; '.join(problems[:MOST_PROBLEMS])}{more}.") from None


def _odd_line(text: str, line: int) -> str:
    """What is wrong with a line that YAML cannot read, or with those around it, where it is pasted
    with a fence or has characters that only look like plain ones; else ""."""
    lines = text.splitlines()
    for number in range(max(0, line - 1), min(len(lines), line + 2)):
        if lines[number].lstrip().startswith("```"):
            return f"line {number + 1} is the fence of a page's code; delete it"
        if odd := odd_character(lines[number]):
            return f"in line {number + 1}, {odd}"
    return ""


def _in_plain_words(problem: str) -> str:
    return next((words for slip, words in SLIPS.items() if slip in problem), problem)


def _check_kind(model: type[BaseModel], data: dict[Any, Any], source: str) -> None:
    """Raise `UserError` for a study's file where a space's is read, or the other way round."""
    kinds = {kind for kind, signs in SIGNS.items() if signs & set(data)}
    wanted = {kind for kind, signs in SIGNS.items() if signs <= set(model.model_fields)}
    if len(kinds) == len(wanted) == 1 and kinds != wanted:
        (kind,), (other,) = kinds, wanted
        raise UserError(
            f"{source} is the file of a {kind}, and here the file of a {other} is needed. What"
            f" takes it: `{command(USES[kind], source)}`."
        )


class _BoundedLoader(yaml.SafeLoader):
    """The safe loader, with bounds and without duplicate keys.

    Of a key given twice the last value would win; here that is an error. So is a file of more than
    `MOST_VALUES` values, with every alias counted as what it stands for.
    """

    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.nodes += 1
        if self.nodes > MOST_VALUES:
            raise _too_large(self.peek_event())
        return super().compose_node(parent, index)

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _written_out(node, {})
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > MOST_DIGITS:
            raise _refused(f"a number of {len(node.value):,} characters is too long", node)
        return super().construct_yaml_int(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool | None):
                raise _refused("a key must be plain text", key_node)
            if isinstance(key, str) and ":" in key and value_node.value == "":
                raise _refused(f"put a space after the colon in {shorten(key)}", key_node)
            if key in seen:
                raise _refused(f"the key {shorten(key)} is given twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_BoundedLoader.add_constructor("tag:yaml.org,2002:int", _BoundedLoader.construct_yaml_int)


def _written_out(node: yaml.Node, sizes: dict[int, int]) -> int:
    """How many values a node holds with every alias written out.

    Raises a YAML error for more than `MOST_VALUES`, and for an alias inside what it names. `sizes`
    holds those of the nodes seen so far, 0 while one is being counted.
    """
    if (size := sizes.get(id(node))) is not None:
        if size == 0:
            raise _refused("an alias refers to itself", node)
        return size
    sizes[id(node)] = 0
    size = 1
    if isinstance(node, yaml.CollectionNode):
        for item in node.value:
            parts = item if isinstance(item, tuple) else (item,)
            size += sum(_written_out(part, sizes) for part in parts)
            if size > MOST_VALUES:
                raise _too_large(node)
    sizes[id(node)] = size
    return size


def _too_large(there: Any) -> yaml.YAMLError:
    problem = f"there are more than {MOST_VALUES:,} values, with each alias (*name) written out"
    return _refused(problem, there)


def _refused(problem: str, there: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, there.start_mark)


def _preset_folder(kind: str) -> Traversable:
    package, folder = PRESETS[kind]
    return files(package).joinpath(folder)
