"""Depth policies: networks only get deeper, and published depths are the paper's."""

from architectures import architectures
from hypothesis import given
from hypothesis import strategies as st

from explorer import Architecture, scale
from explorer.depths import find_policy


@given(architectures(), st.sampled_from(["proportional", "spread", "longest"]), st.integers(1, 60))
def test_a_depth_policy_never_gets_shallower(
    architecture: Architecture, policy_name: str, n: int
) -> None:
    depths_at = find_policy(policy_name, architecture)
    assert all(
        after >= before >= 1 for before, after in zip(depths_at(n), depths_at(n + 1), strict=True)
    )
    assert depths_at(sum(architecture.depths)) == architecture.depths or policy_name == "longest"


def test_spread_depths_grow_by_one_block_in_all_stages_in_turn() -> None:
    depths_at = find_policy("spread", Architecture.from_name("resnext_1-1-1_4x8d_w32_small"))
    assert [depths_at(n) for n in range(2, 8)] == [
        *((1, 1, 1), (1, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2), (2, 2, 3)),
    ]
    depths_at = find_policy("spread", Architecture.from_name("resnet50"))
    assert depths_at(32) == (6, 8, 12, 6)
    assert [sum(depths_at(n)) for n in range(4, 40)] == list(range(4, 40))


def test_published_depths_deepen_resnet_101_to_resnet_200() -> None:
    (design,) = scale(
        Architecture.from_name("resnet101"), 2, solve=["depths"], depth_policy="published"
    )
    assert design.name == "resnet200"
