"""The example families are the published networks, and their studies run."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from explorer import count, match
from studies.config.study import StudyFile

HOUSE = Path(__file__).parents[2]
EXAMPLES = HOUSE / "examples"
Here = Callable[..., "subprocess.CompletedProcess[str]"]

# Million parameters with 1,000 classes: Res2Net and MobileNetV2 as their authors and timm give
# them, ConvNeXt-T's exact number as torchvision counts it. Our heads are theirs.
PUBLISHED = {
    "examples.res2net:res2net(scale=4,width=26)": 25.70,
    "examples.res2net:res2net(scale=2,width=48)": 25.29,
    "examples.res2net:res2net(scale=8,width=14)": 25.06,
    "examples.mobilenet:mobilenet": 3.50,
    "examples.convnext:convnext": 28.589128,
}


@pytest.fixture(autouse=True)
def in_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOUSE)


@pytest.mark.parametrize(("name", "millions"), PUBLISHED.items())
def test_published_parameter_counts_come_out(name: str, millions: float) -> None:
    digits = len(str(millions).split(".")[1]) if millions > 28 else 2
    assert round(count(name).params / 1e6, digits) == millions


@pytest.mark.heavy
def test_the_published_widths_are_what_the_solver_finds_for_their_scales() -> None:
    designs = match("examples.res2net:res2net", solve="width", scale=[2, 4, 8])
    widths = [design.architecture.quantities["width"] for design in designs]
    # At the FLOPs of 26w x 4s; published are 48, 26 and 14.
    assert widths == [49, 26, 14]
    brute = {
        width: abs(
            count(designs[0].architecture.with_(width=width)).flops - designs[0].budget.value
        )
        for width in range(46, 53)
    }
    assert min(brute, key=brute.__getitem__) == 49


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_resolves_to_arms_of_one_to_three_mflops_within_five_percent(
    path: Path,
) -> None:
    designs = StudyFile.load(path).wanted().designs
    assert len(designs) >= 3
    for design in designs:
        assert 1e6 <= design.complexity.flops <= 3e6
        assert abs(design.mismatch) <= 0.05


def test_a_study_of_an_example_runs_at_toy_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Here
) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    document = yaml.safe_load(Path("examples/res2net_digits.yaml").read_text())
    document["recipe"]["epochs"] = 1
    document["seeds"] = [0]
    document["space"]["axes"]["scale"] = [1, 4]
    Path("toy.yaml").write_text(yaml.safe_dump(document))
    run = here("study", "run", "toy.yaml", "--workers", "1", "--storage", "sqlite:///toy.db")
    assert run.returncode == 0, run.stderr
    assert "2 of 2 pairs complete" in run.stdout
