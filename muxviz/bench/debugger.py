"""``muxviz bench debugger``: does the debugger name what was planted, and what mends real failures?

Planted: see ``faults``. Real: failures that N = 1 answers right. The neighbour that each contender
points at is exchanged for sentences that no contender has seen, so that a choice cannot profit from
the draws it was made on. The oracle takes the neighbour that mends most of another set of draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.analysis.debugger.diagnose import diagnose
from muxviz.analysis.groups.attribution import attribute
from muxviz.analysis.groups.draws import (
    base_group,
    draw_rows,
    logits_of,
    reseated,
    with_row,
)
from muxviz.analysis.groups.one_group import Target
from muxviz.batch import EncodedRow, Group, Row, Seating
from muxviz.bench.faults import CAUSE, Sentences, plant_cases
from muxviz.loading.checkpoint import Checkpoint
from muxviz.pool import balanced, fit_and_test, read_pool, texts
from muxviz.results.debugging import CONTENDERS, DebuggerBench, PlantedCase, RealFailure
from muxviz.results.diagnosis import NOBODY, Diagnosis
from muxviz.results.reading import Proportion
from muxviz.training.tasks import LabelledRows

GROUP_CAUSES = ("neighbour", "seat", "company", "key", "padding", "layer")  # blame something
CHECKS = ("company", "neighbours", "seat", "heard", "padding")
LABELLED = 64
STEPS = 16  # of the integral of an attribution
APART = 1000  # seeds of draws that nothing was chosen on lie so far off
SELDOM = 0.1  # of other companies mend it: nobody's fault


def planted_cases(
    healthy: Checkpoint, baseline: Checkpoint, *, each: int, draws: int, seed: int
) -> Iterator[PlantedCase]:
    """``each`` cases of every kind, diagnosed, as they come."""
    for case in plant_cases(healthy, baseline, _sentences(), each=each, seed=seed):
        said = diagnose(
            case.checkpoint,
            case.rows,
            case.slot,
            gold=case.gold,
            baseline=baseline,
            draws=draws,
            pool=texts(),
            labelled=balanced(LABELLED),
            seating=Seating(seed=seed),
        )
        yield PlantedCase(case.kind, CAUSE[case.kind], case.at, said.cause, said.at)


def _sentences() -> Sentences:
    """Labelled sentences that the debugger does not draw from."""
    return [(s.text, s.label) for s in read_pool() if s.split != "pool" and s.label]


# ---- real failures ------------------------------------------------------------------------------


def real_failures(
    checkpoints: Sequence[Checkpoint],
    baseline: Checkpoint,
    data: LabelledRows,
    *,
    each: int,
    draws: int,
    seed: int,
) -> Iterator[RealFailure]:
    """At most ``each`` failures of every checkpoint, in random groups of the data, as they come."""
    right = _answers_alone(baseline, data) == data.labels
    for checkpoint in checkpoints:
        for row, rows, slot in _failures(checkpoint, data, right, each, seed):
            gold = checkpoint.config.labels[int(data.labels[row])]
            yield _judge(checkpoint, baseline, row, rows, slot, gold, draws, seed)


def _answers_alone(baseline: Checkpoint, data: LabelledRows) -> np.ndarray:
    groups = [base_group(baseline, [row]) for row in _rows(data)]
    return np.asarray([values[0].argmax() for values in logits_of(baseline, groups)])


def _rows(data: LabelledRows) -> list[Row]:
    return [Row(text, pair) for text, pair in zip(data.texts, data.pairs, strict=True)]


def _failures(
    checkpoint: Checkpoint, data: LabelledRows, right: np.ndarray, most: int, seed: int
) -> Iterator[tuple[int, list[Row], int]]:
    """Row, its group and its slot, for rows that N = 1 alone answers right."""
    every, num = _rows(data), checkpoint.config.num_instances
    order = np.random.default_rng(seed).permutation(len(every))
    seats = [order[at : at + num] for at in range(0, len(order) - num + 1, num)]
    groups = [base_group(checkpoint, [every[i] for i in seat]) for seat in seats]
    given = 0
    for seat, logits in zip(seats, logits_of(checkpoint, groups), strict=True):
        for slot, row in enumerate(seat):
            if right[row] and logits[slot].argmax() != data.labels[row] and given < most:
                given += 1
                yield int(row), [every[i] for i in seat], slot


def _judge(
    checkpoint: Checkpoint,
    baseline: Checkpoint,
    row: int,
    rows: list[Row],
    slot: int,
    gold: str,
    draws: int,
    seed: int,
) -> RealFailure:
    def ask(own_seed: int) -> Diagnosis:
        return diagnose(
            checkpoint,
            rows,
            slot,
            gold=gold,
            baseline=baseline,
            draws=draws,
            pool=texts(),
            checks=CHECKS,
            seating=Seating(seed=own_seed),
        )

    first, again = ask(seed), ask(seed + 1)
    group = base_group(checkpoint, rows)
    target = checkpoint.config.labels.index(gold)
    unseen = [text for part in fit_and_test() for text in part]
    judged, company = _mended(checkpoint, group, slot, target, unseen, draws, seed + APART)
    chosen, _ = _mended(checkpoint, group, slot, target, unseen, draws, seed + 2 * APART)
    pointed = {
        "debugger": _most_blamed(first),
        "oracle": _largest(chosen, slot),
        "attention": _largest(_attention(checkpoint, rows, slot), slot),
        "attribution": _largest(_attribution(checkpoint, rows, slot), slot),
    }
    hits = [judged[j] * draws for j in range(len(rows)) if j != slot]
    anyone = Proportion(float(np.sum(hits)), draws * len(hits))
    mended = [
        anyone if name == "random" else Proportion(round(judged[pointed[name]] * draws), draws)
        for name in CONTENDERS
    ]
    return RealFailure(
        checkpoint.name,
        row,
        first.cause,
        first.at,
        again.cause,
        again.at,
        tuple(mended),
        company,
    )


def _mended(
    checkpoint: Checkpoint,
    group: Group,
    slot: int,
    target: int,
    pool: Sequence[str],
    draws: int,
    seed: int,
) -> tuple[np.ndarray, Proportion]:
    """Share of draws right with each neighbour exchanged, ``[N]``; and with all of them."""
    num = len(group.rows)
    drawn = draw_rows(checkpoint, pool, draws * num, Seating(group.padding, seed=seed))
    by_slot = [drawn[j * draws : (j + 1) * draws] for j in range(num)]
    groups = [with_row(checkpoint, group, j, row) for j in range(num) for row in by_slot[j]]
    for others in zip(*by_slot, strict=True):
        groups.append(_company(checkpoint, group, slot, list(others)))
    right = np.asarray([v[slot].argmax() == target for v in logits_of(checkpoint, groups)])
    share = right.reshape(num + 1, draws).mean(axis=1)
    share[slot] = np.nan
    return share[:num], Proportion(int(right[num * draws :].sum()), draws)


def _company(checkpoint: Checkpoint, group: Group, slot: int, others: list[EncodedRow]) -> Group:
    others[slot] = group.rows[slot]
    return reseated(checkpoint, group, others)


def _most_blamed(found: Diagnosis) -> int:
    """The neighbour named, or the one whose exchange mends most beyond its control."""
    if found.cause == "neighbour" and found.at is not None:
        return found.at
    rungs = [rung for rung in found.ladder.rungs if rung.test == "neighbour"]
    best = max(rungs, key=lambda rung: (rung.net, rung.effect))
    assert best.slot is not None, "neighbours have slots"
    return best.slot


def _largest(amounts: np.ndarray, slot: int) -> int:
    """The neighbour with the largest amount ``[N]``; the first where there is none."""
    known = np.nan_to_num(amounts, nan=-1.0)
    known[slot] = -2.0
    return int(known.argmax())


def _attention(checkpoint: Checkpoint, rows: list[Row], slot: int) -> np.ndarray:
    """Share of the first layer's logits between this slot and each, mean over heads, ``[N]``."""
    shares = slot_pairs(checkpoint, rows).shares
    return np.asarray(np.nanmean(shares, axis=0)[slot, : len(rows)])


