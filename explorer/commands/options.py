"""Options that several commands share."""

from functools import wraps
from typing import Any

import click

from explorer.commands.parsing import DepthLists, Fraction, Number, WholeNumber, WholeNumbers
from explorer.depths import POLICIES

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON only.")


def options(*decorators: Any, into: str = "") -> Any:
    """Several click options as one decorator, in the order given.

    Args:
        decorators: The options, as `click.option` makes them.
        into: The argument in which a command gets those that were given, by their names; else each
            is an argument of its own.
    """

    def decorate(command: Any) -> Any:
        def collect(**values: Any) -> Any:
            own = {name: value for name in names if (value := values.pop(name)) is not None}
            return command(**values, **{into: own})

        collected: Any = wraps(command)(collect) if into else command
        for decorator in reversed(decorators):
            collected = decorator(collected)
        # click keeps the options of a function from the last to the first.
        names = [option.name for option in collected.__click_params__[: -len(decorators) - 1 : -1]]
        return collected

    return decorate


# What goes into a network and comes out of it.
input_options = options(
    click.option(
        "--resolution",
        type=WholeNumber(),
        help="Side of the input in pixels (default: 224; 32 for _cifar names).",
    ),
    click.option(
        "--classes", type=WholeNumber(), help="Classes (default: 1000; 10 for _cifar names)."
    ),
    click.option(
        "--in-channels", type=WholeNumber(), help="Channels of the input image (default: 3)."
    ),
    into="shape",
)
axis_options = options(
    click.option("--cardinality", type=WholeNumbers(), help="Cardinalities C: 1,2,4,8 or 1..64."),
    click.option("--bottleneck-width", type=WholeNumbers(), help="Bottleneck widths d."),
    click.option(
        "--width", type=WholeNumbers(), help="Widths (output channels of the first stage)."
    ),
    click.option("--depths", type=DepthLists(), help="Blocks per stage: 3-4-6-3,3-4-23-3."),
    into="axes",
)
budget_options = options(
    click.option(
        "--flops",
        type=Number(),
        help="A plain budget of multiply-adds instead of the reference's, for example 4.1G.",
    ),
    click.option("--params", type=Number(), help="A plain budget of parameters, for example 25M."),
    click.option(
        "--activations", type=Number(), help="A plain budget of activations, for example 11M."
    ),
    into="budgets",
)
precision_options = options(
    click.option(
        "--multiple-of",
        type=WholeNumber(),
        default="1",
        show_default=True,
        help="Take only multiples of this number.",
    ),
    click.option("--tolerance", type=Fraction(), help="Largest mismatch allowed, as 0.02 or 2%."),
)
depth_option = click.option(
    "--depth-policy",
    default="proportional",
    show_default=True,
    help=f"Which stages grow with depth: {', '.join(POLICIES)}.",
)
