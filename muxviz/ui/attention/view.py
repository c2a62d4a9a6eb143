"""The panels of the Attention page: three readings, the heads, the words, the ways through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.drawing.slots import slot_label
from muxviz.ui.attention import params as controls
from muxviz.ui.attention import text
from muxviz.ui.attention.readings import READINGS, Selected, heads_picture
from muxviz.ui.shell.checkpoints import read_object
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Choice, Number, control, value
from muxviz.ui.shell.text import listed
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Call
from muxviz.ui.study.kept import desk
from muxviz.ui.study.question import at_once, show
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.results.attention import HeadEffects

WIDE = 128  # positions from which a window is shown
USUAL = 12  # layers and heads where nothing says how many


@dataclass(frozen=True)
class Sizes:
    """Layers and heads of the encoder, as far as known before anything ran."""

    layers: int
    heads: int


def sizes(bench: Bench, heads: HeadEffects | None) -> Sizes:
    """From the ranking, else from the checkpoint's file."""
    if heads is not None:
        return Sizes(*heads.change.shape[1:])
    listed = bench.checkpoint
    found = read_object(listed.folder / "config.json") if listed and listed.folder else {}
    layers, count = (found.get(k) for k in ("num_hidden_layers", "num_attention_heads"))
    return Sizes(
        layers if isinstance(layers, int) and layers > 0 else USUAL,
        count if isinstance(count, int) and count > 0 else USUAL,
    )


def _heads(bench: Bench, run: RunRequest) -> Question:
    return Question(
        "attention_heads",
        "Which heads does the answer need?",
        Call("attention.readings.head_effects", run),
        "layers x heads passes of one sequence",
        partial(heads_picture, bench.slot),
        text.HEADS_HOW,
        text.HEADS_LIMITS,
        "Every head is silenced once; what the answer loses ranks them.",
        instant=True,
        pick=_take_head,
    )


def ranking(bench: Bench, run: RunRequest) -> HeadEffects | None:
    """The effect of every head, also while its panel is behind a closed tab."""
    desk().collect_all()
    found: HeadEffects | None = at_once(_heads(bench, run))
    return found


def heads_panel(bench: Bench, run: RunRequest) -> None:
    """What the selected slot's answer loses without each head."""
    place = st.container()
    if show(_heads(bench, run)) is not None:
        with place:
            control(controls.EFFECT, help="What heads are ranked by.")


def _take_head(cell: list[int]) -> None:
    """Draw the head of a cell that was clicked (a callback)."""
    state = st.session_state
    state[controls.LOOK.key] = "one"
    state[controls.LAYER.key], state[controls.HEAD.key] = cell[0] + 1, cell[1] + 1


def reading(bench: Bench, run: RunRequest, heads: HeadEffects | None) -> None:
    """The chosen reading of attention, with its controls."""
    which = control(
        controls.READING,
        help="Raw: the map all sentences share. Slot pairs: an exact split of its logits in layer "
        "1. For each slot: weighted by the gradient of one slot's answer. Across sentences: the "
        "attention of a contextual multiplexer.",
    )
    read = READINGS[which]
    chosen = _selected(bench, which, sizes(bench, heads), heads)
    if which != "across":
        _display()
    more = st.container()
    found = show(
        Question(
            f"attention_{which}",
            read.question,
            Call(f"attention.{read.function}", run),
            read.cost,
            partial(read.draw, chosen),
            read.how,
            read.limits,
            instant=True,
            view=(chosen,),
        )
    )
    length = len(found.tokens[0]) if found is not None else 0
    with more:
        if which == "across" and length > 1:
            control(replace(controls.POSITION, high=length - 1))
        elif length > WIDE:
            control(controls.WINDOW, help=f"{WIDE} positions are drawn at once.")


# ---- controls -----------------------------------------------------------------------------------


