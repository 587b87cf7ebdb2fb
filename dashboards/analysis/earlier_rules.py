"""What the rules of version 0.1 said of a study that was planned with them.

They took every difference's standard error from the residuals of the whole table, left no training
out, judged all of a search's designs, and counted no change of arms as a look. The words have
changed for every study; here is where the answer has.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.analysis.evidence import Evidence
from explorer.text import listed
from studies.judging.differences import Differences, differences
from studies.judging.dunnett import critical_value
from studies.judging.grids import confidence_after


def change_of_rules(evidence: Evidence) -> str:
    """Which arms the earlier rules told from the reference and today's do not, or the other way
    round, in a sentence; "" where nothing changes."""
    if not evidence.info.get("earlier_rules") or evidence.whole.is_unfinished:
        return ""
    before = _told_apart(evidence)
    now = [gap.arm for gap in evidence.comparison.differences if gap.shown]
    if set(before) == set(now):
        return ""
    verb = "differs" if len(before) == 1 else "differ"
    said = f"{listed(before)} {verb}" if before else "no arm differs"
    today = listed(now) if now else "none"
    return (
        f"By the rules of the version that this study was planned with, {said} from"
        f" {evidence.reference}; by today's, {today}. The results are the same."
    )


def _told_apart(evidence: Evidence) -> list[str]:
    errors, reference = evidence.errors, evidence.reference
    if reference not in evidence.measured or len(errors) < 2:
        return []
    compared = differences(errors.to_numpy(dtype=float), list(errors.index).index(reference))
    fitted = compared.fitted
    if not fitted.sd or fitted.flat or not len(compared.arms):
        return []
    confidence = confidence_after(_looks(evidence.info))
    critical = critical_value(compared.correlation, fitted.freedom, confidence)
    differ = np.abs(compared.estimate) > critical * pooled_error(compared)
    return [str(errors.index[arm]) for arm in compared.arms[differ]]


def pooled_error(compared: Differences) -> NDArray[np.float64]:
    """Standard errors of the differences by the residual deviation of the whole table, (k,)."""
    inverse, arms, reference = compared.fitted.inverse, compared.arms, compared.reference
    variance = np.diag(inverse)[arms] - 2 * inverse[arms, reference] + inverse[reference, reference]
    return np.asarray((compared.fitted.sd or 0.0) * np.sqrt(variance), dtype=float)


def _looks(info: Mapping[str, Any]) -> int:
    now, planned = len(info.get("seeds") or []), info.get("planned_seeds") or []
    stages = info.get("extended_from") or ([planned] if planned else [])
    return 1 + len({len(seeds) for seeds in stages if len(seeds) < now})
