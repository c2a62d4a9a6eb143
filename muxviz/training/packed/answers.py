"""What a plain teacher says about every row of a pool: computed once, kept beside the runs.

It is asked where a student of the same task will be read: at [CLS], or at the first piece of every
word. Kept are its logits and, of its states there after the last and after the middle layer, their
largest principal parts. The files are memory-mapped, shared by all runs with the same teacher and
rows, and written from front to back, so that work that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from muxviz import files
from muxviz.errors import FileError, TrainingError
from muxviz.model.mux_model import MuxModel
from muxviz.training.batches import Asked, Batch
from muxviz.training.rows import UNLABELLED, JoinedRows
from muxviz.training.teacher import fingerprint, pad_id

PRINCIPAL = 128  # parts of a state that are kept
SAMPLE_ROWS = 4096  # behind the principal directions
BATCH = 128
SAVE_EVERY = 20  # batches between two notes of how far it is
DEPTHS = ("last", "middle")


@dataclass(frozen=True)
class Places:
    """Where every row is read. Row r: ``at[starts[r]:starts[r + 1]]``, positions in the row."""

    starts: np.ndarray  # [rows + 1] int64
    at: np.ndarray  # [places] int32

    @classmethod
    def of(cls, rows: JoinedRows, task: str) -> Places:
        """[CLS], or of a token task every place with a label."""
        if task != "token_classification":
            return cls(np.arange(len(rows) + 1), np.zeros(len(rows), dtype=np.int32))
        counts, at = [], []
        for part in rows.parts:
            assert part.token_labels is not None, "every kind of a token task has words"
            here = np.flatnonzero(part.token_labels != UNLABELLED)
            row = np.searchsorted(part.starts, here, side="right") - 1
            counts.append(np.bincount(row, minlength=len(part)))
            at.append((here - part.starts[row]).astype(np.int32))
        return cls(np.cumsum([0, *np.concatenate(counts)]), np.concatenate(at))

    def of_rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each place of some rows, in order: which of the rows it is in, and its number."""
        counts = self.starts[rows + 1] - self.starts[rows]
        owner = np.repeat(np.arange(len(rows)), counts)
        first = np.repeat(self.starts[rows] - np.cumsum([0, *counts[:-1]]), counts)
        return owner, first + np.arange(len(owner))


