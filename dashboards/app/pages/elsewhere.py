"""What others published, on the pages of a design and of a training."""

from dataclasses import dataclass
from typing import Any

from dashboards.analysis.tables import TextTable
from dashboards.app.pages.parts import Still
from dashboards.page.parts import quiet, section, table
from explorer.architecture import Architecture
from explorer.complexity import count
from explorer.designs import cost
from explorer.published import PAPER, STUDIES, PublishedStudy, trainings_of
from explorer.text import human_flops

# Published networks that cost this much more or less than the budget stand beside ours.
NEAR = 0.1


@dataclass(frozen=True)
class PublishedNetwork:
    """A network that others trained on some data, and their errors (fractions), one a recipe."""

    architecture: Architecture
    study: PublishedStudy
    errors: tuple[float, ...]

    @property
    def error(self) -> str:
        """Its test error in %, or the least and the greatest of several."""
        ends = min(self.errors), max(self.errors)
        least, greatest = (f"{100 * end:.2f}".rstrip("0").rstrip(".") for end in ends)
        return least if least == greatest else f"{least} to {greatest}"


def published_networks(like: Architecture, by: str, spent: float) -> list[PublishedNetwork]:
    """Published networks of this input that cost about as much, by cardinality."""
    errors_of: dict[tuple[Architecture, str, str], tuple[PublishedStudy, list[float]]] = {}
    for study in STUDIES.values():
        for training in study.trainings:
            network = training.network
            if (
                (network.resolution, network.classes) == (like.resolution, like.classes)
                and (network.template.kind, network.stem) == (like.template.kind, like.stem)
                and (network.growth, network.order) == (like.growth, like.order)
                and abs(cost(network, by) / spent - 1) <= NEAR
            ):
                key = network, study.table_name, study.data
                errors_of.setdefault(key, (study, []))[1].append(training.error)
    networks = [
        PublishedNetwork(network, study, tuple(errors))
        for (network, *_), (study, errors) in errors_of.items()
    ]
    return sorted(networks, key=lambda known: known.architecture.template.cardinality)


def at_this_cost(published: list[PublishedNetwork], spent: float, by: str) -> Still:
    """Published networks that spend about this budget, with their errors."""
    title = "What others got at this cost"
    if not published:
        return Still(
            section(title, quiet(f"No published network costs within {100 * NEAR:.0f} % of it."))
        )
    rows = tuple(
        (
            network.architecture.name,
            f"{cost(network.architecture, by) / spent:.2f}x",
            human_flops(count(network.architecture).flops),
            network.study.data,
            network.error,
            network.study.each_in_short if len(network.errors) == 1 else "1 by each recipe",
            _whose(network.study),
        )
        for network in published
    )
    headings = (
        "Network", "Cost", "FLOPs", "Trained on", "Test error (%)", "Trainings", "Published by"
    )  # fmt: skip
    words = frozenset(("Network", "Trained on", "Trainings", "Published by"))
    return Still(section(title, table(TextTable(headings, rows, words), "Published networks")))


def with_this_network(design: str) -> Any:
    """What others got with the same network; None where nobody published it."""
    rows = tuple(
        (
            ", ".join(filter(None, (study.data, study.part))),
            f"{100 * training.error:.2f}",
            study.each_in_short,
            _whose(study),
        )
        for study, training in trainings_of(design)
    )
    if not rows:
        return None
    headings = ("Trained on", "Test error (%)", "Trainings", "Published by")
    words = frozenset(("Trained on", "Trainings", "Published by"))
    return section(
        "What others got with this network",
        table(TextTable(headings, rows, words), "Published results"),
        quiet("Other data, resolutions and recipes give other errors: nothing is compared here."),
    )


def _whose(study: PublishedStudy) -> str:
    """The source, of the paper with the table."""
    if study.table_name not in PAPER:
        return study.table.source
    return f"{study.table.title.partition(':')[0]} of {study.table.source}"
