"""The digest of a function covers what it uses of the user's own, and nothing else."""

from pathlib import Path

from own_families import HEAD, PLAIN, write

from explorer import blueprint


def _digest(folder: Path, source: str) -> str:
    return blueprint(f"{write(folder, 'digested', source)}:net(width=8)").source


def test_the_digest_is_of_the_code_that_makes_the_network(workdir: Path) -> None:
    before = _digest(workdir, PLAIN)
    assert len(before) == 16
    unrelated = PLAIN + "\n\ndef another():\n    return 3\n\n\nOTHER = 5\n"
    commented = PLAIN.replace("    layers =", "    # the stem\n    layers   =")
    documented = PLAIN.replace("-> nn.Module:\n", '-> nn.Module:\n    """A network."""\n')
    for same in (unrelated, commented, documented):
        assert same != PLAIN
        assert _digest(workdir, same) == before
    helper = PLAIN.replace("nn.Flatten()", "nn.Dropout(0.1), nn.Flatten()")  # in `classifier`
    default = PLAIN.replace("kernel: int = 3", "kernel: int = 5")
    assert len({before, _digest(workdir, helper), _digest(workdir, default)}) == 3


def test_modules_of_the_users_that_it_imports_count_too(workdir: Path) -> None:
    body = PLAIN.removeprefix(HEAD)
    digests = set()
    for imported in (
        "from own_parts import nn, classifier\n",
        "import own_parts\nfrom torch import nn\n",
    ):
        used = body if "from own" in imported else body.replace("*class", "*own_parts.class")
        for width in (1, 2):
            parts = HEAD.replace("AdaptiveAvgPool2d(1)", f"AdaptiveAvgPool2d({width})")
            write(workdir, "own_parts", parts)
            digests.add(_digest(workdir, imported + used))
    assert len(digests) == 4
