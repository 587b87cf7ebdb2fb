"""A split in which every class keeps its share: scikit-learn's `train_test_split(stratify=...)`,
image for image, so that stored studies find their splits again (a test compares the two).

Importing scikit-learn takes a second, in the program that starts a study and in every worker.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def split(
    labels: "NDArray[np.int64]", count: int, seed: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Rows that stay and `count` rows that are taken; a pure function of its arguments."""
    import numpy as np

    random = np.random.RandomState(seed)
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    to_stay = _shares(sizes, len(labels) - count, random)
    to_take = _shares(sizes - to_stay, count, random)
    stay, taken = [], []
    rows_by_class = np.split(np.argsort(classes, kind="stable"), np.cumsum(sizes)[:-1])
    for rows, staying, taking in zip(rows_by_class, to_stay, to_take, strict=True):
        shuffled = rows[random.permutation(len(rows))]
        stay.append(shuffled[:staying])
        taken.append(shuffled[staying : staying + taking])
    return np.concatenate(stay), np.concatenate(taken)


def _shares(
    sizes: "NDArray[np.int64]", count: int, random: "np.random.RandomState"
) -> "NDArray[np.int64]":
    """How many of `count` each class gives: its share rounded down, and one more for those with
    the largest remainders, drawn at random where these are equal."""
    import numpy as np

    exact = sizes / sizes.sum() * count
    shares = np.floor(exact)
    remainders = exact - shares
    missing = int(count - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if missing <= 0:
            break
        (equal,) = np.nonzero(remainders == remainder)
        chosen = random.choice(equal, size=min(len(equal), missing), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return shares.astype(np.int64)
