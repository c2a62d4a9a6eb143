"""Which checkpoints can be chosen, told from their JSON files alone: no weights, no torch."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from muxviz.errors import ConfigError, FileError
from muxviz.files import check_regular, json_text, parse_json, read_json
from muxviz.loading.bundled import bundled_folders
from muxviz.results.group import pruned_words
from muxviz.structure import Structure, from_dict, kept_weights, prunable_size

LARGEST_JSON = 4 << 20  # bytes of a configuration or card; the largest known has 0.2
PREFERRED = 5  # slots of the checkpoint chosen when nothing is asked for
SIZES = {  # of the unpruned model, in config.json
    "hidden": "hidden_size",
    "heads": "num_attention_heads",
    "intermediate": "intermediate_size",
    "layers": "num_hidden_layers",
}
ALIKE = (  # what pruning leaves as it was, in config.json
    *SIZES.values(),
    "architectures",
    "id2label",
    "vocab_size",
    "muxing_variant",
    "demuxing_variant",
)


@dataclass(frozen=True)
class Listed:
    """A checkpoint that can be chosen.

    name: a bundled name, a folder or a hub id, as ``muxviz.load`` takes it. baseline: the N = 1
    checkpoint its card names, or "". folder: where its files are, or None when not known yet.
    sparsity: share of the encoder's weights pruned away, as far as its JSON files say. pruned_from:
    the bundled checkpoint that it was pruned from, or "".
    """

    name: str
    num_instances: int
    baseline: str = ""
    folder: Path | None = None
    sparsity: float = 0.0
    pruned_from: str = ""

    @property
    def label(self) -> str:
        """The name as lists show it: a pruned checkpoint says how much was pruned away."""
        return f"{self.name} · {pruned_words(self.sparsity)}" if self.sparsity else self.name

    @property
    def labels(self) -> Any:
        """What it answers with, as its configuration says; None where it does not."""
        return read_object(self.folder / "config.json").get("id2label") if self.folder else None

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels in order; () where the configuration names none."""
        named = self.labels
        if not isinstance(named, dict) or not all(str(key).isdecimal() for key in named):
            return ()
        return tuple(str(named[key]) for key in sorted(named, key=int))

    @property
    def sharing(self) -> float | None:
        """How far its slots share directions, in [0, 1], by its card; None where it tells nothing.

        0 for slots that have rooms of their own.
        """
        run = read_object(self.folder / "card.json").get("run") if self.folder else None
        packed = run.get("packed") if isinstance(run, dict) else None
        if not isinstance(packed, dict) or "turned" in packed:
            return None
        told = packed.get("sharing", 0.0)
        is_share = isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= 1
        return float(told) if is_share else None

    @property
    def stamp(self) -> str:
        """Changes when the folder's files are replaced; part of every cache key."""
        try:
            files = sorted(self.folder.iterdir()) if self.folder else []
            return " ".join(f"{p.name}:{p.stat().st_mtime_ns}" for p in files if p.is_file())
        except OSError:
            return ""  # gone, or not to be looked into: loading will complain


def describe(name: str, folder: Path, here: Container[str] | None = None) -> Listed:
    """What the JSON files of a folder say; N = 1 where they say nothing (loading will complain).

    ``here`` has the names of the bundled checkpoints, from whoever has just listed them.
    """
    config, card = read_object(folder / "config.json"), read_object(folder / "card.json")
    number = config.get("num_instances", 1)
    here = bundled_folders() if here is None else here
    baseline = card.get("baseline") or ""
    share = sparsity_of(config, card)
    return Listed(
        name,
        number if isinstance(number, int) and 1 <= number <= 1024 else 1,
        baseline if baseline in here and baseline != name else "",
        folder,
        share,
        _unpruned(name, card, here) if share else "",
    )


def sparsity_of(config: dict[str, Any], card: dict[str, Any]) -> float:
    """Share of the encoder's weights pruned away, as CoFi counts; 0 where the files tell of none.

    From the structure in ``config.json``; the card's word where there is none, as for files that
    keep the kept sizes in their weights only.
    """
    ours = config.get("muxviz")
    sizes = {ours: config.get(theirs) for ours, theirs in SIZES.items()}
    if isinstance(ours, dict) and "structure" in ours and all(_is_size(v) for v in sizes.values()):
        return _counted(json_text(ours["structure"], sort_keys=True), tuple(sizes.items()))
    told = card.get("sparsity")
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < 1:
        return 0.0
    return float(told)


