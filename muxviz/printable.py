"""Text from outside (a path, a label) as it can be printed.

It can then neither act on a terminal nor break the encoding of what it is printed to.
"""

from __future__ import annotations


def printable(text: object) -> str:
    """``text`` with control characters and whatever is no UTF-8 written as escapes (``\\x1b``)."""
    return "".join(_escaped(c) if _is_control(c) else c for c in str(text))


def _is_control(character: str) -> bool:
    code = ord(character)
    is_control = code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000
    # Marks that turn the direction of what follows, and line ends that only some know.
    return (
        is_control
        or code in (0x061C, 0x200E, 0x200F, 0x2028, 0x2029)
        or (0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069)
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code < 0xDD00:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
