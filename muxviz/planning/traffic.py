"""Which checkpoint, N and batch serve some traffic: arithmetic on measured runs, no model.

A machine collects ``n * batch`` requests, answers them in one pass, and collects the next ones
meanwhile. A request waits for its group to fill (half the group on average), for passes before its
own (M/D/1), and for its own pass (p95). Pass times grow in proportion to the tokens of a row.
Left out: sending a group off before it is full, networks, and machines unlike the measured one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from muxviz.errors import InputError, NotApplicable
from muxviz.results.throughput import (
    SURE,
    Accuracy,
    Plan,
    Plans,
    SpeedRow,
    SpeedRun,
    TradeoffPoint,
    TradeoffRun,
    Traffic,
)

MOST_USED = 0.8  # of a machine's rate; beyond it queues grow fast
Z95 = 1.6449  # a normal exceeds its mean by so many deviations in 5 % of cases
Z975 = 1.96
MOST_MACHINES = 10**6


@dataclass(frozen=True)
class Setting:
    """A point at one batch size. pass_ms, p95_ms: of the measured length; rate: of the traffic's.

    slower: the traffic's padded length over the measured one.
    """

    point: TradeoffPoint
    batch: int
    rate: float
    pass_ms: float
    p95_ms: float
    slower: float


def plan_traffic(traffic: Traffic, tradeoff: TradeoffRun, speed: SpeedRun) -> Plans:
    """Every measured setting for some traffic, the best first.

    Accuracy comes from ``tradeoff``; times of passes from the rows of ``speed`` with the same
    weights, slots and precision, or, where there are none, from the trade-off's own batch. The
    best holds surely enough, needs the fewest machines of those, and is the most accurate of these.

    Raises:
        InputError: a traffic that cannot be: rates, budgets, lengths or shares out of range.
        NotApplicable: the trade-off has no point without copies.
    """
    _check(traffic)
    points = [p for p in tradeoff.points if p.copies == 1]
    if not points:
        raise NotApplicable(
            "not applicable: this run has no point without copies; measure or load another one"
        )
    found: dict[tuple[str, int, str, int], Plan] = {}
    measured = 0
    for point in points:
        rows = _rows_of(point, speed)
        measured += bool(rows)
        for setting in _settings(point, rows, traffic):
            plan = _plan(setting, traffic)
            key = (plan.checkpoint, plan.n, plan.dtype, plan.batch)
            found[key] = min(found.get(key, plan), plan, key=lambda p: _rank(p, traffic))
    plans = tuple(sorted(found.values(), key=lambda plan: _rank(plan, traffic)))
    return Plans(traffic, plans, _notes(traffic, plans, tradeoff, speed, measured < len(points)))


def padded_length(lengths: Sequence[tuple[float, float]], slots: int) -> float:
    """Expected tokens of the longest of ``slots`` texts: what a mixed row is padded to.

    lengths: (tokens, share); shares are taken relative to their sum.
    """
    whole = sum(share for _, share in lengths)
    expected = below = 0.0
    for tokens, share in sorted(lengths):
        upto = below + share / whole
        expected += tokens * (upto**slots - below**slots)
        below = upto
    return expected


def expected_latency_ms(texts: int, per_s: float, rate: float, pass_ms: float) -> float:
    """Filling, waiting and the pass, in ms.

    Args:
        texts: requests of a pass.
        per_s: requests that reach one machine.
        rate: requests it can answer a second; above ``per_s``.
        pass_ms: of one pass.
    """
    return _before_ms(texts, per_s, rate, pass_ms) + pass_ms


def _before_ms(texts: int, per_s: float, rate: float, pass_ms: float) -> float:
    """Until the own pass begins: half the others of the group, and M/D/1 for passes before it."""
    used = per_s / rate
    return 1000 * (texts - 1) / 2 / per_s + pass_ms * used / (2 * (1 - used))


# ---- settings -----------------------------------------------------------------------------------


def _rows_of(point: TradeoffPoint, speed: SpeedRun) -> list[SpeedRow]:
    """Speed rows of the same weights, one per batch."""
    fitting = [
        row
        for row in speed.results
        if row.contender == "muxviz"
        and (row.shape, row.weights) == (point.checkpoint, point.fingerprint)
        and (row.n, row.dtype) == (point.n, point.dtype)
        and not row.with_tokenising
        and not row.is_compiled
    ]
    return list({row.batch: row for row in fitting}.values())


def _settings(point: TradeoffPoint, rows: list[SpeedRow], traffic: Traffic) -> list[Setting]:
    slots = point.n if point.grouping == "order" else 1
    length = padded_length(traffic.lengths, slots)
    if point.padding == "fixed":
        length = point.length  # whatever the texts are
    if not rows:
        slower = length / point.length
        texts = 1000.0 * point.n * point.batch
        slowest, usual = texts / point.instances_per_s.q1, texts / point.instances_per_s.median
        rate = point.instances_per_s.median / slower
        return [Setting(point, point.batch, rate, usual, max(slowest, usual), slower)]
    around = min(1.0, point.instances_per_s.median / point.forward_per_s.median)
    found = []
    for row in rows:
        slower = length / row.length
        rate = row.instances_per_s.median * around / slower
        usual, slowest = row.pass_ms.median, max(row.pass_p95_ms, row.pass_ms.median)
        found.append(Setting(point, row.batch, rate, usual, slowest, slower))
    return found


def _plan(setting: Setting, traffic: Traffic) -> Plan:
    point, texts = setting.point, setting.point.n * setting.batch
    machines = max(1, math.ceil(traffic.requests_per_s / (MOST_USED * setting.rate) - 1e-9))
    per_s = traffic.requests_per_s / machines
    usual, slowest = setting.pass_ms * setting.slower, setting.p95_ms * setting.slower
    before = _before_ms(texts, per_s, setting.rate, usual)
    reasons = []
    if point.accuracy.mean < traffic.accuracy:
        reasons.append(
            f"accuracy {100 * point.accuracy.mean:.1f} % is below {100 * traffic.accuracy:.1f} %"
        )
    if before + slowest > traffic.latency_ms:
        reasons.append(_too_late(before + slowest, texts, per_s, traffic))
    if machines > MOST_MACHINES:
        reasons.append(f"{machines:,} machines would be needed")
    in_time = _below(traffic.latency_ms - before - usual, (slowest - usual) / Z95)
    return Plan(
        checkpoint=point.checkpoint,
        n=point.n,
        dtype=point.dtype,
        batch=setting.batch,
        instances_per_s=setting.rate,
        machines=None if reasons else machines,
        latency_ms=before + slowest,
        accuracy=point.accuracy.mean,
        chance=_reaches(point.accuracy, traffic.accuracy) * in_time,
        why_not="; ".join(reasons),
    )


def _too_late(latency_ms: float, texts: int, per_s: float, traffic: Traffic) -> str:
    filling = 1000 * (texts - 1) / 2 / per_s
    cause = f", {filling:,.0f} ms of it until {texts} requests are there" if filling >= 1 else ""
    return f"a request takes {latency_ms:,.0f} ms of {traffic.latency_ms:,.0f}{cause}"


def _reaches(score: Accuracy, floor: float) -> float:
    """Chance that the true accuracy is at least ``floor``: a normal with the interval's width."""
    if score.interval is not None:
        spread = (score.interval[1] - score.interval[0]) / (2 * Z975)
    else:
        spread = math.sqrt(score.mean * (1 - score.mean) / max(score.rows, 1))
    return _below(score.mean - floor, spread)


