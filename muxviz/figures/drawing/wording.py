"""Text for figures: users' sentences made harmless and fitted, numbers put into words.

Plotly reads a part of HTML, entities and formulas between dollar signs in every text it draws;
``plain`` makes it show them instead. Cut and fold first, make plain last: an entity is one letter.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from functools import lru_cache

from muxviz.results import Proportion

ELLIPSIS, MINUS = "…", "−"
JOINER = "\u200d"  # joins emoji into one picture
ISOLATE, END_ISOLATE = "\u2068", "\u2069"  # keeps right-to-left text from reordering its neighbours
BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})
VISIBLE = {" ": "␣", "\n": "⏎", "\r": "⏎", "\t": "⇥", "\u00a0": "⍽"}
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def clean(text: str) -> str:
    """``text`` on one line, without control characters, stray surrogates or outer spaces."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = (" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text)
    return " ".join("".join(c for c in kept if c not in BIDI_CONTROLS).split())


def plain(text: str) -> str:
    """``text`` such that Plotly shows every character of it as itself."""
    line = clean(text)
    return isolated(line.translate(ESCAPES))


def isolated(text: str) -> str:
    """``text``, kept from reordering its neighbours where it is read from right to left."""
    is_turned = not text.isascii() and any(
        unicodedata.bidirectional(c) in {"R", "AL", "AN"} for c in text
    )
    return ISOLATE + text + END_ISOLATE if is_turned else text


def visible(token: str) -> str:
    """A token with its white space made visible; ``∅`` when it is empty."""
    return "".join(VISIBLE.get(c, c) for c in token) or "∅"


def width(text: str) -> float:
    """Estimated width of ``text`` in average letters of a sans-serif face."""
    return sum(map(_advance, text))


def shorten(text: str, room: float) -> str:
    """``clean(text)``, cut with an ellipsis where it is wider than ``room`` average letters."""
    line = clean(text)
    if width(line) <= room:
        return line
    return line[: _fitting(line, room - 1)].rstrip() + ELLIPSIS


def fold(text: str, room: float, lines: int) -> list[str]:
    """``clean(text)`` broken into at most ``lines`` lines of ``room`` letters, the last one cut."""
    rest = clean(text)
    folded: list[str] = []
    while rest and len(folded) < lines - 1 and width(rest) > room:
        cut = _fitting(rest, room)
        space = _last_break(rest, cut)
        cut = space if space > cut // 2 else cut
        folded.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*folded, shorten(rest, room)] if rest else folded


def bare(text: str) -> str:
    """What is read of marked-up ``text``."""
    return html.unescape(re.sub("<[^>]*>", "", text))


def fold_marked(text: str, room: float) -> str:
    """Marked-up ``text`` in lines of ``room`` letters; what belongs to a number stays with it."""
    lines: list[str] = []
    for word in re.split(r"(?<!=) (?![%=\d])", text.replace("<br>", " ")):
        both = f"{lines[-1]} {word}" if lines else word
        if lines and width(bare(both)) <= room:
            lines[-1] = both
        else:
            lines.append(word)
    return "<br>".join(lines)


def number(value: float, form: str) -> str:
    """``value`` as ``format`` writes it, with a minus sign for a hyphen: ``"−1.3"``, ``"2e−5"``.

    What is rounded to nothing has no minus sign.
    """
    text = f"{value:{form}}"
    if math.isfinite(value) and not any(digit in text for digit in "123456789"):
        text = text.replace("-", "")
    return re.sub("-0*", MINUS, text) if "e" in text else text.replace("-", MINUS)


def percent(share: float) -> str:
    """A share in [0, 1] as ``"22 %"``; never rounded onto 0 or 100 %; ``"n/a"`` for NaN."""
    if math.isnan(share):
        return "n/a"
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{number(100 * share, '.0f')} %"


def tenths(share: float) -> str:
    """A share as a hover names it: ``"22.4 %"``."""
    return f"{number(100 * share, '.1f')} %"


def sure(chance: float) -> str:
    """A chance as a share; an estimate is never certain."""
    return percent(min(max(chance, 1e-6), 1 - 1e-6))


def or_none(value: float | None) -> float | None:
    """A number for a table: None where it is not known (NaN)."""
    return None if value is None or math.isnan(value) else float(value)


def interval(proportion: Proportion) -> str:
    """The Wilson interval as ``"57 to 87 %"``; ``""`` without trials."""
    low, high = proportion.interval
    return f"{100 * low:.0f} to {100 * high:.0f} %" if proportion.trials else ""


def ends(low: float, high: float, form: str, unit: str = "") -> str:
    """An interval behind a number: ``" (0.2 to 0.4)"``, or ``""`` where it is not known.

    form: how an end is written, as for ``format``. unit: behind the second end.
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    return f" ({number(low, form)} to {number(high, form)}{unit})"


def tokens_of(share: float, positions: int) -> str:
    """``"4 of 33 tokens"``; shared tokens count in part (``"2.5 of 33 tokens"``)."""
    return f"{round(share * positions, 1):g} of {positions} token{'s' * (positions != 1)}"


def count(number: int, noun: str) -> str:
    """``"five sentences"``, ``"one sentence"``, ``"12 sentences"``."""
    word = COUNTS[number] if number < len(COUNTS) else str(number)
    return f"{word} {noun}{'s' * (number != 1)}"


@lru_cache(maxsize=4096)
def _advance(char: str) -> float:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0.0
    if unicodedata.east_asian_width(char) in {"W", "F"}:
        return 2.0
    if char in "iljftrI.,;:'|!()[] ":
        return 0.6
    return 1.35 if char.isupper() or char in "mwMW@%…→" else 1.05


def _fitting(line: str, room: float) -> int:
    """How many leading characters (at least one) fit without splitting a joined character."""
    used, cut = 0.0, 0
    while cut < len(line) and used + _advance(line[cut]) <= room:
        used += _advance(line[cut])
        cut += 1
    whole = cut
    while 0 < whole < len(line) and (_continues(line[whole]) or line[whole - 1] == JOINER):
        whole -= 1
    return max(whole or cut, 1)


def _last_break(line: str, most: int) -> int:
    """The last space up to there, but for those before "%" and around "="; -1 for none."""
    space = line.rfind(" ", 0, most + 1)
    while space > 0 and (line[space + 1 : space + 2] in ("%", "=") or line[space - 1] == "="):
        space = line.rfind(" ", 0, space)
    return space


def _continues(char: str) -> bool:
    return char == JOINER or unicodedata.category(char) in {"Mn", "Me", "Mc", "Sk"}
