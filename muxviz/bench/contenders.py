"""What is timed: which contenders a setting names, each built once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from muxviz.bench.shapes import plain_shape, random_checkpoint, random_rows, transformers_model
from muxviz.engine.engine import Engine
from muxviz.engine.onnx_graph import need_packages
from muxviz.errors import ConfigError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import DTYPES, load
from muxviz.results.throughput import EQUAL_MULTIPLEXED, EQUAL_TOTAL

OWN = ("muxviz", "onnxruntime")  # ways to run our own models, at every N
PRECISIONS = (*DTYPES, "int8")
COMPUTES = {
    "muxviz": PRECISIONS,
    "transformers": tuple(DTYPES),
    "onnxruntime": ("float32", "int8"),
}


def need_known(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    """See that values are among those of a closed list.

    Raises:
        ConfigError: one is not.
    """
    for one in given:
        if one not in known:
            raise ConfigError(f"unknown {what} {one!r}; use {', '.join(known)}")


def need_onnx(device: torch.device) -> None:
    """See that ONNX Runtime can run, before anything is built.

    Raises:
        NotApplicable: a package is not installed, or not on a CPU.
    """
    if device.type != "cpu":
        raise NotApplicable(f"the onnxruntime contender runs on a CPU, this is {device}")
    need_packages("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Setting:
    """What is measured.

    names: shapes, or checkpoints where ``is_loaded``. batches: sequences per forward, multiplexed
    ones. dtypes: float32, bfloat16, float16, int8 (of muxviz; CPU). threads: 0 for torch's choice.
    """

    names: tuple[str, ...]
    is_loaded: bool = False
    nums: tuple[int, ...] = (1, 2, 5, 10)
    batches: tuple[int, ...] = (8,)
    length: int = 64
    dtypes: tuple[str, ...] = ("float32",)
    contenders: tuple[str, ...] = ("muxviz", "transformers")
    batch_modes: tuple[str, ...] = (EQUAL_MULTIPLEXED, EQUAL_TOTAL)
    device: str = "auto"
    threads: int = 0
    rounds: int = 15
    compiled: bool = False
    memory: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (
            ("contenders", tuple(COMPUTES)),
            ("dtypes", PRECISIONS),
            ("batch_modes", (EQUAL_MULTIPLEXED, EQUAL_TOTAL)),
        ):
            need_known(name, getattr(self, name), known)
        for name in ("length", "rounds"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least 1")


@dataclass(frozen=True)
class Key:
    """One thing that is timed. rows: sequences in its forward."""

    contender: str
    name: str
    n: int
    rows: int
    dtype: str


@dataclass
class Field:
    """Everything built for a measurement, each once."""

    setting: Setting
    device: torch.device
    models: dict[tuple[str, int], Checkpoint] = field(default_factory=dict)
    weights: dict[Key, str] = field(default_factory=dict)
    calls: dict[Key, Callable[[], Any]] = field(default_factory=dict)

    def checkpoint(self, name: str, num: int, dtype: str) -> Checkpoint:
        """Loaded or random, in a precision (int8 starts from float32)."""
        kind = "float32" if dtype == "int8" else dtype
        if self.setting.is_loaded:
            return load(name, device=self.setting.device, dtype=kind)
        made = random_checkpoint(name, num, seed=self.setting.seed)
        return replace(made, model=made.model.to(device=self.device, dtype=DTYPES[kind]))

    def add(self, key: Key) -> None:
        """Build a contender, unless it is there."""
        if key in self.calls:
            return
        checkpoint = self.checkpoint(key.name, key.n, key.dtype)
        self.weights[key] = checkpoint.fingerprint
        rows = random_rows(checkpoint, key.rows, self.setting.length, seed=self.setting.seed)
        if key.contender == "transformers":
            self.calls[key] = self._transformers(checkpoint, rows)
            return
        is_onnx = key.contender == "onnxruntime"
        engine = Engine(
            checkpoint,
            int8=key.dtype == "int8",
            compiled=self.setting.compiled and not is_onnx,
            runtime="onnx" if is_onnx else "torch",
        )
        self.calls[key] = engine_call(engine, rows)

    def _transformers(self, checkpoint: Checkpoint, rows: Sequence[torch.Tensor]) -> Any:
        model: Any = transformers_model(checkpoint)
        if self.setting.compiled:
            model = torch.compile(model)
        ids, mask, types = (row[:, 0].to(self.device) for row in rows)
        return partial(model, input_ids=ids, attention_mask=mask, token_type_ids=types)


def engine_call(engine: Engine, rows: Sequence[torch.Tensor]) -> Callable[[], Any]:
    """One forward of the engine on fixed rows ``[B, N, L]``, arrays on the host included."""
    ids, mask, types = (row.numpy() for row in rows)
    asked = None
    if not engine.checkpoint.config.answers_texts:
        asked = mask.astype(bool)
    return partial(engine.logits, ids, mask, types, asked=asked)


def keys_of(setting: Setting) -> list[Key]:
    """Everything that is timed, once each."""
    keys: dict[Key, None] = {}
    for name in setting.names:
        for batch in setting.batches:
            for dtype in setting.dtypes:
                for n in setting.nums:
                    keys |= {key: None for key in _with_references(setting, name, n, batch, dtype)}
    return list(keys)


def _with_references(setting: Setting, name: str, n: int, batch: int, dtype: str) -> list[Key]:
    """Our models at N, and the plain contenders that they are compared with."""
    found = [
        Key(own, name, n, batch, dtype)
        for own in OWN
        if own in setting.contenders and dtype in COMPUTES[own]
    ]
    for mode in setting.batch_modes:
        rows = batch * (n if mode == EQUAL_TOTAL else 1)
        for contender in setting.contenders:
            if contender != "onnxruntime" and dtype in COMPUTES[contender]:
                found.append(Key(contender, reference_of(setting, name), 1, rows, dtype))
    return found


def reference_of(setting: Setting, name: str) -> str:
    """What ratios are taken to: N = 1 of the unpruned shape, also for pruned ones."""
    return name if setting.is_loaded else plain_shape(name)
