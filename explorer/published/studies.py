"""Published trainings that can be compared with each other: one column of errors of one table."""

from dataclasses import dataclass
from functools import cache

from explorer.architecture import Architecture
from explorer.published.elsewhere import ELSEWHERE
from explorer.published.paper import PAPER
from explorer.published.tables import PublishedTable

TABLES: dict[str, PublishedTable] = PAPER | ELSEWHERE
"""Every published table by its name: "table1" to "table7" and others."""


@dataclass(frozen=True)
class Training:
    """What one row of a published study says: its label there, the network, and the test error as
    a fraction."""

    label: str
    network: Architecture
    error: float


@dataclass(frozen=True)
class PublishedStudy:
    """The errors of one column, trained on the same data in the same way.

    Attributes:
        table_name: The table's name in `TABLES`.
        column: The column of errors, in percent.
        data: The data set.
        classes: Its classes.
        only: What the rows must say in another column ("bearpaw"); "" for all.
        resolution: Of the rows, where the table has several; None for all.
        own_trainings: How many each error is the mean of, where the table does not say it of all.
    """

    table_name: str
    column: str
    data: str
    classes: int
    only: str = ""
    resolution: int | None = None
    own_trainings: int | None = None

    @property
    def table(self) -> PublishedTable:
        """The table that it is part of."""
        return TABLES[self.table_name]

    @property
    def trainings(self) -> list[Training]:
        """Its rows that have a network here and an error."""
        column = self.table.columns.index(self.column)
        rows = [
            row
            for row in self.table.rows
            if self.only in ("", *row.values) and self.resolution in (None, row.resolution)
        ]
        return [
            # Rounded: 4.33 / 100 is 0.0433 only to the last bit but one.
            Training(row.label, network.with_(classes=self.classes), round(float(error) / 100, 6))
            for row in rows
            if (network := row.network) is not None and (error := row.values[column]) is not None
        ]

    @property
    def part(self) -> str:
        """Which part of the table it is, in a few words; "" for all of it."""
        pixels = f"{self.resolution} pixels" if self.resolution else ""
        return ", ".join(filter(None, (self.only, pixels)))

    @property
    def each(self) -> str:
        """How many trainings stand behind each error, as far as it is known."""
        if self._count == 1:
            return "One training each"
        if self._count:
            return f"Each error is the mean of {self._count} trainings"
        return "One published error each"

    @property
    def each_in_short(self) -> str:
        """The same in a cell of a table: '1', 'mean of 5'."""
        if self._count is None:
            return "not stated"
        return "1" if self._count == 1 else f"mean of {self._count}"

    @property
    def _count(self) -> int | None:
        return self.own_trainings or self.table.trainings

    @property
    def about(self) -> list[str]:
        """What a reader must know of these errors: how many trainings, whose, and what is not
        known."""
        table = self.table
        return [
            f"{self.each}: no interval, nothing claimed.",
            f"Test errors as published by {table.source}. No validation error was published, so"
            " validation chooses nothing here.",
            *([table.note] if table.note else []),
        ]


def _imagenet(recipe: str, resolution: int = 224) -> PublishedStudy:
    return PublishedStudy(
        "imagenet_by_recipe", "top-1 error %", "ImageNet-1K", 1000, recipe, resolution
    )


def _cifar(
    table: str, classes: int, only: str = "", trainings: int | None = None
) -> PublishedStudy:
    data = f"CIFAR-{classes}"
    return PublishedStudy(table, f"{data} error %", data, classes, only, own_trainings=trainings)


STUDIES: dict[str, PublishedStudy] = {
    "table3": PublishedStudy("table3", "top-1 error %", "ImageNet-1K", 1000),
    "table4": PublishedStudy("table4", "top-1 error %", "ImageNet-1K", 1000),
    "table7_cifar10": _cifar("table7", 10, trainings=10),
    "table7_cifar100": _cifar("table7", 100, trainings=10),
    "osmr_resnext20_cifar10": _cifar("osmr_resnext20_cifar", 10),
    "osmr_resnext20_cifar100": _cifar("osmr_resnext20_cifar", 100),
    "osmr_resnext20_svhn": PublishedStudy("osmr_resnext20_cifar", "SVHN error %", "SVHN", 10),
    "pycls_zoo": PublishedStudy("pycls_zoo", "top-1 error %", "ImageNet-1K", 1000),
    "imagenet_tv_in1k": _imagenet("tv_in1k"),
    "imagenet_gluon_in1k": _imagenet("gluon_in1k"),
    "imagenet_a3_in1k_160": _imagenet("a3_in1k", 160),
    "imagenet_a3_in1k": _imagenet("a3_in1k"),
    "imagenet_ra_in1k": _imagenet("ra_in1k"),
    "imagenet_a2_in1k": _imagenet("a2_in1k"),
    "imagenet_a1h_in1k": _imagenet("a1h_in1k"),
    "imagenet_tv2_in1k": _imagenet("tv2_in1k"),
    "imagenet_a1_in1k": _imagenet("a1_in1k"),
    "resnext29_bearpaw_cifar10": _cifar("resnext29_cifar", 10, "bearpaw", trainings=1),
    "resnext29_bearpaw_cifar100": _cifar("resnext29_cifar", 100, "bearpaw", trainings=1),
    "resnext29_hysts_cifar10": _cifar("resnext29_cifar", 10, "hysts"),
}
"""By name. The first row of "imagenet_by_recipe" is the paper's own, of which "table3" has more."""


@cache
def trainings_of(design: str) -> tuple[tuple[PublishedStudy, Training], ...]:
    """What others got with the network of this name, whatever the data."""
    return tuple(
        (study, training)
        for study in STUDIES.values()
        for training in study.trainings
        if training.network.name == design
    )
