"""The page: complete, self-contained, honest, and nothing of a study's text is taken for markup."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pandas as pd
import pytest
from plotly.offline import get_plotlyjs_version
from recipe_tables import QUICK, make_recipe_info, make_recipe_trials
from study_tables import make_curves, make_info, make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.analysis.test_set import size_of_test_set
from dashboards.page.elements import to_html
from dashboards.page.parts import facts
from dashboards.report.report import file_stem, render_report, script_json, write_report
from dashboards.report.sources import Source
from explorer.errors import UserError
from studies.judging.distributions import compare_distributions

EVIL = (
    '</script><script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b> & "quoted"'
    " 'single' ${title} %{x} <!--"
)


class Page(HTMLParser):
    """The page as a browser reads it: tags with their attributes,
    text, and the content of scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.text += data


def page_of(trials, info=None, curves=None) -> Page:
    curves = make_curves(trials) if curves is None else curves
    info = info or make_info()
    return Page(render_report([Source(str(info["name"]), trials, curves, info)]))


def unpacked(table):
    return gzip.decompress(base64.b64decode(table)).decode()


def data_of(page: Page) -> dict:
    data = json.loads(page.scripts[0])
    return {**data, "figures": json.loads(unpacked(data["figures"]))}


def test_the_verdict_comes_first_then_figure_table_curves_designs_and_what_was_run():
    page = page_of(make_trials({"C=8": -0.008}))
    order = [
        "digits_cardinality", "At equal FLOPs, how many paths?",
        "C=8 has 0.95 (0.51 to 1.39) points less test error",
        "Points of test error minus C=1's", "The numbers behind it", "Train error ends at",
        "Validation error ends at",
        "The designs and how well their costs match", "Every training",
        "How the verdict is reached", "What was run",
        "Study file", "split_seed: 0",
    ]  # fmt: skip
    places = [page.text.index(words) for words in order]
    assert places == sorted(places)
    for fact in (
        "train 1,078",
        "torch 2.13.0",
        "Linux x86_64, 2 cores",
        "2026-11-21 08:00 UTC",
        "batch size 64",
    ):
        assert fact in page.text


def test_the_script_that_draws_is_the_version_that_plotlys_package_writes_figures_for():
    """A newer one: its version in dashboards/plotly/package.json, and `npm install && npm run
    build` there."""
    script = (
        files("dashboards.app")
        .joinpath("assets/plotly-explorer.min.js")
        .read_text(encoding="utf-8")
    )
    assert script[:200].count(f"plotly.js (explorer - minified) v{get_plotlyjs_version()}") == 1
    figures = data_of(page_of(make_trials()))["figures"].values()
    assert {trace["type"] for figure in figures for trace in figure["light"]["data"]} <= {
        "scatter",
        "bar",
        "heatmap",
        "scatterternary",
        "parcoords",
    }


def test_the_page_holds_plotly_once_and_asks_for_nothing():
    page = page_of(make_trials())
    assert sum("plotly.js (explorer - minified) v" in script for script in page.scripts) == 1
    pictures = [a["src"] for _, a in page.tags if "src" in a]
    assert pictures
    assert all(picture.startswith("data:image/svg+xml;base64,") for picture in pictures)
    assert not [
        tag for tag, attributes in page.tags if attributes.keys() & {"href", "action", "data"}
    ]
    assert not [
        tag for tag, _ in page.tags if tag in ("link", "iframe", "object", "embed", "base", "form")
    ]


