"""Files of pruned models: ours say what is kept, released ones only have smaller matrices.

A released folder may instead hold full-size weights with masks (``zs.pt``) beside them; these are
applied as the released evaluation does. ``l0_module.pt`` is a pickled module and never opened.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError
from muxviz.files import is_there
from muxviz.loading.fields import shown
from muxviz.loading.sizes import TIED_WORDS, Shapes, numbers
from muxviz.structure import LayerStructure, Structure, from_dict

if TYPE_CHECKING:
    from muxviz.pruning.masks import Masks

SIZES = ("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers")
WORDS = "bert.embeddings.word_embeddings.weight"
FULL = (  # released pruning leaves their rows as they were
    "demux_module.dense_1.weight",
    "demultiplexer.demux_module.dense_1.weight",
    "bert.pooler.dense.weight",
)
BLOCKS = {  # matrices of a block, with the axis that pruning of its heads or inner part shortens
    "attention": {
        "attention.output.dense.weight": 1,
        "attention.self.query.weight": 0,
        "attention.self.key.weight": 0,
        "attention.self.value.weight": 0,
    },
    "feed_forward": {"output.dense.weight": 1, "intermediate.dense.weight": 0},
}
MASKS, MODULE = "zs.pt", "l0_module.pt"


def infer_structure(
    raw: dict[str, Any], ours: dict[str, Any], shapes: Shapes, backbone: str, where: str
) -> Structure | None:
    """What is kept of a pruned model; None where nothing points to pruning.

    Args:
        raw: ``config.json``, whose sizes are those before pruning. ours: its ``muxviz`` object.

    Raises:
        ConfigError: a structure that cannot be, or sizes missing beside one.
    """
    sizes = {name: raw.get(name) for name in SIZES}
    stated = ours.get("structure")
    whole = {n: v for n, v in sizes.items() if isinstance(v, int) and not isinstance(v, bool)}
    if len(whole) < len(SIZES):
        if stated is None:
            return None
        missing = next(n for n in SIZES if n not in whole)
        raise ConfigError(
            f"{where}: a pruned model needs {missing} of the unpruned one in config.json; it is "
            f"{shown(sizes[missing])}"
        )
    hidden, heads, inner, layers = (whole[name] for name in SIZES)
    if stated is not None:
        found = from_dict(
            stated,
            hidden=hidden,
            heads=heads,
            intermediate=inner,
            layers=layers,
            what=f"{where}: structure",
        )
        is_tied = backbone != "bert" or _ties_words(shapes, len(found.hidden))
        return replace(found, ties_words=is_tied)
    if backbone != "bert" or hidden % heads:
        return None  # the latter is said by the checks of sizes
    return _released(shapes, hidden, heads, inner, layers)


def _released(shapes: Shapes, hidden: int, heads: int, inner: int, layers: int) -> Structure | None:
    """What is kept, from the matrices' shapes; None where they do not speak of pruning."""
    words, size = shapes.get(WORDS, ()), hidden // heads
    present = numbers(shapes, r"bert\.encoder\.layer\.(\d{1,9})\..*")
    if len(words) != 2 or not 0 < words[1] <= hidden or present != set(range(layers)):
        return None
    kept: list[LayerStructure] = []
    for number in range(layers):
        attended = _left(shapes, number, "attention")
        fed = _left(shapes, number, "feed_forward")
        if attended is None or fed is None or attended % size or attended > hidden or fed > inner:
            return None
        kept.append(LayerStructure(tuple(range(attended // size)), tuple(range(fed))))
    # A whole model of another width also has fewer heads of this size: as many as fill its width.
    is_another = all(size * len(layer.heads) == words[1] for layer in kept)
    cut_heads = any(len(layer.heads) != heads for layer in kept) and not is_another
    cut_inner = len({len(layer.intermediate) for layer in kept}) > 1
    # Narrow matrices alone may also be those of another model than the config's.
    cut_hidden = words[1] < hidden and any(shapes.get(n, (0,))[0] == hidden for n in FULL)
    if not (cut_heads or cut_inner or cut_hidden):
        return None
    return Structure(
        tuple(range(words[1])),
        tuple(kept),
        tuple(range(hidden)),
        is_numbered=False,
        ties_words=_ties_words(shapes, words[1]),
    )


def _left(shapes: Shapes, number: int, block: str) -> int | None:
    """How wide a block still is, 0 where none of it is there; None where its shapes disagree."""
    found = set()
    for name, axis in BLOCKS[block].items():
        shape = shapes.get(f"bert.encoder.layer.{number}.{name}")
        if shape is not None:
            found.add(shape[axis] if len(shape) == 2 else -1)
    if found - {-1} != found or len(found) > 1:
        return None
    return found.pop() if found else 0


def _ties_words(shapes: Shapes, width: int) -> bool:
    """Whether the vocabulary projection is as wide as the word embedding, so that it may be it."""
    return all(shapes[name][1:] == (width,) for name in TIED_WORDS if name in shapes)


def is_left_over(name: str, structure: Structure | None) -> bool:
    """Whether ``name`` is the norm of a block that pruning removed; released files keep these."""
    match = re.fullmatch(
        r"bert\.encoder\.layer\.(\d{1,9})\.(attention\.)?output\.LayerNorm\.\w+", name
    )
    if structure is None or match is None or int(match[1]) >= len(structure.layers):
        return False
    layer = structure.layers[int(match[1])]
    return not (layer.heads if match[2] else layer.intermediate)


def masks_beside(folder: Path, config: MuxConfig) -> tuple[Masks | None, list[str]]:
    """The masks that a released folder keeps beside full-size weights, and notes on what was done.

    Raises:
        CheckpointUnreadable: ``zs.pt`` holds more than tensors. CheckpointMismatch,
            CheckpointInvalid, NotApplicable: as ``from_released``.
    """
    # Only here torch is needed: pages tell pruned files by their shapes, before torch is there.
    from muxviz.loading.weights import read_weights
    from muxviz.pruning.released import from_released, masked_equals_cut

    notes: list[str] = []
    path = folder / MASKS
    if is_there(folder / MODULE):
        loss = "" if is_there(path) else f"; without {MASKS} the masks in it are not known"
        notes.append(f"{MODULE} is a pickled module: it was not opened{loss}")
    if not is_there(path):
        return None, notes
    if config.structure is not None:
        return None, [*notes, f"{MASKS} is not applied: the weights are pruned already"]
    masks = from_released(config, read_weights([path]), where=str(path))
    notes.append(f"pruned by {MASKS}, as the released evaluation does (masks folded in, then cut)")
    if not masked_equals_cut(config, masks):
        notes.append(
            "the released masked pass, used while training, gives other numbers for these masks"
        )
    return masks, notes
