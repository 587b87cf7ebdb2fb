"""Tables of errors for `studies.judging`, made up: in points, with seeds that all arms share."""

import numpy as np


def made_up(
    gaps: list[float], seeds: int, sd: float = 0.25, seed_sd: float = 0.16, random_seed: int = 0
) -> np.ndarray:
    """Errors, (arms, seeds): 2.6 and each arm's own gap, a part of the seed's, and noise."""
    random = np.random.default_rng(random_seed)
    own = random.normal(0, sd, (len(gaps), seeds))
    return 2.6 + np.array(gaps)[:, None] + own + random.normal(0, seed_sd, seeds)
