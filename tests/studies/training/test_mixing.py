"""Images mixed and erased as the papers say, drawn from seed and epoch alone."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from studies.training.mixing import ERASED_AREA, Mixing, erase, plan_erasing, plan_mixing


def images(count: int = 5, channels: int = 3, side: int = 8) -> torch.Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(0))


def test_mixup_takes_its_share_of_each_image_and_the_rest_of_the_one_before_it() -> None:
    before = images().numpy()
    mixed = Mixing(0.3).mix(images()).numpy()
    for i in range(5):
        np.testing.assert_allclose(mixed[i], 0.3 * before[i] + 0.7 * before[i - 1], atol=1e-6)


def test_cutmix_pastes_a_box_of_the_image_before_it() -> None:
    before = images().numpy()
    mixed = Mixing(1 - 6 / 64, (1, 4, 4, 6)).mix(images()).numpy()
    for i in range(5):
        expected = before[i].copy()
        expected[:, 4:6, 1:4] = before[i - 1][:, 4:6, 1:4]
        np.testing.assert_array_equal(mixed[i], expected)


def test_channels_stay_last() -> None:
    batch = images().to(memory_format=torch.channels_last)
    for mixing in (Mixing(0.4), Mixing(0.5, (0, 0, 8, 4))):
        assert mixing.mix(batch).is_contiguous(memory_format=torch.channels_last)


def test_the_mixed_loss_is_that_of_mixed_labels_as_torch_computes_it() -> None:
    """Cross-entropy is linear in the target, smoothed or not."""
    logits, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 3])
    share, partners = 0.3, Mixing.partners(labels)
    assert partners.tolist() == [3, 0, 1, 2, 3]
    target = share * F.one_hot(labels, 4) + (1 - share) * F.one_hot(partners, 4)
    expected = torch.nn.CrossEntropyLoss(label_smoothing=0.1)(logits, target)
    parts = [F.cross_entropy(logits, each, label_smoothing=0.1) for each in (labels, partners)]
    torch.testing.assert_close(share * parts[0] + (1 - share) * parts[1], expected)


def test_a_plan_depends_on_seed_and_epoch_alone() -> None:
    plan = plan_mixing(5, 2, 20, 8, 0.2, 1.0)
    np.random.seed(1)  # whatever else draws
    assert plan_mixing(5, 2, 20, 8, 0.2, 1.0) == plan
    assert plan_mixing(6, 2, 20, 8, 0.2, 1.0) != plan
    assert plan_mixing(5, 3, 20, 8, 0.2, 1.0) != plan
    assert plan_mixing(5, 2, 3, 8, 0.0, 0.0) == [None] * 3


def test_shares_of_mixup_are_of_a_beta_distribution() -> None:
    from scipy.stats import beta, kstest

    shares = [each.share for each in plan_mixing(0, 0, 4000, 8, 0.2, 0.0) if each]
    assert kstest(shares, beta(0.2, 0.2).cdf).pvalue > 0.01


def test_boxes_of_cutmix_have_the_area_that_is_missing_in_their_share() -> None:
    plan = [each for each in plan_mixing(0, 0, 4000, 32, 0.0, 1.0) if each]
    for mixing in plan:
        assert mixing.box
        left, top, right, bottom = mixing.box
        assert 0 <= left <= right <= 32
        assert 0 <= top <= bottom <= 32
        assert mixing.share == 1 - (right - left) * (bottom - top) / 32**2
    # E[area] of a box cut off at the edges, its root's side s uniform in area: over the two
    # directions independently, E[(s - s^2/4)^2] with s^2 uniform on (0, 1) is 1/2 - 1/5 + 1/48.
    areas = [1 - mixing.share for mixing in plan]
    assert np.mean(areas) == pytest.approx(1 / 2 - 1 / 5 + 1 / 48, abs=4 * np.std(areas) / 63)


def test_with_both_each_batch_gets_one_of_the_two_with_equal_chances() -> None:
    cuts = [each.box is not None for each in plan_mixing(0, 0, 4000, 8, 0.2, 1.0) if each]
    assert len(cuts) == 4000
    assert abs(sum(cuts) - 2000) < 4 * math.sqrt(1000)


def test_rectangles_are_erased_in_a_part_of_the_images_and_of_the_papers_size() -> None:
    generator = torch.Generator().manual_seed(0)
    rectangles = plan_erasing(4000, 32, 0.25, generator).numpy()
    left, top, width, height = rectangles.T
    erased = width > 0
    assert np.array_equal(erased, height > 0)
    assert abs(erased.sum() - 1000) < 4 * math.sqrt(4000 * 0.25 * 0.75)
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert ((left + width)[erased] <= 32).all()
    assert ((top + height)[erased] <= 32).all()
    area = (width * height)[erased] / 32**2
    assert area.min() > 0.7 * ERASED_AREA[0]  # sides are rounded to whole pixels
    assert area.max() < 1.1 * ERASED_AREA[1]
    assert np.median(area) == pytest.approx(0.17, abs=0.02)
    assert len(set(left[erased])) > 20


def test_an_erased_rectangle_has_the_mean_colour_and_nothing_else_changes() -> None:
    rectangles = torch.tensor([[1, 2, 3, 4], [0, 0, 0, 0], [5, 0, 3, 8]])
    expected = images(3).numpy()
    expected[0, :, 2:6, 1:4] = 0
    expected[2, :, 0:8, 5:8] = 0
    np.testing.assert_array_equal(erase(images(3), rectangles).numpy(), expected)
