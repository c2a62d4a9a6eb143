"""``python -m muxviz`` is the ``muxviz`` command."""

import sys

from muxviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
