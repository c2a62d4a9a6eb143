"""Compare recorded PruMUX models and gates with ours: used by the test and to print the table.

Every value is a largest absolute difference; nothing here knows a tolerance.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from muxviz.config import BackboneShape
from muxviz.loading.build import candidates
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.gates import Gates, target_at
from muxviz.pruning.masks import Masks
from muxviz.pruning.released import NAMES, from_released, masked_pass, released_cut
from muxviz.structure import PRUNABLE, prunable_size
from muxviz.tracing import trace
from tests.fixtures_folder import Fixture, fixtures_root, open_fixture
from tests.tiny import tiny_config

SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
RECORDED = {ours: theirs.removesuffix("_z") for theirs, ours in NAMES.items()}


def pruning_fixtures(prefix: str = "prumux_") -> list[str]:
    """Names of the recorded PruMUX models and gates."""
    root = fixtures_root()
    return sorted(p.name for p in root.glob(f"{prefix}*")) if root.is_dir() else []


def model_fixtures() -> list[str]:
    """Those with weights."""
    return [n for n in pruning_fixtures() if not n.startswith("prumux_l0")]


def gate_fixtures() -> list[str]:
    """Those with gates."""
    return [n for n in pruning_fixtures() if n.startswith(("prumux_l0", "prumux_soft"))]


def difference(ours: Any, recorded: Any) -> float:
    """Largest absolute difference; shapes may differ in axes, not in order."""
    first = ours.detach().numpy() if isinstance(ours, Tensor) else np.asarray(ours)
    second = np.asarray(recorded)
    assert first.size == second.size, (first.shape, second.shape)
    return float(np.abs(first.reshape(second.shape).astype(float) - second).max())


# ---- models -------------------------------------------------------------------------------------


def folder_of(fixture: Fixture, to: Path, kind: str) -> Path:
    """A model folder with the recorded full weights, those and their masks, or the pruned ones."""
    to.mkdir()
    shutil.copy(fixture.folder / "config.json", to)
    pruned = fixture.folder / "pruned.safetensors"
    if kind == "pruned safetensors":
        shutil.copy(pruned, to / "model.safetensors")
    elif kind == "pruned bin":
        torch.save(load_file(pruned), to / "pytorch_model.bin")
    else:
        shutil.copy(fixture.folder / "pytorch_model.bin", to)
    if kind == "masks beside":
        shutil.copy(fixture.folder / "zs.pt", to)
        (to / "l0_module.pt").write_bytes(b"a pickled module that must not be opened")
    return to


FOLDERS = ("masks beside", "pruned safetensors", "pruned bin")


def inputs_of(fixture: Fixture) -> tuple[Tensor, Tensor]:
    """Ids and mask ``[B, N, L]``."""
    num = fixture.meta["N"]
    ids, mask = (torch.from_numpy(fixture.arrays[n]) for n in ("input_ids", "attention_mask"))
    shape = (len(ids) // num, num, ids.shape[1])
    return ids.view(shape), mask.view(shape)


def masks_of(fixture: Fixture, model: MuxModel) -> Masks:
    """The recorded masks as ours."""
    zs = {name: torch.from_numpy(fixture.arrays[name]) for name in NAMES}
    return from_released(model.config, zs, where=fixture.name)


def logits_difference(model: MuxModel, fixture: Fixture, name: str) -> float:
    """Of a forward pass against recorded logits."""
    with torch.inference_mode():
        return difference(model(*inputs_of(fixture)).logits, fixture.arrays[name])


def compare_model(name: str, scratch: Path) -> dict[str, float]:
    """Everything recorded of one model, its masked pass, its cut, and its files."""
    fixture = open_fixture(name, scratch)
    model = load(folder_of(fixture, scratch / "full", "full"), device="cpu").model
    masks = masks_of(fixture, model)
    out = {"logits_full": logits_difference(model, fixture, "logits_full")}
    out |= _masked(model, masks, fixture)
    out |= _cut(released_cut(model, masks), fixture)
    for kind in FOLDERS:
        folder = folder_of(fixture, scratch / kind, kind)
        loaded = load(folder, device="cpu")
        out[f"loaded: {kind}"] = logits_difference(loaded.model, fixture, "logits_pruned")
        out[f"saved again: {kind}"] = saved_again(loaded, fixture, scratch / f"{kind} again")
    return out


def _masked(model: MuxModel, masks: Masks, fixture: Fixture) -> dict[str, float]:
    arrays = fixture.arrays
    passed = masked_pass(model, masks, *inputs_of(fixture))
    labels = torch.from_numpy(arrays["labels"])
    found = {
        "masked_emb_instances": passed.embeddings,
        "masked_mux_emb": passed.mixture,
        "masked_emb_second": passed.entered,
        "masked_seq_out": passed.states[-1],
        "masked_demuxed": passed.readout,
        "logits_masked": passed.logits,
        "loss_masked": cross_entropy(passed.logits.flatten(0, 1), labels),
    } | {f"masked_hidden{k}": state for k, state in enumerate(passed.states, 1)}
    recorded = {n for n in arrays if n.startswith("masked_")}
    assert recorded <= set(found), recorded - set(found)
    return {n: difference(value, arrays[n]) for n, value in found.items()}


def _cut(cut: MuxModel, fixture: Fixture) -> dict[str, float]:
    arrays, meta = fixture.arrays, fixture.meta["calculate_model_size"]
    traced = trace(cut, *inputs_of(fixture))
    weights = load_file(fixture.folder / "pruned.safetensors")
    names = candidates(cut.config, cut)
    unlike = [
        difference(parameter, weights[published].numpy())
        for ours, parameter in cut.named_parameters(remove_duplicate=False)
        for published in names[ours]
        if published in weights
    ]
    assert len(unlike) >= len(list(cut.parameters()))
    sizes = {name: getattr(cut.config.shape, name) for name in SIZES}
    prunable = prunable_size(
        hidden=sizes["hidden_size"],
        intermediate=sizes["intermediate_size"],
        layers=sizes["num_hidden_layers"],
    )
    return {
        "logits_pruned": difference(traced.logits, arrays["logits_pruned"]),
        "pruned_mux_emb": difference(traced.multiplexed, arrays["pruned_mux_emb"]),
        "pruned_seq_out": difference(traced.hidden_states[-1], arrays["pruned_seq_out"]),
        "pruned_demuxed": difference(traced.readout, arrays["pruned_demuxed"]),
        "pruned weights": max(unlike),
        "sparsity": abs(cut.config.sparsity - meta["pruned_model_sparsity"]),
        "prunable size": abs(prunable - fixture.meta["prunable_model_size"]),
    }


def saved_again(checkpoint: Checkpoint, fixture: Fixture, to: Path) -> float:
    """Logits of a loaded model against those after saving and loading it once more."""
    ids, mask = inputs_of(fixture)
    stored = load(save(checkpoint, to), device="cpu")
    assert stored.config.structure == checkpoint.config.structure
    with torch.inference_mode():
        ours = checkpoint.model(ids, mask).logits
        return difference(stored.model(ids, mask).logits, ours.numpy())


# ---- gates --------------------------------------------------------------------------------------


def recorded_gates(fixture: Fixture, *, without: tuple[str, ...] = ()) -> Gates:
    """Gates with the recorded parameters; kinds that were not recorded are not gated."""
    import json

    values = fixture.meta.get("config")
    if values is None:
        values = json.loads((fixture.folder / "config.json").read_text())
    shape = BackboneShape(
        vocab_size=700, max_position_embeddings=64, **{name: values[name] for name in SIZES}
    )
    kinds = tuple(
        k for k in PRUNABLE if f"loga_{RECORDED[k]}" in fixture.arrays and k not in without
    )
    gates = Gates(shape, prune=kinds)
    with torch.no_grad():
        for kind in kinds:
            loga = torch.from_numpy(fixture.arrays[f"loga_{RECORDED[kind]}"])
            gates.loga[kind].copy_(loga.view(gates.sizes[kind]))
        for name in ("lambda_1", "lambda_2"):
            if name in fixture.arrays:
                getattr(gates, name).fill_(float(fixture.arrays[name]))
    return gates


def compare_gates(name: str, scratch: Path) -> dict[str, float]:
    """Everything recorded of one set of gates."""
    fixture = open_fixture(name, scratch)
    arrays, gates = fixture.arrays, recorded_gates(fixture)
    settled, out = gates.settled(), {}
    noise = {
        k: torch.from_numpy(arrays[f"noise_{RECORDED[k]}"]).view(gates.sizes[k])
        for k in gates.prune
        if f"noise_{RECORDED[k]}" in arrays
    }
    sampled = gates.sample(noise) if noise else None
    for kind in gates.prune:
        theirs = RECORDED[kind]
        out[f"cdf0_{theirs}"] = difference(gates.closed(kind), arrays[f"cdf0_{theirs}"])
        out[f"z_{theirs}_z"] = difference(getattr(settled, kind), arrays[f"z_{theirs}_z"])
        if sampled is not None:
            recorded = arrays[f"sampled_z_{theirs}"]
            out[f"sampled_z_{theirs}"] = difference(getattr(sampled, kind), recorded)
    out |= _sizes(fixture, gates)
    if "calculate_model_size" in fixture.meta:
        out |= _counts(fixture, gates)
    if "lagrangian_rows" in arrays:
        out |= _lagrangian(fixture, gates)
    return out


def _sizes(fixture: Fixture, gates: Gates) -> dict[str, float]:
    narrow = recorded_gates(fixture, without=("hidden",))
    found = {"expected_size_nohidden": narrow.expected_size()}
    if "hidden" in gates.prune:
        found["expected_size_hidden"] = gates.expected_size()
    out = {n: difference(size, fixture.arrays[n]) for n, size in found.items()}
    return out | {"prunable size": abs(gates.prunable - fixture.meta["prunable_model_size"])}


def _counts(fixture: Fixture, gates: Gates) -> dict[str, float]:
    """What is left under the settled masks, counted as the released code counts it."""
    counted, settled = fixture.meta["calculate_model_size"], gates.settled()
    sizes = {name: getattr(gates.shape, name) for name in SIZES}
    config = replace(tiny_config(**sizes), structure=settled.structure())
    unlike = {
        "hidden_dims": int((settled.hidden > 0).sum()) - counted["hidden_dims"],
        "head_nums": difference((settled.heads > 0).sum(1), counted["head_nums"]),
        "head_layers": difference((settled.attention > 0).int(), counted["head_layers"]),
        "intermediate_dims": difference(
            (settled.intermediate > 0).sum(1), counted["intermediate_dims"]
        ),
        "mlp_layers": difference((settled.feed_forward > 0).int(), counted["mlp_layers"]),
        "sparsity": config.sparsity - counted["pruned_model_sparsity"],
    }
    return {name: abs(value) for name, value in unlike.items()}


def _lagrangian(fixture: Fixture, gates: Gates) -> dict[str, float]:
    meta, worst = fixture.meta, {"lagrangian_rows": 0.0}
    for row in fixture.arrays["lagrangian_rows"]:
        target = target_at(
            int(row[0]),
            start=meta["start_sparsity"],
            end=meta["target_sparsity"],
            warmup=meta["lagrangian_warmup"],
        )
        gates.zero_grad()
        pressure = gates.pressure(target)
        pressure.loss.backward()
        ours = [
            float(value.detach()) if isinstance(value, Tensor) else value
            for value in (
                pressure.loss,
                pressure.sparsity,
                pressure.target,
                gates.lambda_1.grad,
                gates.lambda_2.grad,
            )
        ]
        worst["lagrangian_rows"] = max(worst["lagrangian_rows"], difference(ours, row[1:]))
        if row[0] == 37:
            for kind in gates.prune:
                name = f"grad_lagrangian_step37_loga_{RECORDED[kind]}"
                worst[name] = difference(gates.loga[kind].grad, fixture.arrays[name])
    return worst
