"""What is written around the braid: sentences, layers, answers, and how to read the colours."""

from __future__ import annotations

from typing import Any

from muxviz.figures.drawing.ink import SMALL_SIZE, TEXT_SIZE, Ink, caption, ink, text_on
from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.slots import slot_color
from muxviz.figures.drawing.wording import count, fold, interval, percent, plain, shorten, tokens_of
from muxviz.figures.mix.braid_geometry import CAPSULE, LEFT, SMALLEST, Geometry
from muxviz.figures.mix.braid_words import AS_ALONE, NEAR, TURNED, standing
from muxviz.results import Answer, GroupResult, LabelAnswer, ReplacedAnswer, SlotResult, TagAnswer
from muxviz.results.group import CLOSE

SENTENCE_ROOM, SENTENCE_LINES = 31, 2  # average letters, as far as the left side is wide
ANSWER_ROOM = 16
CAPTION_ROOM, CAPTION_LINES = 118, 4
HOVER_ROOM, HOVER_LINES = 64, 8
TICKS = 7  # at most this many layer numbers
NUMBER_SIZE = 15
BAND = "Band: each slot's measured share of the state; grey, of no single slot."
BLENDS = "Colours blend by as much."
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
        texts.append(_text(_sentence(slot, colors), LEFT, y, colors, shift=-38) | hover)
        if not slot.is_filler:
            answer = _text(answer_words(slot, colors), CAPSULE[1], y, colors, shift=10)
            texts.append(answer | hover | {"hovertext": answer_hover(slot)})
            inside = {"x": sum(CAPSULE) / 2, "y": y, "text": str(slot.number), "align": "center"}
            small = {"size": SMALL_SIZE, "color": _on_capsule(slot, colors)}
            texts.append(inside | {"font": small})
    plot.mark(annotations=texts)


def _on_capsule(slot: SlotResult, colors: Ink) -> str:
    return text_on(slot_color(slot.slot)) if standing(slot) == AS_ALONE else colors.text


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
) -> int:
    """How to read the colours, and what is not drawn; in how many lines.

    left: the margin in px. has_rest: whether the band holds what belongs to no single slot.
    """
    remarks = _remarks(geometry, result)
    if has_rest:
        remarks.insert(0, f"{BAND} {BLENDS}")
    lines = fold(" ".join(remarks), CAPTION_ROOM, CAPTION_LINES)
    words = "<br>".join(plain(line) for line in lines)
    caption(plot, words, below=20, left=12 - left)
    return len(lines)


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


def _sentence(slot: SlotResult, colors: Ink) -> str:
    if slot.repeats is not None:
        return f"<i>filler (repeats {slot.repeats + 1})</i>"
    lines = [plain(line) for line in fold(slot.text, SENTENCE_ROOM, SENTENCE_LINES)]
    lines = lines or ["<i>(empty)</i>"]
    if slot.cut_text:
        lines.append(cut_words(slot, colors))
    return "<br>".join(lines)


def cut_words(slot: SlotResult, colors: Ink) -> str:
    """That only the start of the sentence went through the pass."""
    style = f"font-size:{SMALL_SIZE}px;color:{colors.warning}"
    return f'<span style="{style}">✂ cut to {slot.num_tokens} tokens</span>'


def answer_words(slot: SlotResult, colors: Ink) -> str:
    """Prediction and probability, how it stands against alone; below, the share read back."""
    line = f"<b>{plain(shorten(_in_short(slot), ANSWER_ROOM))}</b>{_probability(slot.answer)}"
    stands = standing(slot)
    if stands == TURNED:
        line += f'  <span style="color:{colors.warning}"><b>≠ alone</b></span>'
    elif stands == NEAR:
        line += "  <i>close</i>"
    if slot.reading is None:
        return line
    accuracy = slot.reading.accuracy
    below = "no token to count"
    if accuracy.trials:
        below = f"read back {percent(accuracy.value)} ({interval(accuracy)})"
    style = f"font-size:{SMALL_SIZE}px;color:{colors.muted}"
    return f'{line}<br><span style="{style}">{below}</span>'


def _in_short(slot: SlotResult) -> str:
    """The answer; of one per token, how many of them differ."""
    answer = slot.answer
    if not isinstance(answer, TagAnswer | ReplacedAnswer):
        return answer.headline
    part = "tag" if isinstance(answer, TagAnswer) else "token"
    same, of = slot.alike or (len(answer.tokens), len(answer.tokens))
    noun = f"{of} {part}{'s' * (of != 1)}"
    return f"{of - same} of {noun}" if same < of else noun


def _probability(answer: Answer) -> str:
    """Only a label has one probability; other answers say theirs token by token."""
    return f" {answer.probability:.2f}" if isinstance(answer, LabelAnswer) else ""


def answer_hover(slot: SlotResult) -> str:
    """The answer whole, how it stands against alone, and the share read back."""
    lines = [f"<b>slot {slot.number}</b>"]
    lines += _folded(f"{slot.answer.headline}{_probability(slot.answer)}")
    if slot.alone is not None:
        lines += _folded(f"alone: {slot.alone.headline}{_probability(slot.alone)}")
    lines.append(_standing_words(slot))
    if slot.reading is not None and slot.reading.accuracy.trials:
        accuracy = slot.reading.accuracy
        tokens = tokens_of(accuracy.value, accuracy.trials)
        lines.append(f"read back: {percent(accuracy.value)} ({tokens})")
        lines.append(f"95 % interval: {interval(accuracy)}")
    return "<br>".join(lines)


def _standing_words(slot: SlotResult) -> str:
    stands = standing(slot)
    margin = f"margin {slot.answer.margin:.2f}" if isinstance(slot.answer, LabelAnswer) else ""
    if stands == NEAR:
        return f"{NEAR}: {margin}, under {CLOSE:g} logits"
    same, of = slot.alike or (0, 0)
    told = f"{stands}, {same} of {of} the same" if of > 1 else stands
    return f"{told}, {margin}" if margin else told


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
    remarks.append(answer_remark(result))
    if geometry.omitted:
        thin = count(geometry.omitted, "ribbon")
        remarks.append(
            f"{thin[:1].upper()}{thin[1:]} under {percent(SMALLEST)} of a lane left out."
        )
    if len(result.answered) < len(result.slots):
        remarks.append("Lanes hatched all along only fill the group up.")
    return remarks


def answer_remark(result: GroupResult) -> str:
    """How to read the capsules."""
    near = f"pale, close to turning (margin under {CLOSE:g} logits)"
    if not result.kept[1]:
        return f"Capsule: the answer, empty as it is not compared; {near}."
    return f"Capsule: full, the answer as alone; hatched, turned; {near}."


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
