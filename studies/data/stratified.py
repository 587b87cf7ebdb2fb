"""A stratified draw: each class has its share of what is drawn and of what is left.

Number for number that of scikit-learn's `train_test_split(..., stratify=labels)`, which studies
were split with before, so that they keep their splits. Loading scikit-learn takes 1.1 s, in every
process that trains.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def stratified_draw(
    labels: "NDArray[np.int64]", count: int, seed: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """The rows that are left and the `count` rows that are drawn, both in a random order.

    The share of a rare class is rounded, possibly to none.

    Args:
        labels: int64, one a row; each class is there twice or more.
        count: Of rows to draw.
        seed: Of the draw.
    """
    import numpy as np

    random = np.random.RandomState(seed)
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    rows_of_class = np.split(np.argsort(classes, kind="stable"), np.cumsum(sizes)[:-1])
    left_sizes = _shares(sizes, len(labels) - count, random)
    drawn = _shares(sizes - left_sizes, count, random)
    rest, draw = [], []
    for rows, keep, take in zip(rows_of_class, left_sizes, drawn, strict=True):
        shuffled = rows[random.permutation(len(rows))]
        rest.append(shuffled[:keep])
        draw.append(shuffled[keep : keep + take])
    return random.permutation(np.concatenate(rest)), random.permutation(np.concatenate(draw))


def _shares(
    sizes: "NDArray[np.int64]", count: int, random: "np.random.RandomState"
) -> "NDArray[np.int64]":
    """How many of each class make `count` together: rounded down, then one more for those of the
    largest remainder, equal ones in a random order."""
    import numpy as np

    exact = sizes / sizes.sum() * count
    shares = np.floor(exact)
    remainders = exact - shares
    missing = int(count - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if missing <= 0:
            break
        (equal,) = np.where(remainders == remainder)
        chosen = random.choice(equal, size=min(len(equal), missing), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return shares.astype(np.int64)
