"""Real texts from the first character to the answer: tokenising, grouping, passes, reading."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from muxviz.batch import Row, encode_rows
from muxviz.bench.contenders import Key
from muxviz.bench.costs import Costs
from muxviz.bench.machine import describe, watched
from muxviz.bench.shapes import pass_bytes, transformers_model
from muxviz.bench.speed import Progress, speed_row
from muxviz.bench.turns import Contender, take_turns
from muxviz.engine.engine import Engine
from muxviz.engine.guard import check_room
from muxviz.engine.stream import How, RowError, stream
from muxviz.errors import DataError
from muxviz.files import read_lines
from muxviz.results.throughput import EQUAL_MULTIPLEXED, SpeedRun

MOST_CHARACTERS = 100_000  # of one text
PLAIN_BATCH = 32  # of the plain transformers contender


def read_texts(path: Path, most: int) -> list[str]:
    """The first texts of a file, one a line, empty lines left out.

    Args:
        most: texts to read.

    Raises:
        FileError: it cannot be read. DataError: no text.
    """
    expected = "one text a line, in UTF-8"
    rows = read_lines(path, longest=MOST_CHARACTERS, expected=expected)
    found = list(islice((row for row in rows if row.strip()), most))
    if not found:
        raise DataError(f"{path} holds no text; expected {expected}")
    return found


def measure_texts(
    engines: Sequence[Engine],
    texts: Sequence[str],
    *,
    how: How,
    rounds: int,
    with_transformers: bool = True,
    command: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
) -> SpeedRun:
    """Stream the same texts through every engine, taking turns.

    With ``with_transformers``, the first plain BERT classifier also runs as transformers' own
    class: tokenised in one call, sorted by length, padded to the longest of each batch.

    Args:
        engines: on one device.
        texts: all of them in every turn.
        how: batch, seating and grouping.

    Raises:
        InputError: a text that cannot be answered. DeviceError: too little memory for a batch.
    """
    device = engines[0].checkpoint.device
    rows = [Row(text) for text in texts]
    kept = _kept(engines, rows, how)
    plain = next((e for e in engines if e.checkpoint.config.num_instances == 1), None)
    keys = [_key(engine, how) for engine in engines]
    calls: list[Callable[[], Any]] = [_streamed(engine, rows, how) for engine in engines]
    if with_transformers and plain is not None and not plain.int8:
        keys.append(replace(_key(plain, how), contender="transformers", rows=PLAIN_BATCH))
        calls.append(_plainly(plain, texts))
    encoded = [
        encode_rows(e.checkpoint, rows, padding=how.seating.padding) for e in engines
    ]  # or refuse
    lengths = [len(row.ids) for row in encoded[0]]
    need = [
        pass_bytes(e.checkpoint.config, min(how.batch, len(rows)), max(len(row.ids) for row in own))
        for e, own in zip(engines, encoded, strict=True)
    ]
    check_room(max(need), device, f"a pass of {how.batch:,} sequences of these texts")
    timed = [
        Contender((key,), len(texts), float(sum(lengths)), call)
        for key, call in zip(keys, calls, strict=True)
    ]
    with watched() as load:
        times = take_turns(timed, rounds=rounds, device=device, progress=progress)
    machine = replace(describe(device), load=load.others, is_busy=load.is_busy)
    # A "pass" is all texts here, so that rates come out per text.
    of = dict(zip(keys, times, strict=True))
    base = next((k for k in keys if k.contender == "muxviz" and k.n == 1), None)
    theirs = next((k for k in keys if k.contender == "transformers"), None)

    def reference(key: Key | None) -> Any:
        return None if key is None else (replace(key, n=1, rows=len(texts)), of[key])

    results = [
        replace(
            speed_row(
                replace(key, n=1, rows=len(texts)),
                of[key],
                Costs(0.0, 0.0),
                mode=EQUAL_MULTIPLEXED,
                length=float(np.mean(lengths)),
                weights=_fingerprint(engines, key),
                device=device,
                plain=reference(base),
                theirs=reference(theirs),
                peak_mib=None,
                compiled=False,
            ),
            n=key.n,
            batch=key.rows,
            with_tokenising=True,
            agreement=kept.get(key),
        )
        for key in keys
    ]
    return SpeedRun(machine, shlex.join(command), rounds, tuple(results))


def _key(engine: Engine, how: How) -> Key:
    checkpoint = engine.checkpoint
    num = checkpoint.config.num_instances
    contender = "onnxruntime" if engine.runtime == "onnx" else "muxviz"
    contender = "dense" if engine.dense else contender
    return Key(contender, checkpoint.name, num, how.batch, engine.precision)


def _fingerprint(engines: Sequence[Engine], key: Key) -> str:
    return next(e.checkpoint.fingerprint for e in engines if e.checkpoint.name == key.name)


def _kept(engines: Sequence[Engine], rows: Sequence[Row], how: How) -> dict[Key, float]:
    """The share of answers that are those of the same checkpoint in float32 by torch, in the very
    same groups; of checkpoints that run in this way, too.
    """
    exact = {e.checkpoint.name: e for e in engines if e.computes == "float32" and not e.dense}
    said: dict[Key, list[str]] = {}
    for engine in engines:
        if len(engines) > len(exact) and engine.checkpoint.name in exact:
            answers = [a for window in stream(engine, rows, how) for a in window]
            said[_key(engine, how)] = [
                "" if isinstance(a, RowError) else a.answer.headline for a in answers
            ]
    found = {}
    for key, own in said.items():
        theirs = said[_key(exact[key.name], how)]
        found[key] = sum(a == b for a, b in zip(own, theirs, strict=True)) / len(own)
    return found


def _streamed(engine: Engine, rows: Sequence[Row], how: How) -> Callable[[], Any]:
    def call() -> int:
        return sum(len(answers) for answers in stream(engine, rows, how))

    return call


def _plainly(engine: Engine, texts: Sequence[str]) -> Callable[[], Any]:
    model: Any = transformers_model(engine.checkpoint)
    tokenizer, device = engine.checkpoint.need_tokenizer(), engine.checkpoint.device

    def batches(order: Sequence[int]) -> Iterable[Sequence[int]]:
        return (order[at : at + PLAIN_BATCH] for at in range(0, len(order), PLAIN_BATCH))

    def call() -> list[torch.Tensor]:
        encoded = tokenizer(list(texts), truncation=True, max_length=512)
        order = sorted(range(len(texts)), key=lambda n: len(encoded["input_ids"][n]))
        found = []
        for batch in batches(order):
            rows = {name: [column[n] for n in batch] for name, column in encoded.items()}
            given = tokenizer.pad(rows, return_tensors="pt").to(device)
            found.append(model(**given).logits.softmax(dim=-1).cpu())
        return found

    return call
