"""Official files are found or downloaded once, and checked before anything in them is used."""

import gzip
import hashlib
import http.server
import io
import os
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.errors import UserError
from studies.data import DataShape, DataSpec, data_shape, downloads, load, official

CIFAR10 = DataSpec(name="cifar10", validation=0.2)
CIFAR100 = DataSpec(name="cifar100", validation=0.5)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def idx(values: np.ndarray) -> bytes:
    numbers = [0x0800 + values.ndim, *values.shape]
    return (
        b"".join(number.to_bytes(4, "big") for number in numbers)
        + values.astype(np.uint8).tobytes()
    )


def idx_files(first: int) -> dict[str, bytes]:
    """MNIST's four files, small; images are filled with their number from `first`."""
    files = {}
    for prefix, count in (("train", 60), ("t10k", 20)):
        values = np.broadcast_to((first + np.arange(count))[:, None, None], (count, 28, 28))
        files[f"{prefix}-images-idx3-ubyte"] = idx(values)
        files[f"{prefix}-labels-idx1-ubyte"] = idx(np.arange(count) % 10)
    return files


def batch(first: int, count: int, classes: int, labels: bytes) -> bytes:
    """A batch as CIFAR has them: red is the image's number, green 1, blue 2."""
    planes = np.stack(
        [np.repeat(values[:, None], 1024, 1) for values in colours(first, count)], axis=1
    )
    return pickle.dumps(
        {b"data": planes.reshape(count, 3072), labels: [n % classes for n in range(count)]},
        protocol=2,
    )


def colours(first: int, count: int) -> list[np.ndarray]:
    return [
        np.arange(first, first + count, dtype=np.uint8),
        np.full(count, 1, np.uint8),
        np.full(count, 2, np.uint8),
    ]


