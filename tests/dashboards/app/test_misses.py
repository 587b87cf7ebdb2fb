"""What each training got wrong on the live page, with the images themselves where the data is."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from guessing_study import store
from PIL import Image

from dashboards.app.pages.study import got_wrong
from dashboards.page.elements import to_html
from explorer.errors import UserError
from studies.data import DataSpec, load
from studies.results import Reader
from studies.storage import Storage

HIDDEN = "The images themselves are not shown: "


def part(data_dir: Path | None = None, name: str = "guessed") -> str:
    reader = Reader(Storage("sqlite:///studies.db"))
    return to_html(got_wrong(reader, reader.tables(name), data_dir))


def pictures(html: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


def test_the_images_missed_most_are_shown_as_they_are_in_the_data(workdir):
    study = store(Storage("sqlite:///studies.db"))
    html = part()
    total = sum(study.wrong(arm).sum(axis=0) for arm in ("C=1", "C=2", "C=4", "C=8", "C=16"))
    most = np.argsort(-total, kind="stable")[:12]
    shown = pictures(html)
    assert len(shown) == 12
    for picture, number in zip(shown, most, strict=True):
        assert (picture == study.splits.test.images[number, 0]).all()
        assert f"No. {number}<" in html
    for heading in ("By class", "Do they miss the same images?", "The images missed most"):
        assert f"<h3>{heading}</h3>" in html
    assert 'class="level4"' in html
    assert b"PNG" not in Path("studies.db").read_bytes()  # stored nowhere


def test_other_data_than_the_studys_is_not_shown(workdir):
    store(Storage("sqlite:///studies.db"), told={"digests": dict.fromkeys(("train", "test"), "00")})
    html = part()
    assert f"{HIDDEN}the test images here are not those that the study was started with." in html
    assert not pictures(html)
    assert "No. " in html  # what is stored of them is


def test_of_a_study_without_digests_nothing_is_shown(workdir):
    store(Storage("sqlite:///studies.db"), told={"digests": None})
    assert f"{HIDDEN}an earlier version stored nothing by which" in part()


def save(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.savez(path, train_images=images, train_labels=labels)


@pytest.fixture
def own_data(workdir: Path) -> dict[str, object]:
    """Digits as a user's own file, and the data section that names it."""
    (workdir / "here").mkdir()
    digits = load(DataSpec(name="digits", test=0.2)).train
    save(workdir / "here" / "digits.npz", digits.images[:], digits.labels)
    return {"name": "npz", "path": "digits.npz", "test": 0.2, "validation": 0.2}


def test_the_users_own_data_is_found_in_the_folder_that_is_named(workdir, own_data, monkeypatch):
    with monkeypatch.context() as inside:
        inside.chdir(workdir / "here")
        study = store(Storage(f"sqlite:///{workdir}/studies.db"), data=own_data)
    assert HIDDEN in part()
    assert len(pictures(part(workdir / "here"))) == 12
    assert study.splits.test.images.shape[1:] == (1, 8, 8)
    (workdir / "here" / "digits.npz").unlink()
    assert len(pictures(part())) == 0


def test_a_function_is_not_called(workdir, monkeypatch):
    (workdir / "own_digits.py").write_text(
        "from pathlib import Path\n"
        "from studies.data import DataSpec, load\n"
        "def read():\n"
        "    Path('called').touch()\n"
        "    data = load(DataSpec(name='digits', test=0.2)).train\n"
        "    return (data.images, data.labels), None, None\n"
    )
    monkeypatch.syspath_prepend(workdir)
    data = {"name": "own_digits:read", "test": 0.2, "validation": 0.2}
    store(Storage("sqlite:///studies.db"), data=data)
    Path("called").unlink()
    assert f"{HIDDEN}the data comes from the function own_digits:read" in part()
    assert not Path("called").exists()


def test_nothing_is_downloaded(workdir, monkeypatch):
    """The study names a data set that is not here."""
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(workdir / "cache"))
    monkeypatch.setattr("studies.data.official.fetch", None)  # whoever calls it fails otherwise
    for name in ("fashion_mnist", "cifar10"):
        with pytest.raises(UserError, match=r"missing|neither"):
            load(DataSpec(name=name), at_hand=True)


def test_nothing_is_decoded(workdir, monkeypatch):
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(workdir / "cache"))
    for label in ("a", "b"):
        for number in range(6):
            path = workdir / "photos" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((9, 9, 3), 20 * number, np.uint8)).save(path)
    spec = DataSpec(name="folder", path="photos", resolution=8, test=0.3, validation=0.3)
    with pytest.raises(UserError, match="not in the cache"):
        load(spec, at_hand=True)
    decoded = load(spec)
    assert load(spec, at_hand=True).test.digest() == decoded.test.digest()


def test_class_names_are_escaped(workdir):
    names = [f"<img src=x{label}>" for label in range(10)]
    store(Storage("sqlite:///studies.db"), told={"class_names": names})
    html = part()
    assert "&lt;img src=x8&gt;" in html
    assert "<img src=x" not in html
