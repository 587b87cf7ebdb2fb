"""The live app without a browser: what it reads, what an address means,
what reaches the page, what the server refuses."""

import gc
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import weakref
from urllib.parse import quote

import pandas as pd
import pytest
import searching
import tiny_study
import yaml
from big_study import add_attempts, finish, make_study
from dash import html
from study_tables import make_curves, make_trials

from dashboards.analysis.tables import TextTable
from dashboards.app.app import create_app, show
from dashboards.app.pages import design, study, study_figures
from dashboards.app.pages.parts import live
from dashboards.app.pages.question import (
    QUANTITY_LABELS,
    RULE_LABELS,
    Question,
    quantities_offered,
    rules_offered,
)
from dashboards.app.pages.selection import Selection
from dashboards.app.pages.study_figures import FIGURES, RESULTS, shown
from dashboards.figures.theme import blank_figure
from dashboards.page.elements import to_html
from dashboards.page.parts import table
from explorer import Architecture, UserError, match
from explorer.published import TABLES
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.results import Reader, as_csv, read, read_published, store_imported
from studies.storage import Storage

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def storage(workdir):
    return Storage(f"sqlite:///{workdir}/studies.db")


@pytest.fixture
def running(storage):
    """Three seeds of five arms: one failed, two running, one not begun."""
    stored = make_study(storage, "running")
    add_attempts(storage, stored, states={3: "failed", 12: "running", 13: "running", 14: "waiting"})
    return stored


def test_a_study_that_tunes_has_a_page(storage, workdir):
    (workdir / "tiny_space.yaml").write_text(tiny_study.SPACE)
    tune = {"tune": {"trials": 2, "learning_rate": [0.01, 1.0]}}
    (workdir / "tiny.yaml").write_text(yaml.safe_dump({**yaml.safe_load(tiny_study.STUDY), **tune}))
    stored = searching.make(storage, workdir / "tiny.yaml")
    claims = Claims(storage, stored.id, stored)
    for _ in range(7):  # three arms twice, then the first arm as tuned
        result = {"validation_error": 0.1, "test_error": 0.1}
        claims.end(claims.claim(searching.NOBODY), "complete", 0.1, {"result": result})
    assert "So far (1 of 6 trainings): nothing to compare yet" in to_html(
        show(Reader(storage), "/study/tiny", "", None)
    )


def test_a_study_with_several_recipes_has_a_page_and_one_a_recipe(storage, workdir):
    (workdir / "tiny_space.yaml").write_text(tiny_study.SPACE)
    document = yaml.safe_load(tiny_study.STUDY)
    del document["recipe"]
    document["recipes"] = ["quick", "modern"]
    (workdir / "tiny.yaml").write_text(yaml.safe_dump(document))
    stored = searching.make(storage, workdir / "tiny.yaml")
    claims = Claims(storage, stored.id, stored)
    reader = Reader(storage)
    assert "So far nothing is claimed" in to_html(show(reader, "/study/tiny", "", None))
    for number in range(12):
        error = 0.1 + 0.01 * (number * 7 % 5)
        result = {"validation_error": error, "test_error": error}
        claims.end(claims.claim(searching.NOBODY), "complete", error, {"result": result})
    page = to_html(show(reader, "/study/tiny", "", None))
    assert "depend on the recipe" in page or "depends on the recipe" in page
    assert 'href="/study/tiny%3Amodern"' in page
    assert "6 of 6 complete" in to_html(show(reader, "/study/tiny%3Amodern", "", None))
    design = stored.designs[0].name
    address = f"/study/tiny%3Amodern/trial/{design}/1"
    assert "C=1, seed 1:" in to_html(show(reader, address, "", None))
    overview = to_html(show(reader, "/", "", None))
    assert "depend on the recipe" in overview or "changes the gap" in overview
    assert "tiny:quick" in to_html(show(reader, "/compare", "", None))
    assert "unknown recipe" in to_html(show(reader, "/study/tiny%3Amoder", "", None))


