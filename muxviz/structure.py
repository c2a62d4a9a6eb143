"""What pruning left of a model: which heads, feed-forward and hidden dimensions are kept.

Numbers are those of the unpruned model, counted from 0. Sparsity is counted as the released CoFi
and PruMUX code counts it: weights of the encoder's matrices only, over what the unpruned encoder
has with its biases; embeddings, multiplexer, demultiplexer and heads are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from muxviz.errors import ConfigError

MOST = 1 << 20  # no dimension of a model is larger
PRUNABLE = ("heads", "intermediate", "attention", "feed_forward", "hidden")
RUN = r"[0-9]{1,9}(-[0-9]{1,9})?"  # of numbers, as text


@dataclass(frozen=True)
class LayerStructure:
    """What one encoder layer keeps; a block without any is skipped, its norm included."""

    heads: tuple[int, ...]
    intermediate: tuple[int, ...]


@dataclass(frozen=True)
class Structure:
    """What the whole model keeps.

    hidden: dimensions of the residual stream, shared by embeddings, multiplexer and all layers.
    readout: dimensions of the demultiplexer's states (ours; released models keep all).
    is_numbered: whether the numbers are those of the unpruned model. A released file stores only
    sizes; then they count from 0. ties_words: whether the retrieval head still projects with the
    word embedding; in released files with pruned hidden dimensions it has a matrix of its own.
    """

    hidden: tuple[int, ...]
    layers: tuple[LayerStructure, ...]
    readout: tuple[int, ...]
    is_numbered: bool = True
    ties_words: bool = True


def dense(*, hidden: int, heads: int, intermediate: int, layers: int) -> Structure:
    """Everything kept."""
    layer = LayerStructure(tuple(range(heads)), tuple(range(intermediate)))
    every = tuple(range(hidden))
    return Structure(every, (layer,) * layers, every)


def kept_weights(structure: Structure, *, head_size: int) -> int:
    """Weights of the encoder's matrices that are kept."""
    width = len(structure.hidden)
    heads = sum(len(layer.heads) for layer in structure.layers)
    inner = sum(len(layer.intermediate) for layer in structure.layers)
    return width * (4 * head_size * heads + 2 * inner)


def prunable_size(*, hidden: int, intermediate: int, layers: int) -> int:
    """Weights and biases of an unpruned encoder (norms left out)."""
    # The released code takes the inner bias to be 4 D wide, whatever the inner width is.
    return layers * (4 * hidden**2 + 4 * hidden + 2 * hidden * intermediate + 5 * hidden)


def to_text(numbers: Iterable[int]) -> str:
    """``(0, 1, 2, 5)`` -> ``"0-2,5"``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def from_text(text: object, *, below: int, what: str) -> tuple[int, ...]:
    """``"0-2,5"`` -> ``(0, 1, 2, 5)``.

    Raises:
        ConfigError: not such a text, or numbers that do not rise or are not below ``below``.
    """
    if not isinstance(text, str) or not re.fullmatch(rf"|{RUN}(,{RUN})*", text):
        raise ConfigError(f"{what} is {text!r:.60}; expected numbers such as '0-2,5'")
    found: list[int] = []
    for run in filter(None, text.split(",")):
        first, _, last = run.partition("-")
        low, high = int(first), int(last or first)
        if low > high or (found and low <= found[-1]) or high >= min(below, MOST):
            raise ConfigError(f"{what} holds {run!r}; expected rising numbers below {below}")
        found += range(low, high + 1)
    return tuple(found)


def to_dict(structure: Structure) -> dict[str, Any]:
    """Plain values for ``config.json``; ``ties_words`` shows in the weights."""
    fields: dict[str, Any] = {} if structure.is_numbered else {"numbered": False}
    return fields | {
        "hidden": to_text(structure.hidden),
        "readout": to_text(structure.readout),
        "layers": [
            {"heads": to_text(layer.heads), "intermediate": to_text(layer.intermediate)}
            for layer in structure.layers
        ],
    }


def from_dict(
    value: object, *, hidden: int, heads: int, intermediate: int, layers: int, what: str
) -> Structure:
    """What ``to_dict`` wrote, for a model of these unpruned sizes.

    Raises:
        ConfigError: fields missing, unknown or impossible.
    """
    known = {"hidden", "readout", "layers"}
    if (
        not isinstance(value, dict)
        or set(value) - {"numbered"} != known
        or not isinstance(value["layers"], list)
        or not isinstance(value.get("numbered", True), bool)
    ):
        raise ConfigError(f"{what} is {value!r:.60}; expected hidden, readout and a list of layers")
    if len(value["layers"]) != layers:
        raise ConfigError(f"{what} has {len(value['layers'])} layers; the model has {layers}")
    found = []
    for number, layer in enumerate(value["layers"]):
        if not isinstance(layer, dict) or set(layer) != {"heads", "intermediate"}:
            raise ConfigError(
                f"{what} layer {number} is {layer!r:.60}; expected heads and intermediate"
            )
        found.append(
            LayerStructure(
                from_text(layer["heads"], below=heads, what=f"{what} layer {number} heads"),
                from_text(
                    layer["intermediate"],
                    below=intermediate,
                    what=f"{what} layer {number} intermediate",
                ),
            )
        )
    kept = from_text(value["hidden"], below=hidden, what=f"{what} hidden")
    readout = from_text(value["readout"], below=hidden, what=f"{what} readout")
    if not kept or not readout:
        raise ConfigError(f"{what}: at least one hidden and one readout dimension must be kept")
    return Structure(kept, tuple(found), readout, is_numbered=value.get("numbered", True))


def restored(value: dict[str, Any] | None) -> Structure | None:
    """What ``dataclasses.asdict`` made of a structure, after a way through JSON."""
    if value is None:
        return None
    layers = (
        LayerStructure(tuple(layer["heads"]), tuple(layer["intermediate"]))
        for layer in value["layers"]
    )
    return Structure(
        tuple(value["hidden"]),
        tuple(layers),
        tuple(value["readout"]),
        value["is_numbered"],
        value["ties_words"],
    )
