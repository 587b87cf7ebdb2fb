"""The commands of data: caches, clear."""

import click

from explorer.suggestions import command
from explorer.usage import Group


@click.group(cls=Group)
def data() -> None:
    """Show and remove what is cached of data sets and image folders.

    \b
    Examples:
      resnext-explorer data caches
      resnext-explorer data clear cifar10
    """


@data.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def caches(as_json: bool) -> None:
    """List downloaded data sets and decoded image folders, the largest first.

    \b
    Example:
      resnext-explorer data caches
    """
    from explorer.terminal import print_json, print_table
    from explorer.text import human_count
    from studies.data import CACHE_VARIABLE, cache_root, list_caches

    present = list_caches()
    if as_json:
        print_json([cache.record() for cache in present])
        return
    if not present:
        click.echo(f"Nothing is cached in {cache_root()}.")
        return
    rows = [
        [
            cache.name,
            cache.kind,
            f"{human_count(cache.size)}B",
            f"{cache.used:%Y-%m-%d %H:%M}",
            cache.source,
        ]
        for cache in present
    ]
    print_table(["name", "what", "size", "last used (UTC)", "from"], rows, left=["what", "from"])
    size = human_count(sum(cache.size for cache in present))
    click.echo(
        f"\n{size}B in {cache_root()} ({CACHE_VARIABLE} names another folder).\n"
        f"Remove one with: {command('data clear', present[0].name)}"
    )


@data.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def clear(names: tuple[str, ...]) -> None:
    """Remove caches by their names, as `data caches` lists them.

    What is needed again is downloaded or decoded again.

    \b
    Example:
      resnext-explorer data clear cifar10
    """
    from explorer.text import human_count
    from studies.data import clear_caches

    for cache in clear_caches(list(names)):
        click.echo(f"Removed {cache.name}, {human_count(cache.size)}B.")