@lru_cache(maxsize=256)  # asked at every drawing of a page, of every checkpoint
def _counted(structure: str, sizes: tuple[tuple[str, int], ...]) -> float:
    whole = dict(sizes)
    try:
        left: Structure = from_dict(parse_json(structure, "config.json"), what="structure", **whole)
    except ConfigError:
        return 0.0  # loading will complain
    return structure_sparsity(left, {SIZES[name]: size for name, size in whole.items()})


def structure_sparsity(left: Structure, config: dict[str, Any]) -> float:
    """Share of the encoder's weights that a structure leaves out, of the sizes in ``config``."""
    whole = {ours: config.get(theirs) for ours, theirs in SIZES.items()}
    if not all(_is_size(size) for size in whole.values()):
        return 0.0
    hidden, heads, intermediate, layers = (int(size) for size in whole.values() if size)
    kept = kept_weights(left, head_size=hidden // heads)
    size = prunable_size(hidden=hidden, intermediate=intermediate, layers=layers)
    return max(0.0, 1 - kept / size)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 20


def _unpruned(name: str, card: dict[str, Any], here: Container[str]) -> str:
    """The checkpoint that another was pruned from: its card's word, else the name less ``-s95``."""
    told = card.get("pruned_from")
    stem = re.sub(r"-s\d{1,3}$", "", Path(name).name)
    found = (n for n in (told, stem) if isinstance(n, str) and n in here and n != name)
    return next(found, "")


def likeness(listed: Listed) -> tuple[str, ...] | None:
    """What a checkpoint shares with those pruned from the same kind of model; None if unknown.

    Number of slots, task, labels and all sizes before pruning.
    """
    if listed.folder is None:
        return None
    config = read_object(listed.folder / "config.json")
    if not all(_is_size(config.get(theirs)) for theirs in SIZES.values()):
        return None
    ours = config.get("muxviz")
    task = [ours.get(k) for k in ("task", "readout")] if isinstance(ours, dict) else []
    shared = [listed.num_instances, task, *(config.get(name) for name in ALIKE)]
    return tuple(json_text(value, sort_keys=True) for value in shared)


def relatives(chosen: Listed, choices: list[Listed]) -> list[Listed]:
    """Those of the same number of slots, labels and task head, ``chosen`` among them.

    By how far their slots share, as far as the cards tell, then by sparsity.
    """

    def kind(one: Listed) -> tuple[Any, ...]:
        config = read_object(one.folder / "config.json") if one.folder else {}
        return one.num_instances, one.label_names, str(config.get("architectures"))

    found = [one for one in choices if one == chosen or kind(one) == kind(chosen)]
    return sorted(found, key=lambda c: (c.sharing is None, c.sharing or 0.0, c.sparsity))


def bundled() -> list[Listed]:
    """The bundled checkpoints, in reading order."""
    folders = bundled_folders()
    return [describe(name, folder, folders) for name, folder in folders.items()]


def preferred(choices: list[Listed]) -> Listed | None:
    """The one to start with: as many slots as possible up to five, or the first."""
    fitting = [c for c in choices if c.num_instances <= PREFERRED]
    return max(fitting or choices, key=lambda c: c.num_instances, default=None)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file, not to be changed; {} where there is none that can be read."""
    found = object_or_fault(path)
    return {} if isinstance(found, FileError) else found


def object_or_fault(path: Path) -> dict[str, Any] | FileError:
    """The JSON object in a file, not to be changed, or what is wrong with it.

    Pages ask at every drawing; the file is read again only when it was replaced.
    """
    try:
        status = check_regular(path, expected="a JSON object")
    except FileError as fault:
        return fault
    return _read(str(path), status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _read(path: str, *stamp: int) -> dict[str, Any] | FileError:
    try:
        return read_json(path, most=LARGEST_JSON)
    except FileError as fault:
        return fault
