"""Heavy libraries are imported when they are needed, not with the packages that lead to them."""

import subprocess
import sys

import pytest

import dashboards
import explorer
import explorer.rules
import studies
from explorer import networks


def test_importing_the_packages_imports_neither_torch_nor_pandas() -> None:
    program = (
        "import sys, explorer, explorer.networks, explorer.networks.rules;"
        "print([name for name in ('torch', 'pandas', 'fvcore') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr


@pytest.mark.parametrize("package", [explorer, networks, studies, dashboards])
def test_every_name_that_a_package_offers_is_there(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name).__class__.__name__ != "module", name


def test_a_name_that_a_package_does_not_offer_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'explorer' has no attribute 'buidl'"):
        explorer.buidl  # noqa: B018


def test_what_the_first_readme_documented_still_works() -> None:
    assert explorer.rules.check is networks.find_violations


@pytest.mark.parametrize("is_on", [True, False])
def test_a_load_leaves_the_garbage_collector_as_it_was(is_on: bool) -> None:
    program = (
        f"import gc; ({'gc.enable' if is_on else 'gc.disable'})();"
        "import explorer; explorer.enumerate_designs; print(gc.isenabled())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout == f"{is_on}\n", result.stderr


def test_a_notebook_without_ipywidgets_is_not_told_to_install_them() -> None:
    program = (
        "import sys, importlib.util, ipykernel.zmqshell; sys.modules['ipywidgets'] = None;"
        "there = importlib.util.find_spec;"
        "importlib.util.find_spec = lambda name: None if name == 'ipywidgets' else there(name);"
        "import studies; import tqdm.auto"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
