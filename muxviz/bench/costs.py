"""Arithmetic and memory traffic of a pass, counted operator by operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

LOOK_UPS = ("embedding", "index", "index_select", "gather")


@dataclass(frozen=True)
class Costs:
    """Of one pass. flops: of matrix products and attention (two per multiply-add).

    bytes: that operators read and wrote, each counted as if it came from memory: an upper bound.
    """

    flops: float
    bytes: float


class _Traffic(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            # Of a table that is looked up, only the rows that come out are read.
            is_look_up = func.overloadpacket.__name__ in LOOK_UPS
            read = (result, args[1:]) if is_look_up else args
            for leaf in tree_leaves((read, kwargs, result)):
                if isinstance(leaf, torch.Tensor):
                    self.bytes += leaf.numel() * leaf.element_size()
        return result


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))


# The counter knows attention on GPUs only.
ON_CPU = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}


def count(call: Callable[[], Any]) -> Costs:
    """Run a pass once and count what it does."""
    with torch.no_grad():
        with FlopCounterMode(display=False, custom_mapping=ON_CPU) as flops:
            call()
        with _Traffic() as traffic:
            call()
    return Costs(float(flops.get_total_flops()), float(traffic.bytes))
