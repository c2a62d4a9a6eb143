"""The N = 1 teacher: its last hidden states and its label distribution for every training row.

They do not change during a run, so they are computed once and kept in memory-mapped files that all
runs with the same teacher and rows share.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from muxviz.config import MuxConfig
from muxviz.errors import TrainingError
from muxviz.files import json_text, write_whole, writing
from muxviz.model.mux_model import MuxModel
from muxviz.training.recipe import LABELLED_TASKS
from muxviz.training.rows import JoinedRows, Rows

STATISTICS_TOKENS = 200_000  # tokens behind mean and scale
BATCH = 256


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


def check_plain(config: MuxConfig) -> None:
    """See that a teacher reads one text a pass.

    Raises:
        TrainingError: it does not.
    """
    if config.is_multiplexed:
        raise TrainingError(
            f"the teacher multiplexes {config.num_instances} texts; a teacher is a plain model "
            "(N = 1), name another with --teacher"
        )


@torch.inference_mode()
def ask_teacher(
    model: MuxModel, rows: Rows, folder: Path, *, wants_hidden: bool, device: torch.device
) -> Teacher:
    """Compute or reopen the teacher's answers to ``rows`` under ``folder``.

    Raises:
        TrainingError: the teacher is multiplexed. FileError: the folder cannot be written.
    """
    check_plain(model.config)
    key = fingerprint(model, rows)
    if not wants_hidden and not (folder / f"{key}.json").is_file():
        key += "-labels"
    per_token = model.config.task == "token_classification"
    starts = np.concatenate([[0], np.cumsum(rows.lengths)])
    tokens = int(starts[-1])
    wanted: dict[str, _Table] = {}
    if model.config.task in LABELLED_TASKS:
        shape = (tokens if per_token else len(rows), model.config.num_labels)
        wanted["logits"] = _Table(folder / f"{key}.logits", np.dtype(np.float32), shape)
    if wants_hidden:
        shape = (tokens, model.config.width)
        wanted["hidden"] = _Table(folder / f"{key}.hidden", np.dtype(np.float16), shape)
    done = folder / f"{key}.json"
    if not done.is_file() or not all(table.is_whole for table in wanted.values()):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _compute(model, rows, starts, wanted, device)
            write_whole(done, json_text({"rows": len(rows), "tokens": tokens}))
    logits = wanted["logits"].read() if "logits" in wanted else None
    if not wants_hidden:
        return Teacher(starts, logits)
    hidden = wanted["hidden"].read()
    sample = np.asarray(hidden[:STATISTICS_TOKENS], dtype=np.float32)
    return Teacher(starts, logits, hidden, sample.mean(axis=0), sample.std(axis=0).clip(1e-6))


@dataclass(frozen=True)
class _Table:
    """Answers of one kind in a file of their own."""

    path: Path
    dtype: np.dtype
    shape: tuple[int, int]

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.dtype.itemsize * self.shape[0] * self.shape[1]

    @property
    def is_whole(self) -> bool:
        """Whether an earlier run has written all of it."""
        return self.path.is_file() and self.path.stat().st_size == self.size

    def read(self) -> np.memmap:
        """What is in it, read where it is needed."""
        return np.memmap(self.path, dtype=self.dtype, mode="r", shape=self.shape)


def _compute(
    model: MuxModel,
    rows: Rows,
    starts: np.ndarray,
    tables: dict[str, _Table],
    device: torch.device,
) -> None:
    """Fill the files of ``tables``, each whole or not there."""
    need = sum(table.size for table in tables.values())
    for table in tables.values():  # a full disk under a mapped file would end the process
        if need > shutil.disk_usage(table.path.parent).free:
            raise OSError(errno.ENOSPC, f"no room for the teacher's answers, {need:,} bytes")
    partial = {
        name: table.path.with_name(f"{table.path.name}.{os.getpid()}.partial")
        for name, table in tables.items()
    }
    try:
        maps = {
            name: np.memmap(partial[name], dtype=table.dtype, mode="w+", shape=table.shape)
            for name, table in tables.items()
        }
        model.to(device)
        order = np.argsort(rows.lengths, kind="stable")
        for start in tqdm(range(0, len(rows), BATCH), desc="teacher", unit="batch"):
            _fill(model, rows, order[start : start + BATCH], starts, maps, device)
        model.to("cpu")
        for name, values in maps.items():
            values.flush()
            os.replace(partial[name], tables[name].path)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
            with suppress(OSError):  # made for nothing
                path.parent.rmdir()


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
    entry = model.walk(prepared)
    states = model.encoder(entry.hidden, entry.mask)
    values = states.to(torch.float16).cpu().numpy() if "hidden" in maps else None
    answer, per_token = None, model.config.task == "token_classification"
    if "logits" in maps:
        answer = model.answer(states, prepared).logits[:, 0].float().cpu().numpy()
    for what, found in (("states", values), ("answers", answer)):
        if found is not None and not np.isfinite(found).all():
            raise TrainingError(
                f"the teacher's {what} are not all finite numbers; name another --teacher"
            )
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
