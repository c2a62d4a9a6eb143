"""Everything that was measured as one list, with what can be told from each: for one picture.

Points of trade-off runs and contenders of escalation runs, which say less of themselves: the number
of slots and the pruning of their models are looked up in the trade-off runs, else read off a name
such as ``sst2-n5-s95``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from muxviz.results.escalation import EscalationRow
from muxviz.results.measured import Escalated, Measured, pareto_front
from muxviz.results.throughput import Accuracy, Plan, Quartiles, TradeoffPoint

FEATURES = {  # what chips show and hide
    "multiplexed": "Multiplexed",
    "pruned": "Pruned",
    "narrow": "Narrow",
    "int8": "int8",
    "escalated": "Escalated",
    "length": "Rows of like length",
}
SENTENCES = "sequence_classification"  # the task of escalation runs
PART = re.compile(r"(?P<name>[^+@]+?)(:(?P<precision>[a-z0-9]+))?(@(?P<share>[0-9.]+))?")
SLOTS, PRUNED = re.compile(r"(?:^|-)n(\d+)(?=-|$)"), re.compile(r"-s(\d+)$")
Found = Measured | Escalated


@dataclass(frozen=True)
class Contender:
    """One mark of the picture.

    source, kind, busy: of its run. name: the checkpoint's, or the chain's as typed. n: slots of the
    (first) model, 0 where it is not known; sparsity: what was pruned of it. tag: what stands beside
    the mark. features: of ``FEATURES``. scale: whose N = 1 the ratio refers to; ratios compare
    within it. recipe: how to get it, in words.
    """

    source: str
    kind: str
    busy: bool
    name: str
    n: int
    sparsity: float
    tag: str
    features: frozenset[str]
    device: str
    dtype: str
    accuracy: Accuracy
    rate: Quartiles
    ratio: Quartiles | None
    scale: str
    recipe: str

    @property
    def key(self) -> tuple[str, ...]:
        """Names it among all."""
        return (self.source, self.name, self.recipe)


def read_name(name: str) -> tuple[tuple[tuple[str, str], ...], tuple[float, ...]]:
    """Models with their precisions, and the shares before each but the first, of a chain."""
    models, shares = [], []
    for part in name.split("+"):
        found = PART.fullmatch(part)
        if found:
            models.append((found["name"], found["precision"] or "float32"))
            shares += [float(found["share"])] if _is_number(found["share"]) else []
    return tuple(models), tuple(shares)


def contenders_of(
    runs: Sequence[Found], task: str, *, hidden: Collection[str] = (), device: str = ""
) -> tuple[Contender, ...]:
    """All of a task, run by run; those with a feature in ``hidden``, or of another device, not."""
    known: dict[str, tuple[int, float]] = {
        p.checkpoint: (p.n, p.sparsity)
        for one in runs
        if isinstance(one, Measured)
        for p in one.run.points
    }
    found: list[Contender] = []
    for one in runs:
        if isinstance(one, Measured):
            points = [p for p in one.run.points if p.task == task and p.copies == 1]
            found += [_of_point(one, point) for point in points]
        elif task == SENTENCES:
            found += [_of_row(one, row, known) for row in one.run.results]
    return tuple(
        one
        for one in found
        if not one.features & set(hidden) and (not device or one.device == device)
    )


def fronts_of(found: Sequence[Contender], x: str) -> list[list[Contender]]:
    """What nothing of the same run beats, slowest first; by ratio, of the same scale too."""
    groups: dict[tuple[str, str], list[Contender]] = {}
    for one in found:
        groups.setdefault((one.source, one.scale if x == "ratio" else ""), []).append(one)
    return [
        [own[at] for at in pareto_front([(x_of(one, x).median, one.accuracy.mean) for one in own])]
        for own in groups.values()
    ]


def x_of(one: Contender, x: str) -> Quartiles:
    """Its rate, or its ratio; those without one are left out before."""
    found = one.rate if x == "rate" else one.ratio
    assert found is not None, "no ratio"
    return found


def planned(found: Sequence[Contender], source: str, plan: Plan) -> Contender | None:
    """The mark of a plan: that of its run, checkpoint, precision and accuracy."""
    for one in found:
        same = (one.source, one.name, one.dtype) == (source, plan.checkpoint, plan.dtype)
        if same and one.accuracy.mean == plan.accuracy:
            return one
    return None


def _of_point(one: Measured, point: TradeoffPoint) -> Contender:
    features = {
        "multiplexed": point.n > 1,
        "pruned": point.sparsity > 0,
        "narrow": "narrow" in point.checkpoint,
        "int8": point.dtype == "int8",
        "length": point.grouping == "length",
    }
    pruned = f", {100 * point.sparsity:.0f} % pruned" if point.sparsity else ""
    together = "rows of like length together" if point.grouping == "length" else "any rows together"
    how = f", {together}" if point.n > 1 else ""
    tag = _tag(point.n, point.sparsity, point.dtype)
    return Contender(
        one.label, one.kind, one.run.machine.is_busy, point.checkpoint, point.n,
        point.sparsity, tag + (" by length" if point.grouping == "length" else ""),
        frozenset(name for name, there in features.items() if there),
        one.run.machine.device, point.dtype, point.accuracy, point.instances_per_s,
        point.ratio_to_n1, point.dtype,
        f"N = {point.n}{pruned}, {point.dtype}, batch {point.batch}{how}, "
        f"{point.length:.0f} tokens a row" + (", zeros skipped" if point.skips_zeros else ""),
    )  # fmt: skip


def _of_row(
    one: Escalated, row: EscalationRow, known: Mapping[str, tuple[int, float]]
) -> Contender:
    models, shares = read_name(row.name)
    each = [(*_about(name, known), precision) for name, precision in models]
    n, sparsity, precision = each[0] if each else (0, 0.0, "float32")
    features = {
        "multiplexed": n > 1 or row.kind == "multiplexed",
        "pruned": any(s > 0 for _, s, _ in each),
        "narrow": "narrow" in row.name,
        "int8": any(dtype == "int8" for _, _, dtype in each),
        "escalated": row.kind != "alone",
    }
    again = "".join(f"; then {name}" for name, _ in models[1:])
    asked = (
        f": {', '.join(f'{100 * s:.0f} %' for s in row.again)} answered again" if row.again else ""
    )
    tag = _tag(n, sparsity, precision)
    if shares:
        tag = (
            "→".join([tag, *(str(m or "?") for m, _, _ in each[1:])]) + f" {100 * shares[0]:.0f} %"
        )
    return Contender(
        one.label, one.kind, one.run.machine.is_busy, row.name, n, sparsity, tag,
        frozenset(name for name, there in features.items() if there),
        one.run.machine.device, precision, row.accuracy, row.texts_per_s, row.ratio, "",
        f"{models[0][0] if models else row.name}{again}{asked}",
    )  # fmt: skip


def _tag(n: int, sparsity: float, dtype: str) -> str:
    pruned = f", {100 * sparsity:.0f} % pruned" if sparsity else ""
    return f"{n or '?'}{pruned}{'' if dtype == 'float32' else f' {dtype}'}"


def _about(name: str, known: Mapping[str, tuple[int, float]]) -> tuple[int, float]:
    if name in known:
        return known[name]
    slots, pruned = SLOTS.search(name), PRUNED.search(name)
    return (
        int(slots[1][:4]) if slots else 0,
        min(int(pruned[1][:4]) / 100, 0.99) if pruned else 0.0,
    )


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and 0 <= float(text) <= 1
    except ValueError:
        return False
