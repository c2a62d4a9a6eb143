"""Why did slot k answer this? The first four rungs of the failure ladder.

    T0  the sentence by itself: in the N = 1 model where there is one; and copies of it in all N
        slots, which no group of training held
    T1  another seat: the sentence in every other slot, neighbours kept (in drawn orders), against
        the same neighbours in the same orders without the move
    T2  each neighbour in turn replaced by sentences of a pool, against the other neighbours'
    T3  all neighbours replaced at once, against the same neighbours merely reordered

Each gives the change of the margin of a target answer and how often the answer turns, with
intervals over draws, by itself and less its control. ``results.ladder.judge`` says which of
them is a cause. Source: our definition (docs/quantities.md, "Why this answer?").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from muxviz.analysis.debugger.interventions import Plan, plans_of
from muxviz.analysis.groups.bootstrap import bootstrap_apart, bootstrap_mean
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    each_logits,
    logits_of,
    margins,
    origin_of,
    softmax,
    until_stopped,
)
from muxviz.analysis.groups.outcomes import (
    alone_answers,
    classes_of,
    is_per_token,
    label_target,
    need_classes,
    units,
)
from muxviz.batch import Group, Row, Seating
from muxviz.errors import GroupError, InputError
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.ladder import TESTS, Interval, Ladder, Rung, judge, rung_of
from muxviz.results.reading import Proportion

SMALLEST = 1e-4  # logits; below it a change is float rounding
Key = tuple[str, int | None]  # test and neighbour of a rung


def ladder(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    slot: int,
    *,
    gold: str | None = None,
    baseline: Checkpoint | None = None,
    draws: int = 64,
    pool: Sequence[str],
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Ladder:
    """Climb the rungs for one slot (from 0); about ``(N + 2) draws`` passes.

    The target is the gold label, else the baseline's answer, else the present one; where the
    present answer is the target already, the question is what would turn it (fragility).

    Raises:
        NotApplicable: one slot only, no classes, or a gold label for one answer per token.
        InputError: a filler or no such slot. GroupError: no pool.
    """
    return climb(
        checkpoint,
        rows,
        slot,
        gold=gold,
        baseline=baseline,
        draws=draws,
        pool=pool,
        seating=seating,
        progress=progress,
    ).ladder


@dataclass(frozen=True)
class Climb:
    """A ladder and what it was made of. found: per plan the target's margins, NaN where stopped."""

    ladder: Ladder
    asked: Asked
    plans: list[Plan]
    found: dict[Key, np.ndarray]


def climb(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    slot: int,
    *,
    gold: str | None,
    baseline: Checkpoint | None,
    draws: int,
    pool: Sequence[str],
    seating: Seating,
    tests: Sequence[str] = TESTS,
    progress: Progress | None = None,
) -> Climb:
    """As ``ladder``, with only the rungs of ``tests``."""
    need_classes(checkpoint)
    group = base_group(checkpoint, rows, seating)
    if not 0 <= slot < len(group.rows) or group.repeats[slot] is not None:
        raise InputError(f"got slot {slot}; expected one that holds a sentence of the group")
    if not pool:
        raise GroupError("got no sentences to draw neighbours from; give a pool")
    asked = ask(checkpoint, group, slot, gold, baseline)
    plans = plans_of(checkpoint, group, slot, draws, pool, seating.seed)
    plans = [plan for plan in plans if plan.test in ("present", *tests)]
    groups = [one for plan in plans for one in plan.groups]
    read = _read(checkpoint, groups, asked, [s for p in plans for s in p.slots], progress)
    found: dict[Key, np.ndarray] = {}
    for plan in plans:
        found[plan.test, plan.slot], read = read[: len(plan.groups)], read[len(plan.groups) :]
    present = _known(found["present", None])
    floor = float(np.abs(present - asked.margin).max()) if len(present) else 0.0
    rungs = _rungs(asked, plans, found, max(floor, SMALLEST), seating.seed)
    if asked.alone_margin is not None:
        rungs.insert(1, _single(asked))
    copies = _known(found.get(("all slots", None), np.empty(0)))
    is_partial = any(np.isnan(values).any() for values in found.values())
    cause, culprit = judge(rungs, is_right=asked.is_right, is_partial=is_partial)
    result = Ladder(
        slot=slot,
        text=group.rows[slot].row.text,
        texts=tuple(r.row.text for r in group.rows),
        answer=asked.names[asked.answer],
        target=asked.names[asked.target],
        source=asked.source,
        is_right=asked.is_right,
        margin=asked.margin,
        token=asked.token,
        rungs=tuple(rungs),
        cause=cause,
        culprit=culprit,
        copies_right=Proportion(int((copies > SMALLEST).sum()), len(copies)),
        floor=floor,
        draws=draws,
        pool_size=len(pool),
        seed=seating.seed,
        is_partial=is_partial,
        provenance=origin_of(checkpoint, [group], seating),
        certainty=asked.certainty,
    )
    return Climb(result, asked, plans, found)


