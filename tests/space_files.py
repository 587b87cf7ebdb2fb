"""A small space file, and how tests read one."""

from pathlib import Path

from search_spaces import SearchSpace
from search_spaces.documents import parse_document

TEXT = "reference: resnet50\naxes: {cardinality: [1, 8]}\n"


def parse(text: str) -> SearchSpace:
    """The space of a file called my.yaml; raises `UserError` as for a user's own."""
    return parse_document(SearchSpace, text, source="my.yaml", path=Path("my.yaml"))
