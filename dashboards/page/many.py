"""What pages of many designs say around their figures."""

from dashboards.analysis.findings import Findings
from dashboards.figures.parallel import table_of_lines
from dashboards.page.elements import Element, element
from dashboards.page.parts import table

TITLE = "What of a design matters"
QUANTITY = "Error against"
MAP_TITLE = "Two axes at once"
PAIR = "Axes"
LINES_TITLE = "All designs at once"


def lines_table(findings: Findings) -> list[Element]:
    """The table below parallel coordinates, which their choices leave rows of (`brush.js`), and how
    many."""
    count = element("p", className="quiet", data_count="", role="status")
    return [count, table(table_of_lines(findings), "Chosen designs", folds=False)]
