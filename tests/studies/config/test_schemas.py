"""The JSON Schemas say what the models take: every preset is valid, and mistakes are not."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import studies
from explorer.errors import UserError
from search_spaces import SearchSpace
from search_spaces.documents import PRESETS, validate
from studies.config.schemas import KINDS, schema

ROOT = Path(studies.__file__).parent.parent
STUDY = yaml.safe_load((ROOT / "studies/presets/digits_cardinality.yaml").read_text())
FILES = [
    *(
        (kind, path)
        for kind, (package, folder) in PRESETS.items()
        for path in sorted((ROOT / package / folder).glob("*.yaml"))
    ),
    *(("study", path) for path in sorted(ROOT.glob("studies/evidence/*/study.yaml"))),
    *(("study", path) for path in sorted(ROOT.glob("examples/*.yaml"))),
]
OWN = {
    "name": "own",
    "reference": "mine.nets:convnext(depths=3-3-9-3,width=48)",
    "axes": {"kernel": [3, 5], "depths": ["1-1", [2, 2], "3-"]},
    "match": {"solve": "width", "by": "params"},
}
OURS = {
    "name": "ours",
    "reference": "resnet50",
    "axes": {"width": [128, 256]},
    "match": {"solve": "depths"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_schema_is_that_of_the_models(kind: str) -> None:
    stored = json.loads((ROOT / f"studies/schemas/{kind}.json").read_text())
    assert stored == schema(kind), (
        f"run: resnext-explorer schema {kind} -o studies/schemas/{kind}.json"
    )


@pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda value: getattr(value, "stem", value))
def test_every_file_of_ours_is_valid_and_names_its_schema(kind: str, path: Path) -> None:
    text = path.read_text()
    jsonschema.validate(yaml.safe_load(text), schema(kind))
    mark, _, address = text.splitlines()[0].partition("$schema=")
    assert mark == "# yaml-language-server: "
    assert (path.parent / address).resolve() == ROOT / f"studies/schemas/{kind}.json"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": "modern"},
        {"recipe": {"name": "quick", "epochs": 3}},
        {"space": "digits_cardinality"},
        {
            "space": {
                "name": "s",
                "budget": {"flops": "5M"},
                "match": {"tolerance": "5%"},
                "axes": {"width": [8]},
            }
        },
        {"seeds": {"start": 3, "at_most": 20}, "until": {"margin": 0.5}},
        {"seeds": {"start": 3, "at_most": 20}, "until": "best"},
        {"search": {"method": "tpe", "trials": 8, "constraints": {"params": "1M"}}},
        {"data": {"name": "mine.data:load"}},
    ],
    ids=str,
)
def test_what_a_study_may_say_is_valid(changes: dict[str, Any]) -> None:
    jsonschema.validate({**STUDY, **changes}, schema("study"))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": [0]},
        {"seeds": 2},
        {"recipe": "slow"},
        {"recipe": {"name": "quick", "epoch": 3}},
        {"space": {"reference": "resnet50", "match": {"by": "flop"}}},
        {"search": {"method": "grid_search", "trials": 3}},
        {"until": "better"},
        {"margin": 0.5, "data": {}},
    ],
    ids=str,
)
def test_a_mistake_is_not_valid(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**STUDY, **changes}, schema("study"))


@pytest.mark.parametrize(
    ("space", "changes"),
    [
        (OWN, {}),
        (OWN, {"match": None, "free": {"limits": {"flops": "3M"}}}),
        (OWN, {"axes": [{"kernel": [3]}, {"depths": [[1], 0]}]}),
        (OWN, {"reference": ["mine.nets:convnext(width=48)", " other:net "]}),
        (OURS, {}),
        (OURS, {"reference": ["resnet50", "resnet101"], "axes": [{"cardinality": [1]}]}),
        (OURS, {"reference": None, "budget": {"flops": "5M"}, "match": None}),
    ],
    ids=str,
)
def test_a_space_may_be_of_ours_or_of_the_users_own_networks(
    space: dict[str, Any], changes: dict[str, Any]
) -> None:
    given = {key: value for key, value in {**space, **changes}.items() if value is not None}
    jsonschema.validate(given, schema("space"))
    jsonschema.validate({**STUDY, "space": given}, schema("study"))
    SearchSpace.model_validate(given)


@pytest.mark.parametrize(
    ("space", "changes"),
    [
        (OWN, {"reference": "mine.nets:convnext(width=48"}),
        (OWN, {"reference": ["mine.nets:convnext", "resnet50"]}),
        (OWN, {"axes": {"kernel": 3}}),
        (OWN, {"axes": {"kernel": [1.5]}}),
        (OWN, {"axes": {"kernel": []}}),
        (OWN, {"axes": {"kernel": ["big"]}}),
        (OWN, {"axes": {"a kernel": [3]}}),
        (OWN, {"match": {"solv": "width"}}),
        (OWN, {"match": None, "axes": None, "scale": {"factor": 2}}),
        (OURS, {"axes": {"kernel": [3, 5]}}),
        (OURS, {"axes": [{"widht": [64]}]}),
        (OURS, {"match": {"solve": "kernel"}}),
        (OURS, {"reference": None, "budget": {"flops": "5M"}, "axes": {"kernel": [3]}}),
    ],
    ids=str,
)
def test_a_mistake_in_a_space_of_either_kind_is_not_valid(
    space: dict[str, Any], changes: dict[str, Any]
) -> None:
    given = {key: value for key, value in {**space, **changes}.items() if value is not None}
    for kind, document in (("space", given), ("study", {**STUDY, "space": given})):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema(kind))
    with pytest.raises(UserError):
        validate(SearchSpace, given, source="space")


def _properties(part: Any) -> list[tuple[str, Any]]:
    if isinstance(part, dict):
        own = part.get("properties", {})
        # What is under these conditions narrows keys that are described above them.
        values = (value for key, value in part.items() if key not in ("if", "then", "else"))
        nested = [entry for value in values for entry in _properties(value)]
        return [*own.items(), *nested] if isinstance(own, dict) else nested
    return (
        [entry for value in part for entry in _properties(value)] if isinstance(part, list) else []
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described(kind: str) -> None:
    bounds = {"start", "at_most", "margin"}  # described by the key above them
    assert not [
        name
        for name, value in _properties(schema(kind))
        if "description" not in value and name not in bounds
    ]


def test_the_command_writes_a_schema_and_replaces_only_one(
    workdir: Path, here: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    for _ in range(2):
        assert here("schema", "study", "-o", "study.json").returncode == 0
    assert json.loads(Path("study.json").read_text()) == schema("study")
    Path("mine.json").write_text("{}")
    assert here("schema", "space", "-o", "mine.json").returncode == 2
    assert here("schema", "studies").returncode == 2
