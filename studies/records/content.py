"""What is stored about a study, as values: plain data is parsed here, once, and nowhere else.

It holds all that a worker on another machine and a reader without the study file need: the resolved
document, the wanted designs with their counts, the choices that change numbers, and what it was
started with. `records.creation` writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeVar
from zlib import crc32

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.errors import UserError
from explorer.text import counted
from search_spaces import LeftOut
from search_spaces.documents import validate
from search_spaces.mistakes import explain
from studies.config.design import StoredDesign
from studies.config.outline import Outline
from studies.config.search import LATENCY
from studies.config.study import StudyFile
from studies.data import DataShape
from studies.machine.settings import Settings
from studies.records.labels import label_now, relabelled

Model = TypeVar("Model", bound=BaseModel)


class OtherSettings(BaseModel):
    """Settings of trainings elsewhere: as much as is known of them."""

    model_config = ConfigDict(frozen=True, extra="allow")

    device: str


class Origin(BaseModel):
    """What a study was started with, where and when. What has a default was not stored by every
    version.

    `splits` counts the images of each part, `commonest` those of its commonest class, `digests`
    stand for their content and order, `class_names` are in the order of the labels (none where
    classes have none), and `notes` are what to know of them. `extended_from` holds the seeds that
    were wanted before each extension, and `arms_before` the arms (none where not known): a verdict
    after one is judged more strictly. `ended_at` is the most seeds of a plan with `until` that had
    come to its end when it was extended. `trials` is how many designs a search tries. Of an
    imported study, `imported` is the file that it is from, and `pairs` are design, seed and, of
    several recipes, the recipe of each pair: it wants no others; `about` is what a reader of its
    results must know, a sentence each.
    """

    model_config = ConfigDict(frozen=True)

    created: str
    machine: str
    git_commit: str | None
    versions: dict[str, str]
    settings: Annotated[Settings | OtherSettings, Field(union_mode="left_to_right")]
    shape: DataShape
    splits: dict[str, int]
    digests: dict[str, str] | None = None
    commonest: dict[str, int] = {}
    class_names: list[str] = []
    notes: list[str] = []
    planned_seeds: list[int]
    extended_from: list[list[int]] = []
    ended_at: int | None = None
    arms_before: list[list[str]] = []
    left_out: list[LeftOut]
    trials: int | None = None
    imported: str | None = None
    about: list[str] = []
    pairs: list[tuple[str, int] | tuple[str, int, str]] | None = None


@dataclass(frozen=True)
class Content:
    """What is stored about a study: plain data, and values that are parsed when first asked for."""

    plain: Mapping[str, Any]

    @cached_property
    def origin(self) -> Origin:
        return _parsed(Origin, self.plain)

    @cached_property
    def document(self) -> StudyFile | Outline:
        """The study's file, or as much as can be read of it."""
        try:
            return StudyFile.model_validate(self.plain_file)
        except ValidationError:
            return _parsed(Outline, self.plain_file)

    @cached_property
    def plain_file(self) -> dict[str, Any]:
        """The study's file as plain data, as this version writes it.

        Earlier versions stored the limit of a latency as a number of seconds.
        """
        plain = dict(self.plain["document"])
        search = plain.get("search")
        if isinstance(search, dict) and isinstance(search.get("constraints"), dict):
            limits = search["constraints"]
            if isinstance(limits.get(LATENCY), int | float):
                limits = {**limits, LATENCY: f"{limits[LATENCY]!r} s"}
                plain["search"] = {**search, "constraints": limits}
        return plain

    @property
    def file(self) -> StudyFile:
        """The study's file. Raises `UserError` where there is none that this version takes."""
        if isinstance(self.document, StudyFile):
            return self.document
        if self.origin.imported:
            raise UserError(
                f"this study was imported from {self.origin.imported}, so nothing is known of how"
                " it was trained."
            )
        source = f"the stored study {self.plain_file.get('name')}"
        return validate(StudyFile, self.plain_file, source=source)

    @property
    def settings(self) -> Settings:
        """What its trainings are set to. Raises `UserError` where they were trained elsewhere."""
        if isinstance(self.origin.settings, Settings):
            return self.origin.settings
        raise UserError("the settings of this study are not known, so nothing can be trained.")

    def require_threads(self, threads: int | None) -> None:
        """Raise `UserError` where another number of threads is given than the study has."""
        if threads is not None and threads != self.settings.threads:
            raise UserError(
                f"the study is stored with {counted(self.settings.threads, 'thread')} a worker, and"
                f" --threads {threads} would give other bits. Leave it out, or create another"
                " study: --set name=NAME."
            )

    @cached_property
    def designs(self) -> list[StoredDesign]:
        """The designs that were stored with the study; of a search, those it began with."""
        designs = [StoredDesign.read(each, self.origin.shape) for each in self.plain["designs"]]
        return relabelled(designs, self.references)

    @property
    def reference_arm(self) -> str:
        """The label of the arm that the others are compared with."""
        label = str(self.plain["reference_arm"])
        if isinstance(self.document, Outline):
            return label
        own = self.document.reference_arm.get("reference", self.references[0])
        return label_now(label, own, self.references)

    @property
    def references(self) -> list[str]:
        """The references of the study's space."""
        return self.document.space.references if isinstance(self.document, StudyFile) else []

    @property
    def has_earlier_rules(self) -> bool:
        """Whether a version planned it that judged otherwise: one that knew no margin."""
        return self.origin.imported is None and "margin" not in self.plain["document"]

    def as_yaml(self) -> str:
        """The study's file as it was stored, to be shown."""
        plain = self.plain["document"]
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)

    @property
    def extent(self) -> str:
        """What changes when a study is extended, known without parsing anything."""
        document = self.plain["document"]
        searched = crc32(repr((document["search"], document.get("margin"))).encode())
        seeds = document["seeds"]
        most = seeds["at_most"] if isinstance(seeds, dict) else len(seeds)
        return f"{len(self.plain['designs'])}x{most}.{searched}"


def _parsed(model: type[Model], plain: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        problem, *_ = explain(model, plain, error.errors(include_url=False))
        raise UserError(
            f"what is stored of this study is not what this program writes ({problem}); it was left"
            " as it is."
        ) from None
