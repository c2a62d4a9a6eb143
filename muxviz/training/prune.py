"""Prune a model to one or several sparsities, and fine-tune what is left of it at each.

One run with gates goes through the recipe's stages, whose sparsities rise; what the gates leave at
the end of each is cut out and becomes the start of an ordinary run with the recipe's fine-tuning
stages. Both imitate the unpruned model.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from muxviz.errors import ConfigError
from muxviz.training.export import cut_folder
from muxviz.training.loop import check_same_run, train
from muxviz.training.recipe import Recipe
from muxviz.training.run_folder import read_summary
from muxviz.training.state import read_state

GATED = "gates"  # folder of the run with gates, beside those of the fine-tuning


def prune(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    start: Path,
    teacher: Path | None = None,
    resume: bool = False,
    only: tuple[float, ...] = (),
    about: dict[str, Any] | None = None,
) -> list[Path]:
    """Prune ``start`` as ``recipe`` says.

    Args:
        recipe: its stages have a sparsity; its ``fine_tuning`` stages follow each of them.
        start: the unpruned model; also the one that is imitated.
        teacher: a plain model to imitate as well, where a stage asks for it.
        out: ``gates/`` gets the run with gates, ``s60/``, ``s95/`` ... the fine-tuned models.
        resume: go on where a run stopped.
        only: sparsities to fine-tune (all of them where empty). 0 fine-tunes the unpruned model
            with the same stages, to compare with.

    Returns:
        The folders of the finished runs; fewer than asked for where a run was stopped.

    Raises:
        ConfigError: no stage prunes, or ``only`` names a sparsity that none has. TrainingError: a
            finished run there was made with another recipe. Whatever ``train`` raises.
    """
    targets = _targets(recipe, only)
    recipe.check_teacher(is_named=teacher is not None)
    about = {**(about or {}), "pruned_from": start.name}
    common = partial(train, data=data, companion=start, resume=resume, about=about)

    def finish(of: Recipe, run: Path, begin: Path) -> bool:
        """Train a run to its end, unless that was done; whether it is at its end."""
        if not _is_finished(run, of):
            common(of, out=run, start=begin, teacher=teacher if of.asks_teacher else None)
        return _is_finished(run, of)

    gates = out / GATED
    finished: list[Path] = []
    if set(only) != {0}:
        finish(replace(recipe, fine_tuning=()), gates, start)
    for sparsity in dict.fromkeys(only or targets):
        cut = cut_folder(gates, sparsity) if sparsity else start
        if sparsity and not cut.is_dir():
            break
        if not recipe.fine_tuning:
            finished.append(cut)
            continue
        run = out / cut_folder(gates, sparsity).name
        if not finish(tuning_of(recipe, sparsity), run, cut):
            break
        finished.append(run)
    return finished


def _targets(recipe: Recipe, only: tuple[float, ...]) -> list[float]:
    targets = [stage.sparsity for stage in recipe.stages if stage.sparsity]
    if not targets:
        raise ConfigError(f"{recipe.name}: no stage has a sparsity; set it, or use muxviz train")
    unknown = [value for value in only if value not in (0, *targets)]
    if unknown:
        raise ConfigError(f"sparsity {unknown[0]} is none of the recipe's: {targets}")
    if 0 in only and not recipe.fine_tuning:
        raise ConfigError("sparsity 0 is the unpruned model fine-tuned; give [[fine_tuning]]")
    return targets


def tuning_of(recipe: Recipe, sparsity: float) -> Recipe:
    """The recipe of the fine-tuning after ``sparsity``."""
    name = f"{recipe.name}-s{round(100 * sparsity)}"
    pruning = replace(recipe.pruning, readout_width=0)
    return replace(recipe, name=name, stages=recipe.fine_tuning, fine_tuning=(), pruning=pruning)


def _is_finished(run: Path, recipe: Recipe) -> bool:
    if read_summary(run).state != "finished":
        return False
    check_same_run(run, read_state(run), recipe)
    return True
