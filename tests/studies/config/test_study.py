"""Study files: what they want, what they may say, and what may change once they are stored."""

from pathlib import Path

import pytest
import yaml
from tiny_study import change

from explorer.errors import UserError
from search_spaces.documents import preset_names
from studies import Study
from studies.config.until import Until
from studies.pair import Pair
from studies.records.creation import differences


def test_the_preset_is_the_study_of_the_readme() -> None:
    study = Study.load("digits_cardinality")
    assert study.reference_label == "C=1"
    assert (study.seeds, study.margin) == (list(range(16)), 0.5)
    assert [design.arm for design in study.wanted().designs] == ["C=1", "C=2", "C=4", "C=8", "C=16"]
    assert max(abs(design.mismatch) for design in study.wanted().designs) <= 0.02


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of ImageNet, without its images."""
    root = tmp_path_factory.mktemp("imagenet")
    for part in ("train", "test"):
        for number in range(1000):
            (root / part / f"n{number:08}").mkdir(parents=True)
    return root


@pytest.mark.parametrize("name", preset_names("study"))
def test_every_preset_wants_something(name: str, imagenet: Path) -> None:
    study = Study.load(name)
    wanted = study.wanted(imagenet)
    assert wanted.designs[0].arm == study.reference_label
    assert not wanted.left_out
    assert len(study.pairs(imagenet)) > len(wanted.designs) or study.seeds == [0]


def test_the_papers_studies_hold_its_tables(imagenet: Path) -> None:
    names = [design.name for design in Study.load("paper_table3").wanted(imagenet).designs]
    assert names == [
        *("resnet50", "resnext50_2x40d", "resnext50_4x24d", "resnext50_8x14d", "resnext50_32x4d"),
        *(
            "resnet101",
            "resnext101_2x40d",
            "resnext101_4x24d",
            "resnext101_8x14d",
            "resnext101_32x4d",
        ),
    ]
    table_4 = [design.name for design in Study.load("paper_table4").wanted(imagenet).designs]
    assert {"resnet101", "resnet200"} <= set(table_4)
    figure_7 = [design.name for design in Study.load("paper_figure7").wanted().designs]
    assert {"resnext29_8x64d_cifar", "resnext29_16x64d_cifar"} <= set(figure_7)


def test_every_arm_gets_its_first_replicate_before_any_gets_its_second(tiny: Path) -> None:
    study = Study.load(tiny)
    designs = [design.name for design in study.wanted().designs]
    assert study.pairs() == [Pair(design, seed) for seed in (0, 1) for design in designs]


def test_a_space_is_found_from_the_study_file(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tiny.parent / "elsewhere").mkdir()
    monkeypatch.chdir(tiny.parent / "elsewhere")
    assert Study.load("../tiny.yaml").space.axes.cardinality == [1, 2, 4]


def test_the_resolved_document_is_a_study_file(tiny: Path) -> None:
    study = Study.load(tiny)
    document = study.document()
    assert document["recipe"]["learning_rate"] > 0
    assert document["space"]["reference"] == "resnext_1_1x8d_w16_small8"
    (tiny.parent / "resolved.yaml").write_text(yaml.safe_dump(document))
    assert Study.load(tiny.parent / "resolved.yaml") == study


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds:", "seed:", ["'seed'", "Did you mean 'seeds'?"]),
        ("[0, 1]", "[]", ["seeds", "at least one value"]),
        ("[0, 1]", "[1, 1]", ["listed twice"]),
        ("[0, 1]", "[0, 1.5]", ["seeds.1", "1.5"]),
        ("[0, 1]", "[-1]", ["seeds.0", "-1"]),
        ("seeds: [0, 1]", "seeds: [0, 1]\nmargin: 0", ["margin: write a number", "above 0"]),
        (
            "seeds: [0, 1]",
            "seeds: [0, 1]\nmargin: half",
            ["margin: write a number of points of test error", "such as 0.5 (given: 'half')"],
        ),
        (
            "tiny_space.yaml",
            "digits_cardinalty",
            ["unknown space preset", "Did you mean 'digits_cardinality'?"],
        ),
        ("tiny_space.yaml", "nowhere.yaml", ["nowhere.yaml", "No such file"]),
        ("cardinality: 1", "cardinality: 3", ["reference_arm", "one of 1, 2, 4", "3"]),
        ("cardinality: 1", "width: 3", ["reference_arm", "unknown axis 'width'"]),
        ("name: digits", "name: digit", ["unknown data set 'digit'", "Did you mean 'digits'?"]),
        ("epochs: 4", "epoch: 4", ["'epoch'", "Did you mean 'epochs'?"]),
        ("epochs: 4", "epochs: 0", ["recipe.epochs", "0"]),
        ("name: tiny", "name: ../tiny", ["names a folder"]),
        (
            "seeds: [0, 1]",
            "seeds: [0, 1]\nsearch: tpi",
            ["unknown search 'tpi'", "Did you mean 'tpe'?"],
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0, 1]\nsearch: tpe",
            ["needs to know its trials", "{method: tpe, trials: 30}"],
        ),
        ("seeds: [0, 1]", "seeds: [0, 1]\nseeds: [2]", ["given twice"]),
        ("question:", "question: [", ["not valid YAML"]),
    ],
)
def test_a_mistake_gets_one_message(tiny: Path, old: str, new: str, words: list[str]) -> None:
    change(tiny, old, new)
    with pytest.raises(UserError) as error:
        Study.load(tiny)
    assert "tiny.yaml" in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_a_reference_arm_that_no_width_solves_is_an_error(tiny: Path) -> None:
    change(tiny.parent / "tiny_space.yaml", "by: flops", "by: flops, tolerance: 0.0001")
    change(tiny, "cardinality: 1", "cardinality: 4")
    with pytest.raises(UserError, match="the reference arm C=4 is left out"):
        Study.load(tiny).pairs()


def test_more_seeds_and_arms_only_extend(tiny: Path) -> None:
    before = Study.load(tiny).document()
    change(tiny, "[0, 1]", "[2, 1, 0]")
    change(tiny.parent / "tiny_space.yaml", "[1, 2, 4]", "[1, 2, 3, 4]")
    now = Study.load(tiny).document()
    assert differences(before, now) == []
    assert differences(now, before) == [
        "seeds: [2, 1, 0] -> [0, 1]",
        "space.axes.cardinality: [1, 2, 3, 4] -> [1, 2, 4]",
    ]


def test_what_else_changes_is_named(tiny: Path) -> None:
    before = Study.load(tiny).document()
    change(tiny, "epochs: 4", "epochs: 5")
    change(tiny, "split_seed: 0", "split_seed: 1")
    assert differences(before, Study.load(tiny).document()) == [
        "data.split_seed: 0 -> 1",
        "recipe.epochs: 4 -> 5",
    ]


UNTIL = "seeds: {start: 3, at_most: 20}\nuntil: {margin: 0.5}"


def test_seeds_may_end_where_the_verdict_is_known(tiny: Path) -> None:
    change(tiny, "seeds: [0, 1]", UNTIL)
    study = Study.load(tiny)
    assert study.seeds == list(range(20))
    assert study.until == Until(margin=0.5, start=3, at_most=20)
    assert len(study.pairs()) == 3 * 20
    document = study.document()
    assert document["seeds"] == {"start": 3, "at_most": 20}
    assert document["until"] == {"margin": 0.5}
    assert Study.model_validate(document) == study
    assert study.changed(["until=best", "seeds.at_most=30"]).until == Until(
        margin=None, start=3, at_most=30
    )


def test_a_list_of_seeds_is_stored_as_before(tiny: Path) -> None:
    document = Study.load(tiny).document()
    assert document["seeds"] == [0, 1]
    assert "until" not in document


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("seeds: {start: 3, at_most: 20}", ["needs an end", "until: best"]),
        ("seeds: [0, 1]\nuntil: best", ["needs seeds from a start", "{start: 3, at_most: 20}"]),
        ("seeds: {start: 1, at_most: 20}\nuntil: best", ["start from 2 on", "start 1"]),
        ("seeds: {start: 3, at_most: 201}\nuntil: best", ["to 200", "at_most 201"]),
        ("seeds: {start: 3, at_most: 2}\nuntil: best", ["at_most from start", "at_most 2"]),
        ("seeds: {start: 3}\nuntil: best", ["at_most None"]),
        ("seeds: {start: 3, most: 20}\nuntil: best", ["'most'", "Did you mean 'at_most'?"]),
        ("seeds: {start: 3, at_most: 20}\nuntil: 0.5", ["write until: {margin: 0.5}", "0.5"]),
        ("seeds: {start: 3, at_most: 20}\nuntil: {margin: 0}", ["until.margin", "above 0"]),
        ("seeds: {start: 3, at_most: 20}\nuntil: {marge: 1}", ["Did you mean 'margin'?"]),
        (f"{UNTIL}\nmargin: 0.3", ["the margin stands there", "take margin itself out"]),
        (f"{UNTIL}\nsearch: {{method: tpe, trials: 5}}", ["needs search: grid", "take out search"]),
        (
            f"{UNTIL}\ntune: {{trials: 3, learning_rate: [0.1, 0.5]}}",
            ["needs search: grid and no tune", "take out tune"],
        ),
    ],
)
def test_a_mistake_about_open_seeds_gets_one_message(
    tiny: Path, written: str, words: list[str]
) -> None:
    change(tiny, "seeds: [0, 1]", written)
    with pytest.raises(UserError) as error:
        Study.load(tiny)
    for word in words:
        assert word in str(error.value)


def test_open_seeds_need_an_arm_to_compare(tiny: Path) -> None:
    change(tiny, "seeds: [0, 1]", UNTIL)
    change(tiny.parent / "tiny_space.yaml", "[1, 2, 4]", "[1]")
    with pytest.raises(UserError, match="has only C=1"):
        Study.load(tiny).wanted()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("at_most: 20", "at_most: 30", []),
        ("at_most: 20", "at_most: 10", ["seeds.at_most: 20 -> 10"]),
        ("start: 3", "start: 4", ["seeds.start: 3 -> 4"]),
        ("margin: 0.5", "margin: 0.4", ["until.margin: 0.5 -> 0.4"]),
        ("{margin: 0.5}", "best", ["until: (none) -> best", "until.margin: 0.5 -> (none)"]),
    ],
)
def test_of_open_seeds_only_a_higher_cap_extends(
    tiny: Path, old: str, new: str, expected: list[str]
) -> None:
    change(tiny, "seeds: [0, 1]", UNTIL)
    before = Study.load(tiny).document()
    change(tiny, old, new)
    assert differences(before, Study.load(tiny).document()) == expected


def test_a_list_of_seeds_does_not_become_an_open_one(tiny: Path) -> None:
    before = Study.load(tiny).document()
    change(tiny, "seeds: [0, 1]", UNTIL)
    assert "seeds: [0, 1] -> (none)" in differences(before, Study.load(tiny).document())


def test_a_mistake_in_a_studys_space_tells_what_was_given_once(tiny: Path) -> None:
    space = tiny.with_name("tiny_space.yaml")
    space.write_text(space.read_text().replace("by: flops", "by: flops, tolerance: 10"))
    with pytest.raises(UserError) as caught:
        Study.load(tiny)
    assert str(caught.value).count("given") == 1
    assert str(caught.value).endswith(
        "match.tolerance: it must be below 1 (100 %); given: 10, which is 1,000 %; write 10% for"
        " 10 %."
    )


def test_a_space_file_given_as_a_study_is_named_with_the_command_that_takes_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "five.yaml"
    path.write_text("budget: {flops: 5M}\naxes: {cardinality: [1, 4]}\n")
    with pytest.raises(UserError) as caught:
        Study.load(path)
    assert str(caught.value) == (
        f"{path} is the file of a space, and here the file of a study is needed. What takes it:"
        f" `resnext-explorer space show {path}`."
    )
