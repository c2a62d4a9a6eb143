"""Names and sizes as the Models page writes them."""

from __future__ import annotations

from pathlib import Path


def short(name: str) -> str:
    """A name as it fits into a line: of a folder, its last part."""
    return (Path(name).name or name) if name.startswith("/") else name


def size_text(size: int) -> str:
    """Bytes in the unit that suits them.

    >>> size_text(43_900_000), size_text(3 << 30), size_text(9000)
    ('41.9 MiB', '3.0 GiB', '9 KiB')
    """
    if size >= 2**30:
        return f"{size / 2**30:,.1f} GiB"
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 / 10 else f"{size / 2**10:,.0f} KiB"
