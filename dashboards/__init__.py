"""What studies found: verdicts, figures, reports and the live dashboard.

`findings`, `write_report` and `serve` are loaded when first used; figures are in
`dashboards.figures`.
"""

from typing import TYPE_CHECKING

try:
    from explorer.lazy import lazy_getattr
except ImportError:
    import explorer

    raise ImportError(
        f"{explorer.__file__} hides the module explorer of resnext-explorer. Rename it, or start"
        " from another folder."
    ) from None

if TYPE_CHECKING:
    from dashboards.analysis.findings import Findings
    from dashboards.app.serving import serve
    from dashboards.report.writing import findings, write_report
else:  # a type checker takes any name from a module with `__getattr__`
    __getattr__ = lazy_getattr(
        __name__,
        {
            "analysis.findings": ("Findings",),
            "app.serving": ("serve",),
            "report.writing": ("findings", "write_report"),
        },
    )

__all__ = ["Findings", "findings", "serve", "write_report"]
