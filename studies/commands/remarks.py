"""The commands for what people say of a study: note and tag."""

from typing import TYPE_CHECKING

import click

from explorer.errors import UserError
from studies.commands.options import storage_option, stored_study

if TYPE_CHECKING:
    from studies.records.stored_study import StoredStudy
    from studies.storage import Storage


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@click.argument("text", required=False)
@storage_option
def note(name_or_path: str, text: str | None, storage: str | None) -> None:
    """Write a note on a stored STUDY, which its pages and its report show.

    It takes the place of the note before; "" takes that away. Without TEXT the note is printed.

    \b
    Examples:
      resnext-explorer study note digits_cardinality "Seeds 3 to 5 ran on the old machine."
      resnext-explorer study note digits_cardinality
      resnext-explorer study note digits_cardinality ""
    """
    from studies.records.remarking import set_note

    opened, study = _opened(name_or_path, storage)
    if text is None:
        click.echo(study.remarks.note or f"{study.name} has no note.")
        return
    note = set_note(opened, study, text)
    click.echo(f"{study.name}: {note}" if note else f"{study.name} has no note any more.")


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@click.argument("tags", metavar="[TAG]...", nargs=-1)
@click.option("--remove", is_flag=True, help="Take these tags away instead.")
@storage_option
def tag(name_or_path: str, tags: tuple[str, ...], remove: bool, storage: str | None) -> None:
    """Give a stored STUDY tags, by which the dashboard's overview filters and sorts.

    Without TAG those that it has are printed.

    \b
    Examples:
      resnext-explorer study tag digits_cardinality baseline paper-3
      resnext-explorer study tag digits_cardinality --remove baseline
    """
    from studies.records.remarking import add_tags, remove_tags

    if remove and not tags:
        raise UserError("--remove takes tags away: name at least one.")
    opened, study = _opened(name_or_path, storage)
    known = study.remarks.tags
    if tags:
        known = (remove_tags if remove else add_tags)(opened, study, tags)
    click.echo(f"{study.name}: {', '.join(known)}" if known else f"{study.name} has no tags.")


def _opened(name_or_path: str, storage: str | None) -> "tuple[Storage, StoredStudy]":
    from studies.storage import Storage

    opened = Storage(storage)
    return opened, stored_study(opened, name_or_path)
