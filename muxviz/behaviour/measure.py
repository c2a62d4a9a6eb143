"""Draw passes from a file, change one thing about each, and count the answers that stay."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.analysis.groups.shares import shares
from muxviz.batch import EncodedRow, Group, Row, Seating, encode_rows, make_group
from muxviz.behaviour.compare import Compared, Said, compare, said
from muxviz.behaviour.passes import APPLIES, Drawn, Pool, Seats
from muxviz.behaviour.thresholds import Thresholds
from muxviz.engine.engine import Engine
from muxviz.errors import DataError, NotApplicable
from muxviz.inference import provenance
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.meaning import meaning
from muxviz.results.behaviour import Behaviour, BehaviourTest, Change, Seated

ROWS = 500
POOL = 10_000  # texts that neighbours are drawn from
WINDOW = 64  # forwards between two reports of progress
WORST = 5  # changed texts kept of each test

Progress = Callable[[int, int], None]  # (passes done, passes in all)


def measure_behaviour(
    checkpoint: Checkpoint,
    texts: Sequence[Row],
    *,
    data: str = "texts",
    thresholds: Thresholds | None = None,
    rows: int = ROWS,
    seed: int = 0,
    padding: str | None = None,
    batch: int = 16,
    worst: int = WORST,
    progress: Progress | None = None,
) -> Behaviour:
    """Run every test on ``rows`` texts drawn by chance: about eight passes each.

    Every text is put into a pass with neighbours drawn from the same file, in seats by turns; each
    test changes one thing about that pass (``results.behaviour.CHANGES``).

    Args:
        checkpoint: not modified.
        texts: of which those that occur twice are taken once.
        data: what to call them.
        rows: all, where there are fewer.
        batch: groups per forward.
        worst: changed texts to keep of each test.

    Raises:
        NotApplicable: an N = 1 model, or nothing to answer in any text.
        DataError: fewer than 2N - 1 different texts, or one that cannot be answered.
        NotFinite: logits that are not numbers.
    """
    thresholds = thresholds or Thresholds()
    numbers = _choose(checkpoint, texts, data, max(rows, POOL), seed)
    pool = Pool.of(_encoded(checkpoint, texts, numbers, data, padding))
    num, count = checkpoint.config.num_instances, min(rows, len(numbers))
    drawn = [pool.draw(at, at % num, num, np.random.default_rng([seed, at])) for at in range(count)]
    changed = {name: _changed(name, drawn, seed) for name in APPLIES}
    total = count + sum(map(len, changed.values()))
    runner = _Runner(Engine(checkpoint), padding, seed, total, progress)
    started = time.perf_counter()
    before = runner.run([one.seats for one in drawn], batch)
    if not any(said.answers for said in before):
        raise NotApplicable(
            f"not applicable: no text of {data} holds a [MASK] for {checkpoint.name} to fill"
        )
    tests = []
    for name, passes in changed.items():
        after = runner.run(list(passes.values()), 1 if name == "control" else batch)
        pairs = [
            _Pair(int(numbers[at]) + 1, drawn[at].seats, seats, before[at], new)
            for (at, seats), new in zip(passes.items(), after, strict=True)
        ]
        now = time.perf_counter()
        tests.append(_test(name, pairs, count, thresholds, worst, now - started))
        started = now
    can_be_right = meaning(checkpoint.config).is_right_or_wrong
    return Behaviour(
        data=data,
        texts=len(numbers),
        rows=count,
        unit="texts" if checkpoint.config.answers_texts else "tokens",
        tolerance=None if can_be_right else thresholds.tolerance,
        tests=tuple(tests),
        passes=total,
        provenance=provenance(
            checkpoint,
            padding=padding or checkpoint.config.default_padding,
            length=runner.longest,
            seed=seed,
        ),
    )


def _choose(
    checkpoint: Checkpoint, texts: Sequence[Row], data: str, most: int, seed: int
) -> np.ndarray:
    """Places of at most ``most`` different texts, by chance; the first are those to be asked."""
    num = checkpoint.config.num_instances
    if num == 1:
        raise NotApplicable(
            f"not applicable: {checkpoint.name} is an N = 1 model; its texts have no company that "
            "an answer could depend on"
        )
    first = {row: at for at, row in reversed(list(enumerate(texts)))}
    if len(first) < 2 * num - 1:
        raise DataError(
            f"{data} holds {len(first)} different texts; expected at least {2 * num - 1}, so that "
            f"each can have {num - 1} neighbours and as many others in their place"
        )
    return np.random.default_rng(seed).permutation(sorted(first.values()))[:most]


def _encoded(
    checkpoint: Checkpoint,
    texts: Sequence[Row],
    numbers: np.ndarray,
    data: str,
    padding: str | None,
) -> list[EncodedRow]:
    found = encode_rows(checkpoint, [texts[n] for n in numbers], padding=padding, keep_bad=True)
    for number, row in zip(numbers, found, strict=True):
        if row.why_not:
            raise DataError(f"{data}, row {number + 1} {row.why_not}")
    return found


def _changed(name: str, drawn: Sequence[Drawn], seed: int) -> dict[int, Seats]:
    """The passes of a test, by the place of their text; without those that it cannot change."""
    apply, at = APPLIES[name][0], list(APPLIES).index(name)
    found = {
        place: apply(one, np.random.default_rng([seed, place, at]))
        for place, one in enumerate(drawn)
    }
    return {place: seats for place, seats in found.items() if seats is not None}


@dataclass
class _Runner:
    """Passes and what the rows that are asked were answered; done and longest grow."""

    engine: Engine
    padding: str | None
    seed: int
    total: int
    progress: Progress | None
    done: int = 0
    longest: int = 0

    def run(self, seats: Sequence[Seats], batch: int) -> list[Said]:
        """The answers to the row in question of every pass."""
        found = []
        for start in range(0, len(seats), WINDOW * batch):
            piece = seats[start : start + WINDOW * batch]
            groups = [self._group(one) for one in piece]
            answers = self.engine.answers(groups, batch=batch)
            found += [said(own[one.slot]) for one, own in zip(piece, answers, strict=True)]
            self.done += len(piece)
            self.longest = max(self.longest, *(group.length for group in groups))
            if self.progress is not None:
                self.progress(self.done, self.total)
        return found

    def _group(self, seats: Seats) -> Group:
        config = self.engine.checkpoint.config
        return make_group(config, seats.rows, Seating(self.padding, seed=self.seed))


# ---- one test -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pair:
    """A text in two passes. number: its row in the file, from 1."""

    number: int
    seats: Seats
    changed: Seats
    before: Said
    after: Said

    def change(self, found: Compared) -> Change:
        """What became of the answer, by the unit that changed most."""
        assert found.worst is not None, "something changed"
        return Change(
            self.number,
            _seated(self.seats, self.before, found.worst),
            _seated(self.changed, self.after, found.worst),
            found.trials - found.kept,
            found.trials,
            found.size,
        )


def _seated(seats: Seats, answer: Said, unit: int) -> Seated:
    return Seated(
        tuple((row.row.text, row.row.pair) for row in seats.rows),
        seats.slot,
        answer.words(unit),
        answer.sureness[unit],
    )


def _test(
    name: str,
    pairs: Sequence[_Pair],
    drawn: int,
    thresholds: Thresholds,
    worst: int,
    elapsed_s: float,
) -> BehaviourTest:
    found = [compare(p.before, p.after, tolerance=thresholds.tolerance) for p in pairs]
    kept, trials = (np.asarray([getattr(c, of) for c in found]) for of in ("kept", "trials"))
    low, high = math.nan, math.nan
    if trials.sum():
        interval = shares(kept, trials)
        low, high = float(interval.low), float(interval.high)
    changes = [p.change(c) for p, c in zip(pairs, found, strict=True) if c.worst is not None]
    changes.sort(key=lambda change: (-change.size, change.number))
    left_out = drawn - len(pairs)
    return BehaviourTest(
        name=name,
        least=thresholds.least[name],
        kept=int(kept.sum()),
        trials=int(trials.sum()),
        low=low,
        high=high,
        rows=len(pairs),
        reason=f"{left_out} texts left out: {APPLIES[name][1]}" if left_out else "",
        changed=len(changes),
        worst=tuple(changes[:worst]),
        elapsed_s=elapsed_s,
    )
