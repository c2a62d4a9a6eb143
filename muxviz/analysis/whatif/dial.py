"""The key dial and the ghost test: what else can be read from a mixture that is already there.

    k(alpha) = (1 - alpha) k_i + alpha k_j        read with a key between those of two slots

Only the RSA demultiplexer has keys as numbers of their own. Turning the dial is pure read-out: it
starts from the last hidden state of one pass. Reading neighbour: ``desk.py``. Source: our
definitions (docs/quantities.md, "The desk").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    batches,
    draw_rows,
    origin_of,
    softmax,
)
from muxviz.analysis.groups.outcomes import (
    answers,
    classes_of,
    in_words,
    is_per_token,
    mean_probabilities,
    need_classes,
    units,
)
from muxviz.analysis.groups.parts import demultiplexer_name
from muxviz.analysis.whatif.desk import Mixed, faded, fillers_of, floor_of
from muxviz.batch import Group, Row, Seating
from muxviz.engine.guard import memory_guard
from muxviz.errors import InputError, NotApplicable
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.demultiplexer import MLPDemultiplexer, PrefixDemultiplexer, RSADemultiplexer
from muxviz.results.whatif_desk import Ghosts, KeyDial

AT_ONCE = 512  # places whose full-vocabulary logits are held at once
STRANGERS = 64  # pool sentences that measure the floor of the ghost test


# ---- key dial -----------------------------------------------------------------------------------


def key_dial(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    slot: int,
    other: int,
    *,
    steps: int = 21,
    random_keys: int = 32,
    seating: Seating = Seating(),
) -> KeyDial:
    """What keys between those of two slots (from 0) read; one pass.

    Where the answer is a mean over tokens, the tokens of the two slots are weighted by alpha too,
    so that 0 and 1 are exactly the answers of the two slots. A random key is normal with the mean
    and spread of all numbers in the model's keys, and reads the tokens of ``slot``.

    Raises:
        NotApplicable: no keys to turn, one slot only, or no classes. InputError: twice one slot.
    """
    need_classes(checkpoint)
    demux = _need_keys(checkpoint)
    num = checkpoint.config.num_instances
    if slot == other or not {slot, other} <= set(range(num)):
        raise InputError(f"got slots {slot} and {other}; expected two of 0 to {num - 1}")
    group = base_group(checkpoint, rows, seating)
    alphas = np.linspace(0, 1, steps)
    (batch,) = batches(checkpoint, [group])
    with torch.inference_mode(), memory_guard(checkpoint):
        mixed = faded(checkpoint, batch, torch.ones(1, num), None)
        reader = _Reader(checkpoint, group, mixed, slot, other)
        own = reader.read(demux.keys, None)
        turned = torch.from_numpy(alphas).to(demux.keys)[:, None]
        between = (1 - turned) * demux.keys[slot] + turned * demux.keys[other]
        found = reader.read(between, alphas)
        strangers = _random_keys(demux.keys, random_keys, seating.seed)
        wrong = reader.read(strangers, np.zeros(random_keys))
    targets = answers(checkpoint, group, own.logits)
    return KeyDial(
        texts=tuple(row.row.text for row in group.rows),
        answers=tuple(in_words(checkpoint, t) for t in targets),
        labels=classes_of(checkpoint),
        slot=slot,
        other=other,
        alphas=alphas,
        p=_classes(checkpoint, found.logits),
        like=reader.like(found.logits, targets),
        heard=found.heard,
        p_random=_classes(checkpoint, wrong.logits),
        like_random=reader.like(wrong.logits, targets),
        heard_random=wrong.heard,
        fillers=fillers_of(group),
        provenance=origin_of(checkpoint, [group], seating),
    )


def _need_keys(checkpoint: Checkpoint) -> RSADemultiplexer:
    demux = checkpoint.model.demultiplexer
    if type(demux) is RSADemultiplexer:
        return demux
    why = {
        PrefixDemultiplexer: "its keys are hidden states of the prefix, made anew in every pass",
        MLPDemultiplexer: "it has a layer per slot and no keys",
    }.get(type(demux), f"{demultiplexer_name(checkpoint)} does not say which numbers are its keys")
    raise NotApplicable(f"not applicable: this demultiplexer cannot be dialled; {why}")


def _random_keys(keys: Tensor, count: int, seed: int) -> Tensor:
    generator = np.random.default_rng(seed)
    drawn = generator.normal(float(keys.mean()), float(keys.std()), (count, keys.shape[1]))
    return torch.from_numpy(drawn).to(keys)


@dataclass(frozen=True)
class _Found:
    """What K keys read. logits: ``[K, ...]``; heard: ``[K, N]`` share of each slot's tokens."""

    logits: np.ndarray
    heard: np.ndarray


