"""The user's own arrays: what is wrong with an .npz file or a function's data is named."""

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.errors import UserError
from studies.data import DataShape, DataSpec, arrays, data_shape, load
from studies.data.arrays import _check_labels, read_function

NPZ = DataSpec(name="npz", path="own.npz", test=0.25, validation=0.25)


def images(count: int, *form: int) -> np.ndarray:
    return np.broadcast_to(
        np.arange(count, dtype=np.uint8).reshape(-1, *[1] * len(form)), (count, *form)
    ).copy()


def write(folder: Path, **arrays: Any) -> None:
    """Write an .npz of 24 grey images in three classes to train on; None leaves an array out."""
    whole = {"train_images": images(24, 6, 6), "train_labels": np.arange(24) % 3, **arrays}
    np.savez(
        folder / "own.npz", **{name: array for name, array in whole.items() if array is not None}
    )


def test_an_npz_is_split_like_any_other_data(tmp_path: Path) -> None:
    write(tmp_path)
    splits = load(NPZ, tmp_path)
    assert splits.sizes == {"train": 12, "validation": 6, "test": 6}
    assert np.bincount(splits.test.labels).tolist() == [2, 2, 2]
    assert not splits.mirrored
    assert data_shape(NPZ, tmp_path) == DataShape(6, 1, 3)
    assert load(NPZ.model_copy(update={"mirrored": True}), tmp_path).mirrored


def test_parts_that_an_npz_brings_are_taken_as_they_are(tmp_path: Path) -> None:
    for name, count in (("validation", 6), ("test", 9)):
        part = {f"{name}_images": images(count, 6, 6), f"{name}_labels": np.arange(count) % 3}
        write(tmp_path, **part)
        given = {"test": {"test": None}, "validation": {}}[name]
        assert load(NPZ.model_copy(update=given), tmp_path).sizes[name] == count
    with pytest.raises(UserError, match="npz has a test set of its own"):
        load(NPZ, tmp_path)


