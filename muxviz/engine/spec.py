"""What is to answer, as plain values: an engine, or a chain of them, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from muxviz.batch import Seating
from muxviz.engine.chain import Chain, Step
from muxviz.engine.engine import Engine
from muxviz.errors import InputError
from muxviz.loading.load import DTYPES, load

if TYPE_CHECKING:
    import argparse

PRECISIONS = (*DTYPES, "int8")


@dataclass(frozen=True)
class EngineSpec:
    """What a process needs to build an engine.

    runtime: ``torch`` or ``onnx``. temperature: of its certainties; None for the card's. again: who
    is asked again, and by which model, one after another. seating: how these become groups.
    """

    checkpoint: str
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    int8: bool = False
    compiled: bool = False
    runtime: str = "torch"
    temperature: float | None = None
    again: tuple[tuple[Step, EngineSpec], ...] = ()
    seating: Seating = Seating()

    @property
    def precision(self) -> str:
        """As an option names it: ``auto``, ``int8``, ``bfloat16`` ..."""
        return "int8" if self.int8 else self.dtype

    def engine(self) -> Engine:
        """Load the first model and build its engine."""
        checkpoint = load(
            self.checkpoint, device=self.device, dtype=self.dtype, revision=self.revision
        )
        if self.temperature is not None:
            checkpoint = checkpoint.at_temperature(self.temperature)
        return Engine(checkpoint, int8=self.int8, compiled=self.compiled, runtime=self.runtime)

    def open(self) -> Engine | Chain:
        """The engine, or the chain that it begins.

        Raises:
            InputError and its kinds, NotApplicable: the models make no chain; see ``Chain``.
        """
        if not self.again:
            return self.engine()
        engines = [self.engine(), *(spec.engine() for _, spec in self.again)]
        return Chain(engines, [step for step, _ in self.again], self.seating)

    def plain(self) -> EngineSpec:
        """The same models where they are looked at and do not run: on the CPU, as stored."""
        again = tuple((step, spec.plain()) for step, spec in self.again)
        return replace(
            self,
            device="cpu",
            dtype="auto",
            int8=False,
            compiled=False,
            runtime="torch",
            again=again,
        )


def spec_of(options: argparse.Namespace) -> EngineSpec:
    """What a command's options ask for: ``--checkpoint`` alone, or whom ``--then`` asks again.

    Raises:
        InputError: options that do not go together, or an unknown precision.
    """
    first = at_precision(
        EngineSpec(
            options.checkpoint,
            options.device,
            revision=options.revision,
            compiled=getattr(options, "compile", False),
            runtime=getattr(options, "runtime", "torch"),
        ),
        options.dtype,
    )
    if options.escalate is None and options.certainty is None:
        if options.then or options.thresholds_from:
            raise InputError(
                "--then and --thresholds-from need to know whom to ask again; give a share "
                "(--escalate 0.2) or a certainty (--certainty 0.9)"
            )
        return first
    if options.thresholds_from and options.escalate is None:
        raise InputError("--thresholds-from turns a share into a certainty; give --escalate 0.2")
    names = options.then or [_baseline(first)]
    later = [
        at_precision(replace(first, checkpoint=name, revision=None), precision or options.dtype)
        for name, precision in map(_parted, names)
    ]
    seating = Seating(
        options.padding, getattr(options, "fill", "repeat"), getattr(options, "seed", 0)
    )
    steps = _steps(options.escalate, options.certainty, len(later))
    return replace(first, again=tuple(zip(steps, later, strict=True)), seating=seating)


def _baseline(first: EngineSpec) -> str:
    """The N = 1 model that a card names.

    Raises:
        InputError: it names none.
    """
    named = load(first.checkpoint, device="cpu", revision=first.revision).card.get("baseline")
    if not isinstance(named, str) or not named:
        raise InputError(
            f"the card of {first.checkpoint} names no N = 1 model; say who is asked again with "
            "--then CHECKPOINT"
        )
    return named


def _parted(text: str) -> tuple[str, str]:
    """Name and precision of ``CHECKPOINT[:DTYPE]``; "" for none.

    Raises:
        InputError: what follows the colon is no precision, and no such folder is there.
    """
    name, colon, precision = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, ""
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r} of {name}; use {', '.join(PRECISIONS)}")
    return name, precision


def at_precision(spec: EngineSpec, precision: str) -> EngineSpec:
    """The same with the precision that an option names."""
    is_int8 = precision == "int8"
    return replace(spec, dtype="auto" if is_int8 else precision, int8=is_int8)


def _steps(
    shares: Sequence[float] | None, certainties: Sequence[float] | None, count: int
) -> list[Step]:
    """One rule for every model that is asked again.

    Raises:
        InputError: as many numbers as nobody can mean.
    """
    given = list(shares or certainties or ())
    if len(given) not in (1, count):
        raise InputError(
            f"got {len(given)} shares or certainties for {count} models after --then; give one for "
            "all, or one for each"
        )
    values = given * count if len(given) == 1 else given
    return [Step(share=v) if shares else Step(below=v) for v in values]
