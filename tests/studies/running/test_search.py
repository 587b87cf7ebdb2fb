"""Searches: the trials that were asked for, each another design, then the
finalists on all seeds; whatever happens to the workers."""

import multiprocessing
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_runs
import yaml
from searching import BASE, NOBODY, SPACE, claims_of, make, work

import studies
import studies.running.supervisor
from explorer.errors import UserError
from studies import Study
from studies.attempts.search_agenda import choose_finalists
from studies.attempts.standing import Counts
from studies.attempts.workers import Worker
from studies.config.design import StoredDesign
from studies.config.search import Search
from studies.config.study import StudyFile
from studies.config.tuning import Tune
from studies.config.until import Until
from studies.pair import Pair
from studies.records.stored_study import StoredStudy, get
from studies.results import read
from studies.running.proposing import Proposer
from studies.storage import Storage

SOMEBODY = Worker("somebody", host="elsewhere", machine="elsewhere")


@pytest.fixture
def write(workdir: Path) -> Callable[..., Path]:
    """Writes a study file with this search over twenty designs;
    `more` are other keys of the file."""

    def write(search: Any, **more: Any) -> Path:
        (workdir / "tiny_space.yaml").write_text(SPACE)
        (workdir / "tiny.yaml").write_text(yaml.safe_dump({**BASE, "search": search, **more}))
        return workdir / "tiny.yaml"

    return write


def error_of(stored: StoredStudy, pair: Pair) -> float:
    """What a training comes to: best at C=4 and width 24, apart from the seed's luck."""
    record = stored.design(pair.design)
    return 0.1 + abs(record.cardinality - 4) / 20 + abs(record.width - 24) / 200 + 0.001 * pair.seed


def search_alone(storage: Storage, stored: StoredStudy) -> list[Pair]:
    """Run a search to its end in this process; returns what was trained, in order."""
    claims, proposer, trained = claims_of(storage, stored), Proposer(stored), []
    while attempt := claims.claim(NOBODY) or proposer.claim(claims, NOBODY):
        now = stored.seen(claims.tried())
        result = {"validation_error": error_of(now, attempt.pair), "test_error": 0.5}
        assert stored.content.file.search
        assert claims.end(
            attempt,
            "complete",
            stored.content.file.search.values(now.design(attempt.pair.design), result),
            {"result": result},
        )
        trained.append(attempt.pair)
    return trained


@pytest.mark.parametrize("method", ["random", "tpe", "nsga2"])
def test_a_search_tries_as_many_designs_as_asked_then_trains_the_finalists_on_all_seeds(
    method: str, write: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, write({"method": method, "trials": 9, "finalists": 2}, seeds=[0, 1, 2]))
    assert stored.counts(storage) == Counts(15, 0, 0, 15, 0, 0)
    trained = search_alone(storage, stored)
    stored = get(storage, "tiny")
    first, later = trained[:9], trained[9:]
    assert len({pair.design for pair in first}) == 9
    assert {pair.seed for pair in first} == {0}
    reference, *others = [design.name for design in stored.designs]
    best = sorted(others, key=lambda name: error_of(stored, Pair(name, 0)))[:2]
    assert Counter(later) == Counter(
        Pair(name, seed) for seed in (1, 2) for name in (reference, *best)
    )
    assert stored.counts(storage) == Counts(15, 15, 0, 0, 0, 0)
    trials, _ = read(storage, "tiny")
    assert len(trials) == 15
    everything = {
        design.name: design.mismatch
        for design in Study.load("tiny.yaml").model_copy(update={"search": None}).wanted().designs
    }
    assert all(
        row.mismatch == everything[row.design] for row in trials.itertuples()
    )  # d was solved


def test_what_a_lone_search_proposes_depends_on_its_seed_only(
    write: Callable[..., Path], workdir: Path
) -> None:
    def trained(file: str, seed: int) -> list[Pair]:
        storage = Storage(f"sqlite:///{workdir}/{file}.db")
        return search_alone(
            storage, make(storage, write({"method": "tpe", "trials": 10, "seed": seed}))
        )

    assert trained("first", 0) == trained("second", 0)
    assert trained("third", 1) != trained("first", 0)


def test_tpe_finds_the_best_of_a_space_more_often_than_chance(
    write: Callable[..., Path], workdir: Path
) -> None:
    """Twelve of twenty designs: chance finds the best in 60 % of
    searches; here the errors slope towards it."""
    times = 0
    for seed in range(6):
        storage = Storage(f"sqlite:///{workdir}/{seed}.db")
        stored = make(storage, write({"method": "tpe", "trials": 12, "seed": seed}, seeds=[0]))
        search_alone(storage, stored)
        now = get(storage, "tiny")
        best = min(now.designs, key=lambda design: error_of(now, Pair(design.name, 0)))
        times += (best.cardinality, best.width) == (4, 24)
    assert times == 6


