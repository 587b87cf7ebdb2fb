"""Words that keep within what errors can be, and that say when networks have not learned."""

import pytest
from study_tables import make_info, make_mixed_trials, make_trials

from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import closing_table, comparison_table
from dashboards.analysis.words import (
    agreeing,
    capital,
    interval,
    listed_by_axis,
    named,
    signed_interval,
)
from explorer.text import listed


def two_arms(errors: dict[str, list[float]]) -> Findings:
    trials = make_trials(seeds=len(errors["C=1"]))
    trials = trials[trials["arm"].isin(list(errors))].reset_index(drop=True)
    values = [errors[row.arm][row.seed] / 100 for row in trials.itertuples()]
    return Findings(trials.assign(test_error=values, validation_error=values), make_info())


def test_two_seeds_of_two_arms_are_too_few_for_an_interval():
    verdict = two_arms({"C=1": [30, 52], "C=8": [41, 54]}).verdict
    assert verdict.sentence == "Two seeds are too few for an interval: nothing is claimed."
    assert verdict.title == "No interval for the gaps from C=1"
    assert "The largest gap is C=8's, +6.50 points, 2 seeds." in verdict.more


def test_what_two_seeds_do_show_is_claimed():
    verdict = two_arms({"C=1": [30.0, 30.2], "C=8": [20.1, 20.0]}).verdict
    assert "C=8 has 10.05" in verdict.sentence


def test_many_arms_give_intervals_on_two_seeds():
    assert not Findings(make_mixed_trials(seeds=2), make_info()).comparison.problem


def test_no_interval_reaches_beyond_what_errors_can_be():
    assert interval(-0.1, 1.4) == "0.00 to 100.00"
    assert interval(None, None, 2) == "too few seeds"
    assert interval(None, None, 0) == interval(None, None, 5) == "–"
    assert signed_interval(-1.46, 1.59) == "−100.00 to +100.00"
    wide = two_arms({"C=1": [1, 99, 1], "C=8": [99, 1, 99]})
    assert wide.comparison.largest_loss <= 1
    assert wide.comparison.differences[0].high > 1
    assert any(cell.endswith(" to +100.00") for cell in comparison_table(wide).rows[1])


def test_the_terminals_table_says_where_seeds_are_too_few():
    table = closing_table(Findings(make_trials(seeds=2), make_info()))
    column = table.columns.index("95 % interval")
    assert {row[column] for row in table.rows} == {"too few seeds"}


def test_a_latency_has_its_quartiles_beside_it():
    trials = make_trials().assign(latency=0.002, latency_low=0.0018, latency_high=0.0031)
    for make in (closing_table, comparison_table):
        table = make(Findings(trials, make_info()))
        assert table.columns[-2:] == ("Latency (ms)", "Quartiles (ms)")
        assert {row[-2:] for row in table.rows} == {("2.00", "1.80 to 3.10")}
    older = closing_table(
        Findings(trials.drop(columns=["latency_low", "latency_high"]), make_info())
    )
    assert older.columns[-1] == "Latency (ms)"


def test_networks_that_have_not_learned_are_named_before_any_gap():
    trials = make_trials()
    poor = Findings(trials.assign(test_error=0.85 + trials["test_error"]), make_info()).verdict
    assert poor.sentence.startswith(
        "No arm has learned much: guessing makes 90.0 % test error, and here it is 87."
    )
    assert poor.title == "No arm has learned much"
    one = trials.assign(test_error=trials["test_error"].where(trials["arm"] != "C=16", 0.89))
    named = Findings(one, make_info()).verdict
    assert named.sentence.startswith(
        "C=16 has not learned much: guessing makes 90.0 % test error, and here it is 89.0 %."
    )
    assert named.title.startswith("C=16 has not learned much; C=16 has 86.")
    assert named.more.startswith("At 1.00x the FLOPs, C=16 has 86.")
    assert "learned" not in Findings(trials, make_info()).verdict.text


def of_two_classes(errors: dict[str, list[float]], commonest: dict[str, int]) -> Findings:
    """A study of 680 photos of two classes: 408, 136 and 136 images."""
    trials = two_arms(errors).trials.assign(classes=2, train_error=0.116)
    data = {"name": "folder", "train": 408, "validation": 136, "test": 136}
    return Findings(trials, {**make_info(), "data": data, "commonest": commonest, "margin": 1})


