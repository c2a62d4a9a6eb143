"""Groups with some sentences exchanged, the answers followed in them, and tests over many cells.

Shared by the swap test and Shapley values. Left out: the quantities themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import logits_of, margins, need_rivals
from muxviz.batch import EncodedRow, Group, Row, encode_rows, make_group
from muxviz.config import MuxConfig
from muxviz.errors import InputError, NotApplicable
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint
from muxviz.pool import texts as pool_texts

FLIPS = 4999  # random sign flips
ALL_FLIPS = 12  # up to so many draws, every sign flip is taken
CELLS = 512  # tested at a time
RATE = 0.05  # false discoveries allowed among cells called real
ONE_ANSWER = "sequence_classification"
ROUNDING = 32  # units in the last place of the largest logit that never count as a change


# ---- groups -------------------------------------------------------------------------------------


def refuse_what_has_no_answer(checkpoint: Checkpoint) -> None:
    """Nothing, where the answers of several slots can be compared.

    Raises:
        NotApplicable: one slot only, or an answer without classes.
    """
    if checkpoint.config.num_instances == 1:
        raise NotApplicable(
            "not applicable: this is a plain model, one text a pass; there is no other slot"
        )
    need_rivals(checkpoint)


def exchanged(config: MuxConfig, group: Group, rows: Mapping[int, EncodedRow]) -> Group:
    """The group with other rows in some slots, padded by its own rule.

    The rest stays as it is, also the masks of published fillers. Same as ``with_row`` for a full
    group, without making it from scratch.
    """
    if not rows:
        return group
    kept = [rows.get(slot, row) for slot, row in enumerate(group.rows)]
    length = group.length
    if group.padding != "fixed":
        extra = config.prefix_length if config.cuts_prefix_room else 0
        length = max(len(row.ids) for row in kept) + extra
    shared = min(length, group.length)
    ids = np.full((len(kept), length), config.shape.pad_token_id, dtype=np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for new, old in ((ids, group.ids), (mask, group.mask), (types, group.types)):
        new[:, :shared] = old[:, :shared]
    for slot, row in rows.items():
        size = len(row.ids)
        ids[slot, size:], mask[slot, size:], types[slot, size:] = config.shape.pad_token_id, 0, 0
        ids[slot, :size], mask[slot, :size], types[slot, :size] = row.ids, 1, row.types
    repeats = tuple(None if slot in rows else r for slot, r in enumerate(group.repeats))
    return replace(group, ids=ids, mask=mask, types=types, rows=tuple(kept), repeats=repeats)


def other_sentences(group: Group, pool: Sequence[str] | None) -> tuple[str, ...]:
    """The pool without repeats and without the group's own sentences; None for the shipped pool.

    Raises:
        InputError: nothing is left.
    """
    own = {row.row.text.strip() for row in group.rows}
    given = pool_texts() if pool is None else pool
    left = tuple(t for t in dict.fromkeys(s.strip() for s in given) if t and t not in own)
    if not left:
        raise InputError(
            f"got a pool of {len(given)} sentences, none of them other than the group's own; add "
            "some sentences to draw from"
        )
    return left


def encoded(checkpoint: Checkpoint, texts: Sequence[str], like: Group) -> list[EncodedRow]:
    """Texts as rows of that group's padding."""
    return encode_rows(checkpoint, [Row(text) for text in texts], padding=like.padding)


