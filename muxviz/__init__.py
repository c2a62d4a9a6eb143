"""muxviz: see N inputs share one forward pass.

The names below are resolved when first used, so that ``import muxviz`` loads neither torch nor
transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "Chain": "muxviz.engine.chain",
    "Checkpoint": "muxviz.loading.checkpoint",
    "Engine": "muxviz.engine.engine",
    "MuxConfig": "muxviz.config",
    "MuxModel": "muxviz.model.mux_model",
    "MuxvizError": "muxviz.errors",
    "Seating": "muxviz.batch",
    "Step": "muxviz.engine.chain",
    "Trace": "muxviz.tracing",
    "check": "muxviz.loading.check",
    "load": "muxviz.loading.load",
    "run_group": "muxviz.inference",
    "run_texts": "muxviz.engine.stream",
    "save": "muxviz.loading.save",
    "trace": "muxviz.tracing",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'muxviz' has no attribute {name!r}")
    module = import_module(_WHERE[name])
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
