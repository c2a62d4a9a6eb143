"""The results that the lesson shows, computed anew; ``make recorded`` stores them.

Models and groups are chosen for what they show, and the texts say so: an answer that a neighbour
turns, tokens that are lost. Nothing about a usual group follows from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch

from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.debugger.diagnose import diagnose
from muxviz.analysis.groups.draws import base_group, origin_of
from muxviz.analysis.layers.entanglement import entanglement_spectrum
from muxviz.analysis.layers.lens import demux_lens
from muxviz.analysis.whatif.desk import turn_faders
from muxviz.analysis.whatif.dial import key_dial
from muxviz.analysis.whatif.orders import slot_orders
from muxviz.batch import Group, Row, Seating
from muxviz.inference import counted_tokens, group_tensors, run_group
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.pool import texts
from muxviz.presets import preset
from muxviz.reading import token_names
from muxviz.recorded import START_CHECKPOINT, START_PRESET
from muxviz.results.crosstalk import Crosstalk
from muxviz.results.group import GroupResult
from muxviz.results.lessons import Dial, Exchanged, Lessons, Mixing, Shared
from muxviz.results.store import to_json

SHARING = ("sst2-n5", "sst2-n5-shared-25", "sst2-n5-shared-50", "sst2-n5-shared-100")
SHOWN_NUMBERS, SHOWN_PATTERN = 8, 48  # dimensions of a vector, and of a pattern
CHECKS = ("company", "neighbours", "seat")  # of the debugger
DIGITS = 6  # that recorded numbers keep


@dataclass(frozen=True)
class Plan:
    """Which groups are tried for which step, and how much is drawn.

    turned: where a neighbour turns an answer; leaky, read: the candidates for the steps on leaks
    and on read-back, of which the most telling one is taken; seats: of the seating game; broken: of
    the debugger.
    """

    group: str = START_PRESET
    turned: str = "company"
    leaky: tuple[str, ...] = ("mixed", "negation", "twins", "loud")
    read: tuple[str, ...] = ("odd", "domain", "sarcasm")
    seats: str = "faint"
    broken: str = "negation"
    draws: int = 24
    pairs: int = 64


@dataclass(frozen=True)
class Models:
    """Whose results are recorded.

    apart: slots in rooms of their own; dial: from there to one room, the same one first; half: the
    one whose neighbours turn answers; losing: the ones of which tokens are lost; alone: N = 1.
    """

    apart: Checkpoint
    alone: Checkpoint
    dial: tuple[Checkpoint, ...]
    half: Checkpoint
    losing: tuple[Checkpoint, ...]


def bundled_models() -> Models:
    """The bundled ones, on the CPU in float32."""
    dial = tuple(load(name, device="cpu") for name in SHARING)
    losing = tuple(load(name, device="cpu") for name in ("sst2-n10", "sst2-n5-16k"))
    apart = next(c for c in dial if c.name == START_CHECKPOINT)
    alone = load(str(apart.card["baseline"]), device="cpu")
    return Models(apart, alone, dial, dial[2], losing)


def lessons(models: Models | None = None, plan: Plan = Plan()) -> Lessons:
    """Every step's result."""
    models = models or bundled_models()
    pool, alone, half = texts(), models.alone, models.half
    rows = rows_of(models.apart, plan.group)
    exchanged = _exchanged(half, rows_of(half, plan.turned), alone, plan.draws)
    leaky, leaks = _leaky(half, alone, plan)
    lost, read = _lossy(models, plan)
    whole = models.dial[-1]
    broken = rows_of(half, plan.broken)
    failing = _failing(half, broken, alone, plan.draws)
    diagnosis = diagnose(
        half, broken, failing, baseline=alone, draws=plan.draws, pool=pool, checks=CHECKS
    )
    return Lessons(
        {
            "group": plan.group,
            "exchanged": plan.turned,
            "read": lost,
            "leaks": leaky,
            "seats": plan.seats,
            "diagnosis": plan.broken,
        },
        run_group(models.apart, rows, baseline=alone),
        exchanged,
        mixing(whole, rows_of(whole, plan.group)),
        key_dial(models.apart, rows, 0, 1),
        read,
        leaks,
        _worst(leaks),
        tuple(demux_lens(one, pool, draws=plan.draws) for one in (models.apart, whole)),
        slot_orders(half, rows_of(half, plan.seats), baseline=alone),
        Dial(tuple(shared(one, pool, pairs=plan.pairs) for one in models.dial)),
        run_group(half, broken, baseline=alone),
        diagnosis,
    )


