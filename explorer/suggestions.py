"""Commands to try next: complete, and quoted so that they can be pasted into a shell."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Secret:
    """The value of an option that is never shown, because it holds a password.

    Attributes:
        variable: The environment variable that may hold it instead.
    """

    variable: str


def command(words: str, *operands: object, **options: Any) -> str:
    """A command line of this program.

    `command("study run", "my study.yaml", data_dir="/a b", set=["seeds=[0]"])`

    Args:
        words: The command, as "study run".
        operands: Its arguments. If one begins with a dash, they come last, after `--`.
        options: Values by the option's name, `_` for `-`, with several values in a list. None,
            False and "" are left out; True is a flag. A `Secret` is left out too, and a comment
            says where to put it.
    """
    given: list[str] = []
    comments: list[str] = []
    for key, value in options.items():
        name = f"-{key}" if len(key) == 1 else f"--{key.replace('_', '-')}"
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, Secret):
                comments.append(f"  # with the URL in {item.variable}: its password is not shown")
            elif item is True:
                given.append(name)
            elif item is not None and item is not False and item != "":
                given += [name, str(item)]
    named = [str(operand) for operand in operands]
    behind = ["--", *named] if any(operand.startswith("-") for operand in named) else []
    parts = [*words.split(), *(given if behind else [*named, *given]), *behind]
    return _built(["resnext-explorer", *parts], comments)


def _built(parts: Iterable[str], comments: Iterable[str]) -> str:
    return " ".join(_quoted(part) for part in parts) + "".join(comments)


def _quoted(part: str) -> str:
    """A word for the shell, with escapes for what a terminal would act on."""
    if part.isprintable():
        return shlex.quote(part)
    # A path that is no UTF-8 holds its bytes as surrogates.
    data = "".join(
        (
            sign
            if sign.isprintable() and sign not in "'\\"
            else "".join(f"\\x{byte:02x}" for byte in _bytes(sign))
        )
        for sign in part
    )
    return f"$'{data}'"


def _bytes(sign: str) -> bytes:
    return sign.encode("utf-8", "surrogateescape")
