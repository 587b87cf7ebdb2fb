"""The commands around a study's runs: plan, show and delete."""

import sys
from typing import TYPE_CHECKING, Any

import click

from explorer.commands.options import JSON_OPTION
from explorer.errors import UserError
from explorer.suggestions import command
from studies.commands.options import (
    set_option,
    storage_option,
    training_options,
    wanted_study,
    with_stored_study,
)

if TYPE_CHECKING:
    import pandas as pd

    from studies.records.stored_study import StoredStudy
    from studies.running.plan import Plan, RecipePlan
    from studies.storage import Storage


QUARTILES = "quartiles"  # of a latency


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@set_option
@storage_option
@training_options
@JSON_OPTION
def plan(
    name_or_path: str, changes: tuple[str, ...], storage: str | None, as_json: bool, **training: Any
) -> None:
    """Show what STUDY would train, how many FLOPs that takes, and how long it takes here.

    Of a study that is stored already, it shows what is left. A few steps of the cheapest and of
    the most expensive design are measured, unless nothing is left; the time is an estimate for a
    machine that does nothing else. Nothing is stored.

    \b
    Examples:
      resnext-explorer study plan digits_cardinality --workers 2
      resnext-explorer study plan ./my_study.yaml --data-dir ~/data --set recipe.epochs=100
    """
    from explorer.terminal import print_json
    from studies.running.plan import plan as make_plan
    from studies.storage import Storage

    opened = Storage(storage)
    study = wanted_study(opened, name_or_path, changes)

    def tell(text: str) -> None:
        click.echo(text, err=True)

    work = make_plan(study, storage=opened, tell=tell, **training)
    if as_json:
        print_json(work.record())
        return
    start = command("study run", name_or_path, set=changes, **training, storage=opened.option)
    _print_plan(work, start)


def _print_plan(plan: "Plan", start: str) -> None:
    from explorer.commands.printing import print_far_off
    from explorer.terminal import print_table
    from explorer.text import counted, human_flops, human_time
    from studies.running.plan_table import plan_table

    print_table(*plan_table(plan), left=["design"], spare=["params", "FLOPs", "design"])
    print_far_off(plan.designs, "whole number")
    for point in plan.left_out:
        click.echo(f"Left out: {point.arm}: {point.reason}")
    parts: list[tuple[str, Plan | RecipePlan]] = [
        *((f"by {part.name}", part) for part in plan.recipes)
    ] or [("", plan)]
    lengths = "; ".join(
        f"{counted(part.epochs, 'epoch')}, {part.steps} steps of {part.batch_size} images each"
        + (f", {by}" if by else "")
        for by, part in parts
    )
    click.echo(
        f"\n{plan.study}: {plan.trials} of {lengths}, on {plan.splits['train']} training images"
    )
    for note in plan.notes:
        click.echo(note)
    if plan.stored:
        counts = {"complete": plan.stored.complete} | {
            status: count
            for status in ("pruned", "failed")
            if (count := getattr(plan.stored, status))
        }
        stored = ", ".join(f"{count} {status}" for status, count in counts.items())
        click.echo(f"Stored: {stored}; {len(plan.left):,} left to train")
    if not plan.left:
        click.echo("Planning changed nothing, and nothing is left to train.")
        return
    settings = plan.settings
    precision = "32 bits" if settings.precision == "32" else settings.precision
    steps = "; ".join(
        f"{' '.join(filter(None, (measured.design, by)))}: {human_time(measured.step)}"
        for by, part in parts
        for measured in part.measured
    )
    click.echo(
        f"Training: {human_flops(plan.flops)} FLOPs {'for the rest' if plan.stored else 'in all'}"
        " (multiply-adds; backward counts twice)\n"
        f"Time: {'at most' if plan.expected else 'about'} {human_time(plan.seconds)} with"
        f" {counted(plan.workers, 'worker')} on"
        f" {settings.device} ({precision}, {counted(settings.threads, 'thread')} each); a measured"
        f" step took, {steps}\n"
        f"Planning changed nothing. {'Go on' if plan.stored else 'Start it'} with: {start}"
    )


