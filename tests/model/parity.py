"""Compare a loaded fixture with its recorded tensors: used by the test and to print the table."""

from __future__ import annotations

import numpy as np
import torch

from muxviz.loading.checkpoint import Checkpoint
from muxviz.tracing import trace
from tests.fixtures_folder import Fixture
from tests.model.engine_parity import engine_difference


def compare(checkpoint: Checkpoint, fixture: Fixture) -> dict[str, float]:
    """Largest excess over a relative tolerance of zero: max |ours - recorded| per tensor.

    Retrieval argmax counts differing positions instead (must be 0).
    """
    arrays, config = fixture.arrays, checkpoint.config
    rows = arrays.get("effective_input_ids", arrays["input_ids"])
    mask = arrays.get("effective_attention_mask", arrays["attention_mask"])
    if not config.is_multiplexed:
        return _plain(checkpoint, arrays)
    num = config.num_instances
    groups = len(rows) // num
    rows, mask = rows[: groups * num], mask[: groups * num]
    ids = torch.from_numpy(rows).view(groups, num, -1)
    seen = torch.from_numpy(mask)
    if seen.shape[1] != rows.shape[1]:  # this class wants the prefix in the mask already
        seen = seen[:, seen.shape[1] - rows.shape[1] :]
    before = ids.clone()
    traced = trace(checkpoint.model, ids, seen.reshape(ids.shape))
    assert torch.equal(ids, before), "the caller's ids were changed"
    out: dict[str, float] = {}

    def hold(name: str, ours: torch.Tensor, recorded: str) -> None:
        if recorded in arrays:
            theirs = arrays[recorded]
            out[name] = float(np.abs(ours.numpy().reshape(theirs.shape) - theirs).max())

    hold("instance_embeddings", traced.instance_embeddings, "emb_instances")
    hold("multiplexed", traced.multiplexed, "mux_emb")
    projected = "emb_projected" if "emb_projected" in arrays else "emb_second"
    hold("hidden0", traced.hidden_states[0], projected)
    for k in range(1, len(traced.hidden_states)):
        hold(f"hidden{k}", traced.hidden_states[k], f"hidden{k}")
        hold(f"attn{k - 1}", traced.attentions[k - 1], f"attn{k - 1}")
    hold("demultiplexed", traced.demultiplexed, "demuxed_all")
    if "demuxed" in arrays and arrays["demuxed"].ndim == 2:
        hold("demultiplexed", traced.readout, "demuxed")
    _retrieval(traced.retrieval_logits, arrays, out)
    _logits(traced, fixture, out)
    with torch.inference_mode():
        direct = checkpoint.model(ids, seen.reshape(ids.shape)).logits
    out["forward = trace"] = float((direct - traced.logits).abs().max())
    out["engine"] = engine_difference(checkpoint, ids, seen.reshape(ids.shape))
    return out


def _plain(checkpoint: Checkpoint, arrays: dict[str, np.ndarray]) -> dict[str, float]:
    ids, mask, types = (
        torch.from_numpy(arrays[k])[:, None]
        for k in ("input_ids", "attention_mask", "token_type_ids")
    )
    traced = trace(checkpoint.model, ids, mask, token_type_ids=types)
    without = trace(checkpoint.model, ids, mask)
    out = {"engine": engine_difference(checkpoint, ids, mask, types)}
    for k, state in enumerate(traced.hidden_states):
        if state.shape == arrays[f"hidden{k}"].shape:
            out[f"hidden{k}"] = float(np.abs(state.numpy() - arrays[f"hidden{k}"]).max())
    for k, attention in enumerate(traced.attentions):
        out[f"attn{k}"] = float(np.abs(attention.numpy() - arrays[f"attn{k}"]).max())
    for name, ours in (("logits", traced), ("logits_no_token_types", without)):
        if name not in arrays:
            continue
        theirs = arrays[name]
        out[name] = float(np.abs(ours.logits.numpy().reshape(theirs.shape) - theirs).max())
    return out


def _retrieval(ours: torch.Tensor, arrays: dict[str, np.ndarray], out: dict[str, float]) -> None:
    if "retrieval_all" in arrays:
        out["retrieval"] = float(np.abs(ours.numpy() - arrays["retrieval_all"]).max())
    elif "retrieval_all_cols" in arrays:
        columns = ours[..., torch.from_numpy(arrays["retrieval_cols"])].numpy()
        out["retrieval"] = float(np.abs(columns - arrays["retrieval_all_cols"]).max())
    lse = ours.logsumexp(dim=-1).numpy()
    out["retrieval_lse"] = float(np.abs(lse - arrays["retrieval_all_lse"]).max())
    argmax = ours.argmax(dim=-1).numpy()
    out["retrieval_argmax"] = float((argmax != arrays["retrieval_all_argmax"]).sum())


def _logits(traced: object, fixture: Fixture, out: dict[str, float]) -> None:
    arrays = fixture.arrays
    ours = traced.logits.numpy()
    flat = ours.reshape(-1, *ours.shape[2:])
    if "mlm_selected" in arrays:
        rows, positions = np.nonzero(arrays["mlm_selected"])
        shift = 0
        if traced.cut:  # recorded logits keep the prefix positions, ours never contain them
            shift = traced.prefix
            assert (positions >= shift).all()
        theirs = arrays["mlm_logits_selected"]
        if fixture.meta["cls"] == "MuxedElectraForMaskedLM":
            shift = 0
        out["logits (selected)"] = float(np.abs(flat[rows, positions - shift] - theirs).max())
        return
    theirs = arrays["logits"]
    if flat.shape != theirs.shape:
        flat = flat.reshape(len(flat), *theirs.shape[1:])
    flat = flat[: len(theirs)]
    if flat.shape[-1] > 1:
        out["logits_argmax"] = float((flat.argmax(-1) != theirs.argmax(-1)).sum())
    out["logits"] = float(np.abs(flat - theirs).max())
