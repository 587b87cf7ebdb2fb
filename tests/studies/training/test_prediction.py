"""A trained network says of image files what it says of the same pixels as arrays."""

import json
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import Architecture
from explorer.errors import UserError
from explorer.networks import export, fresh_network
from studies import Predictor
from studies.data import CACHE_VARIABLE, DataSpec, Exported, load

Here = Callable[..., subprocess.CompletedProcess[str]]
DESIGN = "resnext_1-1_2x4d_w16_small8"


def weights(path: Path, about: Exported, channels: int = 1) -> Path:
    """A network with new weights, exported as a trained one is."""
    classes = len(about.names) or 10
    architecture = Architecture.from_name(
        DESIGN, resolution=8, in_channels=channels, classes=classes
    )
    export(fresh_network(architecture, seed=3), path, "safetensors", about.to_metadata())
    return path


@pytest.fixture
def grey(workdir: Path) -> Path:
    return weights(workdir / "grey.safetensors", Exported((0.3,), (0.4,), ("ant", "bee", "cat")))


def digits(count: int) -> np.ndarray:
    images: np.ndarray = load(DataSpec(name="digits", test=0.2)).test.images[:count]
    return images


def test_files_and_arrays_have_the_same_probabilities(grey: Path, workdir: Path) -> None:
    images = digits(70)  # more than a batch
    for number, image in enumerate(images):
        (workdir / "photos").mkdir(exist_ok=True)
        Image.fromarray(image[0]).save(workdir / f"photos/{number:02}.png")
    predictor, done = Predictor.load(grey), []
    predictions = list(
        predictor.predict(["photos"], top=3, progress=lambda *counts: done.append(counts))
    )
    assert [prediction.file.name for prediction in predictions[:2]] == ["00.png", "01.png"]
    assert done == [(64, 70), (70, 70)]
    probabilities = predictor.probabilities(images)
    assert probabilities.sum(1) == pytest.approx(np.ones(70))
    for prediction, row in zip(predictions, probabilities, strict=True):
        assert dict(prediction.classes) == pytest.approx(
            dict(zip(("ant", "bee", "cat"), row.tolist(), strict=True))
        )
        assert prediction.classes[0][1] == pytest.approx(row.max())