def test_an_exhausted_space_ends_the_search_early(
    write: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, write({"method": "tpe", "trials": 50, "finalists": 1}))
    assert stored.content.origin.trials == 20
    trained = search_alone(storage, stored)
    assert len([pair for pair in trained if pair.seed == 0]) == 20
    assert get(storage, "tiny").counts(storage).left == 0


def test_what_costs_more_than_the_constraints_is_never_proposed(
    write: Callable[..., Path], storage: Storage
) -> None:
    everything = [d.complexity.params for d in Study.load(write("grid")).wanted().designs]
    limit = sorted(everything)[9]
    stored = make(
        storage, write({"method": "nsga2", "trials": 30, "constraints": {"params": limit}})
    )
    search_alone(storage, stored)
    tried = [design.params for design in get(storage, "tiny").designs]
    assert sorted(tried) == sorted(everything)[:10]


def test_of_proposals_at_the_same_moment_no_design_is_tried_twice(
    write: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, write({"method": "tpe", "trials": 3}))
    claims = [claims_of(storage, stored) for _ in range(3)]
    reference = claims[0].claim(NOBODY)
    assert reference
    designs = [design.name for design in Study.load("tiny.yaml").wanted().designs]
    records = {
        design.name: StoredDesign.of(design).record()
        for design in Study.load("tiny.yaml").wanted().designs
    }

    def draw(name: str) -> Callable[..., Any]:
        answers = iter([name, designs[2]])
        return lambda attempts: (Pair(drawn := next(answers), 0), records[drawn])

    first = claims[1].propose(draw(designs[1]), NOBODY)
    assert first
    assert first.pair == Pair(designs[1], 0)
    second = claims[2].propose(draw(designs[1]), SOMEBODY)  # the same again: the next is drawn
    assert second
    assert second.pair == Pair(designs[2], 0)
    assert claims[1].propose(draw(designs[1]), NOBODY) is None  # three are enough
    assert [attempt.ended for attempt in claims[0].tried()] == ["", "", ""]
    assert claims[0].counts().running == 3


def test_a_lost_proposal_waits_and_is_tried_again(
    write: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, write({"method": "tpe", "trials": 4}))
    claims, proposer = claims_of(storage, stored), Proposer(stored)
    assert claims.claim(NOBODY)
    lost = proposer.claim(claims, NOBODY)
    assert lost
    claims.end(lost, "lost")
    again = claims.claim(NOBODY)
    assert again
    assert again.pair == lost.pair
    assert len(get(storage, "tiny").designs) == 2


def test_the_finalists_of_two_objectives_lie_along_the_pareto_front() -> None:
    errors = {
        "a": (0.5, 10),
        "b": (0.1, 50),
        "c": (0.2, 40),
        "d": (0.2, 60),
        "e": (0.3, 30),
        "f": (0.4, 20),
        "g": (0.6, 5),
    }
    designs: Any = [
        SimpleNamespace(name=name, flops=flops, params=flops) for name, (_, flops) in errors.items()
    ]
    results = {name: {"validation_error": error} for name, (error, _) in errors.items()}

    def chosen(number: int, objectives: list[str]) -> list[str]:
        search = Search(method="nsga2", trials=7, finalists=number, objectives=objectives)
        return choose_finalists(search, designs, results, "a")

    assert chosen(3, ["validation_error"]) == [
        "a",
        "b",
        "c",
        "d",
    ]  # c and d are equal: the cheaper is before
    both = ["validation_error", "params"]
    assert chosen(7, both) == ["a", "b", "c", "e", "f", "g"]
    assert chosen(3, both) == ["a", "b", "e", "g"]
    assert chosen(1, both) == ["a", "b"]


def test_two_objectives_are_searched_to_a_front(
    write: Callable[..., Path], storage: Storage
) -> None:
    search = {
        "method": "nsga2",
        "trials": 12,
        "finalists": 3,
        "objectives": ["validation_error", "params"],
    }
    stored = make(storage, write(search))
    search_alone(storage, stored)
    stored = get(storage, "tiny")
    optuna_trials = storage.open().get_all_trials(stored.id)
    params = {design.name: design.params for design in stored.designs}
    for trial in optuna_trials:
        claim = trial.user_attrs["claim"]
        error = error_of(stored, Pair(claim["design"], claim["seed"]))
        assert trial.values == [error, params[claim["design"]]]


