"""Networks of one's own on live pages: shown as a study has them, and none of their code is run."""

import sys
from pathlib import Path

import pytest
from own_families import PLAIN, write

from dashboards.app.pages.designs import content_or_problem
from explorer import blueprint
from studies.results import Reader
from studies.results.importing import import_csv
from studies.storage import Storage

URL = "sqlite:///t.db"


@pytest.fixture
def names(workdir: Path) -> list[str]:
    """Two designs of a stored study, whose module is forgotten again."""
    write(workdir, "paged", PLAIN)
    networks = [blueprint(f"paged:net(width=8,kernel={kernel})") for kernel in (1, 3)]
    rows = [
        f'"{network.name}",{seed},0.2,{0.1 + 0.01 * seed},8,1,10'
        for network in networks
        for seed in range(3)
    ]
    head = "design,seed,validation_error,test_error,resolution,in_channels,classes"
    Path("pages.csv").write_text("\n".join([head, *rows]))
    import_csv(URL, Path("pages.csv"))
    sys.modules.pop("paged")
    return [network.name for network in networks]


def test_two_designs_are_compared_as_their_study_has_them(names: list[str]) -> None:
    reader = Reader(Storage(URL))
    page = str([part.to_plotly_json() for part in content_or_problem(reader, names, None)])
    for words in ("Where both were trained", "paged:net", "kernel", "10 classes", "describe"):
        assert words in page
    beside = str(content_or_problem(reader, [names[0], "resnet20_cifar"], None))
    assert "No study here has a result of both" in beside
    unknown = str(content_or_problem(reader, [names[0], "paged:net(kernel=9)"], None))
    assert "none has trained it" in unknown
    assert "paged" not in sys.modules
