"""The engine against the whole walk, for tests and for the exactness table."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from muxviz.engine.engine import Engine
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.fast import TokenLogits


def engine_difference(
    checkpoint: Checkpoint,
    ids: Tensor,
    mask: Tensor,
    types: Tensor | None = None,
    *,
    hide_padding: bool = False,
    engine: Engine | None = None,
) -> float:
    """Largest difference between the engine's logits and those of ``MuxModel.forward``.

    ids, mask, types: ``[B, N, L]``. Of token tasks every third real token is asked for.
    """
    engine = engine or Engine(checkpoint)
    with torch.inference_mode():
        whole = checkpoint.model(ids, mask, types, hide_padding=hide_padding).logits
    segments = torch.zeros_like(ids) if types is None else types
    arrays = [t.cpu().numpy() for t in (ids, mask, segments)]
    if checkpoint.config.answers_texts:
        logits = engine.logits(*arrays, hide_padding=hide_padding)
        assert isinstance(logits, Tensor)
        return float((logits - whole).abs().max())
    length = whole.shape[2]
    asked = arrays[1][..., :length].astype(bool) & (np.arange(length) % 3 == 1)
    found = engine.logits(*arrays, asked=asked, hide_padding=hide_padding)
    assert isinstance(found, TokenLogits)
    wanted = whole[torch.from_numpy(asked).to(whole.device)]
    assert len(wanted), "no token is asked for"
    return float((found.values - wanted).abs().max())
