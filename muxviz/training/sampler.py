"""The order that rows come in: a pure function of the seed and the step.

A resumed run goes on exactly where it stopped, in the middle of an epoch too, without any saved
iterator; several processes agree on a step without talking to each other.
"""

from __future__ import annotations

import numpy as np

from muxviz.errors import DataError

POOL, TASK, GENERAL = range(3)  # streams of random numbers, apart from each other


class Sampler:
    """Which rows make up step s.

    Task rows come from an endless sequence: one shuffle of all of them, then another, so each is
    used once per epoch; general rows from a sequence of their own. A pool takes its share of the
    next rows of both and cuts them into groups; in bucketed pools like lengths meet in a group, in
    the others any lengths do. Groups of like length then share a step, which keeps padding short.
    """

    POOL_STEPS = 40

    def __init__(
        self,
        lengths: np.ndarray,
        *,
        task_rows: int,
        num_instances: int,
        groups: int,
        general_share: float,
        bucketed_share: float,
        seed: int,
        min_tokens: int = 0,
    ) -> None:
        """Rows 0..task_rows-1 are the task's, the rest is general; ``lengths [rows]`` in tokens.

        Args:
            min_tokens: task rows with fewer are left out.

        Raises:
            DataError: no rows, or ``min_tokens`` leaves too few for one step.
        """
        self.lengths = lengths
        self.num_instances = num_instances
        self.groups = groups
        self.bucketed_share = bucketed_share
        self.seed = seed
        kept = np.flatnonzero(lengths[:task_rows] >= min_tokens)
        if min_tokens > 0 and task_rows and len(kept) < num_instances * groups:
            raise DataError(
                f"{len(kept)} of {task_rows} task rows have {min_tokens} tokens or more; one step "
                f"takes {num_instances * groups} ({groups} groups of {num_instances}): lower "
                "min_tokens or the number of groups"
            )
        general = len(lengths) - task_rows
        if not len(lengths):
            raise DataError("no rows to draw from; give task or general texts")
        if not task_rows:
            general_share = 1.0
        drawn = self.POOL_STEPS * groups * num_instances
        self._general_per_pool = int(drawn * general_share) if general else 0
        self._task_per_pool = drawn - self._general_per_pool
        self._task = Shuffles(kept, seed, TASK)
        self._general = Shuffles(np.arange(task_rows, len(lengths)), seed, GENERAL)
        self._cached: tuple[int, np.ndarray] | None = None

    def step(self, step: int) -> np.ndarray:
        """Row numbers ``[groups, num_instances]`` of step ``step``."""
        number, at = divmod(step, self.POOL_STEPS)
        if self._cached is None or self._cached[0] != number:
            self._cached = (number, self._pool(number))
        return self._cached[1][at]

    def _pool(self, number: int) -> np.ndarray:
        """Row numbers ``[POOL_STEPS, groups, num_instances]``."""
        generator = np.random.default_rng((self.seed, POOL, number))
        chosen = np.concatenate(
            [
                self._task.take(number * self._task_per_pool, self._task_per_pool),
                self._general.take(number * self._general_per_pool, self._general_per_pool),
            ]
        )
        generator.shuffle(chosen)
        if generator.random() < self.bucketed_share:
            noise = generator.random(len(chosen)) * 2
            chosen = chosen[np.argsort(self.lengths[chosen] + noise, kind="stable")]
        grouped = generator.permuted(chosen.reshape(-1, self.num_instances), axis=1)
        order = np.argsort(self.lengths[grouped].max(axis=1), kind="stable")
        steps = grouped[order].reshape(self.POOL_STEPS, self.groups, self.num_instances)
        return steps[generator.permutation(self.POOL_STEPS)]


class Shuffles:
    """An endless sequence of rows: one shuffle of all of them after another.

    Shuffle e depends on the seed and e only. The last two are kept in memory.
    """

    KEPT = 2

    def __init__(self, rows: np.ndarray, seed: int, stream: int) -> None:
        self.rows = rows.astype(np.int32 if len(rows) < 2**31 else np.int64)
        self.seed = seed
        self.stream = stream
        self._shuffled: dict[int, np.ndarray] = {}

    def take(self, start: int, count: int) -> np.ndarray:
        """Rows at positions start..start+count-1 of the sequence, ``[count]`` int64."""
        parts = [np.empty(0, dtype=np.int64)]
        while count:
            epoch, at = divmod(start, len(self.rows))
            parts.append(self._epoch(epoch)[at : at + count].astype(np.int64))
            start += len(parts[-1])
            count -= len(parts[-1])
        return np.concatenate(parts)

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self._shuffled:
            if len(self._shuffled) == self.KEPT:
                del self._shuffled[next(iter(self._shuffled))]
            generator = np.random.default_rng((self.seed, self.stream, epoch))
            self._shuffled[epoch] = generator.permutation(self.rows)
        return self._shuffled[epoch]
