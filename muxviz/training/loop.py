"""The loop: steps, progress, ``metrics.jsonl``, exact resume.

A run folder holds ``recipe.json``, ``vocab.txt``, ``state.pt`` (weights, optimiser, step) and
``metrics.jsonl``. What a step sees depends only on the seed and the step number, and dropout is
seeded per step, so a run that is stopped and resumed ends in the same weights.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm
from transformers import BertTokenizer, PreTrainedTokenizerBase

from muxviz.errors import TrainingError
from muxviz.model.mux_model import MuxModel
from muxviz.training.data import (
    UNLABELLED,
    LabelledRows,
    Sampler,
    TokenRows,
    read_labelled,
    read_sentences,
    tokenise,
)
from muxviz.training.export import config_from_state, read_state, state_of_config
from muxviz.training.losses import Batch, step_losses
from muxviz.training.recipe import Recipe, Stage
from muxviz.training.start import cut_encoder, plain_model, read_initial, student_model
from muxviz.training.teacher import TeacherStates, teacher_states

LOG_EVERY = 50  # steps
SAVE_EVERY = 500  # steps


@dataclass(frozen=True)
class Run:
    """A run ready to go on. helper: see ``step_losses``."""

    recipe: Recipe
    model: MuxModel
    helper: nn.Linear
    tokenizer: PreTrainedTokenizerBase
    rows: TokenRows
    task_rows: int
    dev: LabelledRows
    teacher: TeacherStates | None


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    start: Path,
    resume: bool = False,
    stop_at: int | None = None,
) -> Run:
    """Run ``recipe`` to its end (or to step ``stop_at``), saving under ``out``.

    Args:
        recipe: what to do.
        data: folder that the recipe's data paths are relative to.
        start: where the weights come from: the folder of a BERT encoder for N = 1, the run folder
            of the N = 1 teacher otherwise.
        out: run folder; created. An existing run there is only continued with ``resume``.
        resume: go on from ``out/state.pt`` if it is there.
        stop_at: stop before this step, as an interruption would; for tests and slices.

    Raises:
        TrainingError: the folder holds another run, or a loss is not a number.
    """
    out.mkdir(parents=True, exist_ok=True)
    state_file = out / "state.pt"
    if state_file.exists() and not resume:
        raise TrainingError(f"{out} already holds a run; continue it with --resume or name another")
    state = None
    if state_file.exists():
        state = read_state(out)
        _check_same_run(state_file, json.loads(state["recipe"]), recipe, int(state["step"]))
    run = prepare_run(recipe, data, out, start)
    optimiser = torch.optim.AdamW(_parameter_groups(run), lr=1.0, betas=(0.9, 0.98))
    step = 0
    if state is not None:
        step = int(state["step"])
        run.model.load_state_dict(state["model"])
        run.helper.load_state_dict(state["helper"])
        optimiser.load_state_dict(state["optimiser"])
        _forget_later_metrics(out / "metrics.jsonl", step)
    (out / "recipe.json").write_text(json.dumps(recipe.to_dict(), indent=1))
    last = recipe.total_steps if stop_at is None else min(stop_at, recipe.total_steps)
    _steps(run, optimiser, step, last, out)
    return run


def prepare_run(recipe: Recipe, data: Path, out: Path, start: Path) -> Run:
    """Read data, build tokenizer and fresh model, and compute the teacher's states if any."""
    train_rows = read_labelled(data / recipe.task_train)
    dev = read_labelled(data / recipe.task_dev)
    general = read_sentences(
        [data / name for name in recipe.general], limit=recipe.general_sentences, seed=recipe.seed
    )
    vocab_file = out / "vocab.txt"
    before = vocab_file.read_bytes() if vocab_file.is_file() else None
    torch.manual_seed(recipe.seed)
    if recipe.num_instances > 1:
        teacher, probe = _read_teacher(start)
        vocab_file.write_text((start / "vocab.txt").read_text(encoding="utf-8"), encoding="utf-8")
        model = student_model(teacher, recipe, probe, recipe.dropout)
        helper = nn.Linear(model.config.shape.hidden_size, model.config.shape.hidden_size)
    else:
        initial = read_initial(start)
        pieces, old_ids = cut_encoder(initial, recipe, [list(train_rows.texts), general or [""]])
        vocab_file.write_text("\n".join(pieces) + "\n", encoding="utf-8")
        model = plain_model(initial, recipe, old_ids, dropout=recipe.dropout)
        helper = nn.Linear(model.config.shape.hidden_size, model.config.num_labels)
    if before not in (None, vocab_file.read_bytes()):
        vocab_file.write_bytes(before or b"")
        raise TrainingError(f"{start} has another vocabulary than the run in {out}; name its start")
    tokenizer = BertTokenizer(vocab=str(vocab_file), do_lower_case=True)
    labels = np.concatenate([train_rows.labels, np.full(len(general), UNLABELLED)])
    rows = tokenise(tokenizer, [*train_rows.texts, *general], labels, max_length=recipe.max_length)
    states = None
    if recipe.num_instances > 1:
        states = teacher_states(
            teacher, rows, out.parent / "teacher-cache", autocast=recipe.autocast
        )
    return Run(recipe, model, helper, tokenizer, rows, len(train_rows.texts), dev, states)


def _read_teacher(folder: Path) -> tuple[MuxModel, nn.Linear]:
    """The N = 1 model of a run, frozen, and its probe."""
    state = read_state(folder)
    model = MuxModel(config_from_state(state["config"]))
    model.load_state_dict(state["model"])
    probe = nn.Linear(model.config.shape.hidden_size, model.config.num_labels)
    probe.load_state_dict(state["helper"])
    return model.eval().requires_grad_(False), probe


