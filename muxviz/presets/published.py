"""Numbers that papers and their authors' files report; none of them was measured here.

The data is ``published.toml`` beside this file, with where and how each was read. A number that
could not be confirmed is left out, never guessed: such a point has no score, or its ratio is NaN.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources

from muxviz.files import parse_toml
from muxviz.results.throughput import PublishedPoint

HOWS = ("text", "figure")
ABSENT = {"sparsity": None, "score": None, "ratio": math.nan}  # where a point says nothing


@cache
def published() -> tuple[PublishedPoint, ...]:
    """All of them, in the order of the file: by source, then by what was compared."""
    text = (resources.files(__package__) / "published.toml").read_text(encoding="utf-8")
    raw = parse_toml(text, "published.toml")
    return tuple(
        PublishedPoint(**ABSENT | group["shared"] | point)
        for group in raw["group"]
        for point in group["points"]
    )
