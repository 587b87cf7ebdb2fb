"""What to do about a command line that click refuses, beyond what click says of it."""

import re

import click

from explorer.errors import check_known
from explorer.file_kinds import told_by_name
from explorer.numbers import number_hint
from explorer.own.names import is_own
from explorer.suggestions import command

# What stands apart from its number in `--flops 5 M`.
UNIT = re.compile(r"[kKMGBTs%]|[mu]s|M?FLOPs|params|points")
# Commands that show all studies, and what shows the one that is named.
OF_ONE = {"dashboard": "report", "list": "study show"}
BUDGETS = {"--budget", "--flops"}  # two names of one thing, as commands have them


def advice(error: click.UsageError) -> str:
    """A sentence on what was meant and how it is written; "" where click's message says it all."""
    extra = re.search(r"unexpected extra arguments? \((.*)\)$", error.message)
    if extra and error.ctx:
        return _of_extra(error.ctx, extra[1].split())
    if isinstance(error, click.NoSuchOption) and error.ctx:
        options = {name for each in error.ctx.command.params for name in each.opts}
        other = BUDGETS - {error.option_name} if error.option_name in BUDGETS else set()
        return "".join(f"A budget is given by {name} here." for name in other & options)
    given = re.search(r"^'(.*)' is not a valid (float|integer)", error.message)
    if given:
        hint = number_hint(given[1].removesuffix("%")).removeprefix("; ")
        if given[2] == "integer":
            hint = hint.partition(", or ")[0] if "with a point" not in hint else ""
        is_percent = given[1].endswith("%") and not hint
        hint = f"write {given[1].removesuffix('%')}, without %" if is_percent else hint
        return f"{hint[:1].upper()}{hint[1:]}." if hint else ""
    return ""


def _of_extra(ctx: click.Context, extra: list[str]) -> str:
    operands = [each for each in ctx.command.params if isinstance(each, click.Argument)]
    takes = " ".join(each.make_metavar(ctx) for each in operands) or "options alone"
    options = {name for each in ctx.command.params for name in each.opts}
    setting = re.fullmatch(r"-*([a-z_-]+)=(.+)", extra[0])
    option = f"--{setting[1].replace('_', '-')}" if setting else ""
    if ctx.info_name in OF_ONE:
        of_one = command(OF_ONE[ctx.info_name], extra[0])
        how = told_by_name(extra[0]).rstrip(".") or f"It shows all studies; one by name: {of_one}"
    elif is_own(extra[0]):
        how = "It takes no further network"
    elif setting and option in options:
        how = f"A value stands behind its option: {option} {setting[2]}"
    elif any("=" in word for word in extra):
        how = "KEY=VALUE has no space in it, or stands in quotes"
    elif all(UNIT.fullmatch(word) for word in extra):
        how = "A number and its unit are one word: 5M"
    elif "--set" in options and re.fullmatch(r"[\d.e-]+", extra[0]):
        how = "A setting is one word, KEY=VALUE: --set recipe.epochs=30"
    elif all(re.fullmatch(r"[\d.,-]+", word) for word in extra):
        how = "Several values are one word, with commas and without spaces: 1,2,4"
    elif re.fullmatch(r"\d[\d.]*[kMG]?", extra[0]):
        how = "A number stands behind its option: --flops 5M"
    else:
        how = "A name with spaces stands in quotes"
    return f"{ctx.command_path} takes {takes}. {how}."


class Group(click.Group):
    """A group that answers an unknown command with the nearest and all that there are."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-"):
            check_known(f"{ctx.info_name} command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)
