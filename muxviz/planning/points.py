"""Read measured settings: CSV with a header, JSON, or a trade-off run of ``muxviz bench``.

Columns (and other names for them): ``num_instances`` (``n``), ``sparsity``, ``accuracy``,
``throughput`` (``instances_per_s``); if you have them ``accuracy_std`` (over seeds),
``accuracy_low`` and ``accuracy_high`` (95 % interval over rows), ``throughput_q1`` and
``throughput_q3`` (quartiles over rounds), ``name`` (``checkpoint``). JSON: a list of objects with
these keys, or with the nested ones of a ``TradeoffPoint``. Where rows say their ``task``, ``dtype``
or ``copies``, those of one task and one precision are used, and no ensembles.

Shares are in [0, 1], never percent. A setting that is there several times is averaged (accuracies
as they are, throughputs by their logarithm) and that is noted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from muxviz import files
from muxviz.errors import DataError
from muxviz.planning.choose import LEAST_POINTS
from muxviz.printable import printable
from muxviz.ranges import LEAST_RATE, MOST_RATE, MOST_SPARSITY
from muxviz.results.checked import read_run
from muxviz.results.planning import Measurements, setting_words
from muxviz.results.throughput import TradeoffRun

MAX_BYTES = 4_000_000
MAX_ROWS = 2_000
MOST_POINTS = 120  # distinct settings; every one is left out once
MOST_N = 10**6
MAX_NAME = 60
QUARTILES_TO_SD = 1.349  # between the quartiles of a normal, in standard deviations
MOST_SPREAD = 5.0  # standard deviation of ln(throughput)
SLACK = 1e-6  # of comparisons between rounded numbers
NEEDED = ("num_instances", "sparsity", "accuracy", "throughput")
NAMES = {
    "num_instances": ("num_instances", "n", "instances"),
    "sparsity": ("sparsity", "s"),
    "accuracy": ("accuracy", "acc"),
    "throughput": ("throughput", "instances_per_s", "instances/s"),
    "accuracy_std": ("accuracy_std", "accuracy_sd"),
    "accuracy_low": ("accuracy_low",),
    "accuracy_high": ("accuracy_high",),
    "throughput_q1": ("throughput_q1",),
    "throughput_q3": ("throughput_q3",),
    "name": ("name", "checkpoint"),
    "metric": ("metric",),
    "task": ("task",),
    "dtype": ("dtype",),
    "copies": ("copies",),
}
SPELLINGS = {theirs: ours for ours, several in NAMES.items() for theirs in several}
WORDS = ("name", "metric", "task", "dtype")  # what is no number
NESTED = {  # of a trade-off point: what its parts are here
    "accuracy": {"mean": "accuracy", "metric": "metric"},
    "throughput": {"median": "throughput", "q1": "throughput_q1", "q3": "throughput_q3"},
}
SHARE = (0.0, 1.0, "a share from 0 to 1; write 89.9 % as 0.899")
RATE = (LEAST_RATE, MOST_RATE, f"instances a second from {LEAST_RATE:g} to {MOST_RATE:g}")
RANGES = {
    "num_instances": (1, MOST_N, f"a whole number from 1 to {MOST_N:,}"),
    "sparsity": (0.0, MOST_SPARSITY, "a share from 0 to below 1; write 60 % as 0.6"),
    **dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high", "accuracy_std"), SHARE),
    **dict.fromkeys(("throughput", "throughput_q1", "throughput_q3"), RATE),
    "copies": (1, MOST_N, "a whole number from 1"),
}
HOW = "columns num_instances (or n), sparsity, accuracy, throughput (or instances_per_s)"
Row = Mapping[str, Any]
Placed = tuple[str, Row]  # where a row is, for messages, and its values by name as written


def read_points(path: Path | str, *, task: str = "", dtype: str = "") -> Measurements:
    """Measured settings from a ``.csv`` or ``.json`` file.

    Args:
        path: of the file.
        task, dtype: which rows, where they say theirs; by default those that most rows have.

    Raises:
        DataError: no such file, or anything in it that cannot be used; the row is named.
    """
    expected = f"a table of measured settings: CSV or JSON with {HOW}"
    data = files.read_bytes(path, most=MAX_BYTES, expected=expected)
    return parse_points(data, Path(path).name, task=task, dtype=dtype)


def parse_points(data: bytes, name: str, *, task: str = "", dtype: str = "") -> Measurements:
    """The same from the content of a file."""
    if len(data) > MAX_BYTES:
        raise DataError(
            f"{name} has {len(data) / 1e6:.0f} MB; expected at most {MAX_BYTES / 1e6:.0f}"
        )
    text = files.decode(data, name, expected="CSV or JSON in UTF-8")
    if not text.strip():
        raise DataError(f"{name} is empty; expected CSV or JSON with {HOW}")
    if text.lstrip()[:1] not in ("[", "{"):
        rows = files.csv_rows(text, name, known=_meaning)
        return _chosen([(f"{name}, line {at}", row) for at, row in rows], name, task, dtype)
    raw = files.parse_json(text, name, expected=f"a list of objects with {HOW}")
    if isinstance(raw, dict) and ("value" in raw or {"machine", "points"} <= set(raw)):
        run = read_run(text, name)
        if not isinstance(run, TradeoffRun):
            raise DataError(
                f"{name} holds times of passes without accuracies; expected a trade-off run, as "
                "`muxviz bench tradeoff --json` writes it"
            )
        return from_run(run, name, task=task, dtype=dtype)
    found = raw.get("points") if isinstance(raw, dict) else raw
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise DataError(f"{name} holds no list of objects; expected one per setting, with {HOW}")
    return _chosen(_numbered(found, name), name, task, dtype)


def from_run(run: TradeoffRun, name: str, *, task: str = "", dtype: str = "") -> Measurements:
    """The points of a trade-off run: one task, one precision, no ensembles."""
    notes = ("the machine was busy while these were measured: speeds say little",)
    rows = _numbered([asdict(p) for p in run.points], name)
    return _chosen(rows, name, task, dtype, notes=notes * run.machine.is_busy)


def _numbered(rows: Sequence[Row], name: str) -> list[Placed]:
    return [(f"{name}, row {at}", row) for at, row in enumerate(rows, start=1)]


def _chosen(
    rows: Sequence[Placed], name: str, task: str, dtype: str, notes: Sequence[str] = ()
) -> Measurements:
    """The rows of one task and precision, without ensembles; what is left out is noted."""
    if not rows:
        raise DataError(f"{name} has no rows; expected one per measured setting, with {HOW}")
    if len(rows) > MAX_ROWS:
        raise DataError(f"{name} has {len(rows):,} rows; expected at most {MAX_ROWS:,}")
    found = [_checked(_named(row, place), place) for place, row in rows]
    kept = [row for row in found if row["copies"] == 1]
    said = []
    if len(kept) < len(found):
        said.append(f"{len(found) - len(kept)} ensembles (copies of a text) are left out")
    for kind, asked in (("task", task), ("dtype", dtype)):
        seen = Counter(row[kind] for row in kept)
        if asked and asked not in seen:
            raise DataError(
                f"{name} has no point with {kind} {printable(asked[:MAX_NAME])}; it has "
                f"{', '.join(filter(None, seen)) or 'none'}"
            )
        wanted = asked or max(seen, key=lambda one: (seen[one], one == "float32"), default="")
        others = ", ".join(one or "those that say none" for one in seen if one != wanted)
        if others:
            said.append(f"only {kind} {wanted or '(not said)'} is used; left out: {others}")
        kept = [row for row in kept if row[kind] == wanted]
    metrics = list(dict.fromkeys(row["metric"] or "accuracy" for row in kept))
    if len(metrics) > 1:
        raise DataError(f"{name} mixes {' and '.join(metrics)}; expected one metric in all rows")
    return _averaged(kept, name, "".join(metrics), (*said, *notes))


def _averaged(
    rows: Sequence[dict[str, Any]], name: str, metric: str, notes: Sequence[str]
) -> Measurements:
    """One point per setting, sorted."""
    groups: dict[tuple[int, float], list[dict[str, Any]]] = {}
    for one in rows:
        groups.setdefault((one["num_instances"], round(one["sparsity"], 6)), []).append(one)
    if not LEAST_POINTS <= len(groups) <= MOST_POINTS:
        advice = "keep those you choose among"
        if len(groups) < LEAST_POINTS:
            advice = "measure more, at other N or sparsities"
        raise DataError(
            f"{name} has {len(groups)} distinct settings; expected {LEAST_POINTS} to "
            f"{MOST_POINTS}: {advice}"
        )
    joined = [_joined(groups[key]) for key in sorted(groups)]
    for one in joined:
        if one["throughput_sd"] > MOST_SPREAD:
            raise DataError(
                f"{name}: the throughputs of "
                f"{setting_words(one['num_instances'], one['sparsity'])} differ by a factor of "
                "more than 1,000; expected those of one setting on one machine"
            )
    several = [
        f"{len(groups[key])} rows of {setting_words(*key)} were averaged"
        for key in sorted(groups)
        if len(groups[key]) > 1
    ]

    def column(key: str) -> np.ndarray:
        return np.asarray([one[key] for one in joined], dtype=float)

    return Measurements(
        np.asarray([one["num_instances"] for one in joined], dtype=int),
        column("sparsity"),
        column("accuracy"),
        column("throughput"),
        column("accuracy_std"),
        column("accuracy_low"),
        column("accuracy_high"),
        column("throughput_sd"),
        tuple(one["name"] for one in joined),
        metric,
        name,
        (*notes, *several),
    )


# ---- rows ---------------------------------------------------------------------------------------


def _meaning(written: str) -> str:
    """Our name for a column, or its own where it is none of ours."""
    plain = files.plain_name(written).replace(" ", "_")
    return SPELLINGS.get(plain, plain)


def _named(row: Row, place: str) -> dict[str, Any]:
    """What a row gives, under our names; nested values of a trade-off point are spread out."""
    found: dict[str, Any] = {}
    for meaning, value in _spread_out(row, place):
        if meaning in found:
            raise DataError(f"{place} gives {meaning} twice; give it once")
        found[meaning] = value
    missing = [key for key in NEEDED if key not in found]
    if missing:
        theirs = printable(", ".join(map(str, row))[:200])
        raise DataError(
            f"{place} has no {', '.join(missing)} (it has {theirs or 'nothing'}); expected {HOW}"
        )
    return found


def _spread_out(row: Row, place: str) -> Iterator[tuple[str, Any]]:
    """Our names and values that are given, in the order of the row."""
    for written, value in row.items():
        meaning = _meaning(written)
        if value is None or value == "" or meaning not in NAMES:
            continue
        if not isinstance(value, Mapping) or meaning not in NESTED:
            yield meaning, value
            continue
        for part, ours in NESTED[meaning].items():
            if value.get(part) is not None:
                yield ours, value[part]
        interval = value.get("interval")
        if meaning == "accuracy" and interval is not None:
            if not isinstance(interval, list | tuple) or len(interval) != 2:
                raise _wrong(place, "accuracy.interval", interval, "a list of low and high")
            yield from zip(("accuracy_low", "accuracy_high"), interval, strict=True)


def _checked(row: dict[str, Any], place: str) -> dict[str, Any]:
    """Numbers in range, and what follows from them."""
    numbers = {key: _number(row[key], key, place) for key in RANGES if key in row}
    score, rate = numbers["accuracy"], numbers["throughput"]
    low, high = (numbers.get(f"accuracy_{end}", math.nan) for end in ("low", "high"))
    q1, q3 = (numbers.get(f"throughput_{end}", math.nan) for end in ("q1", "q3"))
    for name, ends, value, room in (
        ("accuracy", (low, high), score, SLACK),
        ("throughput", (q1, q3), rate, SLACK * rate),
    ):
        if ends[0] > value + room or ends[1] < value - room or ends[0] > ends[1]:
            raise DataError(
                f"{place}: {name} {value:g} with ends of {ends[0]:g} and {ends[1]:g}; expected "
                "low <= value <= high"
            )
    whole = math.isfinite(low) and math.isfinite(high)
    return {
        **{key: _word(row.get(key), key, place) for key in WORDS},
        "copies": numbers.get("copies", 1),
        "num_instances": int(numbers["num_instances"]),
        "sparsity": numbers["sparsity"],
        "accuracy": score,
        "throughput": rate,
        "accuracy_std": numbers.get("accuracy_std", math.nan),
        "accuracy_low": low if whole else math.nan,
        "accuracy_high": high if whole else math.nan,
        "throughput_sd": math.log(q3 / q1) / QUARTILES_TO_SD,
    }


def _number(value: Any, key: str, place: str) -> float:
    low, high, expected = RANGES[key]
    found = files.real_number(value, low=-math.inf, high=math.inf)
    if found is None:
        raise _wrong(place, key, value, "a number such as 0.9")
    if not low <= found <= high or (isinstance(low, int) and found != int(found)):
        raise DataError(f"{place}: {key} {found:g}; expected {expected}")
    return found + 0.0  # no -0


def _word(value: Any, key: str, place: str) -> str:
    if isinstance(value, list | Mapping):
        raise _wrong(place, key, value, "a text")
    return printable(" ".join(str("" if value is None else value).split()))[:MAX_NAME]


def _wrong(place: str, key: str, value: Any, expected: str) -> DataError:
    return DataError(f"{place}: {key} is {printable(repr(value)[:40])}; expected {expected}")


def _joined(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of several of the same setting; what only some of them know is not known."""
    if len(rows) == 1:
        return rows[0]
    scores = [row["accuracy"] for row in rows]
    rates = np.log([row["throughput"] for row in rows])
    return rows[0] | {
        "accuracy": float(np.mean(scores)),
        "throughput": float(np.exp(np.mean(rates))),
        "accuracy_std": float(np.std(scores, ddof=1) / math.sqrt(len(rows))),
        "accuracy_low": float(np.mean([row["accuracy_low"] for row in rows])),
        "accuracy_high": float(np.mean([row["accuracy_high"] for row in rows])),
        "throughput_sd": float(np.std(rates, ddof=1) / math.sqrt(len(rows))),
        "name": ", ".join(dict.fromkeys(row["name"] for row in rows if row["name"]))[:MAX_NAME],
    }
