"""The command `study winner`: which design is best and why; the same
design trained fully, and exported with a card."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.errors import UserError
from explorer.output import say
from explorer.suggestions import command
from explorer.text import counted
from studies.commands.options import GivenPath, set_option, storage_option, stored_study
from studies.config.overrides import override
from studies.config.study import to_run

if TYPE_CHECKING:
    from studies.config.recipe import Recipe
    from studies.records.stored_study import StoredStudy
    from studies.winner.winner import Winner

WEIGHTS, ONNX, CARD, CHECKPOINTS = "weights.safetensors", "network.onnx", "card.md", ".checkpoints"
FROM_FILE = (
    "; from a file: turned upright, laid on white, the middle square resized by Pillow's bicubic"
    " filter"
)
BLACK_AND_WHITE = (
    "; on the scale of `white`: samples of {:.10g} are black (0), of {:.10g} white (255)"
)


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@click.option(
    "--retrain",
    is_flag=True,
    help="Train it fully, on train and validation images, and test it once.",
)
@click.option("--recipe", help="Retrain by this preset or YAML file (default: the study's recipe).")
@set_option
@click.option("--export", "folder", type=GivenPath(), help="Folder for weights, ONNX and a card.")
@click.option("--data-dir", type=GivenPath(), help="Folder with the data set's files.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of the retraining.",
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@storage_option
@click.pass_context
def winner(
    ctx: click.Context,
    name_or_path: str,
    retrain: bool,
    recipe: str | None,
    changes: tuple[str, ...],
    folder: Path | None,
    data_dir: Path | None,
    seed: int,
    device: str,
    as_json: bool,
    storage: str | None,
) -> None:
    """Show the design of STUDY with the lowest validation error, with an
    interval for each other; train it fully to take along.

    A retraining that was stopped goes on where it was, by the same command. Exit codes: 0 all
    written, 1 all but the ONNX file, 2 a mistake, 130 stopped.

    \b
    Examples:
      resnext-explorer study winner digits_cardinality
      resnext-explorer study winner my_study --retrain --set recipe.epochs=30 --export best
      resnext-explorer study winner my_study --retrain --recipe resnext_cifar --data-dir ~/data
    """
    from dataclasses import asdict

    from explorer.terminal import print_json
    from studies.records.arm_standings import until_standings
    from studies.results import Reader
    from studies.storage import Storage
    from studies.winner.winner import choose

    if retrain and folder is None:
        raise UserError("--retrain needs a folder for the model: --export DIR.")
    if not retrain and (folder or recipe or changes):
        raise UserError(
            "--export, --recipe and --set are for the full training; give --retrain with them."
        )
    opened = Storage(storage)
    stored = stored_study(opened, name_or_path)
    standings, is_search = until_standings(stored), bool(stored.content.document.search)
    chosen = choose(
        Reader(opened).tables(stored.name).trials,
        to_run(name_or_path),
        opened.option,
        decided=standings.text if standings else "",
        chosen_on=stored.seeds[0] if is_search else None,
    )
    if not as_json:
        _show(chosen, len(stored.designs) if is_search else 0)
    written: dict[str, Any] = {}
    imported = stored.content.origin.imported
    if imported:
        further = command("train", chosen.design, data="DATA", o="weights.safetensors")
    else:
        further = command(
            "study winner", name_or_path, retrain=True, export="best", storage=opened.option
        )
    if folder is not None:
        if imported:
            raise UserError(
                f"{stored.name} was imported from {imported}, which does not say on what data it"
                f" was trained. Train its winner by itself: {further}"
            )
        wanted = _recipe(stored, chosen.design, recipe, changes)
        written = _retrain(stored, chosen, wanted, folder, data_dir, seed, device, quiet=as_json)
    if as_json:
        print_json({**asdict(chosen), "why": chosen.why, **written})
    elif not retrain:
        click.echo(f"Next: {further}")
    if written.get("onnx_error"):
        click.echo(f"Error: {written['onnx_error']}", err=True)
        ctx.exit(1)


def _show(chosen: "Winner", tried: int) -> None:
    """The winner beside its rivals. `tried` is the number of designs of a search, else 0."""
    from explorer.terminal import print_table
    from explorer.text import human_percent

    def points(value: float | None) -> str:
        return "" if value is None else f"{100 * value:+.2f}"

    rows = [[chosen.arm, chosen.design, human_percent(chosen.validation_error), "", "", "chosen"]]
    for rival in chosen.rivals:
        interval = f"{points(rival.low)} to {points(rival.high)}" if rival.low is not None else ""
        error = human_percent(rival.validation_error)
        rows.append([rival.arm, rival.design, error, points(rival.worse), interval, rival.stands])
    columns = ["arm", "design", "validation error", "worse by (points)", "95 % interval", ""]
    print_table(columns, rows, left=["design", ""])
    click.echo(f"\n{chosen.why}")
    if tried:
        click.echo(
            f"Of {counted(tried, 'design')} that a search tried on its first seed. On that one the"
            " best looks better than it is, so it does not count for those trained on more."
        )
    elif chosen.fewer_seeds:
        click.echo(f"With too few seeds, and not compared: {', '.join(chosen.fewer_seeds)}.")


def _recipe(
    stored: "StoredStudy", design: str, given: str | None, changes: tuple[str, ...]
) -> "Recipe":
    """The recipe of the full training: the one given, else the
    study's, as it was tuned for the design."""
    from search_spaces.documents import load_document, validate
    from studies.config.recipe import Recipe

    if given is not None:
        document = load_document(Recipe, "recipe", given).model_dump(mode="json")
    else:
        tuned = stored.tuned.get(design)
        document = {
            **stored.content.file.recipe.model_dump(mode="json"),
            **(tuned.recipe if tuned else {}),
        }
    changed = override({"recipe": document}, changes, sections=["recipe"])["recipe"]
    return validate(Recipe, changed, source="recipe")


