"""A command line that cannot be read is answered with how to write it."""

import click
import pytest

from explorer.cli import cli
from explorer.errors import UserError
from explorer.usage import advice


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("suggest 5M --resolution 32", "takes options alone. A number stands behind its option"),
        ("suggest --budget 5M", "A budget is given by --flops here."),
        ("study new a.yaml --flops 5M", "A budget is given by --budget here."),
        ("study run a --set recipe.epochs 30", "KEY=VALUE: --set recipe.epochs=30."),
        ("suggest --flops 5 M", "A number and its unit are one word: 5M."),
        ("suggest --flops 5M --cardinality 1 2 4", "with commas and without spaces: 1,2,4."),
        ("study winner run mine", "resnext-explorer study winner takes STUDY. A name with spaces"),
        ("study run mine --set recipe.epochs = 2", "KEY=VALUE has no space in it"),
        ("study run mine my.nets:net(depth=3)", "takes STUDY. It takes no further network."),
        ("match resnet50 cardinality=1,2", "stands behind its option: --cardinality 1,2."),
        ("study new x.yaml --margin 0,5", "Write 0.5, with a point."),
        ("study new x.yaml --margin 1%", "Write 1, without %."),
        ("dashboard s", "It shows all studies; one by name: resnext-explorer report s."),
        ("dashboard evidence:h100", "for this project: `resnext-explorer report evidence:h100`"),
        ("study list mine", "one by name: resnext-explorer study show mine."),
        ("study run", ""),
    ],
)
def test_a_refused_command_line_is_answered_with_how_to_write_it(line: str, hint: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        cli.main(line.split(), prog_name="resnext-explorer", standalone_mode=False)
    assert hint in advice(caught.value)
    assert bool(hint) == bool(advice(caught.value))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run mine", "'run': it is a command of study: resnext-explorer study run."),
        ("winner mine", "it is a command of study: resnext-explorer study winner."),
        ("study xyz", "unknown study command 'xyz'. Known: delete, import, list, "),
        ("study runn mine", "Did you mean 'run'?"),
        ("enumerat resnet50", "unknown command 'enumerat'. Did you mean 'enumerate'?"),
    ],
)
def test_an_unknown_command_is_answered_with_those_there_are(line: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        cli.main(line.split(), prog_name="resnext-explorer", standalone_mode=False)
    assert message in str(caught.value)
