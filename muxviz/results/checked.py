"""Results that somebody else's file holds: read only where every field is of its declared kind.

``from_json`` brings back the classes of this package but takes their fields as they are; a file
from elsewhere may hold a word where a rate should be. Left out: whether the numbers are true.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin

from muxviz.errors import DataError
from muxviz.files import decode, parse_json
from muxviz.printable import printable
from muxviz.ranges import LEAST_RATE, MOST_RATE, MOST_SPARSITY
from muxviz.results.escalation import KINDS, EscalationBench
from muxviz.results.store import from_plain, hints, made
from muxviz.results.throughput import Accuracy, Quartiles, SpeedRun, TradeoffRun

MAX_BYTES = 8_000_000
MAX_ROWS = 2_000  # points or rows of one run
MAX_WORDS = 2_000  # characters of one text
MOST_COUNT = 10**6  # of instances, of sequences in a batch, of copies
SLACK = 1e-6  # of comparisons between rounded numbers


def read_escalation(data: bytes | str, name: str) -> EscalationBench:
    """A run of ``muxviz bench escalation``; raises as ``read_run`` does."""
    found = read_run(data, name)
    if not isinstance(found, EscalationBench):
        kind = type(found).__name__
        raise DataError(f"{name} holds a {kind}; expected an EscalationBench")
    return found


def read_run(data: bytes | str, name: str) -> TradeoffRun | SpeedRun | EscalationBench:
    """A run of ``muxviz bench`` from the content of a JSON file.

    Raises:
        DataError: too large, not such a file, another class, or a field of the wrong kind or out
            of range; the file and the field are named.
    """
    if len(data) > MAX_BYTES:
        raise DataError(
            f"{name} has {len(data) / 1e6:.0f} MB; a recorded run has at most "
            f"{MAX_BYTES / 1e6:.0f} MB"
        )
    expected = (
        "the JSON of `muxviz bench`, of `muxviz record --speed`, or one saved on the Trade-off page"
    )
    text = data if isinstance(data, str) else decode(data, name, expected=expected)
    raw = parse_json(text, name, expected=expected)
    if isinstance(raw, dict) and "machine" in raw:  # the plain layout of `muxviz bench --json`
        try:
            kind_of = EscalationBench if "verdicts" in raw else SpeedRun
            found = _build(raw, TradeoffRun if "points" in raw else kind_of)
        except DataError as error:
            raise DataError(f"{name}: {error}; expected {expected}") from error
    else:
        found = from_plain(raw, name)
    if not isinstance(found, TradeoffRun | SpeedRun | EscalationBench):
        kind = type(found).__name__
        raise DataError(
            f"{name} holds a {kind}; expected a TradeoffRun, a SpeedRun or an EscalationBench"
        )
    try:
        kept = found
        if isinstance(found, EscalationBench):  # a verdict may be about nobody
            kept = replace(found, verdicts=())
        check(kept, type(found).__name__)
        _check_run(found)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    return found


def _build(raw: Any, hint: Any) -> Any:
    """A value of a declared kind from plain ones; what does not fit is left for ``check``."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if raw is None else _build(raw, args[0])
    if origin is tuple and isinstance(raw, list):
        kinds = (args[0],) * len(raw) if args[-1] is Ellipsis else args
        if len(kinds) != len(raw):
            return tuple(raw)
        return tuple(_build(one, kind) for one, kind in zip(raw, kinds, strict=True))
    if isinstance(hint, type) and is_dataclass(hint):
        if not isinstance(raw, dict):
            raise _wrong(raw, "a part", hint.__name__)
        fields = hints(cast(Hashable, hint))
        given = {key: _build(raw[key], kind) for key, kind in fields.items() if key in raw}
        return made(hint, given)
    return raw


def check(value: Any, place: str) -> None:
    """Raise DataError unless every field of a result has the kind that its class declares."""
    kind: Any = type(value)
    for name, hint in hints(kind).items():
        _check(getattr(value, name), hint, f"{place}.{name}")


def _check(value: Any, hint: Any, place: str) -> None:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in args:
            return
        _check(value, next(a for a in args if a is not NoneType), place)
    elif origin is tuple:
        _check_tuple(value, args, place)
    elif is_dataclass(hint):
        if type(value) is not hint:
            raise _wrong(value, place, getattr(hint, "__name__", "result"))
        check(value, place)
    else:
        _check_plain(value, hint, place)


