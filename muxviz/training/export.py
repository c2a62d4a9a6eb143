"""From a run folder to a checkpoint that can be loaded, shown and shared."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from muxviz.batch import Row
from muxviz.config import MuxConfig
from muxviz.engine.stream import run_texts
from muxviz.errors import ConfigError
from muxviz.files import is_there
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.loading.save import CARD, check_place, saving, write_json, write_model
from muxviz.loading.tokenizer import load_tokenizer
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.gates import target_at
from muxviz.training.files import locate
from muxviz.training.packed.layout import Layout
from muxviz.training.packed.turn import turned
from muxviz.training.recipe import CLASS_TASKS
from muxviz.training.run_folder import METRICS, SAMPLES, STATE, read_about
from muxviz.training.state import meter_of, model_of_state, read_state, recipe_of
from muxviz.training.tasks import read_task


def cut_folder(run: Path, sparsity: float) -> Path:
    """Where a pruning run puts the model cut at the end of a stage."""
    return run / "cut" / f"s{round(100 * sparsity)}"


def keep_cut(run: Path, sparsity: float) -> Path:
    """Write the model that the gates of a run leave by now as a checkpoint in its folder."""
    folder = cut_folder(run, sparsity)
    with saving(folder, force=True) as beside:
        write_run(checkpoint_of_run(run), run, beside, "float32")
    return folder


def checkpoint_of_run(folder: Path) -> Checkpoint:
    """The model of a run's last state, as a checkpoint ready for ``muxviz.save``."""
    state = read_state(folder)
    model = model_of_state(state)
    config = model.config
    recipe = recipe_of(state)
    return Checkpoint(
        name=recipe["name"],
        model=model.eval().requires_grad_(False),
        config=config,
        tokenizer=load_tokenizer(folder, config),
        card={
            "recipe": _portable(recipe),
            "step": state["step"],
            "baseline": recipe["baseline"],
            "run": _about(folder, state),
        }
        | _pruning(folder, config),
        folder=folder,
        fingerprint="unsaved",
        stored_dtype="float32",
    )


def _pruning(folder: Path, config: MuxConfig) -> dict[str, Any]:
    """What a card says about pruning: how sparse, and which model it was."""
    if config.structure is None:
        return {}
    found: dict[str, Any] = {"sparsity": config.sparsity}
    pruned_from = read_about(folder).get("pruned_from")
    return found | ({"pruned_from": pruned_from} if pruned_from else {})


def _about(folder: Path, state: dict[str, Any]) -> dict[str, Any]:
    """What a card says about the run that made the weights."""
    about: dict[str, Any] = {}
    run = read_about(folder)
    if run:
        names = ("commit", "hardware", "seed", "started")
        about = {name: run.get(name) for name in names}
        if run.get("packed"):
            about["packed"] = run["packed"] | _sharing(state)
        # A card is shared: of the paths of the machine only the last part is kept.
        about["config"] = _last_part(run.get("recipe_file"))
        about["start"], about["teacher"] = _last_part(run["start"]), _last_part(run["teacher"])
        about["command"] = [_without_folders(word) for word in run.get("command") or []]
    return about | meter_of(state) | {"steps": state["step"]}


def _sharing(state: dict[str, Any]) -> dict[str, float]:
    """How far the slot vectors had gone when the state was saved; {} for chunks."""
    share, left = 0.0, int(state["step"])
    for stage in recipe_of(state)["stages"]:
        if left > 0 and stage.get("sharing"):
            start, warmup = share, stage["sharing_warmup"]
            share = target_at(left - 1, start=start, end=stage["sharing"], warmup=warmup)
        left -= stage["steps"]
    return {"sharing": round(share, 4)} if share else {}