def record_lessons() -> str:
    """JSON text of ``lessons``, with numbers of ``DIGITS`` digits."""
    return to_json(rounded(lessons()))


def rows_of(checkpoint: Checkpoint, name: str) -> list[Row]:
    """As many rows of a preset as the checkpoint takes."""
    return [Row(*row) for row in preset(name).rows[: checkpoint.config.num_instances]]


# ---- the steps ----------------------------------------------------------------------------------


def _exchanged(checkpoint: Checkpoint, rows: list[Row], alone: Checkpoint, draws: int) -> Exchanged:
    """The exchange that turns an answer most often, with the sentence that does it most surely."""
    found = measure_crosstalk(checkpoint, rows, pool=texts(), baseline=alone, draws=draws)
    slot, source = _worst(found)
    was = int(found.before[slot].argmax()) if len(found.before) else 0
    after = found.after[:, slot, source]
    best = int(after[:, was].argmin()) if len(found.after) else 0
    sentence = found.sentences[best]
    others = [row if i != source else Row(sentence) for i, row in enumerate(rows)]
    both = (run_group(checkpoint, group, baseline=alone) for group in (rows, others))
    return Exchanged(slot, source, sentence, *both)


def _failing(checkpoint: Checkpoint, rows: list[Row], alone: Checkpoint, draws: int) -> int:
    """The turned slot that one neighbour stands out for most; the first without any."""
    group = run_group(checkpoint, rows, baseline=alone)
    found = measure_crosstalk(checkpoint, rows, pool=texts(), baseline=alone, draws=draws)
    turned = [s.slot for s in group.answered if s.agrees is False]
    return max(turned or [0], key=lambda slot: _lead(found, slot))


def mixing(checkpoint: Checkpoint, rows: Sequence[Row]) -> Mixing:
    """One position of a group, vector by vector, and what is read with slots silenced."""
    group = base_group(checkpoint, rows, Seating())
    num, tokenizer = len(group.rows), checkpoint.need_tokenizer()
    names = [token_names(tokenizer, row.ids) for row in group.rows]
    counted = [counted_tokens(checkpoint, row) for row in group.rows]
    at = _telling(names, counted)
    vectors, patterns = _vectors(checkpoint, group, at)
    width = vectors.shape[1]
    dims = spread(width, SHOWN_NUMBERS)
    mixture = (vectors * patterns).mean(axis=0)
    settings = np.array(
        [[False] * num, *(np.eye(num, dtype=bool)), *(~np.eye(num, dtype=bool))], dtype=bool
    )
    found = [turn_faders(checkpoint, rows, (~off).astype(float)) for off in settings]
    return Mixing(
        tuple(row.row.text for row in group.rows),
        tuple(names[i][at] for i in range(num)),
        at,
        width,
        dims,
        vectors[:, dims],
        patterns[:, dims],
        mixture[list(dims)],
        settings,
        np.array([one.read_after for one in found]),
        np.array([int(c.sum()) for c in counted]),
        origin_of(checkpoint, [group], Seating()),
    )


def shared(checkpoint: Checkpoint, pool: Sequence[str], *, pairs: int) -> Shared:
    """One model of the dial: accuracy from its card, the rest measured."""
    patterns = _patterns(checkpoint)
    dims = spread(patterns.shape[1], SHOWN_PATTERN)
    dev = checkpoint.card.get("measured", {}).get("dev", {})
    score = dev.get("metrics", {}).get(dev.get("primary", ""), {})
    mean, low, high = (float(score.get(part, "nan")) for part in ("mean", "low", "high"))
    return Shared(
        checkpoint.name,
        float(checkpoint.card.get("run", {}).get("packed", {}).get("sharing", 0.0)),
        str(dev.get("primary", "accuracy")),
        int(dev.get("rows", 0)),
        mean,
        low,
        high,
        dims,
        patterns[:, dims],
        entanglement_spectrum(checkpoint, pool, pairs=pairs),
    )


