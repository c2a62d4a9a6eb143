"""One group with everything that can be seen: answers, read-back, leaks, the same texts alone.

``run_group`` is what Mix & read shows. Answers to many rows, and nothing else, are
``muxviz.engine.stream.run_texts``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.batch import (
    EncodedRow,
    Group,
    Row,
    Seating,
    encode_rows,
    make_group,
    padded,
    stack_groups,
)
from muxviz.engine.answers import read_answers
from muxviz.engine.guard import memory_guard, need_finite, synchronise
from muxviz.engine.stream import run_texts
from muxviz.loading.checkpoint import Checkpoint, describe_dtype
from muxviz.reading import leak_matrix, token_names, token_readings
from muxviz.results import (
    Answer,
    GroupResult,
    Leak,
    Provenance,
    SlotResult,
    Timing,
    TokenReading,
)
from muxviz.results.answers import parts_alike
from muxviz.results.group import EQUAL_SLOTS
from muxviz.tracing import Trace, trace

# ---- one group, everything --------------------------------------------------------------------


def run_group(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    baseline: Checkpoint | None = None,
    equal_slots: bool = False,
    seating: Seating = Seating(),
    timing_repeats: int = 0,
) -> GroupResult:
    """One multiplexed pass over a group, with read-back, leaks, and the same texts alone.

    Args:
        checkpoint: not modified.
        rows: one to N rows; ``seating`` says how they are filled up and padded.
        baseline: the N = 1 checkpoint that answers each text alone; None for none.
        equal_slots: answer each text alone by putting it into every slot of ``checkpoint`` itself
            (the mean over slots is shown). Ignored when ``baseline`` is given.
        timing_repeats: timed passes of each way (multiplexed, alone in one batch, one by one);
            0 for no timing. Needs a baseline for the last two.

    Raises:
        InputError and its kinds: what the model cannot take. NotApplicable: no tokenizer.
        NotFinite: logits that are not numbers. DeviceError: out of memory.
    """
    encoded = encode_rows(checkpoint, rows, padding=seating.padding)
    group = make_group(checkpoint.config, encoded, seating)
    traced = trace_groups(checkpoint, [group])
    answers = read_answers(checkpoint, group, traced.logits[0])
    readings, leak = _read_back(checkpoint, group, traced)
    alone, name = _alone(checkpoint, baseline, encoded, seating, equal_slots=equal_slots)
    slots = tuple(
        _slot(group, i, answers[i], alone.get(i), readings[i]) for i in range(len(group.rows))
    )
    timings: tuple[Timing, ...] = ()
    if timing_repeats:
        timings = time_group(checkpoint, group, baseline, encoded, repeats=timing_repeats)
    return GroupResult(
        slots,
        leak,
        timings,
        name,
        checkpoint.config.shape.num_hidden_layers,
        checkpoint.config.task,
        provenance(
            checkpoint,
            padding=group.padding,
            length=group.length,
            seed=seating.seed,
            fill=seating.fill,
        ),
        tuple(_notes(checkpoint, traced, name)),
    )


def _read_back(
    checkpoint: Checkpoint, group: Group, traced: Trace
) -> tuple[list[TokenReading | None], Leak | None]:
    """What the retrieval head reads from every slot, and where wrong tokens come from."""
    scores, prefix = traced.retrieval_scores, traced.prefix
    if scores is None:
        return [None] * len(group.rows), None
    readings = token_readings(
        checkpoint.tokenizer,
        [row.ids for row in group.rows],
        [counted_tokens(checkpoint, row) for row in group.rows],
        scores,
        index=0,
        prefix=prefix,
    )
    return list(readings), _leak(checkpoint, group, scores.read[0, :, prefix:].cpu().numpy())


def _notes(checkpoint: Checkpoint, traced: Trace, alone: str) -> Iterator[str]:
    """What does not apply to this run, and why."""
    multiplexed = checkpoint.config.is_multiplexed
    if traced.retrieval_scores is None:
        what = "has no retrieval head" if multiplexed else "is a plain model"
        yield f"Read-back and leaks: not applicable, this checkpoint {what}."
    if traced.cut:
        yield (
            f"The index prefix displaces the last {traced.cut} positions of every row, as "
            "published; rows are padded so that no token is lost."
        )
    if multiplexed and not alone:
        named = checkpoint.card.get("baseline")
        yield (
            f"Alone: not asked for; the card names {named} as N = 1 baseline."
            if named
            else "Alone: this checkpoint names no N = 1 baseline; compare with all slots equal."
        )


def _slot(
    group: Group, slot: int, answer: Answer, alone: Answer | None, reading: TokenReading | None
) -> SlotResult:
    row, repeats = group.rows[slot], group.repeats[slot]
    agrees = None if repeats is not None or alone is None else same_answer(answer, alone)
    return SlotResult(
        slot=slot,
        text=row.row.text,
        pair=row.row.pair,
        num_tokens=len(row.ids),
        cut_text=row.cut_text,
        repeats=repeats,
        answer=answer,
        alone=alone if repeats is None else None,
        agrees=agrees,
        reading=reading,
    )


def same_answer(answer: Answer, other: Answer) -> bool | None:
    """Whether two answers say the same; None where that cannot be asked (scores, unlike tasks)."""
    alike = parts_alike(answer, other)
    return None if alike is None else alike[0] == alike[1]


def _leak(checkpoint: Checkpoint, group: Group, read: np.ndarray) -> Leak:
    length = read.shape[1]
    counted = np.zeros((len(group.rows), length), dtype=bool)
    for slot, row in enumerate(group.rows):
        if group.repeats[slot] is None:
            own = counted_tokens(checkpoint, row)[:length]
            counted[slot, : len(own)] = own
    names = _TokenNames(checkpoint.tokenizer)
    return leak_matrix(group.ids[:, :length], group.mask[:, :length], counted, read, names)


def counted_tokens(checkpoint: Checkpoint, row: EncodedRow) -> np.ndarray:
    """Which tokens of a row count in read-back, ``[tokens]`` bool.

    Special tokens do not; nor does [MASK] for a masked LM, whose retrieval head is to fill it.
    """
    counted = ~np.asarray(row.special)
    if checkpoint.config.task == "masked_lm":
        counted &= np.asarray(row.ids) != checkpoint.need_tokenizer().mask_token_id
    return counted


class _TokenNames(Sequence[str]):
    """Token by id, looked up when needed."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __getitem__(self, index: Any) -> Any:
        return token_names(self._tokenizer, [int(index)])[0]

    def __len__(self) -> int:
        return len(self._tokenizer)


