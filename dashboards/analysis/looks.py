"""Looks at a study: an extension by seeds after a look is judged more strictly."""

from collections.abc import Mapping
from typing import Any

from dashboards.analysis.arms import CONFIDENCE


def count_looks(info: Mapping[str, Any]) -> int:
    """How often the study may have been looked at, now included: once as
    planned, and once more for each extension by seeds."""
    now, planned = info.get("seeds") or [], info.get("planned_seeds") or []
    # A study stored before extensions were remembered still knows its plan.
    stages = info.get("extended_from") or ([planned] if planned else [])
    return 1 + len({len(stage) for stage in stages if len(stage) < len(now)})


def confidence_after(looks: int) -> float:
    """The confidence to ask for at this look.

    The planned look has alpha, 5 %, to itself. A study is extended because of what was seen, so the
    extensions get another alpha for all of them together, alpha / (k (k - 1)) at look k: 2.5 %, 0.8
    %, 0.4 %, ..., which adds up to alpha however often the study is extended (a union bound, so
    that neither the reason for an extension nor its size matters).
    """
    alpha = 1 - CONFIDENCE
    return 1 - (alpha if looks < 2 else alpha / (looks * (looks - 1)))