def _check_tuple(value: Any, args: tuple[Any, ...], place: str) -> None:
    if not isinstance(value, tuple) or len(value) > MAX_ROWS:
        raise _wrong(value, place, f"list of at most {MAX_ROWS}")
    kinds = (args[0],) * len(value) if args[-1] is Ellipsis else args
    if len(kinds) != len(value):
        raise _wrong(value, place, f"list of {len(kinds)}")
    for at, (one, kind) in enumerate(zip(value, kinds, strict=True)):
        _check(one, kind, f"{place}[{at}]")


def _check_plain(value: Any, hint: Any, place: str) -> None:
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _fits(value):
            raise _wrong(value, place, "finite number")
    elif hint is str:
        if not isinstance(value, str) or len(value) > MAX_WORDS:
            raise _wrong(value, place, f"text of at most {MAX_WORDS} characters")
    elif type(value) is not hint or not _fits(value):
        raise _wrong(value, place, {"int": "whole number", "bool": "true or false"}[hint.__name__])


def _fits(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MOST_RATE


def _wrong(value: Any, place: str, expected: str) -> DataError:
    return DataError(f"{place} is {printable(repr(value)[:40])}; expected a {expected}")


def _check_score(place: str, score: Accuracy) -> None:
    _need(0 <= score.low <= score.mean <= score.high <= 1, f"{place}.accuracy: 0 to 1")
    low, high = score.interval or (0, 1)
    is_inside = -SLACK <= low <= score.mean + SLACK and score.mean - SLACK <= high
    _need(is_inside and high <= 1 + SLACK, f"{place}.accuracy: an interval around its mean")


def _check_run(run: TradeoffRun | SpeedRun | EscalationBench) -> None:
    """What figures rely on: rates and times above zero, whole counts from 1, shares in [0, 1]."""
    if isinstance(run, EscalationBench):
        for at, one in enumerate(run.results):
            place = f"EscalationBench.results[{at}]"
            _need_rates(place, texts_per_s=one.texts_per_s, ratio=one.ratio)
            _check_score(place, one.accuracy)
            _need(one.kind in KINDS, f"{place}.kind: one of {', '.join(KINDS)}")
            _need(all(0 <= share <= 1 for share in one.again), f"{place}.again: 0 to 1")
        return
    if isinstance(run, TradeoffRun):
        for at, point in enumerate(run.points):
            place = f"TradeoffRun.points[{at}]"
            _need_counts(place, n=point.n, batch=point.batch, copies=point.copies)
            _need_rates(
                place, instances_per_s=point.instances_per_s, forward_per_s=point.forward_per_s
            )
            if point.ratio_to_n1 is not None:
                _need_rates(place, ratio_to_n1=point.ratio_to_n1)
            _check_score(place, point.accuracy)
            _need(0 <= point.sparsity <= MOST_SPARSITY, f"{place}.sparsity: from 0 to below 1")
            _need(point.length > 0, f"{place}.length: above 0")
    else:
        for at, row in enumerate(run.results):
            place = f"SpeedRun.results[{at}]"
            _need_counts(place, n=row.n, batch=row.batch)
            _need_rates(place, instances_per_s=row.instances_per_s, pass_ms=row.pass_ms)
            _need(row.pass_p95_ms > 0 and row.length > 0, f"{place}: pass_p95_ms, length above 0")
            _need(row.peak_mib is None or row.peak_mib >= 0, f"{place}.peak_mib: from 0")


def _need_counts(place: str, **counts: int) -> None:
    for name, count in counts.items():
        _need(1 <= count <= MOST_COUNT, f"{place}.{name}: from 1 to {MOST_COUNT:,}")


def _need_rates(place: str, **rates: Quartiles) -> None:
    for name, rate in rates.items():
        _need(
            LEAST_RATE <= rate.q1 <= rate.median <= rate.q3,
            f"{place}.{name}: quartiles from {LEAST_RATE:g}",
        )


def _need(holds: bool, expected: str) -> None:
    if not holds:
        raise DataError(f"expected {expected}")
