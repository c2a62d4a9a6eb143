"""The N = 1 teacher: its last hidden states and label distribution for every training row.

They do not change during a run, so they are computed once and kept in a memory-mapped file that
all runs with the same teacher and rows share.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from muxviz.model.mux_model import MuxModel
from muxviz.training.data import TokenRows

STATISTICS_TOKENS = 200_000  # tokens behind mean and scale


@dataclass(frozen=True)
class TeacherStates:
    """The teacher's answers to all rows.

    hidden: ``[tokens, D]`` float16, in the order of ``TokenRows.ids``. logits: ``[rows, C]``. mean,
    scale: ``[D]`` of the hidden states. They are standardised when gathered, because a few
    dimensions of a BERT encoder are so large that a squared distance would see nothing else.
    """

    rows: TokenRows
    hidden: np.ndarray
    logits: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    def gather(self, row_numbers: np.ndarray, length: int) -> tuple[Tensor, Tensor]:
        """Standardised hidden states, padded ``[rows, length, D]``, and logits ``[rows, C]``."""
        out = np.zeros((len(row_numbers), length, self.hidden.shape[1]), dtype=np.float16)
        for at, row in enumerate(row_numbers):
            start, stop = self.rows.starts[row], self.rows.starts[row + 1]
            out[at, : stop - start] = (self.hidden[start:stop] - self.mean) / self.scale
        return torch.from_numpy(out).float(), torch.from_numpy(self.logits[row_numbers])


@torch.inference_mode()
def teacher_states(
    model: MuxModel, rows: TokenRows, folder: Path, *, autocast: bool
) -> TeacherStates:
    """Compute or reopen the teacher's states for ``rows`` under ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    key = _fingerprint(model, rows)
    data, meta = folder / f"{key}.hidden", folder / f"{key}.json"
    shape = (len(rows.ids), model.config.shape.hidden_size)
    logits_file = folder / f"{key}.logits.npy"
    if not meta.is_file():
        partial = folder / f"{key}.{os.getpid()}.partial"
        hidden = np.memmap(partial, dtype=np.float16, mode="w+", shape=shape)
        logits = np.zeros((len(rows), model.config.num_labels), dtype=np.float32)
        order = np.argsort(rows.lengths, kind="stable")
        for start in tqdm(range(0, len(rows), 256), desc="teacher states", unit="batch"):
            batch = order[start : start + 256]
            _fill(model, rows, batch, hidden, logits, autocast)
        hidden.flush()
        np.save(logits_file, logits)
        os.replace(partial, data)
        meta.write_text(json.dumps({"shape": shape}))
    hidden = np.memmap(data, dtype=np.float16, mode="r", shape=shape)
    sample = np.asarray(hidden[:STATISTICS_TOKENS], dtype=np.float32)
    return TeacherStates(
        rows, hidden, np.load(logits_file), sample.mean(axis=0), sample.std(axis=0)
    )


def _fill(
    model: MuxModel,
    rows: TokenRows,
    batch: np.ndarray,
    hidden: np.ndarray,
    logits: np.ndarray,
    autocast: bool,
) -> None:
    ids, mask = rows.pad(batch, model.config.shape.pad_token_id)
    prepared = model.prepare(torch.from_numpy(ids)[:, None], torch.from_numpy(mask)[:, None], None)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        entered = model.enter(model.mix(model.embed(prepared), prepared.mask))
        seen = model.encoder_mask(prepared.mask, entered.dtype, hide_padding=False)
        states = model.encoder(entered, seen)
        answer = model.answer(states, prepared).logits[:, 0]
    values = states.to(torch.float16).numpy()
    for at, row in enumerate(batch):
        start, stop = rows.starts[row], rows.starts[row + 1]
        hidden[start:stop] = values[at, : stop - start]
    logits[batch] = answer.float().numpy()


def _fingerprint(model: MuxModel, rows: TokenRows) -> str:
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.float().contiguous().numpy().tobytes())
    digest.update(rows.ids.tobytes())
    digest.update(rows.starts.tobytes())
    return digest.hexdigest()[:16]