def _portable(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe without the folders of the machine it ran on."""
    names = ("vocabulary", "task_train", "task_dev")
    return recipe | {name: _last_part(recipe[name] or None) or "" for name in names}


def _last_part(path: str | None) -> str | None:
    return Path(path).name if path and Path(path).is_absolute() else path


def _without_folders(word: str) -> str:
    """A word of a command; of ``--out=/folder/name`` only the name is kept, as of a path alone."""
    option, equals, path = word.partition("=")
    return f"{option}={_last_part(path)}" if equals else _last_part(word) or ""


def export_run(
    run: Path,
    folder: Path,
    *,
    dtype: str = "float16",
    data: Path | None = None,
    max_length: int | None = None,
    turn: int | None = None,
    force: bool = False,
) -> Path:
    """Write a run's last state as a checkpoint folder: each tensor once, the vocabulary as text.

    With ``turn``, ``run`` may be a packed checkpoint, too.

    The curves of the run (``metrics.jsonl``, ``samples.jsonl``) go beside the weights.
    ``vocab.txt`` says all there is to say about a WordPiece vocabulary, in a third of the bytes of
    the ``tokenizer.json`` that ``save`` writes. With ``data``, the card says how many answers on
    the recipe's dev set the stored precision leaves as they were. ``max_length`` keeps only so many
    rows of the position table, where a folder is to be small. ``turn``: a packed model in another
    basis, drawn from this seed; it answers the same. ``force`` as in ``save``.

    Raises:
        ConfigError: ``max_length`` is not between 8 and the model's own, or what is to be turned is
            not a packed model before its free stages. CheckpointError: the run
            cannot be read, or the folder not be written; see ``save``.
    """
    check_place(folder, force)
    is_checkpoint = turn is not None and not is_there(run / STATE)
    checkpoint = load(str(run), device="cpu") if is_checkpoint else checkpoint_of_run(run)
    if max_length is not None:
        checkpoint = _shortened(checkpoint, max_length)
    if turn is not None:
        checkpoint = _turned(checkpoint, turn)
    with saving(folder, force=force) as beside:
        texts = [] if data is None else dev_texts(checkpoint, data)
        write_run(checkpoint, checkpoint.folder, beside, dtype)
        if texts:
            stored = load(beside, device="cpu")
            pairs = zip(run_texts(checkpoint, texts), run_texts(stored, texts), strict=True)
            same = [a.answer.headline == b.answer.headline for a, b in pairs]
            agreement = {"rows": len(same), "label_agreement": sum(same) / len(same)}
            card = {**checkpoint.card, "storage": {"dtype": dtype, **agreement}}
            write_json(beside / CARD, card)
    return folder


def dev_texts(checkpoint: Checkpoint, data: Path) -> list[Row]:
    """The texts of the recipe's dev set; none where answers are no labels."""
    recipe = checkpoint.card["recipe"]
    if recipe["task"] not in CLASS_TASKS:
        return []
    rows = read_task(
        locate(data, recipe["task_dev"]), labels=checkpoint.config.labels, task=recipe["task"]
    )
    return [Row(text, pair) for text, pair in zip(rows.texts, rows.pairs, strict=True)]


def _shortened(checkpoint: Checkpoint, positions: int) -> Checkpoint:
    """The same model for texts of at most ``positions`` tokens."""
    shape = checkpoint.config.shape
    if not 8 <= positions <= shape.max_position_embeddings:
        raise ConfigError(
            f"max_length is {positions}; this model has {shape.max_position_embeddings} positions, "
            "so give a number from 8 to that"
        )
    state = checkpoint.model.state_dict()
    name = "embeddings.position_embeddings.weight"
    state[name] = state[name][:positions]
    config = replace(
        checkpoint.config,
        shape=replace(shape, max_position_embeddings=positions),
        fixed_length=min(checkpoint.config.fixed_length, positions),
    )
    model = MuxModel(config)
    model.load_state_dict(state)
    return replace(checkpoint, model=model.eval().requires_grad_(False), config=config)


def _turned(checkpoint: Checkpoint, seed: int) -> Checkpoint:
    """The same answers in another basis."""
    made = checkpoint.card.get("run") or {}
    known = made.get("packed")
    if not known:
        raise ConfigError(
            f"{checkpoint.folder} is no packed run; only a packed model before its free stages can "
            "be turned"
        )
    layout = Layout.of(
        checkpoint.config.shape,
        checkpoint.config.num_instances,
        own=known["slot_width"],
        heads=known["slot_heads"],
        units=known["slot_units"],
    )
    model = turned(checkpoint.model, layout, seed=seed)
    card = checkpoint.card | {"run": made | {"packed": known | {"turned": seed}}}
    card.pop("measured", None)  # the answers are the same; what else is measured need not be
    return replace(checkpoint, model=model.eval(), config=model.config, card=card)


def write_run(checkpoint: Checkpoint, run: Path, folder: Path, dtype: str) -> None:
    """Write a model, and what stands beside it in ``run``."""
    write_model(checkpoint, folder, dtype=dtype, aliases=False)
    if (run / "vocab.txt").is_file():
        (folder / "tokenizer.json").unlink(missing_ok=True)
    for name in ("vocab.txt", METRICS, SAMPLES):
        if (run / name).is_file():
            shutil.copyfile(run / name, folder / name)