def _below(room: float, spread: float) -> float:
    """Chance that a normal about 0 stays within ``room``."""
    if spread <= 0:
        return float(room >= 0)
    return 0.5 * (1 + math.erf(room / spread / math.sqrt(2)))


# ---- order and words ----------------------------------------------------------------------------


def _rank(plan: Plan, traffic: Traffic) -> tuple[float, ...]:
    if plan.machines is not None:
        is_sure = plan.chance >= SURE
        best = plan.accuracy if is_sure else plan.chance
        return (0, not is_sure, plan.machines, -best, plan.latency_ms)
    return (1, 0, len(plan.why_not.split("; ")), _gap(plan, traffic), -plan.chance)


def _gap(plan: Plan, traffic: Traffic) -> float:
    """How far a setting misses, relative to what is asked for; the worst of its constraints."""
    late = plan.latency_ms / traffic.latency_ms - 1
    wrong = (traffic.accuracy - plan.accuracy) / traffic.accuracy if traffic.accuracy else 0.0
    return max(late, wrong, 0.0)


def _notes(
    traffic: Traffic,
    plans: Sequence[Plan],
    tradeoff: TradeoffRun,
    speed: SpeedRun,
    own_batch_only: bool,
) -> tuple[str, ...]:
    best, notes = plans[0], []
    if best.machines is None:
        notes.append(
            f"Nothing serves. Closest is {best.checkpoint} (N = {best.n}, batch {best.batch}): "
            f"{best.why_not}"
        )
    apart = (tradeoff.machine.device, tradeoff.machine.cpu, tradeoff.machine.threads) != (
        speed.machine.device,
        speed.machine.cpu,
        speed.machine.threads,
    )
    if speed.results and apart:
        notes.append(
            "Accuracy and passes were measured on different machines; counts are of the machine "
            f"of the passes ({speed.machine.cpu}, {speed.machine.threads} threads)"
        )
    if own_batch_only:
        notes.append(
            "Where passes were not timed at several batch sizes, the batch of the accuracy run is "
            "the only one considered, and its slower quartile stands for the 95th percentile"
        )
    if tradeoff.machine.is_busy or (speed.results and speed.machine.is_busy):
        notes.append("Measured while other processes were busy: real machines may be faster")
    if traffic.requests_per_s < 1:
        notes.append("Under one request a second, groups fill slowly; small batches serve best")
    return tuple(notes)


def _check(traffic: Traffic) -> None:
    numbers = (traffic.requests_per_s, traffic.latency_ms, traffic.accuracy)
    if not all(map(math.isfinite, numbers)) or min(numbers[:2]) <= 0:
        raise InputError(
            f"got {traffic.requests_per_s:g} requests/s and {traffic.latency_ms:g} ms; "
            "both must be above 0"
        )
    if not 0 <= traffic.accuracy <= 1:
        raise InputError(f"got an accuracy of {traffic.accuracy:g}; expected 0 to 1")
    sizes = [size for size, _ in traffic.lengths]
    shares = [share for _, share in traffic.lengths]
    if not sizes or min(sizes) <= 0 or min(shares) < 0 or not 0.999 < sum(shares) < 1.001:
        raise InputError(
            "lengths need tokens above 0 and shares that sum to 1; got "
            + (
                ", ".join(f"{size:g} tokens: {share:g}" for size, share in traffic.lengths)
                or "none"
            )
        )


def with_shares(lengths: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Lengths with parts of any size turned into shares that sum to 1; parts of 0 are dropped.

    Raises:
        InputError: no part is above 0.
    """
    whole = sum(part for _, part in lengths)
    if whole <= 0:
        raise InputError("no length has a share above 0; give at least one")
    return tuple((size, part / whole) for size, part in lengths if part > 0)
