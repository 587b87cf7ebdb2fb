"""Paths as users write them, and files that are written whole or not at all."""

import errno
import os
import shlex
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from explorer.errors import UserError

# What a system says of a disk without room: full, beyond a quota, or a file that is too large.
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
BEGINNING = 65_536  # bytes of a file in which its mark stands, behind a thousand class names
PAGE_MARK = b'<meta name="generator" content="resnext-explorer">'


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` replaced by the home folder.

    A shell does so neither after `=` nor in a file. Raises `UserError` for an unknown home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(
            f"{path} begins with a home folder that this system does not know. Write the whole"
            " path."
        ) from None


def nearest_path(path: Path, endings: Collection[str] = ()) -> str:
    """ "; there is photos", where a path ends in nothing: what lies there and has nearly its name.

    "" where nothing has. Of a path with spaces that a shell has taken apart, it is what has this
    piece of it among its words.

    Args:
        path: The path.
        endings: Of what it may be, as (".yaml",); () where that is anything.
    """
    from difflib import get_close_matches

    with suppress(OSError, ValueError):  # a name that no file can have
        missing = path
        while not missing.parent.exists():
            missing = missing.parent
        allowed = endings if missing == path else ()
        names = sorted(
            entry.name
            for entry in missing.parent.iterdir()
            if not allowed or entry.suffix in allowed
        )
        apart = [name for name in names if " " in name and missing.name in name.split(" ")]
        longer = [name for name in names if name.startswith(f"{missing.name}.")]
        nearest = apart or longer or get_close_matches(missing.name, names, n=1, cutoff=0.75)
        if nearest:
            quotes = " (a path with spaces stands in quotes)" if apart else ""
            return f"; there is {shlex.quote(str(missing.parent / nearest[0]))}{quotes}"
    return ""


def check_output(
    path: str | os.PathLike[str], suffixes: Sequence[str], mark: bytes, *, force: bool = False
) -> None:
    """Refuse to write where the file is of another kind, or would replace one that is not ours.

    Args:
        path: What is to be written.
        suffixes: Of such files, in small letters: (".csv",).
        mark: What the beginning of such a file holds, and no other; empty where files of this kind
            have none, so that none is known to be ours.
        force: Replace any file.

    Raises:
        UserError: The path ends otherwise, or there is a file without the mark.
    """
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise UserError(f"cannot write {target}: name a file that ends in {' or '.join(suffixes)}.")
    if force or not target.is_file():
        return
    try:
        with target.open("rb") as file:
            beginning = file.read(BEGINNING)
    except OSError:
        beginning = b"?"
    if beginning and not (mark and mark in beginning):
        raise UserError(
            f"{target} is there already, and may hold something else than what this command"
            " writes. Name another file, or add --force to replace it."
        )


def write_atomic(path: str | os.PathLike[str], data: str | bytes) -> Path:
    """Write a file whole or not at all, and return its path.

    The data is written beside the path, flushed to disk and renamed, so that a reader sees the old
    file or the new one.

    Raises:
        UserError: The folder does not exist or cannot be written, or the disk is full.
    """
    target = Path(path)
    content = data.encode() if isinstance(data, str) else data
    temporary = None
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:60]}.", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # Without it, a crash soon after the renaming can leave an empty file.
            os.fsync(file.fileno())
        # mkstemp makes files private; a written result gets the permissions of any other new file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        advice = (
            "Free some of it, or name a file on another disk."
            if error.errno in FULL_DISK
            else "Name a file in a folder that exists and can be written."
        )
        raise UserError(f"cannot write {target}: {error.strerror or error}. {advice}") from None
    return target
