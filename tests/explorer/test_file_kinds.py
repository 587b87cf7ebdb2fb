"""A file in the place of a name is answered with what it is and which command reads it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from explorer import UserError
from explorer.architecture import Architecture
from explorer.file_kinds import told_by_name
from search_spaces import SearchSpace
from studies import Study
from studies.commands.study import study


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("best/weights.safetensors", "predict PHOTO --weights best/weights.safetensors`"),
        ("old.PTH", "old.PTH is a file of weights: "),
        ("my study.yaml", "`resnext-explorer study run 'my study.yaml'`"),
        ("results.csv", "`resnext-explorer report results.csv` shows them."),
        ("studies.db", "--storage sqlite:///studies.db`."),
        ("report.html", "is a page, which a browser opens."),
    ],
)
def test_a_file_given_for_a_network_is_told_by_its_ending(given: str, says: str) -> None:
    with pytest.raises(UserError, match="a network is given by its name, as resnet50") as caught:
        Architecture.from_name(given)
    assert says in str(caught.value)


def test_a_file_given_for_a_study_or_a_space_is_told_by_its_ending() -> None:
    with pytest.raises(
        UserError, match=r"a study is given by its name.*YAML file\. w.onnx is an ONNX"
    ):
        Study.load("w.onnx")
    with pytest.raises(
        UserError, match=r"a space preset is given by its name.*results.csv is a table"
    ):
        SearchSpace.load("results.csv")


def test_names_are_not_taken_for_files() -> None:
    assert not any(map(told_by_name, ("resnet50", "resnext_1-1-1_1x8d_w16_small8", "a.b:c(d=5)")))


def test_what_comes_with_the_program_is_told_where_a_study_is_needed(workdir: Path) -> None:
    measured = "evidence:h100 is what was measured for this project: `resnext-explorer report evi"
    with pytest.raises(UserError, match=measured):
        Study.load("evidence:h100")
    for command in ("show", "winner"):  # also without a storage
        result = CliRunner().invoke(study, [command, "evidence:h100"])
        assert measured in str(result.exception)
    assert "`resnext-explorer study import published:x` stores it." in told_by_name("published:x")
