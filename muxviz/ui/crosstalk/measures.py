"""What each measure of the Cross-talk page computes, from what, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.errors import InputError
from muxviz.pool import pool_name, read_pool
from muxviz.ui.crosstalk.params import DRAWS, MEASURE, OVER, OWN, POOL, SETS
from muxviz.ui.shell.params import value
from muxviz.ui.shell.text import count
from muxviz.ui.study.call import As, Call, Sentences, pool_texts
from muxviz.ui.study.pace import Cost, mixed
from muxviz.ui.study.runs import RunRequest

EXACT = 10  # slots up to which all coalitions are run
FEW = 8  # sentences in a pool under which intervals are wide
SWAPS = ("swap", "push")  # measures of one and the same draws
POOLED = (*SWAPS, "shapley", "odds")  # measures that exchange sentences


@dataclass(frozen=True)
class Chosen:
    """What the controls say. pool: the sentences to draw from."""

    measure: str
    over: str
    which: str
    pool: tuple[str, ...]
    draws: int
    sets: int

    @property
    def is_pool_leak(self) -> bool:
        """Leaks over random groups: nothing of the user's group is in them."""
        return self.measure == "leak" and self.over == "pool"

    @property
    def sentences(self) -> Sentences:
        """The pool, as a call reads it."""
        if self.which == "all":
            return pool_texts()
        if self.which == "own":
            return Sentences(lambda: self.pool, repr(list(self.pool)), (), self.pool)
        chosen = f"s.text for s in read_pool() if (s.split, s.label) == ('pool', {self.which!r})"
        return Sentences(
            lambda: self.pool,
            "pool",
            ("from muxviz.pool import read_pool",),
            (self.which, pool_name()),
            (f"pool = [{chosen}]",),
        )


def chosen() -> Chosen:
    """The controls as they are.

    Raises:
        DataError: a pool file that cannot be read. InputError: no sentence in the chosen pool.
    """
    which, measure = value(POOL), value(MEASURE)
    pool = _pool(which)
    if not pool and measure != "share":
        raise InputError(
            "there is no sentence to draw from; write some, parted by |, or choose another pool"
        )
    return Chosen(measure, value(OVER), which, pool, value(DRAWS), value(SETS))


def _pool(which: str) -> tuple[str, ...]:
    if which == "own":
        return tuple(dict.fromkeys(s.strip() for s in value(OWN).split("|") if s.strip()))
    found = (s for s in read_pool() if s.split == "pool")
    return tuple(s.text for s in found if which in ("all", s.label))


def call_of(run: RunRequest, picked: Chosen) -> Call:
    """What is computed; Swap and Push are two views of one call."""
    drawn = {"draws": As("the number of draws", picked.draws), "pool": picked.sentences}
    sets = drawn | {"draws": As("the sets of references", picked.sets)}
    if picked.is_pool_leak:
        return Call("crosstalk.leaks.hard", run, drawn, takes="pool")
    if picked.measure == "leak":
        return Call("crosstalk.leaks.group_leaks", run)
    if picked.measure == "share":
        return Call("groups.attribution.slot_shares", run, {"pool": pool_texts()})
    if picked.measure == "odds":
        return Call("crosstalk.log_odds.log_odds", run, drawn)
    if picked.measure == "shapley":
        return Call("crosstalk.shapley.shapley", run, sets, baseline=True)
    return Call("crosstalk.swap_test.measure_crosstalk", run, drawn, baseline=True)


def cost_of(run: RunRequest, picked: Chosen) -> Cost | str:
    """How much work it is, in words."""
    num, draws = run.num_instances, min(picked.draws, len(picked.pool))
    if picked.measure in SWAPS:
        return mixed(draws * num, f" ({draws} draws × {num} slots)")
    if picked.measure == "shapley":
        each = 2**num - 1 if num <= EXACT else 2 * num - 1
        return mixed(picked.sets * each, f" ({picked.sets} sets × {each:,} coalitions)")
    if picked.measure == "odds":
        return mixed(picked.draws * num + 2, ", each read back")
    if picked.is_pool_leak:
        return mixed(picked.draws)
    if picked.measure == "leak":
        return "one pass"
    return Cost(100 * num, f"{count(num, 'integral')} of gradients, some dozen passes each")
