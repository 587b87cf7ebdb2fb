"""Data sets read from real files, refused when damaged, and split the same way every time."""

import gzip
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from explorer.errors import UserError
from search_spaces.documents import validate
from studies.data import DATA_SETS, DataShape, DataSpec, Images, Splits, data_shape, load, official
from studies.data.images import Parts

DIGITS = DataSpec(name="digits", validation=0.2, test=0.2)
NAMES = {"train": 60, "t10k": 20}


def write_idx(path: Path, values: np.ndarray, magic: int | None = None) -> None:
    """An IDX file of bytes, gzipped where the name says so."""
    header = [0x0800 + values.ndim if magic is None else magic, *values.shape]
    content = (
        b"".join(number.to_bytes(4, "big") for number in header) + values.astype(np.uint8).tobytes()
    )
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def publish(monkeypatch: pytest.MonkeyPatch, name: str, folder: Path) -> None:
    """Take the files of a folder for the published ones of a data set."""
    sums = {}
    for file in folder.iterdir():
        content = file.read_bytes()
        sums[file.name] = hashlib.md5(content).hexdigest()
        if file.name.endswith("ubyte.gz"):
            sums[file.stem] = hashlib.md5(gzip.decompress(content)).hexdigest()
    monkeypatch.setitem(official.CHECKSUMS, name, sums)