# ---- what is asked ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """The question: the class wanted of one unit of the slot's text, and what is answered now.

    alone_margin: the target's margin in the N = 1 model, its own logits, or None. certainty: of the
    present answer, as ``LabelAnswer.certainty``; NaN where the answer is one per token.
    """

    names: tuple[str, ...]
    checkpoint: Checkpoint
    group: Group
    slot: int
    unit: int
    answer: int
    target: int
    source: str
    margin: float
    token: str
    alone_margin: float | None
    certainty: float

    @property
    def is_right(self) -> bool:
        return self.answer == self.target and self.margin > SMALLEST

    def margin_of(self, values: np.ndarray) -> float:
        """The target's margin in a slot's logits."""
        return float(margins(self._unit(values)[None], self.target)[0])

    def probability_of(self, values: np.ndarray) -> float:
        """The target's probability in a slot's logits."""
        return float(softmax(self._unit(values))[self.target])

    def _unit(self, values: np.ndarray) -> np.ndarray:
        own: np.ndarray = units(self.checkpoint, self.group.rows[self.slot], values)[self.unit]
        return own


def ask(
    checkpoint: Checkpoint,
    group: Group,
    slot: int,
    gold: str | None,
    baseline: Checkpoint | None,
) -> Asked:
    """What is wanted of one slot, and what it answers now."""
    row = group.rows[slot]
    (present,) = logits_of(checkpoint, [group])
    own = units(checkpoint, row, present[slot])
    if not len(own):
        raise InputError(f"slot {slot} has no token that is answered; choose another")
    alone = alone_answers(checkpoint, baseline, [row.row])
    if gold is not None:
        targets, source = label_target(checkpoint, gold), "gold"
    elif alone is not None:
        targets, source = alone[0], "baseline"
    else:
        targets, source = own.argmax(axis=-1), "present"
    unit = int(margins(own, targets).argmin())
    asked = Asked(
        names=classes_of(checkpoint),
        checkpoint=checkpoint,
        group=group,
        slot=slot,
        unit=unit,
        answer=int(own[unit].argmax()),
        target=int(targets[unit]),
        source=source,
        margin=float(margins(own, targets)[unit]),
        token=_token(checkpoint, group, slot, unit),
        alone_margin=None,
        certainty=_certainty(checkpoint, own[unit]),
    )
    if baseline is None or alone is None:
        return asked
    return replace(asked, alone_margin=_margin_alone(asked, baseline))


def _certainty(checkpoint: Checkpoint, logits: np.ndarray) -> float:
    if is_per_token(checkpoint):
        return float("nan")
    return float(softmax(logits / (checkpoint.temperature or 1.0)).max())


def _margin_alone(asked: Asked, baseline: Checkpoint) -> float:
    """The target's margin in the N = 1 model."""
    single = base_group(baseline, [asked.group.rows[asked.slot].row])
    (logits,) = logits_of(baseline, [single])
    own = units(baseline, single.rows[0], logits[0])[asked.unit]
    return float(margins(own[None], classes_of(baseline).index(asked.names[asked.target]))[0])


def _token(checkpoint: Checkpoint, group: Group, slot: int, unit: int) -> str:
    if not is_per_token(checkpoint):
        return ""
    row = group.rows[slot]
    place = np.nonzero(counted_tokens(checkpoint, row))[0][unit]
    return str(checkpoint.need_tokenizer().convert_ids_to_tokens(int(row.ids[place])))