def _leaky(half: Checkpoint, alone: Checkpoint, plan: Plan) -> tuple[str, Crosstalk]:
    tried = {
        name: measure_crosstalk(
            half, rows_of(half, name), pool=texts(), baseline=alone, draws=plan.draws
        )
        for name in plan.leaky
    }
    name = max(tried, key=lambda n: _lead(tried[n], _worst(tried[n])[0]))
    return name, tried[name]


def _lossy(models: Models, plan: Plan) -> tuple[str, GroupResult]:
    """The group of which most tokens are lost."""
    tried = [
        (name, run_group(one, rows_of(one, name), baseline=models.alone))
        for one in models.losing
        for name in plan.read
    ]
    return max(tried, key=lambda pair: lost_tokens(pair[1]))


def lost_tokens(found: GroupResult) -> int:
    """Counted tokens that were not read back."""
    parts = [s.reading.accuracy for s in found.answered if s.reading is not None]
    return round(sum(p.trials - p.successes for p in parts))


# ---- parts --------------------------------------------------------------------------------------


def _between(found: Crosstalk) -> np.ndarray:
    """``[N, N, 2]``: share of answers turned, and divergence; below 0 on the diagonal."""
    both = np.stack([found.changed.mean(axis=0), found.js.cells.mean], axis=-1)
    both = np.nan_to_num(both.astype(np.float64))
    both[np.eye(len(both), dtype=bool)] = -1.0
    return both


def _worst(found: Crosstalk) -> tuple[int, int]:
    """The exchange that turns an answer most often, of equals the one that moves it most."""
    between = _between(found)
    pairs = [(i, j) for i in range(len(between)) for j in range(len(between))]
    return max(pairs, key=lambda pair: tuple(between[pair]))


def _lead(found: Crosstalk, slot: int) -> float:
    """How much more often the worst neighbour turns a slot's answer than the others do."""
    shares = np.sort(np.delete(_between(found)[slot, :, 0], slot))
    return float(shares[-1] - shares[:-1].mean()) if len(shares) > 1 else float(shares[-1])


def _telling(names: Sequence[Sequence[str]], counted: Sequence[np.ndarray]) -> int:
    """The first position with another whole word in every slot; else the first that is counted."""
    shortest = min(len(n) for n in names)
    there = [t for t in range(shortest) if all(c[t] for c in counted)]
    for t in there:
        words = {n[t] for n in names}
        if len(words) == len(names) and all(w.isalpha() and len(w) > 2 for w in words):
            return t
    return there[0] if there else 0


@torch.inference_mode()
def _vectors(checkpoint: Checkpoint, group: Group, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings ``[N, E]`` of one position, and the patterns ``[N, E]``."""
    prepared = checkpoint.model.prepare(*group_tensors(checkpoint, [group]))
    own = checkpoint.model.embed(prepared)[0, :, prepared.prefix + at]
    return own.double().numpy(), _patterns(checkpoint)


def _patterns(checkpoint: Checkpoint) -> np.ndarray:
    multiplexer: Any = checkpoint.model.multiplexer
    found: np.ndarray = multiplexer.scales().detach().double().numpy()
    return found


def spread(width: int, shown: int) -> tuple[int, ...]:
    """``shown`` dimensions spread evenly over ``width``; all where there are no more."""
    return tuple(k * width // min(shown, width) for k in range(min(shown, width)))


def rounded(value: Any) -> Any:
    """The same result with its numbers cut to ``DIGITS`` significant digits."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: rounded(getattr(value, f.name)) for f in fields(value) if f.init}
        )
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        numbers = [rounded(float(v)) for v in value.ravel()]
        return np.array(numbers, dtype=np.float64).reshape(value.shape)
    if isinstance(value, tuple | list):
        return tuple(rounded(v) for v in value)
    if isinstance(value, dict):
        return {name: rounded(v) for name, v in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
