"""The tables of docs/debugging.md, from ``benchmarks/results/debugger.json``.

muxviz bench debugger --data path/to/sst2/dev.tsv.gz --failures 80 --json ...
python -m benchmarks.debugger_table
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muxviz.bench.debugger import table
from muxviz.files import LARGEST_JSON, read_json
from muxviz.results.debugging import DebuggerBench, PlantedCase, RealFailure
from muxviz.results.reading import Proportion

FILE = Path(__file__).with_name("results") / "debugger.json"


def printed() -> str:
    """Both tables as Markdown, and the figures by name."""
    found = read_json(FILE, most=LARGEST_JSON)
    planted = tuple(PlantedCase(**case) for case in found["planted"])
    real = tuple(_failure(failure) for failure in found["real"])
    return table(DebuggerBench(planted, real, found["seed"], found["draws"]))


def _failure(given: dict[str, Any]) -> RealFailure:
    mended = tuple(Proportion(**share) for share in given["mended"])
    return RealFailure(**given | {"mended": mended, "company": Proportion(**given["company"])})


if __name__ == "__main__":
    print(printed())