# Of 136 test images 120 are photos: always guessing 'photos' makes 16 / 136 = 11.76 % error.
COMMONEST = {"train": 360, "validation": 120, "test": 120}
BARELY = {"C=1": [11.76, 11.80, 11.76], "C=8": [11.76, 11.76, 11.79]}


def test_arms_that_always_guess_the_commonest_class_are_not_equal_but_have_not_learned():
    verdict = of_two_classes(BARELY, COMMONEST).verdict
    assert verdict.title == "No arm has learned much"
    assert verdict.sentence == (
        "No arm has learned much: always guessing the commonest class makes 11.8 % test error, and"
        " here it is 11.8 %. Look at the learning curves, and train longer or with another learning"
        " rate, or with recipe.class_weights=balanced where classes are imbalanced, before"
        " comparing."
    )
    assert verdict.more == "Gaps between arms that have not learned say nothing of their designs."
    table = comparison_table(of_two_classes(BARELY, COMMONEST))
    assert [row[table.columns.index("Verdict")] for row in table.rows] == ["–", "not learned"]
    of_older_version = of_two_classes(BARELY, {}).verdict
    assert of_older_version.title == "C=8 is equal to C=1 within 1 point at matched FLOPs"


def test_a_little_less_error_than_guessing_is_luck_of_the_images():
    """13 of 136 images wrong where guessing misses 16 are luck; 4 wrong are none."""
    near = {"C=1": [9.56, 9.56, 8.82], "C=8": [9.56, 8.82, 9.56]}
    assert of_two_classes(near, COMMONEST).unlearned == ["C=1", "C=8"]
    far = {"C=1": [9.56, 9.56, 8.82], "C=8": [2.94, 2.94, 3.68]}
    assert of_two_classes(far, COMMONEST).unlearned == ["C=1"]


def test_where_the_training_images_are_learned_longer_training_is_no_advice():
    trials = make_trials().assign(test_error=0.85, train_error=0.4)
    sentence = Findings(trials, make_info()).verdict.sentence
    assert "The training images are learned (40.0 % error there)" in sentence
    assert "train longer" not in sentence


def test_a_lone_network_that_has_not_learned_is_said_to_have_not():
    trials = make_trials().query("cardinality == 1").assign(test_error=0.88)
    verdict = Findings(trials.reset_index(drop=True), make_info()).verdict
    assert verdict.title == "C=1 has not learned much"
    assert verdict.sentence.startswith("C=1 has not learned much: guessing makes 90.0 %")


@pytest.mark.parametrize(
    ("arms", "text"),
    [
        (["C=2", "C=4", "C=8"], "C=2, C=4 and C=8"),
        (["C=2", "C=4", "width=32"], "C=2 and C=4; width=32"),
        (["C=1, width=32", "C=2, width=32"], "C=1, width=32; and C=2, width=32"),
    ],
)
def test_arms_are_listed_by_axis_and_names_with_commas_stay_apart(arms, text):
    assert listed_by_axis(arms) == text
    assert listed(["C=2, seed 1", "C=8, seed 0"]) == "C=2, seed 1; and C=8, seed 0"


def test_of_very_many_arms_a_sentence_names_the_first():
    arms = [f"C={c}" for c in range(1, 9)]
    assert listed(arms) == "C=1, C=2, C=3, C=4, C=5, C=6, C=7 and C=8"
    assert listed([*arms, "C=9"]) == "C=1, C=2, C=3, C=4, C=5, C=6, C=7 and 2 more"
    arms = [f"C={c}, d=4" for c in range(625)]
    assert listed_by_axis(arms).endswith("; C=6, d=4; and 618 more")


def test_data_of_a_folder_says_which_folder():
    info = {**make_info(), "data": {"name": "folder", "path": "../my/photos", "train": 400}}
    assert Findings(make_trials(), info).context == "folder photos, 10 epochs"
    info["data"] = {"name": "npz", "path": "resnext-explorer-files/_arrays/075f2b741b4735.npz"}
    assert Findings(make_trials(), info).context == "own arrays, 10 epochs"
    assert Findings(make_trials(), make_info()).context == "digits, 10 epochs"


def test_arms_that_are_words_stand_in_a_sentence_as_words_do() -> None:
    assert [named("reference"), named("C=1")] == ["the reference", "C=1"]
    assert [agreeing(arm, "costs") for arm in ("more paths", "deeper")] == ["cost", "costs"]
    assert capital("deeper, wider and more paths differ") == "Deeper, wider and more paths differ"
    assert capital("width=32 alone is on the front") == "width=32 alone is on the front"
