"""What the braid says: its finding, its numbers as a table, and the picture in words."""

from __future__ import annotations

from typing import Any

from muxviz.figures.drawing.wording import count, or_none, percent, shorten
from muxviz.figures.mix.leak import largest_leak
from muxviz.results import GroupResult, SlotResult
from muxviz.results.group import EQUAL_SLOTS

SENTENCE_ROOM = 36  # letters of a sentence in the alternative text


def braid_finding(result: GroupResult) -> str:
    """What the picture shows, in one computed sentence."""
    changed = [s for s in result.answered if s.agrees is False]
    compared = [s for s in result.answered if s.agrees is not None]
    answers = ""
    if compared:
        cause = "multiplexing" if result.baseline != EQUAL_SLOTS else "the neighbours"
        answers = f"{cause} changed {len(changed) or 'none'} of {len(compared)} answers"
    if len(result.slots) == 1:
        return "One sentence, one pass: nothing is multiplexed"
    if result.leak is None:
        fallback = f"one pass answered {count(len(result.answered), 'sentence')}"
        return _capital(answers or fallback)
    return _capital("; ".join(part for part in (_read_back_finding(result), answers) if part))


def _read_back_finding(result: GroupResult) -> str:
    assert result.leak is not None
    fillers = [s.slot for s in result.slots if s.is_filler]
    worst = largest_leak(result.leak.shares, fillers)
    if worst:
        slot, source, share = worst
        return (
            f"slot {source + 1} leaks most, into slot {slot + 1} ({percent(share)} of its tokens)"
        )
    readings = [s.reading.accuracy for s in result.answered if s.reading is not None]
    tokens = sum(p.trials for p in readings)
    right = sum(p.successes for p in readings)
    if tokens and right == tokens:
        number = len(result.answered)
        if number == 1:
            return "the sentence came back whole"
        every = "both sentences" if number == 2 else f"all {count(number, 'sentence')}"
        return f"{every} came back whole"
    if not tokens:
        return "no token could be counted"
    return f"{percent(right / tokens)} of the tokens came back, none of the others from a neighbour"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def braid_table(result: GroupResult) -> list[dict[str, Any]]:
    """The picture's numbers, one row per slot; shares in [0, 1], None where not applicable."""
    return [_table_row(result, slot) for slot in result.slots]


def _table_row(result: GroupResult, slot: SlotResult) -> dict[str, Any]:
    row: dict[str, Any] = {"slot": slot.number, "sentence": slot.text}
    if slot.is_filler:
        return row | {"prediction": f"filler (repeats {int(slot.repeats or 0) + 1})"}
    row |= {
        "prediction": slot.answer.headline,
        "probability": or_none(slot.answer.probability),
        "alone": slot.alone.headline if slot.alone else None,
        "changed": None if slot.agrees is None else not slot.agrees,
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
        "largest leak from": None if worst is None else worst + 1,
        "its share": None if worst is None else float(shares[worst]),
        "from no slot": or_none(float(shares[-1])),
    }


def braid_alt(result: GroupResult) -> str:
    """The picture in words, with the numbers of the table."""
    lines = [f"{braid_finding(result)}."]
    for row in braid_table(result):
        sentence = shorten(row["sentence"], SENTENCE_ROOM)
        parts = [f"Slot {row['slot']} ({sentence}): {row['prediction']}"]
        if row.get("probability") is not None:
            parts.append(f"probability {row['probability']:.2f}")
        if row.get("changed"):
            parts.append(f"alone {row['alone']}")
        if row.get("read back") is not None:
            parts.append(f"{percent(row['read back'])} of {row['tokens']} tokens read back")
        if row.get("largest leak from"):
            parts.append(f"{percent(row['its share'])} from slot {row['largest leak from']}")
        if row.get("from no slot"):
            parts.append(f"{percent(row['from no slot'])} from no slot")
        lines.append(", ".join(parts) + ".")
    return " ".join(lines)
