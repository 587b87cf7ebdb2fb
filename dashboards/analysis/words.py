"""Numbers and lists as words: what figures, tables and sentences have in common."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dashboards.analysis.arms import FEWEST_SEEDS, groups_of
from explorer.errors import UserError
from explorer.own.names import OwnName, is_own
from explorer.text import counted, dashed, human_percent, listed, signed_points
from studies.data import is_of_arrays

NOTHING = "–"  # in a cell of a table without a value
TOO_FEW = "too few seeds"
# What a budget is stated in.
BUDGET_WORDS = {
    "flops": "the FLOPs",
    "params": "the parameters",
    "activations": "the activations",
    "block": "the weights of a block",
}


def unit_of(largest: float) -> tuple[str, float]:
    """The unit of a column or an axis of large counts, by the largest: ('M', 1e6)."""
    units = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))
    return next(((letter, size) for letter, size in units if largest >= size), ("", 1.0))


def with_unit(heading: str, letter: str) -> str:
    """A heading with its unit: 'FLOPs (M)'."""
    return f"{heading} ({letter})" if letter else heading


def percent(fraction: Any) -> str:
    """A fraction as the number under a heading in %: 0.0257 -> '2.57'."""
    return NOTHING if pd.isna(fraction) else f"{100 * fraction:.2f}"


def signed_percent(fraction: float) -> str:
    """A relative difference with its sign: -0.005 -> '−0.5 %'."""
    return human_percent(fraction, signed=True).replace("-", "−")


def interval(low: Any, high: Any, n: int = 0) -> str:
    """An interval of error (fractions) under a heading in %, cut at errors of 0 and 100 %. Where
    there is none, whether `n` seeds are too few for one."""
    if pd.isna(low) or pd.isna(high):
        return TOO_FEW if 0 < n < FEWEST_SEEDS else NOTHING
    return f"{percent(max(0.0, low))} to {percent(min(1.0, high))}"


def points(fraction: float) -> str:
    """A difference of errors in points, without its sign: 0.0042 -> '0.42'."""
    return f"{abs(100 * fraction):.2f}"


def fine_points(fraction: float) -> str:
    """`points` of a difference that is shown: with as many digits
    as it takes to be more than nothing."""
    text = points(fraction)
    return text if float(text) or not fraction else f"{abs(100 * fraction):.1g}"


def bare_points(fraction: float) -> str:
    """A margin in points, as a person writes it: 0.005 -> '0.5'."""
    return f"{100 * fraction:.6g}"


def margin_words(fraction: float) -> str:
    """A margin with its unit: '0.5 points', '1 point'."""
    number = bare_points(fraction)
    return f"{number} {'point' if number == '1' else 'points'}"


def gap_text(low: float | None, high: float | None, estimate: float) -> str:
    """'0.42 (0.12 to 0.72)': size and interval in points, of a gap that is shown."""
    ends = sorted(min(1.0, abs(end or 0.0)) for end in (low, high))
    return f"{fine_points(estimate)} ({fine_points(ends[0])} to {fine_points(ends[1])})"


def signed_interval(low: float | None, high: float | None) -> str:
    """'−0.72 to −0.12', in points, cut where a difference of two errors ends; a dash where there is
    no interval. An end that is not zero does not read like it: whether zero is inside is what the
    interval says."""
    if low is None or high is None:
        return NOTHING
    return f"{_fine_signed(max(-1.0, low))} to {_fine_signed(min(1.0, high))}"


def _fine_signed(fraction: float) -> str:
    text = signed_points(fraction)
    return text if text != "0.00" or not fraction else f"{100 * fraction:+.1g}".replace("-", "−")


def p_text(p_value: float) -> str:
    """'p = 0.012', or 'p < 0.001'."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def confidence_text(confidence: float) -> str:
    """0.95 -> '95 %', 0.9917 -> '99.2 %'."""
    return f"{100 * confidence:.1f}".removesuffix(".0") + " %"


def seeds_phrase(count: int) -> str:
    """'1 seed', '3 seeds'."""
    return counted(count, "seed")


def shared_seeds(counts: Sequence[int], planned: int) -> str:
    """How many seeds differences rest on: '5 seeds', '4 of 5 seeds' where fewer than `planned`
    have a result of both arms, or '1 to 4 of 5 seeds'."""
    least, most = min(counts, default=0), max(counts, default=0)
    if not most:
        return "by way of other arms, with no seed in common"
    of = "" if least == most == planned else f" of {planned:,}"
    return f"{span(counts)}{of} {'seed' if planned == 1 else 'seeds'}"


