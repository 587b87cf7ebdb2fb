"""Measured latencies of designs: one number of many, how far they scatter, and what it is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.text import counted, human_time

if TYPE_CHECKING:
    import pandas as pd

# On an idle machine the quartiles of the rounds are within a tenth of each other.
UNEVEN = 1.5
TABLE = ("latency", "latency_low", "latency_high")  # its columns, in seconds


@dataclass(frozen=True)
class Latency:
    """Seconds for one image: the median, and the quartiles; older results have none of these."""

    seconds: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return f"{human_time(self.seconds)}{self.quartiles}"

    @property
    def quartiles(self) -> str:
        """' (quartiles 9.1 ms to 15 ms)'; "" where they are not known."""
        return f" (quartiles {self.between})" if self.between else ""

    @property
    def between(self) -> str:
        """'9.1 ms to 15 ms', the quartiles; "" where they are not known."""
        if self.low is None or self.high is None:
            return ""
        return f"{human_time(self.low)} to {human_time(self.high)}"

    @property
    def is_uneven(self) -> bool:
        """Whether the upper quartile is so far above the lower one that the machine was busy."""
        return self.low is not None and self.high is not None and self.high > UNEVEN * self.low

    def busy_words(self, *, is_of_now: bool) -> str:
        """' The machine was busy then.', as the quartiles, or its load where it was measured now,
        say; else ""."""
        if is_of_now and (busy := busy_now()):
            return f" The machine is busy{busy}; on an idle one, run this again."
        return " The machine was busy then; on an idle one it is less." if self.is_uneven else ""

    def is_above(self, limit: float) -> bool:
        """Whether even the fastest quarter is above a limit: what else is slow makes an image
        longer, and never shorter."""
        return (self.seconds if self.low is None else self.low) > limit

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> "Latency":
        """As `columns` has stored it."""
        return cls(result[TABLE[0]], *(result.get(column) for column in TABLE[1:]))

    def columns(self) -> dict[str, float | None]:
        """As a result is stored."""
        return dict(zip(TABLE, (self.seconds, self.low, self.high), strict=True))


def latency_of(trainings: "pd.DataFrame") -> Latency | None:
    """The median over these trainings, each of which measured it (a busy moment lengthens a mean),
    and that of their quartiles. None where none did."""
    import pandas as pd

    columns = trainings.reindex(columns=TABLE).apply(pd.to_numeric, errors="coerce")
    seconds, low, high = (
        None if pd.isna(median) else float(median) for median in columns.astype(float).median()
    )
    return None if seconds is None else Latency(seconds, low, high)


def latency_words(settings: Mapping[str, Any], measured: str = "") -> str:
    """What a latency is, with the settings it was measured by: 'for one image on cpu, in bf16, with
    1 thread, the median over trainings', or when else it was measured. Of a study from elsewhere
    not all of them are known."""
    precision, threads = settings.get("precision"), settings.get("threads")
    known = [f"for one image on {settings['device']}"] if settings.get("device") else ["one image"]
    known += [f"in {'32 bits' if precision == '32' else precision}"] if precision else []
    known += [f"with {counted(int(threads), 'thread')}"] if threads else []
    return ", ".join([*known, measured or "the median over trainings"])


def busy_now() -> str:
    """'; 9.4 programs share the 2 cores of this machine', where more run than it has cores; else
    "". Not every system tells."""
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    return f"; {load:.1f} programs share the {cores} cores of this machine" if load > cores else ""