# ---- answers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watched:
    """The answers of a group that are followed: U of them, each at a slot and a place.

    slots, places: ``[U]``; the place is a token's position, 0 where a slot answers once. of:
    ``[U, N]`` float, 1 where an answer is a slot's.
    """

    task: str
    slots: np.ndarray
    places: np.ndarray
    of: np.ndarray

    def read(self, logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Logits ``[B, U', C]`` float64 of the answers that groups of this length have, and which
        they are, ``[U]`` bool: a shorter group lacks the last places of an exchanged row.
        """
        if self.task == ONE_ANSWER:
            return logits.to("cpu", torch.float64).numpy(), np.ones(len(self.slots), dtype=bool)
        has = self.places < logits.shape[2]
        slots, places = (torch.from_numpy(a[has]).to(logits.device) for a in self._where)
        values = logits[:, slots, places].to("cpu", torch.float64).numpy()
        if self.task == "replaced_token_detection":
            values = np.stack([np.zeros_like(values), values], axis=-1)
        return values, has

    def per_slot(self, values: np.ndarray, has: np.ndarray) -> np.ndarray:
        """Means ``[B, N]`` over each slot's answers, from ``[B, U']``; NaN without any."""
        of = self.of[has]
        with np.errstate(invalid="ignore"):
            means: np.ndarray = values @ of / of.sum(axis=0)
        return means

    @property
    def _where(self) -> tuple[np.ndarray, np.ndarray]:
        return self.slots, self.places


def watch(checkpoint: Checkpoint, group: Group) -> Watched:
    """All answers of a group: one per slot, or one per counted token of each slot's own row.

    For a masked LM the [MASK]s, which it is to fill, count as well.
    """
    task, num = checkpoint.config.task, checkpoint.config.num_instances
    slots, places = np.arange(num), np.zeros(num, dtype=np.int64)
    if task != ONE_ANSWER:
        pairs = [
            (slot, place)
            for slot, row in enumerate(group.rows)
            for place in np.flatnonzero(
                ~np.asarray(row.special) if task == "masked_lm" else counted_tokens(checkpoint, row)
            )
        ]
        slots, places = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Watched(task, slots, places, (slots[:, None] == np.arange(num)).astype(np.float64))


@dataclass(frozen=True)
class Targets:
    """The class that each followed answer's margin is of, ``[U]``, and per slot where from."""

    classes: np.ndarray
    names: tuple[str, ...]
    source: tuple[str, ...]


def choose_targets(
    checkpoint: Checkpoint,
    group: Group,
    watched: Watched,
    now: np.ndarray,
    *,
    baseline: Checkpoint | None = None,
    gold: Sequence[str | None] | None = None,
) -> Targets:
    """Per slot the gold label if given, else the answer alone, else the answer now.

    Args:
        now: logits ``[U, C]`` of the group.
        baseline: the N = 1 checkpoint that answers a text alone; left out where it has other
            labels, and for token tasks.
        gold: label names of the rows; for one answer per text only.

    Raises:
        InputError: a gold label the checkpoint does not have.
    """
    classes = now.argmax(axis=-1)
    num, labels = len(group.rows), checkpoint.config.labels
    if watched.task != ONE_ANSWER:
        return Targets(classes, ("",) * num, ("now",) * num)
    source = ["now"] * num
    if baseline is not None and baseline.config.labels == labels:
        rows = encode_rows(baseline, [row.row for row in group.rows])
        alone = logits_of(baseline, [make_group(baseline.config, [row]) for row in rows])
        classes = np.array([int(values[0].argmax()) for values in alone])
        source = ["alone"] * num
    for slot, label in enumerate(gold or ()):
        if label is None:
            continue
        if label not in labels:
            raise InputError(
                f"gold label {label!r} of text {slot + 1} is unknown; this checkpoint answers "
                f"{', '.join(labels)}"
            )
        classes[slot], source[slot] = labels.index(label), "gold"
    return Targets(classes, tuple(labels[c] for c in classes), tuple(source))


def margins_of(
    watched: Watched, targets: Targets, logits: np.ndarray, has: np.ndarray
) -> np.ndarray:
    """Margins of the targets, mean per slot: ``[B, U', C] -> [B, N]``."""
    return watched.per_slot(margins(logits, targets.classes[has]), has)


def rounding(checkpoint: Checkpoint, logits: np.ndarray) -> float:
    """How far float rounding alone may move a logit of these: less than that is no change."""
    largest = max(1.0, float(np.abs(logits).max()))
    return ROUNDING * float(torch.finfo(checkpoint.dtype).eps) * largest


# ---- many cells ---------------------------------------------------------------------------------


def sign_flip(values: np.ndarray, *, two_sided: bool, seed: int = 0) -> np.ndarray:
    """p that the mean over draws ``[K, ...]`` is no larger than 0 (two-sided: is 0).

    Flips the sign of whole draws: exact for values that are symmetric about 0 when there is no
    effect, whatever else their distribution (Fisher 1935). All 2^K flips up to K = 12, else 4999
    random ones; NaN for fewer than two draws. The least p is 2^-K, or 1 / 5000.
    """
    draws = len(values)
    if draws < 2:
        return np.full(values.shape[1:], np.nan)
    flat = values.reshape(draws, -1)
    if draws <= ALL_FLIPS:
        signs = 1.0 - 2.0 * ((np.arange(2**draws)[:, None] >> np.arange(draws)) & 1)
    else:
        flipped = np.random.default_rng(seed).integers(0, 2, size=(FLIPS, draws))
        signs = np.vstack([np.ones(draws), 1.0 - 2.0 * flipped])
    p = np.empty(flat.shape[1])
    for start in range(0, len(p), CELLS):
        sums = signs @ flat[:, start : start + CELLS]
        sums = np.abs(sums) if two_sided else sums
        # Sums that differ by rounding alone are equal.
        slack = 1e-9 * np.abs(flat[:, start : start + CELLS]).sum(axis=0)
        p[start : start + CELLS] = (sums >= sums[0] - slack).mean(axis=0)
    p[np.isnan(flat).any(axis=0)] = np.nan
    return p.reshape(values.shape[1:])


def benjamini_hochberg(p: np.ndarray, *, rate: float = RATE) -> np.ndarray:
    """Which of the tests hold at this false discovery rate (Benjamini, Hochberg 1995); NaN never.

    Holds for tests that depend on one another positively, as cells that share their draws do.
    """
    flat = p.ravel()
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    passed = flat[order] <= rate * np.arange(1, len(order) + 1) / max(len(order), 1)
    kept = np.zeros(flat.shape, dtype=bool)
    if passed.any():
        kept[order[: np.flatnonzero(passed)[-1] + 1]] = True
    return kept.reshape(p.shape)
