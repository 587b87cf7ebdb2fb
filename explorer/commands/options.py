"""Options that several commands share."""

from collections.abc import Iterable
from functools import wraps
from typing import Any

import click

from explorer.architecture import CHOICES
from explorer.commands.parsing import (
    Choices,
    DepthLists,
    Fraction,
    Number,
    Setting,
    Side,
    WholeNumber,
    WholeNumbers,
    Words,
)
from explorer.depths import POLICIES
from explorer.errors import UserError

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
FORCE_OPTION = click.option(
    "--force", is_flag=True, help="Also replace a file that is not from this command."
)


MULTIPLE_OPTION = click.option(
    "--multiple-of", type=WholeNumber(), default="1", help="Take only multiples of this number."
)
TOLERANCE_OPTION = click.option(
    "--tolerance", type=Fraction(), help="Largest mismatch allowed, as 0.02 or 2%."
)


def grouped(name: str, **options: tuple[click.ParamType, str]) -> Any:
    """Options, each with its type and its help, that a command takes as one dict.

    The command's argument `name` holds those that are given; several groups may share it.
    """

    def decorate(command: Any) -> Any:
        @wraps(command)
        def call(**values: Any) -> Any:
            given = {key: values.pop(key) for key in options}
            given = {key: value for key, value in given.items() if value is not None}
            values[name] = {**values.get(name, {}), **given}
            return command(**values)

        for key, (kind, text) in reversed(options.items()):
            call = click.option(f"--{key.replace('_', '-')}", type=kind, help=text)(call)
        return call

    return decorate


# What goes into a network and comes out of it.
input_options = grouped(
    "sizes",
    resolution=(Side(), "Side of the input in pixels (default: 224; 32 for _cifar names)."),
    classes=(WholeNumber(), "Classes (default: 1000; 10 for _cifar names)."),
    in_channels=(WholeNumber(), "Channels of the input image (default: 3)."),
)
axis_options = grouped(
    "given",
    cardinality=(WholeNumbers(), "Cardinalities C: 1,2,4,8 or 1..64."),
    bottleneck_width=(WholeNumbers(), "Bottleneck widths d."),
    width=(WholeNumbers(), "Widths (output channels of the first stage)."),
    depths=(DepthLists(), "Blocks per stage: 3-4-6-3,3-4-23-3."),
)


def quantity_options(command: Any) -> Any:
    """`--set` and `--given`, of any network's quantities.

    The command's arguments `settings` and `choices` are mappings of quantities to a value, or to
    several.
    """

    @wraps(command)
    def call(**values: Any) -> Any:
        for name, option in (("settings", "--set"), ("choices", "--given")):
            values[name] = _once(values[name], option)
        return command(**values)

    for name, option, kind, text in (
        ("choices", "--given", Choices(), "Values of a quantity, one design each: kernel=3,5,7,9."),
        ("settings", "--set", Setting(), "A quantity of the reference: width=48."),
    ):
        call = click.option(option, name, type=kind, multiple=True, help=text)(call)
    return call


def _once(pairs: Iterable[tuple[str, Any]], option: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, value in pairs:
        if key in given:
            raise UserError(f"{option} {key} is given twice; give it once.")
        given[key] = value
    return given


choice_options = grouped(
    "given",
    **{
        key: (Words(), f"{what}: {', '.join(CHOICES[key])}, or several with commas.")
        for key, what in (
            ("kind", "The block"),
            ("growth", "What grows from stage to stage beside the width"),
            ("shortcut", "The shortcut"),
            ("order", "Batch norm and relu after or before each convolution"),
        )
    },
)
budget_options = grouped(
    "budgets",
    flops=(
        Number(),
        "A plain budget of multiply-adds instead of the reference's, for example 4.1G.",
    ),
    params=(Number(), "A plain budget of parameters, for example 25M."),
    activations=(Number(), "A plain budget of activations, for example 11M."),
)
depth_option = click.option(
    "--depth-policy",
    default="proportional",
    help=f"Which stages grow with depth: {', '.join(POLICIES)}.",
)
