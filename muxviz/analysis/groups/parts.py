"""What to call a model's own multiplexer and demultiplexer in messages."""

from __future__ import annotations

from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.demultiplexer import DEMULTIPLEXER_CLASSES
from muxviz.model.multiplexer import MULTIPLEXER_CLASSES


def multiplexer_name(checkpoint: Checkpoint) -> str:
    """By the name in the configuration, or by its class where that is another one."""
    kind, name = type(checkpoint.model.multiplexer), checkpoint.config.multiplexer
    return f"the {name if MULTIPLEXER_CLASSES.get(name) is kind else kind.__name__} multiplexer"


def demultiplexer_name(checkpoint: Checkpoint) -> str:
    """The same of the demultiplexer."""
    kind, name = type(checkpoint.model.demultiplexer), checkpoint.config.demultiplexer
    return f"the {name if DEMULTIPLEXER_CLASSES.get(name) is kind else kind.__name__} demultiplexer"
