"""Give a trained model more word pieces, so that it can go on with a larger vocabulary.

Rows of pieces that the model has are kept; those it lacks come from an encoder of the same width,
shifted and scaled to the model's own by the pieces that both have. Left out: models whose
vocabulary projection is not tied to their word embeddings.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from muxviz.errors import ConfigError
from muxviz.files import write_whole
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.save import check_place, saving, write_model
from muxviz.model.mux_model import MuxModel
from muxviz.training.start import read_start, wordpieces
from muxviz.training.vocabulary import read_pieces

WORDS = "embeddings.word_embeddings.weight"
BIASES = ("retrieval_head.out_proj.bias", "head.out_proj.bias")


def grow_vocabulary(
    checkpoint: Checkpoint,
    vocabulary: Path,
    encoder: Path,
    folder: Path,
    *,
    force: bool = False,
) -> Path:
    """Write ``checkpoint`` with the pieces of a ``vocab.txt`` to ``folder``.

    Args:
        checkpoint: a BERT model of this project; not modified.
        vocabulary: one piece a line; holds at least the pieces that both models write into inputs.
        encoder: folder of a BERT encoder with the same embedding width and all new pieces.
        folder, force: as of ``save``.

    Raises:
        ConfigError: other widths, a piece that neither has, no vocabulary, or a projection that is
            not tied. CheckpointError: the folder cannot be written, or holds something else.
    """
    check_place(folder, force)
    pieces = read_pieces(vocabulary)
    words = read_start(encoder)
    assert words is not None, "a folder was given"
    old = checkpoint.model.state_dict()
    if checkpoint.config.backbone != "bert":
        raise ConfigError(
            f"{checkpoint.name} is a {checkpoint.config.backbone} model, whose vocabulary "
            "projection is separate; only BERT models can be given more pieces"
        )
    if words.weights[WORDS].shape[1] != old[WORDS].shape[1]:
        raise ConfigError(
            f"{encoder} has embeddings {words.weights[WORDS].shape[1]} wide, {checkpoint.name} "
            f"{old[WORDS].shape[1]}; name an encoder of the same width"
        )
    own = checkpoint.need_tokenizer().get_vocab()
    others = wordpieces(words).get_vocab()
    lost = [piece for piece in pieces if piece not in own and piece not in others]
    if lost:
        raise ConfigError(
            f"{vocabulary} has {len(lost)} pieces that neither {checkpoint.name} nor {encoder} "
            f"knows, such as {lost[0]!r}; take them out of the file"
        )
    both = sorted(own.keys() & others.keys())
    foreign = _fitted(
        words.weights[WORDS].float(),
        np.array([others[p] for p in both]),
        old[WORDS][[own[p] for p in both]],
    )
    is_own = torch.tensor([piece in own for piece in pieces])
    at_own = torch.tensor([own.get(piece, 0) for piece in pieces])
    at_other = torch.tensor([others.get(piece, 0) for piece in pieces])
    new = dict(old)
    new[WORDS] = torch.where(is_own[:, None], old[WORDS][at_own], foreign[at_other])
    for name in BIASES:
        if name in old and len(old[name]) == len(old[WORDS]):
            new[name] = torch.where(is_own, old[name][at_own], old[name].median())
            weight = name.replace("bias", "weight")
            new[weight] = new[WORDS]
    config = replace(
        checkpoint.config, shape=replace(checkpoint.config.shape, vocab_size=len(pieces))
    )
    model = MuxModel(config)
    model.load_state_dict(new)
    grown = replace(
        checkpoint, model=model.eval().requires_grad_(False), config=config, tokenizer=None, card={}
    )
    with saving(folder, force=force) as beside:
        write_model(grown, beside, dtype="float32", aliases=False)
        write_whole(beside / "vocab.txt", "\n".join(pieces) + "\n")
    return folder


def _fitted(words: Tensor, places: np.ndarray, targets: Tensor) -> Tensor:
    """``words [V, E]`` moved dimension by dimension, so that those at ``places`` fit ``targets``.

    Least squares for one factor and one offset per dimension.
    """
    shared = words[torch.from_numpy(places)]
    means, wanted = shared.mean(dim=0), targets.mean(dim=0)
    spread = ((shared - means) ** 2).sum(dim=0).clamp_min(1e-12)
    factor = ((shared - means) * (targets - wanted)).sum(dim=0) / spread
    return (words - means) * factor + wanted
