"""The URL of a storage: what is refused, what ~ means; no part of a password is ever shown."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from explorer.cli import cli
from explorer.errors import UserError
from studies.storage import Storage
from studies.storage.outages import reason_of
from studies.storage.url import read_url

# Letters that no message, host or user below has, and what a URL gives a meaning to.
PASSWORDS = st.text(st.sampled_from("ÄÖÜäöüßçñ@/?#:%&=+ "), min_size=4, max_size=30)


@pytest.mark.parametrize(
    "command", [("run", "digits_cardinality"), ("list",), ("status", "x"), ("delete", "x", "--yes")]
)
def test_an_empty_storage_is_an_unset_variable(workdir: Path, command: tuple[str, ...]) -> None:
    for empty in ("", "  "):
        result = CliRunner().invoke(cli, ["study", *command, "--storage", empty])
        assert isinstance(result.exception, UserError)
        assert "--storage is empty; is its variable not set?" in str(result.exception)
    assert not list(workdir.iterdir())


def test_an_empty_variable_is_refused_too(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "")
    with pytest.raises(UserError, match="RESNEXT_EXPLORER_STORAGE is set, but empty"):
        Storage()
    assert Storage("sqlite:///given.db").path == workdir / "given.db"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("photos", "photos is a folder; .* write sqlite:///photos/resnext-explorer.db"),
        ("sqlite:///photos", "is a folder, .* write sqlite:///photos/resnext-explorer.db"),
        ("sqlite://my.db", "has two slashes, .* write sqlite:///my.db"),
        (Path("my.db"), "For the file my.db write sqlite:///my.db"),
    ],
)
def test_a_slip_in_a_storage_is_told_with_the_url_that_was_meant(
    workdir: Path, given: Any, hint: str
) -> None:
    (workdir / "photos").mkdir()
    with pytest.raises(UserError, match=hint):
        Storage(given)
    assert [path.name for path in workdir.iterdir()] == ["photos"]


def test_a_tilde_is_a_home_folder(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere/home")
    assert Storage("sqlite:///~/studies.db").path == Path("/somewhere/home/studies.db")
    assert Storage("sqlite:///~root/studies.db").path == Path(
        os.path.expanduser("~root/studies.db")
    )
    assert Storage("sqlite:///~studies.db").path == workdir / "~studies.db"
    assert Storage("sqlite:////~/studies.db").path == Path("/~/studies.db")
    assert Storage("sqlite:///./~/studies.db").path == workdir / "~/studies.db"
    with pytest.raises(UserError, match="there is no home folder ~nobody-here"):
        Storage("sqlite:///~nobody-here/studies.db")
    assert not list(workdir.iterdir())


@pytest.mark.parametrize(
    ("given", "shown", "host", "password"),
    [
        ("postgresql://me:p@ss@host/db", "postgresql://***@host/db", "host", "p@ss"),
        ("postgresql://me:p%40ss@host:5/db", "postgresql://***@host:5/db", "host", "p@ss"),
        ("postgresql://me:12/ss@host/db", "postgresql://***@host/db", "host", "12/ss"),
        ("postgresql://me:a?b=c@host/db", "postgresql://***@host/db", "host", "a?b=c"),
        ("postgresql://me@host/db", "postgresql://***@host/db", "host", None),
        (
            "postgresql://host/db?user=me&password=p@ss",
            "postgresql://host/db?password=***&user=me",
            "host",
            None,
        ),
        ("postgresql:///db?service=mine", "postgresql:///db?service=mine", None, None),
        ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db", "::1", None),
    ],
)
def test_user_and_password_end_at_the_last_at_sign(
    given: str, shown: str, host: str | None, password: str | None
) -> None:
    url = read_url(given)
    assert url.shown == shown
    parsed = make_url(url.url)
    assert (parsed.host, parsed.password) == (host, password)
    assert "ss" not in repr(url).replace("password", "")


@pytest.mark.parametrize(
    "given", ["host=h password=s3cret.db", "me:s3cret@host/x.db", "://s3cret", "s3cret://h/x"]
)
def test_what_is_no_url_is_not_repeated(given: str) -> None:
    with pytest.raises(UserError) as error:
        read_url(given)
    assert "s3cret@" not in str(error.value)
    assert "password=s3" not in str(error.value)


def parts(text: str) -> set[str]:
    return {text[start : start + 4] for start in range(len(text) - 3)}


@given(PASSWORDS)
def test_no_part_of_a_password_is_in_any_message(password: str) -> None:
    quoted = quote(password, safe="")
    for url in (
        f"postgresql://me:{password}@127.0.0.1:1/db",
        f"postgresql://me:{quoted}@127.0.0.1:1/db",
        f"postgresql://127.0.0.1:1/db?user=me&password={quoted}",
    ):
        try:
            storage = Storage(url)
        except UserError as error:
            said = str(error)
        else:
            message = (
                f"failed to resolve host '{password[2:]}@host', conninfo password='{password}' in"
                f" {url}"
            )
            reason = reason_of(OperationalError("SELECT 1", {}, Exception(message)), storage._url)
            assert reason
            said = storage.shown + repr(storage._url) + reason.text
        assert not (parts(password) | parts(quoted)) & parts(said), (url, said)


def test_no_part_of_it_comes_from_the_driver() -> None:
    for password in ("ÄÖÜ@äöü/ß?ç", "ÄÖÜä@öüßç", "ÄÖ:ÜÄ@ÖÜ#ä"):
        storage = Storage(f"postgresql://me:{password}@127.0.0.1:1/db")
        for use in (storage.open, lambda storage=storage: storage.rows("SELECT 1")):  # type: ignore[misc]
            with pytest.raises(UserError, match="no server answers there") as error:
                use()
            assert not parts(password) & parts(str(error.value))
            assert error.value.__cause__ is None
