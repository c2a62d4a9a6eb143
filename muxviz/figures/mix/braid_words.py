"""What the braid says: its finding, its numbers as a table, and the picture in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from muxviz.figures.drawing.wording import count, or_none, percent, shorten
from muxviz.figures.mix.leak import largest_leak
from muxviz.results import GroupResult, LabelAnswer, SlotResult
from muxviz.results.group import CLOSE, EQUAL_SLOTS

SENTENCE_ROOM = 36  # letters of a sentence in the alternative text
HALF = 0.5  # of its tokens: a second slot that lost as many is named too
AS_ALONE, TURNED, NEAR, OPEN = "as alone", "turned", "close to turning", "not compared"


def standing(slot: SlotResult) -> str:
    """How a slot's answer stands against the same sentence alone."""
    if slot.agrees is False:
        return TURNED
    if slot.is_close:
        return NEAR
    return OPEN if slot.agrees is None else AS_ALONE


def braid_finding(result: GroupResult) -> str:
    """What the picture shows: turned answers, lost slots, leaks, or that all is well."""
    if len(result.slots) == 1:
        return "One sentence, one pass: nothing is multiplexed"
    turned, kept = _answers_finding(result)
    read, is_whole = _read_back_finding(result)
    if turned or not is_whole:
        parts = [turned, read, "" if turned else kept]
    else:
        parts = [", and ".join(part for part in (read, kept) if part)]
    said = "; ".join(part for part in parts if part)
    return _capital(said or f"one pass answered {count(len(result.answered), 'sentence')}")


def _answers_finding(result: GroupResult) -> tuple[str, str]:
    """What is turned, and, where nothing is, that all is kept."""
    same, compared = result.kept
    if not compared:
        return "", ""
    if same < compared:
        cause = "multiplexing" if result.baseline != EQUAL_SLOTS else "the neighbours"
        turned = "turned" if isinstance(result.slots[0].answer, LabelAnswer) else "changed"
        return f"{cause} {turned} {compared - same} of {compared} {result.part}s", ""
    near = sum(standing(slot) == NEAR for slot in result.answered)
    kept = f"every {result.part} is as alone"
    return "", f"{kept}, {near} of {compared} close to turning" if near else kept


def _read_back_finding(result: GroupResult) -> tuple[str, bool]:
    """What was lost, from the slot that lost most; and whether nothing was."""
    if result.leak is None:
        return "", True
    read = [s for s in result.answered if s.reading is not None and s.reading.accuracy.trials]
    if not read:
        return "no token could be counted", False
    worst, *others = sorted(read, key=lambda slot: -slot.lost)
    if not worst.lost:
        return _whole(len(result.answered)), True
    words = f"slot {worst.number} lost {percent(worst.lost)} of its tokens"
    if others and others[0].lost >= HALF:
        words += f" and slot {others[0].number} {percent(others[0].lost)}"
    leak = largest_leak(result.leak.shares, [s.slot for s in result.slots if s.is_filler])
    if leak is None:
        return f"{words}, none to a neighbour", False
    slot, source, share = leak
    if slot == worst.slot and not (others and others[0].lost >= HALF):
        return f"{words}, {percent(share)} to slot {source + 1}", False
    of = f"slot {source + 1} leaks most, into slot {slot + 1} ({percent(share)} of its tokens)"
    return f"{words}; {of}", False


def _whole(number: int) -> str:
    if number == 1:
        return "the sentence came back whole"
    every = "both sentences" if number == 2 else f"all {count(number, 'sentence')}"
    return f"{every} came back whole"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def braid_table(result: GroupResult, *, spectrum: np.ndarray | None = None) -> list[dict[str, Any]]:
    """The picture's numbers, one row per slot; shares in [0, 1], None where not applicable."""
    return [_table_row(result, slot, spectrum) for slot in result.slots]


def _table_row(
    result: GroupResult, slot: SlotResult, spectrum: np.ndarray | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"slot": slot.number, "sentence": slot.text}
    row["cut to tokens"] = slot.num_tokens if slot.cut_text else None
    if spectrum is not None:
        row["share of the mixture"], row["share at the end"] = (
            float(spectrum[k, slot.slot]) for k in (0, -1)
        )
        row["of no single slot, at the end"] = interaction(spectrum)[1]
    if slot.is_filler:
        return row | {"prediction": f"filler (repeats {int(slot.repeats or 0) + 1})"}
    same, of = slot.alike or (None, None)
    row |= {
        "prediction": slot.answer.headline,
        "probability": or_none(slot.answer.probability),
        "margin": slot.answer.margin if isinstance(slot.answer, LabelAnswer) else None,
        "alone": slot.alone.headline if slot.alone else None,
        "answer": standing(slot),
        "parts as alone": same,
        "parts": of,
    }
    if slot.reading is None or result.leak is None:
        return row
    low, high = slot.reading.accuracy.interval
    shares = result.leak.shares[slot.slot]
    others = [j for j in range(len(result.slots)) if j != slot.slot and shares[j] > 0]
    worst = max(others, key=lambda j: shares[j], default=None)
    return row | {
        "tokens": slot.reading.accuracy.trials,
        "read back": or_none(slot.reading.accuracy.value),
        "from": or_none(low),
        "to": or_none(high),
        "lost": slot.lost,
        "largest leak from": None if worst is None else worst + 1,
        "its share": None if worst is None else float(shares[worst]),
        "from no slot": or_none(float(shares[-1])),
    }


def interaction(spectrum: np.ndarray) -> tuple[float, float]:
    """Share of the state that belongs to no single slot: in the mixture, and at the end."""
    first, last = (max(0.0, 1 - float(spectrum[k].sum())) for k in (0, -1))
    return first, last


def braid_alt(result: GroupResult, *, spectrum: np.ndarray | None = None) -> str:
    """The picture in words, with the numbers of the table."""
    lines = [f"{braid_finding(result)}."]
    for row in braid_table(result):
        lines.append(f"{', '.join(_told(row))}.")
    if spectrum is not None:
        last = interaction(spectrum)[1]
        lines.append(f"Band: {percent(last)} of the state at the end belongs to no single slot.")
    return " ".join(lines)


def _told(row: dict[str, Any]) -> list[str]:
    sentence = shorten(row["sentence"], SENTENCE_ROOM)
    parts = [f"Slot {row['slot']} ({sentence}): {row['prediction']}"]
    if row["cut to tokens"]:
        parts.append(f"cut to {row['cut to tokens']} tokens")
    if row.get("probability") is not None:
        parts.append(f"probability {row['probability']:.2f}")
    if row.get("answer") == TURNED:
        of = "" if row["parts"] in (None, 1) else f", {row['parts as alone']} of {row['parts']}"
        parts.append(f"turned: alone {row['alone']}{of and f'{of} as alone'}")
    if row.get("answer") == NEAR:
        parts.append(f"close to turning: margin {row['margin']:.2f}, under {CLOSE:g}")
    if row.get("read back") is not None:
        parts.append(f"{percent(row['read back'])} of {row['tokens']} tokens read back")
    if row.get("largest leak from"):
        parts.append(f"{percent(row['its share'])} from slot {row['largest leak from']}")
    if row.get("from no slot"):
        parts.append(f"{percent(row['from no slot'])} from no slot")
    return parts
