"""The engine: groups in, answers out, with nothing computed that nobody reads.

    engine = Engine(checkpoint)
    for answers in engine.answers(groups):  # one list per group
        ...

Its logits are those of ``MuxModel.forward`` up to rounding (a test compares them on every recorded
and bundled checkpoint); what it leaves out is said in ``muxviz.model.fast``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from muxviz.batch import Group, stack_groups
from muxviz.engine.answers import asked_tokens, read_sentences, read_tokens
from muxviz.engine.blocks import BlockEncoder, block_model
from muxviz.engine.guard import compile_guard, memory_guard, not_finite
from muxviz.engine.int8 import int8_model
from muxviz.engine.onnx_runtime import OnnxRuntime
from muxviz.errors import ConfigError, NotApplicable, NotFinite
from muxviz.loading.checkpoint import Checkpoint, describe_dtype
from muxviz.model.fast import TokenLogits, encode, read_sentence, read_token_logits
from muxviz.model.mux_model import MuxModel
from muxviz.results import Answer

BATCH = 32  # groups per forward
RUNTIMES = ("torch", "onnx")


@dataclass(frozen=True)
class Raw:
    """Logits of some groups of one length, still on the device.

    values: ``[B, N, C]`` of a sentence task, or those of the asked tokens. numbers: which groups.
    """

    numbers: list[int]
    values: Tensor | TokenLogits
    asked: np.ndarray | None


@dataclass(frozen=True)
class Given:
    """An answer and how it came: the slot (from 0) of whose pass, and what did not fit into it."""

    answer: Answer
    slot: int
    by: str
    cut_text: str


class Answering(Protocol):
    """What texts are answered by: an engine, or a chain of them (``muxviz.engine.chain``)."""

    @property
    def checkpoint(self) -> Checkpoint:
        """Whose N and tokenizer decide how texts are grouped."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def not_finite(self) -> str:
        """Why there is no answer where logits are not numbers, as words behind "text 3"."""

    def give(self, groups: Sequence[Group], *, batch: int) -> list[list[Given | None]]:
        """One list per group, of its rows that are no fillers; None where there is no answer."""


