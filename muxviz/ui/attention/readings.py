"""What is drawn of the readings and of the heads, chosen by their results and the controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from muxviz.figures.attention.axes import positions_of
from muxviz.figures.attention.heads import HEADS
from muxviz.figures.attention.instances import INSTANCES
from muxviz.figures.attention.maps import ATTENTION_GRID, ATTENTION_MAP, LOOKS
from muxviz.figures.attention.pairs import PAIR_MAP, PAIRS, largest_pair
from muxviz.figures.attention.relevance import (
    RELEVANCE,
    RELEVANCE_DIFFERENCE,
    gone_alone,
    most_unlike,
)
from muxviz.figures.drawing.family import Picture
from muxviz.ui.attention import params as controls
from muxviz.ui.attention import text
from muxviz.ui.shell.params import value

if TYPE_CHECKING:
    from muxviz.results.attention import (
        AttentionMaps,
        HeadEffects,
        InstanceAttention,
        Relevance,
        SlotPairs,
    )


@dataclass(frozen=True)
class Selected:
    """What of a reading is on screen; all from 0. None: to be found in the result."""

    slot: int
    look: str = "one"
    layer: int = 0
    head: int | None = 0
    query: int | None = None
    key: int | None = None
    is_seen: bool = False
    is_rolled: bool = True


def shown_positions(result: Any) -> np.ndarray:
    """Positions that the display controls leave; all of them where they leave none."""
    start = value(controls.WINDOW) if len(result.tokens[0]) > 128 else 0
    found = positions_of(
        result,
        specials=not value(controls.SPECIALS),
        words=value(controls.TOKENS),
        start=int(start),
    )
    return found if len(found) else positions_of(result, start=0)


def _raw(chosen: Selected, result: AttentionMaps) -> Picture:
    """All heads, and one map."""
    look = chosen.look if chosen.look in LOOKS else "one"
    layer = min(chosen.layer, len(result.maps) - 1)
    head = min(chosen.head or 0, result.maps.shape[1] - 1)
    if chosen.look == "top" and not result.is_kept[layer, head]:  # before anything is ranked
        layer, head = (int(n) for n in np.argwhere(result.is_kept)[0])
    all_heads = [(layer, int(h)) for h in np.flatnonzero(result.is_kept[layer])]
    framed = [(layer, head)] if look == "one" else all_heads
    one = ATTENTION_MAP(layer=layer, head=head, look=look, slot=_slot(result, chosen))
    return (ATTENTION_GRID() + one).here(chosen=framed, positions=shown_positions(result))


def _pairs(chosen: Selected, result: SlotPairs) -> Picture:
    """Shares of all pairs, and the map of one."""
    head = min(chosen.head or 0, len(result.queries) - 1)
    if chosen.look == "top" and not result.is_kept[head]:
        head = int(result.is_kept.argmax())
    of_shares = head if chosen.look in ("top", "one") else None
    num, seen = len(result.tokens), chosen.is_seen
    query = None if chosen.query is None else min(chosen.query, num)
    key = None if chosen.key is None else min(chosen.key, num)
    pair = largest_pair(result, of_shares, query=query, key=key, seen=seen)
    one = PAIR_MAP(head=head, pair=pair, slot=_slot(result, chosen))
    shares = PAIRS(head=of_shares, seen=seen, chosen=pair)
    return (shares + one).here(positions=shown_positions(result))


def _relevance(chosen: Selected, result: Relevance) -> Picture:
    """A map for each slot, and the difference of two."""
    layer, rolled = min(chosen.layer, result.layers.shape[1] - 1), chosen.is_rolled
    picture = RELEVANCE(layer=layer, rollout=rolled)
    num, slot = len(result.tokens), _slot(result, chosen)
    if num > 1 and not gone_alone(result, layer, rolled):
        other = chosen.key
        if other is None or other >= num or other == slot:
            other = most_unlike(result, layer, slot, rollout=rolled)
        picture += RELEVANCE_DIFFERENCE(layer=layer, pair=(slot, other), rollout=rolled)
    return picture.here(positions=shown_positions(result))


def _across(chosen: Selected, result: InstanceAttention) -> Picture:
    """The contextual multiplexer's own attention."""
    positions, heads = result.maps.shape[:2]
    head = min(chosen.head or 0, heads - 1) if chosen.look == "one" else None
    return INSTANCES(position=min(int(value(controls.POSITION)), positions - 1), head=head)


def heads_picture(slot: int, result: HeadEffects) -> Picture:
    """Effect of every head on a slot's answer."""
    slot, by = min(slot, len(result.change) - 1), value(controls.EFFECT)
    if by == "js" and np.isnan(result.divergence[slot]).all():
        by = "margin"  # also where no head is left
    return HEADS(slot=slot, by=by)


def _slot(result: Any, chosen: Selected) -> int:
    return min(chosen.slot, len(result.tokens) - 1)


class Reading(NamedTuple):
    """One way to look at attention. function: below ``muxviz.analysis.attention``."""

    question: str
    function: str
    cost: str
    draw: Callable[[Selected, Any], Picture]
    how: str
    limits: str


READINGS = {
    "raw": Reading(
        "Where does the shared pass look?",
        "readings.attention_maps",
        "one pass",
        _raw,
        text.RAW_HOW,
        text.RAW_LIMITS,
    ),
    "pairs": Reading(
        "Which sentence looks at which, in the first layer?",
        "pairs.slot_pairs",
        "less than one pass",
        _pairs,
        text.PAIRS_HOW,
        text.PAIRS_LIMITS,
    ),
    "relevance": Reading(
        "Which looks does each slot's answer lean on?",
        "readings.relevance",
        "one pass forward, one back per slot",
        _relevance,
        text.RELEVANCE_HOW,
        text.RELEVANCE_LIMITS,
    ),
    "across": Reading(
        "Which sentence takes from which before they are mixed?",
        "readings.instance_attention",
        "less than one pass",
        _across,
        text.ACROSS_HOW,
        text.ACROSS_LIMITS,
    ),
}
