"""What of a study is shown: the choice of arms, statuses and seeds,
and of what else stands in a page's address."""

import re
from dataclasses import dataclass
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
    """What of a study is shown: arms and statuses (None: all), seeds as
    typed; the order of the trainings, the page of their table, the cost of its figure ("" the
    study's own), and the published study that figures lay over ("" none); the quantity and the pair
    of axes that errors are drawn against ("" the first)."""

    arms: tuple[str, ...] | None = None
    statuses: tuple[str, ...] | None = None
    seeds: str = ""
    order: str = "arm"
    page: int = 1
    cost: str = ""
    beside: str = ""
    quantity: str = ""
    pair: str = ""

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
            *(asked.get(name, [""])[0][:200] for name in ("quantity", "pair")),
        )

    @property
    def is_all(self) -> bool:
        return self.arms is None and self.statuses is None and not self.seeds.strip()

    @property
    def rows(self) -> "Selection":
        """What of this chooses rows, and nothing else."""
        return Selection(self.arms, self.statuses, self.seeds)

    def of_trials(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The chosen rows. Raises `UserError` for seeds that cannot be read."""
        keep = pd.Series(True, index=trials.index)
        if self.arms is not None:
            keep &= trials["arm"].isin(self.arms)
        if self.statuses is not None:
            keep &= trials["status"].isin(self.statuses)
        if self.seeds.strip():
            keep &= seeds_in(self.seeds, trials["seed"])
        return trials[keep]

    def of_curves(self, curves: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
        """The epochs of the chosen `trials`. Raises `UserError` for seeds that cannot be read."""
        if self.arms is not None:
            curves = curves[curves["arm"].isin(self.arms)]
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
