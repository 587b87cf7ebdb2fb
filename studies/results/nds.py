"""Networks of "On Network Design Spaces" (Radosavovic et al. 2019) as a study.

Its JSON files (github.com/facebookresearch/nds) hold an entry a training: the network as numbers a
stage, its costs, and its errors after every epoch. Entries that keep the paper's two rules become
ours; the others are counted by what they break.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from explorer import Architecture, count
from explorer.errors import UserError, shorten
from explorer.template import Stem, Template
from explorer.text import counted, human_percent
from studies.results.importing import MOST_ROWS, Imported, checked, too_many
from studies.results.json_entries import json_entries
from studies.results.table_text import TextTable

SOURCE = "github.com/facebookresearch/nds"
# Shortcuts by the beginning of `block_type`.
_BASIC = {"res_basic": "projection", "double_plain": "none", "vanilla": "none"}
_BOTTLENECK = "res_bottleneck"
_NEEDED = ("net", "params", "flops", "train_ep_top1", "test_ep_top1", "rng_seed")


class LeftOutError(Exception):
    """Why an entry is not among ours."""


@dataclass
class _Taken:
    """What a file's entries come to: rows of a table, and what is to be told of the rest."""

    rows: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    differences: dict[str, list[float]] = field(default_factory=lambda: {"params": [], "flops": []})
    optimisers: set[str] = field(default_factory=set)

    @property
    def entries(self) -> int:
        return len(self.rows) + self.left_out.total()


def read_nds(path: Path, *, name: str | None = None, reference_arm: str | None = None) -> Imported:
    """The study of a file of NDS; stores nothing. An entry at a time is held in memory.

    The file's name says what was trained on, since nothing in it does: ImageNet-1K where it ends in
    `_in`, else CIFAR-10.

    Args:
        path: The file.
        name: What to call the study; else the file's name.
        reference_arm: The design that others are compared with; else the first.

    Raises:
        UserError: The file is none of NDS, or no entry keeps both rules, or more than `MOST_ROWS`
            do: it is read no further.
    """
    imagenet = path.stem.endswith("_in")
    taken = _taken(path, json_entries(path), imagenet=imagenet)
    about = _about(path, taken)
    if not taken.rows:
        raise UserError(f"{path} holds no network that keeps both rules. {about[0]}")
    table = TextTable.of(path, list(taken.rows.values()))
    data = "ImageNet-1K" if imagenet else "CIFAR-10"
    return checked(table, path.name, name=name, reference_arm=reference_arm, data=data, about=about)


def _taken(path: Path, entries: Iterable[Mapping[str, Any]], *, imagenet: bool) -> _Taken:
    taken = _Taken()
    for number, entry in enumerate(entries, 1):
        if "genotype" in (entry.get("net") or {}):
            taken.left_out["cells of an architecture search, no residual blocks"] += 1
            continue
        for key in _NEEDED:
            if key not in entry:
                raise UserError(f"{path}, entry {number}: it has no {key}; is this a file of NDS?")
        try:
            network = _network(entry["net"], imagenet=imagenet)
            row = _row(entry, network)
            if (network.name, row["seed"]) in taken.rows:
                raise LeftOutError("the same network and seed again; the first is here")
        except LeftOutError as reason:
            taken.left_out[str(reason)] += 1
            continue
        except (TypeError, ValueError, LookupError) as error:
            raise UserError(f"{path}, entry {number}: it is none of NDS: {error}.") from None
        taken.rows[network.name, row["seed"]] = row
        if len(taken.rows) > MOST_ROWS:
            raise too_many(path, f"more than {MOST_ROWS:,}")
        ours = count(network)
        for measure, gaps in taken.differences.items():
            gaps.append(float(entry[measure]) / getattr(ours, measure) - 1)
        optimiser = entry.get("optim") or {}
        taken.optimisers.add(
            ", ".join(f"{key} {optimiser[key]}" for key in ("base_lr", "wd") if key in optimiser)
        )
    return taken


def _row(entry: Mapping[str, Any], network: Architecture) -> dict[str, str]:
    """An entry as a row of a CSV file, with its errors after the last epoch."""
    errors = {
        split: float(entry[f"{split}_ep_top1"][-1]) / 100 if entry[f"{split}_ep_top1"] else math.nan
        for split in ("train", "test")
    }
    if not math.isfinite(errors["test"]):
        raise LeftOutError("no test error after the last epoch")
    return {
        "design": network.name,
        "arm": network.name,
        "seed": str(entry["rng_seed"]),
        "validation_error": "",  # they trained on all training images
        "test_error": f"{errors['test']:.8g}",
        "train_error": f"{errors['train']:.8g}" if math.isfinite(errors["train"]) else "",
        "epochs": str(len(entry["test_ep_top1"])),
        "resolution": str(network.resolution),
        "in_channels": str(network.in_channels),
        "classes": str(network.classes),
    }


