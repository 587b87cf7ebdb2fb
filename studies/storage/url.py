"""Which database a storage's URL names, and how it is shown: without its password.

A password with an unquoted `@`, `/` or `?` is read as it was meant. SQLAlchemy would take its end
for a part of the host's name, and the resolver and the driver would then print it.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import sqlalchemy
from sqlalchemy.exc import ArgumentError

from explorer.errors import UserError, unknown
from explorer.suggestions import Secret

DEFAULT_URL = "sqlite:///resnext-explorer.db"
ENVIRONMENT = "RESNEXT_EXPLORER_STORAGE"
EXAMPLES = "sqlite:///resnext-explorer.db or postgresql://user:password@host/database"
DIALECTS = ("sqlite", "postgresql")
# Shorter parts of a password are found in any text by chance.
SHORTEST_PART = 4
_SECRET_KEYS = ("pass", "secret", "token", "key")
_IN_WORDS = re.compile(r"(\w*pass\w*\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


@dataclass(frozen=True)
class StorageURL:
    """A storage's URL and its parts.

    Attributes:
        dialect: `sqlite` or `postgresql`.
        url: For SQLAlchemy; it may hold a password.
        shown: For messages: as it was given, without secrets.
        path: The file of an SQLite storage, absolute; None for a server.
        secrets: Texts that no message may hold.
        option: The value of `--storage` that names it again; None where the environment or the
            default does.
    """

    dialect: str
    url: str = field(repr=False)
    shown: str
    path: Path | None
    secrets: tuple[str, ...] = field(repr=False)
    option: str | Secret | None = field(repr=False)

    def hide(self, text: str) -> str:
        """The text of another program (a driver, the resolver) without secrets or parts of them."""
        return hidden(text, self.secrets)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets or parts of them, and without what it calls a password."""
    for secret in secrets:
        text = _without(text, secret)
    return _IN_WORDS.sub(r"\1***", text)


def read_url(given: str | None) -> StorageURL:
    """Read the URL of a storage.

    Args:
        given: The URL; None means that of the environment variable `ENVIRONMENT`, else the default.

    Raises:
        UserError: It is not the URL of a storage. An empty one is an error: probably a variable is
            not set, and nobody wants to write into the current folder.
    """
    if given is None:
        given = os.environ.get(ENVIRONMENT, DEFAULT_URL)
        if not given.strip():
            raise UserError(
                f"{ENVIRONMENT} is set, but empty. Unset it for {DEFAULT_URL} in the current"
                f" folder, or set it to a storage, such as {EXAMPLES}."
            )
    elif not str(given).strip():
        raise UserError(
            "--storage is empty; is its variable not set? Leave the option out for the"
            f" default, or name a storage, such as {EXAMPLES}."
        )
    given = str(given).strip()  # a `Path`, too, is answered with the URL of its file
    option = None if given == os.environ.get(ENVIRONMENT, DEFAULT_URL).strip() else given
    scheme, userinfo, rest = _split(given)
    try:
        parsed = sqlalchemy.make_url(f"{scheme}://{rest}")
    except (ArgumentError, ValueError):
        raise _unreadable(given) from None
    dialect = parsed.get_backend_name()
    if dialect not in DIALECTS:
        raise UserError(
            f"{unknown('kind of storage', dialect, DIALECTS)} A storage URL looks like {EXAMPLES}."
        )
    if dialect == "sqlite":
        if parsed.host:
            raise UserError(
                f"sqlite://{parsed.host} has two slashes, and three stand before a file: write"
                f" sqlite:///{parsed.host}{parsed.database or ''}."
            )
        path = _path(parsed.database)
        url = parsed.set(database=str(path)).render_as_string(hide_password=False)
        return StorageURL(dialect, url, given, path, (), option)
    if parsed.drivername == "postgresql":
        # The driver that the extra [postgres] installs.
        parsed = parsed.set(drivername="postgresql+psycopg")
    shown = parsed.set(drivername=scheme, query=_hidden_query(parsed.query)).render_as_string()
    secrets = [str(value) for key, value in parsed.query.items() if _is_secret(key)]
    if userinfo is not None:
        shown = shown.replace("://", "://***@", 1)
        user, _, password = userinfo.partition(":")
        secrets += [password, unquote(password)]
        parsed = parsed.set(username=unquote(user) or None, password=unquote(password) or None)
    is_secret = any(secrets)
    secrets.append(os.environ.get("PGPASSWORD", ""))
    forms = {
        form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))
    }
    return StorageURL(
        dialect,
        parsed.render_as_string(hide_password=False),
        _IN_WORDS.sub(r"\1***", shown),
        None,
        tuple(sorted(forms - {""}, key=lambda form: (-len(form), form))),
        Secret(ENVIRONMENT) if option and is_secret else option,
    )


