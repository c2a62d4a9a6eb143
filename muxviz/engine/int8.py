"""int8 on a CPU: the matrices that cost most, in eight bits.

One rule for every model and layer: each row of a matrix of weights has its own factor, and so has
each row that it is multiplied with (the state of a token), found as it comes. One factor for a
whole batch, as ``torch.ao`` takes it, follows the largest number of any token; the others keep few
of their bits, and who else is in the batch would change an answer. Sums are of integers, so a row
gives the same in any batch. ``muxviz bench exactness --dtype int8`` measures what is left.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from muxviz.errors import NotApplicable
from muxviz.model.claims import offers
from muxviz.model.mux_model import MuxModel

LEAST = 1e-12  # the range of a row of zeros


def int8_model(model: MuxModel) -> MuxModel:
    """A copy of a float32 model with the linear layers of encoder and demultiplexer in int8.

    The demultiplexer's first layer is kept: its two halves are used as matrices of their own.

    Raises:
        NotApplicable: this torch has no int8 kernels for this machine.
    """
    smaller = copy.deepcopy(model)
    try:
        for name in int8_matrices(model):
            small = Int8Linear(model.get_submodule(name))
            small(torch.zeros(1, small.in_features))
            smaller.set_submodule(name, small)
    except (AttributeError, RuntimeError) as error:
        raise NotApplicable(
            "this torch has no int8 kernels for this processor; use float32 or bfloat16"
        ) from error
    return smaller


class Int8Linear(nn.Module):
    """A linear layer in int8: ``[..., D] -> [..., K]``, both float32.

    A processor without VNNI adds up pairs of products in 16 bits, where two of eight bits do not
    fit; states have seven bits there.
    """

    def __init__(self, linear: Any) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        factors = weight.abs().amax(dim=1).clamp_(min=LEAST) / 127
        self.levels = 127 if torch.cpu._is_vnni_supported() else 63  # on both sides of zero
        self.weight = torch.ops.onednn.qlinear_prepack(
            (weight / factors[:, None]).round_().to(torch.int8), None
        )
        self.factors, self.bias = factors / self.levels, linear.bias
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)
        self.rounded = torch.tensor(self.levels + 1.5)  # zero, half a step up: then cut

    def forward(self, states: Tensor) -> Tensor:
        highest, lowest = states.amax(-1, keepdim=True), states.amin(-1, keepdim=True)
        ranges = torch.maximum(highest, lowest.neg_()).clamp_(min=LEAST)
        small = torch.addcmul(self.rounded, states, self.levels / ranges).to(torch.uint8)
        product = torch.ops.onednn.qlinear_pointwise(
            small,
            1.0,
            self.levels + 1,
            self.weight,
            self.factors,
            self.zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return torch.addcmul(self.bias, product, ranges)


def int8_matrices(model: MuxModel) -> list[str]:
    """Names of the linear layers that are called as such, in encoder and demultiplexer."""
    rooms: tuple[str, ...] = ("encoder.",)
    kept: set[str] = set()
    if offers(model.demultiplexer, "halved"):  # else how it uses its layers is not known
        own: Any = model.demultiplexer
        rooms, kept = ("encoder.", "demultiplexer."), {f"demultiplexer.{n}" for n in own.halved}
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(rooms) and name not in kept
    ]