@dataclass(frozen=True)
class _Reader:
    """Reads one mixture with keys ``[K, D]``, on the tokens of two slots."""

    checkpoint: Checkpoint
    group: Group
    mixed: Mixed
    slot: int
    other: int

    def read(self, keys: Tensor, alphas: np.ndarray | None) -> _Found:
        """alphas: ``[K]``, how much of the other slot's tokens count; None: key k reads slot k."""
        demux: Any = self.checkpoint.model.demultiplexer
        hidden = self.mixed.hidden[0]
        first = demux.dense[0]
        key_half, hidden_half = first.weight.chunk(2, dim=1)
        unlocked = linear(hidden, hidden_half) + linear(keys, key_half, first.bias)[:, None]
        return _Found(self._logits(demux.finish(unlocked), alphas), self._heard(unlocked))

    def _logits(self, states: Tensor, alphas: np.ndarray | None) -> np.ndarray:
        head: Any = self.checkpoint.model.head
        prepared, config = self.mixed.prepared, self.checkpoint.config
        tokens = states[:, prepared.prefix :]
        if is_per_token(self.checkpoint):
            values = head(tokens)
            if config.task == "replaced_token_detection":
                values = values.squeeze(-1)
        elif config.readout == "mean":
            mask = prepared.mask[0, :, prepared.prefix :].to(tokens.dtype)
            weights = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
            if alphas is not None:
                alpha = torch.from_numpy(alphas).to(weights)[:, None]
                weights = (1 - alpha) * weights[self.slot] + alpha * weights[self.other]
            values = head((tokens * weights[:, :, None]).sum(dim=1))
        else:
            values = head(states[:, max(prepared.prefix - 1, 0)])
        found: np.ndarray = values.to("cpu", torch.float64).numpy()
        return found

    def _heard(self, unlocked: Tensor) -> np.ndarray:
        model: Any = self.checkpoint.model
        count, num = len(unlocked), len(self.group.rows)
        if model.retrieval_head is None:
            return np.full((count, num), np.nan)
        states = model.demultiplexer.finish_for_retrieval(unlocked)
        flat = states.reshape(-1, states.shape[-1])
        read = torch.cat([model.retrieval_head(p).argmax(dim=-1) for p in flat.split(AT_ONCE)])
        prefix = self.mixed.prepared.prefix
        tokens = read.view(count, -1)[:, prefix:].cpu().numpy()
        held = self.mixed.prepared.ids[0, :, prefix:].cpu().numpy()
        out = np.full((count, num), np.nan)
        for slot, row in enumerate(self.group.rows):
            own = counted_tokens(self.checkpoint, row)[: tokens.shape[1]]
            if own.any():
                same = tokens[:, : len(own)] == held[slot, : len(own)]
                out[:, slot] = same[:, own].mean(axis=1)
        return out

    def like(self, logits: np.ndarray, targets: Sequence[np.ndarray]) -> np.ndarray:
        """Mean probability given to each slot's own answers, ``[K, N]``."""
        out = np.full((len(logits), len(targets)), np.nan)
        for n, (row, target) in enumerate(zip(self.group.rows, targets, strict=True)):
            for k, values in enumerate(logits):
                p = softmax(units(self.checkpoint, row, values))
                if len(target):
                    out[k, n] = np.take_along_axis(p, target[:, None], axis=-1).mean()
        return out


def _classes(checkpoint: Checkpoint, logits: np.ndarray) -> np.ndarray:
    """Class probabilities ``[K, C]``; empty where the answer is one per token."""
    return np.empty((0, 0)) if is_per_token(checkpoint) else softmax(logits)


# ---- ghost test ---------------------------------------------------------------------------------