def _alone(
    checkpoint: Checkpoint,
    baseline: Checkpoint | None,
    rows: Sequence[EncodedRow],
    seating: Seating,
    *,
    equal_slots: bool,
) -> tuple[dict[int, Answer], str]:
    """The answer for each given row by itself, by slot, and the name of who gave it."""
    if baseline is not None:
        only_seed = Seating(seed=seating.seed)  # the baseline pads in its own way
        answers = run_texts(baseline, [r.row for r in rows], batch=len(rows), seating=only_seed)
        return {a.number: a.answer for a in answers}, baseline.name
    if not checkpoint.config.is_multiplexed or not equal_slots:
        return {}, ""
    num, config = checkpoint.config.num_instances, checkpoint.config
    out: dict[int, Answer] = {}
    for slot, row in enumerate(rows):
        group = make_group(config, [row] * num, seating)
        logits = forward_groups(checkpoint, [group])[0]
        out[slot] = read_answers(checkpoint, group, logits.mean(dim=0, keepdim=True), slots=[0])[0]
    return out, EQUAL_SLOTS


# ---- passes -----------------------------------------------------------------------------------


def group_tensors(checkpoint: Checkpoint, groups: Sequence[Group]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, mask, types ``[B, N, L]`` of groups of one length, on the checkpoint's device."""
    arrays = (
        np.stack([g.ids for g in groups]),
        np.stack([g.mask for g in groups]),
        np.stack([g.types for g in groups]),
    )
    ids, mask, types = (torch.from_numpy(a).to(checkpoint.device) for a in arrays)
    return ids, mask, types


def trace_groups(checkpoint: Checkpoint, groups: Sequence[Group]) -> Trace:
    """One traced pass of groups of one length, with read-back scores and without attention maps.

    Raises:
        NotFinite: what is answered or read back are not numbers. DeviceError: out of memory.
    """
    ids, mask, types = group_tensors(checkpoint, groups)
    with memory_guard(checkpoint):
        traced = trace(
            checkpoint.model,
            ids,
            mask,
            token_type_ids=types,
            retrieval="scores",
            attentions=False,
            hide_padding=groups[0].hides_padding,
        )
    need_finite(checkpoint, traced.logits)
    if traced.retrieval_scores is not None:
        need_finite(checkpoint, traced.retrieval_scores.read_log_prob, what="read-back logits")
    return traced


@torch.inference_mode()
def forward_groups(
    checkpoint: Checkpoint, groups: Sequence[Group], *, batch: int = 32
) -> list[Tensor]:
    """Logits of every group ``[N, ...]``, in order; only groups of one length share a forward.

    Raises:
        NotFinite: logits that are not numbers.
    """
    out: list[Tensor | None] = [None] * len(groups)
    for numbers, arrays in stack_groups(groups, at_most=batch):
        ids, mask, types = (torch.from_numpy(a).to(checkpoint.device) for a in arrays)
        with memory_guard(checkpoint):
            logits = checkpoint.model(
                ids, mask, types, hide_padding=groups[numbers[0]].hides_padding
            ).logits
        need_finite(checkpoint, logits)
        for at, number in enumerate(numbers):
            out[number] = logits[at]
    return [logits for logits in out if logits is not None]


# ---- timing and provenance --------------------------------------------------------------------


def time_group(
    checkpoint: Checkpoint,
    group: Group,
    baseline: Checkpoint | None,
    rows: Sequence[EncodedRow],
    *,
    repeats: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Timing, ...]:
    """Time one multiplexed pass against N = 1 in one batch and one by one, in alternation.

    Only forward passes are timed (no tokenising, no tracing), after one pass of each as warm-up,
    with the device synchronised on both sides. ``progress`` is called between two rounds.
    """
    ways: list[tuple[str, int, Callable[[], Any]]] = [
        ("multiplexed", 1, _pass(checkpoint, [group]))
    ]
    if baseline is not None:
        singles = [
            make_group(baseline.config, [row])
            for row in encode_rows(baseline, [r.row for r in rows])
        ]
        longest = max(len(g.rows[0].ids) for g in singles)
        batch = [padded(baseline.config, g, longest) for g in singles]
        ways.append(("alone, one batch", 1, _pass(baseline, batch)))
        ways.append(
            ("alone, one by one", len(singles), _sequence([_pass(baseline, [g]) for g in singles]))
        )
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in ways}
    for repeat in range(repeats + 1):
        for name, _, call in ways:
            synchronise(checkpoint.device)
            started = time.perf_counter()
            call()
            synchronise(checkpoint.device)
            if repeat:
                seconds[name].append(time.perf_counter() - started)
        if progress is not None:
            progress(repeat + 1, repeats + 1)
    return tuple(
        Timing(name, passes, *_quartiles(seconds[name]), repeats) for name, passes, _ in ways
    )


