"""A folder as people have it: links, thumbnails, odd names.
Everything in it is used, or counted and named."""

import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.errors import UserError
from studies.data import DataSpec, load
from studies.data.folder import scan
from studies.data.folder_layout import class_names
from studies.data.images import Splits

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "été") for form in ("NFC", "NFD"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def images(folder: Path, count: int, first: int = 0) -> Path:
    """A folder with as many small images, each different."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        samples = np.full((4, 4, 3), number % 256, np.uint8)
        samples[0] = 255 - samples[0]  # a single colour is told
        Image.fromarray(samples).save(folder / f"{number:03}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight images of each of two classes."""
    for label, name in enumerate(("ant", "bee")):
        images(tmp_path / "photos" / name, 8, 8 * label)
    return tmp_path / "photos"


def read(root: Path, **changes: object) -> Splits:
    return load(
        DataSpec.model_validate({"name": "folder", "resolution": 4, "test": 0.25, **changes}), root
    )


def left_out(root: Path) -> str:
    return str(scan(root).left_out)


# What is left out is counted and named.


def test_nothing_is_said_where_everything_is_used(photos: Path) -> None:
    assert read(photos).notes == ()


def test_files_of_other_kinds_are_counted_by_extension(photos: Path) -> None:
    for number in range(8):
        (photos / "ant" / f"{number}.HEIC").write_bytes(b"heic")
    (photos / "bee" / "scan").write_bytes(b"no extension")
    splits = read(photos)
    assert splits.notes == (
        f"Left out of {photos}: 9 files of other kinds: .heic, without extension.",
    )
    assert sum(splits.sizes.values()) == 16


def test_a_format_that_pillow_only_writes_is_another_kind(photos: Path) -> None:
    (photos / "ant" / "paper.pdf").write_bytes(b"%PDF")
    assert left_out(photos) == "1 file of another kind: .pdf"


def test_many_kinds_are_counted_and_the_most_frequent_named(photos: Path) -> None:
    for number in range(7):
        (photos / "ant" / f"a.{number}").touch()
    (photos / "ant" / "b.6").touch()
    assert left_out(photos) == "8 files of other kinds: .6, .0, .1, .2, .3 and 2 more"


@pytest.mark.parametrize(
    "name", ["@eaDir", ".thumbnails", "__MACOSX", ".AppleDouble", ".ipynb_checkpoints", "@__thumb"]
)
@pytest.mark.parametrize("below", ["", "ant", "ant/below"])
def test_images_in_thumbnail_folders_reach_no_split(photos: Path, name: str, below: str) -> None:
    images(photos / below / name / "deeper", 12)
    splits = read(photos)
    assert splits.notes == (
        f"Left out of {photos}: 12 files in thumbnail and system folders: {name}.",
    )
    assert splits.names == ("ant", "bee")
    assert sum(splits.sizes.values()) == 16


def test_halves_of_a_macs_files_and_caches_of_windows_are_no_images(photos: Path) -> None:
    (photos / "ant" / "._000.png").write_bytes(b"half")
    (photos / "ant" / "Thumbs.db").write_bytes(b"thumbs")
    assert left_out(photos) == "1 file of another kind: .db; 1 hidden file: ._000.png"


def test_links_that_lead_nowhere_are_named(photos: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (photos / "ant" / name).symlink_to("gone.png")
    (photos / "ant" / "itself.png").symlink_to("itself.png")
    assert left_out(photos) == "4 broken links: ant/a.png, ant/b.png, ant/c.png, ant/itself.png"


def test_a_pipe_with_an_images_name_is_not_read(photos: Path) -> None:
    os.mkfifo(photos / "ant" / "pipe.png")
    assert left_out(photos) == "1 pipe, socket or device: ant/pipe.png"


def test_images_without_a_class_are_named(photos: Path) -> None:
    images(photos, 1)
    (photos / "README.md").touch()
    assert left_out(photos) == "1 image beside the class folders: 000.png"


def test_what_unreadable_skip_leaves_out_is_counted(photos: Path) -> None:
    for number in range(2):
        (photos / "ant" / f"broken{number}.png").write_bytes(b"broken")
    (photos / "ant" / "notes.txt").touch()
    assert read(photos, unreadable="skip").notes == (
        (
            f"Left out of {photos}: 1 file of another kind: .txt; 2 images that cannot be read:"
            " ant/broken0.png, ant/broken1.png."
        ),
    )


def test_an_empty_class_says_what_it_holds_instead(photos: Path) -> None:
    (photos / "cat").mkdir()
    for number in range(3):
        (photos / "cat" / f"{number}.HEIC").touch()
    with pytest.raises(
        UserError,
        match=r"class 'cat' is empty: .* It holds 3 files of other kinds: .heic. Add images",
    ):
        scan(photos)


def test_names_cannot_write_to_the_terminal(photos: Path) -> None:
    from studies.config.recipe import Recipe
    from studies.training.notes import training_notes

    (photos / "ant" / "\x1b[2J.png").symlink_to("gone")
    assert "\x1b" not in "".join(training_notes(read(photos), Recipe.model_validate("quick")))


# Links to folders.


def test_links_to_folders_are_followed(tmp_path: Path, photos: Path) -> None:
    images(tmp_path / "elsewhere" / "deep", 5, 100)
    (photos / "ant" / "more").symlink_to(tmp_path / "elsewhere")
    listing = scan(photos)
    assert (
        sum(listing.files[row].startswith("ant/more/deep/") for row in range(len(listing.files)))
        == 5
    )
    assert sum(read(photos).sizes.values()) == 21
    assert left_out(photos) == ""


def test_a_class_may_be_a_link(tmp_path: Path, photos: Path) -> None:
    images(tmp_path / "elsewhere", 8, 100)
    (photos / "cat").symlink_to(tmp_path / "elsewhere")
    assert scan(photos).classes == ("ant", "bee", "cat")
    assert sum(read(photos, validation=0.25).sizes.values()) == 24


def test_links_in_a_circle_end_and_bring_no_image_of_another_class(photos: Path) -> None:
    images(photos / "ant" / "below", 1, 50)
    (photos / "ant" / "below" / "up").symlink_to("..")
    (photos / "ant" / "root").symlink_to(photos)
    (photos / "ant" / "other").symlink_to("../bee")
    listing = scan(photos)
    assert listing.labels == [0] * 9 + [1] * 8
    assert (
        str(listing.left_out)
        == "3 folders reached again by links: ant/below/up, ant/other, ant/root"
    )


def test_no_folder_is_read_twice_however_many_links_lead_to_it(
    tmp_path: Path, photos: Path
) -> None:
    """Each of twenty folders holds two links to the next: a million ways to the last."""
    for number in range(20):
        (tmp_path / f"level{number}").mkdir()
        for name in "ab":
            (tmp_path / f"level{number}" / name).symlink_to(tmp_path / f"level{number + 1}")
    images(tmp_path / "level20", 3, 100)
    (photos / "ant" / "maze").symlink_to(tmp_path / "level0")
    assert len(scan(photos).files) == 19


def test_a_class_that_is_a_link_to_nowhere_is_an_error(photos: Path) -> None:
    (photos / "cat").symlink_to("/not/mounted")
    with pytest.raises(
        UserError,
        match=r"photos/cat is a broken link \(to /not/mounted\): if it was a class",
    ):
        read(photos)


def test_one_folder_cannot_be_two_classes_or_in_two_parts(tmp_path: Path, photos: Path) -> None:
    (photos / "cat").symlink_to("ant")
    with pytest.raises(UserError, match=r"photos/ant and .*photos/cat are the same folder"):
        read(photos)
    (photos / "cat").unlink()
    (tmp_path / "parts").mkdir()
    photos.rename(tmp_path / "parts" / "train")
    shutil.copytree(tmp_path / "parts" / "train", tmp_path / "parts" / "val")
    shutil.rmtree(tmp_path / "parts" / "val" / "bee")
    (tmp_path / "parts" / "val" / "bee").symlink_to("../train/bee")
    with pytest.raises(UserError, match=r"train/bee and .*val/bee are the same folder, by a link"):
        read(tmp_path / "parts")


def test_a_class_folder_deeper_than_pythons_stack_is_read(photos: Path) -> None:
    descriptor = os.open(photos / "ant", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    with os.fdopen(os.open("deep.png", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor), "wb") as file:
        Image.new("RGB", (4, 4)).save(file, "PNG")
    os.close(descriptor)
    try:
        assert sum(read(photos).sizes.values()) == 17
    finally:  # shutil's removal recurses, and pytest removes with it
        subprocess.run(["rm", "-r", photos / "ant" / "d"], check=True)


# Names.


def test_forms_of_one_name_are_one_class_in_one_folder(photos: Path) -> None:
    images(photos / COMPOSED, 3, 20)
    images(photos / DECOMPOSED, 2, 30)
    listing = scan(photos)
    assert listing.classes == ("ant", "bee", COMPOSED)
    assert listing.labels.count(2) == 5


def test_forms_of_one_name_are_one_class_in_all_parts(tmp_path: Path) -> None:
    for part, form in (("train", COMPOSED), ("val", DECOMPOSED), ("test", DECOMPOSED)):
        images(tmp_path / "photos" / part / "ant", 4)
        images(tmp_path / "photos" / part / form, 4, 10)
    splits = read(tmp_path / "photos", test=None)
    assert splits.names == ("ant", COMPOSED)
    assert splits.sizes == {"train": 8, "validation": 8, "test": 8}


def bytes_path(path: Path, name: bytes) -> Path:
    return path / os.fsdecode(name)


def test_classes_whose_names_are_not_utf_8_are_shown_and_told_apart(photos: Path) -> None:
    images(bytes_path(photos, b"caf\xe9"), 8, 20)
    assert class_names(photos) == ("ant", "bee", "caf\N{REPLACEMENT CHARACTER}")
    images(bytes_path(photos, b"caf\xe8"), 8, 30)
    assert class_names(photos) == ("ant", "bee", r"caf\xe8", r"caf\xe9")


@pytest.mark.heavy
def test_names_that_are_not_utf_8_train_to_the_end(tmp_path: Path) -> None:
    """The root, a class and every file; from the first word on the terminal to the weights."""
    from safetensors import safe_open

    root = bytes_path(tmp_path, b"ph\xe9otos")
    for label, name in enumerate((b"caf\xe9", b"th\xe9")):
        for number in range(10):
            (folder := bytes_path(root, name)).mkdir(parents=True, exist_ok=True)
            with open(bytes_path(folder, b"\xe9%d.png" % number), "wb") as file:
                Image.new("L", (8, 8), 200 * label + number).save(file, "PNG")
        bytes_path(folder, b"\xe9.heic").touch()
    command = [
        sys.executable,
        "-m",
        "explorer",
        "train",
        "resnext_1_2x4d_w8_small8",
        "--data",
        "folder",
    ]
    command += [
        "--data-dir",
        str(root),
        "--device",
        "cpu",
        "--precision",
        "32",
        "-o",
        str(tmp_path / "w.safetensors"),
    ]
    for change in ("data.resolution=8", "data.test=0.2", "recipe.epochs=1", "recipe.batch_size=8"):
        command += ["--set", change]
    result = subprocess.run(command, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    output = result.stdout.decode()  # it is UTF-8
    assert "ph\N{REPLACEMENT CHARACTER}otos: 2 files of other kinds: .heic" in output
    with safe_open(tmp_path / "w.safetensors", "np") as weights:
        assert (
            weights.metadata()["class_names"]
            == '["caf\N{REPLACEMENT CHARACTER}", "th\N{REPLACEMENT CHARACTER}"]'
        )


def test_an_error_names_a_file_that_is_not_utf_8_in_a_way_that_can_be_stored(photos: Path) -> None:
    bytes_path(photos / "ant", b"\xe9.png").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"ant/\N{REPLACEMENT CHARACTER}.png") as error:
        read(photos)
    assert str(error.value).encode()


# The home folder.


def test_a_path_may_begin_at_the_home_folder(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(photos.parent))
    for path, given in ((Path("~/photos"), None), (None, "~/photos"), (Path("~"), "photos")):
        data = DataSpec(name="folder", resolution=4, test=0.25, path=given)
        assert sum(load(data, path).sizes.values()) == 16
    with pytest.raises(
        UserError,
        match="~nobody-here/photos begins with a home folder that this system does not know",
    ):
        read(Path("~nobody-here/photos"))


def test_the_cache_may_be_in_the_home_folder(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(photos.parent))
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", "~/kept")
    monkeypatch.chdir(photos.parent)
    read(photos)
    assert (photos.parent / "kept" / "folders").is_dir()
    assert not Path("~").exists()


# Folders that others have.


def test_copies_are_counted_and_named(photos: Path) -> None:
    for number in range(3):
        shutil.copy(photos / "ant" / f"{number:03}.png", photos / "ant" / f"{number:03} copy.png")
    shutil.copy(photos / "ant" / "000.png", photos / "bee" / "wrong.png")
    assert read(photos).notes == (
        (
            "4 files are copies of another, byte for byte, 1 of them in another class: ant/000.png"
            " of ant/000 copy.png, ant/001.png of ant/001 copy.png, ant/002.png of ant/002 copy.png"
            " and 1 more. Copies may be in two splits, and then the errors look smaller than they"
            " are."
        ),
    )


def test_a_validation_part_that_is_a_copy_of_train_is_said(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "parts").mkdir()
    shutil.copytree(photos, tmp_path / "parts" / "train")
    shutil.copytree(photos, tmp_path / "parts" / "val")
    (note,) = read(tmp_path / "parts").notes
    assert note.startswith(
        "16 files are copies of another, byte for byte: val/ant/000.png of train/ant/000.png, "
    )


def test_files_that_are_no_images_are_not_called_copies(photos: Path) -> None:
    for number in range(2):
        (photos / "ant" / f"broken{number}.png").write_bytes(b"")
    (note,) = read(photos, unreadable="skip").notes
    assert "copies" not in note


def test_parts_inside_the_classes_are_refused(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        for part in ("train", "test"):
            images(tmp_path / "photos" / name / part, 8)
    with pytest.raises(
        UserError,
        match=r"photos holds classes, and in each test and train: .* must be the other way round",
    ):
        read(tmp_path / "photos")


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    for label, name in enumerate(("bus", "car", "train")):
        images(tmp_path / "photos" / name, 8, 8 * label)
    assert class_names(tmp_path / "photos") == ("bus", "car", "train")


def test_a_test_part_of_images_without_classes_says_so(tmp_path: Path, photos: Path) -> None:
    """As competitions give it."""
    (tmp_path / "parts").mkdir()
    photos.rename(tmp_path / "parts" / "train")
    images(tmp_path / "parts" / "test", 5)
    with pytest.raises(
        UserError,
        match=r"parts/test holds no folders, .* Move it elsewhere if its images have no class",
    ):
        read(tmp_path / "parts", test=None)


def test_a_class_folder_in_the_place_of_the_data_is_recognised(photos: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"ant holds 0 folders of images; .* It holds 8 images: name the folder above it",
    ):
        read(photos / "ant")


def test_an_archive_in_the_place_of_the_folder_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(
        UserError, match=r"photos.zip is a file, and a folder is needed \(unpack an archive\)"
    ):
        read(tmp_path / "photos.zip")


def test_odd_names_of_files_are_read(photos: Path) -> None:
    for number, name in enumerate(
        ("a\nb", "'quote\"", "-rf", "%s{0}", "😀" * 60, " blank ", "Icon\r", "a;b|c", "..x")
    ):
        image = Image.new("RGB", (4, 4), "white")
        image.putpixel((0, 0), (number, 0, 0))
        image.save(photos / "ant" / f"x{name}.PNG")
    splits = read(photos)
    assert sum(splits.sizes.values()) == 25
    assert splits.notes == ()


def test_classes_that_differ_by_a_blank_or_a_capital_are_pointed_out(
    tmp_path: Path, photos: Path
) -> None:
    images(photos / "Ant ", 8, 50)
    (note,) = read(photos, validation=0.25).notes
    assert (
        note
        == "The classes 'Ant ' and 'ant' differ only in blanks or capitals: are they one class?"
    )
    (tmp_path / "parts").mkdir()
    shutil.rmtree(photos / "Ant ")
    photos.rename(tmp_path / "parts" / "train")
    shutil.copytree(tmp_path / "parts" / "train", tmp_path / "parts" / "val")
    (tmp_path / "parts" / "val" / "ant").rename(tmp_path / "parts" / "val" / "Ant")
    with pytest.raises(
        UserError, match=r"val holds 'Ant', and .*train does not, but 'ant'. Each part"
    ):
        read(tmp_path / "parts")


def test_a_path_too_long_for_the_system_is_a_short_sentence(photos: Path) -> None:
    descriptor = os.open(photos / "ant", os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=descriptor)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    try:
        with pytest.raises(
            UserError, match=r"folder: cannot read .*ant/ddd.*\.\.\.ddd.*: File name too long"
        ) as error:
            read(photos)
        assert len(str(error.value)) < 500
    finally:
        subprocess.run(["rm", "-r", photos / "ant" / ("d" * 200)], check=True)
