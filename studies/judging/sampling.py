"""A split is a sample of images: how far others like it could move an error."""

from studies.judging.dunnett import CONFIDENCE


def interval_over_images(
    error: float, images: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Wilson's interval for an error (a fraction) measured on this
    many images, for one trained network."""
    from scipy import stats  # a second to import

    test = stats.binomtest(round(error * images), images)
    ends = test.proportion_ci(confidence, method="wilson")
    return float(ends.low), float(ends.high)
