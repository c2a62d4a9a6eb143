"""Cards of the bundled checkpoints: measured numbers written beside the weights they belong to."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from muxviz.errors import DataError
from muxviz.evaluation import evaluate, read_data
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.weights import read_json
from muxviz.results import Evaluation

GENERAL_TEXT = "corpus/valid_core.txt.xz"  # held-out sentences for read-back


def evaluation_dict(result: Evaluation) -> dict[str, Any]:
    """The numbers of an evaluation as plain values, for ``--json`` and cards."""
    accuracy, retrieval = result.accuracy, result.retrieval_accuracy
    return {
        "data": result.data,
        "rows": result.rows,
        "groupings": result.groupings,
        "seeds": list(result.seeds),
        "accuracy": None
        if accuracy is None
        else {
            "mean": accuracy.mean,
            "std": accuracy.std,
            "min": accuracy.low,
            "max": accuracy.high,
            "values": accuracy.values.tolist(),
        },
        "per_slot": [_share(p) for p in result.slot_accuracy],
        "retrieval_accuracy": None if retrieval is None else _share(retrieval),
        "retrieval_per_slot": [_share(p) for p in result.retrieval],
        "forward_passes": result.forward_passes,
        "elapsed_s": result.elapsed_s,
        "provenance": asdict(result.provenance),
    }


def _share(proportion: Any) -> dict[str, Any]:
    low, high = proportion.interval
    if not proportion.trials:
        return {"value": None, "low": None, "high": None, "n": 0}
    return {"value": proportion.value, "low": low, "high": high, "n": proportion.trials}


def write_card(
    checkpoint: Checkpoint, data: Path, *, groupings: int = 5, notes: Path | None = None
) -> dict[str, Any]:
    """Measure ``checkpoint`` on its dev set and on held-out text, and write both into its card.

    Args:
        checkpoint: one that lies in a folder with a card from ``muxviz export``.
        data: folder with the recipe's dev set and, for read-back, ``corpus/valid_core.txt.xz``.
        groupings: random groupings of the dev set.
        notes: TOML file whose texts (licence, data, limits ...) go into the card.

    Raises:
        DataError: a data file is missing, or the card names no recipe.
    """
    if "recipe" not in checkpoint.card:
        raise DataError(f"{checkpoint.folder} has no card with a recipe; export a training run")
    dev = checkpoint.card["recipe"]["task_dev"]
    measured = {
        "dev": evaluation_dict(
            evaluate(checkpoint, read_data(data / dev, checkpoint), name=dev, groupings=groupings)
        )
    }
    if checkpoint.model.retrieval_head is not None:
        text = read_data(data / GENERAL_TEXT, checkpoint)
        measured["general"] = evaluation_dict(
            evaluate(checkpoint, text, name=GENERAL_TEXT, groupings=1)
        )
    texts = tomllib.loads(notes.read_text(encoding="utf-8")) if notes else {}
    card = {**checkpoint.card, **texts, "measured": measured}
    path = checkpoint.folder / "card.json"
    path.write_text(json.dumps(_rounded(card)) + "\n", encoding="utf-8")
    return card


def _rounded(value: Any) -> Any:
    """Six decimals are more than any interval here; a card is to be small."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list | tuple) else value


def markdown_table() -> str:
    """The bundled checkpoints as a Markdown table, from their cards."""
    lines = [
        "| checkpoint | N | SST-2 dev accuracy | read-back, SST-2 dev | read-back, general text |",
        "|---|---|---|---|---|",
    ]
    for name in bundled_names():
        folder = bundled_folder(name)
        assert folder is not None, "a bundled name has a folder"
        measured = read_json(folder / "card.json")["measured"]
        accuracy = measured["dev"]["accuracy"]
        cells = (
            name,
            str(measured["dev"]["provenance"]["num_instances"]),
            f"{accuracy['mean']:.3f} ± {accuracy['std']:.3f}",
            _read_back(measured["dev"]),
            _read_back(measured.get("general")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _read_back(measured: dict[str, Any] | None) -> str:
    value = (measured or {}).get("retrieval_accuracy")
    return "n/a" if value is None else f"{value['value']:.3f}"
