"""Dynamic int8 on a CPU: the matrices that cost most, in eight bits.

Weights are stored as int8 with a factor per output row; inputs are put into eight bits as they
come. What changes is measured, not promised: ``muxviz bench throughput --dtype float32 int8`` gives
label agreement beside the speed.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from muxviz.errors import NotApplicable
from muxviz.model.claims import offers
from muxviz.model.mux_model import MuxModel
from muxviz.quiet import warnings_become


def int8_model(model: MuxModel) -> MuxModel:
    """A copy of a float32 model with the linear layers of encoder and demultiplexer in int8.

    The demultiplexer's first layer is kept: its two halves are used as matrices of their own.

    Raises:
        NotApplicable: this torch has no eager quantisation, or no int8 kernels for this machine.
    """
    try:
        from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic
    except ImportError as error:
        raise NotApplicable(
            "int8 needs torch.ao.quantization, which this torch no longer has; use torch 2.13"
        ) from error
    engines = [e for e in torch.backends.quantized.supported_engines if e in ("onednn", "x86")]
    if not engines:
        raise NotApplicable("this torch has no int8 kernels for this processor; use float32")
    torch.backends.quantized.engine = "onednn" if "onednn" in engines else engines[0]
    smaller = copy.deepcopy(model)
    chosen = {name: per_channel_dynamic_qconfig for name in _matrices(smaller)}
    with warnings_become("ignore", Warning):  # deprecated there, not yet matched by torchao on CPUs
        quantize_dynamic(smaller, chosen, inplace=True)
    return smaller


def _matrices(model: MuxModel) -> list[str]:
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