def test_more_trials_and_finalists_extend_a_search_and_keep_what_was_trained(
    write: Callable[..., Path], storage: Storage
) -> None:
    before = search_alone(
        storage, make(storage, write({"method": "tpe", "trials": 5, "finalists": 1}))
    )
    stored = make(storage, write({"method": "tpe", "trials": 10, "finalists": 2}))
    after = search_alone(storage, stored)
    assert not set(before) & set(after)
    assert len([pair for pair in before + after if pair.seed == 0]) == 10
    assert set(before + after) == set(get(storage, "tiny").pairs)
    with pytest.raises(UserError, match=r"search.trials: 10 -> 6"):
        make(storage, write({"method": "tpe", "trials": 6, "finalists": 2}))
    with pytest.raises(UserError, match="the first seed, which searches and tuning use: 0 -> 1"):
        make(storage, write({"method": "tpe", "trials": 10, "finalists": 2}, seeds=[1, 0]))


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"method": "tpe"}, ["search.trials", "missing"]),
        ({"method": "tpe", "trials": 5, "trial": 6}, ["'trial'", "Did you mean 'trials'?"]),
        ({"method": "tpe", "trials": 2}, ["3 finalists cannot come out of 2 trials"]),
        ({"method": "tpe", "trials": 5, "objectives": ["error"]}, ["unknown objective 'error'"]),
        (
            {"method": "tpe", "trials": 5, "objectives": ["params"]},
            ["first objective is validation_error"],
        ),
        (
            {"method": "nsga2", "trials": 5, "objectives": ["validation_error", "flops"]},
            ["every design of the space", "same flops"],
        ),
        (
            {"method": "tpe", "trials": 5, "constraints": {"param": 5}},
            ["unknown cost to constrain", "'params'?"],
        ),
        (
            {"method": "tpe", "trials": 5, "constraints": {"params": 5}},
            ["reference arm", "constraints"],
        ),
        (
            {"method": "tpe", "trials": 9, "prune": "medium"},
            ["unknown pruning method", "'median'?"],
        ),
        (
            {
                "method": "tpe",
                "trials": 9,
                "prune": "median",
                "objectives": ["validation_error", "params"],
            },
            ["prune", "two objectives"],
        ),
        ({"method": "tpe", "trials": 5, "prune": "median"}, ["5 startup_trials", "only 5"]),
        (
            {"method": "tpe", "trials": 9, "prune": {"method": "median", "warm_up_epochs": 3}},
            ["3 warm_up_epochs cannot prune in 4 epochs"],
        ),
        (
            {
                "method": "tpe",
                "trials": 9,
                "prune": {"method": "successive_halving", "first_epoch": 4},
            },
            ["first at epoch 4", "only 4 epochs"],
        ),
        (
            {
                "method": "tpe",
                "trials": 9,
                "prune": {"method": "successive_halving", "startup_trials": 4},
            },
            ["successive_halving has no startup_trials"],
        ),
    ],
)
def test_a_search_that_cannot_work_is_an_error_that_says_so(
    write: Callable[..., Path], search: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        Study.load(write(search)).wanted()
    for word in words:
        assert word in str(error.value)


def test_four_processes_search_together_and_nothing_is_lost_when_one_is_killed(
    write: Callable[..., Path], storage: Storage
) -> None:
    stored = make(storage, write({"method": "tpe", "trials": 15, "finalists": 2}))
    context = multiprocessing.get_context("spawn")

    def start() -> Any:
        process = context.Process(target=work, args=(storage.url, 0.05))
        process.start()
        return process

    processes = [start() for _ in range(4)]
    time.sleep(2.0)
    os.kill(processes[0].pid, signal.SIGKILL)
    processes.append(start())
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes[1:]] == [0] * 4
    stored = get(storage, "tiny")
    assert stored.counts(storage) == Counts(18, 18, 0, 0, 0, 0)
    complete = [
        attempt.pair
        for attempt in claims_of(storage, stored).tried()
        if attempt.ended == "complete"
    ]
    assert len(complete) == len(set(complete)) == 18


