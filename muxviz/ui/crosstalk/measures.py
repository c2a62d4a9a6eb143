"""What each measure of the Cross-talk page computes, from what, at what cost; its code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypedDict

from muxviz.errors import InputError, NotApplicable
from muxviz.pool import pool_name, read_pool
from muxviz.ui.crosstalk.params import DRAWS, MEASURE, OVER, OWN, POOL, SETS
from muxviz.ui.shell.params import value
from muxviz.ui.shell.text import count
from muxviz.ui.study.jobs import Progress, Work
from muxviz.ui.study.pool_runs import pooled
from muxviz.ui.study.python import analysis_snippet, call_arguments, pool_arguments
from muxviz.ui.study.question import Ask
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint

EXACT = 10  # slots up to which all coalitions are run
FEW = 8  # sentences in a pool under which intervals are wide
SWAPS = ("swap", "push")  # measures of one and the same draws
POOLED = (*SWAPS, "shapley", "odds")  # measures that exchange sentences


class Drawing(TypedDict):
    """What every analysis is told that exchanges sentences for others of the pool."""

    pool: tuple[str, ...]
    draws: int


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
    def drawing(self) -> Drawing:
        """For a call that draws from the pool."""
        draws = self.sets if self.measure == "shapley" else self.draws
        return {"pool": self.pool, "draws": draws}

    @property
    def has_draws(self) -> bool:
        """Whether ``draws`` counts."""
        return self.measure in ("swap", "push", "odds") or self.is_pool_leak

    @property
    def is_pool_leak(self) -> bool:
        """Leaks over random groups: nothing of the user's group is in them."""
        return self.measure == "leak" and self.over == "pool"


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
    return Chosen(measure, value(OVER), which, pool, int(value(DRAWS)), int(value(SETS)))


def _pool(which: str) -> tuple[str, ...]:
    if which == "own":
        return tuple(dict.fromkeys(s.strip() for s in value(OWN).split("|") if s.strip()))
    found = (s for s in read_pool() if s.split == "pool")
    return tuple(s.text for s in found if which in ("all", s.label))


# ---- asking -------------------------------------------------------------------------------------


def ask_of(run: RunRequest, picked: Chosen) -> Ask:
    """Everything that the measure's result depends on."""
    pool = picked.pool if picked.which == "own" else (picked.which, pool_name())
    params: list[tuple[str, Any]] = []
    if picked.has_draws:
        params.append(("the number of draws", picked.draws))
    if picked.measure == "shapley":
        params.append(("the sets of references", picked.sets))
    if picked.measure in POOLED or picked.is_pool_leak:
        params.append(("the pool", pool))
    if picked.is_pool_leak:
        return Ask(pooled(run), "leaks over the pool", tuple(params))
    if picked.measure in SWAPS:
        return Ask(run, "swap cross-talk", tuple(params))
    names = {"shapley": "Shapley values", "odds": "log-odds of leaks", "leak": "leaks of the group"}
    name = names.get(picked.measure, "gradient shares")
    kept = run if picked.measure == "shapley" else replace(run, baseline="")
    return Ask(kept, name, tuple(params))


def cost_of(run: RunRequest, picked: Chosen) -> str:
    """How much work it is, in words."""
    num, draws = run.num_instances, min(picked.draws, len(picked.pool))
    if picked.measure in SWAPS:
        return f"{draws * num:,} mixed sequences ({draws} draws × {num} slots)"
    if picked.measure == "shapley":
        each = 2**num - 1 if num <= EXACT else 2 * num - 1
        return f"{picked.sets * each:,} mixed sequences ({picked.sets} sets × {each:,} coalitions)"
    if picked.measure == "odds":
        return f"{picked.draws * num + 2:,} mixed sequences, each read back"
    if picked.is_pool_leak:
        return f"{picked.draws:,} mixed sequences"
    if picked.measure == "leak":
        return "one pass"
    return f"{count(num, 'integral')} of gradients, some dozen passes each"