def _selected(bench: Bench, which: str, size: Sizes, heads: HeadEffects | None) -> Selected:
    """What of the reading is to be seen, from its own controls."""
    num = bench.num_instances
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if which == "relevance":
            return _of_relevance(bench, size, num)
        look = control(controls.LOOK, help="Which head is drawn, or what of all heads of a layer.")
        if which == "across":
            head = _slider(controls.HEAD, size.heads) if look == "one" else None
            return Selected(slot=bench.slot, look=look, head=head)
        layers = (0,) if which == "pairs" else tuple(range(size.layers))
        layer, head = _best(heads, bench.slot, layers)
        if which == "raw" and look != "top":
            layer = _slider(controls.LAYER, size.layers)
        if look == "one":
            head = _slider(controls.HEAD, size.heads)
        if look != "top":
            _gone_note(heads, layer)
        if which == "raw":
            return Selected(slot=bench.slot, look=look, layer=layer, head=head)
        query = _slot_choice(controls.LOOKING, num, {"auto": "Largest share"}, nobody=True)
        key = _slot_choice(controls.LOOKED_AT, num, {"auto": "Largest share"}, nobody=True)
        seen = control(controls.SEEN)
        return Selected(
            slot=bench.slot, look=look, layer=0, head=head, query=query, key=key, is_seen=seen
        )


def _of_relevance(bench: Bench, size: Sizes, num: int) -> Selected:
    layer = _slider(controls.DEPTH, size.layers, default=size.layers)
    rolled = control(controls.ROLLED) == "rollout"
    other = None
    if num > 1:
        other = _slot_choice(
            controls.COMPARED, num, {"auto": "The least alike"}, without=bench.slot
        )
    return Selected(slot=bench.slot, layer=layer, is_rolled=rolled, key=other)


def _best(heads: HeadEffects | None, slot: int, layers: tuple[int, ...]) -> tuple[int, int]:
    """The layer and head of the largest effect on a slot among some layers."""
    if heads is None or slot >= len(heads.change):
        return layers[0], 0
    by = value(controls.EFFECT)
    if by == "js" and not _has_probabilities(heads):
        by = "margin"
    ranked = (place for place in heads.ranking(slot, by) if place[0] in layers)
    return next(ranked, (layers[0], 0))


def _gone_note(heads: HeadEffects | None, layer: int) -> None:
    """Which heads of a layer cannot be looked at any more."""
    if heads is None or heads.is_kept[layer].all():
        return
    gone = [str(h + 1) for h in range(heads.is_kept.shape[1]) if not heads.is_kept[layer, h]]
    if len(gone) == heads.is_kept.shape[1]:
        st.caption(f"Layer {layer + 1} no longer attends: all its heads were pruned away.")
    else:
        st.caption(
            f"Pruned away in layer {layer + 1}: head{'s' * (len(gone) != 1)} {listed(gone)}."
        )


def _has_probabilities(heads: HeadEffects) -> bool:
    return bool((heads.divergence >= 0).any())


def _slider(param: Number, high: int, default: int = 1) -> int:
    """A layer or head as shown, from 1, returned from 0."""
    if high < 2:
        return 0
    return int(control(replace(param, high=high, default=default))) - 1


def _slot_choice(
    param: Any,
    num: int,
    first: dict[str, str],
    *,
    nobody: bool = False,
    without: int | None = None,
) -> int | None:
    """A slot from 0 (N: no sentence), or None for the first choice."""
    options = first | {str(i + 1): slot_label(i) for i in range(num) if i != without}
    if nobody:
        options["none"] = "No sentence"
    picked = control(Choice(param.key, param.label, options, param.default))
    if picked in first:
        return None
    return num if picked == "none" else int(picked) - 1


def _display() -> None:
    """Filters of what is drawn; nothing is computed anew."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(
            controls.TOKENS,
            help="Words, with spaces between them: only positions where some sentence has one of "
            "these tokens are drawn. Display only; nothing is computed anew.",
        )
        control(
            controls.SPECIALS,
            help="Positions where no sentence has a word ([CLS], [SEP], padding) are not drawn. "
            "Display only: attention to them is still in the numbers.",
        )