def test_a_search_is_unfinished_while_trials_without_a_design_are_to_come(storage):
    stored = searching.make(storage, "digits_search")
    claims = Claims(storage, stored.id, stored)
    attempt = claims.claim(Worker("nobody", host="elsewhere", machine="elsewhere"))
    claims.end(attempt, "complete", 0.1, {"result": {"validation_error": 0.1, "test_error": 0.1}})
    wanted = stored.counts(storage).wanted
    page = to_html(show(Reader(storage), "/study/digits_search", "", None))
    assert f"So far (1 of {wanted} trainings): nothing to compare yet" in page
    assert f"({wanted - 1} without a design yet)" in page


def test_a_table_costs_a_page_one_component_however_many_rows_it_has(storage, running):
    add_attempts(storage, running)
    add_attempts(storage, make_study(storage, "larger", seeds=20))
    reader = Reader(storage)

    def components(name: str) -> int:
        return sum(
            1
            for part in show(reader, f"/study/{name}", "", None)
            for _ in [part, *part._traverse()]
        )

    assert to_html(show(reader, "/study/larger", "", None)).count("<td") > 150
    assert components("larger") == components("running") < 120


def test_an_extended_study_has_every_page(storage, running):
    add_attempts(storage, running, first=12)
    extended = make_study(storage, "running", seeds=5)
    add_attempts(storage, extended, first=15)
    reader = Reader(storage)
    assert "Planned with 3 seeds, extended to 5" in to_html(
        show(reader, "/study/running", "", None)
    )
    for key in FIGURES:
        assert shown(reader, key, "running", Selection(), None)
    assert "Compare" in to_html(show(reader, "/compare", "?study=running", {"theme": "light"}))


def test_curves_of_a_moment_ago_are_not_taken_for_those_of_now(storage, monkeypatch):
    stored, draw = make_study(storage, "moving"), study_figures._figure
    add_attempts(storage, stored, states={13: "running", 14: "waiting"})
    reader, chosen = Reader(storage), Selection(statuses=("complete",))

    def move_on(*asked):  # between two looks at the storage
        finish(storage, stored)
        return draw(*asked)

    monkeypatch.setattr(study_figures, "_figure", move_on)
    shown(reader, "train", "moving", chosen, None)
    monkeypatch.undo()
    now = shown(reader, "validation", "moving", chosen, None)
    assert now == shown(Reader(storage), "validation", "moving", chosen, None)


def test_the_epochs_of_few_choices_are_remembered(storage, running):
    reader, epochs = Reader(storage), []
    tables = reader.tables("running")
    for seeds in ("0", "1", "2", "0-1"):
        chosen = Selection(seeds=seeds)
        findings = study_figures.chosen_findings(reader, tables, chosen)
        epochs.append(weakref.ref(study_figures._curves(reader, findings, tables, chosen)))
    gc.collect()
    assert [curves() is not None for curves in epochs] == [False, False, True, True]


def test_a_choice_changes_no_arms_colour(storage, running):
    def colours(chosen):
        figure, *_ = shown(Reader(storage), "error", "running", chosen, None)
        marks = [trace["marker"]["color"] for trace in figure["data"] if trace["mode"] == "markers"]
        return {color for colors in marks for color in colors}

    assert colours(Selection(arms=("C=1", "C=8"))) < colours(Selection())


def test_a_damaged_study_does_not_hide_the_others(storage, running):
    make_study(storage, "good")
    writer = storage.open()
    writer.set_trial_user_attr(
        writer.get_all_trials(running.id)[-1]._trial_id, "claim", {"design": 3}
    )
    reader = Reader(storage)
    page = to_html(show(reader, "/", "", None))
    assert "this program did not write" in page
    assert "No comparison: no training is complete yet" in page or "Nothing to compare" in page
    assert "this program did not write" in to_html(show(reader, "/compare", "", None))
    assert "This cannot be shown" in to_html(show(reader, "/study/running", "", None))