def _attribution(checkpoint: Checkpoint, rows: list[Row], slot: int) -> np.ndarray:
    """Share of the absolute attribution of the slot's answer, ``[N]``."""
    found = attribute(checkpoint, rows, Target(slot), pool=texts(), steps=STEPS)
    return found.shares[: len(rows)]


# ---- in words -----------------------------------------------------------------------------------


def summary(found: DebuggerBench) -> dict[str, Any]:
    """The figures by name; None where nothing was measured."""
    real, planted = found.real, found.planted
    healthy = [f for f in real if f.company.value < SELDOM]
    named = [f for f in real if f.cause == "neighbour"]
    return {
        "failures": len(real),
        "recovery": _recovery(real),
        "recovery_where_named": _recovery(named) | {"failures": len(named)},
        "verdict_stability": _share(f.is_stable for f in real),
        "planted_accuracy": _share(case.is_right for case in planted),
        "planted_cases": len(planted),
        "false_cause": _share(f.cause in GROUP_CAUSES for f in healthy),
        "nobody_to_blame": len(healthy),
        "abstention": _share(f.cause in NOBODY for f in real),
    }


def _recovery(found: Sequence[RealFailure]) -> dict[str, float | None]:
    return {
        name: float(np.mean([f.mended[n].value for f in found])) if found else None
        for n, name in enumerate(CONTENDERS)
    }


