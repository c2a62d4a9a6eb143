"""Warnings are silenced in one thread at a time, and in one place of the project."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import pytest

from muxviz.quiet import warnings_become

ROOT = Path(__file__).resolve().parents[1]


def test_another_thread_does_not_end_the_silence() -> None:
    """Without the lock the other block, begun later and ended earlier, puts its filters back."""
    inside, go_on = threading.Event(), threading.Event()

    def other() -> None:
        inside.set()
        with warnings_become("ignore", UserWarning):
            go_on.set()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with warnings_become("ignore", UserWarning):
            thread = threading.Thread(target=other)
            thread.start()
            assert inside.wait(60)
            assert not go_on.is_set()
            warnings.warn("known", UserWarning, stacklevel=1)
        thread.join(60)
        assert go_on.is_set()
        with pytest.raises(UserWarning, match="not known"):
            warnings.warn("not known", UserWarning, stacklevel=1)


def test_errors_end_with_the_block() -> None:
    with pytest.raises(RuntimeWarning), warnings_become("error", RuntimeWarning):
        warnings.warn("seen", RuntimeWarning, stacklevel=1)
    with warnings_become("ignore", RuntimeWarning):
        warnings.warn("not seen", RuntimeWarning, stacklevel=1)


def test_nobody_changes_the_filters_elsewhere() -> None:
    found = [
        path.name
        for path in (ROOT / "muxviz").rglob("*.py")
        if "catch_warnings" in path.read_text()
    ]
    assert found == ["quiet.py"]
