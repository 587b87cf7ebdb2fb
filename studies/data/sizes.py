"""How many images each split of a data set will have, known without decoding or downloading."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.terminal import progress_bar
from explorer.text import encodable
from studies.data.decoding import Decoding, limit_of_pixels
from studies.data.folder import scan
from studies.data.folder_layout import PARTS
from studies.data.images import Images, Parts
from studies.data.official import CLASS_NAMES
from studies.data.scale import decoding_pool
from studies.data.spec import DATA_SETS, DataSpec
from studies.data.splits import in_folder, split_parts


@dataclass(frozen=True)
class Sizes:
    """What is known of a data set before its images are read.

    Attributes:
        splits: The number of images in each split; a folder's unreadable ones count.
        classes: How many there are.
        names: Of the classes, where they have any.
        notes: What else a user should know, a line each.
    """

    splits: dict[str, int]
    classes: int
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def known_sizes(spec: DataSpec) -> Sizes:
    """The sizes of a data set of ours, or of a folder, whose files are counted.

    Raises:
        UserError: As `load` does, but for images that cannot be read.
    """
    if spec.name in DATA_SETS:
        about = DATA_SETS[spec.name]
        tested, rest = about.test_images, about.images
        if tested is None:
            tested = round(about.images * (spec.test or 0))
            rest -= tested
        looked_at = round(about.images * spec.validation)
        splits = {"train": rest - looked_at, "validation": looked_at, "test": tested}
        return Sizes(splits, about.shape.classes, CLASS_NAMES.get(spec.name, ()))
    with in_folder(spec, None) as root:
        listing = scan(root)
    labels, part_of = np.array(listing.labels, np.int64), np.array(listing.parts)

    def of_part(part: int) -> Images:
        own = labels[part_of == part]
        return Images(np.empty((len(own), 0), np.uint8), own)

    train, validation, test = map(of_part, range(len(PARTS)))
    parts = Parts(
        train,
        validation if len(validation) else None,
        test if len(test) else None,
        len(listing.classes),
        names=listing.classes,
    )
    split = split_parts(spec, parts)
    return Sizes(
        dict(zip(("train", "validation", "test"), map(len, split), strict=True)),
        parts.classes,
        parts.names,
        (*_note_broken(root, listing.files, spec), *listing.notes),
    )


def _note_broken(root: Path, files: Sequence[str], spec: DataSpec) -> list[str]:
    """A line where files are no images, as their first bytes say. Only decoding would tell which
    others are cut off, and takes a hundred times as long."""
    from PIL import Image

    def is_image(name: str) -> bool:
        try:
            with Image.open(root / name):
                return True
        except Exception:  # noqa: BLE001 - Pillow raises nearly anything on damaged bytes
            return False

    broken: list[str] = []
    with (
        limit_of_pixels(Decoding(spec.resolution or 1, 3, max_pixels=spec.max_pixels)),
        decoding_pool() as pool,
        progress_bar("opening images") as progress,
    ):
        for row, (name, is_image_file) in enumerate(
            zip(files, pool.map(is_image, files), strict=True)
        ):
            progress(row, len(files))
            broken += [] if is_image_file else [name]
    if not broken:
        return []
    return [
        f"Warning: {len(broken):,} of {len(files):,} files are no images that can be read; the"
        f" first is {encodable(broken[0])}. Fix or remove them, or leave them out with unreadable:"
        " skip in the file's data; else nothing will be trained."
    ]
