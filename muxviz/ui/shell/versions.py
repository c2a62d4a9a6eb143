"""What this app is made of, told without importing any of it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("muxviz", "torch", "transformers", "tokenizers", "numpy", "streamlit", "plotly")


def versions() -> tuple[str, ...]:
    """``"torch 2.9.0"`` of what results and pages depend on."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} (not installed as a package)")
    return tuple(found)
