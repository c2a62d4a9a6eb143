"""Masks as the released CoFi and PruMUX code runs them and cuts by them.

There, a *masked pass* (used while training) keeps every dimension and multiplies by the masks; a
*cut* (used to evaluate) folds them into the weights and removes what is 0. The two agree for 0/1
masks as long as no hidden dimension is masked and no block loses all its parts one by one. They
differ otherwise, because the masked pass scales after the norms, where the cut scales before them,
and because with multiplexing it leaves the instances' own embeddings, the multiplexer and the
demultiplexer without masks. ``muxviz.pruning.masks`` is what this project trains and stores: there
both are one computation.

Left out: reading files (``muxviz.loading.pruned``), and ``legacy_demuxing``, which no release sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from muxviz.config import MuxConfig
from muxviz.errors import CheckpointInvalid, CheckpointMismatch, ConfigError, NotApplicable
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.masks import Masks, cut, ones

NAMES = {  # as released: ours
    "head_z": "heads",
    "intermediate_z": "intermediate",
    "head_layer_z": "attention",
    "mlp_z": "feed_forward",
    "hidden_z": "hidden",
}
WITHIN = {"head_layer_z": "head_z", "mlp_z": "intermediate_z"}  # a block's mask and its parts'
TASKS = ("sequence_classification", "regression")
MULTIPLEXERS = ("identity", "gaussian_hadamard", "binary_hadamard")


@dataclass(frozen=True)
class MaskedPass:
    """One masked pass for B groups.

    embeddings ``[B, N, T, D]`` of the instances and mixture ``[B, T, D]``, both without masks;
    entered ``[B, T, D]``, input of the first layer; states: every layer's output ``[B, T, D]``;
    readout ``[B, N, D]``, the demultiplexed states that the head reads; logits ``[B, N, C]``.
    """

    embeddings: Tensor
    mixture: Tensor
    entered: Tensor
    states: tuple[Tensor, ...]
    readout: Tensor
    logits: Tensor


def from_released(config: MuxConfig, zs: Mapping[str, Tensor], *, where: str) -> Masks:
    """The masks of a released ``zs`` object as ours, for an unpruned model of ``config``.

    Args:
        zs: ``head_z [K, 1, H, 1, 1]``, ``intermediate_z [K, 1, 1, I]``, ``head_layer_z [K]``,
            ``mlp_z [K]``, ``hidden_z [D]``, values in [0, 1]; axes of length 1 may be missing. A
            kind that is absent was not pruned; a block's mask needs that of its parts.
        where: where they come from, for messages.

    Raises:
        NotApplicable: no released code masks such a model. CheckpointMismatch: masks missing,
            unknown or of another shape. CheckpointInvalid: values outside [0, 1].
    """
    _need_released(config, where)
    unknown = sorted(set(zs) - set(NAMES))
    if unknown or not {"head_z", "intermediate_z"} & set(zs):
        raise CheckpointMismatch(
            f"{where} holds {', '.join(sorted(zs)[:8]) or 'nothing'}; expected the masks "
            f"{', '.join(NAMES)}, of which head_z or intermediate_z must be there"
        )
    for block, parts in WITHIN.items():
        if block in zs and parts not in zs:
            raise CheckpointMismatch(
                f"{where} holds {block} but no {parts}, without which the released code ignores "
                "it; fetch the file again"
            )
    found = vars(ones(config))
    for name, z in zs.items():
        found[NAMES[name]] = _shaped(name, z, found[NAMES[name]].shape, where)
    masks = Masks(**found)
    if not bool((masks.hidden > 0).any()):
        raise CheckpointInvalid(f"{where}: hidden_z keeps no dimension; nothing is left to run")
    return masks


def _shaped(name: str, z: Tensor, shape: torch.Size, where: str) -> Tensor:
    if [size for size in z.shape if size > 1] != [size for size in shape if size > 1]:
        raise CheckpointMismatch(
            f"{where}: {name} has the shape {list(z.shape)}; this model has {list(shape)} of them "
            "(axes of length 1 left out). The masks belong to another model"
        )
    values = z.detach().float().reshape(shape)
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise CheckpointInvalid(
            f"{where}: {name} has values from {float(values.min()):g} to {float(values.max()):g}; "
            "expected masks in [0, 1]"
        )
    return values


def _need_released(config: MuxConfig, where: str) -> None:
    known = (
        config.backbone == "bert"
        and config.task in TASKS
        and config.multiplexer in MULTIPLEXERS
        and config.demultiplexer in ("identity", "rsa")
    )
    if not known:
        raise NotApplicable(
            f"{where}: masks were released for BERT and MUX-BERT sentence classifiers (Hadamard "
            f"multiplexer, RSA demultiplexer) only; this is {config.multiplexer} + "
            f"{config.backbone} + {config.demultiplexer}, {config.task}"
        )
    if config.structure is not None:
        raise ConfigError(f"{where}: this model is pruned already; masks belong to the full one")


def masked_equals_cut(config: MuxConfig, masks: Masks) -> bool:
    """Whether the released masked pass and the released cut give the same logits."""
    hidden = masks.hidden
    is_soft = bool(((hidden > 0) & (hidden < 1)).any())
    if is_soft or (config.is_multiplexed and bool((hidden == 0).any())):
        return False
    return not any(
        bool(((block > 0) & (parts == 0).all(dim=1)).any())  # its bias and norm stay when masked
        for block, parts in (
            (masks.attention, masks.heads),
            (masks.feed_forward, masks.intermediate),
        )
    )


# ---- the masked pass ----------------------------------------------------------------------------


@torch.inference_mode()
def masked_pass(
    model: MuxModel,
    masks: Masks,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    token_type_ids: Tensor | None = None,
) -> MaskedPass:
    """Run ``model`` under ``masks`` as the released code does while training (without dropout).

    Only the second embedding step (of a plain model: the only one) and the encoder see masks. A
    block whose output sums to exactly 0 over the batch is skipped with its norm; norms run over
    hidden dimensions whose mask is not 0.

    Args:
        model: unpruned; not modified.
        masks: those of ``from_released``; ``readout`` is not used.
        input_ids, attention_mask, token_type_ids: ``[B, N, L]``, as for ``MuxModel.forward``.

    Raises:
        NotApplicable, ConfigError: as ``from_released``. InputError: as ``MuxModel.forward``.
    """
    _need_released(model.config, "the released masked pass")
    prepared = model.prepare(input_ids, attention_mask, token_type_ids)
    embeddings = model.embed(prepared)
    mixture = model.mix(embeddings, prepared.mask)
    tables: Any = model.embeddings
    z = masks.hidden
    if model.config.is_multiplexed:
        rows, types = mixture, prepared.ids.new_zeros(1, mixture.shape[1])
    else:
        rows = tables.word_embeddings(prepared.ids[:, 0])
        types = prepared.ids.new_zeros(1, 1) if prepared.types is None else prepared.types[:, 0]
    places = torch.arange(rows.shape[1], device=rows.device)
    summed = rows + tables.position_embeddings(places) + tables.token_type_embeddings(types)
    entered = _normed(tables.LayerNorm, summed * z, z)
    seen = model.encoder_mask(prepared.mask, entered.dtype, hide_padding=False)
    states = [entered]
    for number in range(len(model.encoder.layers)):
        states.append(_masked_layer(model, number, states[-1], seen, masks))
    out = model.answer(states[-1], prepared)
    return MaskedPass(embeddings, mixture, entered, tuple(states[1:]), out.readout, out.logits)


def _masked_layer(
    model: MuxModel, number: int, hidden: Tensor, seen: Tensor | None, masks: Masks
) -> Tensor:
    layer: Any = model.encoder.layers[number]
    attend, z = layer.attention.self, masks.hidden
    value = attend.value(hidden).unflatten(-1, (-1, attend.attention_head_size)).transpose(1, 2)
    context = model.encoder.attention(number, hidden, seen) @ value
    context = (context * masks.heads[number][:, None, None]).transpose(1, 2).flatten(2)
    out = layer.attention.output
    hidden = _added(out.dense(context) * masks.attention[number], hidden, out.LayerNorm, z)
    inner = layer.intermediate(hidden) * masks.intermediate[number]
    fed = layer.output.dense(inner) * masks.feed_forward[number]
    return _added(fed, hidden, layer.output.LayerNorm, z)


def _added(out: Tensor, entering: Tensor, norm: Any, z: Tensor) -> Tensor:
    if float(out.sum()) == 0:  # exactly, as there: a block that is masked as a whole
        return out + entering
    return _normed(norm, out * z + entering, z)


def _normed(norm: Any, x: Tensor, z: Tensor) -> Tensor:
    kept = z.nonzero().flatten()
    out = x.clone()
    weight, bias = norm.weight[kept], norm.bias[kept]
    out[..., kept] = layer_norm(x[..., kept], (len(kept),), weight, bias, norm.eps)
    return out * z


# ---- the cut ------------------------------------------------------------------------------------


def released_cut(model: MuxModel, masks: Masks) -> MuxModel:
    """The model that the released evaluation runs, frozen and in eval mode.

    Differs from ``masks.pruned``: hidden masks are folded into what is read (the embedding tables,
    slot vectors and input columns) and into all that is written but the norms and the
    feed-forward bias; the demultiplexer's states stay whole, and with hidden dimensions cut away
    the retrieval head keeps a full-width projection of its own.

    Args:
        model: unpruned; not modified.
        masks: those of ``from_released``; ``readout`` is not used.

    Raises:
        NotApplicable, ConfigError: as ``from_released``.
    """
    config = model.config
    _need_released(config, "the released cut")
    left = replace(masks, readout=torch.ones_like(masks.hidden)).structure()
    has_words = config.is_multiplexed and config.has_retrieval_head
    is_narrow = len(left.hidden) < config.shape.hidden_size
    left = replace(left, ties_words=not (has_words and is_narrow))
    smaller = MuxModel(replace(config, structure=left))
    with torch.no_grad():
        folded = {n: _folded(config, n, w, masks) for n, w in model.state_dict().items()}
        smaller.load_state_dict(cut(smaller.config, folded, left))
    return smaller.eval().requires_grad_(False)


def _folded(config: MuxConfig, name: str, weight: Tensor, masks: Masks) -> Tensor:
    """``weight`` with the mask values multiplied in, in the released order."""
    for axis, scale in _scales(config, name, masks):
        if axis < weight.dim():
            view = [1] * weight.dim()
            view[axis] = -1
            weight = weight * scale.view(view)
    return weight


def _scales(config: MuxConfig, name: str, masks: Masks) -> list[tuple[int, Tensor]]:
    """By what the rows (0) and columns (1) of ``name`` are multiplied."""
    z = masks.hidden
    if name.startswith("encoder."):
        _, _, layer, own = name.split(".", 3)
        return _layer_scales(config, own, int(layer), masks)
    if name == "demultiplexer.dense.0.weight":
        return [(1, z.repeat(2))]
    reads_hidden = name.endswith("_embeddings.weight") or name in (
        "multiplexer.instance_embedding",
        "retrieval_head.out_proj.weight",  # one tensor with the word embedding there
    )
    pools_hidden = not config.is_multiplexed and name == "head.dense.weight"
    return [(1, z)] if reads_hidden or pools_hidden else []


def _layer_scales(
    config: MuxConfig, own: str, layer: int, masks: Masks
) -> list[tuple[int, Tensor]]:
    size = config.shape.hidden_size // config.shape.num_attention_heads
    heads = masks.heads[layer].repeat_interleave(size)
    attention, fed = masks.attention[layer], masks.feed_forward[layer]
    part, _, kind = own.rpartition(".")
    reads: list[tuple[int, Tensor]] = [(1, masks.hidden)]
    writes = [(0, masks.hidden)]
    match part:
        case "attention.self.query" | "attention.self.key" | "intermediate.dense":
            return reads
        case "attention.self.value":
            return [(0, heads), *reads]
        case "attention.output.dense":
            return [(0, attention), *writes]
        case "output.dense":
            # Its bias is not multiplied by the hidden masks there.
            rows = [(0, fed), *(writes if kind == "weight" else [])]
            return [(1, masks.intermediate[layer]), *rows]
    return []