def test_seeds_half_typed_in_the_address_leave_the_page_and_its_field(storage, running):
    page = show(Reader(storage), "/study/running", "?seeds=0,", None)
    assert "Every training" in to_html(page)
    assert "value='0,'" in str(page)


def test_postgres_is_read_alike_and_cannot_be_written(workdir, server):
    from postgres_server import PASSWORD

    storage = Storage(server.create())
    stored = make_study(storage, "running")
    add_attempts(storage, stored, states={3: "failed", 13: "running", 14: "waiting"})
    reader = Reader(storage)
    twin = Storage(f"sqlite:///{workdir}/twin.db")
    add_attempts(
        twin, make_study(twin, "running"), states={3: "failed", 13: "running", 14: "waiting"}
    )
    for tables, twins in zip(read(storage, "running"), read(twin, "running"), strict=True):
        pd.testing.assert_frame_equal(tables, twins)
    client = create_app(reader).server.test_client()
    for path in (
        "/",
        "/study/running",
        f"/study/running/trial/{stored.designs[0].name}/0",
        "/compare",
    ):
        text = client.get(path, base_url="http://127.0.0.1").text
        assert path == "/compare" or "running" in text
        assert PASSWORD not in text
    with pytest.raises(UserError, match="only allows reading"):
        storage.rows("DELETE FROM trials")
    storage.close()


def test_looking_changes_no_byte_of_the_storage(storage, running, workdir):
    storage.close()
    file = workdir / "studies.db"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    reader = Reader(Storage(storage.url))
    client = create_app(reader).server.test_client()
    for path in (
        "/",
        "/study/running",
        "/compare?study=running",
        "/design",
        "/published",
        "/download/running/trials.csv",
    ):
        assert client.get(path, base_url="http://127.0.0.1").status_code == 200
    with pytest.raises(UserError):
        reader.storage.rows("DELETE FROM trials")
    reader.storage.close()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_a_link_says_what_is_chosen():
    chosen = Selection.of(
        "?arm=C%3D1&arm=C%3D8&status=failed&seeds=0-4&order=best&page=2&cost=params"
        "&beside=osmr_resnext20_cifar10"
    )
    assert chosen == Selection(
        ("C=1", "C=8"), ("failed",), "0-4", "best", 2, "params", "osmr_resnext20_cifar10"
    )
    assert Selection.of("?page=-1&order=nonsense&cost=x&beside=y") == Selection()


def test_of_many_arms_a_choice_names_the_few_that_it_takes_away():
    trials, chosen = make_trials(), Selection.of("?without=C%3D1&without=C%3D8&seeds=0")
    assert chosen == Selection(seeds="0", without=("C=1", "C=8"))
    assert chosen == Selection.chosen(chosen.choice), "as the page's script gives it back"
    assert [chosen.has(arm) for arm in ("C=1", "C=2")] == [False, True]
    rows = chosen.of_trials(trials)
    assert (set(rows["arm"]), set(rows["seed"])) == ({"C=2", "C=4", "C=16"}, {0})
    curves = chosen.of_curves(make_curves(trials), rows)
    assert set(curves["arm"]) == {"C=2", "C=4", "C=16"}
    assert chosen.rows == chosen
    assert not chosen.is_all


def test_what_others_got_is_laid_over_as_chosen(storage, running):
    reader, name = Reader(storage), "osmr_resnext20_cifar10"
    assert {"label": f"{name} (CIFAR-10)", "value": name} in offered(reader, "running")
    for key in RESULTS:
        (without, *_), (figure, *texts) = (
            shown(reader, key, "running", Selection(beside=beside), None) for beside in ("", name)
        )
        (theirs,) = [trace for trace in figure["data"] if trace.get("name") == name]
        assert len(figure["data"]) > len(without["data"]) - 1
        assert theirs["line"]["dash"] == "4px,4px"
        assert "error_y" not in theirs
        assert "github.com/osmr/imgclsmob" in str(texts)


