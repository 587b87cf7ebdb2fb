"""The entry point of the command line.

It holds a table of commands. Each is loaded when it is called, so that `--help` and light commands
stay fast.
"""

import atexit
import gc
import os
import sys

import click

from explorer.errors import UnknownName, UserError, check_known, pasted
from explorer.lazy import load
from explorer.output import OutputGone, finish, guard_streams, tell
from explorer.rooms import check_rooms
from explorer.scarcity import scarcity
from explorer.streams import let_only_text_through
from explorer.suggestions import command

# Every command: where its click command stands, and its line in the help (a test resolves each
# entry).
COMMANDS = {
    "suggest": (
        "explorer.commands.design:suggest",
        "Suggest references for a budget, with arms that all cost the same.",
    ),
    "match": (
        "explorer.commands.design:match",
        "Solve d, C, width or depths so that a network costs what a reference costs.",
    ),
    "scale": (
        "explorer.commands.design:scale",
        "Spend k times a reference's cost on more layers, wider paths or more paths.",
    ),
    "describe": (
        "explorer.commands.design:describe",
        "Show a network's layers and what they cost; draw it.",
    ),
    "enumerate": ("explorer.commands.design:enumerate_", "Match a whole grid of designs at once."),
    "measure": (
        "explorer.commands.heavy:measure",
        "Measure seconds, images a second and memory on this machine.",
    ),
    "rules": ("explorer.commands.heavy:rules", "Check the paper's two rules on any network."),
    "export": (
        "explorer.commands.heavy:export",
        "Write a network for torchvision, timm, safetensors, ONNX or pt2.",
    ),
    "published": (
        "explorer.commands.design:published",
        "Show the paper's tables, and what others got, beside our own counts.",
    ),
    "space": ("search_spaces.commands:space", "Show the designs of a search space."),
    "study": ("studies.commands.study:study", "Run studies and follow their progress."),
    "schema": (
        "studies.commands.schema:schema",
        "Print the JSON Schema of the files you write, for an editor.",
    ),
    "data": (
        "studies.commands.data:data",
        "Show and remove what is cached of data sets and image folders.",
    ),
    "train": ("studies.commands.train:train", "Train one network, outside a study."),
    "predict": (
        "studies.commands.predict:predict",
        "Say which class image files show, by a trained network.",
    ),
    "report": ("dashboards.report.commands:report", "Write a study's results as one HTML page."),
    "dashboard": (
        "dashboards.app.commands:dashboard",
        "Show running studies, and designs, in a browser.",
    ),
}


ALIASES = {"paper": "published"}
GROUPS = ("study", "space", "data")  # the commands that have commands of their own


class LazyGroup(click.Group):
    """A click group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module, function = COMMANDS[name][0].split(":")
        command: click.Command = getattr(load(module), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-"):
            _check_command(ctx, args[0])
        return super().resolve_command(ctx, args)


def _check_command(ctx: click.Context, name: str) -> None:
    """Raise `UnknownName` for what is no command, with the group that has one of this name."""
    if name in COMMANDS or name in ALIASES:
        return
    for group in GROUPS:
        commands = cli.get_command(ctx, group)
        if isinstance(commands, click.Group) and name in commands.commands:
            written = command(f"{group} {name}")
            raise UnknownName(f"unknown command {name!r}: it is a command of {group}: {written}.")
    check_known("command", name, COMMANDS)


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from explorer.installed import own_version

        click.echo(f"resnext-explorer, version {own_version()}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "show_default": True,
    },
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Where should the computation go: more paths, wider paths, or more layers?

    \b
    Examples:
      resnext-explorer suggest --flops 5M --resolution 32 --cardinality 1,2,4,8
      resnext-explorer match resnet50 --cardinality 1,2,4,8,32
      resnext-explorer describe resnext50_32x4d --verify
      resnext-explorer study run digits_cardinality --workers 2
      resnext-explorer report digits_cardinality
    """


def main() -> None:
    """Run the command line and exit.

    The exit code is 2 for a user's mistake, with one message; 130 for Ctrl-C; 1 for output that
    cannot be written, or 141 where its reader has gone.
    """
    guard_streams()
    let_only_text_through()
    # numpy's OpenBLAS starts a thread a core as it is imported; where it may not, it sends SIGINT
    # to its own process.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Python looks for garbage a last time as it ends: 1.4 s, where torch and Lightning are loaded.
    atexit.register(gc.freeze)
    code = _run()
    sys.exit(finish() or code)


def _run() -> int:
    try:
        check_rooms()
        code = cli.main(prog_name="resnext-explorer", standalone_mode=False)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        code = 2
    except click.ClickException as error:
        error.show()
        hint = pasted(error.format_message())
        if not hint and isinstance(error, click.UsageError):
            from explorer.usage import advice

            hint = advice(error)
        if hint:
            print(hint.strip(), file=sys.stderr)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("Stopped.", file=sys.stderr)
        code = 130
    except OutputGone as gone:
        code = tell(gone)
    except Exception as error:
        scarce = scarcity(error)
        if scarce is None:
            raise
        print(f"Error: {scarce}", file=sys.stderr)
        code = 2
    return code if isinstance(code, int) else 0
