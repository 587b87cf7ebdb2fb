"""A study of networks of one's own, from its file to the exported winner, in real processes.

It takes some ten seconds: a worker starts, and the winner is exported to ONNX.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from own_families import PLAIN, write

from dashboards.analysis.findings import Findings
from dashboards.app.pages.trial import page
from dashboards.figures.places import arm_axis
from explorer import UserError, blueprint
from explorer.networks import load_network
from studies.config.design import StoredDesign
from studies.data import DataShape
from studies.results import TRIALS, Reader, read, study_info
from studies.storage import Storage

Here = Callable[..., "subprocess.CompletedProcess[str]"]
STORAGE = "sqlite:///own.db"
STUDY = """
name: own
space:
  name: own
  reference: "studied:net(width=8,depths=1-1)"
  axes: {kernel: [1, 3]}
  match: {solve: width, by: flops}
reference_arm: {kernel: 3}
data: {name: digits, validation: 0.1, test: 0.5, split_seed: 0}
recipe: {name: quick, epochs: 1, batch_size: 64}
seeds: [0]
"""


@pytest.mark.heavy
def test_a_study_runs_from_its_file_to_the_exported_winner(workdir: Path, here: Here) -> None:
    pytest.importorskip("onnxscript")
    write(workdir, "studied", PLAIN)
    (workdir / "own.yaml").write_text(STUDY)
    run = here("study", "run", "own.yaml", "--workers", "1", "--storage", STORAGE)
    assert run.returncode == 0, run.stderr

    trials, curves = read(STORAGE, "own")
    assert list(trials) == [*TRIALS, "kernel", "source"]
    assert list(trials["kernel"]) == [1, 3]
    assert trials["cardinality"].isna().all()
    assert list(trials["depths"]) == ["1-1", "1-1"]
    assert set(trials["status"]) == {"complete"}
    assert len(curves) == 2
    design = trials["design"][1]
    assert design == "studied:net(depths=1-1,kernel=3,width=8)"
    assert (
        trials["flops"][1]
        == blueprint(design, resolution=8, in_channels=1, classes=10).count().flops
    )

    findings = Findings(trials, study_info(STORAGE, "own"))
    assert findings.reference == "kernel=3"
    assert arm_axis(findings).title == "kernel"
    assert here("report", "own", "--storage", STORAGE, "-o", "own.html").returncode == 0
    assert design in Path("own.html").read_text()

    # A page of one training shows the command, and runs none of the user's code.
    sys.modules.pop("studied")
    shown = str(page(Reader(Storage(STORAGE)), "own", design, "0", None))
    assert "resnext-explorer describe" in shown
    assert "studied" not in sys.modules

    # Another source is refused, also where only more seeds are wanted; reports stay.
    (workdir / "more.yaml").write_text(STUDY.replace("seeds: [0]", "seeds: [0, 1]"))
    write(workdir, "studied", PLAIN.replace("nn.ReLU()", "nn.Conv2d(width, width, 1), nn.ReLU()"))
    again = here("study", "run", "more.yaml", "--workers", "1", "--storage", STORAGE)
    assert again.returncode == 2
    assert (
        "the source of studied:net has changed since studied:net(depths=1-1,kernel=" in again.stderr
    )
    assert " flops, " in again.stderr
    assert again.stderr.count("\n") == 1
    assert here("report", "own", "--storage", STORAGE, "-o", "again.html").returncode == 0

    write(workdir, "studied", PLAIN)
    chosen = ("study", "winner", "own", "--storage", STORAGE, "--where", "kernel>=3")
    retrained = here(*chosen, "--retrain", "--export", "best")
    assert retrained.returncode == 0, retrained.stderr
    assert {path.name for path in Path("best").iterdir()} >= {"weights.safetensors", "network.onnx"}
    saved = load_network("best/weights.safetensors")
    assert saved.architecture.name == design
    shown = json.loads(here("study", "show", "own", "--storage", STORAGE, "--json").stdout)
    assert "studied:net" in json.dumps(shown)


def test_a_stored_design_is_read_as_it_was_stored(workdir: Path) -> None:
    write(workdir, "stored_net", PLAIN)
    network = blueprint("stored_net:net(width=8)", resolution=8, in_channels=1, classes=10)
    from explorer import match

    (design,) = match(network, solve="width", kernel=5)
    stored = StoredDesign.of(design)
    record = json.loads(json.dumps(stored.record()))
    read_again = StoredDesign.read(record, DataShape(8, 1, 10))
    assert read_again == stored
    assert read_again.architecture == design.architecture
    write(workdir, "stored_net", PLAIN.replace("nn.ReLU()", "nn.GELU()"))
    with pytest.raises(UserError, match="its costs are the same, but its code is not"):
        StoredDesign.read(record, DataShape(8, 1, 10)).architecture  # noqa: B018


def test_arms_of_powers_of_two_stand_on_a_log2_axis() -> None:
    def axis(values: list[int]) -> object:
        rows = [
            {
                "arm": f"scale={value}",
                "design": f"nets:net(scale={value},width={100 // value})",
                "reference": "",
                "status": "complete",
                "seed": 0,
                "test_error": 0.1,
                "cardinality": None,
                **dict.fromkeys(("kind", "growth", "shortcut", "order"), ""),
            }
            for value in values
        ]
        return arm_axis(Findings(pd.DataFrame(rows), {}))

    log2 = axis([1, 2, 4, 8])
    assert (log2.title, list(log2.ticks)) == ("scale (log2)", [0, 1, 2, 3])
    assert log2.ticks[1.0].below == ("width=50",)
    linear = axis([3, 5, 9])
    assert (linear.title, list(linear.ticks)) == ("scale", [1.5, 2.5, 4.5])
