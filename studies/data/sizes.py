"""How many images each split of a data set will have, known without decoding or downloading."""

from dataclasses import dataclass

import numpy as np

from studies.data.folder import scan
from studies.data.folder_layout import PARTS
from studies.data.images import Images, Parts
from studies.data.official import CLASS_NAMES
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
        listing.notes,
    )
