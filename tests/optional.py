"""Which optional packages are here, and tests that need one."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def is_here(name: str) -> bool:
    """Whether a package can be imported."""
    try:
        return find_spec(name) is not None
    except ValueError:  # its place in sys.modules is None: a test of what happens without it
        return False


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test where the package is missing."""
    return pytest.mark.skipif(not is_here(name), reason=f"{name} is not installed")