def test_a_study_without_cardinalities_offers_nothing_to_lay_over(storage):
    store_imported(storage, read_published("published:osmr_resnext20_cifar10"))
    assert offered(Reader(storage), "osmr_resnext20_cifar10") == [{"label": "nothing", "value": ""}]


def offered(reader: Reader, name: str) -> list[dict[str, str]]:
    """What can be laid over the figures of a study's page."""
    page = html.Div(show(reader, f"/study/{name}", "", None))
    (choice,) = [node for node in page._traverse() if getattr(node, "id", None) == "beside"]
    return choice.options


def test_chosen_seeds_are_read_as_typed(storage, running):
    trials = Reader(storage).tables("running").trials
    assert set(Selection(seeds="0, 2").of_trials(trials)["seed"]) == {0, 2}
    assert set(Selection(seeds="1-9").of_trials(trials)["seed"]) == {1, 2}
    with pytest.raises(UserError, match="cannot read the seeds"):
        Selection(seeds="one").of_trials(trials)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/study/nothing", "nothing"),
        ("/study/running/trial/none/0", "none"),
        ("/study/running/trial/resnext11_1x64d_cifar/99", "99"),
        ("/nowhere", "no such page"),
    ],
)
def test_what_is_not_there_is_said_on_a_page(storage, running, path, says):
    assert says in to_html(show(Reader(storage), path, "", None))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nowhere", "There is no such page"),
        ("/study/runing", "Did you mean &#x27;running&#x27;"),
        ("/study/running/trial/resnext11_1x64d_cifar/99", "has no seed &#x27;99&#x27;"),
        ("/download/none/trials.csv", "There is no such page"),
        ("/assets/none.css", "There is no such page"),
    ],
)
def test_what_is_not_there_is_answered_with_404_in_our_words(storage, running, path, says):
    client = create_app(Reader(storage)).server.test_client()
    answer = client.get(path, base_url="http://127.0.0.1")
    assert answer.status_code == 404
    assert says in answer.text
    assert 'href="/">All studies</a>' in answer.text
    for known in (
        "/",
        "/study/running",
        "/compare",
        "/design",
        "/design?reference=resnet51",
        "/published",
    ):
        assert client.get(known, base_url="http://127.0.0.1").status_code == 200


def test_a_storage_that_is_not_there_yet_is_an_empty_overview(workdir):
    page = to_html(show(Reader(Storage(f"sqlite:///{workdir}/none.db")), "/", "", None))
    assert "No studies here yet" in page
    assert not (workdir / "none.db").exists()


def test_the_test_sets_own_sampling_is_said_apart_from_the_seeds(storage, running):
    page = to_html(show(Reader(storage), "/study/running", "", None))
    assert "Apart from the seeds, the test set of 360 images is itself a sample" in page


def test_a_failed_training_tells_why(storage, running):
    page = to_html(show(Reader(storage), "/study/running/trial/resnext11_8x13d_cifar/0", "", None))
    assert "the loss is not a number after step 12" in page
    assert "TrainingFailed: loss" in page


def test_markup_from_a_study_stays_text():
    assert to_html(html.P([EVIL, html.A("x", href=f'"{EVIL}')])).count("<img") == 0
    assert "<img" not in to_html(table(TextTable((EVIL, "b"), ((EVIL, EVIL),)), EVIL))


def test_a_figures_title_becomes_plain_text():
    figure = blank_figure("light")
    figure.update_layout(title={"text": "C&lt;8", "subtitle": {"text": "a &amp; b"}})
    _, title, below, _ = live(figure, None, "x")
    assert (title, below) == ("C<8", "a & b")


