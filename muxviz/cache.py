"""Where muxviz keeps what it has measured or made once on a machine; may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path

from muxviz.files import writing

VARIABLE = "MUXVIZ_CACHE"


def cache_folder(part: str) -> Path:
    """The folder of one kind of thing: in ``MUXVIZ_CACHE``, else in the user's cache; made."""
    named = os.environ.get(VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = (Path(named) if named else Path(home) / "muxviz") / part
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
