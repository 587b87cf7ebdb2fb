"""What is written of a winner that was trained fully: its weights, the ONNX file and the card."""

import importlib.util
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from explorer.suggestions import command

if TYPE_CHECKING:
    from studies.config.recipe import Recipe
    from studies.winner.winner import Winner

WEIGHTS, ONNX, CARD, CHECKPOINTS = "weights.safetensors", "network.onnx", "card.md", ".checkpoints"
KEY = "resnext-explorer"  # of the front matter of a card: which training it is of
USE = (
    "from studies import Predictor",
    "",
    f'predictor = Predictor.load("{WEIGHTS}")',
    'for prediction in predictor.predict(["photo1.jpg", "photo2.jpg"]):  # or folders',
    "    print(prediction.file, prediction.classes)",
)
FROM_FILE = (
    "; from a file: turned upright, laid on white, the middle square resized by Pillow's bicubic"
    " filter"
)
BLACK_AND_WHITE = (
    "; on the scale of `white`: samples of {:.10g} are black (0), of {:.10g} white (255)"
)


def without_onnx() -> str:
    """Why no ONNX file can be written here, and how it can; "" where it can."""
    for module in ("onnxruntime", "onnxscript"):
        if importlib.util.find_spec(module) is None:
            return (
                f"{ONNX} is left out: it needs the extra [onnx] ({module} is missing): pip install"
                " 'resnext-explorer[onnx]'."
            )
    return ""


def read_model(folder: Path) -> dict[str, Any]:
    """What the card in a folder says of the training that it is of, for programs; nothing where
    it is no card of ours."""
    import yaml

    try:
        _, front_matter, *_ = (folder / CARD).read_text(encoding="utf-8").split("---\n", 2)
        about = yaml.safe_load(front_matter)
        return dict(about[KEY]) if (folder / WEIGHTS).exists() else {}
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return {}


def facts_of(
    chosen: "Winner",
    architecture: Any,
    spec: Any,
    splits: Any,
    said: list[str],
    seed: int,
    settings: Any,
    outcome: Any,
    latency: str,
) -> dict[str, Any]:
    """What the card says of the network, the data and the training; `latency` is what the study's
    latencies are."""
    from explorer import count
    from explorer.text import human_flops
    from studies.machine.provenance import installed_versions
    from studies.winner.card import error_words, number_words, output_words

    cost = count(architecture)
    costs = {"cost": f"{cost.params:,} parameters, {human_flops(cost.flops)} FLOPs an image"}
    if chosen.latency:
        costs[f"latency of {WEIGHTS}"] = f"{chosen.latency} in torch, {latency}"
    return {
        "design": chosen.design,
        "data set": spec.name,
        "test error": outcome.test_error,
        "what": {
            "network": f"{architecture.name}, {architecture.classes} classes",
            "input": (
                f"{architecture.in_channels} x {architecture.resolution} x"
                f" {architecture.resolution}, pixels divided by 255, then minus"
                f" {number_words(splits.mean)}, over {number_words(splits.std)} (a number a"
                " channel)"
                + (FROM_FILE if spec.name == "folder" else "")
                + (
                    BLACK_AND_WHITE.format(
                        splits.black_and_white.black, splits.black_and_white.white
                    )
                    if splits.black_and_white
                    else ""
                )
            ),
            "output": output_words(splits.names),
            **costs,
        },
        "metadata": {**splits.to_export(), "precision": settings.precision},
        "data": {
            "data": ", ".join(
                f"{key} {value}" for key, value in spec.model_dump(exclude_none=True).items()
            ),
            "trained on": f"{len(splits.train):,} images: the study's train and validation splits",
            "tested on": f"{len(splits.test):,} images, read once, after the last epoch",
            "notes": " ".join(said),
        },
        "how": {
            "date": str(datetime.now().date()),
            "seed": seed,
            "settings": ", ".join(f"{key} {value}" for key, value in settings.model_dump().items()),
            "versions": ", ".join(f"{key} {value}" for key, value in installed_versions().items()),
        },
        "errors": error_words(outcome, splits.names),
        "use": USE,
    }


def write_model(
    architecture: Any,
    outcome: Any,
    study: str,
    chosen: "Winner",
    facts: dict[str, Any],
    recipe: "Recipe",
    folder: Path,
    record: Mapping[str, Any],
) -> str | None:
    """Weights, ONNX, and the card last: all of them, or none. The network is not
    lost where only ONNX fails: then, why it did. `record` is what `read_model` gives back."""
    import shutil

    from explorer.files import write_atomic
    from explorer.networks import build, export, time_onnx
    from studies.judging.latency import Latency
    from studies.winner.card import card

    network = build(architecture)
    network.load_state_dict(outcome.state_dict)

    def write(name: str, format_: str) -> str:
        """Write the network; what loads it, for who stands in the folder."""
        loading = export(network, folder / name, format_, facts["metadata"])
        return f"load with `{loading.replace(repr(str(folder / name)), repr(name))}`"

    onnx_error = None
    try:
        files = {WEIGHTS: write(WEIGHTS, "safetensors")}
        try:
            if without_onnx():
                raise UserError(without_onnx())
            files[ONNX] = f"checked against onnxruntime; {write(ONNX, 'onnx')}"
            low, median, high = time_onnx(folder / ONNX)
            facts["what"][f"latency of {ONNX}"] = (
                f"{Latency(median, low, high)} in onnxruntime, for one image on cpu, in 32 bits,"
                f" with 1 thread, measured on {datetime.now().date()}"
            )
        except Exception as error:  # noqa: BLE001 - torch's exporter and onnxruntime fail in any way
            (folder / ONNX).unlink(missing_ok=True)  # one of an earlier network
            again = command("export", format="onnx", weights=folder / WEIGHTS, o=folder / ONNX)
            failed = f"there is no {ONNX}: the export to ONNX failed: {_why(error)}"
            onnx_error = f"{without_onnx().removesuffix('.') or failed}. Try again with: {again}"
            files[ONNX] = (
                f"missing: {'it needs the extra [onnx]' if without_onnx() else 'its export failed'}"
            )
        write_atomic(
            folder / CARD,
            card(
                study,
                chosen,
                facts,
                recipe.model_dump(mode="json"),
                files,
                {KEY: {**record, "onnx_error": onnx_error}},
            ),
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