def test_the_policy_allows_our_scripts_and_nothing_else():
    page = page_of(make_trials())
    policy = next(
        a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    code = page.scripts[1:]  # the first holds the data, which is not run
    assert allowed == [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in code
    ]
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_markup_in_any_text_of_a_study_stays_text():
    trials = make_trials({"C=8": -0.008})
    for column in (
        "study",
        "arm",
        "design",
        "reference",
        "depths",
        "growth",
        "stem",
        "by",
        "device",
        "worker",
    ):
        trials[column] = trials[column].astype(str) + EVIL
    trials = without_results(trials, [14], "failed", EVIL)
    curves = make_curves(trials)
    evil = json.loads(json.dumps(make_info()), object_hook=lambda entry: {
        key if key in make_info() else key + EVIL: value + EVIL if isinstance(value, str) else value
        for key, value in entry.items()
    })  # fmt: skip
    evil["left_out"] = [{"arm": EVIL, "reason": EVIL}]
    page, plain = page_of(trials, evil, curves), page_of(make_trials())
    names = {"ul", "li"} | {tag for tag, _ in plain.tags}
    assert {tag for tag, _ in page.tags} <= names
    assert len(page.scripts) == len(plain.scripts)
    assert sum(tag == "script" for tag, _ in page.tags) == 3
    assert not [
        attributes for _, attributes in page.tags if any(key.startswith("on") for key in attributes)
    ]
    assert sum(tag == "b" for tag, _ in page.tags) == 1  # ours, around the study's name
    assert page.text.count(EVIL) > 20


def test_markup_stays_text_inside_plotlys_labels_too():
    trials = make_trials({"C=8": -0.008})
    trials["arm"] = trials["arm"] + "<i>x</i>"
    trials["design"] = trials["design"] + "<a href='javascript:alert(1)'>y</a>"
    info = {**make_info(), "reference_arm": "C=1<i>x</i>"}
    text = json.dumps(data_of(page_of(trials, info))["figures"])
    assert "<i>" not in text
    assert "<a " not in text
    assert "&lt;i&gt;x" in text
    assert set(re.findall(r"<(/?\w+)", text)) <= {
        "b",
        "/b",
        "br",
        "span",
        "/span",
        "extra",
        "/extra",
    }


def test_script_data_cannot_end_its_element():
    text = script_json({EVIL: [EVIL, "\u2028", float("nan")]})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {EVIL: [EVIL, "\u2028", None]}


def test_the_page_carries_both_tables_as_csv():
    trials = make_trials()
    curves = make_curves(trials)
    tables = data_of(page_of(trials, curves=curves))["tables"]
    assert unpacked(tables["trials"]) == trials.to_csv(index=False)
    assert unpacked(tables["curves"]) == curves.to_csv(index=False)


def test_figures_come_in_both_themes():
    figures = data_of(page_of(make_trials()))["figures"]
    assert set(figures) == {
        "error",
        "differences",
        "train",
        "validation",
        "time",
        "speed",
        "mismatch",
    }
    for figure in figures.values():
        assert set(figure) == {"light", "dark"}
        assert (
            figure["light"]["layout"]["paper_bgcolor"] != figure["dark"]["layout"]["paper_bgcolor"]
        )


def scaled_page() -> Page:
    names = {
        "C=1": "reference",
        "C=2": "deeper",
        "C=4": "wider",
        "C=8": "more paths",
        "C=16": "other",
    }
    trials = make_trials()
    trials = trials.assign(
        arm=trials["arm"].map(names), flops=trials["flops"] * trials["cardinality"]
    )
    return page_of(trials, {**make_info(), "reference_arm": "reference"})


def test_a_study_of_deeper_wider_more_paths_has_its_own_figure_and_error_against_cost():
    figures = data_of(scaled_page())["figures"]
    ticks = figures["error"]["light"]["layout"]["yaxis"]["ticktext"]
    assert [tick.split("<br>")[0] for tick in ticks[:3]] == ["reference", "deeper", "wider"]
    assert {"flops", "params", "activations", "time"} < set(figures)


def test_the_papers_values_are_laid_over_only_where_asked_for():
    trials = make_trials()
    source = Source("x", trials, make_curves(trials), make_info())
    for paper in (None, "ResNet-101"):
        figures = data_of(Page(render_report([source], paper=paper)))["figures"]
        for key in ("error", "differences"):
            names = {trace.get("name") for trace in figures[key]["light"]["data"]}
            assert ("paper, ResNet-101" in names) == (paper is not None)


def test_published_results_are_laid_over_only_where_asked_for():
    trials = make_trials()
    source = Source("x", trials, make_curves(trials), make_info())
    for published in (None, "osmr_resnext20_cifar10"):
        page = render_report([source], published=published)
        figures = data_of(Page(page))["figures"]
        for key in ("error", "differences"):
            names = {trace.get("name") for trace in figures[key]["light"]["data"]}
            assert ("osmr_resnext20_cifar10" in names) == (published is not None)
        assert ("github.com/osmr/imgclsmob" in page) == (published is not None)


def test_a_running_study_shows_its_progress():
    page = page_of(without_results(make_trials(), range(7, 15), "waiting"))
    assert "progress" in data_of(page)["figures"]
    assert "7 of 15 trainings complete" in page.text


def two_studies() -> list[Source]:
    first, second = (
        make_trials({"C=8": -0.008}),
        make_trials(base=0.06, name="other", random_seed=5),
    )
    return [
        Source("digits_cardinality", first, make_curves(first), make_info()),
        Source("other", second, make_curves(second), make_info("other")),
    ]


def test_several_studies_stand_side_by_side_on_one_scale():
    page = Page(render_report(two_studies()))
    data = data_of(page)
    ranges = [
        data["figures"][f"{number}-error"]["light"]["layout"]["yaxis"]["range"] for number in (0, 1)
    ]
    assert ranges[0] == ranges[1]
    assert ranges[0][0] < 1.7
    assert ranges[0][1] > 6
    alone = data_of(page_of(two_studies()[0].trials))["figures"]["error"]["light"]["layout"][
        "yaxis"
    ]["range"]
    assert alone != ranges[0]
    assert "2 studies side by side" in page.text
    assert (
        page.text.index("C=8 has 0.95")
        < page.text.index("The studies")
        < page.text.index("Every training")
    )
    places = [a["data-figure"] for _, a in page.tags if "data-figure" in a]
    assert sorted(places) == sorted(data["figures"])
    assert len(places) == len(set(places))
    assert data["names"]["1-trials"] == "other_trials"
    assert unpacked(data["tables"]["1-trials"]).count("\n") == 16


def test_several_studies_whose_errors_are_far_apart_have_scales_of_their_own():
    sources = [
        Source(f"study_{base}", trials, make_curves(trials), make_info())
        for base in (0.025, 0.23)
        for trials in [make_trials(base=base)]
    ]
    page = render_report(sources)
    assert page.count(", on a scale of its own</p>") == 2


def test_design_spaces_side_by_side_have_their_error_distributions(monkeypatch):
    tests = []

    def counted(*arguments):
        tests.append(compare_distributions(*arguments))
        return tests[-1]

    monkeypatch.setattr("dashboards.analysis.spaces.compare_distributions", counted)
    sources = []
    for number, name in enumerate(("a", "b")):
        parts = [make_trials(seeds=1, random_seed=10 * number + i, name=name) for i in range(4)]
        many = pd.concat(parts, ignore_index=True)
        many["design"] = [f"{name}{i}" for i in range(len(many))]
        sources.append(Source(name, many, make_curves(many.iloc[:0]), {"name": name}))
    data = data_of(Page(render_report(sources)))
    lines = data["figures"]["distributions"]["light"]["data"]
    assert [line["name"] for line in lines] == ["a", "b"]
    assert len(tests) == 1  # of the permutations, for both themes and the table


def test_markup_stays_text_in_a_page_of_several_studies():
    first, second = two_studies()
    evil = second.trials.assign(arm=second.trials["arm"] + EVIL, study=EVIL)
    info = {**make_info(EVIL), "reference_arm": "C=1" + EVIL, "question": EVIL}
    page = Page(render_report([first, Source(EVIL, evil, make_curves(evil), info)]))
    plain = Page(render_report(two_studies()))
    assert {tag for tag, _ in page.tags} <= {"ul", "li"} | {tag for tag, _ in plain.tags}
    assert len(page.scripts) == len(plain.scripts)


def test_running_empty_one_seeded_and_half_failed_studies_give_an_honest_page():
    trials = make_trials()
    waiting = page_of(without_results(trials, trials.index, "waiting"))
    assert "No comparison: no training is complete yet." in waiting.text
    assert "15 waiting" in waiting.text
    assert (
        "So far (7 of 15 trainings): gaps of "
        in page_of(without_results(trials, range(7, 15), "running")).text
    )
    assert "There is one seed only" in page_of(make_trials(seeds=1)).text
    failed = page_of(without_results(trials, range(0, 15, 2), "failed", "loss is NaN in epoch 3"))
    assert "7 of 15 trainings are complete (8 failed)." in failed.text
    assert failed.text.count("loss is NaN in epoch 3") == 8
    assert "Nothing yet" in page_of(trials.iloc[:0]).text


def test_how_the_verdict_is_reached_holds_the_numbers_of_the_headline_on_ways_to_spend_a_budget():
    """Its intervals follow from what is said: quantile times standard error."""
    names = {"C=1": "reference", "C=2": "deeper", "C=4": "wider", "C=8": "more paths"}
    trials = make_trials().query("cardinality < 16").reset_index(drop=True)
    trials["arm"] = trials["arm"].map(names)
    info = {**make_info(), "reference_arm": "reference"}
    text = " ".join(page_of(trials, info).text.split())
    assert "The comparison of more paths with deeper and wider is a family of its own" in text
    (error, factor), *_ = re.findall(
        r"a gap's standard error is ([\d.]+) points, and its interval reaches ([\d.]+)", text
    )
    gap = Findings(trials, info).contest.differences[0]
    half = 50 * (gap.high - gap.low)
    assert float(error) * float(factor) == pytest.approx(half, abs=0.03)


def test_a_study_without_a_description_still_has_a_page():
    assert "no cardinality differs from C=1 for sure" in page_of(make_trials(), {"name": "x"}).text


def test_long_tables_are_cut_in_the_page_and_whole_in_the_csv():
    trials = pd.concat(
        [
            make_trials(random_seed=i).assign(seed=lambda t, i=i: t["seed"] + 3 * i)
            for i in range(40)
        ]
    )
    page = page_of(trials.reset_index(drop=True), curves=make_curves(trials.iloc[:0]))
    assert "The first 500 of 600; the CSV has all." in page.text
    assert unpacked(data_of(page)["tables"]["trials"]).count("\n") == 601


def test_arms_left_out_of_the_space_are_named():
    info = {**make_info(), "left_out": [{"arm": "C=64", "reason": "nearest d=3, +4.1 %"}]}
    assert "C=64 is left out: nearest d=3, +4.1\u00a0%." in page_of(make_trials(), info).text


def test_the_test_sets_size_is_found_and_fractions_are_not_taken_for_it():
    assert (
        size_of_test_set({"data": {"name": "digits", "splits": {"train": 1, "test": 360}}}) == 360
    )
    assert size_of_test_set({"data": {"test": 0.2}}) is None
    assert size_of_test_set({}) is None


def test_an_unwritable_output_is_a_users_mistake(tmp_path):
    trials = make_trials()
    with pytest.raises(UserError, match="cannot write"):
        write_report(
            tmp_path / "missing" / "page.html",
            [Source("x", trials, make_curves(trials), make_info())],
        )


def test_a_page_replaces_its_own_kind_and_no_other(tmp_path):
    trials, path = make_trials(), tmp_path / "notes.html"
    sources = [Source("x", trials, make_curves(trials), make_info())]
    path.write_text("<h1>Notes on resnext-explorer</h1>")
    with pytest.raises(UserError, match=r"notes\.html is there already.*--force"):
        write_report(path, sources)
    assert path.read_text() == "<h1>Notes on resnext-explorer</h1>"
    for force in (True, False):
        assert write_report(path, sources, force=force) == path
    with pytest.raises(UserError, match=r"name a file that ends in \.html"):
        write_report(tmp_path / "page.md", sources)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("digits", "digits"), ("../../etc/x", "etc_x"), ("a b/c", "a_b_c"), ("...", "study")],
)
def test_a_studys_name_becomes_a_files(name, stem):
    assert file_stem(name) == stem


