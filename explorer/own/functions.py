"""The user's functions that make networks: which quantities they take, and how they are called."""

import inspect
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import Any

from explorer.errors import UserError, cut, shorten, unknown
from explorer.foreign import find_function, users_code
from explorer.own.names import OwnName, Value, parse_value, written
from explorer.own.sources import digest
from explorer.template import SIZES

# What a quantity cannot be; a whole number, or several, is written `int` or `tuple[int, ...]`.
OTHER_KINDS = {"bool", "float", "str", "bytes", "dict", "set", "Callable"}


@dataclass(frozen=True)
class Quantity:
    """A parameter of a function.

    Attributes:
        name: Of the parameter.
        usual: Its default; None where it must be given.
        is_several: Whether it is a tuple of whole numbers.
    """

    name: str
    usual: Value | None
    is_several: bool

    def value(self, given: object) -> Value:
        """A value of it; raises `UserError` where it is no whole number, or no list of them."""
        value = parse_value(given, self.name)
        return (value,) if self.is_several and not isinstance(value, tuple) else value


@dataclass(frozen=True)
class Family:
    """A function of the user's, whose whole numbers make networks.

    Attributes:
        target: The function, as package.module:function.
        quantities: Its parameters, but for `sizes`.
        sizes: Which of `SIZES` it takes.
        source: The digest of its source.
    """

    target: str
    quantities: tuple[Quantity, ...]
    sizes: tuple[str, ...]
    source: str

    def values(self, given: Mapping[str, object]) -> dict[str, Value]:
        """All its quantities, given or usual.

        Raises:
            UserError: One is unknown, missing, or no whole number.
        """
        known = {quantity.name: quantity for quantity in self.quantities}
        for key in given:
            if key not in known:
                raise unknown(f"quantity of {self.target}", key, known)
        values = {
            name: quantity.usual if name not in given else quantity.value(given[name])
            for name, quantity in known.items()
        }
        if missing := [name for name, value in values.items() if value is None]:
            raise UserError(
                f"{self.target} needs {', '.join(missing)}; write for example"
                f" {self.target}({','.join(f'{name}={_example(known[name])}' for name in missing)})"
                f" or --set {missing[0]}={_example(known[missing[0]])}."
            )
        return {name: value for name, value in values.items() if value is not None}


@cache
def find_family(target: str) -> Family:
    """The function `package.module:function`, read once a process.

    Raises:
        UserError: There is none, its module fails or prints, or it has a parameter that is no whole
            number.
    """
    name = f"the network {shorten(target)}"
    with _silent(name):
        function = find_function(target, name)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise UserError(
            f"{name} does not say which parameters it has; wrap it in a function."
        ) from None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    quantities = []
    for parameter in parameters:
        if parameter.kind not in (*named, *several):
            raise UserError(
                f"{name} has the parameter {parameter.name} without a name for callers; take out"
                " the / behind it."
            )
        if parameter.kind in named and parameter.name not in SIZES:
            quantities.append(_quantity(name, parameter))
    takes = tuple(size for size in SIZES if any(size == each.name for each in parameters))
    return Family(target, tuple(quantities), takes, digest(target))


def call(name: OwnName, sizes: Mapping[str, int]) -> Any:
    """What the function returns for these quantities and sizes; raises `UserError` as `calling`."""
    family = find_family(name.target)
    function = find_function(name.target, name.target)
    own = {key: sizes[key] for key in family.sizes}
    with calling(name, sizes):
        return function(**name.values, **own)


@contextmanager
def calling(name: OwnName, sizes: Mapping[str, int]) -> Iterator[None]:
    """Run the function, or what it returned.

    Raises `UserError` where that fails or prints; the message says what was called with what.
    """
    what = f"the network {words(name, sizes)}"
    with _silent(what), users_code(what, _hint):
        yield


def words(name: OwnName, sizes: Mapping[str, int]) -> str:
    """What is called with what: 'mine.nets:convnext(kernel=5,width=44) at 3x32x32, 10 classes'."""
    side = sizes["resolution"]
    return f"{name} at {sizes['in_channels']}x{side}x{side}, {sizes['classes']} classes"


@contextmanager
def _silent(what: str) -> Iterator[None]:
    """Refuse what prints: it would stand in the middle of a table, or of JSON."""
    output = io.StringIO()
    with redirect_stdout(output):
        yield
    if text := output.getvalue().strip():
        raise UserError(
            f"{what} prints {shorten(cut(text))}; take that out, since what these commands print is"
            " read by other programs."
        )


def _hint(error: BaseException) -> str:
    """What to do about errors of counting without values, and of a device that was chosen."""
    text = f"{error}".lower()
    if any(word in text for word in ("item()", "local_scalar", "no data")):
        return (
            "A network is counted without the values of its tensors, so no forward may ask for them"
            " (.item(), .tolist(), an if)."
        )
    if any(word in text for word in ("cuda", "nvidia", "meta tensor", "on device meta")):
        return (
            "The function must leave the device to its caller: no .cuda(), no .to(...), no"
            " device=... in it; and a tensor that the module keeps is a buffer (register_buffer)."
        )
    return ""


def _quantity(name: str, parameter: inspect.Parameter) -> Quantity:
    """A parameter as a quantity; raises `UserError` where it is no whole number, and no tuple."""
    kind, default, empty = parameter.annotation, parameter.default, parameter.empty
    typed = kind if isinstance(kind, str) else inspect.formatannotation(kind)
    named = set(re.findall(r"\w+", typed))
    usual = None
    try:
        if default is not empty and not isinstance(default, str):
            usual = parse_value(default, parameter.name)
        container = re.match(r"(?:\w+\.)*(\w+)\[", typed)
        is_other = bool(named & OTHER_KINDS) and "int" not in named
        is_other = is_other or (container is not None and container[1] in OTHER_KINDS)
        is_whole = not is_other and (usual is not None or default is empty)
    except UserError:
        is_whole = False
    if not is_whole:
        said = "" if kind is empty else f": {typed}"
        said += "" if default is empty else f" = {shorten(default)}"
        raise UserError(
            f"{name} has the parameter {cut(parameter.name + said)}, which is no whole number and"
            " no tuple of them; fix it inside a function of your own that takes whole numbers only."
        )
    is_several = isinstance(usual, tuple) or typed.startswith(("tuple", "list", "Sequence"))
    return Quantity(parameter.name, usual, is_several)


def _example(quantity: Quantity) -> str:
    return written((1, 1, 1)) if quantity.is_several else "8"