def _pass(checkpoint: Checkpoint, groups: Sequence[Group]) -> Callable[[], Any]:
    ids, mask, types = group_tensors(checkpoint, groups)
    hide = groups[0].hides_padding

    def call() -> Any:
        with torch.inference_mode(), memory_guard(checkpoint):
            return checkpoint.model(ids, mask, types, hide_padding=hide)

    return call


def _sequence(calls: list[Callable[[], Any]]) -> Callable[[], Any]:
    return lambda: [call() for call in calls]


def _quartiles(seconds: list[float]) -> tuple[float, float, float]:
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return float(middle), float(low), float(high)


def provenance(
    checkpoint: Checkpoint,
    *,
    padding: str,
    length: int,
    seed: int,
    fill: str = "repeat",
    computes: str = "",
) -> Provenance:
    """How a result of this checkpoint, obtained now, came about.

    Args:
        computes: ``Engine.computes``; "" for torch in the checkpoint's own precision.
    """
    import transformers

    from muxviz import __version__

    return Provenance(
        checkpoint=checkpoint.name,
        fingerprint=checkpoint.fingerprint,
        num_instances=checkpoint.config.num_instances,
        device=str(checkpoint.device),
        dtype=computes or describe_dtype(checkpoint.dtype),
        padding=padding,
        length=length,
        fill=fill,
        seed=seed,
        threads=torch.get_num_threads(),
        versions=(
            f"muxviz {__version__}",
            f"torch {torch.__version__}",
            f"transformers {transformers.__version__}",
        ),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        sparsity=checkpoint.config.sparsity,
    )