def test_the_design_page_gives_what_match_gives():
    reference = Architecture.from_name("resnet50")
    question = Question.of("?reference=resnet50&by=block&most=3")
    assert [solved.name for solved in question.designs()] == [
        matched.name for matched in match(reference, by="block", cardinality=[1, 2, 4, 8])
    ]
    answered = design.answer(question, None)
    page = to_html([*answered.table, *answered.paper, *answered.drawing])
    assert "resnext50_8x14d" in page
    assert ">22.3<" in page


def test_the_input_of_the_design_page_is_that_of_the_users_data():
    asked = Question.of("?reference=resnet50&most=1&resolution=64&in_channels=1&classes=6")
    reference = Architecture.from_name("resnet50", resolution=64, in_channels=1, classes=6)
    assert asked.designs() == match(reference, cardinality=[1, 2])
    below = design.answer(asked, None).figure.layout.title.subtitle.text
    assert "input 1x64x64, 6 classes" in below
    for typed, message in (
        ("resolution=8", "a resolution of 8 is too small"),
        ("classes=six", "classes must be a whole number of at least 1; given: 'six'"),
    ):
        assert message in design.answer(Question.of(f"?reference=resnet50&{typed}"), None).problem


@pytest.mark.parametrize("solve", ["bottleneck_width", "width", "depths", "cardinality"])
@pytest.mark.parametrize(
    "reference",
    [
        *("resnet50", "resnext29_8x64d_cifar", "resnet18", "inception_3-4-6-3_25d_w256"),
        *("resnext_3-4-6-3_64x2d_w256_growroot", "resnet50_pre"),
    ],
)
def test_every_quantity_has_an_answer_or_a_reason(solve, reference):
    answered = design.answer(Question(reference, solve=solve, factor=6), None)
    assert bool(answered.table) != bool(answered.problem)
    if reference not in ("resnet18", "inception_3-4-6-3_25d_w256"):
        assert answered.table
    elif solve == "cardinality":
        assert reference == "resnet18" or "paths are unlike" in answered.problem


def test_cardinalities_of_roots_are_those_that_can_be_halved():
    answered = design.answer(Question("resnext_3-4-6-3_64x2d_w256_growroot", most=6), None)
    assert list(answered.figure.data[-1].x) == [8, 16, 32, 64]
    few = design.answer(Question("resnext_3-4-6-3_64x2d_w256_growroot", most=1), None)
    assert list(few.figure.data[-1].x) == [8], "the smallest, where the slider ends below it"


@pytest.mark.parametrize("solve", QUANTITY_LABELS)
@pytest.mark.parametrize("by", RULE_LABELS)
def test_the_design_page_offers_only_what_can_be_solved(solve, by):
    asked = Question(solve=solve, by=by)
    (quantity,) = [option for option in quantities_offered(asked) if option["value"] == solve]
    (rule,) = [option for option in rules_offered(asked) if option["value"] == by]
    assert quantity["disabled"] is rule["disabled"] is ((solve, by) == ("depths", "block"))
    answered = design.answer(asked, None)
    assert bool(answered.problem) is quantity["disabled"]
    linked = Question.of(f"?solve={solve}&by={by}")
    assert not design.answer(linked, None).problem


BLOCKS = "1000000-1000000-1000000-1000000"
HOSTILE = (
    "",
    "1e400",
    "nan",
    "-1",
    "9" * 5000,
    "[]",
    "\u0663",
    "\x00",
    "<script>",
    "99999999",
    "2.5",
    "None",
    "depths",
)


@pytest.mark.parametrize(
    "key",
    [
        *("reference", "factor", "by", "solve", "most", "multiple", "policy", "shown"),
        *("resolution", "in_channels", "classes"),
    ],
)
def test_a_link_or_a_request_of_a_stranger_gets_an_answer(key):
    asked = {Question.of(f"?{key}={quote(value)}") for value in HOSTILE}
    others = (None, [], {}, 10**400, float("nan"), float("inf"), -1, 1e9, True, [["x"]])
    asked |= {Question.read({key: value}) for value in (*HOSTILE, *others)}
    for question in asked - {Question()}:  # most are as if nothing had been said
        design.answer_outputs(question, None)


