"""Text from outside (a path, a label) as it can be printed.

It can then neither act on a terminal nor break the encoding of what it is printed to.
"""

from __future__ import annotations

import re

# Control characters, marks that turn the direction of what follows, line ends that only some know,
# and halves of characters.
_MARKS = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f{_MARKS}\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile(f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f{_MARKS}\ud800-\udfff]")
_CONTROL_IN_JSON = re.compile(f"[\\x7f-\\x9f{_MARKS}\ud800-\udfff]")


def printable(text: object) -> str:
    """``text`` with control characters and whatever is no UTF-8 written as escapes (``\\x1b``)."""
    return _CONTROL.sub(_escaped, str(text))


def printable_lines(text: str) -> str:
    """The same for a text of several lines, which may hold tabs."""
    return _CONTROL_IN_LINES.sub(_escaped, text)


def printable_json(text: str) -> str:
    """JSON text with those characters in JSON's own escapes: it means what it meant."""
    return _CONTROL_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code < 0xDD00:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
