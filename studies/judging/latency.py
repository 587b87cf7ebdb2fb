"""Measured latencies of designs: one number of many, and what it is."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from explorer.text import counted


def latency_of(trainings: pd.DataFrame) -> float | None:
    """Seconds for one image: the median over these trainings, each of which measured it (a busy
    moment lengthens a mean). None where none did."""
    seconds = pd.to_numeric(trainings["latency"], errors="coerce").dropna()
    return float(seconds.median()) if len(seconds) else None


def latency_words(settings: Mapping[str, Any], *, is_of_now: bool = False) -> str:
    """What a latency is, with the settings it was measured by: 'for one image on cpu, in bf16, with
    1 thread, the median over trainings', or 'measured now'. Of a study from elsewhere not all of
    them are known."""
    precision, threads = settings.get("precision"), settings.get("threads")
    known = [f"for one image on {settings['device']}"] if settings.get("device") else ["one image"]
    known += [f"in {'32 bits' if precision == '32' else precision}"] if precision else []
    known += [f"with {counted(int(threads), 'thread')}"] if threads else []
    known += ["measured now" if is_of_now else "the median over trainings"]
    return ", ".join(known)
