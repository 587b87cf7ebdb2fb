"""JSON Schemas of the files that people write, for editors that complete and check YAML.

They are made from the models that validate the files; descriptions are those of the models'
docstrings. What a schema cannot say (keys that exclude each other, words that depend on the data)
is left to the program.
"""

import inspect
import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from explorer.own.names import NAME, VALUE
from explorer.template import LARGEST_NUMBER
from search_spaces.documents import preset_names
from search_spaces.space import SpaceFile
from studies.config.recipe import Recipe
from studies.config.study import GRID, StudyFile
from studies.config.until import BEST, FEWEST_SEEDS, MOST_MARGIN, MOST_SEEDS
from studies.data import DATA_SETS, OWN

KINDS: dict[str, type[BaseModel]] = {"study": StudyFile, "space": SpaceFile, "recipe": Recipe}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Described(GenerateJsonSchema):
    """The schema of a model, its fields described as the model's docstring does."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        text = inspect.getdoc(schema["cls"]) or ""
        made["description"] = " ".join(re.split(r"\n\nAttributes:\n", text)[0].split())
        for name, words in descriptions(schema["cls"]).items():
            if name in made["properties"]:
                made["properties"][name]["description"] = words
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # it would be the key again


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What the section `Attributes` of a model's docstring, or a parent's, says of each field."""
    described: dict[str, str] = {}
    for part in reversed(model.mro()):
        _, _, section = inspect.cleandoc(part.__doc__ or "").partition("\nAttributes:\n")
        section = section.partition("\n\n")[0]
        entries = re.findall(r"^    (\w+): (.+(?:\n {8,}.+)*)", section, re.MULTILINE)
        described |= {name: " ".join(words.split()) for name, words in entries}
    return described


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a file: "study", "space" or "recipe"."""
    made = KINDS[kind].model_json_schema(schema_generator=_Described)
    parts = made.get("$defs", {})
    recipe = made if kind == "recipe" else parts.get("Recipe")
    if recipe:
        recipe["required"] = ["name"]  # what a preset's name leaves out
        _offer(recipe["properties"]["name"], preset_names("recipe"))
    if kind == "study":
        _shorthands(made)
        _offer(parts["DataSpec"]["properties"]["name"], [*DATA_SETS, *OWN[:2]])
    if kind != "recipe":
        _own_networks(made if kind == "space" else parts["SearchSpace"], parts["Matching"])
    # A file is named after itself where it has no name.
    made["required"] = [
        key for key in made.get("required", []) if key != "name" or kind == "recipe"
    ]
    return {"$schema": DIALECT, **made, "title": f"A {kind} of resnext-explorer"}


def _shorthands(made: dict[str, Any]) -> None:
    """What a study file may say in place of whole sections."""
    keys = made["properties"]
    recipe = {"anyOf": [{"enum": preset_names("recipe")}, {"$ref": "#/$defs/Recipe"}]}
    counts = {"type": "integer", "minimum": FEWEST_SEEDS, "maximum": MOST_SEEDS}
    replacements: dict[str, dict[str, Any]] = {
        "space": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/SearchSpace"}]},
        "recipe": recipe,
        "recipes": {"type": "array", "minItems": 2, "items": recipe},
        "search": {"anyOf": [{"enum": [GRID]}, {"$ref": "#/$defs/Search"}]},
        "until": {
            "anyOf": [
                {"const": BEST},
                {
                    "type": "object",
                    "properties": {
                        "margin": {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_MARGIN}
                    },
                    "required": ["margin"],
                    "additionalProperties": False,
                },
            ]
        },
        "seeds": {
            "anyOf": [
                {key: value for key, value in keys["seeds"].items() if key != "description"},
                {
                    "type": "object",
                    "properties": {"start": counts, "at_most": counts},
                    "required": ["start", "at_most"],
                    "additionalProperties": False,
                },
            ]
        },
    }
    for key, replacement in replacements.items():
        keys[key] = {"description": keys[key]["description"], **replacement}
    made["$defs"].pop("Until", None)
    made["required"] = ["space", "data", "seeds"]
    made["anyOf"] = [{"required": ["recipe"]}, {"required": ["recipes"]}]


def _own_networks(space: dict[str, Any], matching: dict[str, Any]) -> None:
    """Any quantity of a network of the user's own may be an axis or solved; of ours, these."""
    keys = space["properties"]
    ours = {"axes": keys["axes"].pop("anyOf"), "solve": matching["properties"]["solve"].pop("enum")}
    number = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
    several = {"type": "array", "minItems": 1, "items": number}
    text = {"type": "string", "pattern": rf"^\s*{VALUE}\s*$"}
    axes = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": r"^[^\W\d]\w*$"},
        "additionalProperties": {
            "type": "array",
            "minItems": 1,
            "items": {"anyOf": [number, several, text]},
        },
    }
    name = {"type": "string", "pattern": rf"^\s*{NAME}\s*$"}
    has_colon = {"type": "string", "pattern": ":"}
    space["if"] = {
        "required": ["reference"],
        "properties": {
            "reference": {"anyOf": [has_colon, {"type": "array", "contains": has_colon}]}
        },
    }
    space["then"] = {
        "properties": {
            "reference": {"anyOf": [name, {"type": "array", "items": name}]},
            "axes": {"anyOf": [axes, {"type": "array", "minItems": 1, "items": axes}]},
            "scale": {"type": "null"},
        }
    }
    matching["properties"]["solve"]["type"] = "string"
    space["else"] = {
        "properties": {
            "axes": {"anyOf": ours["axes"]},
            "match": {"properties": {"solve": {"enum": ours["solve"]}}},
        }
    }


def _offer(field: dict[str, Any], words: list[str]) -> None:
    """Let an editor offer these words for a text that may be another too."""
    bounds = {key: field.pop(key) for key in list(field) if key != "description"}
    field["anyOf"] = [{"enum": words}, bounds]
