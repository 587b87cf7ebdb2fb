"""A study's page in parts: the verdict first, the table behind it, then the rest. The live page
and the report show the same; where figures and controls stand among them is their own."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.analysis.arms import finite
from dashboards.analysis.effort import effort_sentence
from dashboards.analysis.findings import Findings
from dashboards.analysis.notes import sampling_sentence, trend_sentence
from dashboards.analysis.tables import comparison_table, design_table
from dashboards.analysis.words import bare_points, confidence_text, points
from dashboards.page.elements import Element, element, joined
from dashboards.page.parts import facts, notes, quiet, section, table
from explorer.text import human_time, listed
from studies.judging.differences import quantiles

MOST_SEEDS_LISTED = 12


def study_name(name: str, info: Mapping[str, Any] = MappingProxyType({})) -> Element:
    """The lines above a verdict: whose it is, what the study asks, its tags and its note."""
    asked = f"\u2002{question}" if (question := info.get("question")) else None
    line = element("p", element("b", name), asked, className="study")
    return element("div", line, *remarks(info))


def remarks(info: Mapping[str, Any]) -> list[Element]:
    """A study's tags and its note, where it has them; `info` is what is said of the study."""
    tags = [element("span", str(tag), className="tag") for tag in info.get("tags") or []]
    note = str(info.get("note") or "")
    return [
        *([element("p", *tags, className="tags")] if tags else []),
        *([element("p", note, className="remark")] if note else []),
    ]


def answer(findings: Findings) -> list[Element | None]:
    """What goes with the verdict's sentence: the other arms, the trend, the test set's own
    sampling, and what limits it."""
    texts = findings.verdict.more, trend_sentence(findings.comparison)
    sampling = sampling_sentence(findings)
    return [
        *(element("p", joined(text), className="more") for text in texts if text),
        element("p", joined(sampling), className="more quiet") if sampling else None,
        notes(findings.verdict.notes),
        quiet(effort_sentence(findings)),
    ]


def numbers(findings: Findings, *after: Any) -> Element:
    """The table behind the figures, and what validation chose."""
    winner = findings.winner
    # Others may have lower errors in the table. Of a search the finalists are to have more seeds.
    among = ", of the finalists" if findings.search else ", of the arms with most seeds"
    among = among if findings.ranking.fewer_seeds else ""
    return section(
        "The numbers behind it",
        quiet(winner and f"Lowest validation error{among}: {winner}."),
        # Of very many arms those that the figures show.
        table(
            comparison_table(findings),
            "The numbers behind the figures",
            first=findings.shown_arms,
        ),
        quiet(findings.has_latency and f"Latency: {findings.latency_words}."),
        *after,
    )


def designs(findings: Findings, *after: Any) -> Element:
    """Every design with its costs, and the arms that no design solves."""
    left_out = [
        f"{point.get('arm')} is left out: {str(point.get('reason')).rstrip('.')}."
        for point in findings.info.get("left_out") or []
    ]
    return section(
        "The designs and how well their costs match",
        table(design_table(findings), "Designs", first=findings.shown_arms),
        notes(left_out),
        *after,
    )


def method(findings: Findings) -> Element:
    """How the verdict is reached, with the numbers of this study."""
    comparison, images = findings.comparison, findings.images
    until = bool(findings.info.get("until"))
    compared = (
        "After every seed each open arm is compared anew, and is decided as soon as its interval"
        " says so. The intervals are so wide at first that over all seeds together a decision is"
        " wrong in at most 1 study of 20 (group-sequential boundaries: by seed n of at most N the"
        " share (n / N)² of that error is spent). A decided arm gets no more seeds, and a result"
        " that comes later is shown and not used."
        if until
        else f"Each arm is compared with {comparison.reference}. The intervals of all these"
        f" differences hold together with {confidence_text(comparison.confidence)} confidence"
        " (Dunnett's many-to-one comparisons), and a difference is claimed only where its interval"
        " excludes zero: where no arm differs, the verdict's sentence claims a difference in at"
        " most 1 study of 20. The trend is a test of its own, with 1 in 20 of its own."
    )
    texts = [
        "Validation error chooses, test error reports. A training's test error is modelled as"
        " the sum of its arm's mean, what its seed adds to every arm alike, and a rest. The"
        " rest is what the intervals come from.",
        compared,
        "The interval of a single arm's error, drawn in the first figure, is a t interval over"
        " its own seeds (three at least), cut at errors of 0 and 100 %. It says less about"
        " differences, since the arms share their seeds.",
    ]
    if not until:
        texts.append(
            "What keeping the reference costs at most is the one-sided end of the same intervals."
            " An arm is equal to the reference within the study's margin where two one-sided tests"
            " at 5 % / (number of comparisons) both show a gap smaller than that. A training is out"
            " of line where its externally studentised residual is one that 1 study in 1,000 has by"
            " chance. Nothing is claimed before all planned seeds are in."
        )
    if not comparison.problem:
        texts.append(
            f"Here: {findings.shared_seeds(*comparison.differences)}, {comparison.arms} arms; the"
            f" rest has a standard deviation of {points(comparison.residual_sd or 0)} points on"
            f" {comparison.degrees_of_freedom} degrees of freedom. A difference's standard error"
            " is from its own seeds, with the rest of the table at a weight of at most four"
            " degrees of freedom, as an arm may vary more than others."
        )
        texts.append(_contest_text(findings))
    if comparison.looks > 1 and not until:
        texts.append(
            f"This is look {comparison.looks} at the study: its seeds or arms changed. As planned,"
            " it claims wrongly in at most 1 study of 20; all later looks together do so in at most"
            " another 1 of 20, however many there are: look k is judged at 1 − 5 % / (k (k − 1))"
            " confidence. The intervals of single arms stay at 95 %."
        )
    if images:
        texts.append(
            f"The test set has {images:,} images, so one image is {points(1 / images)} points. Its"
            " own sampling is apart from the seeds' and in no interval of the figures: they say"
            " how the arms compare on these images. The error on other images is Wilson's interval"
            f" for one trained network. {_gap_sampling_text(findings)}"
        )
    return section("How the verdict is reached", *map(quiet, texts))


