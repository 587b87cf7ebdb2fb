"""Options that several commands share."""

from typing import Any

import click

from explorer.commands.parsing import DepthLists, Fraction, Number, WholeNumber, WholeNumbers
from explorer.depths import POLICIES

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON only.")


def options(*decorators: Any) -> Any:
    """Several click options as one decorator, in the order given."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

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
)
axis_options = options(
    click.option("--cardinality", type=WholeNumbers(), help="Cardinalities C: 1,2,4,8 or 1..64."),
    click.option("--bottleneck-width", type=WholeNumbers(), help="Bottleneck widths d."),
    click.option(
        "--width", type=WholeNumbers(), help="Widths (output channels of the first stage)."
    ),
    click.option("--depths", type=DepthLists(), help="Blocks per stage: 3-4-6-3,3-4-23-3."),
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