# ---- passes ------------------------------------------------------------------------------------


def _read(
    checkpoint: Checkpoint,
    groups: Sequence[Group],
    asked: Asked,
    slots: Sequence[int],
    progress: Progress | None,
) -> np.ndarray:
    """The target's margin in one slot of every group, ``[G]``; NaN after a stop."""
    found = np.full(len(groups), np.nan)
    for number, logits in until_stopped(each_logits(checkpoint, groups, progress)):
        found[number] = asked.margin_of(logits[slots[number]])
    return found


# ---- rungs --------------------------------------------------------------------------------------


def _rungs(
    asked: Asked,
    plans: Sequence[Plan],
    found: dict[Key, np.ndarray],
    floor: float,
    seed: int,
) -> list[Rung]:
    """A rung per plan that was read at least in part; "present" is none."""
    out = []
    for plan in plans:
        margin = found[plan.test, plan.slot]
        if plan.test == "seat":  # in pairs with its control
            margin = margin[~np.isnan(found["reseated", None])]
        known = _known(margin)
        if plan.test == "present" or not len(known):
            continue
        rung = rung_of(
            plan.test,
            slot=plan.slot,
            change=_interval(known - asked.margin, plan.is_exact, seed),
            turned=_turned(asked, known),
            is_exact=plan.is_exact,
            is_right=asked.is_right,
            floor=floor,
            **_held(asked, plan, found, seed),
        )
        out.append(rung)
    return out


def _held(asked: Asked, plan: Plan, found: dict[Key, np.ndarray], seed: int) -> dict[str, Any]:
    """What a rung is held against, as ``rung_of`` takes it; {} for the unchanged group."""
    margin, reseated = found[plan.test, plan.slot], found.get(("reseated", None), np.empty(0))
    if plan.test == "seat":
        pairs = ~np.isnan(margin - reseated)
        moved, stayed = margin[pairs], reseated[pairs]
        both = int((_turns(asked, moved) & _turns(asked, stayed)).sum())
        effect = _interval(moved - stayed, plan.is_exact, seed)
        return {
            "control": "reseated",
            "held": _turned(asked, stayed),
            "both": both,
            "effect": effect,
        }
    control = {"company": [reseated]}.get(plan.test, [])
    if plan.test == "neighbour":
        control = [v for (test, j), v in found.items() if test == "neighbour" and j != plan.slot]
    held = _known(np.concatenate(control)) if control else np.empty(0)
    if not len(held):
        return {}
    apart = bootstrap_apart(_known(margin), held, seed=seed)
    return {
        "control": "reseated" if plan.test == "company" else "other neighbours",
        "held": _turned(asked, held),
        "effect": (float(apart.mean), float(apart.low), float(apart.high)),
    }


def _turns(asked: Asked, margin: np.ndarray) -> np.ndarray:
    """Which margins are on the other side than now, by more than rounding."""
    turned: np.ndarray = (-1 if asked.is_right else 1) * margin > SMALLEST
    return turned


def _turned(asked: Asked, margin: np.ndarray) -> Proportion:
    return Proportion(int(_turns(asked, margin).sum()), len(margin))


def _known(values: np.ndarray) -> np.ndarray:
    """Those that were read before a stop."""
    return values[~np.isnan(values)]


def _interval(values: np.ndarray, is_exact: bool, seed: int) -> Interval:
    """Mean and 95 % interval; the mean three times where nothing was left to chance."""
    if is_exact:
        return (float(values.mean()),) * 3
    found = bootstrap_mean(values, seed=seed)
    return float(found.mean), float(found.low), float(found.high)


def _single(asked: Asked) -> Rung:
    """The N = 1 model's one answer; its margin is in that model's own logits."""
    assert asked.alone_margin is not None, "checked by the caller"
    nothing = float("nan")
    return rung_of(
        "baseline",
        change=(asked.alone_margin - asked.margin, nothing, nothing),
        turned=_turned(asked, np.array([asked.alone_margin])),
        is_right=asked.is_right,
    )