def test_a_million_blocks_are_refused_and_the_most_that_are_allowed_are_drawn():
    answered = design.answer(Question.of(f"?reference=resnext_{BLOCKS}_1x4d_w64"), None)
    assert "4,000,000 blocks in all are too many" in answered.problem
    most = design.answer(
        Question.of("?reference=resnext_2500-2500-2500-2500_1x4d_w64&most=0"), None
    )
    assert not most.problem
    assert len(to_html(most.drawing)) < 4_000_000
    assert (
        "at most 500"
        in design.answer(Question.of(f"?reference=resnext_{'1-' * 900}1_1x4d_w64"), None).problem
    )


def test_a_reference_that_is_none_is_told_with_the_nearest_name():
    answered = design.answer(Question("resnet5O"), None)
    assert "resnet50" in answered.problem
    assert answered.table == []


def test_the_design_page_names_what_others_got_at_this_cost_with_the_spread_of_recipes():
    answered = design.answer(Question("resnet50"), None)
    text = to_html(answered.paper)
    assert "What others got at this cost" in text
    # By recipe, from a1h's 80.654 % of accuracy to torchvision's 76.156.
    for error in ("23.9", "19.15 to 23.84", "23.2", "22.2"):
        assert f">{error}<" in text  # its unit is in the heading
    for source in ("Table 3 of Xie", "facebookresearch/pycls", "pytorch-image-models"):
        assert source in text
    none = to_html(design.answer(Question("resnext_1-1-1_1x20d_w96_small16"), None).paper)
    assert "No published network costs within 10\N{NO-BREAK SPACE}% of it." in none


def test_the_design_page_says_on_which_data_others_trained():
    answered = design.answer(Question("resnext20_4x16d_cifar"), None)
    text = to_html(answered.paper)
    # 4x16d of osmr's table.
    for words in ("CIFAR-10", ">4.7<", "SVHN", ">3.17<", "github.com/osmr/imgclsmob"):
        assert words in text
    assert "CIFAR-100" not in text
    hundred = design.answer(Question("resnext20_4x16d_cifar", classes="100"), None)
    assert ">23.04<" in to_html(hundred.paper)


def test_the_page_of_published_tables_has_every_one_with_its_source_and_our_counts(storage):
    page = to_html(show(Reader(storage), "/published", "", None))
    assert page.count("<table>") == len(TABLES) == 12
    assert page.count("Source: ") == 4
    assert "3,446,602" in page
    assert "25.6 M" in page
    assert "Table 7" in page


def test_the_page_of_published_tables_is_in_the_menu_and_at_its_earlier_address(storage):
    client = create_app(Reader(storage)).server.test_client()
    assert 'href="/published">Published</a>' in client.get("/").text
    earlier = client.get("/paper", follow_redirects=True)
    assert (earlier.status_code, earlier.request.path) == (200, "/published")
    assert "What others published" in earlier.text


def test_another_hosts_name_is_turned_away(storage):
    client = create_app(Reader(storage)).server.test_client()
    assert client.get("/published", base_url="http://evil.example").status_code == 403
    assert client.get("/published", base_url="http://localhost:8050").status_code == 200
    open_to_all = create_app(Reader(storage), local=False).server.test_client()
    assert open_to_all.get("/published", base_url="http://evil.example").status_code == 200


def test_tables_are_downloaded_whole(storage, running):
    client = create_app(Reader(storage)).server.test_client()
    text = client.get("/download/running/trials.csv", base_url="http://127.0.0.1").text
    assert text == as_csv(read(storage, "running")[0])
    assert (
        client.get("/download/running/secrets.csv", base_url="http://127.0.0.1").status_code == 404
    )
    assert client.get("/download/none/trials.csv", base_url="http://127.0.0.1").status_code == 404