def _network(net: Mapping[str, Any], *, imagenet: bool) -> Architecture:
    """The network of these numbers. Raises `LeftOutError` where a rule is broken."""
    kind, widths = str(net["block_type"]), _whole(net["ws"])
    strides = _whole(net.get("ss") or [1] + [2] * (len(widths) - 1))
    if strides[0] != 1:
        raise LeftOutError("the first stage halves the map, which the stem does here")
    if set(strides[1:]) - {2}:
        raise LeftOutError("rule 1: two stages make maps of one size")
    if any(wider != 2 * width for width, wider in pairwise(widths)):
        raise LeftOutError("rule 2: the width does not double where the map is halved")
    growth = "d"
    plain = next((word for start, word in _BASIC.items() if kind.startswith(start)), None)
    if plain is not None:
        template = Template("basic", 1, None, widths[0])
    elif kind.startswith(_BOTTLENECK):
        template, growth = _bottleneck(net, widths)
    else:
        raise LeftOutError(f"blocks of the type {shorten(kind)}")
    size = (224, 3, 1000) if imagenet else (32, 3, 10)
    stem = Stem() if imagenet else Stem("small", 16)  # as pycls had them
    depths = tuple(_whole(net["ds"]))
    shortcut = plain or "projection"
    return Architecture(template, depths, growth, shortcut, stem, *size)


def _bottleneck(net: Mapping[str, Any], widths: list[int]) -> tuple[Template, str]:
    """The first stage's block, and what doubles from stage to stage."""
    ratios = net.get("bot_muls") or [1.0] * len(widths)
    paths = _whole(net.get("num_gs") or net.get("gs") or [1] * len(widths))
    inner = [round(width * ratio) for width, ratio in zip(widths, ratios, strict=True)]
    if any(channels % groups for channels, groups in zip(inner, paths, strict=True)):
        raise LeftOutError("the paths do not divide the width of the bottleneck")
    per_path = [channels // groups for channels, groups in zip(inner, paths, strict=True)]
    factors = [2**stage for stage in range(len(widths))]
    template = Template("bottleneck", paths[0], per_path[0], widths[0])
    if len(set(paths)) == 1 and per_path == [per_path[0] * factor for factor in factors]:
        return template, "d"
    if len(set(per_path)) == 1 and paths == [paths[0] * factor for factor in factors]:
        return template, "C"
    raise LeftOutError("rule 2: neither the paths nor the width of each doubles with the width")


def _whole(values: Iterable[Any]) -> list[int]:
    numbers = [int(value) for value in values]
    if numbers != list(values):
        raise ValueError(f"whole numbers are expected, not {shorten(values)}")
    return numbers


def _about(path: Path, taken: _Taken) -> list[str]:
    """What a reader must know of the study, a sentence each; the first counts what is left out."""
    first = (
        f"{len(taken.rows):,} of {taken.entries:,} entries of {path.name} keep both rules of the"
    )
    first += " template and are here"
    if taken.left_out:
        reasons = [f"{number:,} ({reason})" for reason, number in taken.left_out.most_common()]
        first += f"; left out are {', '.join(reasons)}"
    sentences = [f"{first}."]
    sentences += [_counts(measure, gaps) for measure, gaps in taken.differences.items() if gaps]
    if len(taken.optimisers) > 1:
        sentences.append(
            f"They were trained in {len(taken.optimisers):,} ways (learning rate, weight decay), so"
            " gaps between designs may come from that."
        )
    sentences.append(
        f"Test errors after the last epoch, as published at {SOURCE}. No validation error was"
        " published, so validation chooses nothing here."
    )
    return sentences


def _counts(measure: str, gaps: list[float]) -> str:
    """'Their parameters are ours to the unit.'; how far they lie apart, where they do."""
    word = {"params": "parameters", "flops": "FLOPs"}[measure]
    apart = [gap for gap in gaps if gap]
    if not apart:
        return f"Their {word} are ours to the unit."
    low, high = min(apart), max(apart)
    by = " to ".join(dict.fromkeys(human_percent(end, signed=True) for end in (low, high)))
    return (
        f"Their {word} differ from ours in {len(apart):,} of {counted(len(gaps), 'network')}, by"
        f" {by}: parts of the networks may not be the same."
    )
