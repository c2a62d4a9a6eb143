"""What libraries warn of, silenced or turned into errors for one block of code.

Python keeps one list of filters per process: where two threads change it at once, each undoes the
other's change in the middle of its work. So one thread at a time.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def warnings_become(action: Literal["ignore", "error"], *kinds: type[Warning]) -> Iterator[None]:
    """Treat warnings of ``kinds`` so inside the block; other threads that ask wait for its end."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter(action, kind)
        yield
