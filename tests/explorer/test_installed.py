"""What is installed is told without loading it."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from explorer import installed


def test_a_checkout_on_pythons_path_has_no_version_and_says_so(
    here: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(installed, "version", missing)
    result = here("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "resnext-explorer, version (not installed)\n"