@pytest.mark.parametrize(
    ("form", "expected"),
    [((6, 6), (1, 6, 6)), ((3, 6, 6), (3, 6, 6)), ((6, 6, 3), (3, 6, 6)), ((6, 6, 1), (1, 6, 6))],
)
def test_images_may_have_their_channels_first_or_last(
    tmp_path: Path, form: Any, expected: Any
) -> None:
    write(tmp_path, train_images=images(24, *form))
    splits = load(NPZ, tmp_path)
    assert splits.train.images.shape[1:] == expected
    assert splits.train.images[:].flags.writeable


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train_labels": None}, "has no array 'train_labels'; it holds train_images"),
        ({"test_images": images(6, 6, 6)}, "has no array 'test_labels'"),
        ({"labels": np.arange(24)}, "has an array 'labels'; allowed are"),
        (
            {"train_images": images(24, 6, 6).astype(float)},
            r"are float64, 24 x 6 x 6, .* go from 0 to 23: where 23 is white, .*astype\(\"uint8",
        ),
        (
            {"train_images": images(24, 6, 6).astype(int)},
            r"are int64, .*must be uint8.* go from 0 to 23.*astype\(\"uint8",
        ),
        (
            {"train_images": np.linspace(0, 16, 864).reshape(24, 6, 6)},
            r"go from 0 to 16: where 16 is white, use \(images \* \(255 / 16\)\)\.round\(\)",
        ),
        (
            {"train_images": np.linspace(-1, 1, 864).reshape(24, 6, 6)},
            "go from -1 to 1: give them as they were, black as 0",
        ),
        (
            {"train_images": np.full((24, 6, 6), np.nan)},
            "Give finite numbers, black as 0 and white as 255",
        ),
        (
            {"train_images": images(24, 6, 7)},
            "train images are uint8, 24 x 6 x 7: 6 high and 7 wide, .* square",
        ),
        ({"train_images": images(24, 2, 6, 6)}, "24 x 2 x 6 x 6"),
        ({"train_images": images(24, 36)}, r"24 x 36: if a row is an image, .*\(-1, 6, 6\)"),
        ({"train_images": images(24, 6, 6, 4)}, r"without its alpha channel, images\[..., :3\]"),
        ({"train_images": images(0, 6, 6)}, "0 x 6 x 6.*at least one"),
        (
            {"train_labels": np.arange(23) % 3},
            "train labels do not match its images: 23 labels for 24 images",
        ),
        (
            {"train_labels": np.eye(24, dtype=int)},
            r"train labels are 24 x 24; there must be one number .* Use labels.argmax\(1\)",
        ),
        ({"train_labels": np.zeros((24, 1), int)}, r"are 24 x 1; .* Use labels.ravel\(\)"),
        (
            {"train_labels": np.array(["cat", "dog"] * 12)},
            r"train labels are text, .* numpy.searchsorted\(names, labels\) of each part",
        ),
        (
            {"train_labels": np.arange(24) / 3},
            "train labels are float64, and they must be whole numbers from 0",
        ),
        (
            {"train_labels": np.arange(24) % 3 - 1},
            "train labels must be whole numbers from 0: the smallest is -1",
        ),
        ({"train_labels": np.zeros(24, int)}, "at least 2 classes"),
        ({"train_labels": np.arange(24) % 3 * 2}, "class 1 is empty"),
        ({"train_labels": np.arange(24) % 3 + 1}, "class 0 is empty: .* go up to 3.* labels - 1"),
        (
            {"train_labels": np.where(np.arange(24), np.arange(24) % 3, 2**40)},
            "class 3 is empty: .* go up to 1099511627776",
        ),
        (
            {"train_labels": np.arange(24, dtype=np.uint64) + 2**63},
            "train labels .* from 0: the smallest is 92",
        ),
        ({"validation_labels": np.arange(6)}, "has no array 'validation_images'"),
        (
            {"test_images": images(4, 6, 6), "test_labels": np.arange(4)},
            "the classes do not match: test has the label 3, and train only 0 to 2",
        ),
        (
            {"test_images": images(3, 8, 8), "test_labels": np.arange(3)},
            "images of train are 1 x 6 x 6, those of test 1 x 8 x 8",
        ),
        (
            {"train_images": np.array([{}] * 24)},
            "cannot read .*own.npz: it is not an .npz file of plain arrays",
        ),
    ],
)
def test_arrays_that_are_not_images_with_labels_are_named(
    tmp_path: Path, arrays: Any, message: str
) -> None:
    write(tmp_path, **arrays)
    with pytest.raises(UserError, match=message):
        load(NPZ, tmp_path)


def test_one_image_a_class_cannot_be_split(tmp_path: Path) -> None:
    write(tmp_path, train_images=images(3, 6, 6), train_labels=np.arange(3))
    message = (
        "in npz: class 0 has 1 image; class 1 has 1 image; class 2 has 1 image. At least 3 of each"
        " class are needed"
    )
    with pytest.raises(UserError, match=message):
        load(NPZ, tmp_path)


def test_of_many_classes_with_too_few_images_some_are_named(tmp_path: Path) -> None:
    write(tmp_path, train_labels=np.where(np.arange(24) < 9, np.arange(24), 9))
    with pytest.raises(UserError, match=r"class 4 has 1 image; and 4 more. At least 3"):
        load(NPZ, tmp_path)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_npz_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read .*own.npz: it is not an .npz file"):
        load(NPZ, tmp_path)


def test_a_missing_npz_and_one_whose_arrays_are_damaged_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no .*own.npz"):
        load(NPZ, tmp_path)
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as file:
        file.writestr("train_images.npy", b"\x93NUMPY cut off")
        file.writestr("train_labels.npy", b"")
    with pytest.raises(UserError, match="cannot read"):
        load(NPZ, tmp_path)