def _share(hits: Any) -> float | None:
    known = [bool(hit) for hit in hits]
    return sum(known) / len(known) if known else None


def table(found: DebuggerBench) -> str:
    """Both parts as Markdown: the confusion matrix with Wilson 95 % intervals, and recoveries."""
    return "\n\n".join(part for part in (_planted(found.planted), _real(found)) if part)


def _planted(cases: Sequence[PlantedCase]) -> str:
    if not cases:
        return ""
    lines = ["| planted | cases | right | 95 % | said instead |", "|---|---|---|---|---|"]
    for kind in dict.fromkeys(case.kind for case in cases):
        own = [case for case in cases if case.kind == kind]
        right = Proportion(sum(case.is_right for case in own), len(own))
        wrong = Counter(_said(case) for case in own if not case.is_right)
        said = ", ".join(f"{what} {count}" for what, count in wrong.most_common()) or "-"
        lines.append(f"| {kind} | {len(own)} | {right.value:.0%} | {_ends(right)} | {said} |")
    right = Proportion(sum(case.is_right for case in cases), len(cases))
    lines.append(f"| all | {len(cases)} | {right.value:.0%} | {_ends(right)} | |")
    return "\n".join(lines)


def _said(case: PlantedCase) -> str:
    return f"{case.said}, another one" if case.said == case.cause else case.said


def _ends(share: Proportion) -> str:
    low, high = share.interval
    return f"{low:.0%} to {high:.0%}"


def _real(found: DebuggerBench) -> str:
    if not found.real:
        return ""
    head = "| failures | " + " | ".join(CONTENDERS) + " | all neighbours | nobody named | stable |"
    lines = [head, "|---|" + "---|" * (len(CONTENDERS) + 3)]
    by_name = dict.fromkeys(f.checkpoint for f in found.real)
    groups = [(name, [f for f in found.real if f.checkpoint == name]) for name in by_name]
    groups.append(("all", list(found.real)))
    groups.append(("all with a neighbour named", [f for f in found.real if f.cause == "neighbour"]))
    for name, own in groups:
        if own:
            shares = [np.mean([f.mended[n].value for f in own]) for n in range(len(CONTENDERS))]
            company = np.mean([f.company.value for f in own])
            nobody = _share(f.cause in NOBODY for f in own)
            stable = _share(f.is_stable for f in own)
            cells = [f"{share:.0%}" for share in (*shares, company, nobody, stable)]
            lines.append(f"| {name}: {len(own)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