def _retrain(
    stored: "StoredStudy",
    chosen: "Winner",
    recipe: "Recipe",
    folder: Path,
    data_dir: Path | None,
    seed: int,
    device: str,
    *,
    quiet: bool,
) -> dict[str, Any]:
    """Train the winner on train and validation, export it into
    `folder`, and return what came out."""
    import importlib.util

    from studies.data import load
    from studies.machine.provenance import installed_versions
    from studies.machine.settings import resolve_here, speed_hints
    from studies.records.same_data import check_data
    from studies.training import training_notes
    from studies.winner.card import error_words, number_words, output_words
    from studies.winner.winner import train_on_both

    if (folder / CARD).exists():
        raise UserError(f"{folder} holds a model already; name another folder, or remove it.")
    for module in ("onnxruntime", "onnxscript"):
        if importlib.util.find_spec(module) is None:
            raise UserError(
                f"ONNX export needs the extra [onnx] ({module} is missing): pip install"
                " 'resnext-explorer[onnx]'."
            )
    architecture, spec = stored.design(chosen.design).architecture, stored.content.file.data
    settings = resolve_here(device)
    splits = load(spec, data_dir)
    check_data(stored, splits)
    said = training_notes(splits, recipe)  # of all images, each once
    splits = train_on_both(splits)
    recipe.steps_per_epoch(len(splits.train))

    from studies.machine import failures
    from studies.machine.memory import keep_memory
    from studies.training import TrainingFailed, train

    if settings.device == "cpu":
        keep_memory()

    def tell(row: dict[str, Any]) -> None:
        if not quiet:
            say(
                f"epoch {row['epoch']} of {recipe.epochs}: train error"
                f" {100 * row['train_error']:.1f} %"
            )

    if not quiet:
        say(
            f"\nTraining {chosen.design} on {len(splits.train)} images,"
            f" {counted(recipe.epochs, 'epoch')}, {settings.device}."
        )
        say("\n".join([*said, *speed_hints(settings)]))
    try:
        (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write into the folder {folder}: {error.strerror}. Name another."
        ) from None
    try:
        outcome = train(
            architecture,
            recipe,
            splits,
            seed,
            settings,
            checkpoints=folder / CHECKPOINTS,
            on_epoch=tell,
        )
    except TrainingFailed as failure:
        raise UserError(
            f"the training failed: {failure.reason}. Try another --recipe, or --set."
        ) from None
    except (MemoryError, RuntimeError) as error:
        if not failures.is_out_of_memory(error):
            raise
        raise UserError(
            f"the training failed: {failures.describe(error, failures.ALONE)}."
        ) from None
    except KeyboardInterrupt:
        click.echo("The same command goes on from the last finished epoch.", err=True)
        raise
    finally:
        with suppress(OSError):  # there is a checkpoint, or what was there before
            (folder / CHECKPOINTS).rmdir()
            folder.rmdir()
    errors = error_words(outcome, splits.names)
    facts: dict[str, Any] = {
        "design": chosen.design,
        "what": {
            "network": f"{architecture.name}, {architecture.classes} classes",
            "input": (
                f"{architecture.in_channels} x {architecture.resolution} x"
                f" {architecture.resolution}, pixels divided by 255, then minus"
                f" {number_words(splits.mean)}, over {number_words(splits.std)} (a number a"
                " channel)"
                + (FROM_FILE if spec.name == "folder" else "")
                + (
                    BLACK_AND_WHITE.format(*splits.black_and_white)
                    if splits.black_and_white
                    else ""
                )
            ),
            "output": output_words(splits.names),
        },
        "metadata": splits.to_export(),
        "data": {
            "data": ", ".join(
                f"{key} {value}" for key, value in spec.model_dump(exclude_none=True).items()
            ),
            "trained on": f"{len(splits.train)} images: the study's train and validation splits",
            "tested on": f"{len(splits.test)} images, read once, after the last epoch",
            "notes": " ".join(said),
        },
        "how": {
            "seed": seed,
            "settings": ", ".join(f"{key} {value}" for key, value in settings.model_dump().items()),
            "versions": ", ".join(f"{key} {value}" for key, value in installed_versions().items()),
        },
        "errors": errors,
        "use": [
            "from safetensors.torch import load_file",
            "from explorer import Architecture, build",
            "",
            (
                f'architecture = Architecture.from_name("{architecture.name}",'
                f" resolution={architecture.resolution}, in_channels={architecture.in_channels},"
                f" classes={architecture.classes})"
            ),
            "network = build(architecture).eval()",
            f'network.load_state_dict(load_file("{WEIGHTS}"))',
        ],
    }
    onnx_error = _export(architecture, outcome, stored.name, chosen, facts, recipe, folder)
    if not quiet:
        click.echo("\n" + "\n".join(f"{key}: {value}" for key, value in errors.items()))
        names = (WEIGHTS, CARD) if onnx_error else (WEIGHTS, ONNX, CARD)
        click.echo(f"Written: {', '.join(str(folder / name) for name in names)}")
    return {
        "test_error": outcome.test_error,
        "test_balanced_error": outcome.test_balanced_error,
        "test_errors_by_class": outcome.test_errors_by_class,
        "epochs": outcome.epochs,
        "folder": str(folder),
        "onnx_error": onnx_error,
    }


