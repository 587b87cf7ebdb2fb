"""Where files are kept that any machine may need: a shared folder, or any URL that fsspec opens.

They are checkpoints, exported winners and decoded images. A file is put there whole or not at all:
copied beside its name and renamed, or, by an object store, put in one piece. Every call is given
up when it takes too long, so that nothing hangs on a server that is silent. Who has asked for it
(`Artifacts.waiting`) waits for artifacts that are away, as for a storage (`studies.storage`).
"""

import errno
import os
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from explorer.errors import UserError, unknown
from explorer.files import FULL_DISK, expanded
from explorer.waiting import within
from studies.storage import Away, Patience, Reason, Say, hidden

# Seconds until a call is given up, and bytes that even a slow connection carries in one.
ANSWER_TIMEOUT = 20.0
SLOWEST = 500_000
REFUSED = re.compile(r"forbidden|denied|credential|InvalidAccessKey|SignatureDoesNotMatch", re.I)
EXAMPLES = "/shared/artifacts or s3://bucket/folder"
# Of fsspec's, those that a run can write to and other machines can read from.
PROTOCOLS = ("file", "s3", "gs", "abfs", "sftp", "smb", "hdfs", "webhdfs", "memory")
LONGEST_TEXT = 300

T = TypeVar("T")
# Called with a sentence that a user wants to see.
Note = Callable[[str], None]


class ArtifactsAway(Away):
    """The artifacts could not be reached, not even after waiting for them."""


class _Patience(Patience):
    """Waits for artifacts as for a database."""

    def __init__(self, shown: str, secrets: tuple[str, ...]) -> None:
        self.shown, self._secrets = shown, secrets
        self.failures = 0
        self._threads = threading.local()

    def reason(self, error: BaseException) -> Reason | None:
        if isinstance(error, UserError):
            return None
        number = getattr(error, "errno", None)
        if isinstance(error, TimeoutError):
            return Reason("no answer. Check the server and the network.", passes=True)
        if number in FULL_DISK:
            return Reason("the disk is full, there or here. Make room.")
        if isinstance(error, FileNotFoundError):
            return Reason("it is not there. Check that it is mounted, or exists.", passes=True)
        text = hidden(" ".join(str(error).split())[:LONGEST_TEXT], self._secrets).rstrip(".")
        if isinstance(error, PermissionError) or REFUSED.search(text) or number == errno.EROFS:
            return Reason(f"it may not be read and written ({text}). Check the permissions.")
        return Reason(f"{type(error).__name__}: {text}. Check the server and the network.", True)

    def error(self, reason: Reason) -> UserError:
        kind = ArtifactsAway if reason.passes else UserError
        return kind(f"the artifacts at {self.shown} cannot be used: {reason.text}")


