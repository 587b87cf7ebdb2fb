"""A split is a sample of images: how far others like it could move an error."""

from statistics import NormalDist

from studies.judging.dunnett import CONFIDENCE


def interval_over_images(
    error: float, images: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Wilson's interval for an error (a fraction) measured on this
    many images, for one trained network."""
    z, share = NormalDist().inv_cdf((1 + confidence) / 2), round(error * images) / images
    middle = share + z**2 / (2 * images)
    half = z * (share * (1 - share) / images + (z / (2 * images)) ** 2) ** 0.5
    whole = 1 + z**2 / images
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)
