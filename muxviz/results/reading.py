"""What the retrieval head reads back from each slot, and where wrong tokens come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054  # two-sided 95 % point of the normal distribution


@dataclass(frozen=True)
class Proportion:
    """``successes`` of ``trials`` (successes may be fractional), with a Wilson 95 % interval."""

    successes: float
    trials: int

    @property
    def value(self) -> float:
        """The share, in [0, 1]; NaN without trials."""
        return self.successes / self.trials if self.trials else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval (Wilson 1927), in [0, 1]; NaN without trials."""
        n, p = self.trials, self.value
        if not n:
            return float("nan"), float("nan")
        spread = Z95 / (1 + Z95**2 / n) * (p * (1 - p) / n + Z95**2 / (4 * n**2)) ** 0.5
        middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        return max(0.0, middle - spread), min(1.0, middle + spread)

    def text(self) -> str:
        """``75 % (68 to 81, 33 tokens)``-like summary, without a unit for the trials."""
        if not self.trials:
            return "n/a (nothing to count)"
        low, high = self.interval
        return (
            f"{100 * self.value:.0f} % ({100 * low:.0f} to {100 * high:.0f} %, n = {self.trials})"
        )

    def less(self, other: Proportion, *, both: int | None = None) -> tuple[float, float, float]:
        """Share less another's, with a 95 % interval from both Wilson's; NaN without trials.

        Source: Newcombe 1998, hybrid score intervals without continuity correction, for shares of
        two samples; where the trials are pairs, ``both`` counts those that succeed twice.
        """
        if not self.trials or not other.trials:
            return (float("nan"),) * 3
        p, q = self.value, other.value
        (p_low, p_high), (q_low, q_high) = self.interval, other.interval
        tied = 2 * (0.0 if both is None else self._phi(other, both))
        down = (p - p_low) ** 2 - tied * (p - p_low) * (q_high - q) + (q_high - q) ** 2
        up = (q - q_low) ** 2 - tied * (q - q_low) * (p_high - p) + (p_high - p) ** 2
        return p - q, p - q - max(0.0, down) ** 0.5, p - q + max(0.0, up) ** 0.5

    def _phi(self, other: Proportion, both: int) -> float:
        """Correlation of the outcomes of pairs, corrected for continuity where it is above 0; 0
        where one of them never varies.
        """
        n, a, b = self.trials, self.successes, other.successes
        spread, shared = (a * (n - a) * b * (n - b)) ** 0.5, n * both - a * b
        if shared > 0:
            shared = max(0.0, shared - n / 2)
        return shared / spread if spread else 0.0


@dataclass(frozen=True)
class TokenReading:
    """One slot, token by token; arrays are ``[tokens]``.

    tokens: the slot's own; read: the most probable ones. true_log_prob, read_log_prob: nats.
    is_counted: False on special tokens, which are not part of ``accuracy``. rank: tokens that were
    more probable than the own one (0 = read back).
    """

    tokens: tuple[str, ...]
    read: tuple[str, ...]
    true_log_prob: np.ndarray
    read_log_prob: np.ndarray
    rank: np.ndarray
    is_counted: np.ndarray

    @property
    def is_correct(self) -> np.ndarray:
        """``[tokens]`` bool: the own token was the most probable one."""
        return self.rank == 0

    @property
    def accuracy(self) -> Proportion:
        """Share of counted tokens read back."""
        return Proportion(
            int((self.is_correct & self.is_counted).sum()), int(self.is_counted.sum())
        )

    @property
    def nll(self) -> float:
        """Mean negative log-probability of the own token over counted tokens, nats per token."""
        if not self.is_counted.any():
            return float("nan")
        return float(-self.true_log_prob[self.is_counted].mean())


@dataclass(frozen=True)
class LeakExample:
    """One wrong token that another slot holds at the same position."""

    slot: int
    source: int
    position: int
    token: str
    read: str


@dataclass(frozen=True)
class Leak:
    """The hard leak matrix of one group.

    shares: ``[N, N + 1]``, rows sum to 1 (NaN where nothing was counted). Column i of row i: own
    token read back. Column j: a token that slot j holds there and slot i does not (split evenly
    where several slots hold it). Last column: any other token. positions: ``[N]`` counted tokens.
    The same within every slot's text (``_common``) and past the shortest text (``_beyond``).
    """

    shares: np.ndarray
    positions: np.ndarray
    shares_common: np.ndarray
    positions_common: np.ndarray
    shares_beyond: np.ndarray
    positions_beyond: np.ndarray
    examples: tuple[LeakExample, ...]

    @property
    def worst(self) -> tuple[int, int, float] | None:
        """(slot, source, share) of the largest leak between two slots, or None without any."""
        num = len(self.shares)
        between = np.nan_to_num(self.shares[:, :num].copy())
        np.fill_diagonal(between, 0.0)
        if not between.any():
            return None
        slot, source = np.unravel_index(int(between.argmax()), between.shape)
        return int(slot), int(source), float(between[slot, source])