def ghosts(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    content: str = "zero",
    pool: Sequence[str] = (),
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Ghosts:
    """Empty each slot in turn and read it all the same; N passes. A stop leaves nothing.

    What is heard there is compared with sentences of the pool that are not in the group: how
    probable they are in the same slot at the same places is the floor.

    Args:
        content: of the empty slot: "zero" for nothing, "pool" for the pool's mean sentence.
        pool: sentences for the floor (and the mean one).

    Raises:
        NotApplicable: one slot only, no classes, or no retrieval head. InputError: no pool.
    """
    need_classes(checkpoint)
    if checkpoint.model.retrieval_head is None:
        raise NotApplicable(
            "not applicable: this checkpoint has no retrieval head, so an empty slot cannot be "
            "read back"
        )
    if not pool:
        raise InputError("the floor of the ghost test needs a pool of sentences; give one")
    group = base_group(checkpoint, rows, seating)
    neutral = floor_of(checkpoint, group, content, pool, seating.seed)
    held = _Held.of(checkpoint, group, pool, seating.seed)
    num = len(group.rows)
    heard, shares = np.full((num, num), np.nan), np.full((num, num), np.nan)
    floor, read, logits = [], [], []
    (batch,) = batches(checkpoint, [group])
    for slot in range(num):
        gains = np.ones(num)
        gains[slot] = 0
        with torch.inference_mode(), memory_guard(checkpoint):
            mixed = faded(checkpoint, batch, torch.from_numpy(gains)[None], neutral)
            answer = checkpoint.model.answer(mixed.hidden, mixed.prepared).logits[0, slot]
            found = _ghost(checkpoint, mixed, slot, held)
        heard[slot], shares[slot] = found.heard[:num], found.shares
        floor.append(found.heard[num:])
        read.append(found.text)
        logits.append(answer.to("cpu", torch.float64).numpy())
        if progress is not None:
            progress(slot + 1, num)
    pairs = list(zip(group.rows, logits, strict=True))
    p = np.stack([mean_probabilities(checkpoint, row, values) for row, values in pairs])
    targets = answers(checkpoint, group, np.stack(logits))
    return Ghosts(
        texts=tuple(row.row.text for row in group.rows),
        content=content,
        heard=heard,
        floor=bootstrap_mean(np.stack(floor).T, seed=seating.seed),
        shares=shares,
        read=tuple(read),
        answers=tuple(in_words(checkpoint, t) for t in targets),
        p=np.empty((0, 0)) if is_per_token(checkpoint) else p,
        labels=classes_of(checkpoint),
        fillers=fillers_of(group),
        provenance=origin_of(checkpoint, [group], seating),
    )


@dataclass(frozen=True)
class _Held:
    """Tokens asked for: the group's N rows, then R of the pool. ids, counts: ``[N + R, L]``."""

    ids: np.ndarray
    counts: np.ndarray
    num: int

    @staticmethod
    def of(checkpoint: Checkpoint, group: Group, pool: Sequence[str], seed: int) -> _Held:
        """Pool sentences that are in the group are left out."""
        present = {row.row.text for row in group.rows}
        others = [text for text in pool if text not in present]
        if not others:
            raise InputError("every sentence of the pool is in the group; give others")
        drawn = draw_rows(checkpoint, others, min(STRANGERS, len(others)), Seating(seed=seed))
        rows = [*group.rows, *drawn]
        ids = np.zeros((len(rows), group.length), dtype=np.int64)
        counts = np.zeros(ids.shape, dtype=bool)
        for number, row in enumerate(rows):
            size = min(len(row.ids), group.length)
            ids[number, :size] = row.ids[:size]
            counts[number, :size] = counted_tokens(checkpoint, row)[:size]
        return _Held(ids, counts, len(group.rows))


@dataclass(frozen=True)
class _Ghost:
    """heard: ``[N + R]``; shares: ``[N]``; text: most probable tokens, as long as the group's."""

    heard: np.ndarray
    shares: np.ndarray
    text: str


def _ghost(checkpoint: Checkpoint, mixed: Mixed, slot: int, held: _Held) -> _Ghost:
    """What one slot's read-back says about the held rows."""
    model: Any = checkpoint.model
    states = model.read_tokens(mixed.hidden)[0, slot, mixed.prepared.prefix :]
    log_probs = torch.cat(
        [model.retrieval_head(p).float().log_softmax(dim=-1) for p in states.split(AT_ONCE)]
    )
    length = min(len(log_probs), held.ids.shape[1])
    ids = torch.from_numpy(held.ids[:, :length]).to(log_probs.device)
    chances = log_probs[:length].gather(1, ids.T).exp().T.double().cpu().numpy()
    read = log_probs[:length].argmax(dim=-1).cpu().numpy()
    counts = held.counts[:, :length]
    several = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        heard = (chances * counts).sum(axis=1) / several
        same = ((read == held.ids[:, :length]) & counts).sum(axis=1) / several
    longest = counts[: held.num].any(axis=0)
    tokenizer: Any = checkpoint.need_tokenizer()
    return _Ghost(heard, same[: held.num], tokenizer.decode(read[longest].tolist()))
