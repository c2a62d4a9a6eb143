"""From a run folder to a checkpoint that can be loaded, shown and shared."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from muxviz.batch import Row
from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import CheckpointMissing
from muxviz.inference import run_texts
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.loading.tokenizer import load_tokenizer
from muxviz.model.mux_model import MuxModel
from muxviz.training.data import read_labelled


def state_of_config(config: MuxConfig) -> str:
    """``config`` as JSON text."""
    return json.dumps(asdict(config))


def config_from_state(text: str) -> MuxConfig:
    """The configuration that ``state_of_config`` wrote."""
    values = json.loads(text)
    values["shape"] = BackboneShape(**values["shape"])
    values["labels"] = tuple(values["labels"])
    return MuxConfig(**values)


def read_state(folder: Path) -> dict[str, Any]:
    """The last saved state of a run.

    Raises:
        CheckpointMissing: the folder holds no run.
    """
    path = folder / "state.pt"
    if not path.is_file():
        raise CheckpointMissing(f"no training run at {folder} (no state.pt); give a run folder")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def checkpoint_of_run(folder: Path) -> Checkpoint:
    """The model of a run's last state, as a checkpoint ready for ``muxviz.save``."""
    state = read_state(folder)
    config = config_from_state(state["config"])
    model = MuxModel(config)
    model.load_state_dict(state["model"])
    recipe = json.loads(state["recipe"])
    return Checkpoint(
        name=recipe["name"],
        model=model.eval().requires_grad_(False),
        config=config,
        tokenizer=load_tokenizer(folder, config),
        card={"recipe": recipe, "step": state["step"], "baseline": recipe["baseline"]},
        folder=folder,
        fingerprint="unsaved",
        stored_dtype="float32",
    )


def export_run(
    run: Path, folder: Path, *, dtype: str = "float16", data: Path | None = None
) -> Path:
    """Write a run's last state as a checkpoint folder: each tensor once, the vocabulary as text.

    ``vocab.txt`` says all there is to say about the trimmed WordPiece vocabulary, in a third of the
    bytes of the ``tokenizer.json`` that ``save`` writes. With ``data``, the card says how many
    labels of the recipe's dev set the stored precision leaves as they were.
    """
    checkpoint = checkpoint_of_run(run)
    _write(checkpoint, run, folder, dtype)
    if data is not None:
        stored = load(folder, device="cpu")
        rows = read_labelled(data / checkpoint.card["recipe"]["task_dev"])
        texts = [Row(t, p) for t, p in zip(rows.texts, rows.pairs, strict=True)]
        pairs = zip(run_texts(checkpoint, texts), run_texts(stored, texts), strict=True)
        same = [a.answer.headline == b.answer.headline for a, b in pairs]
        agreement = {"rows": len(same), "label_agreement": sum(same) / len(same)}
        card = {**checkpoint.card, "storage": {"dtype": dtype, **agreement}}
        _write(replace(checkpoint, card=card), run, folder, dtype)
    return folder


def _write(checkpoint: Checkpoint, run: Path, folder: Path, dtype: str) -> None:
    save(checkpoint, folder, dtype=dtype, aliases=False)
    (folder / "tokenizer.json").unlink(missing_ok=True)
    shutil.copy(run / "vocab.txt", folder / "vocab.txt")
