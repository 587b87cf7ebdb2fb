"""YAML files: mistakes name the key and what is allowed, and files have bounds."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from space_files import TEXT, parse

from explorer import UserError
from search_spaces import SearchSpace

LEVELS = "abcdefghi"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(LEVELS)
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in pairwise(LEVELS)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT + "axis: {}\n", "Did you mean 'axes'"),
        (TEXT + "match: {tolerence: 0.1}\n", "Did you mean 'tolerance'"),
        (TEXT + "match: {by: flop}\n", "Did you mean 'flops'"),
        (TEXT + "match: {solve: cardinality}\n", "both an axis and what match solves"),
        ("reference: resnet51\naxes: {cardinality: [1]}\n", "Did you mean 'resnet50'"),
        ("reference: resnet50\naxes: {cardinality: []}\n", "axes.cardinality"),
        ("reference: resnet50\naxes: {cardinality: [1, 2.5]}\n", "given: 2.5"),
        ("reference: resnet50\naxes: {cardinality: [-1]}\n", "given: -1"),
        ("reference: resnet50\naxes: {cardinality: [2, 2]}\n", "lists a value twice"),
        ("reference: resnet50\naxes: {}\n", "name at least one of"),
        ("axes: {cardinality: [1]}\n", "the key 'reference' is missing"),
        ("reference: resnet50\nreference: resnet101\n", "given twice"),
        (TEXT + "match: {}\nfree: {}\n", "two kinds of space"),
        ("reference: resnet50\nscale: {factor: 2}\naxes: {cardinality: [1]}\n", "instead of axes"),
        ("reference: resnet50\nscale: {factor: 0}\n", "scale.factor"),
        ("reference: resnet50\nscale: {factor: 2, arms: [deper]}\n", "Did you mean 'deeper'"),
        (
            "reference: resnet50\nfree: {limits: {param: 3M}}\naxes: {cardinality: [1]}\n",
            "Did you mean 'params'",
        ),
        (
            "reference: resnet50\nfree: {limits: {params: 3Q}}\naxes: {cardinality: [1]}\n",
            "cannot read '3Q'",
        ),
        ("reference: resnet50\naxes: {shortcut: [plain]}\n", "unknown shortcut"),
        ("reference: resnet50\naxes: {depth_policy: [longest]}\n", "match: {solve: depths}"),
        ("reference: [", "not valid YAML"),
        ("- a\n- b\n", "must hold keys with values"),
        ("reference: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_a_mistake_in_a_file_names_the_key_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(UserError, match=r"my\.yaml") as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 50,000 values, with each alias"),
        (MERGES, "more than 50,000 values, with each alias"),
        ("reference: &a [*a]\naxes: {cardinality: [1]}\n", "an alias refers to itself"),
        (f"description: {'x' * 1_000_001}\n{TEXT}", "longer than 1,000,000 characters"),
        (f"{TEXT}resolution: {'9' * 5000}\n", "a number of 5,000 characters is too long"),
        (f"{TEXT}resolution: {10**310}\n", "at most 1,048,576"),
        (f"{'k' * 1000}: 1\n{TEXT}", "unknown key 'kkk"),
        (f"reference: {'r' * 100_000}\naxes: {{cardinality: [1]}}\n", "has 100,000 characters"),
        (f"reference: resnet50\naxes: {{cardinality: [{'x, ' * 100}]}}\n", "and 95 more"),
        (
            "reference: resnet50\n"
            f"axes: {{cardinality: {list(range(1, 102))}, width: {list(range(1, 101))}}}\n",
            "the axes make 10,100 arms, and a space has at most 10,000",
        ),
        (
            f"reference: resnet50\naxes: {{width: {[7] * 500}}}\n",
            r"axes.width lists a value twice: 7\b",
        ),
        ("reference: resnet50\nscale: {factor: .inf}\n", "finite number"),
        ("reference: resnet50\nscale: {factor: .nan}\n", "finite number"),
        (
            "reference: resnet50\nfree: {limits: {params: .nan}}\naxes: {cardinality: [1]}\n",
            "finite number",
        ),
        (
            "reference: resnet50\nfree: {limits: {params: 1e400}}\naxes: {cardinality: [1]}\n",
            "out of range",
        ),
        (
            "reference: resnet50\nfree: {limits: {params: -3}}\naxes: {cardinality: [1]}\n",
            "above 0",
        ),
        (
            "reference: resnet50\nmatch: {solve: depths, by: block}\naxes: {width: [64]}\n",
            "depths cannot be solved by",
        ),
        (
            "reference: resnet50\nscale: {factor: 2, by: block}\n",
            "depths cannot be solved by block",
        ),
        (
            "reference: resnet18\nmatch: {solve: cardinality}\naxes: {width: [64]}\n",
            "a basic block has no C",
        ),
    ],
)
def test_a_file_out_of_bounds_is_refused_in_a_short_sentence(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as problem:
        parse(text)
    assert len(str(problem.value)) < 600


def test_an_ordinary_alias_is_what_it_names() -> None:
    space = parse(
        "reference: resnet50\naxes: [{cardinality: &few [1, 2]}, {cardinality: *few, width:"
        " *few}]\n"
    )
    assert list(space.points)[:3] == ["C=1", "C=2", "C=1, width=1"]


def test_a_file_that_never_ends_is_not_read_to_its_end() -> None:
    with pytest.raises(UserError, match="longer than 1,000,000 characters"):
        SearchSpace.load(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\n b: 2\n",
            "line 2, column 3: a key is indented differently from those around it, or a text with"
            " a colon lacks its quotes.",
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            "line 3, column 2: keys of one level must start in the same column; check the spaces"
            " before them.",
        ),
        ("\ta: 1\n", "line 1, column 1: a tab stands here; indent with spaces."),
        (
            "axes: {}\nname:mine\nmatch: {}\n",
            "line 3, column 1: here or in the line before, a key lacks its colon or the space after"
            " it (`key: value`).",
        ),
        (
            'path: "C:\\photos"\n',
            "line 1, column 11: a backslash between double quotes; write / in a path, or single"
            " quotes.",
        ),
        ("name: @mine\n", "line 1, column 7: a text that begins with this character needs quotes."),
        (
            "name： x\nspace: a\n",
            "line 2, column 6: in line 1, '：' is a full-width character; type : instead.",
        ),
        (
            "```yaml\nname: x\n```\n",
            "line 1, column 1: line 1 is the fence of a page's code; delete it.",
        ),
        ("budget: {flops:5M}\n", "line 1, column 10: put a space after the colon in 'flops:5M'."),
    ],
)
def test_a_slip_in_yaml_is_told_in_plain_words(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert str(caught.value) == f"my.yaml is not valid YAML at {message}"


@pytest.mark.parametrize(
    ("text", "holds"), [("", "it is empty"), ("name:my_space", "it holds 'name:my_space'")]
)
def test_a_file_without_keys_says_what_it_holds(text: str, holds: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert str(caught.value) == (
        f"my.yaml must hold keys with values, such as `name: my_study`; {holds}."
    )


def test_a_study_file_given_as_a_space_is_named_with_the_command_that_takes_it() -> None:
    with pytest.raises(UserError) as caught:
        parse("name: photos\nspace: digits_cardinality\ndata: {name: digits}\nseeds: [0]\n")
    assert str(caught.value) == (
        "my.yaml is the file of a study, and here the file of a space is needed. What takes it:"
        " `resnext-explorer study run my.yaml`."
    )


def test_a_missing_file_is_told_with_the_folder_in_which_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"No such file.*looked for in {re.escape(str(tmp_path))}"):
        SearchSpace.load("./nothing.yaml")


def test_a_file_that_may_be_meant_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without its ending, a backup, nearly the name, a folder, and ~ for the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "wide.yaml").write_text("reference: resnet50\naxes: {cardinality: [1, 8]}\n")
    (tmp_path / "wide.yaml~").write_text("reference: resnet50\naxes: {cardinality: [1, 8]}\n")
    (tmp_path / "photos").mkdir()
    for given, hint in (
        ("wide", "unknown space preset 'wide'. A file is given by its path: ./wide.yaml."),
        ("wide.yaml~", "A file is given by its path: ./wide.yaml~."),
        ("./wide.yml", "; there is wide.yaml."),
        ("C:\\me\\wide.yaml", "; write / between folders."),
        ("photos", "photos is a folder, and a space preset is a name or the path of a YAML file."),
    ):
        with pytest.raises(UserError) as caught:
            SearchSpace.load(given)
        assert hint in str(caught.value)
    assert SearchSpace.load("~/wide.yaml") == SearchSpace.load("./wide.yaml")


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ("utf-16", "it is not a text file in UTF-8, but in UTF-16; save it as UTF-8."),
        ("utf-16-le", "a character stands in it that no text has; save it as UTF-8."),
        ("cp1252", "it is not a text file in UTF-8; save it as UTF-8."),
        ("utf-8-sig", ""),
    ],
)
def test_the_encoding_that_a_file_needs_is_named(tmp_path: Path, encoding: str, says: str) -> None:
    path = tmp_path / "wide.yaml"
    question = "Größe" if encoding != "utf-16-le" else "size"
    text = f"# {question}\nreference: resnet50\naxes: {{cardinality: [1, 8]}}\n"
    path.write_bytes(text.encode(encoding))
    if not says:
        assert SearchSpace.load(path).name == "wide"
        return
    with pytest.raises(UserError) as caught:
        SearchSpace.load(path)
    assert str(caught.value).endswith(says)
