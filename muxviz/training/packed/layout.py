"""Which dimensions, heads and feed-forward units of a wide encoder belong to which slot.

Slot i has the chunk of dimensions that the ``binary_hadamard`` multiplexer gives it, ``D // N`` of
them, and uses the first ``own``; heads and units follow one another. What is left over is idle:
zero everywhere, but counted by the layer norms.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from muxviz.config import BackboneShape
from muxviz.errors import ConfigError


@dataclass(frozen=True)
class Layout:
    """Sizes of one slot's model (own, heads, units) and of the encoder that holds N of them."""

    num: int  # N
    own: int  # w, dimensions of a slot's states
    heads: int
    units: int  # of its feed-forward block
    wide: int  # D
    all_heads: int
    all_units: int

    def __post_init__(self) -> None:
        for name, mine, whole in (
            ("slot_width", self.own, self.wide),
            ("slot_heads", self.heads, self.all_heads),
            ("slot_units", self.units, self.all_units),
        ):
            most = whole // self.num
            if not most:
                raise ConfigError(
                    f"{self.num} slots side by side cannot share {whole} ({name}); choose a "
                    "smaller N, or give hidden_size, num_heads, intermediate_size of at least N"
                )
            if not 1 <= mine <= most:
                raise ConfigError(
                    f"{name} is {mine}; {self.num} slots side by side have room for 1 to {most} "
                    f"each (of {whole}); choose such a number, a smaller N or a wider model"
                )

    @classmethod
    def of(
        cls, shape: BackboneShape, num: int, *, own: int = 0, heads: int = 0, units: int = 0
    ) -> Layout:
        """The layout of N slots in an encoder of ``shape``; 0 stands for as many as fit.

        Raises:
            ConfigError: they do not fit.
        """
        wide, all_heads = shape.hidden_size, shape.num_attention_heads
        inner = shape.intermediate_size
        return cls(
            num,
            own or wide // num,
            heads or all_heads // num,
            units or inner // num,
            wide,
            all_heads,
            inner,
        )

    @property
    def chunk(self) -> int:
        """Dimensions from the beginning of one slot's to the beginning of the next one's."""
        return self.wide // self.num

    @property
    def head_size(self) -> int:
        """Dimensions of a head, as wide."""
        return self.wide // self.all_heads

    @property
    def idle(self) -> int:
        """Dimensions of the wide states that no slot uses."""
        return self.wide - self.num * self.own

    def own_of(self, states: Tensor) -> Tensor:
        """Each slot's part of wide states: ``[..., D] -> [..., N, w]``, a view."""
        chunks = states[..., : self.num * self.chunk].unflatten(-1, (self.num, self.chunk))
        return chunks[..., : self.own]

    def whole(self, parts: Tensor) -> Tensor:
        """Wide states of the slots' parts, idle dimensions zero: ``[..., N, w] -> [..., D]``."""
        if self.own < self.chunk:
            parts = pad(parts, (0, self.chunk - self.own))
        joined = parts.flatten(-2)
        left = self.wide - joined.shape[-1]
        return pad(joined, (0, left)) if left else joined

    def tiled(self, values: Tensor) -> Tensor:
        """The same values for every slot, idle dimensions zero: ``[..., w] -> [..., D]``."""
        return self.whole(values[..., None, :].expand(*values.shape[:-1], self.num, self.own))

    def places(self, kind: str) -> Tensor:
        """Numbers in the wide encoder of a slot's dimensions, ``[N, how many]``.

        Args:
            kind: "hidden", "heads" (all dimensions of the heads' outputs) or "units".
        """
        step, count = {
            "hidden": (self.chunk, self.own),
            "heads": (self.heads * self.head_size, self.heads * self.head_size),
            "units": (self.units, self.units),
        }[kind]
        return torch.arange(self.num)[:, None] * step + torch.arange(count)

    def size(self, kind: str) -> int:
        """How many the wide encoder has of that kind."""
        heads = self.all_heads * self.head_size
        return {"hidden": self.wide, "heads": heads, "units": self.all_units}[kind]
