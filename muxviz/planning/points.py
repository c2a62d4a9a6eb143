"""Read measured settings: CSV with a header, JSON, or a trade-off run of ``muxviz bench``.

Columns (and other names for them): ``num_instances`` (``n``), ``sparsity``, ``accuracy``,
``throughput`` (``instances_per_s``); if you have them ``accuracy_std`` (over seeds),
``accuracy_low`` and ``accuracy_high`` (95 % interval over rows), ``throughput_q1`` and
``throughput_q3`` (quartiles over rounds), ``name`` (``checkpoint``). JSON: a list of objects with
these keys, or with the nested ones of a ``TradeoffPoint``.

Shares are in [0, 1], never percent. A setting that is there several times is averaged (accuracies
as they are, throughputs by their logarithm) and that is noted.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from muxviz.errors import DataError
from muxviz.planning.choose import LEAST_POINTS
from muxviz.results.checked import read_run
from muxviz.results.planning import Measurements, setting_words
from muxviz.results.throughput import TradeoffRun

MAX_BYTES = 4_000_000
MAX_ROWS = 2_000
MOST_POINTS = 120  # distinct settings; every one is left out once
MAX_NAME = 60
QUARTILES_TO_SD = 1.349  # between the quartiles of a normal, in standard deviations
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
}
HOW = "columns num_instances (or n), sparsity, accuracy, throughput (or instances_per_s)"
Row = Mapping[str, Any]


def read_points(path: Path | str, *, task: str = "", dtype: str = "") -> Measurements:
    """Measured settings from a ``.csv`` or ``.json`` file.

    Args:
        path: of the file.
        task, dtype: which points of a trade-off run; by default those that most points have.

    Raises:
        DataError: no such file, or anything in it that cannot be used; the row is named.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(
            f"no file {file}; name a table of measured settings: CSV or JSON with {HOW}"
        )
    return parse_points(file.read_bytes(), file.name, task=task, dtype=dtype)


def parse_points(data: bytes, name: str, *, task: str = "", dtype: str = "") -> Measurements:
    """The same from the content of a file."""
    if len(data) > MAX_BYTES:
        raise DataError(
            f"{name} has {len(data) / 1e6:.0f} MB; expected at most {MAX_BYTES / 1e6:.0f}"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not text ({error}); save it as CSV or JSON in UTF-8") from error
    is_json = text.lstrip()[:1] in ("[", "{")
    if not text.strip():
        raise DataError(f"{name} is empty; expected CSV or JSON with {HOW}")
    notes: list[str] = []
    rows, metric = _from_json(text, name, notes, task, dtype) if is_json else (_from_csv(text), "")
    return measurements(rows, name, metric=metric or "accuracy", notes=notes)


def from_run(run: TradeoffRun, name: str, *, task: str = "", dtype: str = "") -> Measurements:
    """The points of a trade-off run: one task, one precision, no ensembles."""
    notes: list[str] = []
    rows, metric = _rows_of_run(run, name, notes, task, dtype)
    return measurements(rows, name, metric=metric, notes=notes)


def measurements(
    rows: Sequence[Row], name: str, *, metric: str = "accuracy", notes: Sequence[str] = ()
) -> Measurements:
    """Checked, averaged and sorted points from rows of named values."""
    if not rows:
        raise DataError(f"{name} has no rows; expected one per measured setting, with {HOW}")
    if len(rows) > MAX_ROWS:
        raise DataError(f"{name} has {len(rows):,} rows; expected at most {MAX_ROWS:,}")
    found = [_checked(_named(row, f"{name}, row {at}"), f"{name}, row {at}")
             for at, row in enumerate(rows, start=1)]  # fmt: skip
    groups: dict[tuple[int, float], list[dict[str, Any]]] = {}
    for one in found:
        groups.setdefault((one["num_instances"], round(one["sparsity"], 6)), []).append(one)
    if not LEAST_POINTS <= len(groups) <= MOST_POINTS:
        raise DataError(
            f"{name} has {len(groups)} distinct settings; expected {LEAST_POINTS} to "
            f"{MOST_POINTS}: "
            + ("measure more, at other N or sparsities" if len(groups) < LEAST_POINTS
               else "keep those you choose among")
        )  # fmt: skip
    joined = [_joined(groups[key]) for key in sorted(groups)]
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


# ---- formats ------------------------------------------------------------------------------------


def _from_csv(text: str) -> list[Row]:
    head = text.splitlines()[0]
    comma = max(",;\t", key=head.count)
    return [
        {key: value for key, value in row.items() if key is not None and value not in (None, "")}
        for row in csv.DictReader(io.StringIO(text), delimiter=comma, skipinitialspace=True)
    ]


def _from_json(
    text: str, name: str, notes: list[str], task: str, dtype: str
) -> tuple[list[Row], str]:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{name} is not JSON ({error}); expected a list of objects with {HOW}"
        ) from error
    if isinstance(raw, dict) and ("value" in raw or {"machine", "points"} <= set(raw)):
        run = read_run(text, name)
        if not isinstance(run, TradeoffRun):
            raise DataError(
                f"{name} holds times of passes without accuracies; expected a trade-off run, as "
                "`muxviz bench tradeoff --json` writes it"
            )
        return _rows_of_run(run, name, notes, task, dtype)
    rows = raw.get("points") if isinstance(raw, dict) else raw
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{name} holds no list of objects; expected one per setting, with {HOW}")
    return rows, ""