@click.command()
@with_stored_study
@JSON_OPTION
def show(storage: "Storage", study: "StoredStudy", as_json: bool) -> None:
    """Show a stored STUDY.

    That is how its arms stand, what failed and why, what it was run with, and its file.

    \b
    Examples:
      resnext-explorer study show digits_cardinality
      resnext-explorer study show digits_cardinality --json
    """
    from dataclasses import asdict

    from explorer.terminal import print_json, print_table
    from studies.judging.latency import latency_words
    from studies.results import Reader, failures

    tables, failed = Reader(storage).tables(study.name), failures(storage, study)
    info = tables.info
    if as_json:
        counts = asdict(tables.counts)
        print_json({**info, "counts": counts, "failures": [failure.record() for failure in failed]})
        return
    click.echo(f"{study.name}: {info['question']}" if info["question"] else study.name)
    keys = ["arm", *(["recipe"] if study.recipes else [])]
    rows = [_arm(group, info["is_solved"]) for _, group in tables.trials.groupby(keys, sort=False)]
    if tables.trials["latency"].isna().all():
        rows = [{key: row[key] for key in row if key not in ("latency", QUARTILES)} for row in rows]
    spare = [QUARTILES, "params", "FLOPs", "mismatch", "design"]
    print_table(list(rows[0]), [list(row.values()) for row in rows], left=["design"], spare=spare)
    facts = {"Latency": latency_words(info["settings"])} if "latency" in rows[0] else {}
    facts |= {
        "Reference arm": info["reference_arm"],
        "Created": info["created"],
        "Data": _named(info["data"]),
        "Settings": _named(info["settings"]),
        "Machine": info["machine"],
        "Versions": _named(info["versions"]),
        "Commit": info["git commit"] or "unknown",
        "Seeds": f"{info['seeds']}, planned {info['planned_seeds']}",
    }
    if info["until"]:
        facts["Until"] = info["until"]["text"]
    if info["search"]:
        facts["Search"] = _shown_search(info["search"])
    facts |= {f"Tuned {arm}": _shown_tuning(tuned) for arm, tuned in info["tuned"].items()}
    click.echo("\n" + "\n".join(f"{name}: {value}" for name, value in facts.items()))
    for sentence in info["about"]:
        click.echo(sentence)
    for failure in failed:
        click.echo(f"\nFailed: {failure.what} (attempt {failure.attempt}): {failure.reason}")
        for line in failure.log:
            click.echo(f"  | {line}")
    click.echo(f"\n{info['document'].rstrip()}")
    click.echo(f"\nNext: {command('report', study.name, storage=storage.option)}")


def _arm(pairs: "pd.DataFrame", is_solved: bool) -> dict[str, Any]:
    """The pairs of one arm as a row of `study show`."""
    from explorer.text import human_count, human_flops, human_mismatch, human_percent, human_time
    from studies.judging.latency import latency_of

    design, errors = pairs.iloc[0], pairs["validation_error"].dropna()
    latency = latency_of(pairs)
    statuses = ("complete", "running", "failed")
    return {
        "arm": design["arm"],
        **({"recipe": design["recipe"]} if "recipe" in pairs else {}),
        "design": design["design"],
        "FLOPs": human_flops(design["flops"]),
        "params": human_count(design["params"]),
        "mismatch": human_mismatch(design["mismatch"], is_solved=is_solved),
        "pairs": len(pairs),
        **{status: (pairs["status"] == status).sum() for status in statuses},
        "validation error": human_percent(errors.mean()) if len(errors) else "",
        "latency": human_time(latency.seconds) if latency else "",
        QUARTILES: latency.between if latency else "",
    }


def _named(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _shown_search(search: dict[str, Any]) -> str:
    asked, possible = search["trials"], search["trials_possible"]
    trials = f"{search['trials_proposed']} of {min(asked, possible)} trials proposed"
    if possible < asked:
        trials += f" (the space holds no more; {asked} were asked for)"
    finalists = "; ".join(search["finalists_chosen"]) or "none yet"
    objectives = " and ".join(search["objectives"])
    return f"{search['method']} on {objectives}, {trials}; on all seeds: {finalists}"


def _shown_tuning(tuned: dict[str, Any]) -> str:
    """An arm's recipe, with values at the edge of their ranges flagged, and its tuning trials."""
    from explorer.text import counted, human_percent

    edge = " (at the edge of its range: a wider one might do better)"
    recipe = ", ".join(
        f"{quantity} {value:g}{edge if quantity in tuned['at_edge'] else ''}"
        for quantity, value in tuned["recipe"].items()
    )
    errors = [error for error in tuned["errors"] if error is not None]
    without = len(tuned["errors"]) - len(errors)
    return (
        f"{recipe}; validation error {human_percent(min(errors))}, best of"
        f" {counted(len(errors), 'tuning trial')}"
        + (f" ({without} more without a result)" if without else "")
    )


@click.command()
@with_stored_study
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while it is being trained.")
@click.option(
    "--artifacts", metavar="URL", help="As its runs were given: its files there are deleted too."
)
def delete(
    storage: "Storage", study: "StoredStudy", yes: bool, force: bool, artifacts: str | None
) -> None:
    """Delete a stored STUDY with its results, logs and checkpoints. This cannot be undone.

    \b
    Examples:
      resnext-explorer study delete digits_cardinality
      resnext-explorer study delete my_study --artifacts /shared/artifacts
    """
    from studies.artifacts import Artifacts
    from studies.results import delete as delete_study

    counts = study.counts(storage)
    store = Artifacts.given(artifacts)
    what = f"{study.name} with {counts.complete:,} results from {storage.shown}"
    if store:
        what += f", and its files at {store.shown}"
    if not yes and not _is_confirmed(f"Delete {what}? This cannot be undone"):
        raise UserError(f"{study.name} was not deleted; --yes deletes it without asking.")
    delete_study(storage, study, force=force, artifacts=store)
    click.echo(f"Deleted {what}.")


def _is_confirmed(question: str) -> bool:
    """The answer to a question; no where nobody is there to answer it."""
    try:
        return click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        return False
