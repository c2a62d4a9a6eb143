"""Which rows of a speed run may stand in one picture: those that differ in N and batch alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muxviz.results.throughput import EQUAL_TOTAL, SpeedRow, SpeedRun

CHECKPOINTS = "checkpoints"  # the family of rows with real weights, whatever their names


@dataclass(frozen=True)
class Setting:
    """What the rows of one picture share. family: a shape, or ``CHECKPOINTS``."""

    family: str
    length: float
    dtype: str
    batch_mode: str
    is_compiled: bool
    with_tokenising: bool

    @property
    def label(self) -> str:
        """In words, for a choice."""
        what = "checkpoints" if self.family == CHECKPOINTS else f"{self.family}, random weights"
        length = f"{self.length:g} tokens" if self.length else "texts of real length"
        parts = [what, length, self.dtype]
        parts += ["equal texts per forward"] * (self.batch_mode == EQUAL_TOTAL)
        parts += ["compiled"] * self.is_compiled
        parts += ["with tokenising"] * self.with_tokenising
        return ", ".join(parts)


def setting_of(row: SpeedRow) -> Setting:
    """The setting a row belongs to. Mean lengths of texts differ by N and count as one."""
    return Setting(
        family=row.shape if row.weights == "random" else CHECKPOINTS,
        length=row.length if row.length == int(row.length) and not row.with_tokenising else 0.0,
        dtype=row.dtype,
        batch_mode=row.batch_mode,
        is_compiled=row.is_compiled,
        with_tokenising=row.with_tokenising,
    )


def settings_of(run: SpeedRun) -> tuple[Setting, ...]:
    """All settings of a run, those with more rows first."""
    found = [setting_of(row) for row in run.results]
    return tuple(sorted(dict.fromkeys(found), key=lambda s: -found.count(s)))


def rows_of(run: SpeedRun, setting: Setting) -> tuple[SpeedRow, ...]:
    """Its rows, in order of contender, N and batch, muxviz first."""
    rows = [row for row in run.results if setting_of(row) == setting]
    return tuple(
        sorted(rows, key=lambda r: (r.contender != "muxviz", r.contender, r.n, r.shape, r.batch))
    )


def lines_of(rows: Sequence[SpeedRow]) -> tuple[tuple[SpeedRow, ...], ...]:
    """Rows of one contender and weights, over batches."""
    names = dict.fromkeys((r.contender, r.shape, r.weights, r.n) for r in rows)
    return tuple(
        tuple(r for r in rows if (r.contender, r.shape, r.weights, r.n) == name) for name in names
    )
