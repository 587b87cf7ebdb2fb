"""What each training got wrong, as a part of a study's page: by class, by image, arm beside arm."""

from collections.abc import Callable, Mapping

from dashboards.analysis.evidence import Evidence
from dashboards.analysis.misses import (
    Misses,
    ShadedTable,
    class_table,
    concentration_text,
    image_table,
    misses_of,
    overlap_table,
    why_unknown,
)
from dashboards.page.elements import Element, element
from dashboards.page.parts import quiet, section, table
from explorer.errors import UserError

TITLE = "What each training got wrong"


def missed(
    evidence: Evidence, thumbnails: Callable[[list[int]], Mapping[int, str]] | None = None
) -> Element | None:
    """The part of a page; None as long as no training is complete.

    Args:
        evidence: The study.
        thumbnails: Gives the addresses of pictures of images, by their numbers; raises `UserError`
            where there are none.
    """
    if not evidence.measured:
        return None
    misses, unknown = misses_of(evidence), quiet(why_unknown(evidence))
    if misses is None:
        return section(TITLE, unknown)
    images = misses.missed_most()
    pictures: Mapping[int, str] = {}
    trouble = ""
    try:
        if thumbnails and images:
            pictures = thumbnails([image.number for image in images])
    except UserError as error:
        trouble = f"The images themselves are not shown: {error}"
    most = table(
        image_table(misses, images),
        "The images missed most",
        lambda row, text: _with_picture(text, pictures.get(images[row].number)),
    )
    return section(
        TITLE,
        quiet(concentration_text(misses)),
        unknown,
        *_by_class(misses),
        *_overlap(misses),
        *([element("h3", "The images missed most"), quiet(trouble), most] if images else []),
    )


def _by_class(misses: Misses) -> list[Element | None]:
    shaded = class_table(misses)
    about = "Test error by class (%), over all trainings of an arm; shaded by its size."
    return [element("h3", "By class"), *_shaded(shaded, about, "Test error by class and arm")]


def _overlap(misses: Misses) -> list[Element | None]:
    if len(misses.trainings) < 2:
        return []
    about = (
        "Of the test images that a training of the arm at the left misses, the share (%) that a"
        " training of the arm above misses too; of the same arm, one with another seed. By chance"
        " it would be the arm's error."
    )
    heading = element("h3", "Do they miss the same images?")
    return [heading, *_shaded(overlap_table(misses), about, "Images missed by two arms alike")]


def _shaded(shaded: ShadedTable, about: str, label: str) -> list[Element | None]:
    whole = " ".join(filter(None, (about, shaded.left_out)))
    return [quiet(whole), table(shaded.content, label, levels=shaded.levels)]


def _with_picture(text: str, address: str | None) -> list[Element | str]:
    if address is None:
        return [text]
    # The text beside it names the image; its class stands in the same row.
    return [element("img", src=address, alt="", className="thumbnail"), text]