@pytest.mark.usefixtures("fake")
def test_random_search_is_the_same_with_any_number_of_workers(write: Callable[..., Path]) -> None:
    def tables(workers: int) -> Any:
        file = write({"method": "random", "trials": 6, "finalists": 2})
        counts = studies.running.supervisor.run(
            Study.load(file), storage="sqlite:///t.db", workers=workers
        )
        assert counts == Counts(9, 9, 0, 0, 0, 0)
        trials = tiny_runs.tables()[0]
        Path("t.db").unlink()
        return trials

    assert tables(1).equals(tables(3))


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    "prune",
    [
        {"method": "median", "startup_trials": 2, "warm_up_epochs": 1},
        {"method": "successive_halving"},
    ],
    ids=["median", "halving"],
)
def test_hopeless_trials_are_pruned_for_good_and_are_no_finalists(
    write: Callable[..., Path], prune: dict[str, Any]
) -> None:
    file = write({"method": "tpe", "trials": 10, "finalists": 2, "prune": prune})
    # One worker: with two, what each trial is compared with hangs on which of them is faster.
    counts = studies.running.supervisor.run(Study.load(file), storage="sqlite:///t.db", workers=1)
    assert counts.pruned >= 1
    assert counts.left == counts.failed == 0
    trials, curves = read("sqlite:///t.db", "tiny")
    pruned = trials[trials["status"] == "pruned"]
    assert (pruned["seed"] == 0).all()
    assert pruned["test_error"].isna().all()
    length = curves.groupby(["design", "seed"]).size()
    assert all(length[row.design, 0] < 4 for row in pruned.itertuples())
    assert not set(trials[trials["seed"] == 1]["design"]) & set(pruned["design"])
    again = studies.running.supervisor.run(Study.load(file), storage="sqlite:///t.db", workers=1)
    assert again == counts


def test_the_median_pruner_gives_up_what_is_worse_than_half_before(
    write: Callable[..., Path], storage: Storage
) -> None:
    from studies.running.pruning import Pruner, Pruning

    stored = make(storage, write({"method": "tpe", "trials": 10}))
    claims, proposer = claims_of(storage, stored), Proposer(stored)
    pruner = Pruner(
        storage, "tiny", Pruning(method="median", startup_trials=3, warm_up_epochs=1), epochs=4
    )
    for error in (0.3, 0.4, 0.5):
        attempt = claims.claim(NOBODY) or proposer.claim(claims, NOBODY)
        assert attempt
        assert not any(pruner.is_hopeless(attempt, epoch, error) for epoch in (1, 2, 3, 4))
        assert claims.end(attempt, "complete", error, {"result": {"validation_error": error}})
    attempt = proposer.claim(claims, NOBODY)
    assert attempt
    assert not pruner.is_hopeless(attempt, 1, 0.9)  # warming up
    assert pruner.is_hopeless(attempt, 2, 0.41)
    assert not pruner.is_hopeless(attempt, 3, 0.39)
    claims.end(attempt, "lost")
    again = claims.claim(NOBODY)
    assert again
    assert not pruner.resume(
        again, [attempt], [(1, 0.9), (2, 0.41), (3, 0.39)]
    )  # it had gone on after the second
    reports = storage.open().get_trial(again.id).intermediate_values
    assert reports == {1: 0.9, 2: 0.41, 3: 0.39}
    assert not pruner.is_hopeless(again, 4, 0.9)  # the last epoch: nothing left to save


@pytest.mark.usefixtures("fake")
def test_measured_latency_is_an_objective(write: Callable[..., Path]) -> None:
    search = {
        "method": "nsga2",
        "trials": 2,
        "finalists": 1,
        "objectives": ["validation_error", "latency"],
    }
    assert (
        studies.running.supervisor.run(
            Study.load(write(search, seeds=[0])), storage="sqlite:///t.db"
        ).complete
        == 2
    )
    storage = Storage("sqlite:///t.db")
    for trial in storage.open().get_all_trials(get(storage, "tiny").id):
        result = trial.user_attrs["result"]
        assert trial.values == [result["validation_error"], result["latency"]]
        assert 0 < result["latency"] < 1


def test_the_readmes_sections_are_valid() -> None:
    readme = (Path(studies.__file__).parent / "README.md").read_text()
    (written,) = re.findall(r"```yaml\n(search:\n.*?)```", readme, re.DOTALL)
    assert Search.model_validate(yaml.safe_load(written)["search"]).trials == 30
    first, second = re.findall(r"`(?:prune: )?({method: [^`]*})`", readme)
    for prune in (first, second):
        search = {"method": "tpe", "trials": 9, "prune": yaml.safe_load(prune)}
        assert Search.model_validate(search).prune
    (tune,) = re.findall(r"`tune:\s+({.*?})`", readme, re.DOTALL)
    assert len(Tune.model_validate(yaml.safe_load(tune)).recipes) == 5
    (until,) = re.findall(r"```yaml\n(name: my_decision\n.*?)```", readme, re.DOTALL)
    assert StudyFile.model_validate(yaml.safe_load(until)).until == Until(
        margin=0.5, start=3, at_most=20
    )