def span(counts: Sequence[int]) -> str:
    """'3' where all counts are alike, else '2 to 3'; '0' of none."""
    least, most = min(counts, default=0), max(counts, default=0)
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def ratios_text(ratios: Sequence[float]) -> str:
    """The range of cost ratios: '0.99x to 1.01x', or one where they read alike; '' of none."""
    if not ratios:
        return ""
    return " to ".join(dict.fromkeys(f"{ratio:.2f}x" for ratio in (min(ratios), max(ratios))))


def named(arm: str) -> str:
    """An arm within a sentence: 'C=1', but 'the reference'."""
    return f"the {arm}" if arm == "reference" else arm


def agreeing(name: str, verb: str) -> str:
    """A verb of the third person as it goes with a name: 'C=2 costs', 'more paths cost'."""
    plural = {"is": "are", "has": "have", "goes": "go"}.get(verb, verb.removesuffix("s"))
    return plural if name in ("more paths", "activations", "params", "FLOPs") else verb


def capital(sentence: str) -> str:
    """A title whose first word may be an arm's: 'Deeper', but 'width=32', which is a value."""
    first = sentence.split(" ", 1)[0].strip(",;")
    return f"{sentence[0].upper()}{sentence[1:]}" if first.isalpha() else sentence


def listed_by_axis(arms: Sequence[str]) -> str:
    """Arms in their order, those of one axis together: 'C=2 and C=4; width=32'."""
    groups = groups_of(arms)
    return listed(arms) if len(groups) == 1 else "; ".join(map(listed, groups))


def lower_first(sentence: str) -> str:
    """A sentence of ours as the end of another: its first word
    lowered. An arm's label keeps its letters."""
    first = sentence.split(" ", 1)[0]
    ours = first in ("At", "No", "One", "All", "Nothing", "There", "Every", "Too")
    return sentence[0].lower() + sentence[1:] if ours else sentence


def template_label(cardinality: Any, bottleneck_width: Any, width: Any, kind: Any) -> str:
    """'8x14d'; 'inception 25d'; a basic block has no paths and is called by its width: 'w64'."""
    if pd.isna(cardinality) or pd.isna(bottleneck_width):
        return "" if pd.isna(width) else f"w{int(width)}"
    paths = "inception " if kind == "inception" else f"{int(cardinality)}x"
    return f"{paths}{int(bottleneck_width)}d"


LABEL_COLUMNS = ("arm", "design", "cardinality", "bottleneck_width", "width", "kind")


def network_label(design: Mapping[str, Any], varied: Collection[str] | None = None) -> str:
    """What tells a design from others, in short: '8x14d', 'w64'; from its `LABEL_COLUMNS`.

    Of a network of the user's own, its numbers but for those of its arm: 'width=44'. `varied` are
    the quantities in which a study's designs differ; others are then left out.
    """
    name = str(design["design"])
    if not is_own(name):
        return template_label(
            design["cardinality"],
            design["bottleneck_width"],
            design.get("width"),
            design.get("kind"),
        )
    try:
        values = OwnName.parse(name).values
    except UserError:  # a CSV file may hold anything for a name
        return ""
    words = [
        f"{key}={value}"
        for key, value in values.items()
        if isinstance(value, int) and (varied is None or key in varied)
    ]
    return ", ".join(word for word in words if word not in str(design["arm"]).split(", "))


def only_or_counted(of_designs: Sequence[str]) -> str:
    """What all of an arm's designs have in common, or how many they are."""
    return of_designs[0] if len(set(of_designs)) == 1 else f"{len(of_designs)} designs"


def own_quantities(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The quantities in which networks of the user's own differ; see `own_values`."""
    values = own_values(names).items()
    return {key: of_name for key, of_name in values if len(set(of_name.values())) > 1}


def own_values(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The quantities of networks of the user's own: by name, the value of each network as text.

    Other networks, and what no name can be, are left out.
    """
    values: dict[str, dict[str, str]] = {}
    for name in filter(is_own, dict.fromkeys(names)):
        try:
            parsed = OwnName.parse(name)
        except UserError:  # a CSV file may hold anything for a name
            continue
        for key, value in parsed.values.items():
            values.setdefault(key, {})[name] = str(dashed(value))
    return values


def budget_words(trials: pd.DataFrame) -> str:
    """What the budget is stated in: 'the FLOPs'; 'the cost' where that is not one thing."""
    measures = {str(by) for by in trials["by"].dropna().unique()}
    return BUDGET_WORDS.get(measures.pop(), "the cost") if len(measures) == 1 else "the cost"


def data_words(data: Mapping[str, Any]) -> str:
    """'digits', or of the user's own where it lies, 'folder photos'; or 'own arrays'."""
    if is_of_arrays(data.get("path")):  # in a file that is named by a digest
        return "own arrays"
    return f"{data.get('name', '')} {Path(str(data.get('path') or '')).name}".strip()
