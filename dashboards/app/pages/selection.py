"""What of a study is shown: the choice of arms, statuses and seeds,
and of what else stands in a page's address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import pandas as pd

from explorer.errors import UserError
from explorer.published import STUDIES

MEASURE_LABELS = {
    "flops": "FLOPs",
    "params": "params",
    "activations": "activations",
    "seconds_per_epoch": "measured time",
    "latency": "latency",
}
ORDERS = {"arm": "by arm", "best": "lowest test error first", "latest": "latest first"}


@dataclass(frozen=True)
class Selection:
    """What of a study is shown: arms (None: all) but those of `without`, statuses (None: all), and
    seeds as typed; the order of the trainings, the page of their table, the cost of its figure (""
    the study's own), and the published study that figures lay over ("" none); the quantity and the
    pair of axes that errors are drawn against ("" the first)."""

    arms: tuple[str, ...] | None = None
    statuses: tuple[str, ...] | None = None
    seeds: str = ""
    order: str = "arm"
    page: int = 1
    cost: str = ""
    beside: str = ""
    quantity: str = ""
    pair: str = ""
    without: tuple[str, ...] = ()

    @classmethod
    def of(cls, search: str | None) -> "Selection":
        """As a link says it: ?arm=C%3D1&arm=C%3D8&status=failed&seeds=0-4&order=best&page=2"""
        asked = parse_qs((search or "").lstrip("?"), keep_blank_values=True)
        page = asked.get("page", ["1"])[0]
        order = asked.get("order", ["arm"])[0]
        return cls(
            tuple(asked["arm"]) if "arm" in asked else None,
            tuple(asked["status"]) if "status" in asked else None,
            asked.get("seeds", [""])[0][:200],
            order if order in ORDERS else "arm",
            int(page) if page.isdecimal() and len(page) < 7 and int(page) else 1,
            cost if (cost := asked.get("cost", [""])[0]) in MEASURE_LABELS else "",
            beside if (beside := asked.get("beside", [""])[0]) in STUDIES else "",
            quantity=asked.get("quantity", [""])[0][:200],
            pair=asked.get("pair", [""])[0][:200],
            without=tuple(asked.get("without", ())),
        )

    @classmethod
    def chosen(cls, choice: Mapping[str, Any], **more: Any) -> "Selection":
        """What the page's controls choose, as its script sums them up (`choice` in app.js): of many
        arms with one taken away it names that one."""
        arms, statuses = choice["arms"], choice["statuses"]
        return cls(
            None if arms is None else tuple(arms),
            None if statuses is None else tuple(statuses),
            choice["seeds"] or "",
            without=tuple(choice["without"]),
            **more,
        )

    @property
    def choice(self) -> dict[str, Any]:
        """The same, for the page to begin with."""
        return {name: getattr(self, name) for name in ("arms", "without", "statuses", "seeds")}

    def has(self, arm: str) -> bool:
        """Whether an arm is chosen."""
        return (self.arms is None or arm in self.arms) and arm not in self.without

    @property
    def is_all(self) -> bool:
        named = self.arms is not None or self.statuses is not None
        return not (named or self.without or self.seeds.strip())

    @property
    def rows(self) -> "Selection":
        """What of this chooses rows, and nothing else."""
        return Selection(self.arms, self.statuses, self.seeds, without=self.without)

    def of_trials(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The chosen rows. Raises `UserError` for seeds that cannot be read."""
        keep = pd.Series(True, index=trials.index)
        if self.arms is not None:
            keep &= trials["arm"].isin(self.arms)
        if self.without:
            keep &= ~trials["arm"].isin(self.without)
        if self.statuses is not None:
            keep &= trials["status"].isin(self.statuses)
        if self.seeds.strip():
            keep &= seeds_in(self.seeds, trials["seed"])
        return trials[keep]

    def of_curves(self, curves: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
        """The epochs of the chosen `trials`. Raises `UserError` for seeds that cannot be read."""
        if self.arms is not None:
            curves = curves[curves["arm"].isin(self.arms)]
        if self.without:
            curves = curves[~curves["arm"].isin(self.without)]
        if self.seeds.strip():
            curves = curves[seeds_in(self.seeds, curves["seed"])]
        if self.statuses is not None:
            chosen, pairs = (
                pd.MultiIndex.from_frame(table[["design", "seed"]]) for table in (curves, trials)
            )
            curves = curves[chosen.isin(pairs)]
        return curves


def seeds_in(text: str, seeds: pd.Series) -> pd.Series:
    """Which seeds a text like '0, 3, 10-19' names. Raises
    `UserError` for one that cannot be read."""
    chosen = pd.Series(False, index=seeds.index)
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d{1,10})\s*(?:(?:-|\.\.)\s*(\d{1,10})\s*)?", part, re.ASCII)
        if not ends:
            raise UserError(f"cannot read the seeds {text!r}; write for example 0, 3 or 10-19.")
        chosen |= seeds.between(int(ends[1]), int(ends[2] or ends[1]))
    return chosen
