"""Findings and reports of studies by their names, as the command `report` takes them."""

from collections.abc import Iterable
from pathlib import Path

from dashboards.analysis.findings import Findings
from dashboards.report import report
from dashboards.report.sources import load_sources


def findings(study: str, *, storage: str | None = None) -> Findings:
    """What a study found: its verdict, numbers, and the value that all figures take.

    Args:
        study: A stored study's name, the path of its file, a CSV file of `study results`, or
            `evidence:NAME`. Of a study with several recipes, `NAME:RECIPE` is what one found.
        storage: Where the study is stored; None as in `Storage.visit`.

    Raises:
        UserError: There is no such study, or its file cannot be read.

    Example:
        >>> findings("evidence:h100").verdict.title  # doctest: +SKIP
    """
    return load_sources([study], storage)[0].findings


def write_report(
    studies: Iterable[str],
    path: str | Path,
    *,
    paper: str | None = None,
    published: str | None = None,
    force: bool = False,
    storage: str | None = None,
) -> Path:
    """Write the results of several studies, side by side, as one HTML page that opens offline.

    `Study.report` writes that of one.

    Args:
        studies: Each as in `findings`; one alone may be its name.
        path: The page.
        paper: Lay the paper's values over: "ResNet-50" (Table 3) or "ResNet-101" (Table 4).
        published: Lay over what others got: a name in `explorer.published.STUDIES`.
        force: Also replace a file that is no page of ours.
        storage: Where studies are stored; None as in `Storage.visit`.

    Returns:
        The path of the page.

    Raises:
        UserError: There is no such study, or the page cannot be written.
    """
    named = [studies] if isinstance(studies, str) else studies
    sources = load_sources(named, storage)
    return report.write_report(path, sources, paper=paper, published=published, force=force)
