"""A stratified draw is scikit-learn's, which splits were made with before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from studies.data.stratified import stratified_draw


@given(st.data(), st.lists(st.integers(2, 30), min_size=2, max_size=12), st.integers(0, 2**32 - 1))
def test_a_draw_is_scikit_learns_number_for_number(
    data: st.DataObject, sizes: list[int], seed: int
) -> None:
    from sklearn.model_selection import train_test_split

    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    count = data.draw(st.integers(len(sizes), len(labels) - len(sizes)))
    rest, drawn = train_test_split(
        range(len(labels)), test_size=count, stratify=labels, random_state=seed
    )
    ours = stratified_draw(labels, count, seed)
    assert [rows.tolist() for rows in ours] == [rest, drawn]


def test_nothing_is_lost_and_a_small_class_keeps_its_share() -> None:
    labels = np.repeat([0, 1, 2], [600, 60, 6])
    rest, drawn = stratified_draw(labels, 111, seed=0)
    assert sorted([*rest, *drawn]) == list(range(666))
    assert np.bincount(labels[drawn]).tolist() == [100, 10, 1]