@pytest.fixture
def fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of four small files in the official form, taken for the published ones.

    Labels are 0 to 9 in turn, each image is filled with its number.
    """
    for prefix, count in NAMES.items():
        images = np.broadcast_to(np.arange(count)[:, None, None], (count, 28, 28))
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    publish(monkeypatch, "fashion_mnist", tmp_path)
    return tmp_path


FASHION = DataSpec(name="fashion_mnist", validation=0.5)


def numbers(part: Images) -> list[int]:
    return part.images[:, 0, 0, 0].tolist()


def keys(part: Images) -> list[bytes]:
    return [image.tobytes() for image in part.images]


@pytest.fixture(scope="module")
def digits() -> Splits:
    return load(DIGITS)


def test_digits_are_1797_real_images_scaled_to_bytes(digits: Splits) -> None:
    assert sum(digits.sizes.values()) == 1797
    assert digits.sizes == {"train": 1079, "validation": 359, "test": 359}
    for part in (digits.train, digits.validation, digits.test):
        assert part.images.shape[1:] == (1, 8, 8)
        assert part.images.dtype == np.uint8
        assert part.labels.dtype == np.int64
    assert set(np.unique(digits.train.images)) == {round(value * 255 / 16) for value in range(17)}
    assert data_shape(DIGITS) == DataShape(resolution=8, in_channels=1, classes=10)


def test_digits_are_scikit_learns_and_splits_share_no_image_and_lose_none(digits: Splits) -> None:
    from sklearn.datasets import load_digits

    everything = Counter(
        np.rint(image * (255 / 16)).astype(np.uint8).tobytes() for image in load_digits().images
    )
    parts = [Counter(keys(part)) for part in (digits.train, digits.validation, digits.test)]
    assert sum(parts, Counter()) == everything


def test_splits_have_each_class_in_its_share(digits: Splits) -> None:
    whole = sum(np.bincount(part.labels) for part in (digits.train, digits.validation, digits.test))
    for part in (digits.train, digits.validation, digits.test):
        expected = whole * len(part) / 1797
        assert np.abs(np.bincount(part.labels, minlength=10) - expected).max() <= 1.5


def test_splits_are_fixed_by_split_seed_alone(digits: Splits) -> None:
    again, other = load(DIGITS), load(DIGITS.model_copy(update={"split_seed": 1}))
    for name in ("train", "validation", "test"):
        assert np.array_equal(getattr(again, name).images, getattr(digits, name).images)
        assert keys(getattr(other, name)) != keys(getattr(digits, name))


def test_another_validation_fraction_keeps_the_test_set(digits: Splits) -> None:
    assert keys(load(DIGITS.model_copy(update={"validation": 0.1})).test) == keys(digits.test)


def test_mean_and_std_are_those_of_the_training_split(digits: Splits) -> None:
    pixels = digits.train.images / 255
    assert digits.mean == pytest.approx([pixels.mean()])
    assert digits.std == pytest.approx([pixels.std()])


def test_mirroring_is_for_garments_not_for_digits() -> None:
    assert not DATA_SETS["digits"].mirrored
    assert DATA_SETS["fashion_mnist"].mirrored


@pytest.mark.parametrize("folder", ["", "fashion-mnist", "FashionMNIST/raw"])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_official_files_are_found_zipped_or_not_also_in_a_subfolder(
    fashion: Path, tmp_path_factory: pytest.TempPathFactory, folder: str, zipped: bool
) -> None:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / folder).mkdir(parents=True, exist_ok=True)
    for file in fashion.iterdir():
        content = file.read_bytes()
        name = file.name if zipped else file.stem
        (data_dir / folder / name).write_bytes(content if zipped else gzip.decompress(content))
    splits = load(FASHION, data_dir)
    assert splits.sizes == {"train": 30, "validation": 30, "test": 20}
    assert numbers(splits.test) == list(range(20))  # the official test set, in its own order
    assert sorted(numbers(splits.train) + numbers(splits.validation)) == list(range(60))
    assert np.array_equal(splits.train.labels, np.array(numbers(splits.train)) % 10)
    assert Counter(splits.train.labels.tolist()) == dict.fromkeys(range(10), 3)
    # Torch warns about arrays that cannot be written to.
    assert all(
        part.images.flags.writeable and part.labels.flags.writeable
        for part in (splits.train, splits.test)
    )


def test_the_shape_is_known_without_any_file() -> None:
    assert data_shape(FASHION, None) == DataShape(resolution=28, in_channels=1, classes=10)


@pytest.mark.parametrize("folder", ["empty", "not-there"])
def test_a_missing_file_is_named_with_the_folder_and_the_source(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as error:
        load(FASHION, tmp_path / folder)
    for part in (
        "train-images-idx3-ubyte.gz is missing",
        str(tmp_path / folder),
        "https://github.com/zalandoresearch",
    ):
        assert part in str(error.value)


def test_one_missing_file_of_four_is_named(fashion: Path) -> None:
    (fashion / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=re.escape("t10k-labels-idx1-ubyte.gz is missing")):
        load(FASHION, fashion)


@pytest.mark.parametrize("size", [0, 3, 10, 15, -20, -9, -1])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_off_anywhere_is_named(fashion: Path, size: int, zipped: bool) -> None:
    path = fashion / "train-images-idx3-ubyte.gz"
    content = path.read_bytes()
    if not zipped:
        path.unlink()
        path, content = path.with_suffix(""), gzip.decompress(content)
    path.write_bytes(content[:size])
    with pytest.raises(
        UserError,
        match=f"cannot read {re.escape(str(path))}: it is truncated.*github.com/zalandoresearch",
    ):
        load(FASHION, fashion)


def test_damaged_bytes_inside_a_gzip_file_are_found(fashion: Path) -> None:
    path = fashion / "t10k-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[-8] ^= 0xFF  # the checksum no longer fits the bytes
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte.gz.*damaged.*CRC"):
        load(FASHION, fashion)


@pytest.mark.parametrize(
    ("name", "values", "magic", "message"),
    [
        (
            "train-images-idx3-ubyte.gz",
            np.zeros((60, 28, 28)),
            2049,
            "magic number is 2049, not 2051",
        ),
        (
            "train-images-idx3-ubyte.gz",
            np.zeros((60, 32, 32)),
            None,
            "60 x 32 x 32 bytes; fashion_mnist has N x 28 x 28",
        ),
        ("train-images-idx3-ubyte.gz", np.zeros((0, 28, 28)), None, "0 x 28 x 28 bytes"),
        (
            "train-images-idx3-ubyte.gz",
            np.zeros((59, 28, 28)),
            None,
            "is not fashion_mnist's file: its checksum is",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            np.arange(60) % 9,
            None,
            "is not fashion_mnist's file: its checksum is",
        ),
    ],
)
def test_a_file_of_something_else_is_refused(
    fashion: Path, name: str, values: np.ndarray, magic: int | None, message: str
) -> None:
    write_idx(fashion / name, values, magic)
    with pytest.raises(UserError, match=message):
        load(FASHION, fashion)


def test_a_header_that_promises_terabytes_is_refused_at_once(fashion: Path) -> None:
    header = [2051, 2**32 - 1, 28, 28]
    content = b"".join(number.to_bytes(4, "big") for number in header)
    (fashion / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    with pytest.raises(UserError, match="4294967295 x 28 x 28 bytes"):
        load(FASHION, fashion)


def test_a_file_longer_than_its_header_says_is_refused(fashion: Path) -> None:
    path = fashion / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\0"))
    with pytest.raises(UserError, match="too long"):
        load(FASHION, fashion)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"name": "digit", "test": 0.2},
            r"unknown data set 'digit'\. Did you mean 'digits'\?.*fashion_mnist",
        ),
        (
            {"name": "digits"},
            r"no test set of its own, .*: for example test: 0.2 \(--set data.test=0.2\)",
        ),
        (
            {"name": "folder"},
            r"needs a resolution, .*: for example resolution: 64 \(--set data.resolution=64\)",
        ),
        ({"name": "fashion_mnist", "test": 0.2}, "leave `test` out"),
        ({"name": "digits", "test": 0.5, "validation": 0.5}, "leave nothing to train on"),
        ({"name": "digits", "test": 1.2}, "test: must be below 1"),
        ({"name": "digits", "test": 0.2, "split_sed": 1}, "Did you mean 'split_seed'"),
    ],
)
def test_a_mistake_in_the_data_section_is_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        validate(DataSpec, given, source="study.yaml")


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        (
            {"test": 0.002},
            (
                "4 of the 1,797 .* as the test .* test would have 4 images, .* larger fraction"
                " .*data.test="
            ),
        ),
        (
            {"test": 0.2, "validation": 0.002},
            (
                "4 of the 1,438 .* as the validation .* validation would have 4 images, .* larger"
                " fraction .*data.validation="
            ),
        ),
        (
            {"test": 0.998, "validation": 0.001},
            "1,793 of the 1,797 .* train would have 4 images, .* smaller fraction",
        ),
    ],
)
def test_a_part_too_small_for_every_class_is_an_error(
    fractions: dict[str, float], message: str
) -> None:
    with pytest.raises(UserError, match=f"cannot take {message}"):
        load(DataSpec(name="digits", **fractions))


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        (
            {"test": 0.1},
            ("test split .* of the 3 images of class 1, test would get none; 11 are enough. Add"),
        ),
        (
            {"test": 0.4, "validation": 0.1},
            "validation split .* of the 2 images of class 1, validation would get none",
        ),
        (
            {"test": 0.5, "validation": 0.01},
            "validation split .* only 1 image of class 1 is left to be shared",
        ),
    ],
)
def test_a_rare_class_that_a_split_would_leave_out_is_an_error(
    monkeypatch: pytest.MonkeyPatch, fractions: dict[str, float], message: str
) -> None:
    """As many images as classes may be taken, and then a class of three is left out."""
    labels = np.repeat([0, 1], [1000, 3])
    parts = Parts(
        Images(np.arange(1003 * 4).astype(np.uint8).reshape(-1, 1, 2, 2), labels), None, None, 2
    )
    monkeypatch.setattr("studies.data.splits.read_function", lambda name: parts)
    with pytest.raises(UserError, match=message):
        load(DataSpec(name="own:data", **fractions))
    whole = load(DataSpec(name="own:data", test=0.4, validation=0.3))
    assert all(set(split.labels) == {0, 1} for split in (whole.train, whole.validation, whole.test))


def test_reading_data_loads_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys; from studies.data import DataSpec, load; load(DataSpec(name='digits',"
        " test=0.2)); assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_real_fashion_mnist_is_60000_and_10000() -> None:
    data_dir = os.environ.get("RESNEXT_EXPLORER_DATA")
    if not data_dir:
        pytest.skip("RESNEXT_EXPLORER_DATA does not name a folder with Fashion-MNIST's files")
    splits = load(DataSpec(name="fashion_mnist", validation=0.1), Path(data_dir))
    assert splits.sizes == {"train": 54000, "validation": 6000, "test": 10000}
    assert np.bincount(splits.train.labels).tolist() == [5400] * 10
    assert np.bincount(splits.test.labels).tolist() == [1000] * 10
    # Published mean and deviation of the whole training set: 0.2860 and 0.3530.
    assert splits.mean == pytest.approx([0.2860], abs=1e-3)
    assert splits.std == pytest.approx([0.3530], abs=1e-3)


@pytest.mark.parametrize("name", ["folder", "npz"])
def test_a_path_that_is_not_there_is_told_whole_with_where_it_starts(
    workdir: Path, name: str
) -> None:
    (workdir / "beside").mkdir()
    keys = {"name": name, "path": "pictures", "test": 0.2}
    spec = DataSpec(**keys, resolution=8 if name == "folder" else None)
    for data_dir, start in ((None, workdir), (Path("beside"), workdir / "beside")):
        with pytest.raises(UserError, match="starts at --data-dir, and without it at the current"):
            load(spec, data_dir)
        with pytest.raises(UserError, match=rf"there is no {re.escape(str(start / 'pictures'))}: "):
            load(spec, data_dir)