@dataclass(frozen=True)
class Answers:
    """The teacher's logits ``[places, C]`` and parts of its states ``[places, K]`` float16 each.

    The parts of a depth have variance 1 in all. variance: of the logits, summed over classes,
    their mean over classes taken off first (of a single output: as it is).
    """

    places: Places
    logits: np.ndarray
    last: np.ndarray
    middle: np.ndarray
    variance: float

    def add_to(self, batch: Batch) -> Batch:
        """``batch`` with what the teacher says about its rows."""
        num = batch.rows.shape[1]
        owner, numbers = self.places.of_rows(batch.rows.ravel())

        def values(of: np.ndarray) -> Tensor:
            return torch.from_numpy(np.asarray(of[numbers], dtype=np.float32))

        asked = Asked(
            groups=torch.from_numpy(owner // num),
            slots=torch.from_numpy(owner % num),
            places=torch.from_numpy(self.places.at[numbers].astype(np.int64)),
            logits=values(self.logits),
            last=values(self.last),
            middle=values(self.middle),
            variance=self.variance,
        )
        return replace(batch, asked=asked)


def centred(logits: Any) -> Any:
    """Logits less their mean over classes; a single output stays as it is."""
    return logits - logits.mean(-1, keepdims=True) if logits.shape[-1] > 1 else logits


@torch.inference_mode()
def ask(
    model: MuxModel,
    rows: JoinedRows,
    folder: Path,
    *,
    middle: int,
    device: torch.device,
    precision: str,
) -> Answers:
    """Compute or reopen the teacher's answers to ``rows`` under ``folder``.

    Args:
        model: a plain model in eval mode; on the CPU again afterwards.
        middle: how many of its layers the middle depth comes after.
        precision: "bf16" computes in mixed precision, which a CPU does in a third of the time.

    Raises:
        TrainingError: the files cannot be written or are damaged.
    """
    places = Places.of(rows, model.config.task)
    asking = _Asking(model.to(device), rows, places, middle, device, precision)
    key = asking.key()
    done = folder / f"{key}.json"
    maps = _Maps(folder, key, len(places.at), model.config.num_labels, asking.kept)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not done.is_file():
            _fill(asking, maps)
            summary: dict[str, float] = {"rows": len(rows), "places": len(places.at)}
            summary["variance"] = _variance(maps.mapped("logits", "r"))
            files.write_whole(done, files.json_text(summary))
        variance = float(files.read_json(done)["variance"])
        logits, last, mid = (maps.mapped(name, "r") for name in ("logits", *DEPTHS))
    except (OSError, ValueError, KeyError, FileError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"the teacher's answers in {folder} cannot be written or read ({error}); make room, "
            f"or delete {key}.* there and run again"
        ) from error
    finally:
        model.to("cpu")
    return Answers(places, logits, last, mid, variance)


def label(rows: JoinedRows, answers: Answers, unsure: np.ndarray, task: str) -> None:
    """Give rows without a label the teacher's answer, in place.

    Args:
        unsure: rows of a token task whose word labels only mark words, ``[rows]`` of bool.
    """
    if task != "token_classification":
        bare = rows.labels == UNLABELLED
        said = answers.logits[bare]
        rows.labels[bare] = said[:, 0] if task == "regression" else said.argmax(axis=-1)
        return
    for number, part in enumerate(rows.parts):
        low, high = rows.offsets[number : number + 2]
        assert part.token_labels is not None
        owned = np.flatnonzero(unsure[low:high])
        row, numbers = answers.places.of_rows(owned + low)
        at = part.starts[owned][row] + answers.places.at[numbers]
        part.token_labels[at] = answers.logits[numbers].argmax(axis=-1)


# ---- asking ------------------------------------------------------------------------------------


class _Maps:
    """The files of one set of answers."""

    def __init__(self, folder: Path, key: str, places: int, classes: int, kept: int) -> None:
        self.folder, self.key = folder, key
        self.shapes = {"logits": (places, classes)} | {name: (places, kept) for name in DEPTHS}

    def path(self, name: str) -> Path:
        return self.folder / f"{self.key}.{name}"

    def mapped(self, name: str, mode: Any) -> np.memmap:
        return np.memmap(self.path(name), dtype=np.float16, mode=mode, shape=self.shapes[name])

    @property
    def are_whole(self) -> bool:
        """Whether all files are there with their full size."""
        return all(
            self.path(name).is_file() and self.path(name).stat().st_size == 2 * rows * width
            for name, (rows, width) in self.shapes.items()
        )


class _Asking:
    """The teacher at work on batches of rows."""

    def __init__(
        self,
        model: MuxModel,
        rows: JoinedRows,
        places: Places,
        middle: int,
        device: torch.device,
        precision: str,
    ) -> None:
        self.model, self.rows, self.places = model, rows, places
        self.middle, self.device, self.precision = middle, device, precision
        self.kept = min(PRINCIPAL, model.config.width)

    def key(self) -> str:
        """A name that is another one whenever the answers could be."""
        parts = (fingerprint(self.model, self.rows), self.middle, self.precision, self.kept)
        digest = hashlib.sha256(repr(parts).encode())
        digest.update(np.ascontiguousarray(self.places.at).tobytes())
        return f"answers-{digest.hexdigest()[:16]}"

    def states(self, batch: np.ndarray) -> tuple[np.ndarray, Tensor, Tensor, Tensor]:
        """Numbers of the places in rows ``batch``; logits, last and middle states there."""
        owner, numbers = self.places.of_rows(batch)
        ids, mask = (torch.from_numpy(a)[:, None] for a in self.rows.pad(batch, pad_id(self.model)))
        types = None
        if self.rows.has_pairs:
            types = torch.from_numpy(self.rows.segments(batch))[:, None].to(self.device)
        model = self.model
        with torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        ):
            prepared = model.prepare(ids.to(self.device), mask.to(self.device), types)
            entry = model.walk(prepared)
            layers = model.encoder.all_states(entry.hidden, entry.mask)
            logits = model.answer(layers[-1], prepared).logits[:, 0]
        at = (torch.from_numpy(owner), torch.from_numpy(self.places.at[numbers].astype(np.int64)))
        logits = logits[at] if model.config.task == "token_classification" else logits[at[0]]
        last, middle = (layers[depth][at].float().cpu() for depth in (-1, self.middle))
        return numbers, logits.float().cpu(), last, middle


