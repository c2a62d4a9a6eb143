"""Cards of the bundled checkpoints: measured numbers written beside the weights they belong to.

``evaluation.json`` in a checkpoint's folder records everything that was measured; ``card.json``
repeats its main numbers under ``measured``, beside the recipe, the run and what people wrote.
"""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from muxviz.errors import DataError
from muxviz.evaluation import evaluate, read_data
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.weights import read_json
from muxviz.results import METRICS, Evaluation, Slots, Spread
from muxviz.training.files import locate

GENERAL_TEXT = "corpus/valid_core.txt.xz"  # held-out sentences for read-back
EVALUATION_FILE = "evaluation.json"
FORMAT = 2
DECIMALS = 6  # more than any interval here
NO_DROP = "–"


# ---- an evaluation as plain values ------------------------------------------------------------


def evaluation_dict(result: Evaluation) -> dict[str, Any]:
    """Everything an evaluation holds as plain values, for ``--json`` and the recorded files.

    Numbers that are not defined are null. ``accuracy``, ``per_slot``, ``retrieval_accuracy`` and
    ``retrieval_per_slot`` have the shape they had in format 1; intervals are over rows.
    """
    accuracy, retrieval = result.accuracy, result.retrieval_accuracy
    read = result.read_back
    return {
        "data": result.data,
        "task": result.task,
        "rows": result.rows,
        "units": result.units,
        "cut_rows": result.cut_rows,
        "cut_words": result.cut_words,
        "groupings": result.groupings,
        "seeds": list(result.seeds),
        "copies": result.copies,
        "primary": result.primary,
        "metrics": {
            name: {"what": METRICS[name], **_spread(spread), **_interval(spread)}
            for name, spread in result.metrics.items()
        },
        "accuracy": None if accuracy is None else _spread(accuracy),
        "per_slot": _slots(result.slots),
        "read_back": None if read is None else {**_spread(read), **_interval(read)},
        "retrieval_accuracy": None
        if retrieval is None or read is None
        else {
            "value": retrieval.value,
            **_bounds(read.interval),
            "n": retrieval.trials,
        },
        "retrieval_per_slot": _slots(result.read_slots),
        "forward_passes": result.forward_passes,
        "elapsed_s": result.elapsed_s,
        "provenance": asdict(result.provenance),
        "notes": list(result.notes),
    }


def _spread(spread: Spread) -> dict[str, Any]:
    return {
        "mean": _number(spread.mean),
        "std": _number(spread.std),
        "min": _number(spread.low),
        "max": _number(spread.high),
        "values": [_number(v) for v in spread.values.tolist()],
    }


def _interval(spread: Spread) -> dict[str, Any]:
    return {**_bounds(spread.interval), "interval": spread.method or None}


def _bounds(interval: tuple[float, float] | None) -> dict[str, Any]:
    low, high = (None, None) if interval is None else map(_number, interval)
    return {"low": low, "high": high}


def _slots(slots: Slots | None) -> list[dict[str, Any]]:
    if slots is None:
        return []
    return [
        {"value": _number(share.value), **_bounds(interval), "n": share.trials}
        for share, interval in zip(slots.shares, slots.intervals, strict=True)
    ]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


# ---- measuring and writing --------------------------------------------------------------------


def write_card(
    checkpoint: Checkpoint, data: Path, *, groupings: int = 5, notes: Path | None = None
) -> dict[str, Any]:
    """Measure ``checkpoint`` on its dev set and on held-out text; record it and write its card.

    Args:
        checkpoint: one that lies in a folder with a card from ``muxviz export``.
        data: folder with the recipe's dev set and, for read-back, ``corpus/valid_core.txt.xz``.
        groupings: random groupings of each.
        notes: TOML file whose texts (licence, data, limits ...) go into the card.

    Returns:
        The card, as written. Fields it had before (recipe, run, storage ...) stay.

    Raises:
        DataError: a data file is missing, or the card names no recipe.
    """
    if "recipe" not in checkpoint.card:
        raise DataError(f"{checkpoint.folder} has no card with a recipe; export a training run")
    dev = checkpoint.card["recipe"]["task_dev"]
    rows = read_data(locate(data, dev), checkpoint)
    measured = {"dev": evaluate(checkpoint, rows, name=dev, groupings=groupings)}
    if checkpoint.model.retrieval_head is not None:
        text = read_data(data / GENERAL_TEXT, checkpoint)
        measured["general"] = evaluate(checkpoint, text, name=GENERAL_TEXT, groupings=groupings)
    texts = tomllib.loads(notes.read_text(encoding="utf-8")) if notes else {}
    parts = {name: _rounded(evaluation_dict(result)) for name, result in measured.items()}
    _write(checkpoint.folder / EVALUATION_FILE, {"format": FORMAT, **parts})
    card: dict[str, Any] = _rounded({**checkpoint.card, **texts})
    card["measured"] = {name: summary(part) for name, part in parts.items()}
    _write(checkpoint.folder / "card.json", card)
    return card


