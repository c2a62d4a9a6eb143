"""Text from outside as pages show it, and small phrases used by several panels.

What a user, a file or a link said goes through ``plain`` where Streamlit reads Markdown, through
``shorten`` elsewhere: nothing in it is obeyed, and all of it can be sent to a browser.
"""

from __future__ import annotations

import re

from muxviz.figures.drawing.wording import isolated
from muxviz.printable import printable

PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
JOINER = (
    "\u2060"  # invisible and without width: parts what Streamlit would turn into an icon or link
)
JOINED = ":@.-<>~="


def plain(text: str) -> str:
    """``text`` on one line, such that Streamlit's Markdown shows every character as itself."""
    line = printable(" ".join(text.split()))
    shown = PUNCTUATION.sub(lambda m: f"\\{m[0]}{JOINER if m[0] in JOINED else ''}", line)
    return isolated(shown)


def shorten(text: str, length: int) -> str:
    """``text`` on one line, cut with an ellipsis after ``length`` characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def count(number: int, noun: str) -> str:
    """``"1 row"``, ``"3 rows"``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(items: list[str]) -> str:
    """``"a, b and c"``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