def _contest_text(findings: Findings) -> str:
    """Where the headline's intervals come from, of a study of ways to spend a budget."""
    contest = findings.contest if findings.ways else None
    if contest is None or contest.problem or contest.judgement is None:
        return ""
    others, compared = listed([gap.arm for gap in contest.differences]), contest.judgement.compared
    errors, factors = compared.error, quantiles(compared, contest.confidence)
    return (
        f"The comparison of {contest.reference} with {others} is a family of its own, judged in"
        f" the same way among these {contest.arms} arms, without {findings.reference}: the rest has"
        f" a standard deviation of {points(contest.residual_sd or 0)} points on"
        f" {contest.degrees_of_freedom} degrees of freedom, a gap's standard error is"
        f" {_range(100 * errors)} points, and its interval reaches {_range(factors)} standard"
        " errors (Dunnett's quantile) to each side."
    )


def _range(values: NDArray[np.float64]) -> str:
    """'2.10', or '2.10 to 2.35'."""
    return " to ".join(dict.fromkeys(f"{value:.2f}" for value in (values.min(), values.max())))


def _gap_sampling_text(findings: Findings) -> str:
    sampling = findings.sampling
    if sampling and sampling.measured:
        return (
            "The images' share in a gap's variance is the covariance over images of the arms'"
            " differences with one seed and with another, divided by the images, taken at its upper"
            " limit (95 %): what the seeds add is in their intervals already."
        )
    return "A gap's variance is at most (a + b − (a − b)²) / images for errors a and b."


def what_was_run(findings: Findings, **times: str) -> Element:
    """The study's settings, when it ran, and its file. `times` are further facts."""
    trials, info = findings.trials, findings.info
    seconds = float(np.nansum(finite(trials["seconds"])))
    started, finished = trials["started"].dropna(), trials["finished"].dropna()
    is_timed = len(started) and len(finished)
    described = {
        "Trainings": ", ".join(f"{count} {name}" for name, count in findings.counts.items())
        or "none",
        "Data": _words(info.get("data")),
        "Recipe": _words(info.get("recipe")),
        "Seeds": _seeds(info.get("seeds") or []),
        "Margin": f"{bare_points(findings.margin)} points" if findings.margin else "",
        "Settings": _words(info.get("settings")),
        "Machine": _words(info.get("machine")),
        "Device": _words(info.get("device")),
        "Versions": _words(info.get("versions")),
        "Commit": _words(info.get("git commit")),
        "Study created": moment(info.get("created")),
        "Trained": f"{moment(started.min())} to {moment(finished.max())}" if is_timed else "",
        "Time in training": human_time(seconds) if seconds and math.isfinite(seconds) else "",
        **times,
    }
    document = info.get("document")
    file = [element("h3", "Study file"), element("pre", str(document), tabIndex=0)]
    return section("What was run", facts(described), *(file if document else []))


def moment(value: Any) -> str:
    """'2026-11-21 08:00 UTC'; "" for what is no time."""
    time = pd.to_datetime(value, errors="coerce", utc=True)
    return "" if pd.isna(time) else f"{time:%Y-%m-%d %H:%M} UTC"


def _words(value: Any) -> str:
    """Plain data as a line of text: {'name': 'digits', 'test': 360} -> 'digits, test 360'."""
    if value is None:
        return ""
    if isinstance(value, dict):
        rest = (
            f"{str(key).replace('_', ' ')} {_words(entry)}"
            for key, entry in value.items()
            if key != "name" and entry is not None and entry != []
        )
        return ", ".join([*([_words(value["name"])] if value.get("name") else []), *rest])
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return f"{value:,}" if type(value) is int else str(value)  # a bool is an int too


def _seeds(seeds: list[int]) -> str:
    if len(seeds) > MOST_SEEDS_LISTED:
        return f"{len(seeds):,} seeds, {min(seeds)} to {max(seeds)}"
    return ", ".join(map(str, seeds))
