"""Files of NDS: what becomes ours, what is left out by which rule, and that they are streamed.

No file of NDS is at hand; these are generated with the fields that theirs have.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from explorer.cli import cli
from explorer.errors import UserError
from studies.results import json_entries, read, study_info
from studies.results.nds import read_nds

URL = "sqlite:///t.db"
# Parameters: torchvision's of ResNeXt-50, and ResNet-20's with projections.
RESNEXT_50 = {
    "block_type": "res_bottleneck_block",
    "ds": [3, 4, 6, 3],
    "ws": [256, 512, 1024, 2048],
    "bot_muls": [0.5] * 4,
    "num_gs": [32] * 4,
    "ss": [1, 2, 2, 2],
}
RESNET_20 = {"block_type": "res_basic_block", "ds": [3, 3, 3], "ws": [16, 32, 64]}
PATHS = {
    "block_type": "res_bottleneck_block",
    "ds": [1, 1, 1],
    "ws": [32, 64, 128],
    "bot_muls": [0.5, 0.5, 0.5],
    "num_gs": [4, 4, 4],
}


def entry(net: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "net": net,
        "params": 272_474,
        "flops": 40_813_184,
        "train_ep_top1": [60.0, 40.0],
        "test_ep_top1": [50.0, 30.5],
        "optim": {"base_lr": 0.1, "wd": 5e-4, "max_ep": 2},
        "rng_seed": 1,
        **fields,
    }


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def test_a_file_becomes_a_study_with_errors_of_the_last_epoch(workdir: Path) -> None:
    path = written(workdir, "ResNet.json", [entry(RESNET_20)])
    told = CliRunner().invoke(
        cli, ["study", "import", "--format", "nds", str(path), "--storage", URL]
    )
    assert told.exit_code == 0, told.output
    assert "Their parameters are ours to the unit." in told.output
    trials, _ = read(URL, "ResNet")
    row = trials.iloc[0]
    assert (row["design"], row["seed"], row["epochs"]) == ("resnet20_cifar", 1, 2)
    assert (row["test_error"], row["train_error"]) == (0.305, 0.4)
    info = study_info(URL, "ResNet")
    assert info["data"]["name"] == "CIFAR-10"
    assert "as published at github.com/facebookresearch/nds" in info["about"][-1]


def test_a_file_of_imagenet_is_known_by_its_name(workdir: Path) -> None:
    costs = {"params": 25_028_904, "flops": 4_230_479_872}
    study = read_nds(written(workdir, "ResNeXt-B_in.json", [entry(RESNEXT_50, **costs)]))
    assert study.data == "ImageNet-1K"
    assert study.designs[0].architecture.name == "resnext50_32x4d"
    assert study.about[1:3] == [
        "Their parameters are ours to the unit.",
        "Their FLOPs are ours to the unit.",
    ]


def test_paths_may_double_instead_of_their_width(workdir: Path) -> None:
    wider = {**PATHS, "bot_muls": [0.5] * 3}
    more = {**PATHS, "num_gs": [4, 8, 16]}
    plain = {"block_type": "double_plain_block", "ds": [1, 1], "ws": [16, 32]}
    content = {"top": [entry(wider), entry(more)], "mid": [entry(plain)]}
    study = read_nds(written(workdir, "ResNeXt-A.json", content))
    assert [design.architecture.name for design in study.designs] == [
        "resnext_1-1-1_4x4d_w32_small16",
        "resnext_1-1-1_4x4d_w32_small16_growC",
        "resnet_1-1_w16_small16_plain",
    ]


def test_a_field_may_be_called_gs(workdir: Path) -> None:
    net = {key: value for key, value in PATHS.items() if key != "num_gs"}
    study = read_nds(written(workdir, "a.json", [entry({**net, "gs": [2, 2, 2]})]))
    assert study.designs[0].architecture.template.cardinality == 2


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        ({**PATHS, "ws": [32, 64, 64]}, "rule 2: the width does not double"),
        ({**PATHS, "num_gs": [4, 2, 4]}, "rule 2: neither the paths nor"),
        ({**PATHS, "bot_muls": [1, 0.5, 0.5]}, "rule 2: neither the paths nor"),
        ({**PATHS, "num_gs": [3, 3, 3]}, "the paths do not divide"),
        ({**PATHS, "ss": [1, 2, 1]}, "rule 1: two stages make maps of one size"),
        ({**PATHS, "ss": [2, 2, 2]}, "the first stage halves the map"),
        ({**PATHS, "block_type": "mbconv"}, "blocks of the type 'mbconv'"),
        ({"genotype": {}, "depth": 8}, "cells of an architecture search"),
    ],
)
def test_what_breaks_a_rule_is_counted_with_the_rule(
    workdir: Path, net: dict[str, Any], reason: str
) -> None:
    path = written(workdir, "a.json", [entry(net), entry(RESNET_20), entry(net)])
    (first, *_) = read_nds(path).about
    assert first.startswith("1 of 3 entries of a.json keep both rules")
    assert f"left out are 2 ({reason}" in first


def test_other_counts_are_told(workdir: Path) -> None:
    content = [entry(RESNET_20, params=2 * 272_474), entry(PATHS, params=1)]
    about = read_nds(written(workdir, "a.json", content)).about
    assert about[1].startswith(
        "Their parameters differ from ours in 2 of 2 networks, by -100.0 % to +100.0 %"
    )


def test_the_same_pair_again_and_other_ways_to_train_are_told(workdir: Path) -> None:
    again = entry(RESNET_20, test_ep_top1=[9.0, 9.0])
    other = entry(RESNET_20, rng_seed=2, optim={"base_lr": 0.2, "wd": 1e-4})
    study = read_nds(written(workdir, "a.json", [entry(RESNET_20), again, other]))
    assert study.trials["test_error"].tolist() == [0.305, 0.305]
    assert "1 (the same network and seed again" in study.about[0]
    assert any("trained in 2 ways" in sentence for sentence in study.about)


def test_losses_that_are_no_number_are_read(workdir: Path) -> None:
    # A reader of the real files elsewhere takes their lowest loss with NumPy's `nanmin`.
    diverged = entry(RESNET_20, rng_seed=2, train_ep_loss=[2.3, float("nan")])
    path = written(workdir, "a.json", [entry(RESNET_20, train_ep_loss=[2.3, 1.1]), diverged])
    assert "NaN" in path.read_text()
    assert read_nds(path).trials["seed"].tolist() == [1, 2]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_entries_are_whole_wherever_a_chunk_ends(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = {"top": [{"a": ']}{,\\"'}, {}], "mid": [], "low": [{"b": [1.25, {"c": None}]}]}
    path = workdir / "a.json"
    path.write_text(json.dumps(content, indent=1) + "\n\n")
    monkeypatch.setattr(json_entries, "CHUNK", size)
    assert list(json_entries.json_entries(path)) == [*content["top"], *content["low"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a list, or an object of lists, is expected"),
        ("net,params\n", "a list, or an object of lists, is expected"),
        ("[{}", "entry 1: it has no net"),
        ('[{"net": ', "near character"),
        ("[3]", "every entry must be an object"),
        ('{"top": 3}', "an object of lists is expected"),
        ('[{"net": {}}]', "entry 1: it has no params"),
        ("[]", "holds no network that keeps both rules"),
    ],
)
def test_another_file_is_refused_in_one_sentence(workdir: Path, text: str, words: str) -> None:
    path = workdir / "a.json"
    path.write_text(text)
    with pytest.raises(UserError, match=words) as error:
        read_nds(path)
    assert "a.json" in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{} {}]", "a comma or the end of the list is expected"),
        ("[{},", "it ends too early"),
        ("[{}] {}", "the file should end here"),
        ('{"top": [{}]', "the end of the object is expected"),
    ],
)
def test_a_file_that_breaks_off_is_refused(workdir: Path, text: str, words: str) -> None:
    path = workdir / "a.json"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        list(json_entries.json_entries(path))


def test_too_many_networks_are_refused_without_reading_on(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.results.nds.MOST_ROWS", 2)
    entries = ", ".join(json.dumps(entry(RESNET_20, rng_seed=seed)) for seed in range(3))
    path = workdir / "ResNet.json"
    path.write_text(f"[{entries}, what comes behind is not read")
    with pytest.raises(UserError, match=r"holds more than 2 results; .* at once\. Split it\."):
        read_nds(path)
