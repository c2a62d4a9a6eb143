"""Configurations as plain values inside a run's state file."""

from __future__ import annotations

import json
from dataclasses import asdict

from muxviz.config import BackboneShape, MuxConfig


def state_of_config(config: MuxConfig) -> str:
    """``config`` as JSON text."""
    return json.dumps(asdict(config))


def config_from_state(text: str) -> MuxConfig:
    """The configuration that ``state_of_config`` wrote."""
    values = json.loads(text)
    values["shape"] = BackboneShape(**values["shape"])
    values["labels"] = tuple(values["labels"])
    return MuxConfig(**values)
