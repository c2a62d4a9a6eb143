"""What a multiplexer or demultiplexer says of itself, besides running.

Its own class may offer shortcuts (``parts`` and ``unmix`` of a multiplexer, ``at`` and
``unlock_at`` of a demultiplexer), which give what ``forward`` gives by a way that costs less or
shows more. A subclass inherits them as methods, but they are its parent's words about its parent's
``forward``: they count only where the class that is there says them itself. Everything works
without them.
"""

from __future__ import annotations

from torch import nn


def offers(part: nn.Module | None, name: str) -> bool:
    """Whether the part's own class, not one that it inherits from, defines ``name``."""
    return part is not None and name in vars(type(part)) and "forward" not in vars(part)
