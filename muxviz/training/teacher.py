"""The N = 1 teacher: its last hidden states and its label distribution for every training row.

They do not change during a run, so they are computed once and kept in memory-mapped files that all
runs with the same teacher and rows share.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from muxviz.errors import TrainingError
from muxviz.model.mux_model import MuxModel
from muxviz.training.rows import JoinedRows, Rows

STATISTICS_TOKENS = 200_000  # tokens behind mean and scale
BATCH = 256
LABELLED = ("sequence_classification", "regression", "token_classification")


@dataclass(frozen=True)
class Teacher:
    """The teacher's answers to all rows.

    starts: where each row's tokens begin, ``[rows + 1]``. logits: None of a teacher without labels
    (a masked LM). hidden: ``[tokens, D]`` float16, rows
    end to end, or None where only labels are wanted. logits: ``[rows, C]``, or ``[tokens, C]`` for
    a token task. mean, scale: ``[D]`` of the hidden states: they are standardised when gathered,
    because a few dimensions of a BERT encoder are so large that a squared distance would see
    nothing else.
    """

    starts: np.ndarray
    logits: np.ndarray | None
    hidden: np.ndarray | None = None
    mean: np.ndarray | None = None
    scale: np.ndarray | None = None

    def hidden_states(self, row_numbers: np.ndarray, length: int) -> Tensor:
        """Standardised hidden states, padded: ``[rows, length, D]``."""
        if self.hidden is None or self.mean is None or self.scale is None:
            raise TrainingError(
                "the teacher has another vocabulary than the student, so its hidden states cannot "
                "be matched token by token; set hidden_coeff and sentence_coeff to 0"
            )
        out = np.zeros((len(row_numbers), length, self.hidden.shape[1]), dtype=np.float32)
        for at, row in enumerate(row_numbers):
            start, stop = self.starts[row], self.starts[row + 1]
            out[at, : stop - start] = self.hidden[start:stop]
        out -= self.mean
        out /= self.scale
        return torch.from_numpy(out)

    def token_logits(self, row_numbers: np.ndarray, length: int) -> Tensor:
        """Logits of a token task, padded: ``[rows, length, C]``."""
        assert self.logits is not None, "checked in prepare"
        out = np.zeros((len(row_numbers), length, self.logits.shape[1]), dtype=np.float32)
        for at, row in enumerate(row_numbers):
            start, stop = self.starts[row], self.starts[row + 1]
            out[at, : stop - start] = self.logits[start:stop]
        return torch.from_numpy(out)


@torch.inference_mode()
def ask_teacher(
    model: MuxModel, rows: Rows, folder: Path, *, wants_hidden: bool, device: torch.device
) -> Teacher:
    """Compute or reopen the teacher's answers to ``rows`` under ``folder``.

    Raises:
        TrainingError: the teacher is multiplexed.
    """
    if model.config.is_multiplexed:
        raise TrainingError(
            f"the teacher multiplexes {model.config.num_instances} texts; a teacher is a plain "
            "model (N = 1), name another with --teacher"
        )
    folder.mkdir(parents=True, exist_ok=True)
    key = fingerprint(model, rows)
    if not wants_hidden and not (folder / f"{key}.json").is_file():
        key += "-labels"
    done = folder / f"{key}.json"
    per_token = model.config.task == "token_classification"
    has_labels = model.config.task in LABELLED
    starts = np.concatenate([[0], np.cumsum(rows.lengths)])
    tokens = int(starts[-1])
    logits_shape = (tokens if per_token else len(rows), model.config.num_labels)
    hidden_shape = (tokens, model.config.width)
    if not done.is_file():
        unique = f"{key}.{os.getpid()}.partial"
        files: dict[str, Any] = {"logits": (np.float32, logits_shape)} if has_labels else {}
        if wants_hidden:
            files["hidden"] = (np.float16, hidden_shape)
        maps = {
            name: np.memmap(folder / f"{unique}.{name}", dtype=kind, mode="w+", shape=shape)
            for name, (kind, shape) in files.items()
        }
        model.to(device)
        order = np.argsort(rows.lengths, kind="stable")
        for start in tqdm(range(0, len(rows), BATCH), desc="teacher", unit="batch"):
            _fill(model, rows, order[start : start + BATCH], starts, maps, device)
        model.to("cpu")
        for name, values in maps.items():
            values.flush()
            os.replace(folder / f"{unique}.{name}", folder / f"{key}.{name}")
        done.write_text(json.dumps({"rows": len(rows), "tokens": tokens}))
    logits = None
    if has_labels:
        logits = np.memmap(folder / f"{key}.logits", dtype=np.float32, mode="r", shape=logits_shape)
    if not wants_hidden:
        return Teacher(starts, logits)
    hidden = np.memmap(folder / f"{key}.hidden", dtype=np.float16, mode="r", shape=hidden_shape)
    sample = np.asarray(hidden[:STATISTICS_TOKENS], dtype=np.float32)
    return Teacher(starts, logits, hidden, sample.mean(axis=0), sample.std(axis=0).clip(1e-6))


def _fill(
    model: MuxModel,
    rows: Rows,
    batch: np.ndarray,
    starts: np.ndarray,
    maps: dict[str, np.memmap],
    device: torch.device,
) -> None:
    ids, mask = (torch.from_numpy(a)[:, None] for a in rows.pad(batch, pad_id(model)))
    types = None
    if rows.has_pairs:
        types = torch.from_numpy(rows.segments(batch))[:, None].to(device)
    prepared = model.prepare(ids.to(device), mask.to(device), types)
    entered = model.enter(model.mix(model.embed(prepared), prepared.mask))
    seen = model.encoder_mask(prepared.mask, entered.dtype, hide_padding=False)
    states = model.encoder(entered, seen)
    values = states.to(torch.float16).cpu().numpy() if "hidden" in maps else None
    answer, per_token = None, model.config.task == "token_classification"
    if "logits" in maps:
        answer = model.answer(states, prepared).logits[:, 0].float().cpu().numpy()
    if answer is not None and not per_token:
        maps["logits"][batch] = answer
    for at, row in enumerate(batch):
        start, stop = starts[row], starts[row + 1]
        if values is not None:
            maps["hidden"][start:stop] = values[at, : stop - start]
        if answer is not None and per_token:
            maps["logits"][start:stop] = answer[at, : stop - start]


def pad_id(model: MuxModel) -> int:
    """The padding token of ``model``."""
    return model.config.shape.pad_token_id


def fingerprint(model: MuxModel, rows: Rows) -> str:
    """A name for these weights and these rows."""
    digest = hashlib.sha256(model.config.task.encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.float().contiguous().numpy().tobytes())
    for part in rows.parts if isinstance(rows, JoinedRows) else (rows,):
        digest.update(np.ascontiguousarray(part.ids).tobytes())
        digest.update(part.starts.tobytes())
    return digest.hexdigest()[:16]
