"""Exceptions that mean a shortage: of open files, memory, processes, threads or disk space."""

import errno

_LIMITS = {
    errno.EMFILE: "this process may not open more files at once. Raise its limit: ulimit -n 1024",
    errno.ENFILE: "the system has as many files open as it may. Close other programs.",
    errno.EAGAIN: (
        "the system starts no more processes or threads for this user. Raise the limit (ulimit -u),"
        " or end others."
    ),
    errno.ENOMEM: (
        "there is not enough memory. Ask for less (a smaller network, input or batch), close other"
        " programs, or raise the limit (ulimit -v)."
    ),
}
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Where a library tells it in words of its own, a number of the table above.
_WORDS = {
    "too many open files": errno.EMFILE,
    "can't start new thread": errno.EAGAIN,
    "resource temporarily unavailable": errno.EAGAIN,
    "cannot allocate memory": errno.ENOMEM,
    "can't allocate memory": errno.ENOMEM,
    "failed to map segment": errno.ENOMEM,
    # torch's, of what no memory could hold.
    "out of memory": errno.ENOMEM,
    "calculation overflowed": errno.ENOMEM,
    "multiplication overflow": errno.ENOMEM,
}


def scarcity(error: BaseException) -> str | None:
    """What is short and what to do about it, in a sentence or two.

    None where neither the exception nor one that it came from means a shortage.
    """
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, MemoryError):
            return _LIMITS[errno.ENOMEM]
        if isinstance(cause, OSError) and cause.errno in _LIMITS:
            return _LIMITS[cause.errno]
        if isinstance(cause, OSError) and cause.errno in _FULL:
            where = f" ({cause.filename})" if cause.filename else ""
            return f"the disk is full, or your share of it{where}. Free some space and try again."
        if isinstance(cause, OSError | RuntimeError | ImportError | SystemError):
            text = str(cause).lower()
            for words, number in _WORDS.items():
                if words in text:
                    return _LIMITS[number]
        cause = cause.__cause__ or cause.__context__
    return None


def last_words(code: int, errors: str) -> str:
    """What a process that ended with `code` lacked, or else the last line of what it wrote to
    standard error."""
    last = (errors.strip().splitlines() or [f"it ended with code {code}"])[-1]
    return scarcity(RuntimeError(last)) or last
