"""References for a budget: exact, best first, and what is said where none fits."""

import subprocess
import sys
from itertools import product

import pytest

from explorer import Architecture, Budget, Stem, Template, UserError, count, match, suggest
from explorer.budget import combinations
from explorer.references import Question, suggest_for


def brute_force(
    budget: int, by: str, resolution: int, width: int, cardinalities: list[int], tolerance: float
) -> list[tuple[float, float, str]]:
    """Every reference of one width and of depths 1-1-1, one after the other, without arrays."""
    fitting = []
    round_numbers = [*range(1, 33), *range(34, 65, 2), *range(68, 129, 4), *range(136, 257, 8)]
    for kind, channels, d in product(
        ("small", "imagenet"), (8, 16, 32, 64), [*round_numbers, *range(272, 513, 16)]
    ):
        reference = Architecture(
            Template("bottleneck", 1, d, width),
            (1, 1, 1),
            stem=Stem(kind, channels),
            resolution=resolution,
            classes=10,
        )
        spent = getattr(count(reference), by)
        if not (1 - tolerance) * budget <= spent <= budget:
            continue
        try:
            arms = match(reference, cardinality=cardinalities, by=by)
        except UserError:
            continue
        worst = max(abs(arm.mismatch) for arm in arms)
        if worst <= tolerance:
            fitting.append((max(1 - spent / budget, worst), 1 - spent / budget, reference.name))
    return sorted(fitting)


@pytest.mark.parametrize(
    ("budget", "by", "resolution", "width"),
    [
        (5_000_000, "flops", 32, 64),
        (20_000_000, "flops", 16, 96),
        (150_000, "params", 32, 64),
        (90_000, "activations", 32, 48),
    ],
)
def test_the_references_are_those_of_brute_force_in_the_same_order(
    budget: int, by: str, resolution: int, width: int
) -> None:
    cardinalities, tolerance = [1, 2, 4], 0.1
    expected = brute_force(budget, by, resolution, width, cardinalities, tolerance)
    suggestions = suggest(
        budget,
        by=by,
        resolution=resolution,
        cardinality=cardinalities,
        width=width,
        depths=(1, 1, 1),
        tolerance=tolerance,
        top=1000,
    )
    assert len(expected) > 1
    assert [suggestion.name for suggestion in suggestions] == [name for *_, name in expected]
    for suggestion, (off, below, _) in zip(suggestions, expected, strict=True):
        assert suggestion.below == pytest.approx(below)
        assert max(suggestion.below, suggestion.worst) == pytest.approx(off)


def test_five_million_flops_at_32_pixels_have_a_reference_for_1_2_4_and_8_paths() -> None:
    suggestions = suggest("5M", resolution=32, cardinality=[1, 2, 4, 8])
    assert suggestions
    for suggestion in suggestions:
        spent = count(suggestion.reference).flops
        assert 0.98 * 5_000_000 <= spent <= 5_000_000
        assert [arm.architecture.template.cardinality for arm in suggestion.arms] == [1, 2, 4, 8]
        assert suggestion.arms[0].architecture == suggestion.reference
        assert all(
            abs(count(arm.architecture).flops / spent - 1) <= 0.02 for arm in suggestion.arms
        )
    off = [max(suggestion.below, suggestion.worst) for suggestion in suggestions]
    assert off == sorted(off)


def test_all_depths_and_widths_are_counted_and_the_best_of_them_comes_first() -> None:
    budget = Budget("flops", 5_000_000)
    question = Question(budget, list(combinations({"cardinality": [1, 2, 4, 8]})))
    every = suggest_for(question, resolution=32, top=1000)
    assert every.number == len(every.best)
    assert {suggestion.reference.depths for suggestion in every.best} >= {(1, 1, 1), (2, 2, 2)}
    # a reference that is known to fit, found by another way (trying widths by hand)
    assert "resnext_1-1-1_1x26d_w120_imagenet32" in [each.name for each in every.best]
    first = suggest("5M", resolution=32, cardinality=[1, 2, 4, 8], top=1)
    assert [each.name for each in first] == [every.best[0].name]


def test_the_reference_has_the_first_values() -> None:
    (first, *_) = suggest("20M", resolution=32, cardinality=[4, 1], depths=(2, 2, 2))
    assert first.reference.template.cardinality == 4
    assert first.reference.depths == (2, 2, 2)


def test_multiples_hold_for_the_reference_and_its_arms() -> None:
    suggestions = suggest("200M", resolution=64, cardinality=[1, 2], multiple_of=8, tolerance=0.05)
    for suggestion in suggestions:
        for arm in suggestion.arms:
            assert arm.architecture.template.bottleneck_width % 8 == 0


def test_where_nothing_fits_the_nearest_is_named_and_its_tolerance_makes_it_fit() -> None:
    with pytest.raises(UserError) as error:
        suggest("5M", resolution=32, cardinality=[1, 2, 4, 8], tolerance=0.001)
    message = str(error.value)
    assert "fits within 0.1 %" in message
    name = message.split("the nearest, ")[1].split(",")[0]
    tolerance = float(message.split("Allow a tolerance of ")[1].split("%")[0]) / 100
    best = suggest("5M", resolution=32, cardinality=[1, 2, 4, 8], tolerance=tolerance)
    assert best[0].name == name


def test_a_budget_below_the_smallest_names_it() -> None:
    with pytest.raises(UserError, match=r"costs at most 100 k flops at 32x32: the smallest, resn"):
        suggest("100k", resolution=32, cardinality=[1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": "5 lots"}, "cannot read '5 lots' as a number"),
        ({"by": "block"}, "unknown measure of a budget 'block'"),
        ({"solve": "depths"}, "give depths as an axis"),
        ({"bottleneck_width": [4, 8]}, "both given and to be solved"),
        ({"resolution": 2}, "too small for 3 stages"),
        ({"cardinality": [2000]}, "the widest have 512 channels"),
        ({"top": 0}, "top must be a whole number of at least 1"),
    ],
)
def test_a_mistake_is_one_message(arguments: dict[str, object], message: str) -> None:
    options = {"budget": "5M", "resolution": 32, "cardinality": [1, 2]} | arguments
    with pytest.raises(UserError, match=message):
        suggest(**options)  # type: ignore[arg-type]


def test_torch_and_pandas_stay_away() -> None:
    code = (
        "import sys; from explorer import suggest; suggest('5M', resolution=32, cardinality=[1]); "
        "print({'torch', 'pandas', 'optuna'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert output.stdout.strip() == "set()", output.stderr
