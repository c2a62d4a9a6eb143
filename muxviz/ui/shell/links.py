"""Links that carry a state: packing a group of rows, and writing the address.

Everything read from a link is untrusted: sizes are capped before anything is unpacked, and the text
is only ever shown as text. Left out: reading single parameters, which the widgets do themselves.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from muxviz.batch import Row
from muxviz.errors import FileError
from muxviz.files import decode, json_text, parse_json

MAX_PACKED = 2048  # characters of the packed group in a link
MAX_ROWS = 40
MAX_TEXT = 2000  # characters of one text
MAX_UNPACKED = MAX_ROWS * 2 * MAX_TEXT * 4 + 1024  # bytes: every row full, in UTF-8


def pack_rows(rows: Sequence[Row]) -> str | None:
    """Rows as a parameter value, or None when they are more than a link should carry."""
    if len(rows) > MAX_ROWS or any(len(t) > MAX_TEXT for r in rows for t in (r.text, r.pair or "")):
        return None
    values = [r.text if r.pair is None else [r.text, r.pair] for r in rows]
    text = json_text(values, separators=(",", ":"))
    data = zlib.compress(text.encode(), 9)
    packed = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return packed if len(packed) <= MAX_PACKED else None


def unpack_rows(packed: str) -> tuple[Row, ...] | None:
    """The rows that ``pack_rows`` packed, or None for anything else."""
    if not 0 < len(packed) <= MAX_PACKED:
        return None
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, MAX_UNPACKED)
        values = parse_json(decode(text, "a link"), "a link") if inflater.eof else None
    except (binascii.Error, zlib.error, ValueError, FileError):
        return None
    if not isinstance(values, list) or not 0 < len(values) <= MAX_ROWS:
        return None
    rows = [_row(v) for v in values]
    return None if None in rows else tuple(r for r in rows if r is not None)


def _row(value: object) -> Row | None:
    texts = value if isinstance(value, list) else [value]
    if not 1 <= len(texts) <= 2:
        return None
    if not all(isinstance(t, str) and len(t) <= MAX_TEXT for t in texts):
        return None
    return Row(*texts)


def address(page_url: str, parameters: Mapping[str, str | list[str]]) -> str:
    """``page_url`` with these parameters and no others; a list repeats its parameter."""
    bare = page_url.split("?")[0].split("#")[0]
    return f"{bare}?{urlencode(parameters, doseq=True)}" if parameters else bare