class Artifacts:
    """Files by their keys, which are paths below a folder or a URL.

    Attributes:
        url: As workers are given it. It may hold a password, so it is never shown.
        shown: Its name in messages.

    Args:
        url: A path, or a URL of fsspec's.

    Raises:
        UserError: It is neither, or the package that opens it is not installed.
    """

    def __init__(self, url: str) -> None:
        from fsspec import get_filesystem_class

        if not url.strip():
            raise UserError(f"--artifacts is empty. Name a folder or a URL, such as {EXAMPLES}.")
        scheme, separator, rest = url.partition("://")
        self.url = url if separator else str(expanded(url).absolute())
        userinfo, at, _ = rest.partition("/")[0].rpartition("@")
        self.shown = f"{scheme}://***@{rest[len(userinfo) + 1 :]}" if at else self.url
        password = userinfo.partition(":")[2]
        self._patience = _Patience(self.shown, tuple({password, unquote(password)} - {""}))
        self._opened: tuple[Any, str] | None = None
        try:
            get_filesystem_class(scheme.rpartition("::")[2] if separator else "file")
        except ImportError as error:
            raise UserError(
                f"the artifacts at {self.shown} need a package that is not installed: {error}. S3"
                " needs: pip install 'resnext-explorer[s3]'."
            ) from None
        except ValueError:
            raise UserError(
                f"{unknown('kind of URL for --artifacts', scheme, PROTOCOLS)} It is a folder or a"
                f" URL, such as {EXAMPLES}."
            ) from None

    @classmethod
    def given(cls, url: "str | Artifacts | None") -> "Artifacts | None":
        """Those of a URL; None where none is given."""
        return url if url is None or isinstance(url, Artifacts) else cls(url)

    def waiting(self, say: Say, stopping: Callable[[], bool]) -> AbstractContextManager[None]:
        """Let this thread wait inside the block while the artifacts are away."""
        return self._patience.waiting(say, stopping)

    def not_waiting(self) -> AbstractContextManager[None]:
        """Let this thread not wait inside the block, for what can be done later."""
        return self._patience.not_waiting()

    def check(self, note: Note) -> None:
        """Write and remove a file.

        A folder that is missing is made, and told, since its name may be misspelt; the one that it
        is in must be there.

        Raises:
            UserError: They cannot be used.
        """
        key = f".check-{uuid.uuid4().hex[:12]}"

        def write_and_remove() -> None:
            if self._is_local and not os.path.isdir(folder := self._open()[1]):
                with suppress(FileExistsError):  # another run made it meanwhile
                    os.mkdir(folder)
                    note(f"Made the folder {folder} for the artifacts.")
            self._system.pipe_file(self._at(key), b"it can be written")
            self._system.rm_file(self._at(key))

        with self._errors():
            self._bounded(write_and_remove)

    def put(self, path: Path, key: str) -> None:
        """Copy a file there, in place of what is there. Raises `UserError` where that fails."""
        size = path.stat().st_size
        self._call(lambda: self._copy_in(path, key), size)

    def fetch(self, key: str, path: Path) -> bool:
        """Copy a file from there to a path, whole; False where there is none.

        Raises:
            UserError: The artifacts cannot be read, or the path cannot be written.
        """
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")

        def size_of() -> int | None:
            self._check_there()
            try:
                return int(self._system.info(self._at(key))["size"])
            except FileNotFoundError:
                return None

        if (size := self._call(size_of)) is None:
            return False
        try:
            self._call(lambda: self._system.get_file(self._at(key), str(beside)), size)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        return True

    def names(self, folder: str) -> list[str]:
        """The names of what is directly in a folder; none where there is no such folder."""

        def listed() -> list[str]:
            self._check_there()
            self._system.invalidate_cache()
            try:
                entries = self._system.ls(self._at(folder), detail=False)
            except FileNotFoundError:
                return []
            return [entry.rstrip("/").rpartition("/")[2] for entry in entries]

        return self._call(listed)

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it. What cannot be removed stays."""
        with suppress(UserError), self.not_waiting():
            self.delete(folder)

    def delete(self, folder: str) -> None:
        """Remove a folder, if it is there. Raises `UserError` where that fails."""

        def remove() -> None:
            self._check_there()
            if self._system.exists(self._at(folder)):
                self._system.rm(self._at(folder), recursive=True)

        self._call(remove)

    def _open(self) -> tuple[Any, str]:
        """The file system of fsspec's, which may connect, and the path of the folder in it."""
        from fsspec.core import url_to_fs

        if self._opened is None:
            self._opened = url_to_fs(self.url)
        return self._opened

    @property
    def _system(self) -> Any:
        return self._open()[0]

    @property
    def _is_local(self) -> bool:
        protocol = self._system.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    @property
    def _is_object_store(self) -> bool:
        """Whether fsspec moves files by copying them."""
        from fsspec import AbstractFileSystem

        return type(self._system).mv is AbstractFileSystem.mv

    def _at(self, key: str) -> str:
        return f"{self._open()[1].rstrip('/')}/{key}"

    def _check_there(self) -> None:
        """A folder that is not mounted is away; nothing is to be written in its place."""
        if self._is_local and not os.path.isdir(self._open()[1]):
            raise FileNotFoundError(errno.ENOENT, "no such folder", self._open()[1])

    def _copy_in(self, path: Path, key: str) -> None:
        self._check_there()
        target = self._at(key)
        self._make_folders(key)
        if self._is_object_store:  # what is put is there whole or not at all
            self._system.put_file(str(path), target)
            return
        folder, _, name = target.rpartition("/")
        beside = f"{folder}/.{name}.{uuid.uuid4().hex[:12]}"
        try:
            self._system.put_file(str(path), beside)
            self._system.mv(beside, target)
        except BaseException:
            with suppress(Exception):
                self._system.rm_file(beside)
            raise

    def _make_folders(self, key: str) -> None:
        """Make the folders of a file; never the one of all artifacts, which may be unmounted at any
        moment, and be mounted again over what was made in its place. An object store has none: S3
        would make a bucket that is missing."""
        if self._is_object_store:
            return
        if not self._is_local:
            self._system.makedirs(self._at(key).rpartition("/")[0], exist_ok=True)
            return
        folder = self._open()[1]
        for name in key.split("/")[:-1]:
            folder = f"{folder.rstrip('/')}/{name}"
            with suppress(FileExistsError):
                os.mkdir(folder)

    def _call(self, function: Callable[[], T], size: int = 0) -> T:
        with self._errors():
            return self._patience.call(self._bounded, function, size)

    def _bounded(self, function: Callable[[], T], size: int = 0) -> T:
        # A folder of a server that is silent holds whoever reads it, and cannot be interrupted.
        return within(ANSWER_TIMEOUT + size / SLOWEST, function)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - each file system has errors of its own
            reason = self._patience.reason(error)
            assert reason
            raise self._patience.error(reason) from None


def waiting_for(
    artifacts: Artifacts | None, note: Note, stopping: Callable[[], bool]
) -> AbstractContextManager[None]:
    """Wait inside the block for artifacts that are away, if there are any, and tell of it."""
    if artifacts is None:
        return nullcontext()

    def say(reason: str | None) -> None:
        about = f"The artifacts at {artifacts.shown} are"
        note(f"{about} away: {reason} Waiting for them." if reason else f"{about} back.")

    return artifacts.waiting(say, stopping)