def test_a_study_with_several_recipes_answers_whether_gaps_depend_on_them_first():
    trials = make_recipe_trials(QUICK)
    curves = pd.concat(
        [make_curves(part).assign(recipe=name) for name, part in trials.groupby("recipe")],
        ignore_index=True,
    )
    page = page_of(trials, make_recipe_info(), curves)
    order = [
        "both",
        "to C=1 depends on the recipe:",
        "less test error than C=1",
        "t intervals, digits",
        "both:quick",
        "both:modern",
        "How recipes are compared",
    ]
    places = [page.text.index(words) for words in order]
    assert places == sorted(places)
    data = data_of(page)
    assert "recipes-0" in data["figures"]
    for number, recipe in enumerate(("quick", "modern")):
        rows = unpacked(data["tables"][f"{number}-trials"]).splitlines()
        assert len(rows) == 1 + 30
        assert all(row.endswith(recipe) for row in rows[1:])


def test_studies_with_and_without_several_recipes_stand_side_by_side():
    sources = [
        Source("both", make_recipe_trials(QUICK), pd.DataFrame(), make_recipe_info()),
        Source("one", make_trials(), pd.DataFrame(), make_info("one")),
    ]
    text = Page(render_report(sources)).text
    assert "2 studies side by side" in text
    for words in ("depends on the recipe:", "both:quick", "both:modern", "one"):
        assert words in text


def test_stages_stay_on_one_line_but_a_networks_name_is_copied_as_it_is():
    assert to_html(facts({"Arm": "depths=1-2-1"})).count("\u2060") == 2
    assert "mine:net(width=8,depths=1-2)" in to_html(
        facts({"Design": "mine:net(width=8,depths=1-2)"})
    )
