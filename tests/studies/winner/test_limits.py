"""A winner within limits: 'latency<=2ms', 'params<=500k'."""

from collections.abc import Sequence

import pandas as pd
import pytest

from explorer.errors import UserError
from studies.judging.latency import Latency
from studies.winner.limits import all_limits, among, nearly, within
from studies.winner.winner import choose

SETTINGS = {"device": "cpu", "precision": "bf16", "threads": 2}
TRIALS = pd.DataFrame(
    {
        "design": ["a", "a", "b", "b", "b", "c", "c"],
        "status": "complete",
        "params": [400_000, 400_000, 600_000, 600_000, 600_000, 500_000, 500_000],
        **{"resolution": 8, "in_channels": 1, "classes": 10},
        # The median counts: b is 2 ms, although a busy moment made it 9 once (a mean of 4 ms).
        "latency": [0.003, 0.003, 0.001, 0.002, 0.009, 0.001, None],
    }
)


@pytest.mark.parametrize(
    ("where", "designs"),
    [
        ([], "abc"),
        (["latency<=2ms"], "bc"),
        (["latency <= 2 ms", "params<=500k"], "c"),
        (["latency>0.0029s"], "a"),
        (["latency<=1500us"], "c"),
        (["params!=600k"], "ac"),
    ],
)
def test_only_designs_within_all_limits_are_left(where: list[str], designs: str) -> None:
    assert "".join(within(TRIALS, where, SETTINGS)["design"].unique()) == designs


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("latency<=0.5ms", r"no design of this study has latency<=0.5ms; c is nearest, with"),
        ("latency<=2", r"latency must be a time above zero with its unit, .*10ms.* given: '2'"),
        ("latency<=2x", r"latency must be a time above zero with its unit, for example 10ms"),
        ("latencies<=2ms", r"unknown column in a filter 'latencies'. Did you mean 'latency'"),
        ("latency", r"a filter is a column, a comparison and a number"),
    ],
)
def test_a_mistake_is_one_message(where: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        within(TRIALS, [where], SETTINGS)


def test_what_is_not_known_of_any_design_is_said_with_what_is() -> None:
    unknown = dict.fromkeys(("flops", "activations", "cardinality", "bottleneck_width", "width"))
    trials = TRIALS.assign(**unknown)
    with pytest.raises(UserError, match=r"width is not known .* Known are params, latency\.$"):
        within(trials, ["width<=8"], SETTINGS)


def test_a_study_without_results_has_nothing_to_limit() -> None:
    trials = TRIALS.assign(status="waiting", latency=None)
    assert within(trials, ["latency<=2ms"], SETTINGS).equals(trials)


def test_where_no_latency_was_measured_the_message_says_how_to_as_the_study_would() -> None:
    measure = "resnext-explorer measure a b c --mode inference --resolution 8 --in-channels 1"
    options = "--classes 10 --device cpu --precision bf16 --threads 2"
    with pytest.raises(UserError, match=f"{measure} {options}"):
        within(TRIALS.assign(latency=None), ["latency<=2ms"], SETTINGS)


def test_latencies_that_no_training_measured_are_measured_of_what_other_limits_leave() -> None:
    timed: list[list[str]] = []

    def time_designs(names: Sequence[str]) -> dict[str, Latency]:
        timed.append(list(names))
        return {"a": Latency(0.001, 0.001, 0.002), "c": Latency(0.003, 0.002, 0.009)}

    trials = TRIALS.assign(latency=None, status="complete")
    where = ["latency<=2ms", "params<=500k"]
    allowed = within(trials, where, SETTINGS, time_designs)
    assert timed == [["a", "c"]]
    assert (set(allowed["design"]), set(allowed["latency"])) == ({"a"}, {0.001})
    with pytest.raises(
        UserError, match=r"with latency 1 ms \(quartiles 1 ms to 2 ms\), .*, measured"
    ):
        within(trials, ["latency<=0.5ms"], SETTINGS, time_designs)
    # What trainings have measured stays.
    assert set(within(TRIALS, ["latency<=2ms"], SETTINGS, time_designs)["design"]) == {"b", "c"}
    assert len(timed) == 2


def test_a_design_that_is_too_slow_says_by_which_settings_and_how_to_measure_it_again() -> None:
    """A search's own constraint holds for its winner, unless another limit is given."""
    own = ["latency<=0.5ms", "params<=700000"]
    assert all_limits([], own) == own
    assert all_limits(["latency <= 5ms"], own) == ["latency <= 5ms", "params<=700000"]
    busy = TRIALS.assign(latency_low=0.0004, latency_high=0.002)
    with pytest.raises(UserError) as refused:
        within(busy, own, SETTINGS, demanded=own)
    assert str(refused.value) == (
        "no design of this study has latency<=0.5ms, which its search demands; c is nearest, with"
        " latency 1 ms (quartiles 400 µs to 2 ms), for one image on cpu, in bf16, with 2 threads,"
        " the median over trainings. Another limit instead: --where 'latency<=...'. The machine was"
        " busy then; on an idle one, measure again: resnext-explorer measure c --mode inference"
        " --resolution 8 --in-channels 1 --classes 10 --device cpu --precision bf16 --threads 2"
    )
    with pytest.raises(
        UserError, match=r"'latency<=\.\.\.'\. To measure again: resnext-explorer measure c"
    ):
        within(TRIALS, own[:1], SETTINGS)


def test_how_many_designs_are_left_is_said() -> None:
    where = ["latency <= 2ms", "params<=700k"]
    left = within(TRIALS, where, SETTINGS)
    assert among(TRIALS, left, where) == "the 2 of 3 designs with latency<=2ms and params<=700k"
    assert among(TRIALS, TRIALS, []) == ""


def test_the_winner_within_limits_says_so_and_what_it_costs() -> None:
    errors = {"a": 0.1, "b": 0.2, "c": 0.3}
    trials = TRIALS.assign(
        **{"study": "s", "arm": TRIALS["design"], "seed": [0, 1, 0, 1, 2, 0, 1]},
        **{"status": "complete", "validation_error": TRIALS["design"].map(errors)},
    )
    allowed = within(trials, ["latency<=2ms"], SETTINGS)
    chosen = choose(allowed, of=among(trials, allowed, ["latency<=2ms"]))
    assert (chosen.design, chosen.params, chosen.latency) == ("b", 600_000, Latency(0.002))
    assert chosen.why.startswith(
        "b (b) has the lowest validation error, 20.00 %, mean of 3 seeds, of the 2 of 3 designs"
        " with latency<=2ms."
    )


def test_a_quantity_of_ones_own_networks_is_that_of_their_names() -> None:
    # The column `seed` of the table is another thing than this quantity.
    names = {
        "a": "nets:net(depths=1-2,seed=3)",
        "b": "nets:net(depths=1-2,seed=7)",
        "c": "resnet50",
    }
    trials = TRIALS.assign(design=TRIALS["design"].map(names), seed=5)
    assert set(within(trials, ["seed>=4"], SETTINGS)["design"]) == {names["b"]}
    with pytest.raises(UserError, match="unknown column in a filter 'depths'"):
        within(trials, ["depths>=1"], SETTINGS)


def test_a_design_that_a_latency_leaves_out_by_less_than_it_varies_is_named() -> None:
    every = TRIALS.assign(arm=TRIALS["design"].str.upper(), latency_high=0.004, latency_low=0.0019)
    where = ["params<=500k", "latency<=2ms"]
    sentence = nearly(every, within(every, where, SETTINGS), where, SETTINGS)
    assert sentence.startswith(
        "Left out, though its lower quartile is within: A, 3 ms (quartiles 1.9 ms to 4 ms). On an"
        " idle machine, measure again: resnext-explorer measure a "
    )
    sure = every.assign(latency_low=0.0025)
    assert nearly(sure, within(sure, where, SETTINGS), where, SETTINGS) == ""
    assert nearly(every, every, [], SETTINGS) == ""
