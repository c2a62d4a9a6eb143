"""One step's input: rows put side by side, and everything that is drawn about them.

All draws of a step (which tokens are masked, which slot is read back where) come from one generator
seeded with the run's seed and the step, for the whole step at once; a process then takes its share
of the groups. So the numbers depend neither on how many processes there are nor on where a run was
stopped and resumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError
from muxviz.training.recipe import Stage
from muxviz.training.rows import UNLABELLED, Rows
from muxviz.training.teacher import Teacher

if TYPE_CHECKING:
    from muxviz.training.packed.answers import Answers


@dataclass(frozen=True)
class Asked:
    """What a packed start's teacher says at P places of some groups, in order.

    groups, slots, places ``[P]``: where. logits ``[P, C]``. last, middle: principal parts of the
    teacher's states there ``[P, K]``. variance: of its centred logits, summed over classes.
    """

    groups: Tensor
    slots: Tensor
    places: Tensor
    logits: Tensor
    last: Tensor
    middle: Tensor
    variance: float

    def to(self, device: torch.device, *, non_blocking: bool = False) -> Asked:
        """The same on ``device``."""
        moved = {
            name: value.to(device, non_blocking=non_blocking)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **moved)  # type: ignore[arg-type]  # all but variance


@dataclass(frozen=True)
class Batch:
    """Some groups of one step, and for each loss the number of things it is averaged over.

    ids: what the model sees, ``[B, N, L]``. mask: 1 on real tokens. types: segment ids or None.
    labels: per instance ``[B, N]``. token_labels: ``[B, N, L]`` tags of a token task, originals of
    masked tokens, or 1 for a replaced token; UNLABELLED where there is nothing to predict.
    originals: ids before masking, where a generator will fill them in. read_slot: ``[B, L]`` slot
    whose token is read back at each position, -1 for none. rows: row numbers ``[B, N]``.
    totals: per loss, over the whole step, so that shares of a step add up to its mean.
    """

    ids: Tensor
    mask: Tensor
    rows: np.ndarray
    labels: Tensor
    types: Tensor | None = None
    token_labels: Tensor | None = None
    originals: Tensor | None = None
    read_slot: Tensor | None = None
    teacher_hidden: Tensor | None = None  # [B, N, L, D] standardised
    teacher_logits: Tensor | None = None  # [B, N, C]; token tasks [B, N, L, C]
    asked: Asked | None = None  # added to a share of the groups, as the two above
    totals: dict[str, float] = field(default_factory=dict)

    def part(self, index: int, parts: int) -> Batch:
        """Share ``index`` of ``parts`` equal shares of the groups; ``totals`` stay the step's."""
        groups = len(self.ids)
        if groups % parts:
            raise ConfigError(
                f"{groups} groups per step cannot be shared equally by {parts} (processes times "
                "accumulate); choose a multiple"
            )
        share = slice(index * groups // parts, (index + 1) * groups // parts)
        cut: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            cut[item.name] = value if value is None or item.name == "totals" else value[share]
        return Batch(**cut)

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``."""
        moved: dict[str, Any] = {
            item.name: value.to(device, non_blocking=True)
            for item in fields(self)
            if isinstance(value := getattr(self, item.name), Tensor | Asked)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class BatchMaker:
    """Makes the steps of a run. special_ids are never masked."""

    rows: Rows
    config: MuxConfig
    mask_id: int
    special_ids: tuple[int, ...]
    seed: int
    has_generator: bool = False

    def make(self, row_numbers: np.ndarray, stage: Stage, step: int) -> Batch:
        """All groups of global step ``step`` of ``stage``; row_numbers ``[groups, N]``."""
        groups, num = row_numbers.shape
        flat = row_numbers.ravel()
        ids, mask = self.rows.pad(flat, self.config.shape.pad_token_id)
        room = self.config.prefix_length if self.config.cuts_prefix_room else 0
        if room:  # what the prefix displaces is padding, as in muxviz.batch
            ids = np.pad(ids, ((0, 0), (0, room)), constant_values=self.config.shape.pad_token_id)
            mask = np.pad(mask, ((0, 0), (0, room)))
        ids, mask = ids.reshape(groups, num, -1), mask.reshape(groups, num, -1)
        draws = np.random.default_rng((self.seed, 1, step))
        labels = self.rows.labels[row_numbers]
        values: dict[str, Any] = {}
        totals = {
            "hidden": float(mask.sum()),
            "sentence": float(groups * num),
            "logit": float(groups * num),
            "probe": float((labels != UNLABELLED).sum()),
            "task": float((labels != UNLABELLED).sum()),
        }
        if stage.task_coeff and stage.objective != "task":
            ids = self._mask(ids, mask, stage, draws, values, totals)
        elif self.config.task == "token_classification" and self.rows.has_token_labels:
            tags = self.rows.pad_token_labels(flat).reshape(groups, num, -1)
            values["token_labels"] = tags
            totals["task"] = float((tags != UNLABELLED).sum())
        if stage.retrieval_coeff:
            values["read_slot"] = _read_slots(mask, stage, draws, ids.shape[2] - room)
            totals["retrieval"] = float((values["read_slot"] >= 0).sum())
        if self.config.is_pair_aware and self.rows.has_pairs:
            values["types"] = self.rows.segments(flat).reshape(groups, num, -1)
        tensors: dict[str, Any] = {
            k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in values.items()
        }
        return Batch(
            torch.from_numpy(ids),
            torch.from_numpy(mask),
            row_numbers,
            torch.from_numpy(labels),
            totals=totals,
            **tensors,
        )

    def _mask(
        self,
        ids: np.ndarray,
        mask: np.ndarray,
        stage: Stage,
        draws: np.random.Generator,
        values: dict[str, Any],
        totals: dict[str, float],
    ) -> np.ndarray:
        """Ids with some tokens hidden, as the released collators hide them."""
        open_to = (mask == 1) & ~np.isin(ids, self.special_ids)
        selected = open_to & (draws.random(ids.shape) < stage.mask_share)
        kind = draws.random(ids.shape)
        anything = draws.integers(0, self.config.shape.vocab_size, size=ids.shape)
        originals = np.where(selected, ids, UNLABELLED)
        if stage.objective == "masked_lm":
            hidden = np.where(kind < 0.8, self.mask_id, np.where(kind < 0.9, anything, ids))
            values["token_labels"] = originals
            totals["masked_lm"] = float(selected.sum())
            return np.where(selected, hidden, ids)
        masked = selected & (kind < 0.85)
        totals["replaced"] = float((mask == 1).sum())
        if self.has_generator:
            values |= {"token_labels": originals, "originals": ids}
            totals["generator"] = float(selected.sum())
            return np.where(masked, self.mask_id, ids)
        # Released without a generator: uniform random ids, and all of them count as replaced.
        values["token_labels"] = np.where(mask == 1, masked.astype(np.int64), UNLABELLED)
        return np.where(masked, anything, ids)


def _read_slots(
    mask: np.ndarray, stage: Stage, draws: np.random.Generator, length: int
) -> np.ndarray:
    """One slot per position at random, ``[B, L]``; -1 on padding and beyond the number wanted."""
    groups, num, _ = mask.shape
    slots = draws.integers(0, num, size=(groups, length))
    real = np.take_along_axis(mask[..., :length], slots[:, None], axis=1)[:, 0] == 1
    if stage.retrieval_positions:
        real[:, 0] = False  # every instance starts with the same token
        places = np.flatnonzero(real)
        dropped = draws.permutation(places)[stage.retrieval_positions :]
        real.ravel()[dropped] = False
    return np.where(real, slots, -1)


def with_teacher(batch: Batch, teacher: Teacher | Answers | None, stage: Stage) -> Batch:
    """``batch`` with what the stage needs of the teacher's answers to its rows."""
    if teacher is None:
        return batch
    if not isinstance(teacher, Teacher):
        return teacher.add_to(batch) if stage.asks_teacher else batch
    groups, num, length = batch.ids.shape
    flat = batch.rows.ravel()
    hidden = logits = None
    if stage.hidden_coeff or stage.sentence_coeff:
        hidden = teacher.hidden_states(flat, length).view(groups, num, length, -1)
    if stage.logit_coeff and batch.token_labels is not None:
        logits = teacher.token_logits(flat, length).view(groups, num, length, -1)
    elif stage.logit_coeff:
        assert teacher.logits is not None, "checked in prepare"
        logits = torch.from_numpy(teacher.logits[flat]).view(groups, num, -1)
    return replace(batch, teacher_hidden=hidden, teacher_logits=logits)
