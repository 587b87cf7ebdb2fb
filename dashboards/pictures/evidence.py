"""Make studies/evidence/README.md and its pictures from the results beside it: `make evidence`.

    python dashboards/pictures/evidence.py

Every number there is computed from the CSV files and from `explorer.published`; nothing is written
by hand. Needs Chromium, as make.py does.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

from dashboards.analysis.findings import Findings
from dashboards.analysis.notes import sampling_sentence
from dashboards.analysis.tables import TextTable, comparison_table, design_table
from dashboards.figures import deeper_wider_more_paths, differences_from_reference
from dashboards.figures.paper import errors_by_cardinality, gaps_of_scaling
from dashboards.pictures.make import chromium, draw
from explorer.published import TABLES
from explorer.suggestions import command
from explorer.text import listed, signed_points
from studies.results import ROOM, evidence_names, evidence_reader

FAMILY = "ResNet-50"  # of Table 3
LEFT_OUT = ("Template", "Validation error (%)", "Train error (%)")  # of the page's table
HEAD = f"""\
# What was measured

Results of this project's own trainings, as they came out. Each folder has the study file that made
them (`study.yaml`), what `study results` wrote of it (`trials.csv`, `curves.csv`, and
`trials.origin.yaml` with the machine, the versions and the commit). They come with the program:

```sh
{command("dashboard", evidence=True)}       # all of them, in a browser
{command("report", "evidence:NAME")}       # one, as a page
{command("study run", "studies/evidence/NAME/study.yaml")}     # train it yourself
```

`make evidence` writes this page and its pictures anew from those files.
"""


def studies() -> dict[str, Findings]:
    """All that was measured, by name: complete studies first, in the order they were made."""
    tables = {name: evidence_reader().tables(name) for name in evidence_names()}
    measured = {name: Findings(own.trials, own.info) for name, own in tables.items()}
    made = {name: own.info["created"] for name, own in measured.items()}
    order = sorted(measured, key=lambda name: (measured[name].is_unfinished, made[name]))
    return {name: measured[name] for name in order}


def readme(measured: dict[str, Findings]) -> str:
    """The page."""
    return "\n".join([HEAD, *("\n".join(_section(*study)) for study in measured.items())])


def figure_of(findings: Findings) -> Any:
    """The figure that answers a study's question, with the paper's values beside."""
    if findings.ways:
        return deeper_wider_more_paths(findings, paper=True)
    return differences_from_reference(findings, paper=FAMILY)


def _section(name: str, findings: Findings) -> Iterator[str]:
    info, verdict = findings.info, findings.verdict
    yield f"## {name}\n"
    yield _filled(
        f"*{info['question']}* {verdict.text} {sampling_sentence(findings) or ''}"
        f" {_trained(findings)}"
    )
    yield f"![{figure_of(findings).layout.title.text}](pictures/{name}.png)\n"
    yield _markdown(_arms(findings))
    yield "Notes:\n"
    for note in verdict.notes:
        yield textwrap.fill(f"- {note}", 100, subsequent_indent="  ", break_on_hyphens=False)
    yield ""
    if paper := _paper(findings):
        yield _filled(f"**What the paper found** ({paper}")
    if (ROOM / name / "README.md").exists():
        yield f"More of it: [{name}/README.md]({name}/README.md).\n"


def _trained(findings: Findings) -> str:
    data, recipe = findings.info["data"], findings.info["recipe"]
    complete = findings.trials[findings.trials["status"] == "complete"]
    seeds = sorted(complete["seed"].unique())
    return (
        f"Trained on {data['name']} ({data['train']:,} training, {data['validation']:,} validation"
        f" and {data['test']:,} test images) for {recipe['epochs']} epochs by the recipe"
        f" {recipe['name']}, seeds {listed(list(map(str, seeds)))}."
    )


def _arms(findings: Findings) -> TextTable:
    """The page's table of arms, with each one's design and FLOPs."""
    arms, designs = comparison_table(findings), design_table(findings)
    flops = next(name for name in designs.columns if name.startswith("FLOPs"))
    added = {row[0]: _cells(designs, row, ["Design", flops]) for row in designs.rows}
    shown = [name for name in arms.columns[1:] if name not in LEFT_OUT]
    rows = tuple((row[0], *added[row[0]], *_cells(arms, row, shown)) for row in arms.rows)
    return TextTable(("Arm", "Design", flops, *shown), rows)


def _cells(table: TextTable, row: tuple[str, ...], columns: list[str]) -> list[str]:
    return [row[table.columns.index(name)] for name in columns]


def _paper(findings: Findings) -> str:
    """What the paper found where it asked the same: other data, other networks."""
    if findings.ways:
        gaps = [f"{signed_points(gap)} ({name})" for own in gaps_of_scaling().values()
                for name, gap in own]  # fmt: skip
        return (
            "Table 4, ImageNet-1K): points of top-1 error from ResNet-101's at twice its FLOPs:"
            f" {listed(gaps)}."
        )
    if findings.designs["shortcut"].nunique() > 1:
        rows = [
            f"{row.label} {row.values[0]} % with shortcuts and {row.values[1]} % without"
            for row in TABLES["residual"].rows
        ]
        return f"section 5.1, ImageNet-1K): top-1 error of {listed(rows)}."
    if findings.cardinalities:
        errors = errors_by_cardinality(FAMILY)
        first, *others = errors
        gaps = [f"C={c} {signed_points(errors[c] - errors[first])}" for c in others]
        return (
            f"Table 3, ImageNet-1K, at {FAMILY}'s FLOPs): C={first} has {100 * errors[first]:.1f} %"
            f" top-1 error; points from it: {listed(gaps)}."
        )
    return ""


def _markdown(table: TextTable) -> str:
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False) + "\n"


if __name__ == "__main__":
    measured = studies()
    (ROOM / "README.md").write_text(readme(measured))
    pictures = ROOM / "pictures"
    pictures.mkdir(exist_ok=True)
    with chromium() as browser:
        draw({f"{name}.png": figure_of(own) for name, own in measured.items()}, pictures, browser)
