"""Counts of batches: equal to those of single networks, and refused where 64 bits are too few."""

import numpy as np
import pytest

from explorer import Architecture, UserError, count
from explorer.enumeration import enumerate_designs
from explorer.template import LARGEST_NUMBER

RESNET50 = Architecture.from_name("resnet50")


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64", "uint64"])
def test_a_batch_is_counted_to_the_unit_whatever_kind_of_numbers_it_has(dtype: str) -> None:
    widths = np.array([64, 256, 20_000], dtype=dtype)
    expected = [count(RESNET50.with_(width=int(width))).flops for width in widths]
    assert expected[-1] > 2**40
    assert count(RESNET50.with_(width=widths)).flops.tolist() == expected


def test_counts_that_64_bits_do_not_hold_are_refused_and_not_wrapped() -> None:
    huge = np.array([64, LARGEST_NUMBER])
    assert count(RESNET50.with_(width=LARGEST_NUMBER)).flops > 2**63
    with pytest.raises(UserError, match="64-bit numbers"):
        count(RESNET50.with_(width=huge))
    for axes in ({"width": [64, LARGEST_NUMBER]}, {"cardinality": [1], "width": [10**8]}):
        with pytest.raises(UserError, match="64-bit numbers"):
            enumerate_designs(RESNET50, **axes)
    with pytest.raises(UserError, match="64-bit numbers"):
        enumerate_designs(RESNET50, multiple_of=LARGEST_NUMBER)


def test_long_stages_of_unlike_networks_are_counted() -> None:
    long = [(9000, 1), (1, 9000)]
    table = enumerate_designs(RESNET50, depths=long, cardinality=[1, 2], budget=1e13)
    assert len(table) == 4
    counts = count(RESNET50.with_(depths=tuple(np.array(long).T))).flops.tolist()
    assert counts == [count(RESNET50.with_(depths=depths)).flops for depths in long]
    assert count(RESNET50.with_(width=np.array([], dtype=int))).flops.tolist() == []