def test_a_folder_of_deep_images_is_seen_as_in_training(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 bits from 1000 to 3000, which `white: stretch` takes for black to white."""
    monkeypatch.setenv(CACHE_VARIABLE, str(workdir / "cache"))
    random = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (workdir / "data" / name).mkdir(parents=True)
        for number in range(5):
            samples = random.integers(1000, 3001, (12, 9)).astype(np.uint16)
            samples[0, :2] = 1000, 3000
            Image.fromarray(samples).save(workdir / "data" / name / f"{number}.png")
    spec = DataSpec(
        name="folder", resolution=8, channels=1, white="stretch", validation=0.2, test=0.2
    )
    splits = load(spec, workdir / "data")
    path = weights(
        workdir / "deep.safetensors",
        Exported(splits.mean, splits.std, splits.names, splits.black_and_white),
    )
    predictor = Predictor.load(path)
    of_files = [
        dict(prediction.classes)["bee"] for prediction in predictor.predict(["data"], top=2)
    ]
    parts = (splits.train, splits.validation, splits.test)
    of_arrays = [float(row[1]) for part in parts for row in predictor.probabilities(part.images[:])]
    assert sorted(of_files) == pytest.approx(sorted(of_arrays))
    assert len(set(of_files)) == 10


def test_arrays_with_the_channels_last_are_taken_and_others_refused(workdir: Path) -> None:
    about = Exported((0.5,) * 3, (0.2,) * 3)
    predictor = Predictor.load(weights(workdir / "colour.safetensors", about, channels=3))
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), np.uint8)
    assert predictor.names == tuple("0123456789")
    assert np.array_equal(
        predictor.probabilities(images.transpose(0, 2, 3, 1)), predictor.probabilities(images)
    )
    assert predictor.probabilities(images[:0]).shape == (0, 10)
    for wrong in (images / 255, images[:, :, :4], images[:, :1]):
        with pytest.raises(UserError, match=r"takes images of uint8, N x 3 x 8 x 8 \(given: "):
            predictor.probabilities(wrong)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1)])
def test_one_image_is_told_to_be_one(grey: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"That is one image; give several, or images\[None\] of"):
        Predictor.load(grey).probabilities(digits(1).reshape(shape))


@pytest.mark.parametrize(("white", "shown"), [(16, "16"), (1, "1")])
def test_floats_are_refused_with_how_to_make_them_uint8(
    grey: Path, white: float, shown: str
) -> None:
    floats = digits(9) / 255 * white
    with pytest.raises(UserError, match=rf"go from 0 to {shown}: where {shown} is white, use"):
        Predictor.load(grey).probabilities(floats)


def test_images_on_another_scale_than_those_of_the_training_are_warned_of(
    grey: Path, workdir: Path
) -> None:
    images, of_bright = digits(9), Predictor.load(grey)
    dark = (images // 16).astype(np.uint8)
    with pytest.warns(
        UserWarning, match="brightest sample of these images is 15, and the training"
    ):
        of_bright.probabilities(dark)
    Image.fromarray(dark[0, 0]).save("dark.png")
    notes: list[str] = []
    assert len(list(of_bright.predict(["dark.png"] * 300, tell=notes.append))) == 300
    assert [note[:10] for note in notes] == ["the bright"]
    of_dark = Predictor.load(weights(workdir / "dark.safetensors", Exported((0.02,), (0.02,))))
    with pytest.warns(UserWarning, match="they seem to be on another scale"):
        of_dark.probabilities(images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        of_bright.probabilities(images)
        of_dark.probabilities(dark)


def test_what_is_no_file_of_weights_and_no_path_is_said(grey: Path, workdir: Path) -> None:
    with pytest.raises(UserError, match=f"it is a folder; give the file in it: {grey}"):
        Predictor.load(workdir)
    (workdir / "empty").mkdir()
    with pytest.raises(UserError, match=r"it is a folder, with no \.safetensors in it"):
        Predictor.load(workdir / "empty")
    predictor = Predictor.load(grey)
    for images in (digits(2), [digits(1)[0]]):
        with pytest.raises(UserError, match=r"given: ndarray.*predictor\.probabilities\(images\)"):
            list(predictor.predict(images))
    Image.fromarray(digits(1)[0, 0]).save(workdir / "one.png")
    (one,) = predictor.predict("one.png")
    assert one.file == Path("one.png")


def test_the_largest_image_of_the_training_is_that_of_predicting(workdir: Path) -> None:
    Image.fromarray(digits(1)[0, 0]).save(workdir / "one.png")
    for most, problem in ((63, True), (64, False)):
        about = Exported((0.3,), (0.4,), max_pixels=most)
        (one,) = Predictor.load(weights(workdir / f"{most}.safetensors", about)).predict("one.png")
        assert bool(one.problem) == problem


def test_the_command_names_classes_and_says_what_is_no_image(
    grey: Path, workdir: Path, here: Here
) -> None:
    (workdir / "photos").mkdir()
    Image.fromarray(digits(1)[0, 0]).save("photos/digit.png")
    Path("photos/notes.txt").write_text("no image")
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    shown = here("predict", "--weights", str(grey), "photos", "broken.jpg", "--top", "2")
    assert shown.returncode == 1
    assert shown.stdout.startswith("photos/digit.png: ")
    assert shown.stdout.count("%") == 2
    assert "Left out: 1 file of another kind: .txt." in shown.stderr
    assert "broken.jpg: no image: " in shown.stderr
    assert "Error: 1 file is no image that can be read; 1 image predicted." in shown.stderr

    told = here("predict", "--weights", str(grey), "photos", "broken.jpg", "--json")
    first, second = map(json.loads, told.stdout.splitlines())
    assert first["file"] == "photos/digit.png"
    assert {row["class"] for row in first["classes"]} == {"ant", "bee", "cat"}
    assert sum(row["probability"] for row in first["classes"]) == pytest.approx(1)
    assert (second["classes"], bool(second["problem"])) == ([], True)


def test_mistakes_are_said_in_one_sentence(grey: Path, workdir: Path, here: Here) -> None:
    (workdir / "empty").mkdir()
    Image.fromarray(digits(1)[0, 0]).save("digit.png")
    architecture = Architecture.from_name(DESIGN, resolution=8)
    export(fresh_network(architecture, seed=0), "untrained.safetensors", "safetensors")
    told = Exported((0.5,), (0.2,), ("ant",)).to_metadata()
    export(fresh_network(architecture, seed=0), "strange.safetensors", "safetensors", told)
    for weights_file, file, message in (
        (grey, "missing.png", "there is no file or folder missing.png"),
        (grey, "digit", "there is no file or folder digit; there is digit.png."),
        ("digit.png", str(grey), "is a file of weights: `resnext-explorer predict PHOTO --weights"),
        (grey, "https://example.com/a.png", "Download it first"),
        (grey, "'photos/a.png'", "Write it without the quotes inside: photos/a.png"),
        (grey, "photos/*.png", "A shell does not fill in a pattern in quotes"),
        (grey, "empty", "empty holds no image (of a format that Pillow reads"),
        ("missing.safetensors", "digit.png", "there is no such file"),
        ("untrained.safetensors", "digit.png", "does not say the mean and std"),
        ("strange.safetensors", "digit.png", "is damaged (1 numbers for 3 channels)"),
        ("digit.png", "digit.png", "it is no file of weights"),
    ):
        answer = here("predict", "--weights", str(weights_file), file)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert message in answer.stderr
