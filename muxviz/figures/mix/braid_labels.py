"""What is written around the braid: sentences, layers, answers, and how to read the colours."""

from __future__ import annotations

from typing import Any

from muxviz.figures.drawing.ink import SMALL_SIZE, TEXT_SIZE, Ink, caption, ink
from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.wording import count, fold, interval, percent, plain, shorten, tokens_of
from muxviz.figures.mix.braid_geometry import LEFT, RIGHT, SMALLEST, Geometry
from muxviz.results import Answer, GroupResult, LabelAnswer, SlotResult

SENTENCE_ROOM, SENTENCE_LINES = 31, 2  # average letters, as far as the left side is wide
ANSWER_ROOM = 17
CAPTION_ROOM = 140
HOVER_ROOM, HOVER_LINES = 64, 8
TICKS = 7  # at most this many layer numbers
NUMBER_SIZE = 15
QUIET = 0.45  # opacity of what is written beside a dimmed lane


def label_lanes(
    plot: Plot,
    geometry: Geometry,
    result: GroupResult,
    *,
    solo: int | None = None,
    dark: bool,
) -> None:
    """Write number and sentence left of every lane, and its answer to the right."""
    colors, texts = ink(dark), []
    for slot in result.slots:
        y = geometry.middle(slot.slot)
        hover: dict[str, Any] = {"hovertext": sentence_hover(slot)}
        if solo not in (None, slot.slot):
            hover["opacity"] = QUIET
        number = f"<b>{slot.number}</b>"
        texts.append(_text(number, LEFT, y, colors, shift=-14, size=NUMBER_SIZE) | hover)
        texts.append(_text(_sentence(slot), LEFT, y, colors, shift=-38) | hover)
        if not slot.is_filler:
            answer = _text(_answer(slot, colors), RIGHT, y, colors, shift=16)
            texts.append(answer | hover | {"hovertext": _answer_hover(slot)})
    plot.mark(annotations=texts)


