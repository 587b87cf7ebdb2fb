"""The command `dashboard`."""

import sys
from pathlib import Path
from typing import Any

import click

from explorer.output import say
from studies.commands.options import GivenPath, storage_option

LOCAL = ("127.0.0.1", "localhost", "::1")


@click.command()
@storage_option
@click.option(
    "--evidence",
    is_flag=True,
    help="Show what was measured for this project, instead of a storage.",
)
@click.option("--host", default="127.0.0.1", help="Where to listen; only this machine by default.")
@click.option("--port", type=click.IntRange(0, 65535), default=8050, help="0: any free port.")
@click.option(
    "--data-dir",
    type=GivenPath(),
    help="Where studies' data lies, as for `study run`: pages show the images missed most.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
def dashboard(
    storage: str | None,
    evidence: bool,
    host: str,
    port: int,
    data_dir: Path | None,
    open_browser: bool,
) -> None:
    """Look at studies while they run, and at designs, in a browser.

    The storage is only read. Every view has an address of its own that can be shared. Ctrl-C ends
    it. Where there is no study yet, and with --evidence, it shows what was measured for this
    project: results that come with it.

    \b
    Examples:
      resnext-explorer dashboard --open
      resnext-explorer dashboard --evidence --open
      resnext-explorer dashboard --storage sqlite:///my.db --port 0
    """
    from dashboards.app.serving import serve
    from studies.storage import Storage

    if host not in LOCAL:
        print(
            f"Warning: on {host}, everyone who reaches this machine can read the studies, and see"
            " the images missed most; there is no password. Through"
            f" ssh -L {port or 'PORT'}:127.0.0.1:{port or 'PORT'} it can stay on 127.0.0.1.",
            file=sys.stderr,
        )
    opened = Storage(storage)
    if not evidence and not opened.exists():
        opened.check_folder()
        print(
            f"There is no storage at {opened.shown} yet; its studies appear when a run creates it.",
            file=sys.stderr,
        )

    def announce(address: str) -> None:
        say(f"Dashboard: {address}\nCtrl-C ends it.")
        if open_browser:
            _open(address)

    serve(storage, evidence=evidence, host=host, port=port, announce=announce, data_dir=data_dir)


def _open(address: str) -> Any:
    import webbrowser

    if not webbrowser.open(address):
        print("No browser could be opened; open the address above.", file=sys.stderr)
