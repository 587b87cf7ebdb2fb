"""What the design page asks: a reference, a budget, a rule and a quantity,
from the address or from the controls."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from explorer.architecture import Architecture
from explorer.budget import check_measure, match
from explorer.depths import POLICIES
from explorer.designs import MEASURES, Design, cost
from explorer.errors import UserError, shorten

QUANTITY_LABELS = {
    "bottleneck_width": "d",
    "width": "width",
    "depths": "depths",
    "cardinality": "C",
}
RULE_LABELS = {
    "flops": "FLOPs",
    "params": "params",
    "activations": "activations",
    "block": "a block's weights",
}
# The sliders' steps: factors of the reference's cost, and the largest C
# (or d, where C is solved), as powers of two.
FACTORS = (0.25, 0.35, 0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0, 5.66, 8.0)
MOST_POWER, MOST_MULTIPLE = 8, 4
LONGEST_LINK = 2000
# The input; where nothing is typed, it is what the reference's name says.
INPUTS = {"resolution": "Resolution", "in_channels": "Channels", "classes": "Classes"}


@dataclass(frozen=True)
class Question:
    """What the page asks. `factor` is an index of `FACTORS`, `most` a power of two; the input's
    sizes are as typed."""

    reference: str = "resnet50"
    factor: int = FACTORS.index(1.0)
    by: str = "flops"
    solve: str = "bottleneck_width"
    most: int = 5
    multiple: int = 0
    policy: str = "proportional"
    shown: str = ""
    resolution: str = ""
    in_channels: str = ""
    classes: str = ""

    @classmethod
    def of(cls, search: str | None) -> "Question":
        """As a link says it; what it does not say, or says wrongly, is as usual."""
        return cls.read(
            {
                key: values[0]
                for key, values in parse_qs((search or "").lstrip("?")[:LONGEST_LINK]).items()
            }
        )

    @classmethod
    def read(cls, asked: dict[str, Any]) -> "Question":
        """As the values of the controls say it. Whoever sends them need not
        be our page, so each is looked at here."""
        usual = cls()
        by = _choice(asked.get("by"), usual.by, MEASURES)
        solve = _choice(asked.get("solve"), usual.solve, QUANTITY_LABELS)
        return cls(
            str(asked.get("reference", usual.reference) or "").strip(),
            _step(asked.get("factor"), usual.factor, len(FACTORS) - 1),
            by,
            solve if is_solvable(solve, by) else usual.solve,
            _step(asked.get("most"), usual.most, MOST_POWER),
            _step(asked.get("multiple"), usual.multiple, MOST_MULTIPLE),
            _choice(asked.get("policy"), usual.policy, POLICIES),
            str(asked.get("shown") or ""),
            *(_typed(asked.get(key)) for key in INPUTS),
        )

    @property
    def axis(self) -> str:
        """What the designs differ in."""
        return "bottleneck_width" if self.solve == "cardinality" else "cardinality"

    def network(self) -> Architecture:
        """The reference at its input. Raises `UserError` where one of them cannot be."""
        sizes = {key: text for key in INPUTS if (text := getattr(self, key))}
        for key, text in sizes.items():
            if not (text.isascii() and text.isdecimal()):
                raise UserError(
                    f"{INPUTS[key].lower()} must be a whole number of at least 1; given:"
                    f" {shorten(text)}."
                )
        return Architecture.from_name(
            self.reference, **{key: int(text) for key, text in sizes.items()}
        )

    def designs(self) -> list[Design]:
        """The matched designs. Raises `UserError` for a reference or a budget that cannot be."""
        reference = self.network()
        budget = round(FACTORS[self.factor] * cost(reference, self.by))
        options: dict[str, Any] = {
            "solve": self.solve,
            "by": self.by,
            "budget": budget,
            "depth_policy": self.policy,
        }
        if self.solve != "depths":
            options["multiple_of"] = 2**self.multiple
        if self.axis not in reference.template.numbers:
            designs = match(reference, **options)
        else:
            designs = []
            unit = reference.unit(self.axis)
            for value in [2**power for power in range(self.most + 1) if 2**power % unit == 0] or [
                unit
            ]:
                try:
                    designs += match(reference, **options, **{self.axis: value})
                except UserError:  # so many paths, or paths so wide, leave nothing of this budget
                    if not designs:
                        raise
                    break
        return [replace(design, reference=reference.name) for design in designs]


def _typed(given: Any) -> str:
    """What was typed into a field for a number; no number has so many digits."""
    return str("" if given is None else given).strip()[:20]


def _choice(given: Any, usual: str, known: Collection[str]) -> str:
    return given if isinstance(given, str) and given in known else usual


def _step(given: Any, usual: int, most: int) -> int:
    """A slider's step from 0 to `most`: a browser sends it as text or as a number."""
    return next((step for step in range(most + 1) if str(given) in (str(step), f"{step}.0")), usual)


def rules_offered(asked: Question) -> list[dict[str, Any]]:
    """The rules to choose from; one that does not change with what is solved cannot be chosen."""
    return [
        {"label": text, "value": by, "disabled": not is_solvable(asked.solve, by)}
        for by, text in RULE_LABELS.items()
    ]


def quantities_offered(asked: Question) -> list[dict[str, Any]]:
    """What can be solved; a quantity that does not change the rule's cost cannot be chosen."""
    return [
        {"label": text, "value": solve, "disabled": not is_solvable(solve, asked.by)}
        for solve, text in QUANTITY_LABELS.items()
    ]


@cache
def is_solvable(solve: str, by: str) -> bool:
    try:
        check_measure(Architecture.from_name("resnet50"), solve, by)
    except UserError:
        return False
    return True
