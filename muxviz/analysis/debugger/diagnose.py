"""Why did this slot come back wrong? The ladder, further checks, a cause, and what would help.

The first question is company or capacity: whether other neighbours mend the answer at all. What is
asked for is computed, nothing else. Source: our definition (docs/quantities.md, "The debugger").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from muxviz.analysis.debugger import checks as check
from muxviz.analysis.debugger.interventions import Plan
from muxviz.analysis.debugger.ladder import SMALLEST, Asked, Climb, climb
from muxviz.analysis.groups.draws import Progress, share_of
from muxviz.batch import Row, Seating
from muxviz.errors import InputError, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.diagnosis import CHECKS, Diagnosis, Extreme, Fix, Heard, name_cause
from muxviz.results.estimates import Estimates
from muxviz.results.ladder import Interval, Rung
from muxviz.results.reading import Proportion

RUNGS = {"company": ("reseated", "company"), "neighbours": ("neighbour",), "seat": ("seat",)}
BEFORE_CAPACITY = ("company", "neighbours", "seat")  # to be tried before the model is blamed
ALWAYS = ("all slots", "reseated")
HEARD, LAYERS = 16, 16  # draws, at most, of these two checks
EXTREMES = 3


def diagnose(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    slot: int,
    *,
    gold: str | None = None,
    baseline: Checkpoint | None = None,
    draws: int = 64,
    pool: Sequence[str],
    labelled: Sequence[tuple[str, str]] = (),
    checks: Sequence[str] = CHECKS,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Diagnosis:
    """Make the checks for one slot (from 0) and name the cause they allow.

    Args:
        checkpoint: not modified.
        rows: one to N rows; ``seating`` as in ``run_group``.
        gold: the right answer; None for the baseline's, else the present one.
        baseline: the N = 1 model; without it a sentence cannot be told from the model.
        draws: of each rung. All checks cost about ``(N + 4) draws`` passes.
        pool: sentences that neighbours are drawn from.
        labelled: texts and labels that say how sure the baseline is of sentences labelled so; read
            where it is wrong as well.
        checks: of ``CHECKS``; the N = 1 answer and the copies are always looked at.
        progress: of the whole; where it raises ``Stopped``, what was made by then comes back, and
            no cause is named.

    Raises:
        NotApplicable: one slot only, no classes, or a gold label for one answer per token.
        InputError: a filler, no such slot, or an unknown check. GroupError: no pool.
    """
    unknown = [name for name in checks if name not in CHECKS]
    if unknown or not checks:
        raise InputError(f"got checks {', '.join(unknown) or '(none)'}; use {', '.join(CHECKS)}")
    wanted = {test for name in checks for test in RUNGS.get(name, ())} | set(ALWAYS)
    asked_for, stages = tuple(checks), 1 + ("heard" in checks) + ("layers" in checks)
    if checkpoint.config.num_instances == 2 and "company" in checks:
        wanted.add("neighbour")  # the one neighbour is the company
    climbed = climb(
        checkpoint,
        rows,
        slot,
        gold=gold,
        baseline=baseline,
        draws=draws,
        pool=pool,
        seating=seating,
        tests=tuple(wanted),
        progress=share_of(progress, 0, stages),
    )
    asked, ladder = climbed.asked, climbed.ladder
    heard: Heard | None = None
    made: tuple[Rung, ...] = ()
    gains: tuple[Interval, ...] = ()
    if not ladder.is_partial:
        parts = _Parts(asked, baseline, pool, draws, seating.seed, progress, stages)
        heard, made, gains, is_whole = parts.checked(asked_for)
        ladder = replace(ladder, is_partial=not is_whole)
    alone = None
    if ladder.alone_is_right is False:
        alone = check.alone(asked, baseline, labelled)
    untrained = check.untrained(checkpoint) if "layers" in checks else ()
    cause, at = name_cause(ladder, heard=heard, further=made, untrained=untrained, alone=alone)
    if cause == "model" and not set(BEFORE_CAPACITY) <= set(asked_for):
        cause = "untold"
    by_margin = _by_margin(climbed)
    return Diagnosis(
        checks=asked_for,
        ladder=ladder,
        heard=heard,
        further=made,
        gains=gains,
        untrained=untrained,
        alone=alone,
        leaders=check.leaders(asked, heard, by_margin) if heard and by_margin else (),
        fixes=tuple(_fixes(climbed, made)),
        cut_text=asked.group.rows[slot].cut_text,
        worst=_extremes(climbed, at if cause == "neighbour" else None, best=False),
        best=_extremes(climbed, at if cause == "neighbour" else None, best=True),
        cause=cause,
        at=at,
        provenance=ladder.provenance,
    )


@dataclass(frozen=True)
class _Parts:
    """The checks beside the ladder. stages: of the progress, the ladder's included."""

    asked: Asked
    baseline: Checkpoint | None
    pool: Sequence[str]
    draws: int
    seed: int
    progress: Progress | None
    stages: int

    def checked(
        self, checks: Sequence[str]
    ) -> tuple[Heard | None, tuple[Rung, ...], tuple[Interval, ...], bool]:
        """Who is heard, the further rungs, what layers are worth; whether nothing stopped it."""
        heard: Heard | None = None
        rungs: list[Rung | None] = []
        gains: list[Interval] = []
        asked, pool, seed = self.asked, self.pool, self.seed
        try:
            if "heard" in checks:
                part = share_of(self.progress, 1, self.stages)
                heard = check.hear(asked, pool, min(self.draws, HEARD), seed, part)
            if "padding" in checks:
                rungs.append(check.padding(asked, pool, self.draws, seed))
            if "cut" in checks:
                rungs.append(check.cut(asked, seed))
            if "layers" in checks:
                part, few = share_of(self.progress, self.stages - 1, self.stages), LAYERS
                found = check.layers(asked, self.baseline, pool, min(self.draws, few), seed, part)
                rungs, gains = [*rungs, *found[0]], found[1]
        except Stopped:
            is_whole = False
        else:
            is_whole = True
        return heard, tuple(rung for rung in rungs if rung is not None), tuple(gains), is_whole