def patch_zip(path: Path, local: int, central: int, value: int) -> None:
    """Set one field of every entry of a zip file, in both places where it stands."""
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        start = content.find(mark)
        while start >= 0:
            content[start + offset] = value
            start = content.find(mark, start + 4)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("field", "message"),
    [((6, 8, 1), "is encrypted"), ((8, 10, 99), "compression")],
)
def test_an_npz_that_is_encrypted_or_oddly_compressed_is_an_error(
    tmp_path: Path, field: tuple[int, int, int], message: str
) -> None:
    write(tmp_path)
    patch_zip(tmp_path / "own.npz", *field)
    with pytest.raises(
        UserError,
        match=rf"cannot read .*own.npz: it is not an .npz file of plain arrays \(.*{message}",
    ):
        load(NPZ, tmp_path)


def npy(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    """An array's header, and whatever stands behind it."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue() + content


def test_an_array_that_claims_more_than_it_has_is_given_no_memory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as file:
        file.writestr("train_images.npy", npy((10**12, 8, 8), b"x" * 1000))
        file.writestr("train_labels.npy", npy((10**12,)))
    message = (
        r"own.npz is damaged: train_images.npy should hold 1000000000000 x 8 x 8 values of"
        r" uint8, 64.0 TB, and has 1.00 kB"
    )
    with pytest.raises(UserError, match=message):
        load(NPZ, tmp_path)


def test_arrays_that_unpack_to_more_than_the_machine_memory_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb: zeros, a thousandth of their size in the file."""
    monkeypatch.setattr(arrays, "machine_memory", lambda: 10**6)
    with zipfile.ZipFile(tmp_path / "own.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("train_images.npy", npy((10_000, 8, 8), bytes(640_000)))
        file.writestr("train_labels.npy", npy((10_000,), bytes(10_000)))
    with pytest.raises(
        UserError,
        match=r"own.npz take 650 kB, and reading them 2 times that; this machine has 1.00 MB",
    ):
        load(NPZ, tmp_path)


def test_an_array_that_nobody_asks_for_is_named_and_not_read(tmp_path: Path) -> None:
    write(tmp_path)
    with zipfile.ZipFile(tmp_path / "own.npz", "a") as file:
        file.writestr("bomb.npy", b"no array at all")
    with pytest.raises(UserError, match="has an array 'bomb'; allowed are"):
        load(NPZ, tmp_path)


def test_a_single_array_is_no_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", images(24, 6, 6))
    with pytest.raises(UserError, match=r"own.npy is a single array .*numpy.savez"):
        load(NPZ.model_copy(update={"path": "own.npy"}), tmp_path)


def test_a_folder_is_no_npz(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"npz: cannot read .*: Is a directory"):
        load(NPZ.model_copy(update={"path": "."}), tmp_path)


def test_data_may_be_named_by_its_file_alone(tmp_path: Path) -> None:
    write(tmp_path)
    assert load(DataSpec(name="npz", test=0.25, validation=0.25), tmp_path / "own.npz").classes == 3


# A function.

MODULE = """
import numpy as np
calls = []
def part(count):
    return np.arange(count * 75).astype(np.uint8).reshape(count, 5, 5, 3), np.arange(count) % 2
def whole():
    calls.append(1)
    return part(20), part(4), part(6)
def train_only():
    return part(20), None, None
def two():
    return part(20), None
def no_pair():
    return part(20)[0], None, None
def nothing():
    return None, None, None
def ragged():
    return ([[1], [1, 2]], [0, 1]), None, None
def fails():
    return int("zero")
def fails_in_a_library():
    return np.load("not there.npz")
def takes(one):
    return one
"""


@pytest.fixture
def module(workdir: Path) -> Any:
    """A module `own_data_<test>` in the current folder; its import is undone afterwards."""
    (workdir / "own_data.py").write_text(MODULE)
    path = sys.path.copy()
    read_function.cache_clear()
    yield
    read_function.cache_clear()
    sys.modules.pop("own_data", None)
    assert sys.path == path


def spec(function: str, **given: Any) -> DataSpec:
    return DataSpec(name=f"own_data:{function}", **given)


def test_a_function_in_the_current_folder_gives_the_three_parts(module: None) -> None:
    data = spec("whole")
    assert data_shape(data) == DataShape(5, 3, 2)
    assert load(data).sizes == {"train": 20, "validation": 4, "test": 6}
    assert len(sys.modules["own_data"].calls) == 1  # though it was asked twice


def test_parts_that_a_function_does_not_give_are_split_off(module: None) -> None:
    assert load(spec("train_only", test=0.2)).sizes == {"train": 14, "validation": 2, "test": 4}
    with pytest.raises(UserError, match="own_data:train_only has no test set of its own"):
        load(spec("train_only"))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no", "'own_data:no' cannot be found: .*no attribute 'no'"),
        ("two", "must return three values"),
        ("no_pair", "train must be a pair"),
        ("nothing", "train must be a pair"),
        ("ragged", "train images or labels are not an array"),
        ("calls", "own_data:calls' must be a function; it is of the type list"),
        (
            "fails",
            r"'own_data:fails' failed: ValueError: invalid literal .*'zero' \(.*/own_data.py:20\)",
        ),
        (
            "fails_in_a_library",
            r"failed: FileNotFoundError: .*'not there.npz' \(.*/own_data.py:22\)",
        ),
        (
            "takes",
            (
                r"failed: TypeError: takes\(\) missing 1 required positional argument: 'one'\."
                r" Correct it"
            ),
        ),
    ],
)
def test_a_function_that_returns_something_else_is_an_error(
    module: None, function: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load(spec(function))


def test_a_module_that_does_not_exist_is_an_error(workdir: Path) -> None:
    with pytest.raises(
        UserError, match=r"'no_such.module:data' cannot be found: No module named 'no_such'"
    ):
        load(DataSpec(name="no_such.module:data"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("def data(:", r"SyntaxError: invalid syntax \(.*/own_data.py:2\)"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(.*/own_data.py:2\)"),
        (
            "import no_such_library",
            r"ModuleNotFoundError: No module named 'no_such_library' \(.*/own_data.py:2\)",
        ),
        ("import os; os.no_such_name", r"AttributeError: .*'no_such_name' \(.*/own_data.py:2\)"),
    ],
)
def test_a_module_that_cannot_be_imported_is_an_error_that_names_the_line(
    module: None, workdir: Path, line: str, message: str
) -> None:
    (workdir / "own_data.py").write_text(f"\n{line}\n")
    with pytest.raises(
        UserError, match=rf"the data 'own_data:whole' cannot be imported: {message}"
    ):
        load(spec("whole"))


@pytest.mark.parametrize(
    "name", ["own_data", "own_data:", ":whole", "own data:whole", "own_data:whole()"]
)
def test_a_name_of_another_form_is_no_data_set(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown data set .*package.module:function"):
        DataSpec(name=name)


def test_dark_images_are_taken_and_mentioned(tmp_path: Path) -> None:
    write(tmp_path, train_images=images(24, 6, 6))
    notes = load(NPZ, tmp_path).notes
    assert notes[0].startswith("The brightest sample of the train images is 23, of 255: they are n")
    assert 'where 23 is white, use (images * (255 / 23)).round().astype("uint8").' in notes[0]
    write(tmp_path, train_images=10 * images(24, 6, 6))
    assert load(NPZ, tmp_path).notes == ()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 2], r"labels are object, .* from 0: labels.astype\('int64'\)"),
        (["cat", "dog", "cat"], r"labels are text, .* numpy.searchsorted\(names, labels\)"),
    ],
)
def test_objects_as_pandas_gives_them_are_text_only_where_they_hold_text(
    labels: list[Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        _check_labels("the labels", np.array(labels, object), 3)
