"""One optimiser step of a run: input, losses, gradients, update.

The loop and ``muxviz bench train`` share it, so what is measured is what trains.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from muxviz.errors import ConfigError
from muxviz.training.batches import with_teacher
from muxviz.training.meters import Meter
from muxviz.training.prepare import Run
from muxviz.training.recipe import Stage


class Stepper:
    """Steps of one run; ``parts`` and ``optimiser`` come from ``accelerator.prepare``."""

    def __init__(
        self, run: Run, accelerator: Accelerator, parts: nn.Module, optimiser: Any, meter: Meter
    ) -> None:
        self.run, self.recipe = run, run.recipe
        self.accelerator, self.parts, self.optimiser = accelerator, parts, optimiser
        self.meter = meter
        self.parameters = [p for group in optimiser.param_groups for p in group["params"]]
        self.samplers: dict[int, Any] = {}
        self.gradient_norm: float | None = None  # of the last step; None: fp16 scales it itself

    def step(self, number: int) -> tuple[Stage, dict[str, float]]:
        """Do global step ``number``; its stage and its losses over all processes."""
        stage, at = self.recipe.stage_at(number)
        index = self.recipe.stage_number(number)
        if index not in self.samplers:
            self.samplers = {index: self.run.sampler(index)}
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(stage, at)
        whole = self.run.maker.make(self.samplers[index].step(at), stage, number)
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        micro = self.recipe.accumulate
        torch.manual_seed((self.recipe.seed * 1_000_003 + number) * processes + process)  # dropout
        self.parts.train()
        sums: dict[str, float] = {}
        norm: Any = None
        for part in range(micro):
            share = whole.part(part * processes + process, micro * processes)
            batch = with_teacher(share, self.run.teacher, stage).to(self.accelerator.device)
            with self.accelerator.accumulate(self.parts):
                with self.accelerator.autocast():
                    terms = self.parts(batch, stage)
                # DDP averages over processes and accelerate over micro-batches; terms are sums.
                self.accelerator.backward(terms.total * (processes * micro))
                if self.accelerator.sync_gradients:
                    norm = self.accelerator.clip_grad_norm_(self.parameters, self.recipe.clip_norm)
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
            self.meter.add_terms(terms, sums)
        self.meter.add_step(whole)
        if self.accelerator.scaler is None and norm is not None:
            self.gradient_norm = float(norm)
        return stage, self.meter.reduce(sums, self.accelerator)


def open_accelerator(precision: str, **more: Any) -> Accelerator:
    """The machinery of this machine in ``precision``.

    Raises:
        ConfigError: the machine cannot do it (fp16 without a GPU, and the like).
    """
    try:
        return Accelerator(mixed_precision=precision, **more)
    except ValueError as error:
        raise ConfigError(
            f"precision {precision!r} does not work on this machine ({error}); use 'no' or 'bf16'"
        ) from error


def learning_rate(stage: Stage, step: int) -> float:
    """Linear warm-up, then linear decay to zero at the stage's end."""
    if step < stage.warmup_steps:
        return stage.learning_rate * (step + 1) / stage.warmup_steps
    left = (stage.steps - step) / max(1, stage.steps - stage.warmup_steps)
    return stage.learning_rate * left


def make_optimiser(run: Run) -> torch.optim.Optimizer:
    """AdamW over everything that trains; matrices decay, norms, biases and slot vectors do not.

    Raises:
        ConfigError: nothing trains.
    """
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in run.parts.named_parameters():
        if parameter.requires_grad:
            is_matrix = parameter.dim() > 1 and "keys" not in name and "instance_emb" not in name
            (decayed if is_matrix else plain).append(parameter)
    if not decayed:
        raise ConfigError(f"{run.recipe.name}: nothing to train")
    groups = [
        {"params": decayed, "weight_decay": run.recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1.0, betas=(0.9, run.recipe.adam_beta2), fused=True)
