"""``muxviz check`` and ``muxviz list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxviz.files import json_text
from muxviz.loading.bundled import bundled_faults, checkpoints_folder
from muxviz.printable import printable
from muxviz.terminal import tell

if TYPE_CHECKING:
    import argparse


def check(options: argparse.Namespace) -> int:
    """Whether a checkpoint is usable."""
    from muxviz.loading.check import main_check  # needs torch, which a list does not

    return main_check(options.path, options.json)


def list_all(options: argparse.Namespace) -> int:
    """The checkpoints at hand."""
    faults = bundled_faults()
    if options.json:
        print(json_text([name for name, fault in faults.items() if not fault]))
        return 0
    for name, fault in faults.items():
        print(printable(name))
        if fault:
            tell(f"{name} cannot be used: {fault}")
    if not faults:
        print(f"no checkpoints in {printable(checkpoints_folder())}")
    return 0
