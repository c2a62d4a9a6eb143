"""What the picture of accuracy against speed shows, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from muxviz.errors import InputError, NotApplicable
from muxviz.figures.drawing.measured import accuracy_change, times
from muxviz.figures.drawing.wording import percent
from muxviz.results.contenders import Contender, Found, contenders_of, fronts_of, x_of
from muxviz.results.measured import Escalated, Measured, of_task, rivals
from muxviz.results.throughput import TradeoffPoint

AXES = {"rate": "Texts/s", "ratio": "Ratio to N = 1"}


def tradeoff_finding(
    runs: Sequence[Found],
    *,
    task: str,
    x: str = "rate",
    hidden: Collection[str] = (),
    device: str = "",
) -> str:
    """What the fastest unbeaten mark of the first run wins and loses against N = 1."""
    found = shown(runs, task, x, hidden, device)
    own = [one for one in found if one.source == found[0].source]
    best = max((front[-1] for front in fronts_of(own, x)), key=lambda one: x_of(one, x).median)
    base = plain_of(own, best.dtype)
    if base is None:
        return (
            f"{best.name} ({slot_words(best)}) is the fastest: {best.rate.median:,.0f} texts a "
            f"second, {percent(best.accuracy.mean)} right; there is no N = 1 to compare with"
        )
    if best is base or (best.n == 1 and "escalated" not in best.features):
        return (
            f"N = 1 is not beaten: {base.name} answers {base.rate.median:,.0f} texts a second, "
            f"{percent(base.accuracy.mean)} right"
        )
    is_same = best.ratio is not None and best.scale in ("", base.dtype)
    faster = best.ratio.median if best.ratio and is_same else best.rate.median / base.rate.median
    change = accuracy_change(base.accuracy, best.accuracy, ("loses", "gains"))
    change = change or "answers as many right"
    mixed = len({one.dtype for one in own}) > 1
    name = f"{best.name}, {best.dtype}" if mixed else best.name
    return f"{slot_words(best)} is {times(faster)} as fast as N = 1 and {change} ({name})"


def plain_of(found: Sequence[Contender], dtype: str) -> Contender | None:
    """The N = 1 to compare with: alone, unpruned and of this precision where there is one."""
    plain_ones = [one for one in found if one.n == 1 and not one.features & {"escalated", "narrow"}]
    return max(
        plain_ones,
        key=lambda one: (one.dtype == dtype, "pruned" not in one.features, one.rate.median),
        default=None,
    )


def rivals_finding(runs: Sequence[Found], *, task: str, is_brief: bool = False) -> str:
    """Which multiplexed points of the first trade-off a smaller model beats at one text a pass."""
    first = next((one for one in runs if isinstance(one, Measured)), None)
    chosen = () if first is None else of_task(first.run, task)
    beaten = rivals(chosen)
    mixed = [p for p in chosen if p.n > 1 and p.copies == 1]
    if not mixed or not any(p.n == 1 for p in chosen):
        return ""
    if not beaten:
        return "No N = 1 model of this run is as fast and as often right as one with N above 1"
    if is_brief:
        names = dict.fromkeys(f"{p.checkpoint} by {r.checkpoint}" for p, r in beaten)
        return (
            f"{len(beaten)} of {len(mixed)} multiplexed settings are matched or beaten in both at "
            f"one text a pass: {', '.join(names)}"
        )
    lines = [f"{_described(point)} by {_described(rival)}" for point, rival in beaten]
    return f"By medians and means matched or beaten at one text a pass: {'; '.join(lines)}"


def goals_finding(runs: Sequence[Found]) -> str:
    """Goals of the first escalation run, who meets them, and where a rival does better."""
    first = next((one for one in runs if isinstance(one, Escalated)), None)
    said = []
    for one in first.run.verdicts if first else ():
        goal = f"{percent(one.accuracy)} at {one.ratio:g} times N = 1"
        if not one.ours:
            said.append(f"{goal}: no multiplexed chain is so fast")
            continue
        line = f"{goal}: {'met' if one.is_met else 'missed'} by {one.ours} "
        line += f"({percent(one.ours_accuracy)})"
        if one.rival_wins:
            line += f", and the rival {one.rival} does better ({percent(one.rival_accuracy)})"
        said.append(line)
    return "; ".join(said)


def _described(point: TradeoffPoint) -> str:
    how = ", ".join(dict.fromkeys(part for part in (point.dtype, point.grouping) if part))
    return (
        f"{point.checkpoint} ({how}: {point.instances_per_s.median:,.0f} texts/s, "
        f"{100 * point.accuracy.mean:.1f} % right)"
    )


def tradeoff_alt(
    runs: Sequence[Found],
    *,
    task: str,
    x: str = "rate",
    hidden: Collection[str] = (),
    device: str = "",
) -> str:
    """The picture in words."""
    found = shown(runs, task, x, hidden, device)
    lines = [f"{tradeoff_finding(runs, task=task, x=x, hidden=hidden, device=device)}."]
    best = {one.key for front in fronts_of(found, x) for one in front}
    for source in dict.fromkeys(one.source for one in found):
        parts = [
            f"{one.name}, {slot_words(one)}: {amount(one, x)}, "
            f"{100 * one.accuracy.mean:.1f} % right"
            f"{', on the front' if one.key in best else ''}"
            for one in found
            if one.source == source
        ]
        lines.append(f"{source}: {'; '.join(parts)}.")
    said = rivals_finding(runs, task=task)
    return " ".join([*lines, f"{said}." if said else ""]).strip()


# ---- parts --------------------------------------------------------------------------------------


def shown(
    runs: Sequence[Found], task: str, x: str, hidden: Collection[str], device: str
) -> tuple[Contender, ...]:
    """What can be drawn; raises as ``tradeoff_figure`` does."""
    if x not in AXES:
        raise InputError(f"got x={x!r}; choose one of {', '.join(AXES)}")
    everything = contenders_of(runs, task)
    if not everything:
        raise NotApplicable(f"not applicable: no run has a point of {task.replace('_', ' ')}")
    found = contenders_of(runs, task, hidden=hidden, device=device)
    if not found:
        raise NotApplicable("not applicable: everything is hidden; show more kinds again")
    if x == "ratio":
        found = tuple(one for one in found if one.ratio is not None)
        if not found:
            raise NotApplicable(
                "not applicable: no run has an N = 1 checkpoint to relate to; show texts/s"
            )
    return found


def slot_words(one: Contender) -> str:
    """``"N = 5, some asked again"``."""
    again = ", some asked again" if "escalated" in one.features else ""
    return (f"N = {one.n}" if one.n else "N not known") + again


def amount(one: Contender, x: str) -> str:
    """Median and quartiles with their unit."""
    found = x_of(one, x)
    unit = "texts/s" if x == "rate" else "times N = 1"
    digits = ",.0f" if found.median >= 100 else ".2f"
    return f"{found.median:{digits}} {unit} ({found.q1:{digits}} to {found.q3:{digits}})"