def summary(recorded: dict[str, Any]) -> dict[str, Any]:
    """The numbers of one recorded evaluation that a card repeats."""
    kept = ("data", "task", "rows", "units", "cut_rows", "cut_words", "groupings", "seeds")
    more = ("copies", "primary", "accuracy", "retrieval_accuracy", "forward_passes")
    found = recorded["provenance"]
    return {
        **{name: recorded[name] for name in (*kept, *more)},
        "metrics": {
            name: {key: metric[key] for key in ("mean", "std", "min", "max", "low", "high")}
            for name, metric in recorded["metrics"].items()
        },
        "retrieval_per_slot": [slot["value"] for slot in recorded["retrieval_per_slot"]],
        "provenance": {name: found[name] for name in ("num_instances", "fingerprint", "measured")},
        "recorded": EVALUATION_FILE,
    }


def read_evaluation(folder: Path) -> dict[str, Any] | None:
    """The recorded evaluations of a checkpoint folder by part (``dev``, ``general``), or None."""
    path = folder / EVALUATION_FILE
    return read_json(path) if path.is_file() else None


def _write(path: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    """``value`` with its floats at six decimals: a card is to be small."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list | tuple) else value


# ---- against a card, and the table of all cards -----------------------------------------------


def compare_with_card(result: Evaluation, card: dict[str, Any]) -> list[str]:
    """A line per number that the card has on the same data: is the new one within its interval?

    The interval is the card's 95 % interval over rows, widened by half a unit of its last stored
    decimal. Empty where the card has nothing on this data, or used another number of copies.
    """
    lines = []
    for part in card.get("measured", {}).values():
        same = _is_same_data(str(part.get("data")), result.data)
        if not same or part.get("copies", 1) != result.copies:
            continue
        old = {"accuracy": part.get("accuracy")}  # all that a card of format 1 has
        known = part.get("metrics") or old
        lines += [
            _comparison(name, spread.mean, known[name])
            for name, spread in result.metrics.items()
            if known.get(name) and known[name].get("mean") is not None and spread.is_defined
        ]
        read, recorded = result.read_back, part.get("retrieval_accuracy")
        if read is not None and recorded:
            lines.append(_comparison("read back", read.mean, recorded))
    return lines


def _is_same_data(one: str, other: str) -> bool:
    """Whether one name is the other with more folders in front."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")


def _comparison(name: str, value: float, card: dict[str, Any]) -> str:
    there = card.get("mean", card.get("value"))
    low, high = card.get("low"), card.get("high")
    if low is None or high is None:
        return f"{name} {value:.4f}, card {there:.4f} (no interval)"
    slack = 0.5 * 10**-DECIMALS
    says = "within" if low - slack <= value <= high + slack else "OUTSIDE"
    return f"{name} {value:.4f}, card {there:.4f}: {says} its interval ({low:.4f} to {high:.4f})"


def markdown_table() -> str:
    """The bundled checkpoints as a Markdown table, from their cards.

    The score is the primary metric's mean over groupings ± standard deviation over groupings; the
    drop is in points (hundredths) against the card's N = 1 baseline on the same data and metric.
    """
    lines = [
        "| checkpoint | N | task | score on dev | drop against N = 1 "
        "| read-back, dev | read-back, general text |",
        "|---|---|---|---|---|---|---|",
    ]
    cards = {name: _card(name) for name in bundled_names()}
    for name, card in cards.items():
        measured = card.get("measured", {})
        dev = measured.get("dev", {})
        metric, score = _primary(dev)
        cells = (
            name,
            str(dev.get("provenance", {}).get("num_instances", "?")),
            f"{dev.get('data', '?').split('/')[0]}, {metric.replace('_', ' ')}",
            NO_DROP if score is None else f"{score['mean']:.3f} ± {score['std']:.3f}",
            _drop(card, cards.get(card.get("baseline") or "", {})),
            _read_back(dev),
            _read_back(measured.get("general")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _card(name: str) -> dict[str, Any]:
    folder = bundled_folder(name)
    assert folder is not None, "a bundled name has a folder"
    path = folder / "card.json"
    return read_json(path) if path.is_file() else {}


def _primary(dev: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Name and numbers of the headline metric; a card of format 1 has accuracy alone."""
    name = dev.get("primary") or "accuracy"
    found = dev.get("metrics", {}).get(name) or dev.get("accuracy")
    return name, found if found and found.get("mean") is not None else None


def _drop(card: dict[str, Any], baseline: dict[str, Any]) -> str:
    dev, other = (c.get("measured", {}).get("dev", {}) for c in (card, baseline))
    (name, score), (other_name, other_score) = _primary(dev), _primary(other)
    same = (name, dev.get("data")) == (other_name, other.get("data"))
    if score is None or other_score is None or not same:
        return NO_DROP
    return f"{100 * (other_score['mean'] - score['mean']):.1f}"


def _read_back(measured: dict[str, Any] | None) -> str:
    value = (measured or {}).get("retrieval_accuracy")
    return "n/a" if value is None else f"{value['value']:.3f}"