def _rows_of_run(
    run: TradeoffRun, name: str, notes: list[str], task: str, dtype: str
) -> tuple[list[Row], str]:
    """Rows of one task and precision; what is left out is noted."""
    points = [p for p in run.points if p.copies == 1]
    if len(points) < len(run.points):
        notes.append(f"{len(run.points) - len(points)} ensembles (copies of a text) are left out")
    for kind, asked in (("task", task), ("dtype", dtype)):
        seen = Counter(getattr(p, kind) for p in points)
        if asked and asked not in seen:
            raise DataError(
                f"{name} has no point with {kind} {asked}; it has {', '.join(seen) or 'none'}"
            )
        if len(seen) > 1 or asked:
            kept = asked or max(seen, key=lambda value: (seen[value], value == "float32"))
            others = ", ".join(value for value in seen if value != kept)
            if others:
                notes.append(f"only {kind} {kept} is used; left out: {others}")
            points = [p for p in points if getattr(p, kind) == kept]
    if run.machine.is_busy:
        notes.append("the machine was busy while these were measured: speeds say little")
    return [asdict(p) for p in points], points[0].accuracy.metric if points else ""


# ---- rows ---------------------------------------------------------------------------------------


def _named(row: Row, place: str) -> dict[str, Any]:
    """A row under our names; nested values of a trade-off point are spread out."""
    flat = {str(key).strip().lower().replace(" ", "_"): value for key, value in row.items()}
    score = flat.get("accuracy")
    if isinstance(score, Mapping):
        flat["accuracy"] = score.get("mean")
        low_high = score.get("interval") or (None, None)
        if isinstance(low_high, list | tuple) and len(low_high) == 2:
            flat["accuracy_low"], flat["accuracy_high"] = low_high
    for key in NAMES["throughput"]:
        rate = flat.get(key)
        if isinstance(rate, Mapping):
            flat[key] = rate.get("median")
            flat["throughput_q1"], flat["throughput_q3"] = rate.get("q1"), rate.get("q3")
    found: dict[str, Any] = {}
    for ours, theirs in NAMES.items():
        given = [key for key in theirs if flat.get(key) is not None]
        if len(given) > 1:
            raise DataError(f"{place} has both {' and '.join(given)}; give one of them")
        if given:
            found[ours] = flat[given[0]]
    missing = [key for key in NEEDED if key not in found]
    if missing:
        raise DataError(
            f"{place} has no {', '.join(missing)} (it has {', '.join(flat) or 'nothing'}); "
            f"expected {HOW}"
        )
    return found


def _checked(row: dict[str, Any], place: str) -> dict[str, Any]:
    """Numbers in range, and what follows from them."""
    numbers = {key: _number(value, key, place) for key, value in row.items() if key != "name"}
    n = numbers["num_instances"]
    _need(
        n >= 1 and n == int(n) and n <= 10**6,
        place,
        f"num_instances {n:g}",
        "a whole number from 1",
    )
    _need(
        0 <= numbers["sparsity"] < 1,
        place,
        f"sparsity {numbers['sparsity']:g}",
        "a share from 0 to below 1; write 60 % as 0.6",
    )
    for key in ("accuracy", "accuracy_low", "accuracy_high", "accuracy_std"):
        if key in numbers:
            _need(
                0 <= numbers[key] <= 1,
                place,
                f"{key} {numbers[key]:g}",
                "a share from 0 to 1; write 89.9 % as 0.899",
            )
    for key in ("throughput", "throughput_q1", "throughput_q3"):
        if key in numbers:
            _need(numbers[key] > 0, place, f"{key} {numbers[key]:g}", "instances a second above 0")
    low, high = numbers.get("accuracy_low", math.nan), numbers.get("accuracy_high", math.nan)
    _need(
        not low > high, place, f"accuracy_low {low:g} above accuracy_high {high:g}", "low <= high"
    )
    q1, q3 = numbers.get("throughput_q1", math.nan), numbers.get("throughput_q3", math.nan)
    _need(not q1 > q3, place, f"throughput_q1 {q1:g} above throughput_q3 {q3:g}", "q1 <= q3")
    whole = math.isfinite(low) and math.isfinite(high)
    return {
        "num_instances": int(n),
        "sparsity": numbers["sparsity"],
        "accuracy": numbers["accuracy"],
        "throughput": numbers["throughput"],
        "accuracy_std": numbers.get("accuracy_std", math.nan),
        "accuracy_low": low if whole else math.nan,
        "accuracy_high": high if whole else math.nan,
        "throughput_sd": math.log(q3 / q1) / QUARTILES_TO_SD,
        "name": " ".join(str(row.get("name", "")).split())[:MAX_NAME],
    }


def _number(value: Any, key: str, place: str) -> float:
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{place}: {key} is {str(value)[:40]!r}; expected a number")
    return found


def _joined(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of several of the same setting."""
    if len(rows) == 1:
        return rows[0]

    def mean(key: str) -> float:
        known = [row[key] for row in rows if math.isfinite(row[key])]
        return float(np.mean(known)) if known else math.nan

    scores = [row["accuracy"] for row in rows]
    rates = np.log([row["throughput"] for row in rows])
    return rows[0] | {
        "accuracy": float(np.mean(scores)),
        "throughput": float(np.exp(np.mean(rates))),
        "accuracy_std": float(np.std(scores, ddof=1) / math.sqrt(len(rows))),
        "accuracy_low": mean("accuracy_low"),
        "accuracy_high": mean("accuracy_high"),
        "throughput_sd": float(np.std(rates, ddof=1) / math.sqrt(len(rows))),
        "name": ", ".join(dict.fromkeys(row["name"] for row in rows if row["name"]))[:MAX_NAME],
    }


def _need(holds: bool, place: str, given: str, expected: str) -> None:
    if not holds:
        raise DataError(f"{place}: {given}; expected {expected}")