def _export(
    architecture: Any,
    outcome: Any,
    study: str,
    chosen: "Winner",
    facts: dict[str, Any],
    recipe: "Recipe",
    folder: Path,
) -> str | None:
    """Weights, ONNX, and the card last: all of them, or none. The network is not
    lost where only ONNX fails: then, why it did."""
    import shutil

    from explorer.files import write_atomic
    from explorer.networks import build, export
    from studies.winner.card import card

    network = build(architecture)
    network.load_state_dict(outcome.state_dict)
    onnx_error = None
    try:
        files = {
            WEIGHTS: (
                f"load with `{export(network, folder / WEIGHTS, 'safetensors', facts['metadata'])}`"
            )
        }
        try:
            files[ONNX] = (
                f"checked against onnxruntime; load with `{export(network, folder / ONNX, 'onnx')}`"
            )
        except Exception as error:  # noqa: BLE001 - torch's exporter and onnxruntime fail in any way
            (folder / ONNX).unlink(missing_ok=True)  # one of an earlier network
            again = command(
                "export",
                architecture.name,
                format="onnx",
                resolution=architecture.resolution,
                classes=architecture.classes,
                in_channels=architecture.in_channels,
                weights=folder / WEIGHTS,
                o=folder / ONNX,
            )
            onnx_error = (
                f"there is no {ONNX}: the export to ONNX failed: {_why(error)}. Try again with:"
                f" {again}"
            )
            files[ONNX] = "missing: its export failed"
        write_atomic(
            folder / CARD, card(study, chosen, facts, recipe.model_dump(mode="json"), files)
        )
    except BaseException as error:
        for name in (WEIGHTS, ONNX):
            (folder / name).unlink(missing_ok=True)
        if not isinstance(error, Exception):
            raise
        raise UserError(
            f"the network is trained, but could not be exported: {_why(error)}. Nothing was"
            f" exported; the checkpoint in {folder / CHECKPOINTS} stays, and the same command tries"
            " again without training."
        ) from None
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return onnx_error


def _why(error: Exception) -> str:
    why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return " ".join(why.split())[:500].rstrip(".")
