"""Which database a storage's URL names, and what of it may be
shown: no password, nor a part of one.

A password with an unquoted `@`, `/` or `?` is taken as it was meant. Left to SQLAlchemy it ends in
the host's name, and the resolver and the driver then print it.
"""

import os
import re
from collections.abc import Mapping
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
    """A storage's URL, read.

    Attributes:
        dialect: `sqlite` or `postgresql`. url: What SQLAlchemy connects with; it may hold a
        password. shown: The same for messages, as it was given. path: The file of an SQLite
        storage, absolute; None for a server. secrets: What no message may hold. option: What
        `--storage` must be given to name it again; None where the environment or the default does.
    """

    dialect: str
    url: str = field(repr=False)
    shown: str
    path: Path | None
    secrets: tuple[str, ...] = field(repr=False)
    option: str | Secret | None = field(repr=False)

    def hide(self, text: str) -> str:
        """A text of somebody else (a driver, the resolver) without the secrets and their parts."""
        for secret in self.secrets:
            text = _without(text, secret)
        return _IN_WORDS.sub(r"\1***", text)


def read_url(given: str | None) -> StorageURL:
    """Read a storage's URL; None stands for the one in the environment, else for the default.

    Raises:
        UserError: for what is no URL of a storage. An empty one is refused: it
        is an unset variable, and not the wish to
            write into the current folder.
    """
    if given is None:
        given = os.environ.get(ENVIRONMENT, DEFAULT_URL)
        if not given.strip():
            raise UserError(
                f"{ENVIRONMENT} is set, but empty. Unset it for {DEFAULT_URL} in the current"
                f" folder, or let it name a storage, such as {EXAMPLES}."
            )
    elif not given.strip():
        raise UserError(
            "--storage is empty; was it given a variable that is not set? Leave it out for the"
            f" default, or name a storage, such as {EXAMPLES}."
        )
    given = given.strip()
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
        path = _path(parsed.database)
        url = parsed.set(database=str(path)).render_as_string(hide_password=False)
        return StorageURL(dialect, url, given, path, (), option)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(
            drivername="postgresql+psycopg"
        )  # the driver that the extra [postgres] installs
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
    """Scheme, user and password (None: there are none), and the rest from the host on."""
    scheme, separator, rest = given.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][\w+]*", scheme):
        raise _unreadable(given)
    if scheme.partition("+")[0] == "sqlite":
        return scheme, None, rest
    # A password may hold a question mark; a query names its first key behind it.
    query = re.search(r"\?\w+=[^@]*$", rest) or re.search(
        r"\?(host|port|user|password|ssl\w*|service)=", rest
    )
    end = query.start() if query else len(rest)
    userinfo, at, host = rest[:end].rpartition("@")
    return scheme, userinfo if at else None, host + rest[end:]


def _unreadable(given: str) -> UserError:
    # What cannot be read may hold a password anywhere, so it is
    # repeated only where it is the name of a file.
    is_file = given.endswith((".db", ".sqlite", ".sqlite3")) and not re.search(r"[:@=?]", given)
    hint = f" For the file {given} write sqlite:///{given}." if is_file else ""
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
    return Path(os.path.abspath(expanded))


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_KEYS)


def _hidden_query(query: Mapping[str, object]) -> dict[str, str | tuple[str, ...]]:
    return {key: "***" if _is_secret(key) else value for key, value in query.items()}  # type: ignore[misc]


def _without(text: str, secret: str) -> str:
    """The text with three stars for the secret and for each part of it
    of at least `SHORTEST_PART` characters."""
    if len(secret) < SHORTEST_PART:  # by chance it is a part of other words
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    kept, place = [], 0
    while place < len(text):
        length = SHORTEST_PART
        if place + length > len(text) or text[place : place + length] not in secret:
            kept.append(text[place])
            place += 1
            continue
        while place + length < len(text) and text[place : place + length + 1] in secret:
            length += 1
        kept.append("***")
        place += length
    return "".join(kept)
