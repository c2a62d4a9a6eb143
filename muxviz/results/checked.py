"""Results that somebody else's file holds: read only where every field is of its declared kind.

``from_json`` brings back the classes of this package but takes their fields as they are; a file
from elsewhere may hold a word where a rate should be. Left out: whether the numbers are true.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from muxviz.errors import DataError, MuxvizError
from muxviz.results.store import from_json
from muxviz.results.throughput import SpeedRun, TradeoffRun

MAX_BYTES = 8_000_000
MAX_ROWS = 2_000  # points or rows of one run
MAX_WORDS = 2_000  # characters of one text


def read_run(data: bytes | str, name: str) -> TradeoffRun | SpeedRun:
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
    try:
        found = _parse(data if isinstance(data, str) else data.decode("utf-8-sig"))
    except (
        MuxvizError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        raise DataError(
            f"{name} is not a run that muxviz measured ({error}); load the JSON of "
            "`muxviz bench`, of `muxviz record --speed`, or one saved on the Trade-off page"
        ) from error
    if not isinstance(found, TradeoffRun | SpeedRun):
        kind = type(found).__name__
        raise DataError(f"{name} holds a {kind}; expected a TradeoffRun or a SpeedRun")
    try:
        check(found, type(found).__name__)
        _check_run(found)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    return found


def _parse(text: str) -> Any:
    """What ``to_json`` wrote, or a run in the plain layout of ``muxviz bench --json``."""
    raw = json.loads(text)
    if isinstance(raw, dict) and "machine" in raw:
        return _build(raw, TradeoffRun if "points" in raw else SpeedRun)
    return from_json(text)


def _build(raw: Any, hint: Any) -> Any:
    """A value of a declared kind from plain ones; what does not fit is left for ``check``."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if raw is None else _build(raw, args[0])
    if origin is tuple and isinstance(raw, list):
        kinds = (args[0],) * len(raw) if args[-1] is Ellipsis else args
        return tuple(_build(one, kind) for one, kind in zip(raw, kinds, strict=True))
    if isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(cast(Hashable, hint))
        return cast(Any, hint)(**{key: _build(raw[key], hints[key]) for key in hints if key in raw})
    return raw


def check(value: Any, place: str) -> None:
    """Raise DataError unless every field of a result has the kind that its class declares."""
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        _check(getattr(value, name), hint, f"{place}.{name}")


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


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
    elif type(value) is not hint:
        raise _wrong(value, place, {"int": "whole number", "bool": "true or false"}[hint.__name__])


def _fits(value: float) -> bool:
    return math.isfinite(value) and abs(value) < 1e15


def _wrong(value: Any, place: str, expected: str) -> DataError:
    return DataError(f"{place} is {str(value)[:40]!r}; expected a {expected}")


def _check_run(run: TradeoffRun | SpeedRun) -> None:
    """What figures rely on: rates and times above zero, whole counts from 1, shares in [0, 1]."""
    if isinstance(run, TradeoffRun):
        for at, point in enumerate(run.points):
            place = f"TradeoffRun.points[{at}]"
            _need(min(point.n, point.batch, point.copies) >= 1, f"{place}: n, batch, copies from 1")
            _need(_is_rate(point.instances_per_s), f"{place}.instances_per_s: quartiles above 0")
            _need(_is_rate(point.forward_per_s), f"{place}.forward_per_s: quartiles above 0")
            ratio = point.ratio_to_n1
            _need(ratio is None or _is_rate(ratio), f"{place}.ratio_to_n1: quartiles above 0")
            score = point.accuracy
            _need(0 <= score.low <= score.mean <= score.high <= 1, f"{place}.accuracy: 0 to 1")
            _need(point.length > 0, f"{place}.length: above 0")
    else:
        for at, row in enumerate(run.results):
            place = f"SpeedRun.results[{at}]"
            _need(min(row.n, row.batch) >= 1, f"{place}: n and batch from 1")
            _need(_is_rate(row.instances_per_s), f"{place}.instances_per_s: quartiles above 0")
            _need(_is_rate(row.pass_ms), f"{place}.pass_ms: quartiles above 0")
            _need(row.pass_p95_ms > 0 and row.length > 0, f"{place}: pass_p95_ms, length above 0")
            _need(row.peak_mib is None or row.peak_mib >= 0, f"{place}.peak_mib: from 0")


def _is_rate(found: Any) -> bool:
    return bool(0 < found.q1 <= found.median <= found.q3)


def _need(holds: bool, expected: str) -> None:
    if not holds:
        raise DataError(f"expected {expected}")
