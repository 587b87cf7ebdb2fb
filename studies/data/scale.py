"""Samples of more than 8 bits over a whole folder: their range, and what became black and white."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TextIO, TypeVar

from explorer.errors import UserError
from explorer.text import counted
from studies.data.decoding import STRETCH, Decoded, Decoding, Scale, measure
from studies.data.samples import EIGHT

T = TypeVar("T")


@dataclass
class Samples:
    """Counts images of more than 8 bits a sample.

    Attributes:
        counts: By the kind of samples and by which is white: the number of images, the lowest and
            the highest sample.
    """

    counts: dict[tuple[str, float | None], tuple[int, float, float]] = field(default_factory=dict)

    def add(self, image: Decoded) -> None:
        """Count an image."""
        if image.kind != EIGHT:
            low, high = image.extremes or (float("inf"), float("-inf"))
            self._count(image.kind, image.white, 1, low, high)

    def write(self, file: TextIO, row: int) -> None:
        """Append the counts to a file, as those of the batch of images that begins at `row`."""
        if self.counts:
            rows = [[*key, *values] for key, values in self.counts.items()]
            file.write(json.dumps([row, rows]) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Samples":
        """Read the counts of all batches. Raises `OSError` or `ValueError` for a damaged file."""
        # A build that was cut off may have written its last batch twice: one of the two counts.
        batches = dict(json.loads(line) for line in path.read_text().splitlines())
        samples = cls()
        for kind, white, count, low, high in chain.from_iterable(batches.values()):
            samples._count(kind, white, count, low, high)
        return samples

    def _count(self, kind: str, white: float | None, count: int, low: float, high: float) -> None:
        before, lowest, highest = self.counts.get((kind, white), (0, low, high))
        self.counts[kind, white] = (before + count, min(lowest, low), max(highest, high))

    def scaling(self, decoding: Decoding) -> list[str]:
        """What was taken as black and white, a line for each kind of samples.

        It is not for `stretch`, whose one scale says it.
        """
        if decoding.white is not None and not self.counts:
            return [
                f"white: {decoding.white:.10g} changes nothing here: it is for images of more than"
                " 8 bits a sample."
            ]
        advice = ""
        if decoding.white is None:
            advice = (
                f" To change that: white: LEVEL, or white: {STRETCH} (--set data.white={STRETCH})."
            )
        lines = []
        for (kind, white), (count, low, high) in self.counts.items():
            samples = f" from {low:.10g} to {high:.10g}" if low <= high else ""
            lines.append(
                f"{counted(count, 'image')} of {kind}{samples}: 0 to {white:.10g} is taken as black"
                f" to white.{advice}"
            )
        return lines


def range_of(root: Path, files: list[str], decoding: Decoding) -> Scale | None:
    """The scale from the lowest to the highest sample of all readable files.

    Args:
        root: The folder of the files.
        files: Their paths below it.
        decoding: How they are decoded.

    Returns:
        The scale; None where no file can be read.

    Raises:
        UserError: The samples are of several kinds.
    """
    from explorer.terminal import progress_bar

    def measured(name: str) -> tuple[str, float, float] | None:
        return examine(root / name, lambda content: measure(content, decoding))[1]

    kinds: dict[str, str] = {}
    low, high = float("inf"), float("-inf")
    with decoding_pool() as pool, progress_bar("looking for black and white") as progress:
        for row, (name, result) in enumerate(zip(files, pool.map(measured, files), strict=True)):
            progress(row, len(files))
            if result is not None:
                kind, lowest, highest = result
                kinds.setdefault(kind, name)
                low, high = min(low, lowest), max(high, highest)
    if len(kinds) > 1:
        (kind, name), (other_kind, other) = list(kinds.items())[:2]
        raise UserError(
            f"white: {STRETCH} needs training images with samples of one kind: {root / name} holds"
            f" {kind}, {root / other} {other_kind}. Save all images alike, or leave white out."
        )
    return Scale(low, high, next(iter(kinds))) if kinds else None


def examine(path: Path, function: Callable[[bytes], T]) -> tuple[bytes, T | None]:
    """Read a file, and apply a function to its bytes.

    Returns:
        The bytes, and what the function returns; None where it fails, as they are no image.

    Raises:
        UserError: The file cannot be read, or there is too little memory. Both may be otherwise
            tomorrow, so the image is not noted as unreadable.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}. Make it readable and start again: the"
            " decoding goes on where it stopped. Or remove it: the decoding then begins anew."
        ) from None
    try:
        return content, function(content)
    except MemoryError:
        raise UserError(
            f"there is not enough memory to decode {path}. Free some and start again: the decoding"
            " goes on where it stopped. Or remove the image: the decoding then begins anew."
        ) from None
    except Exception:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
        return content, None


@contextmanager
def decoding_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that decode, one a core; leaving the block early cancels what waits for them."""
    from studies.machine.cores import available_cores

    pool = ThreadPoolExecutor(available_cores())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
