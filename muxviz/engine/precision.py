"""``--dtype auto``: the fastest precision that keeps the answers, as checked on this machine.

    choice = best_precision(load(name))
    choice.precision, choice.why  # 'bfloat16', 'bfloat16, 2.6 times float32 here; ...'

Every precision that the processor has instructions for answers the sentences that come with muxviz,
taking turns with float32. One that gives ``KEPT`` of float32's answers, or more, may be taken; the
fastest of them is, where it is faster than float32 at all. What was found is kept in the cache
folder, by weights, processor, threads and versions, so that it is measured once. Left out: GPUs,
which stay in float32; answers that are scores, of which none is "the same".
"""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from muxviz import pool
from muxviz.batch import Group, Row, encode_rows, make_group
from muxviz.cache import cache_folder
from muxviz.engine.engine import Engine, Given
from muxviz.engine.spec import EngineSpec, at_precision
from muxviz.engine.texts import takes_pairs
from muxviz.errors import FileError, NotApplicable
from muxviz.files import json_text, read_json, real_number, whole_number, write_whole
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.results.answers import parts_alike

EXACT = "float32"
KEPT = 0.995  # of the answers
FASTER = 1.1  # times float32, below which it is not worth a changed answer
FEWEST = 4000  # rows from which a check is worth what it costs: some 2,000 answers
ANSWERS = 1500  # of the sample, at least, where slots make more of it than its texts
PARTS = 4  # of the sample; in each, all precisions take their turns
BATCH = 16
VERSION = 1  # of what the engine computes in each precision, and of the files that are kept


@dataclass(frozen=True)
class Tried:
    """One precision. kept: share of float32's answers. speed: texts per second over float32's."""

    precision: str
    kept: float
    speed: float


@dataclass(frozen=True)
class Check:
    """What was measured: ``answers`` compared, on a day (ISO 8601)."""

    answers: int
    measured: str
    tried: tuple[Tried, ...]


@dataclass(frozen=True)
class Choice:
    """A precision, and why in words that follow "sst2-n5 answers in "."""

    precision: str
    why: str


def settled(spec: EngineSpec, rows: int | None) -> tuple[EngineSpec, list[str]]:
    """What is asked for with a precision in place of every ``auto``, and a line about each.

    Args:
        rows: that are to be answered; None where nobody can know.
    """
    chosen, told = _settled(spec, rows)
    again = []
    for step, later in chosen.again:
        found, words = _settled(later, rows)
        again.append((step, found))
        told += words
    return replace(chosen, again=tuple(again)), told


def _settled(spec: EngineSpec, rows: int | None) -> tuple[EngineSpec, list[str]]:
    if spec.precision != "auto":
        return spec, []
    exact = replace(spec, dtype=EXACT)
    if not candidates(spec):
        return exact, []
    if rows is None or rows < FEWEST:
        how_many = "texts that nobody has counted" if rows is None else f"{rows:,} texts"
        why = f"checking a faster precision pays from {FEWEST:,} on, these are {how_many}"
        return exact, [f"{spec.checkpoint} answers in {EXACT} ({why}; --dtype names another)"]
    checkpoint = load(spec.checkpoint, device="cpu", revision=spec.revision)
    choice = best_precision(checkpoint)
    return at_precision(spec, choice.precision), [f"{checkpoint.name} answers in {choice.why}"]


def best_precision(checkpoint: Checkpoint) -> Choice:
    """The fastest that keeps the answers of a float32 checkpoint on the CPU."""
    found = _kept(checkpoint)
    if found is None:
        try:
            found = check(checkpoint)
        except NotApplicable as error:
            return Choice(EXACT, f"{EXACT} ({error})")
        _keep(checkpoint, found)
    return chosen(found)


def chosen(found: Check) -> Choice:
    """What a check says."""
    good = [t for t in found.tried if t.kept >= KEPT and t.speed >= FASTER]
    told = f"of {found.answers:,} answers, checked here on {found.measured[:10]}"
    if not good:
        tried = ", ".join(f"{t.precision} {t.kept:.1%} at {t.speed:.1f} x" for t in found.tried)
        return Choice(
            EXACT,
            f"{EXACT} (nothing faster keeps {KEPT:.1%} {told}: {tried})",
        )
    best = max(good, key=lambda t: t.speed)
    return Choice(
        best.precision,
        f"{best.precision} ({best.speed:.1f} times {EXACT}'s speed, keeps {best.kept:.1%} {told}; "
        f"--dtype {EXACT} keeps all)",
    )


def candidates(spec: EngineSpec) -> list[str]:
    """What may be faster than float32 where ``spec`` runs; none on a GPU, compiled or elsewhere."""
    is_on_gpu = spec.device == "auto" and torch.cuda.is_available()
    if is_on_gpu or spec.device not in ("auto", "cpu") or spec.compiled or spec.runtime != "torch":
        return []
    return _candidates()


