"""Panels of the readings and of the heads, made from their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from muxviz.figures.attention import heads as heads_of
from muxviz.figures.attention import instances, pairs
from muxviz.figures.attention import maps as raw
from muxviz.figures.attention import relevance as relevances
from muxviz.figures.attention.axes import positions_of
from muxviz.results.store import to_json
from muxviz.ui.attention import params as controls
from muxviz.ui.attention import text
from muxviz.ui.shell.params import value
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.runs import RunRequest

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


def python_of(
    run: RunRequest, function: str, module: str, names: Sequence[str], *calls: str
) -> str:
    """Code that computes a result and draws it."""
    return analysis_snippet(
        run,
        [
            f"from muxviz.analysis.attention.readings import {function}",
            f"from muxviz.figures.attention.{module} import {', '.join(names)}",
        ],
        [f"result = {function}({call_arguments(run)})", *calls],
    )


def raw_panel(result: AttentionMaps, *, run: RunRequest, chosen: Selected, dark: bool) -> Panel:
    """Reading 1: all heads, and one map."""
    look = chosen.look if chosen.look in raw.LOOKS else "one"
    layer = min(chosen.layer, len(result.maps) - 1)
    head = min(chosen.head or 0, result.maps.shape[1] - 1)
    if chosen.look == "top" and not result.is_kept[layer, head]:  # before anything is ranked
        layer, head = (int(n) for n in np.argwhere(result.is_kept)[0])
    shown = shown_positions(result)
    all_heads = [(layer, int(h)) for h in np.flatnonzero(result.is_kept[layer])]
    framed = [(layer, head)] if look == "one" else all_heads
    return Panel(
        "attention_raw",
        (
            raw.attention_grid_figure(result, chosen=framed, dark=dark),
            raw.attention_map_figure(
                result,
                layer,
                head,
                look=look,
                positions=shown,
                slot=_slot(result, chosen),
                dark=dark,
            ),
        ),
        (
            raw.attention_grid_alt(result),
            raw.attention_map_alt(result, layer, head, look=look),
        ),
        raw.attention_map_table(result, layer, head, look=look, positions=shown),
        text.RAW_HOW,
        text.RAW_LIMITS,
        lambda: to_json(result),
        python_of(
            run,
            "attention_maps",
            "maps",
            ("attention_grid_figure", "attention_map_figure"),
            "attention_grid_figure(result).show()",
            f"attention_map_figure(result, {layer}, {head}, look={look!r}).show()",
        ),
        result.provenance.line(),
    )


def pairs_panel(result: SlotPairs, *, run: RunRequest, chosen: Selected, dark: bool) -> Panel:
    """Reading 2: shares of all pairs, and the map of one."""
    head = min(chosen.head or 0, len(result.queries) - 1)
    if chosen.look == "top" and not result.is_kept[head]:
        head = int(result.is_kept.argmax())
    of_shares = head if chosen.look in ("top", "one") else None
    num = len(result.tokens)
    query = None if chosen.query is None else min(chosen.query, num)
    key = None if chosen.key is None else min(chosen.key, num)
    pair = pairs.largest_pair(result, of_shares, query=query, key=key, seen=chosen.is_seen)
    seen = chosen.is_seen
    return Panel(
        "attention_pairs",
        (
            pairs.pairs_figure(result, of_shares, seen=seen, chosen=pair, dark=dark),
            pairs.pair_map_figure(
                result,
                head,
                pair,
                positions=shown_positions(result),
                slot=_slot(result, chosen),
                dark=dark,
            ),
        ),
        (
            pairs.pairs_alt(result, of_shares, seen=seen),
            pairs.pair_map_alt(result, head, pair),
        ),
        [
            *pairs.pairs_table(result, of_shares, seen=seen),
            *pairs.pair_map_table(result, head, pair),
        ],
        text.PAIRS_HOW,
        text.PAIRS_LIMITS,
        lambda: to_json(result),
        python_of(
            run,
            "slot_pairs",
            "pairs",
            ("pair_map_figure", "pairs_figure"),
            f"pairs_figure(result, {of_shares}, seen={seen}, chosen={pair}).show()",
            f"pair_map_figure(result, {head}, {pair}).show()",
        ),
        result.provenance.line(),
    )


def relevance_panel(result: Relevance, *, run: RunRequest, chosen: Selected, dark: bool) -> Panel:
    """Reading 3: a map for each slot, and the difference of two."""
    layer = min(chosen.layer, result.layers.shape[1] - 1)
    rolled, shown = chosen.is_rolled, shown_positions(result)
    figures = [
        relevances.relevance_figure(result, layer, rollout=rolled, positions=shown, dark=dark)
    ]
    alts = [relevances.relevance_alt(result, layer, rollout=rolled)]
    names, calls = (
        ["relevance_figure"],
        [f"relevance_figure(result, {layer}, rollout={rolled}).show()"],
    )
    num, slot = len(result.tokens), _slot(result, chosen)
    if num > 1 and not relevances.gone_alone(result, layer, rolled):
        other = chosen.key
        if other is None or other >= num or other == slot:
            other = relevances.most_unlike(result, layer, slot, rollout=rolled)
        pair = (slot, other)
        figures.append(
            relevances.relevance_difference_figure(
                result, layer, pair, rollout=rolled, positions=shown, dark=dark
            )
        )
        alts.append(relevances.relevance_difference_alt(result, layer, pair, rollout=rolled))
        names.append("relevance_difference_figure")
        calls.append(
            f"relevance_difference_figure(result, {layer}, {pair}, rollout={rolled}).show()"
        )
    return Panel(
        "attention_relevance",
        tuple(figures),
        tuple(alts),
        relevances.relevance_table(result, layer, rollout=rolled),
        text.RELEVANCE_HOW,
        text.RELEVANCE_LIMITS,
        lambda: to_json(result),
        python_of(run, "relevance", "relevance", sorted(names), *calls),
        result.provenance.line(),
    )


def across_panel(
    result: InstanceAttention, *, run: RunRequest, chosen: Selected, dark: bool
) -> Panel:
    """The contextual multiplexer's own attention."""
    heads = result.maps.shape[1]
    head = min(chosen.head or 0, heads - 1) if chosen.look == "one" else None
    position = min(int(value(controls.POSITION)), len(result.maps) - 1)
    return Panel(
        "attention_across",
        (instances.instances_figure(result, position, head=head, dark=dark),),
        (instances.instances_alt(result, position, head=head),),
        instances.instances_table(result, head=head),
        text.ACROSS_HOW,
        text.ACROSS_LIMITS,
        lambda: to_json(result),
        python_of(
            run,
            "instance_attention",
            "instances",
            ("instances_figure",),
            f"instances_figure(result, {position}, head={head}).show()",
        ),
        result.provenance.line(),
    )


def heads_panel(result: HeadEffects, *, run: RunRequest, slot: int, dark: bool) -> Panel:
    """Effect of every head on the selected slot's answer."""
    slot = min(slot, len(result.change) - 1)
    by = value(controls.EFFECT)
    if by == "js" and np.isnan(result.divergence[slot]).all():
        by = "margin"  # also where no head is left
    return Panel(
        "attention_heads",
        (heads_of.heads_figure(result, slot, by=by, dark=dark),),
        (heads_of.heads_alt(result, slot, by=by),),
        heads_of.heads_table(result, slot, by=by),
        text.HEADS_HOW,
        text.HEADS_LIMITS,
        lambda: to_json(result),
        python_of(
            run,
            "head_effects",
            "heads",
            ("heads_figure",),
            f"heads_figure(result, {slot}, by={by!r}).show()",
        ),
        result.provenance.line(),
    )


def _slot(result: Any, chosen: Selected) -> int:
    return min(chosen.slot, len(result.tokens) - 1)