def _neighbours(climbed: Climb) -> list[Plan]:
    """The plans that exchange one neighbour, where they were read to the end."""
    found = [plan for plan in climbed.plans if plan.test == "neighbour"]
    return [] if climbed.ladder.is_partial else found


def _by_margin(climbed: Climb) -> Estimates | None:
    """Change of the margin by exchanging each slot, ``[N]``; None where that was not tried."""
    if not _neighbours(climbed):
        return None
    mean, low, high = (np.full(len(climbed.ladder.texts), np.nan) for _ in range(3))
    for rung in climbed.ladder.rungs:
        if rung.test == "neighbour" and rung.slot is not None:
            mean[rung.slot], low[rung.slot], high[rung.slot] = rung.change, rung.low, rung.high
    return Estimates(mean, low, high, climbed.ladder.draws, climbed.ladder.seed)


# ---- what would help ----------------------------------------------------------------------------


def _fixes(climbed: Climb, further: Sequence[Rung]) -> list[Fix]:
    """What was tried, with its success on draws that it was not chosen on; the surest first, by
    the lower end of its interval.
    """
    if climbed.ladder.is_right or climbed.ladder.is_partial:
        return []
    found = [*_best_neighbour(climbed), *_best_seat(climbed)]
    rung = climbed.ladder.rung("company")
    if rung is not None:
        found.append(Fix("company", None, rung.turned, rung.held))
    found += [Fix("shorter", None, r.turned, r.held) for r in further if r.test == "padding"]
    alone = climbed.ladder.rung("baseline")
    if alone is not None:
        found.append(Fix("alone", None, alone.turned, Proportion(0, 1)))
    return sorted(found, key=lambda fix: -fix.turned.interval[0])


def _best_neighbour(climbed: Climb) -> list[Fix]:
    """The neighbour whose exchange mends most even draws, judged on the odd ones."""
    margins = {plan.slot: climbed.found["neighbour", plan.slot] for plan in _neighbours(climbed)}
    if not margins:
        return []
    best = max(margins, key=lambda j: _hits(margins[j][::2]).value)
    others = [m[1::2] for j, m in margins.items() if j != best]
    held = _hits(np.concatenate(others)) if others else Proportion(0, 0)
    return [Fix("neighbour", best, _hits(margins[best][1::2]), held)]


def _best_seat(climbed: Climb) -> list[Fix]:
    """The seat that mends most even draws, judged on the odd ones, beside staying in the old."""
    plan = next((p for p in climbed.plans if p.test == "seat"), None)
    if plan is None:
        return []
    moved, stayed = climbed.found["seat", None], climbed.found["reseated", None]
    seats = np.asarray(plan.slots)
    even = np.arange(len(seats)) // len(set(plan.slots)) % 2 == 0
    if even.all():
        return []
    best = max(set(plan.slots), key=lambda s: _hits(moved[even & (seats == s)]).value)
    chosen = ~even & (seats == best)
    return [Fix("seat", int(best), _hits(moved[chosen]), _hits(stayed[chosen]))]


def _hits(margins: np.ndarray) -> Proportion:
    return Proportion(int((margins > SMALLEST).sum()), len(margins))


def _extremes(climbed: Climb, culprit: int | None, *, best: bool) -> tuple[Extreme, ...]:
    """The sentences with which the target did worst or best, in the culprit's slot or anywhere."""
    found = [
        Extreme(plan.slot, group.rows[plan.slot].row.text, float(margin))
        for plan in _neighbours(climbed)
        if plan.slot is not None and culprit in (None, plan.slot)
        for group, margin in zip(plan.groups, climbed.found["neighbour", plan.slot], strict=True)
    ]
    return tuple(sorted(found, key=lambda e: -e.margin if best else e.margin)[:EXTREMES])
