"""Decoded arrays with the artifacts: decoded by one machine, copied to each other one once.

An array lies there under the key of its content, with an index that leads to it from a folder as it
was (its path, and its files' sizes and times) and holds a digest of each file.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from explorer.files import write_atomic
from explorer.text import human_count
from studies.artifacts import Artifacts
from studies.data.decoded_format import ARRAY
from studies.data.downloads import disk_errors

INDEX, ARRAYS = "decoded/index", "decoded/arrays"


def put_array(artifacts: Artifacts, folder: Path, name: str) -> None:
    """Copy an array there.

    Args:
        artifacts: Where to.
        folder: Of the array, in the cache; it is named by its key.
        name: Of the folder that was decoded, as it was, and how.

    Raises:
        UserError: The artifacts cannot be written.
    """
    files = [path for path in folder.iterdir() if path.is_file()]
    for path in files:
        artifacts.put(path, f"{ARRAYS}/{folder.name}/{path.name}")
    digests = {path.name: _digest(path) for path in files}
    index = folder.with_name(f"{folder.name}.index")
    try:
        write_atomic(index, json.dumps({"key": folder.name, "digests": digests}))
        artifacts.put(index, f"{INDEX}/{name}")  # last: what it leads to is whole
    finally:
        index.unlink(missing_ok=True)


def fetch_array(artifacts: Artifacts, building: Path, arrays: Path, link: Path) -> Path | None:
    """Copy an array from there into the cache, and return its folder; None where there is none.

    Args:
        artifacts: Where from.
        building: The folder to copy into; who calls holds its lock.
        arrays: The folder of all arrays, into which it is moved.
        link: The file that is to lead to it; its name is that of the decoded folder.

    Raises:
        UserError: The artifacts cannot be read, or there is no room here.
    """
    index = building / "index.json"
    if not artifacts.fetch(f"{INDEX}/{link.name}", index):
        return None
    known = json.loads(index.read_text())
    index.unlink()
    print(f"Copying the decoded images from {artifacts.shown} to {arrays}", file=sys.stderr)
    for name, digest in sorted(known["digests"].items(), key=lambda item: item[0] == ARRAY):
        path, key = building / name, f"{ARRAYS}/{known['key']}/{name}"
        if not artifacts.fetch(key, path) or _digest(path) != digest:
            print(f"{key} there is damaged: the images are decoded here.", file=sys.stderr)
            shutil.rmtree(building)
            building.mkdir()
            return None
    folder = arrays / known["key"]
    with disk_errors(folder):
        if not (folder / ARRAY).is_file():
            shutil.rmtree(folder, ignore_errors=True)  # of a removal that was interrupted
            os.rename(building, folder)
    write_atomic(link, folder.name)
    print(f"Copied {human_count(float((folder / ARRAY).stat().st_size))}B.", file=sys.stderr)
    return folder


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
