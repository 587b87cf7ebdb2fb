"""The command schema: what an editor needs to complete and check the files that people write."""

import json
from pathlib import Path

import click

from explorer.commands.options import FORCE_OPTION

MARK = b'"title": "A '


@click.command()
@click.argument("kind", metavar="KIND", type=click.Choice(["study", "space", "recipe"]))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write it to this file (.json)."
)
@FORCE_OPTION
def schema(kind: str, output: Path | None, force: bool) -> None:
    """Print the JSON Schema of a file: of a study, a space or a recipe.

    Editors with a YAML language server (Visual Studio Code, PyCharm, Neovim and others) complete
    keys, show what they mean and mark mistakes in a file whose first line names the schema.

    \b
    Example:
      resnext-explorer schema study -o study.schema.json
      sed -i '1i # yaml-language-server: $schema=study.schema.json' my_study.yaml
    """
    from explorer.files import check_output, write_atomic
    from studies.config.schemas import schema as made

    text = json.dumps(made(kind), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    check_output(output, (".json",), MARK, force=force)
    click.echo(f"Wrote {write_atomic(output, text)}", err=True)
