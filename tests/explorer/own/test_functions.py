"""A function of the user's that goes wrong is one message: what was called with what, and why."""

import sys
from pathlib import Path

import pytest
from own_families import HEAD, PLAIN, write

from explorer import UserError, blueprint, count, match

BODY = (
    HEAD + "def net(*, width: int, in_channels: int, classes: int, extra: int = 3):\n    {body}\n"
)
NET = "return nn.Sequential(nn.Conv2d(in_channels, width, 1), *classifier(width, classes))"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('no luck')", r"failed: ValueError: no luck \(.*wrong_1.py:\d+\)"),
        ("pass", "must be a torch module; the function returned nothing"),
        ("return 7", "must be a torch module; the function returned a value of the type int"),
        (f"print('made'); {NET}", "prints 'made'; take that out"),
        (f"{NET}.cuda()", r"leave the device to its caller: no \.cuda\(\)"),
        (
            "return nn.Flatten()",
            r"N x 10 logits; of one image it made an output of shape \(1, 48\)",
        ),
        ("return nn.Linear(3, classes)", "failed: RuntimeError"),
        (
            "return type('Net', (nn.Module,), {'forward': lambda self, x: x.sum().item()})()",
            r"so no forward may ask for them \(\.item\(\)",
        ),
        ("assert width > 100", r"failed: AssertionError \(.*wrong_1.py:\d+\)"),
        (
            "return type('Net', (nn.Module,), {'forward': lambda self, x: print('run')})()",
            "prints 'run'; take that out",
        ),
        ("import sys; sys.exit(3)", "failed: SystemExit: 3"),
    ],
)
def test_what_was_called_with_what_is_said(workdir: Path, body: str, message: str) -> None:
    write(workdir, "wrong_1", BODY.format(body=body))
    network = blueprint("wrong_1:net(width=8)", resolution=4, classes=10)
    with pytest.raises(UserError, match=message) as error:
        count(network)
    assert "wrong_1:net(extra=3,width=8) at 3x4x4, 10 classes" in str(error.value)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("drop: float = 0.1", "the parameter drop: float = 0.1, which is no whole number"),
        ("act: str = 'relu'", "the parameter act: str = 'relu', which is no whole number"),
        ("bias=True", "the parameter bias = True, which is no whole number"),
        ("norm: bool", "the parameter norm: bool, which is no whole number"),
        ("kernel=None", "the parameter kernel = None, which is no whole number"),
        ("act: Callable[[int], int]", r"act: Callable\[\[int\], int\], which is no whole"),
        ("blocks: dict[str, int]", r"blocks: dict\[str, int\], which is no whole number"),
        ("rates: tuple[float, ...]", r"the parameter rates: tuple\[float, ...\], which is no"),
    ],
)
def test_a_parameter_that_is_no_whole_number_is_named(
    workdir: Path, parameter: str, message: str
) -> None:
    write(
        workdir,
        "wrong_2",
        f"from typing import Callable\ndef net(*, width: int = 8, {parameter}): ...\n",
    )
    with pytest.raises(UserError, match=message):
        blueprint("wrong_2:net")


def test_quantities_are_checked_against_the_parameters(workdir: Path) -> None:
    write(workdir, "nets_3", PLAIN)
    with pytest.raises(UserError, match=r"needs width; write for example nets_3:net\(width=8\)"):
        blueprint("nets_3:net")
    with pytest.raises(UserError, match=r"unknown quantity of nets_3:net 'kernl'. Did you mean"):
        blueprint("nets_3:net(width=8,kernl=3)")
    network = blueprint("nets_3:net(width=8,depths=2)")
    assert network.name == "nets_3:net(depths=2-,kernel=3,width=8)"
    assert blueprint(network.name) == network
    assert network.with_(depths="1-1").quantities["depths"] == (1, 1)


def test_an_ignored_quantity_is_found_where_it_is_varied_or_solved(workdir: Path) -> None:
    write(workdir, "ignoring", BODY.format(body=NET))
    reference = blueprint("ignoring:net(width=8)", resolution=8, classes=10)
    with pytest.raises(
        UserError, match=r"ignores extra: ignoring:net.extra=4,width=8. is the same"
    ):
        match(reference, solve="width", extra=[3, 4])
    with pytest.raises(UserError, match=r"extra cannot be solved by flops, which is \d"):
        match(reference, solve="extra")


def test_what_changes_the_function_but_no_cost_is_not_ignored(workdir: Path) -> None:
    dilated = "return nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=extra,"
    dilated += " dilation=extra), *classifier(width, classes))"
    write(workdir, "dilated", BODY.format(body=dilated))
    reference = blueprint("dilated:net(width=8)", resolution=8, classes=10)
    designs = match(reference, solve="width", extra=[1, 2, 3])
    assert [design.mismatch for design in designs] == [0, 0, 0]


def test_a_hidden_module_of_the_users_is_told(workdir: Path) -> None:
    # Python's own module of this name is found, whatever lies in the current folder.
    (workdir / "colorsys.py").write_text(PLAIN)
    with pytest.raises(UserError, match=r"module colorsys hides \./colorsys\.py here: rename"):
        blueprint("colorsys:net")
    (workdir / "studies.py").write_text(PLAIN)
    with pytest.raises(UserError, match=r"module studies hides \./studies\.py here: rename"):
        blueprint("studies:net")
    assert "site-packages" not in str(sys.modules["studies"].__file__)
    with pytest.raises(UserError, match=r"No module named 'nets_4'. It must be package\.module"):
        blueprint("nets_4:net")