def label_layers(plot: Plot, geometry: Geometry, *, dark: bool) -> None:
    """A line per layer through the band, and numbers on as many as have room."""
    colors, (top, low) = ink(dark), geometry.band
    last = len(geometry.ticks) - 1
    stride = -(-last // (TICKS - 1)) if last else 1
    lines, numbers = [], []
    for layer, x in enumerate(geometry.ticks):
        is_end = layer in {0, last}
        lines.append(
            {
                "type": "line",
                "x0": x,
                "x1": x,
                "y0": top + 0.07 * is_end,
                "y1": low - 0.1,
                "line": {"color": colors.text, "width": 1},
                "opacity": 0.5 if is_end else 0.2,
            }
        )
        if is_end or (layer % stride == 0 and last - layer >= stride):
            name = str(layer) if layer else "mix"
            numbers.append(_small(name, float(x), low, shift=-16))
    if last:
        middle = float(geometry.ticks.mean())
        numbers.append(_small("layer", middle, low, shift=-33))
    plot.mark(shapes=lines, annotations=numbers)


def write_caption(
    plot: Plot,
    geometry: Geometry,
    result: GroupResult,
    *,
    left: int,
    has_rest: bool = False,
) -> None:
    """How to read the colours, and what is not drawn.

    left: the margin in px. has_rest: whether the band holds what belongs to no single slot.
    """
    remarks = _remarks(geometry, result)
    if has_rest:
        remarks.insert(0, "Band: each slot's share of the state; grey, of no single slot.")
    lines = fold(" ".join(remarks), CAPTION_ROOM, 2)
    words = "<br>".join(plain(line) for line in lines)
    caption(plot, words, below=20, left=12 - left)


def sentence_hover(slot: SlotResult) -> str:
    """The whole sentence, safe for Plotly, with what was cut off and what it repeats."""
    lines = [f"<b>slot {slot.number}</b>, {slot.num_tokens} tokens"]
    if slot.repeats is not None:
        lines.append(f"filler: repeats slot {slot.repeats + 1}")
    lines += _folded(slot.text) or ["(empty)"]
    if slot.pair:
        lines += _folded(f"+ {slot.pair}")
    if slot.cut_text:
        lines += _folded(f"cut off: {slot.cut_text}")
    return "<br>".join(lines)


def _folded(text: str) -> list[str]:
    return [plain(line) for line in fold(text, HOVER_ROOM, HOVER_LINES)]


def _sentence(slot: SlotResult) -> str:
    if slot.repeats is not None:
        return f"<i>filler (repeats {slot.repeats + 1})</i>"
    lines = [plain(line) for line in fold(slot.text, SENTENCE_ROOM, SENTENCE_LINES)]
    return "<br>".join(lines) or "<i>(empty)</i>"


def _answer(slot: SlotResult, colors: Ink) -> str:
    """Prediction and probability, a mark where it differs; below, the share read back."""
    line = f"<b>{plain(shorten(slot.answer.headline, ANSWER_ROOM))}</b>{_probability(slot.answer)}"
    if slot.agrees is False:
        line += f'  <span style="color:{colors.warning}"><b>≠ alone</b></span>'
    if slot.reading is None:
        return line
    accuracy = slot.reading.accuracy
    below = "no token to count"
    if accuracy.trials:
        below = f"read back {percent(accuracy.value)} ({interval(accuracy)})"
    style = f"font-size:{SMALL_SIZE}px;color:{colors.muted}"
    return f'{line}<br><span style="{style}">{below}</span>'


def _probability(answer: Answer) -> str:
    """Only a label has one probability; other answers say theirs token by token."""
    return f" {answer.probability:.2f}" if isinstance(answer, LabelAnswer) else ""


def _answer_hover(slot: SlotResult) -> str:
    lines = [f"<b>slot {slot.number}</b>"]
    lines += _folded(f"{slot.answer.headline}{_probability(slot.answer)}")
    if slot.alone is not None:
        lines += _folded(f"alone: {slot.alone.headline}{_probability(slot.alone)}")
    if slot.reading is not None and slot.reading.accuracy.trials:
        accuracy = slot.reading.accuracy
        tokens = tokens_of(accuracy.value, accuracy.trials)
        lines.append(f"read back: {percent(accuracy.value)} ({tokens})")
        lines.append(f"95 % interval: {interval(accuracy)}")
    return "<br>".join(lines)


def _remarks(geometry: Geometry, result: GroupResult) -> list[str]:
    if result.leak is None:
        remarks = ["Lanes are not split: this checkpoint cannot be read back token by token."]
    elif len(result.slots) == 1:
        remarks = ["Right: tokens read back; dotted, tokens that were not."]
    else:
        remarks = [
            "Right: tokens read back in the lane's own colour, tokens of a neighbour in the "
            "neighbour's; dotted, from no slot."
        ]
    if geometry.omitted:
        thin = count(geometry.omitted, "ribbon")
        remarks.append(
            f"{thin[:1].upper()}{thin[1:]} under {percent(SMALLEST)} of a lane left out."
        )
    if len(result.answered) < len(result.slots):
        remarks.append("Hatched lanes only fill the group up.")
    return remarks


def _text(
    text: str, x: float, y: float, colors: Ink, *, shift: int, size: int = TEXT_SIZE
) -> dict[str, Any]:
    """A text beside ``(x, y)``, ``shift`` px to its right (to its left below 0)."""
    side = "left" if shift > 0 else "right"
    return {
        "text": text,
        "x": x,
        "y": y,
        "xshift": shift,
        "xanchor": side,
        "align": side,
        "font": {"size": size, "color": colors.text},
    }


def _small(text: str, x: float, y: float, *, shift: int) -> dict[str, Any]:
    """A quiet text below ``(x, y)``."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "yshift": shift,
    }
