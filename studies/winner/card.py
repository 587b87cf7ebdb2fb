"""The card of a trained winner: what it is, how it was made, on what, and with which error."""

from typing import TYPE_CHECKING, Any

from explorer.suggestions import command

if TYPE_CHECKING:
    from studies.winner.winner import Winner

AFTER_USE = (
    "The same on the command line:",
    "",
    "```sh",
    command("predict", "photo1.jpg", "photo2.jpg", weights="weights.safetensors"),
    "```",
    "",
    "Weights and ONNX file say, as metadata, the design, the shape of the input, how pixels are",
    "scaled, and the names of the classes. Of the ONNX file, onnxruntime shows them with",
    "`session.get_modelmeta().custom_metadata_map`.",
)


def card(
    name: str,
    winner: "Winner",
    facts: dict[str, Any],
    recipe: dict[str, Any],
    files: dict[str, str],
    record: dict[str, Any],
) -> str:
    """What the model is, how it was made, on what, and with which error: Markdown.

    It begins with the front matter that model hubs read, `record` at its end.
    """
    lines = [
        *_front_matter(facts, record),
        f"# {facts['design']}",
        "",
        f"Chosen by the study `{name}`: {winner.why}",
        "",
        "## What",
        "",
    ]
    lines += [f"- {key}: {value}" for key, value in facts["what"].items()]
    lines += ["", "## On what", ""] + [f"- {key}: {value}" for key, value in facts["data"].items()]
    lines += ["", "## How", ""] + [
        f"- {key}: {value}" for key, value in {**recipe, **facts["how"]}.items()
    ]
    lines += ["", "## With which error", ""] + [
        f"- {key}: {value}" for key, value in facts["errors"].items()
    ]
    lines += ["", "## Files", ""] + [f"- `{file}`: {what}" for file, what in files.items()]
    lines += [
        "",
        "## Use",
        "",
        "In the folder of this card:",
        "",
        "```python",
        *facts["use"],
        "```",
        "",
        *AFTER_USE,
    ]
    options = {"weights": "weights.safetensors", "data": "folder", "data_dir": "photos"}
    options["set"] = "data.test=0.2"
    lines += [
        "",
        "Trained further on other images (here a folder `photos` of folders, one a class), with a",
        "new classifier where it must be:",
        "",
    ]
    lines += ["```sh", command("train", facts["design"], **options), "```"]
    return "\n".join(lines) + "\n"


def _front_matter(facts: dict[str, Any], record: dict[str, Any]) -> list[str]:
    """What a model hub reads of a card: Hugging Face's metadata, YAML between lines of dashes."""
    import yaml

    result: dict[str, Any] = {
        "task": {"type": "image-classification"},
        "dataset": {"name": facts["data set"], "type": facts["data set"]},
        "metrics": [{"type": "accuracy", "value": round(1 - facts["test error"], 6)}],
    }
    about = {
        "library_name": "resnext-explorer",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "resnext", "safetensors", "onnx"],
        "model-index": [{"name": facts["design"], "results": [result]}],
        **record,
    }
    return ["---", *yaml.safe_dump(about, sort_keys=False).splitlines(), "---", ""]


def output_words(names: tuple[str, ...]) -> str:
    """What the outputs of the network are, for the card."""
    return (
        f"a logit a class, in this order: {', '.join(names)}"
        if names
        else "a logit a class, in the order of the labels"
    )


def error_words(outcome: Any, names: tuple[str, ...]) -> dict[str, str]:
    """What may be said of the errors: the validation images were
    trained on, so theirs is left out."""
    from studies.training import errors_by_class

    errors = {}
    for part in ("test", "train"):
        top5 = getattr(outcome, f"{part}_top5_error")
        more = f" (top-5 {100 * top5:.2f} %)" if top5 is not None else ""
        errors[f"{part} error"] = f"{100 * getattr(outcome, f'{part}_error'):.2f} %{more}"
    if outcome.test_balanced_error is not None:
        errors["balanced test error"] = (
            f"{100 * outcome.test_balanced_error:.2f} %, the mean of the errors by class"
        )
        errors["test error by class"] = errors_by_class(outcome.test_errors_by_class, names)
    return errors


def number_words(values: tuple[float, ...]) -> str:
    """Numbers with six digits, separated by commas."""
    return ", ".join(f"{value:.6g}" for value in values)