def start(*options: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "explorer", "dashboard", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    return process, process.stdout.readline()


def test_the_command_prints_its_address_warns_and_ends_with_ctrl_c(storage, running):
    from urllib.request import urlopen

    process, line = start("--storage", storage.url, "--port", "0", "--host", "0.0.0.0")
    try:
        address = re.search(r"http://0\.0\.0\.0:(\d+)/", line)
        assert address, line
        with urlopen(f"http://127.0.0.1:{address[1]}/study/running", timeout=30) as answer:
            assert b"So far (11 of 15 trainings): gaps of " in answer.read()
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "everyone who reaches this machine can read the studies" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("works", [True, False])
def test_it_opens_a_browser_when_asked_and_says_so_where_there_is_none(storage, tmp_path, works):
    written = tmp_path / "written"
    program = tmp_path / "browser"
    does = f'echo "$1" > {written}' if works else "exit 1"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    process, line = start(
        "--storage", storage.url, "--port", "0", "--open", BROWSER=f"{program} %s"
    )
    said = ""
    try:
        end = time.monotonic() + 60
        while works and not (written.exists() and written.read_text()):
            assert time.monotonic() < end
            time.sleep(0.05)
        if works:
            assert written.read_text().strip() in line
        else:
            said = next(line for line in process.stderr if "open the address above" in line)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert ("open the address above" in said + errors) != works
    assert process.returncode == 0


def test_a_taken_port_is_a_plain_message(storage):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process, _ = start("--storage", storage.url, "--port", str(taken.getsockname()[1]))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--port" in errors
    assert "Traceback" not in errors


def test_the_page_of_a_training_names_who_else_trained_its_network(storage):
    store_imported(storage, read_published("published:osmr_resnext20_cifar100"))
    path = "/study/osmr_resnext20_cifar100/trial/resnext20_4x32d_cifar/0"
    page = to_html(show(Reader(storage), path, "", None))
    assert "What others got with this network" in page
    # On CIFAR-10, CIFAR-100 and SVHN.
    assert all(f">{error}<" in page for error in ("3.73", "21.31", "2.98"))
    assert "github.com/osmr/imgclsmob" in page
    assert "The errors after each epoch are not known" in page


def test_the_page_of_a_training_tells_recipes_and_trainings_apart(storage):
    store_imported(storage, read_published("published:pycls_zoo"))
    page = to_html(show(Reader(storage), "/study/pycls_zoo/trial/resnext50_32x4d/0", "", None))
    for words in ("ImageNet-1K, a3_in1k, 160 pixels", "ImageNet-1K, ra_in1k, 224 pixels"):
        assert f">{words}<" in page.replace("<span>", "").replace("</span>", "")
    assert ">mean of 5<" in page
    assert "Table 3 of Xie" in page


def test_the_page_of_a_network_that_nobody_published_says_nothing_of_others(storage, running):
    path = f"/study/running/trial/{running.designs[0].name}/0"
    assert "What others got" not in to_html(show(Reader(storage), path, "", None))


@pytest.mark.parametrize(
    ("until", "gaps"),
    [({"margin": 0.3}, "Gaps, in figure and table, are those"), ("best", "The gaps by seed are")],
)
def test_a_choice_of_seeds_says_that_gaps_stay_those_of_the_decisions(storage, until, gaps):
    stored = make_study(storage, "until", seeds={"start": 3, "at_most": 9}, until=until)
    add_attempts(storage, stored)
    reader = Reader(storage)
    tables = reader.tables("until")
    assert gaps in study.shown(reader, tables, Selection(seeds="0-1"))
    assert "gaps" not in study.shown(reader, tables, Selection(arms=("C=1", "C=8"))).lower()
    assert study.shown(reader, tables, Selection()) == ""
    add_attempts(storage, make_study(storage, "grid"))
    assert "gaps" not in study.shown(reader, reader.tables("grid"), Selection(seeds="0-1")).lower()
