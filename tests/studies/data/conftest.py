"""What the tests of data share: a cache of their own, and a folder of images."""

from pathlib import Path
from typing import Any

import pytest
from photos import fill

from studies.data import decoded_building


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen images of each of three classes, in every form."""
    return fill(tmp_path_factory.mktemp("photos"), 16)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is decoded from here on."""
    seen: list[bytes] = []
    original = decoded_building.decode

    def spied(content: bytes, *arguments: Any) -> Any:
        seen.append(content)
        return original(content, *arguments)

    monkeypatch.setattr(decoded_building, "decode", spied)
    return seen