def _parameter_groups(run: Run) -> list[dict[str, Any]]:
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for module in (run.model, run.helper):
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                is_matrix = parameter.dim() > 1 and "keys" not in name
                (decayed if is_matrix else plain).append(parameter)
    return [
        {"params": decayed, "weight_decay": run.recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def learning_rate(stage: Stage, step: int) -> float:
    """Linear warm-up, then linear decay to zero at the stage's end."""
    if step < stage.warmup_steps:
        return stage.learning_rate * (step + 1) / stage.warmup_steps
    left = (stage.steps - step) / max(1, stage.steps - stage.warmup_steps)
    return stage.learning_rate * left


def _steps(run: Run, optimiser: torch.optim.Optimizer, step: int, last: int, out: Path) -> None:
    recipe = run.recipe
    samplers = {
        stage.name: Sampler(
            run.rows.lengths,
            task_rows=run.task_rows,
            num_instances=recipe.num_instances,
            groups=stage.groups,
            general_share=stage.general_share,
            bucketed_share=stage.bucketed_share,
            seed=recipe.seed + 1000 * index,
        )
        for index, stage in enumerate(recipe.stages)
    }
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    seen, started = 0, time.perf_counter()
    recent: list[dict[str, float]] = []
    run.model.train()
    with (
        (out / "metrics.jsonl").open("a") as log,
        tqdm(total=recipe.total_steps, initial=step, unit="step", desc=recipe.name) as bar,
    ):
        while step < last:
            stage, stage_step = recipe.stage_at(step)
            rate = learning_rate(stage, stage_step)
            for group in optimiser.param_groups:
                group["lr"] = rate
            generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
            torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout
            batch = _batch(run, samplers[stage.name].step(stage_step), stage)
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.autocast):
                losses = step_losses(run.model, stage, batch, run.helper, generator)
            if not math.isfinite(losses.total.item()):
                raise TrainingError(
                    f"loss is {losses.total.item()} at step {step}; {_last_good(out)}. Lower the "
                    "learning rate of a stage that has not begun and --resume, or start anew"
                )
            optimiser.zero_grad(set_to_none=True)
            losses.total.backward()
            nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)
            optimiser.step()
            step += 1
            seen += batch.ids.shape[0] * batch.ids.shape[1]
            recent.append(losses.terms)
            bar.update()
            if step % LOG_EVERY == 0 or step == last:
                row = _log_row(stage, step, rate, recent, seen, time.perf_counter() - started)
                log.write(json.dumps(row) + "\n")
                log.flush()
                bar.set_postfix({k: f"{v:.3f}" for k, v in row["losses"].items()})
                recent = []
            if step % SAVE_EVERY == 0 or step == last:
                _save_state(out / "state.pt", recipe, run, optimiser, step)
    run.model.eval()


def _batch(run: Run, rows: np.ndarray, stage: Stage) -> Batch:
    groups, num = rows.shape
    ids, mask = run.rows.pad(rows.ravel(), run.model.config.shape.pad_token_id)
    hidden = logits = None
    if run.teacher is not None:
        hidden, logits = run.teacher.gather(rows.ravel(), ids.shape[1])
        hidden = hidden.view(groups, num, *hidden.shape[1:])
        logits = logits.view(groups, num, -1)
    return Batch(
        torch.from_numpy(ids).view(groups, num, -1),
        torch.from_numpy(mask).view(groups, num, -1),
        torch.from_numpy(run.rows.labels[rows]),
        hidden,
        logits,
    )


def _log_row(
    stage: Stage,
    step: int,
    rate: float,
    recent: list[dict[str, float]],
    seen: int,
    elapsed_s: float,
) -> dict[str, Any]:
    names = sorted({name for terms in recent for name in terms})
    means = {n: float(np.mean([t[n] for t in recent if n in t])) for n in names}
    return {
        "step": step,
        "stage": stage.name,
        "learning_rate": rate,
        "losses": means,
        "instances_per_s": round(seen / elapsed_s, 1),
    }


def _save_state(
    path: Path, recipe: Recipe, run: Run, optimiser: torch.optim.Optimizer, step: int
) -> None:
    state = {
        "format": 1,
        "step": step,
        "recipe": json.dumps(recipe.to_dict()),
        "config": state_of_config(run.model.config),
        "model": run.model.state_dict(),
        "helper": run.helper.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def _last_good(out: Path) -> str:
    state = out / "state.pt"
    return f"the last good state is {state}" if state.is_file() else "no state was saved yet"


def _forget_later_metrics(path: Path, step: int) -> None:
    """Drop rows that were logged after the state was saved; the resumed run logs them again."""
    if not path.is_file():
        return
    lines = path.read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["step"] <= step]
    path.write_text("".join(f"{line}\n" for line in kept))


def _check_same_run(path: Path, old: dict[str, Any], recipe: Recipe, step: int) -> None:
    """Refuse to resume under another recipe; stages that have not begun may differ."""
    new = json.loads(json.dumps(recipe.to_dict()))
    begun, left = 0, step
    while left > 0 and begun < len(old["stages"]):
        left -= old["stages"][begun]["steps"]
        begun += 1
    for name in new:
        before, now = old.get(name, ()), new[name]
        if name == "stages":
            before, now = before[:begun], now[:begun]
        if before != now:
            raise TrainingError(
                f"{path} was made with another {name} ({before} then, {now} now); resume with the "
                "same recipe, or name a new folder"
            )