@dataclass
class Engine:
    """Answers groups of one checkpoint.

    Args:
        checkpoint: not modified.
        int8: run the encoder's and the demultiplexer's matrices in dynamic int8 (CPU, float32
            checkpoints only); changes logits, see ``muxviz bench int8``.
        compiled: ``torch.compile`` the pass up to the last hidden state, with CUDA graphs on a GPU.
            The first passes of every new shape are then slow.
        dense: multiply the zeros of a block-diagonal encoder too (``muxviz.engine.blocks``), to
            see what skipping them is worth.
        runtime: ``torch``, or ``onnx`` for ONNX Runtime on a CPU (extra ``onnx``), in float32 or
            int8; a graph that the checkpoint's folder does not have is made at the first pass.

    Raises:
        ConfigError: another runtime. NotApplicable: int8 or ONNX Runtime on a GPU, in another
            precision, compiled, or not installed; at a pass: nothing can compile here.
    """

    checkpoint: Checkpoint
    int8: bool = False
    compiled: bool = False
    dense: bool = False
    runtime: str = "torch"
    model: MuxModel = field(init=False, repr=False)
    graph: OnnxRuntime | None = field(init=False, repr=False, default=None)
    _encode: Callable[..., Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checkpoint, is_onnx = self.checkpoint, self.runtime == "onnx"
        if self.runtime not in RUNTIMES:
            raise ConfigError(f"unknown runtime {self.runtime!r}; use {', '.join(RUNTIMES)}")
        if self.int8 or is_onnx:
            _need_float32_on_cpu(checkpoint, "ONNX Runtime" if is_onnx else "int8")
        self.model = checkpoint.model
        if self.int8 and not is_onnx:
            self.model = int8_model(checkpoint.model)
        elif checkpoint.device.type == "cpu" and not (self.dense or self.int8):
            self.model = block_model(checkpoint.model) or checkpoint.model
        if is_onnx:
            if self.compiled or checkpoint.config.task == "masked_lm":
                raise NotApplicable(
                    "ONNX Runtime answers texts and tags, by graphs that it compiles itself; go "
                    "on without --compile, or with --runtime torch"
                )
            self.graph = OnnxRuntime(checkpoint, self.model, int8=self.int8)
        self._encode = encode
        if self.compiled:
            on_gpu = checkpoint.device.type == "cuda"
            compiler: Any = torch.compile
            self._encode = compile_guard(checkpoint.name)(
                compiler(encode, mode="reduce-overhead")
                if on_gpu
                else compiler(encode, dynamic=True)
            )

    @property
    def skips_zeros(self) -> bool:
        """Whether the encoder is block-diagonal and runs as its N blocks."""
        return isinstance(self.model.encoder, BlockEncoder)

    @property
    def precision(self) -> str:
        """``float32``, ``bfloat16``, ``float16`` or ``int8``."""
        return "int8" if self.int8 else describe_dtype(self.checkpoint.dtype)

    @property
    def computes(self) -> str:
        """Precision and runtime, as a provenance names them: ``int8``, ``float32 (onnx)``."""
        return self.precision if self.runtime == "torch" else f"{self.precision} ({self.runtime})"

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The one model, as of a chain."""
        return (self.checkpoint,)

    @property
    def name(self) -> str:
        """The checkpoint's, with what is not torch or float32: ``sst2-n1:int8``."""
        said = [self.checkpoint.name]
        said += [self.runtime] if self.runtime != "torch" else []
        said += [self.precision] if self.precision != "float32" else []
        return ":".join(said)

    def at_temperature(self, temperature: float) -> Engine:
        """The same model with another temperature of its certainties."""
        warm = copy.copy(self)
        warm.checkpoint = self.checkpoint.at_temperature(temperature)
        return warm

    def answers(self, groups: Sequence[Group], *, batch: int = BATCH) -> list[list[Answer]]:
        """One list per group: the answers of its rows that are no fillers, in slot order.

        All forwards are started before the first result is waited for.

        Raises:
            NotFinite: logits that are not numbers; see ``try_answers``.
        """
        return only_answers(self, self.give(groups, batch=batch))

    def give(self, groups: Sequence[Group], *, batch: int = BATCH) -> list[list[Given | None]]:
        """The same with how each came, and None where logits are not numbers."""
        return [
            [
                None
                if answer is None
                else Given(answer, slot, self.name, group.rows[slot].cut_text)
                for slot, answer in zip(_own_slots(group), own, strict=True)
            ]
            for group, own in zip(groups, self.try_answers(groups, batch=batch), strict=True)
        ]

    def try_answers(
        self, groups: Sequence[Group], *, batch: int = BATCH
    ) -> list[list[Answer | None]]:
        """The same, with None where logits are not numbers; ``not_finite`` says it in words."""
        found: list[list[Answer | None]] = [[] for _ in groups]
        for raw in list(self.raw(groups, batch=batch)):
            for number, answers in self.read(groups, raw):
                found[number] = answers
        return found

    @property
    def not_finite(self) -> str:
        """Why there is no answer where logits are not numbers, as words behind "text 3"."""
        return not_finite(self.precision)

    @torch.inference_mode()
    def raw(self, groups: Sequence[Group], *, batch: int = BATCH) -> Iterator[Raw]:
        """Logits of all groups, those of one length together."""
        for numbers, arrays in stack_groups(groups, at_most=batch):
            chosen = [groups[n] for n in numbers]
            asked = None
            if not self.checkpoint.config.answers_texts:
                room = arrays[0].shape[2]
                if self.checkpoint.config.cuts_prefix_room:
                    room -= self.checkpoint.config.prefix_length
                asked = asked_tokens(self.checkpoint, chosen, room)
            with memory_guard(self.checkpoint):
                values = self.logits(*arrays, asked=asked, hide_padding=chosen[0].hides_padding)
            yield Raw(numbers, values, asked)

    @torch.inference_mode()
    def logits(
        self,
        ids: np.ndarray,
        mask: np.ndarray,
        types: np.ndarray,
        *,
        asked: np.ndarray | None = None,
        hide_padding: bool = False,
    ) -> Tensor | TokenLogits:
        """One forward of groups of one length, on the device; not waited for.

        Args:
            ids, mask, types: ``[B, N, L]``.
            asked: ``[B, N, L']`` bool, for token tasks: whose logits are wanted.

        Returns:
            ``[B, N, C]`` for sentence tasks, else the logits of the asked tokens.

        Raises:
            InputError and its kinds: as ``MuxModel.forward``.
        """
        device = self.checkpoint.device
        rows = [torch.from_numpy(array) for array in (ids, mask, types)]
        self.model.check(*rows)  # before they travel: on a GPU it would have to be waited for
        if device.type == "cuda":
            rows = [row.pin_memory().to(device, non_blocking=True) for row in rows]
        if self.graph is not None:
            values = self.graph.logits(ids, mask, types, hide_padding=hide_padding)
            return values if asked is None else asked_logits(values, torch.from_numpy(asked))
        prepared = self.model.prepare(*rows, hide_padding=hide_padding, trusted=True)
        hidden = self._encode(self.model, prepared, hide_padding=hide_padding)
        if asked is None:
            return read_sentence(self.model, hidden, prepared)
        return read_token_logits(self.model, hidden, prepared, torch.from_numpy(asked).to(device))

    def read(self, groups: Sequence[Group], raw: Raw) -> Iterator[tuple[int, list[Answer | None]]]:
        """The answers of each group, by its number; None where logits are not numbers."""
        if isinstance(raw.values, TokenLogits):
            yield from self._read_tokens(groups, raw, raw.values)
            return
        values = raw.values.float().cpu()
        real = [_own_slots(groups[n]) for n in raw.numbers]
        rows = [at * values.shape[1] + slot for at, slots in enumerate(real) for slot in slots]
        answers = iter(read_sentences(self.checkpoint, values.flatten(0, 1)[rows]))
        for number, slots in zip(raw.numbers, real, strict=True):
            yield number, [next(answers) for _ in slots]

    def _read_tokens(
        self, groups: Sequence[Group], raw: Raw, found: TokenLogits
    ) -> Iterator[tuple[int, list[Answer | None]]]:
        assert raw.asked is not None, "token tasks ask for tokens"
        values, start = found.values.float().cpu(), 0
        for at, number in enumerate(raw.numbers):
            group = groups[number]
            answers: list[Answer | None] = []
            for slot, row in enumerate(group.rows):
                places = raw.asked[at, slot].nonzero()[0].tolist()
                own = values[start : start + len(places)]
                start += len(places)
                if group.repeats[slot] is None:
                    answers.append(read_tokens(self.checkpoint, row, places, own))
            yield number, answers


def _need_float32_on_cpu(checkpoint: Checkpoint, who: str) -> None:
    if checkpoint.device.type != "cpu" or checkpoint.dtype != torch.float32:
        raise NotApplicable(
            f"{who} runs on a CPU from a float32 checkpoint; {checkpoint.name} is "
            f"{describe_dtype(checkpoint.dtype)} on {checkpoint.device}"
        )


def asked_logits(values: Tensor, asked: Tensor) -> TokenLogits:
    """The asked tokens ``[B, N, L']`` of all tokens' logits ``[B, N, L', C]``."""
    groups, slots, places = asked.nonzero(as_tuple=True)
    return TokenLogits(values[groups, slots, places], groups, slots, places)


def _own_slots(group: Group) -> list[int]:
    """The slots whose rows are no fillers."""
    return [slot for slot, repeats in enumerate(group.repeats) if repeats is None]


def only_answers(engine: Answering, found: Sequence[Sequence[Given | None]]) -> list[list[Answer]]:
    """What was answered, without how.

    Raises:
        NotFinite: something was not.
    """
    if any(None in own for own in found):
        raise NotFinite(f"{engine.checkpoint.name} {engine.not_finite}")
    return [[given.answer for given in own if given is not None] for own in found]
