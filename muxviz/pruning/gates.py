"""Hard-concrete gates over what can be pruned, and the Lagrangian that holds their sparsity.

As in CoFi (arXiv 2204.00408) and the released PruMUX code: a gate is a stretched, clamped binary
concrete variable (Louizos et al., arXiv 1712.01312) with one parameter, ``loga``. Counted are the
encoder's weights; of a weight between two gated dimensions the chance to stay is the product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from muxviz.config import BackboneShape
from muxviz.errors import ConfigError
from muxviz.pruning.masks import Masks
from muxviz.structure import PRUNABLE, prunable_size

LOW, HIGH = -0.1, 1.1  # the stretch
EPSILON = 1e-6
TEMPERATURE = 2 / 3
SETTLING = 0.8  # the released code's "magical number" of deterministic gates
MOST = math.log(100)  # |loga| is kept below


@dataclass(frozen=True)
class Pressure:
    """The Lagrangian at one step.

    loss: lambda_1 (s - t) + lambda_2 (s - t)^2. sparsity: expected, s. target: t.
    """

    loss: Tensor
    sparsity: Tensor
    target: float


class Gates(nn.Module):
    """One gate per head, inner dimension, attention block, feed-forward block, hidden dimension.

    Args:
        shape: sizes of the unpruned model.
        prune: which kinds are gated, of ``PRUNABLE``; the others stay 1.
        droprate: chance that an inner dimension's gate begins closed; the others begin open.
        seed: of the small noise of the initial values.
    """

    def __init__(
        self,
        shape: BackboneShape,
        *,
        prune: tuple[str, ...] = PRUNABLE,
        droprate: float = 0.5,
        seed: int = 57,
    ) -> None:
        super().__init__()
        unknown = set(prune) - set(PRUNABLE)
        if unknown or not {"heads", "intermediate"} & set(prune):
            known = ", ".join(PRUNABLE)
            raise ConfigError(f"prune is {list(prune)}; expected heads or intermediate of {known}")
        self.shape, self.prune = shape, prune
        layers, heads, inner = (
            shape.num_hidden_layers,
            shape.num_attention_heads,
            shape.intermediate_size,
        )
        sizes: dict[str, tuple[int, ...]] = {
            "heads": (layers, heads),
            "intermediate": (layers, inner),
            "attention": (layers,),
            "feed_forward": (layers,),
            "hidden": (shape.hidden_size,),
        }
        generator = torch.Generator().manual_seed(seed)
        self.loga = nn.ParameterDict()
        for name in prune:
            mean = math.log(1 - droprate) - math.log(droprate) if name == "intermediate" else 10.0
            values = torch.randn(sizes[name], generator=generator) * 0.01 + mean
            self.loga[name] = nn.Parameter(values)
        self.readout: Tensor  # 0/1, chosen once: which of the demultiplexer's dimensions stay
        self.register_buffer("readout", torch.ones(shape.hidden_size))
        self.lambda_1, self.lambda_2 = (nn.Parameter(torch.zeros(())) for _ in range(2))
        self.sizes = sizes
        size, width = shape.hidden_size, shape.intermediate_size
        self.per_head = (4 * size * size + 4 * size) // heads
        self.per_inner = (2 * size * width + 5 * size) // width
        self.per_attended = self.per_head / size  # of one head and one hidden dimension
        self.prunable = prunable_size(hidden=size, intermediate=width, layers=layers)

    # ---- chances ---------------------------------------------------------------------------------

    def closed(self, name: str) -> Tensor:
        """P(z = 0) of each gate."""
        edge = (0 - LOW) / (HIGH - LOW)
        logit = math.log(edge) - math.log(1 - edge)
        chance = torch.sigmoid(logit * TEMPERATURE - self.loga[name])
        return chance.clamp(EPSILON, 1 - EPSILON)

    def open(self, name: str) -> Tensor:
        """P(z > 0) of each gate; 1 where that kind is not gated."""
        if name not in self.loga:
            return self.lambda_1.new_ones(self.sizes[name])
        return 1 - self.closed(name)

    def expected_size(self) -> Tensor:
        """Weights of the encoder that are expected to stay."""
        heads = self.open("heads") * self.open("attention")[:, None]
        inner = self.open("intermediate") * self.open("feed_forward")[:, None]
        if "hidden" not in self.loga:
            return heads.sum() * self.per_head + inner.sum() * self.per_inner
        hidden = self.open("hidden").sum()
        return hidden * heads.sum() * self.per_attended + hidden * inner.sum() * 2

    def expected_sparsity(self) -> Tensor:
        """1 - expected size / prunable size."""
        return 1 - self.expected_size() / self.prunable

    # ---- masks -----------------------------------------------------------------------------------

    def sample(self, noise: dict[str, Tensor] | None = None) -> Masks:
        """Masks of one training step; gradients reach the gates.

        Args:
            noise: uniform draws per kind; None draws them.
        """
        found: dict[str, Tensor] = {}
        for name, loga in self.loga.items():
            drawn = torch.rand_like(loga) if noise is None else noise[name]
            u = drawn.clamp(EPSILON, 1 - EPSILON)
            soft = torch.sigmoid((u.log() - (1 - u).log() + loga) / TEMPERATURE)
            found[name] = (soft * (HIGH - LOW) + LOW).clamp(0, 1)
        return self._masks(found)

    @torch.no_grad()
    def settled(self) -> Masks:
        """Deterministic masks: in every layer as many zeros as are expected, at the least gates."""
        found: dict[str, Tensor] = {}
        for name, loga in self.loga.items():
            soft = torch.sigmoid(loga / TEMPERATURE * SETTLING)
            rows, closed = soft.reshape(len(soft), -1), self.closed(name)
            if name == "hidden":
                rows, closed = soft[None], closed[None]
            expected = closed.reshape(len(rows), -1).sum(dim=1)
            for row, zeros in zip(rows, expected.tolist(), strict=True):
                row[torch.topk(row, round(zeros), largest=False).indices] = 0
            found[name] = rows.reshape(loga.shape)
        return self._masks(found)

    def _masks(self, found: dict[str, Tensor]) -> Masks:
        whole = {
            name: found.get(name, self.lambda_1.new_ones(size)) for name, size in self.sizes.items()
        }
        return Masks(**whole, readout=self.readout)

    # ---- constraint ------------------------------------------------------------------------------

    def pressure(self, target: float) -> Pressure:
        """The Lagrangian that pulls the expected sparsity to ``target``."""
        sparsity = self.expected_sparsity()
        gap = sparsity - target
        return Pressure(self.lambda_1 * gap + self.lambda_2 * gap**2, sparsity, target)

    @torch.no_grad()
    def constrain(self) -> None:
        """Keep every loga where a gate can still change; after each optimiser step."""
        for loga in self.loga.values():
            loga.clamp_(-MOST, MOST)


def target_at(step: int, *, start: float, end: float, warmup: int) -> float:
    """The target sparsity at ``step``: linear from ``start`` to ``end`` over ``warmup`` steps."""
    share = min(1.0, step / warmup) if warmup > 0 else 1.0
    return start + (end - start) * share