def _candidates() -> list[str]:
    cpu: Any = torch.cpu
    found = ["bfloat16"] if cpu._is_avx512_bf16_supported() else []
    return found + (["int8"] if cpu._is_vnni_supported() else [])


# ---- the check ----------------------------------------------------------------------------------


def check(checkpoint: Checkpoint) -> Check:
    """Answer the sample in every precision, and compare.

    Raises:
        NotApplicable: answers that cannot be the same, or that the model has none of this sample.
    """
    groups = sample(checkpoint)
    engines = {EXACT: Engine(checkpoint)}
    for precision in _candidates():
        with suppress(NotApplicable):
            spec = at_precision(EngineSpec(str(checkpoint.folder), "cpu"), precision)
            engines[precision] = spec.engine()
    seconds: dict[str, list[float]] = {precision: [] for precision in engines}
    given: dict[str, list[Given | None]] = {precision: [] for precision in engines}
    for engine in engines.values():
        engine.give(groups[:BATCH], batch=BATCH)  # the first pass is slow
    for part in range(PARTS):
        own = groups[part::PARTS]
        for precision, engine in engines.items():
            began = time.perf_counter()
            answers = engine.give(own, batch=BATCH)
            seconds[precision].append(time.perf_counter() - began)
            given[precision] += [one for group in answers for one in group]
    tried, total = [], 0
    for precision in [name for name in engines if name != EXACT]:
        same, total = alike(given[EXACT], given[precision])
        ratios = [a / b for a, b in zip(seconds[EXACT], seconds[precision], strict=True)]
        tried.append(Tried(precision, same / total, median(ratios)))
    return Check(total, datetime.now(UTC).isoformat(timespec="seconds"), tuple(tried))


def sample(checkpoint: Checkpoint) -> list[Group]:
    """The sentences that come with muxviz, in as many random groups as make enough answers."""
    texts = pool.bundled_texts()
    rows = [Row(text) for text in texts]
    if takes_pairs(checkpoint):
        rows = [Row(text, pair) for text, pair in pairwise([*texts, texts[0]])]
    encoded = [row for row in encode_rows(checkpoint, rows, keep_bad=True) if not row.why_not]
    num = checkpoint.config.num_instances
    rounds = 1 if num == 1 else -(-ANSWERS // max(1, len(encoded)))
    groups = []
    for seed in range(rounds):
        order = iter(np.random.default_rng(seed).permutation(len(encoded)))
        while seat := list(islice(order, num)):
            groups.append(make_group(checkpoint.config, [encoded[i] for i in seat]))
    return groups


def alike(exact: Sequence[Given | None], other: Sequence[Given | None]) -> tuple[int, int]:
    """How many parts of the answers are the same, of how many.

    Raises:
        NotApplicable: nothing can be compared.
    """
    same = total = 0
    for one, two in zip(exact, other, strict=True):
        if one is None:
            continue
        alike = (0, 1) if two is None else parts_alike(one.answer, two.answer)
        if alike is not None:
            same, total = same + alike[0], total + alike[1]
    if not total:
        raise NotApplicable("its answers are scores, of which none can be said to be kept")
    return same, total


# ---- what was found before ----------------------------------------------------------------------


def _file(checkpoint: Checkpoint) -> Path:
    cpu: Any = torch.cpu
    about = (
        *(checkpoint.fingerprint, platform.machine(), platform.processor(), torch.__version__),
        *(torch.get_num_threads(), torch.backends.cpu.get_cpu_capability(), _candidates()),
        *(cpu._is_amx_tile_supported(), KEPT, VERSION),
    )
    digest = blake2b(repr(about).encode(), digest_size=8).hexdigest()
    return cache_folder("precision") / f"{checkpoint.fingerprint}-{digest}.json"


def _kept(checkpoint: Checkpoint) -> Check | None:
    """What an earlier check found; None where there was none, or its file is not whole."""
    try:
        found = read_json(_file(checkpoint), most=1 << 16)
    except FileError:
        return None
    answers = whole_number(found.get("answers"), low=1, high=10**9)
    measured, tried = found.get("measured"), found.get("tried")
    if answers is None or not isinstance(measured, str) or not isinstance(tried, list):
        return None
    known = []
    for one in tried:
        named = one if isinstance(one, dict) else {}
        kept = real_number(named.get("kept"), low=0, high=1)
        speed = real_number(named.get("speed"), low=0, high=1e6)
        if named.get("precision") not in _candidates() or kept is None or speed is None:
            return None
        known.append(Tried(named["precision"], kept, speed))
    return Check(answers, measured, tuple(known))


def _keep(checkpoint: Checkpoint, found: Check) -> None:
    try:
        write_whole(_file(checkpoint), json_text(asdict(found), indent=1) + "\n")
    except FileError:
        return  # then it is measured again
