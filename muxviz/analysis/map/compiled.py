"""What a package compiles while it runs, kept on disk for the processes after this one."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module


def keep_compiled(package: str) -> None:
    """Have numba keep what it compiles of an imported package, as its ``cache=True`` does.

    It lies beside the package's files, in ``NUMBA_CACHE_DIR``, or with the user's other caches, and
    is made anew when a file of the package was replaced. Only for a package whose compiled
    functions call none of another package: numba would not see that those have changed.
    """
    dispatcher = import_module("numba.core.dispatcher").Dispatcher
    functions = {
        function
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == package
        for function in vars(module).values()
        if isinstance(function, dispatcher) and function.__module__.partition(".")[0] == package
    }
    with suppress(RuntimeError):  # no folder can be written to: compiled in every process, as ever
        for function in functions:
            function.enable_caching()