def work_of(run: RunRequest, picked: Chosen) -> Work:
    """The computation; runs in a thread."""
    makers: dict[str, Callable[[RunRequest, Chosen], Work]] = {
        "shapley": _shapley,
        "odds": _odds,
        "leak": _pool_leak if picked.is_pool_leak else _leak,
        "share": _share,
    }
    return makers.get(picked.measure, _swap)(run, picked)


def _swap(run: RunRequest, picked: Chosen) -> Work:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.crosstalk.swap_test import measure_crosstalk

        return measure_crosstalk(
            checkpoint,
            run.rows,
            baseline=baseline,
            progress=progress,
            **picked.drawing,
            **run.group_options,
        )

    return work


def _shapley(run: RunRequest, picked: Chosen) -> Work:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.crosstalk.shapley import shapley

        return shapley(
            checkpoint,
            run.rows,
            baseline=baseline,
            progress=progress,
            **picked.drawing,
            **run.group_options,
        )

    return work


def _odds(run: RunRequest, picked: Chosen) -> Work:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.crosstalk.leaks import log_odds

        return log_odds(
            checkpoint, run.rows, progress=progress, **picked.drawing, **run.group_options
        )

    return work


def _pool_leak(run: RunRequest, picked: Chosen) -> Work:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.crosstalk.leaks import hard

        return hard(checkpoint, progress=progress, **picked.drawing, **run.pool_options)

    return work


def _leak(run: RunRequest, picked: Chosen) -> Work:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.inference import run_group

        result = run_group(checkpoint, run.rows, **run.group_options)
        if result.leak is None:
            raise NotApplicable(
                "not applicable: this checkpoint has no retrieval head, so no token is read back"
            )
        return result

    return work


def _share(run: RunRequest, picked: Chosen) -> Work:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.attention.attribution import slot_shares
        from muxviz.pool import texts

        return slot_shares(
            checkpoint, run.rows, pool=texts(), progress=progress, **run.group_options
        )

    return work


# ---- code ---------------------------------------------------------------------------------------

CALLS = {
    "shapley": ("muxviz.analysis.crosstalk.shapley", "shapley"),
    "odds": ("muxviz.analysis.crosstalk.leaks", "log_odds"),
    "share": ("muxviz.analysis.attention.attribution", "slot_shares"),
}


def code_of(run: RunRequest, picked: Chosen, imports: Sequence[str], lines: Sequence[str]) -> str:
    """Python that gives ``result``, then ``lines``."""
    arguments = call_arguments(run)
    if picked.measure == "leak" and not picked.is_pool_leak:
        own = ["from muxviz.inference import run_group", *imports]
        return analysis_snippet(run, own, [f"result = run_group({arguments})", *lines])
    if picked.is_pool_leak:
        module, call = "muxviz.analysis.crosstalk.leaks", "hard"
        arguments = f"checkpoint{pool_arguments(run)}"
    else:
        usual = ("muxviz.analysis.crosstalk.swap_test", "measure_crosstalk")
        module, call = CALLS.get(picked.measure, usual)
    if picked.has_draws:
        arguments += f", draws={picked.draws}"
    if picked.measure == "shapley":
        arguments += f", draws={picked.sets}"
    if run.baseline and picked.measure in (*SWAPS, "shapley"):
        arguments += ", baseline=baseline"
    pool_import, pool_line = _pool_code(picked)
    made = [pool_line, f"result = {call}({arguments}, pool=pool)", *lines]
    return analysis_snippet(run, [f"from {module} import {call}", *pool_import, *imports], made)


def _pool_code(picked: Chosen) -> tuple[list[str], str]:
    if picked.measure == "share" or picked.which == "all":
        return ["from muxviz.pool import texts"], "pool = texts()"
    if picked.which == "own":
        return [], f"pool = {list(picked.pool)!r}"
    chosen_ = (
        f'pool = [s.text for s in read_pool() if (s.split, s.label) == ("pool", "{picked.which}")]'
    )
    return ["from muxviz.pool import read_pool"], chosen_
