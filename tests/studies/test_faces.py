"""A room's face hands on what others use, and loads no more than what is asked for."""

import subprocess
import sys

import pytest

import studies.data
import studies.results
import studies.storage
import studies.training

FACES = (studies.data, studies.results, studies.storage, studies.training)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_all_names_of_a_face_are_there(face: object) -> None:
    for name in face.__all__:  # type: ignore[attr-defined]
        assert getattr(face, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        face.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        ("studies.data: list_caches, clear_caches, cache_root", {"pydantic", "numpy", "torch"}),
        ("studies.data: DataSpec, load", {"numpy", "PIL", "sklearn", "torch"}),
        ("studies.training: training_notes, errors_by_class", {"torch", "pytorch_lightning"}),
        ("studies.training: train", {"scipy.signal", "scipy.stats", "sklearn", "sympy"}),
        ("studies.results: delete, failures", {"pandas", "torch"}),
        ("studies.results: study_info", {"pandas", "torch"}),
        ("studies.commands.study: study", {"sqlalchemy", "numpy", "pydantic", "torch"}),
        ("studies.storage: Storage", {"optuna", "pandas", "torch"}),
    ],
)
def test_a_face_loads_only_what_is_asked_for(names: str, left_out: set[str]) -> None:
    module, _, imported = names.partition(": ")
    code = f"import sys; from {module} import {imported}; print(*sys.modules)"
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert not left_out & set(output.split())
