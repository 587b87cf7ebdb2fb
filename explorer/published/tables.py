"""What a published table is: rows of networks, their authors' values, and where they are from."""

from dataclasses import dataclass

from explorer.architecture import Architecture

THE_PAPER = (
    "Xie, Girshick, Dollár, Tu, He: Aggregated Residual Transformations for Deep Neural Networks,"
    " CVPR 2017"
)


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published table.

    Attributes:
        label: What its authors call the network.
        architecture: Name of the same network here; None where there is none.
        values: The published values, in the order of the table's columns.
        resolution: Side of the input in pixels, for our own counts.
        classes: Outputs of the classifier, for our own counts.
    """

    label: str
    architecture: str | None
    values: tuple[float | str | None, ...]
    resolution: int = 224
    classes: int = 1000

    @property
    def network(self) -> Architecture | None:
        """The same network here, with the row's input and classes."""
        if self.architecture is None:
            return None
        size = {"resolution": self.resolution, "classes": self.classes}
        return Architecture.from_name(self.architecture, **size)


@dataclass(frozen=True)
class PublishedTable:
    """One published table.

    Attributes:
        title: What it shows.
        columns: Names of the published values.
        rows: The networks.
        measures: Our own counts that stand beside the published values.
        note: What a reader should know, what is not known included; "" for nothing.
        source: Who published it, and where; with the date it was read where it may change.
        trainings: How many each error is the mean of; None where it differs or is not known.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    measures: tuple[str, ...] = ("flops", "params")
    note: str = ""
    source: str = THE_PAPER
    trainings: int | None = None
