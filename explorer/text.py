"""Numbers as people read them: 4.09 G, 25.6 M, +1.7 %, 3 min 20 s."""

import re
from collections.abc import Sequence
from typing import Any

# The largest mismatch with which designs are still of equal cost: the paper's are up to 4.4 % off.
FAR_OFF = 0.05
LONGEST_LIST = 8  # in a sentence: of 625 arms, 250 may differ, and the table beside it has them all
# Python's stand-ins for bytes of a file name that are not UTF-8.
SURROGATES = re.compile("[\ud800-\udfff]")


def human_flops(value: float) -> str:
    """Three significant digits with a decimal prefix: 4089184256 -> '4.09 G'."""
    return _with_prefix(value, (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)))


# Counts of parameters and activations are written the same way.
human_count = human_flops


def human_percent(fraction: float, *, signed: bool = False) -> str:
    """A fraction as a percentage: 0.0174 -> '1.7 %', signed '+1.7 %'.

    What rounds to zero has no sign.
    """
    text = f"{100 * fraction:{'+' if signed else ''}.1f}"
    if text in ("+0.0", "-0.0"):
        text = "0.0"
    return f"{text} %"


def human_mismatch(fraction: float, *, is_solved: bool = True) -> str:
    """A mismatch as a signed percentage; one that is too large to compare is marked: '! +173.0 %'.

    It is marked where it is more than `FAR_OFF`, unless the design was not to be of equal cost.
    """
    mark = "! " if is_solved and abs(fraction) > FAR_OFF else ""
    return f"{mark}{human_percent(fraction, signed=True)}"


def signed_points(fraction: float | None) -> str:
    """A difference of errors in points, with its sign: -0.0042 -> '−0.42'."""
    text = f"{100 * (fraction or 0.0):+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def human_time(seconds: float) -> str:
    """Seconds in readable units.

    0.0034 -> '3.4 ms', 42.3 -> '42 s', 200 -> '3 min 20 s', 7500 -> '2 h 5 min'.
    """
    # Each limit is where the unit below would round up to a thousand of its own.
    if seconds < 0.9995e-3:
        return f"{1e6 * seconds:.0f} µs"
    if seconds < 0.9995:
        return f"{1e3 * seconds:.3g} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _with_prefix(value: float, prefixes: tuple[tuple[str, float], ...]) -> str:
    for letter, size in prefixes:
        if abs(value) >= 0.9995 * size:
            scaled = value / size
            return f"{three_digits(scaled)} {letter}"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"


def three_digits(value: float) -> str:
    """A number of at least 1 in three digits, or all before the point: 1.40, 14.8, 1,480."""
    rounded = float(f"{value:.3g}")  # 99.96 is written 100, not 100.0
    return f"{value:,.{max(0, 3 - len(str(int(abs(rounded)))))}f}"


def dashed(value: Any) -> Any:
    """Several numbers as one text: (3, 4, 6, 3) -> '3-4-6-3'; any other value as it is."""
    return "-".join(map(str, value)) if isinstance(value, tuple) else value


def counted(number: int, thing: str, things: str = "") -> str:
    """'1 epoch', '1,200 epochs'; `things` is the plural where it is not formed with an s."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def listed(items: Sequence[Any], last: str = "and") -> str:
    """'C=1, C=2 and C=4'; with semicolons where an item holds a comma. Of more than
    `LONGEST_LIST` the first, and how many more."""
    words = [str(item) for item in items]
    if len(words) > LONGEST_LIST:
        words[LONGEST_LIST - 1 :] = [f"{len(words) - LONGEST_LIST + 1} more"]
    if len(words) < 2:
        return "".join(words)
    if any("," in word for word in words):
        return f"{'; '.join(words[:-1])}; {last} {words[-1]}"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def encodable(text: str) -> str:
    """The text with U+FFFD for what no encoding has, so that it can be shown and stored.

    Bytes of a file name that are not UTF-8 are such characters.
    """
    return SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