def _fill(asking: _Asking, maps: _Maps) -> None:
    """Answer all rows, shortest first, from where an earlier process was stopped."""
    order = np.argsort(asking.rows.lengths, kind="stable")
    note, basis = maps.path("part.json"), maps.path("basis.npz")
    begin = 0
    if note.is_file() and basis.is_file() and maps.are_whole:
        begin = int(files.read_json(note)["batches"])
    else:
        _write_basis(asking, basis)
    stored = np.load(basis)
    turns = [tuple(torch.from_numpy(stored[f"{n}_{p}"]) for p in ("mean", "map")) for n in DEPTHS]
    opened = {name: maps.mapped(name, "r+" if begin else "w+") for name in maps.shapes}
    batches = range(0, len(order), BATCH)
    shown = tqdm(total=len(batches), initial=begin, desc="teacher", unit="batch", mininterval=1)
    with shown:
        for number in range(begin, len(batches)):
            rows = order[batches[number] : batches[number] + BATCH]
            numbers, logits, *states = asking.states(rows)
            opened["logits"][numbers] = logits.numpy()
            for name, (mean, turn), state in zip(DEPTHS, turns, states, strict=True):
                opened[name][numbers] = ((state - mean) @ turn).numpy()
            shown.update()
            if (number + 1) % SAVE_EVERY == 0 or number + 1 == len(batches):
                for values in opened.values():
                    values.flush()
                files.write_whole(note, files.json_text({"batches": number + 1}))
    note.unlink()


def _write_basis(asking: _Asking, path: Path) -> None:
    """Mean and map of each depth's states: to principal parts of variance 1 in all."""
    rows = np.random.default_rng(0).permutation(len(asking.rows))[:SAMPLE_ROWS]
    rows = rows[np.argsort(asking.rows.lengths[rows], kind="stable")]
    found = [asking.states(rows[at : at + BATCH])[2:] for at in range(0, len(rows), BATCH)]
    basis: dict[str, np.ndarray] = {}
    for name, states in zip(DEPTHS, map(torch.cat, zip(*found, strict=True)), strict=True):
        mean = states.mean(dim=0)
        values, vectors = torch.linalg.eigh(torch.cov((states - mean).double().T, correction=0))
        largest = vectors[:, -asking.kept :].flip(1)
        scale = values[-asking.kept :].clamp_min(0).sum().clamp_min(1e-12).sqrt()
        basis |= {f"{name}_mean": mean.numpy(), f"{name}_map": (largest / scale).float().numpy()}
    content = io.BytesIO()
    np.savez(content, **basis)  # type: ignore[arg-type]  # numpy's stub takes only flags
    files.write_whole(path, content.getvalue())


def _variance(logits: np.ndarray) -> float:
    """Variance of centred logits, summed over classes; over a sample spread evenly."""
    step = max(1, len(logits) // 100_000)
    sample: np.ndarray = centred(np.asarray(logits[::step], dtype=np.float64))
    return max(float(sample.var(axis=0).sum()), 1e-12)
