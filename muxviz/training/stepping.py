"""One optimiser step of a run: input, losses, gradients, update.

The loop and ``muxviz bench train`` share it, so what is measured is what trains.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from muxviz.errors import ConfigError, TrainingError
from muxviz.training.batches import with_teacher
from muxviz.training.meters import Meter
from muxviz.training.packed.prepare import share_slots
from muxviz.training.prepare import Run
from muxviz.training.pruning import target_of
from muxviz.training.recipe import Stage


class Stepper:
    """Steps of one run; ``parts`` and ``optimiser`` come from ``accelerator.prepare``."""

    def __init__(
        self, run: Run, accelerator: Accelerator, parts: nn.Module, optimiser: Any, meter: Meter
    ) -> None:
        self.run, self.recipe = run, run.recipe
        self.accelerator, self.parts, self.optimiser = accelerator, parts, optimiser
        self.meter = meter
        groups = [group for group in optimiser.param_groups if "gates" not in group]
        self.parameters = [p for group in groups for p in group["params"]]
        self.samplers: dict[int, Any] = {}
        self.attending = attention_for(accelerator)
        self.gradient_norm: float | None = None  # of the last step; None: fp16 scales it itself

    def step(self, number: int) -> tuple[Stage, dict[str, float]]:
        """Do global step ``number``; its stage and its losses over all processes."""
        stage, at = self.recipe.stage_at(number)
        index = self.recipe.stage_number(number)
        if index not in self.samplers:
            shares = self.accelerator.num_processes * self.recipe.training.accumulate
            self.samplers = {index: self.run.sampler(index, shares)}
        for group in self.optimiser.param_groups:
            is_gate = "gates" in group
            group["lr"] = stage.gate_learning_rate if is_gate else learning_rate(stage, at)
        target = target_of(self.recipe, index, at)
        share_slots(self.run.parts.model, self.recipe, index, at)
        whole = self.run.maker.make(self.samplers[index].step(at), stage, number)
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        micro = self.recipe.training.accumulate
        torch.manual_seed((self.recipe.seed * 1_000_003 + number) * processes + process)  # dropout
        self.parts.train()
        sums: dict[str, float] = {}
        norm: Any = None
        for part in range(micro):
            share = whole.part(part * processes + process, micro * processes)
            batch = with_teacher(share, self.run.teacher, stage).to(self.accelerator.device)
            with self.accelerator.accumulate(self.parts), self.attending:
                with self.accelerator.autocast():
                    terms = self.parts(batch, stage, target)
                # DDP averages over processes and accelerate over micro-batches; terms are sums.
                self.accelerator.backward(terms.total * (processes * micro))
                if self.accelerator.sync_gradients:
                    norm = self.accelerator.clip_grad_norm_(
                        self.parameters, self.recipe.training.clip_norm
                    )
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
            self.meter.add_terms(terms, sums)
        if self.run.parts.gates is not None:
            self.run.parts.gates.constrain()
        self.meter.add_step(whole)
        if self.accelerator.scaler is None and norm is not None:
            self.gradient_norm = float(norm)
        return stage, self.meter.reduce(sums, self.accelerator)


def attention_for(accelerator: Accelerator) -> AbstractContextManager[None]:
    """Which kernel of attention suits the machine; may be entered again and again.

    The gradient of the fused one takes five to ten times as long as the plain one's in bfloat16 on
    a CPU.
    """
    is_slow = accelerator.device.type == "cpu" and accelerator.mixed_precision == "bf16"
    return _Plain() if is_slow else nullcontext()


class _Plain(AbstractContextManager[None]):
    """Attention as matrix products and a softmax."""

    def __enter__(self) -> None:
        self._held: Any = sdpa_kernel(SDPBackend.MATH)
        self._held.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._held.__exit__(*error)


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
    decayed, plain, *gated = _trained(run.parts)
    if not decayed:
        raise ConfigError(f"{run.recipe.name}: nothing to train")
    parameters = dict(run.parts.named_parameters())
    groups: list[dict[str, Any]] = [
        {
            "params": [parameters[n] for n in decayed],
            "weight_decay": run.recipe.training.weight_decay,
        },
        {"params": [parameters[n] for n in plain], "weight_decay": 0.0},
    ]
    for names, ascends in zip(gated, (False, True), strict=False):
        own = {"weight_decay": 0.0, "betas": (0.9, 0.999), "maximize": ascends, "gates": True}
        groups.append({"params": [parameters[n] for n in names], **own})
    return torch.optim.AdamW(
        groups, lr=1.0, betas=(0.9, run.recipe.training.adam_beta2), fused=True
    )


def restore(
    run: Run, optimiser: torch.optim.Optimizer, weights: dict[str, Any], saved: dict[str, Any]
) -> None:
    """Put back saved ``weights`` of the parts, and what the optimiser knew of each.

    A stage that has not begun may bring parts that the run did not have (a map to the teacher's
    states, a probe): those start fresh.

    Raises:
        TrainingError: the model itself is another one.
    """
    fresh = run.parts.state_dict().keys() - weights.keys()
    unknown = weights.keys() - run.parts.state_dict().keys()
    if unknown or any(name.startswith("model.") for name in fresh):
        name = min(unknown or fresh)
        raise TrainingError(
            f"the saved state and the recipe do not have the same parts ({name}); resume with the "
            "recipe that the run was made with, or name a new folder"
        )
    run.parts.load_state_dict(weights, strict=False)
    names = _trained(run.parts)
    before = [name for group in names for name in group if name in weights]
    known = {name: saved["state"][at] for at, name in enumerate(before) if at in saved["state"]}
    after = [name for group in names for name in group]
    state = {at: known[name] for at, name in enumerate(after) if name in known}
    groups = [
        old | {"params": new["params"]}
        for old, new in zip(
            saved["param_groups"], optimiser.state_dict()["param_groups"], strict=True
        )
    ]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _trained(parts: nn.Module) -> list[list[str]]:
    """Names of what trains: with weight decay, and without; gates and multipliers if there are."""
    decayed: list[str] = []
    plain: list[str] = []
    gates: list[str] = []
    multipliers: list[str] = []
    for name, parameter in parts.named_parameters():
        if name.startswith("gates."):
            (multipliers if ".lambda_" in name else gates).append(name)
        elif parameter.requires_grad:
            is_matrix = parameter.dim() > 1 and "keys" not in name and "instance_emb" not in name
            (decayed if is_matrix else plain).append(name)
    return [decayed, plain, gates, multipliers] if gates else [decayed, plain]
