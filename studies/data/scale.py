"""Which samples are black and white, over a whole folder: the range of its training images, and
what is noted and told of deep samples."""

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

Found = TypeVar("Found")


@dataclass
class Samples:
    """The samples of more than 8 bits that were met, by their kind and by which is white: how
    many images, and their range."""

    met: dict[tuple[str, float | None], tuple[int, float, float]] = field(default_factory=dict)

    def add(self, image: Decoded) -> None:
        """Count an image in."""
        if image.kind != EIGHT:
            low, high = image.extremes or (float("inf"), float("-inf"))
            self._count(image.kind, image.white, 1, low, high)

    def note(self, file: TextIO, row: int) -> None:
        """Write them down as those of the batch of images that begins at `row`."""
        if self.met:
            file.write(
                json.dumps([row, [[*key, *counted] for key, counted in self.met.items()]]) + "\n"
            )

    @classmethod
    def noted(cls, path: Path) -> "Samples":
        """The samples of all batches. A build that was cut off may
        have noted its last one twice."""
        batches = dict(json.loads(line) for line in path.read_text().splitlines())
        samples = cls()
        for kind, white, count, low, high in chain.from_iterable(batches.values()):
            samples._count(kind, white, count, low, high)
        return samples

    def _count(self, kind: str, white: float | None, count: int, low: float, high: float) -> None:
        before, lowest, highest = self.met.get((kind, white), (0, low, high))
        self.met[kind, white] = (before + count, min(lowest, low), max(highest, high))

    def scaling(self, decoding: Decoding) -> list[str]:
        """What was taken as black and white, a line for each kind of samples. Of `stretch` the
        scale itself says that."""
        if decoding.white is not None and not self.met:
            return [
                f"white: {decoding.white:.10g} changes nothing here: it is for more than 8 bits a"
                " sample."
            ]
        lines = []
        for (kind, white), (count, low, high) in self.met.items():
            told = f" from {low:.10g} to {high:.10g}" if low <= high else ""
            other = (
                f" Another scale: white: LEVEL, or white: {STRETCH} (--set data.white={STRETCH})."
            )
            lines.append(
                f"{counted(count, 'image')} of {kind}{told}: 0 to {white:.10g} is taken as black to"
                f" white.{other if decoding.white is None else ''}"
            )
        return lines


def range_of(root: Path, files: list[str], decoding: Decoding) -> Scale | None:
    """The lowest and the highest sample of all readable files. Raises `UserError` where their
    samples are of several kinds."""
    from explorer.terminal import progress_bar

    def measured(name: str) -> tuple[str, float, float] | None:
        return examined(root / name, lambda content: measure(content, decoding))[1]

    kinds: dict[str, str] = {}
    low, high = float("inf"), float("-inf")
    with decoding_pool() as pool, progress_bar("looking for black and white") as progress:
        for row, (name, found) in enumerate(zip(files, pool.map(measured, files), strict=True)):
            progress(row, len(files))
            if found is not None:
                kinds.setdefault(found[0], name)
                low, high = min(low, found[1]), max(high, found[2])
    if len(kinds) > 1:
        (kind, name), (other_kind, other) = list(kinds.items())[:2]
        raise UserError(
            f"white: {STRETCH} needs training images with samples of one kind: {root / name} holds"
            f" {kind}, {root / other} {other_kind}. Save them alike, or leave it out."
        )
    return Scale(low, high, next(iter(kinds))) if kinds else None


def examined(path: Path, examine: Callable[[bytes], Found]) -> tuple[bytes, Found | None]:
    """The bytes of a file, and what `examine` makes of them; None where they are no image.

    Raises:
        UserError: They cannot be had, or there is too little memory: that may be another tomorrow,
            so nothing is to be concluded from it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}. Make it readable and start again, and"
            " the build goes on where it was; or remove it, and the build begins anew."
        ) from None
    try:
        return content, examine(content)
    except MemoryError:
        raise UserError(
            f"there is not enough memory to decode {path}. Free some and start again, and the build"
            " goes on where it was; or remove the image, and the build begins anew."
        ) from None
    except Exception:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
        return content, None


@contextmanager
def decoding_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that decode; what waits for them is dropped where the block is left early."""
    from studies.machine.cores import cores

    pool = ThreadPoolExecutor(cores())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