def tar(files: dict[str, bytes], folder: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def cifar10(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Five batches of ten and a test batch of ten, taken for the published ones."""
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    files = {name: batch(10 * index, 10, 10, b"labels") for index, name in enumerate(names)}
    files["cifar-10-python.tar.gz"] = tar({**files, "readme.html": b"hello"}, "cifar-10-batches-py")
    monkeypatch.setitem(
        official.CHECKSUMS, "cifar10", {name: md5(content) for name, content in files.items()}
    )
    return files


@pytest.fixture
def cifar100(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    files = {
        "train": batch(0, 200, 100, b"fine_labels"),
        "test": batch(0, 100, 100, b"fine_labels"),
    }
    files["cifar-100-python.tar.gz"] = tar(files, "cifar-100-python")
    monkeypatch.setitem(
        official.CHECKSUMS, "cifar100", {name: md5(content) for name, content in files.items()}
    )
    return files


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(downloads.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, bytes], list[str]]]:
    """A server of files on this machine instead of the official ones, and what it was asked for."""
    files: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            asked.append(name)
            if name not in files:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[name])))
            self.end_headers()
            self.wfile.write(files[name])

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        for name in official.MIRRORS:
            monkeypatch.setitem(
                official.MIRRORS, name, (f"http://127.0.0.1:{served.server_port}/{name}/",)
            )
        yield files, asked
        served.shutdown()


def everything_below(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.name for path in paths if path.suffix != ".lock")


# Which file is whose.


def test_mnist_is_not_taken_for_fashion_mnist_nor_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"mnist": idx_files(0), "fashion_mnist": idx_files(100)}
    for name, files in contents.items():
        (tmp_path / name).mkdir()
        for file, content in files.items():
            (tmp_path / name / file).write_bytes(content)
        monkeypatch.setitem(
            official.CHECKSUMS, name, {file: md5(content) for file, content in files.items()}
        )
    for name, other in (("mnist", "fashion_mnist"), ("fashion_mnist", "mnist")):
        splits = load(DataSpec(name=name, validation=0.5), tmp_path / name)
        assert splits.sizes == {"train": 30, "validation": 30, "test": 20}
        assert splits.names[8:] == (("Bag", "Ankle boot") if name == "fashion_mnist" else ())
        with pytest.raises(
            UserError, match=f"is not {name}'s file: it is {other}'s. Ask for {other}"
        ):
            load(DataSpec(name=name, validation=0.5), tmp_path / other)


def test_the_published_sums_are_those_of_different_files() -> None:
    sums = [md5 for files in official.CHECKSUMS.values() for md5 in files.values()]
    assert len(set(sums)) == len(sums) == 8 + 8 + 7 + 3
    assert all(len(md5) == 32 and set(md5) <= set("0123456789abcdef") for md5 in sums)
    # As Fashion-MNIST's own README gives it.
    assert "8d4fb7e6c68d591d4c3dfef9ec88bf0d" in sums


@pytest.mark.parametrize("form", ["archive", "folder", "folder itself"])
def test_cifar10_is_read_from_the_archive_and_from_what_it_unpacks_to(
    cifar10: dict[str, bytes], tmp_path: Path, form: str
) -> None:
    folder = tmp_path / ("cifar-10-batches-py" if form == "folder" else "")
    folder.mkdir(exist_ok=True)
    for name, content in cifar10.items():
        if name.endswith(".tar.gz") == (form == "archive"):
            (folder / name).write_bytes(content)
    splits = load(CIFAR10, tmp_path)
    assert splits.sizes == {"train": 40, "validation": 10, "test": 10}
    assert splits.train.images.shape[1:] == (3, 32, 32)
    assert splits.test.images[:, 0, 5, 7].tolist() == list(range(50, 60))  # in their own order
    assert set(np.unique(splits.test.images[:, 2])) == {2}
    assert splits.test.labels.tolist() == list(range(10))
    assert splits.names[2:5] == ("bird", "cat", "deer")
    assert np.array_equal(splits.train.labels, splits.train.images[:, 0, 0, 0] % 10)
    assert splits.mirrored
    assert data_shape(CIFAR10) == DataShape(32, 3, 10)


def test_cifar100_has_its_hundred_fine_classes(cifar100: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "cifar-100-python.tar.gz").write_bytes(cifar100["cifar-100-python.tar.gz"])
    splits = load(CIFAR100, tmp_path)
    assert splits.classes == data_shape(CIFAR100).classes == 100
    assert np.bincount(splits.train.labels).tolist() == [1] * 100


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["EVIL"],)


def test_a_batch_that_is_not_the_published_one_is_never_unpickled(
    cifar10: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIL", str(tmp_path / "evil"))
    for name in cifar10:
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UserError, match="data_batch_1 is not cifar10's file: its checksum is"):
        load(CIFAR10, tmp_path)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda folder, files: None,
            "neither cifar-10-python.tar.gz nor the folder cifar-10-batches-py in",
        ),
        (
            lambda folder, files: (folder / "data_batch_1").write_bytes(files["data_batch_1"]),
            "data_batch_2, data_batch_3",
        ),
        (
            lambda folder, files: (folder / "cifar-10-python.tar.gz").write_bytes(
                files["cifar-10-python.tar.gz"][:900]
            ),
            "cifar-10-python.tar.gz(: it is truncated or damaged| does not hold test_batch)",
        ),
        (
            lambda folder, files: (folder / "cifar-10-python.tar.gz").write_bytes(
                tar({"x": b""}, "y")
            ),
            "does not hold data_batch_1",
        ),
    ],
)
def test_cifar_files_that_are_missing_or_damaged_are_named(
    cifar10: dict[str, bytes],
    tmp_path: Path,
    write: Callable[[Path, dict[str, bytes]], Any],
    message: str,
) -> None:
    write(tmp_path, cifar10)
    with pytest.raises(UserError, match=f"{message}.*https://www.cs.toronto.edu.*--data-dir"):
        load(CIFAR10, tmp_path)


# Files made to harm.


def archive(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    """An archive of headers, with `content` behind them."""
    return gzip.compress(
        b"".join(member.tobuf(tarfile.GNU_FORMAT) for member in members) + content, 1
    )


def member(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info


THREE_GB = 3 * 2**30
HARMFUL = {
    "a batch of 3 GB": (
        lambda: archive(member("cifar-10-batches-py/data_batch_1", THREE_GB)),
        "data_batch_1 has 3221225472 bytes, and no published batch has more than 160000000",
    ),
    "a name of 3 GB": (
        lambda: archive(member("x", THREE_GB, tarfile.GNUTYPE_LONGNAME), content=bytes(2**20)),
        "it unpacks to more than 1000000 bytes",
    ),
    "another file of 3 GB": (
        lambda: archive(member("x", THREE_GB), content=bytes(2**20)),
        "it unpacks to more than 1000000 bytes",
    ),
    "a thousand names of a name": (
        lambda: archive(*[member("x", 0, tarfile.GNUTYPE_LONGNAME)] * 1000),
        "it is truncated or damaged",
    ),
    "numbers that are none": (
        lambda: archive(
            member("x", 512, tarfile.XHDTYPE), content=b"x3 size=-1\n".ljust(512, b"\0")
        ),
        "(it is truncated or damaged|does not hold data_batch_1)",
    ),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_a_harmful_archive_is_one_sentence(
    cifar10: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setattr(official, "UNPACKED_BYTES", 10**6)
    make, message = HARMFUL[harm]
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(make())
    with pytest.raises(UserError, match=f"{message}.*https://www.cs.toronto.edu.*--data-dir"):
        load(CIFAR10, tmp_path)


def test_the_published_archives_are_within_the_bounds() -> None:
    """A published batch has 10,000 images (train: 50,000) of 3,072 bytes, labels and names."""
    assert 50_000 * 3_073 < official.BATCH_BYTES < 1.1 * 50_000 * 3_073
    assert official.UNPACKED_BYTES > 60_000 * 3_073


def test_a_batch_in_a_folder_that_is_too_large_is_not_read(
    cifar10: dict[str, bytes], tmp_path: Path
) -> None:
    for name, content in cifar10.items():
        (tmp_path / name).write_bytes(content)
    with open(tmp_path / "data_batch_3", "r+b") as file:
        file.truncate(THREE_GB)  # a hole
    with pytest.raises(
        UserError, match="data_batch_3 has 3221225472 bytes, and no published batch has more"
    ):
        load(CIFAR10, tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_header_that_claims_ten_million_images_asks_for_no_memory(
    tmp_path: Path, suffix: str
) -> None:
    header = b"".join(number.to_bytes(4, "big") for number in (0x0803, 10_000_000, 28, 28))
    content = gzip.compress(header) if suffix else header
    (tmp_path / f"train-images-idx3-ubyte{suffix}").write_bytes(content)
    with pytest.raises(
        UserError,
        match=(
            r"that it holds 10000000 x 28 x 28 bytes; mnist has N x 28 x 28 with N at most 60000"
        ),
    ):
        load(DataSpec(name="mnist"), tmp_path)


# Downloads.


def test_files_are_downloaded_once_into_the_cache(
    cache: Path, server: tuple[dict[str, bytes], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, asked = server
    sums = {}
    for name, content in idx_files(0).items():
        files[f"{name}.gz"] = gzip.compress(content)
        sums |= {name: md5(content), f"{name}.gz": md5(files[f"{name}.gz"])}
    monkeypatch.setitem(official.CHECKSUMS, "mnist", sums)
    spec = DataSpec(name="mnist", validation=0.5)
    first = load(spec)
    assert sorted(asked) == sorted(files)
    again = load(spec)
    assert sorted(asked) == sorted(files)  # not asked again
    assert np.array_equal(first.train.images, again.train.images)
    assert everything_below(cache) == sorted(files)
    (cache / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    load(spec)
    assert asked[4:] == ["t10k-labels-idx1-ubyte.gz"]  # and mended


def test_an_archive_is_downloaded_and_read(
    cache: Path, server: tuple[dict[str, bytes], list[str]], cifar10: dict[str, bytes]
) -> None:
    server[0].update(cifar10)
    assert load(CIFAR10).sizes == {"train": 40, "validation": 10, "test": 10}
    assert everything_below(cache) == ["cifar-10-python.tar.gz"]


def test_a_download_shows_how_far_it_is(
    cache: Path,
    server: tuple[dict[str, bytes], list[str]],
    cifar10: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from contextlib import nullcontext

    from explorer import terminal

    steps: list[tuple[int, int]] = []
    monkeypatch.setattr(
        terminal, "progress_bar", lambda what: nullcontext(lambda *step: steps.append(step))
    )
    server[0].update(cifar10)
    load(CIFAR10)
    size = len(cifar10["cifar-10-python.tar.gz"])
    assert steps[-1] == (size, size)


def test_what_is_not_the_published_file_is_thrown_away(
    cache: Path, server: tuple[dict[str, bytes], list[str]], cifar10: dict[str, bytes]
) -> None:
    server[0]["cifar-10-python.tar.gz"] = cifar10["cifar-10-python.tar.gz"][:-1]
    with pytest.raises(
        UserError,
        match=r"what came from http://127.*cifar-10-python.tar.gz is not the published file",
    ):
        load(CIFAR10)
    assert everything_below(cache) == []


def test_a_file_that_the_server_does_not_have_is_an_error_with_address_and_place(
    cache: Path, server: tuple[dict[str, bytes], list[str]]
) -> None:
    with pytest.raises(
        UserError,
        match=r"cannot download http://127.*: the server answers 404.*put it into .*cache/cifar10",
    ):
        load(CIFAR10)
    assert everything_below(cache) == []


def test_where_one_place_fails_the_next_is_asked_and_only_when_all_fail_all_are_named(
    cache: Path,
    server: tuple[dict[str, bytes], list[str]],
    cifar10: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (works,) = official.MIRRORS["cifar10"]
    name = "cifar-10-python.tar.gz"
    server[0].update({name: cifar10[name]})
    monkeypatch.setitem(official.MIRRORS, "cifar10", ("http://127.0.0.1:9/", works))
    assert load(CIFAR10).sizes["train"] == 40
    (cache / "cifar10" / name).unlink()
    server[0][name] = b"<html>moved</html>"
    with pytest.raises(UserError) as error:
        load(CIFAR10)
    assert f"cannot download http://127.0.0.1:9/{name}: no connection" in str(error.value)
    assert f"what came from {works}{name} is not the published file" in str(error.value)
    assert everything_below(cache) == []


def test_without_a_network_the_address_and_the_place_are_said(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9 discards; nobody listens.
    monkeypatch.setitem(official.MIRRORS, "fashion_mnist", ("http://127.0.0.1:9/fashion/",))
    with pytest.raises(UserError) as error:
        load(DataSpec(name="fashion_mnist"))
    for part in (
        "cannot download http://127.0.0.1:9/fashion/train-images-idx3-ubyte.gz: no connection",
        f"put it into {cache / 'fashion_mnist'}",
        "--data-dir",
    ):
        assert part in str(error.value)
    assert everything_below(cache) == []


def test_a_cache_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(downloads.CACHE_VARIABLE, str(tmp_path / "file" / "below"))
    with pytest.raises(
        UserError, match=r"cannot write into the cache .*file/below.*RESNEXT_EXPLORER_CACHE"
    ):
        load(CIFAR10)


def test_the_home_folder_is_asked_for_only_where_no_cache_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setenv(downloads.CACHE_VARIABLE, str(tmp_path / "own"))
    assert downloads.cache_folder("below") == tmp_path / "own" / "below"
    monkeypatch.delenv(downloads.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert downloads.cache_folder() == tmp_path / "cache" / "resnext-explorer"
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(
        UserError, match=f"no home folder for the cache.*{downloads.CACHE_VARIABLE}"
    ):
        downloads.cache_folder()
