"""Files, and names of what comes with this program, that stand where another name is expected: what
they are, and which command reads them."""

import shlex
from pathlib import PurePath

from explorer.errors import cut
from explorer.suggestions import command

# By what a file's name ends in; FILE stands for it.
WEIGHTS = (
    f"a file of weights: `{command('predict', 'PHOTO', weights='FILE')}` classifies with it, and"
    f" `{command('export', 'NAME', weights='FILE', format='onnx')}` writes it for other programs"
)
DOCUMENT = (
    f"a file of a study (`{command('study run', 'FILE')}`) or of a space"
    f" (`{command('space show', 'FILE')}`)"
)
PAGE = "a page, which a browser opens"
KINDS = {
    ".safetensors": WEIGHTS,
    ".pth": WEIGHTS,
    ".pt": WEIGHTS,
    ".onnx": "an ONNX network, which other programs run",
    ".yaml": DOCUMENT,
    ".yml": DOCUMENT,
    ".csv": f"a table, of results: `{command('report', 'FILE')}` shows them",
    ".html": PAGE,
    ".htm": PAGE,
    ".svg": "a drawing, which a browser opens",
    ".db": f"a storage of studies: `{command('study list', storage='sqlite:///FILE')}`",
}
EVIDENCE, PUBLISHED = "evidence:", "published:"  # stand before a name
COME_ALONG = {
    EVIDENCE: f"what was measured for this project: `{command('report', 'FILE')}` shows it, and"
    f" `{command('dashboard', evidence=True)}` all that was",
    PUBLISHED: f"a published result: `{command('study import', 'FILE')}` stores it",
}


def comes_along(given: str) -> bool:
    """Whether a name is one of what comes with this program; no study of a storage has such."""
    return given.startswith(tuple(COME_ALONG))


def told_by_name(given: str) -> str:
    """'best.csv is a table, of results: ...' of what ends as our files do, or begins as names of
    what comes with this program; "" of all else."""
    kind = KINDS.get(PurePath(given).suffix.lower())
    kind = next((COME_ALONG[mark] for mark in COME_ALONG if given.startswith(mark)), kind)
    return f"{cut(given)} is {kind.replace('FILE', shlex.quote(given))}." if kind else ""
