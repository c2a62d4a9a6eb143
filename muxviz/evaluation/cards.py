"""Cards of the bundled checkpoints: measured numbers written beside the weights they belong to.

``evaluation.json`` in a checkpoint's folder records everything that was measured; ``card.json``
repeats its main numbers under ``measured``, beside the recipe, the run and what people wrote.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from muxviz import files
from muxviz.errors import DataError, FileError
from muxviz.evaluation import evaluate, read_data
from muxviz.evaluation.calibration import calibrate, can_calibrate
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.checkpoint import Checkpoint
from muxviz.printable import printable
from muxviz.results import METRICS, Evaluation, Slots, Spread
from muxviz.training.files import locate

GENERAL_TEXT = "corpus/valid_core.txt.xz"  # held-out sentences for read-back
EVALUATION_FILE = "evaluation.json"
FORMAT = 2
DECIMALS = 6  # more than any interval here
OURS = {"calibration", "measured", "recipe", "run"}  # fields of a card that notes do not replace
NO_DROP = "–"
UNREADABLE = "unreadable"
MOST_IN_A_CELL = 200  # characters


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


def read_notes(path: Path | None) -> dict[str, Any]:
    """The texts (licence, data, limits ...) of a TOML file that are to go into cards.

    Raises:
        DataError: it cannot be read, or has one of the fields that are measured.
    """
    texts = files.read_toml(path, expected="a TOML file of texts") if path is not None else {}
    taken = sorted(set(texts) & OURS)
    if taken:
        raise DataError(f"{path}: {', '.join(taken)} of a card is measured; take it out")
    return texts


def check_measurable(checkpoint: Checkpoint, data: Path) -> str:
    """The dev set that a checkpoint is measured on, as its card names it.

    Raises:
        DataError: the card names none, or the data is not there.
    """
    dev = _part(checkpoint.card, "recipe").get("task_dev")
    if not isinstance(dev, str):
        raise DataError(f"{checkpoint.folder} has no card with a recipe; export a training run")
    locate(data, dev)
    return dev


def write_card(
    checkpoint: Checkpoint,
    data: Path,
    *,
    groupings: int = 5,
    notes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure ``checkpoint`` on its dev set and on held-out text; record it and write its card.

    Args:
        checkpoint: one that lies in a folder with a card from ``muxviz export``.
        data: folder with the recipe's dev set and, for read-back, ``corpus/valid_core.txt.xz``.
        groupings: random groupings of each.
        notes: from ``read_notes``.

    Returns:
        The card, as written. Fields it had before (recipe, run, storage ...) stay.

    Raises:
        DataError: a data file is missing, the card names no recipe, or its folder cannot be
            written to (said before anything is measured).
    """
    dev, folder = check_measurable(checkpoint, data), checkpoint.folder
    with (
        files.results_file(folder / EVALUATION_FILE) as write_evaluation,
        files.results_file(folder / "card.json") as write,
    ):
        rows = read_data(locate(data, dev), checkpoint)
        measured = {"dev": evaluate(checkpoint, rows, name=dev, groupings=groupings)}
        if checkpoint.model.retrieval_head is not None:
            text = read_data(data / GENERAL_TEXT, checkpoint)
            measured["general"] = evaluate(checkpoint, text, name=GENERAL_TEXT, groupings=groupings)
        parts = {name: _rounded(evaluation_dict(result)) for name, result in measured.items()}
        card: dict[str, Any] = _rounded({**checkpoint.card, **(notes or {})})
        card["measured"] = {name: summary(part) for name, part in parts.items()}
        if can_calibrate(checkpoint, data):
            card["calibration"] = _rounded(calibrate(checkpoint, data))
        write_evaluation(_line({"format": FORMAT, **parts}))
        write(_line(card))
    return card


def write_calibration(checkpoint: Checkpoint, data: Path) -> dict[str, Any]:
    """Fit and judge a temperature alone, and put it into the card; see ``calibrate``.

    Raises:
        NotApplicable: not a classifier of texts. DataError: as of ``write_card``.
    """
    with files.results_file(checkpoint.folder / "card.json") as write:
        card = _rounded({**checkpoint.card, "calibration": calibrate(checkpoint, data)})
        write(_line(card))
    return dict(card)


