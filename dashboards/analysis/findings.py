"""What a study found: its numbers with the verdict on them. Figures,
tables, pages and the report all take this one value."""

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from dashboards.analysis.claims import Verdict
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.quantities import Quantity, designs_by_quantity, varied
from dashboards.analysis.spending import spending
from dashboards.analysis.trends import strengths
from dashboards.analysis.verdict import judge
from explorer.lazy import load


@dataclass(frozen=True, eq=False)
class Findings(Evidence):
    """The results of one study at one moment: `Findings(trials, info)`.

    Every number of `Evidence`, and the verdict, is computed when first asked for, and once.
    """

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict in words, with its notes."""
        return judge(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        html: str = load("dashboards.showing").of_findings(self)
        return html

    @cached_property
    def by_design(self) -> pd.DataFrame:
        """One row a design with a result; see `quantities.designs_by_quantity`. Of a choice of
        trainings it has the columns of the whole study."""
        designs = designs_by_quantity(self.trials)
        if not isinstance(self.study, Findings):
            return designs
        columns = designs.columns.union(self.study.by_design.columns, sort=False)
        return designs.reindex(columns=columns)

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """The numbers and costs in which the whole study's designs differ, by column."""
        whole = self.study if isinstance(self.study, Findings) else self
        return varied(whole.by_design)

    @cached_property
    def strengths(self) -> pd.DataFrame:
        """How strongly each of the quantities goes with error; see `trends.strengths`."""
        return strengths(self.by_design, self.quantities)

    @cached_property
    def shares(self) -> pd.DataFrame | None:
        """Which share of its FLOPs each of `designs` spends on paths, width and depth; see
        `spending.spending`."""
        return spending(self.designs)

    def choice(self, trials: pd.DataFrame) -> "Findings":
        """The findings of a choice of this study's trainings, rows of its `trials`."""
        return replace(self, trials=trials, study=self.whole)
