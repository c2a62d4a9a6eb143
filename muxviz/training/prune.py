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
from muxviz.training.loop import train
from muxviz.training.recipe import Recipe
from muxviz.training.run_folder import read_summary

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
        ConfigError: no stage prunes, or ``only`` names a sparsity that none has. Whatever ``train``
            raises.
    """
    targets = [stage.sparsity for stage in recipe.stages if stage.sparsity]
    if not targets:
        raise ConfigError(f"{recipe.name}: no stage has a sparsity; set it, or use muxviz train")
    unknown = [value for value in only if value not in (0, *targets)]
    if unknown:
        raise ConfigError(f"sparsity {unknown[0]} is none of the recipe's: {targets}")
    if 0 in only and not recipe.fine_tuning:
        raise ConfigError("sparsity 0 is the unpruned model fine-tuned; give [[fine_tuning]]")
    gates = out / GATED
    about = {**(about or {}), "pruned_from": start.name}
    run_of = partial(train, data=data, teacher=teacher, companion=start, resume=resume, about=about)
    finished: list[Path] = []
    if not _is_finished(gates) and set(only) != {0}:
        run_of(replace(recipe, fine_tuning=()), out=gates, start=start)
    for sparsity in dict.fromkeys(only or targets):
        cut = cut_folder(gates, sparsity) if sparsity else start
        if sparsity and not cut.is_dir():
            break
        if not recipe.fine_tuning:
            finished.append(cut)
            continue
        run = out / cut_folder(gates, sparsity).name
        if not _is_finished(run):
            run_of(tuning_of(recipe, sparsity), out=run, start=cut)
        if not _is_finished(run):
            break
        finished.append(run)
    return finished


def tuning_of(recipe: Recipe, sparsity: float) -> Recipe:
    """The recipe of the fine-tuning after ``sparsity``."""
    name = f"{recipe.name}-s{round(100 * sparsity)}"
    return replace(recipe, name=name, stages=recipe.fine_tuning, fine_tuning=(), readout_width=0)


def _is_finished(run: Path) -> bool:
    summary = read_summary(run)
    return summary.state == "finished"