def _split(given: str) -> tuple[str, str | None, str]:
    """The scheme, user and password (None where there are none), and the rest from the host on."""
    scheme, separator, rest = given.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][\w+]*", scheme):
        raise _unreadable(given)
    if scheme.partition("+")[0] == "sqlite":
        return scheme, None, rest
    # A password may hold a question mark; in a query, its first key follows the question mark.
    query = re.search(r"\?\w+=[^@]*$", rest) or re.search(
        r"\?(host|port|user|password|ssl\w*|service)=", rest
    )
    end = query.start() if query else len(rest)
    userinfo, at, host = rest[:end].rpartition("@")
    return scheme, userinfo if at else None, host + rest[end:]


def _unreadable(given: str) -> UserError:
    # What cannot be read may hold a password anywhere, so it is shown only if it names a file.
    is_plain = not re.search(r"[:@=?]", given)
    hint = ""
    if is_plain and given.endswith((".db", ".sqlite", ".sqlite3")):
        hint = f" For the file {given} write sqlite:///{given}."
    elif is_plain and os.path.isdir(given):
        file = Path(given, DEFAULT_URL.removeprefix("sqlite:///"))
        hint = f" {given} is a folder; for a file in it write sqlite:///{file}."
    return UserError(f"the storage URL cannot be read; it looks like {EXAMPLES}.{hint}")


def _path(database: str | None) -> Path:
    if not database or database == ":memory:" or database.startswith("file:"):
        raise UserError(
            "an SQLite storage must be a file that several processes can open, such as"
            f" {DEFAULT_URL}."
        )
    expanded = os.path.expanduser(database)
    if expanded.startswith("~") and "/" in expanded:
        raise UserError(
            f"the storage sqlite:///{database} cannot be opened: there is no home folder"
            f" {database.partition('/')[0]}. Write the whole path, or ./{database} for a folder of"
            " that name."
        )
    if os.path.isdir(expanded):
        file = Path(database, DEFAULT_URL.removeprefix("sqlite:///"))
        raise UserError(
            f"the storage sqlite:///{database} is a folder, and SQLite's is a file: write"
            f" sqlite:///{file}."
        )
    return Path(os.path.abspath(expanded))


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_KEYS)


def _hidden_query(query: Mapping[str, object]) -> dict[str, str | tuple[str, ...]]:
    return {key: "***" if _is_secret(key) else value for key, value in query.items()}  # type: ignore[misc]


def _without(text: str, secret: str) -> str:
    """The text with *** for the secret and each part of at least `SHORTEST_PART` characters."""
    if len(secret) < SHORTEST_PART:  # it may be a part of other words by chance
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    pieces, start = [], 0
    while start < len(text):
        length = SHORTEST_PART
        if start + length > len(text) or text[start : start + length] not in secret:
            pieces.append(text[start])
            start += 1
            continue
        while start + length < len(text) and text[start : start + length + 1] in secret:
            length += 1
        pieces.append("***")
        start += length
    return "".join(pieces)