def _line(value: dict[str, Any]) -> str:
    return files.json_text(value, separators=(",", ":")) + "\n"


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
    return files.read_json(path) if path.is_file() else None


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
    for name in _part(card, "measured"):
        part = _part(card, "measured", name)
        same = _is_same_data(str(part.get("data")), result.data)
        if not same or part.get("copies", 1) != result.copies:
            continue
        old = {"accuracy": part.get("accuracy")}  # all that a card of format 1 has
        known = _part(part, "metrics") or old
        lines += [
            _comparison(name, spread.mean, _part(known, name))
            for name, spread in result.metrics.items()
            if _share(_part(known, name), "mean") is not None and spread.is_defined
        ]
        read, recorded = result.read_back, _part(part, "retrieval_accuracy")
        if read is not None and _share(recorded, "value") is not None:
            lines.append(_comparison("read back", read.mean, recorded))
    return lines


def _is_same_data(one: str, other: str) -> bool:
    """Whether one name is the other with more folders in front."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")


def _comparison(name: str, value: float, card: dict[str, Any]) -> str:
    there = _share(card, "mean" if "mean" in card else "value")
    low, high = _share(card, "low"), _share(card, "high")
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
    cards = bundled_cards()
    for name, card in cards.items():
        dev = _part(card, "measured", "dev")
        metric, score = _primary(dev)
        task = f"{str(dev.get('data', '?')).split('/')[0]}, {metric.replace('_', ' ')}"
        cells = (
            name,
            str(_part(dev, "provenance").get("num_instances", "?")),
            card.get(UNREADABLE, task),
            NO_DROP if score is None else _mean_and_std(score),
            _drop(card, cards.get(str(card.get("baseline")), {})),
            _read_back(dev),
            _read_back(_part(card, "measured", "general")),
        )
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines)


def bundled_cards() -> dict[str, dict[str, Any]]:
    """The cards of the bundled checkpoints by name."""
    return {name: _card(name) for name in bundled_names()}


def _card(name: str) -> dict[str, Any]:
    """A card as it is; of one that cannot be read, only what is wrong with it."""
    folder = bundled_folder(name)
    assert folder is not None, "a bundled name has a folder"
    path = folder / "card.json"
    try:
        return files.read_json(path) if path.is_file() else {}
    except FileError as error:
        return {UNREADABLE: f"card.json {error.given}"}


def _part(value: Any, *names: str) -> dict[str, Any]:
    """The object at the end of a path of fields; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _share(value: dict[str, Any], name: str) -> float | None:
    """A score of a card; None for anything else than a number that a score can be."""
    return files.real_number(value.get(name), low=-1000, high=1000)


def _cell(text: str) -> str:
    """What may stand in a cell of a Markdown table."""
    return printable(text[:MOST_IN_A_CELL]).replace("|", "\\|")


def _primary(dev: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Name and numbers of the headline metric; a card of format 1 has accuracy alone."""
    name = str(dev.get("primary") or "accuracy")
    found = _part(dev, "metrics", name) or _part(dev, "accuracy")
    return name, found if _share(found, "mean") is not None else None


def _mean_and_std(score: dict[str, Any]) -> str:
    std = _share(score, "std")
    return f"{_share(score, 'mean'):.3f}" + ("" if std is None else f" ± {std:.3f}")


def _drop(card: dict[str, Any], baseline: dict[str, Any]) -> str:
    dev, other = (_part(c, "measured", "dev") for c in (card, baseline))
    (name, score), (other_name, other_score) = _primary(dev), _primary(other)
    same = (name, dev.get("data")) == (other_name, other.get("data"))
    if score is None or other_score is None or not same:
        return NO_DROP
    return f"{100 * ((_share(other_score, 'mean') or 0) - (_share(score, 'mean') or 0)):.1f}"


def _read_back(measured: dict[str, Any]) -> str:
    value = _share(_part(measured, "retrieval_accuracy"), "value")
    return "n/a" if value is None else f"{value:.3f}"
