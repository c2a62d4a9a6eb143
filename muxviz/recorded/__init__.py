"""Real results recorded once, so that the first page needs no model.

``make recorded`` writes ``start.json`` and, by ``muxviz.bench.lessons``, ``learn.json`` and, by
``muxviz.bench.shown``, ``shown.json``, by ``muxviz.bench.bands``, ``bands.json``, and by
``muxviz.bench.privacy``, ``privacy.json``; tests run the same again and compare.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muxviz.results import GroupResult
    from muxviz.results.layers import Bands

START_CHECKPOINT = "sst2-n5"
SHARED_CHECKPOINT = "sst2-n5-shared-50"  # the same with slots that share: neighbours matter
START_PRESET = "clean"
SHOWN_ON = (  # what the presets are tried on
    "sst2-n2",
    "sst2-n5",
    "sst2-n5-shared-25",
    "sst2-n5-shared-50",
    "sst2-n5-shared-100",
    "sst2-n10",
)
TIMED_PASSES = 30


def start_file() -> Path:
    """Where the Start page's result lies."""
    return Path(__file__).parent / "start.json"


def learn_file() -> Path:
    """Where the Learn page's results lie."""
    return Path(__file__).parent / "learn.json"


def shown_file() -> Path:
    """Where it is said what every preset gave on the bundled models."""
    return Path(__file__).parent / "shown.json"


def bands_file() -> Path:
    """Where it is said how the bundled models share their state among slots."""
    return Path(__file__).parent / "bands.json"


def privacy_file() -> Path:
    """Where it is said what is read of mixed vectors with and without keys."""
    return Path(__file__).parent / "privacy.json"


def bands() -> Bands:
    """What ``bands_file`` holds.

    Raises:
        DataError: it is missing, or holds something else.
    """
    from muxviz.errors import DataError
    from muxviz.files import LARGEST_JSON, read_text
    from muxviz.results import from_json
    from muxviz.results.layers import Bands

    path = bands_file()
    found = from_json(read_text(path, most=LARGEST_JSON), path.name) if path.is_file() else None
    if not isinstance(found, Bands):
        raise DataError(f"{path} does not hold the bands of the models; record them: make recorded")
    return found


def tradeoff_file() -> Path:
    """Where the Trade-off page's recorded points lie (``muxviz record --speed``)."""
    return Path(__file__).parent / "tradeoff.json"


def speed_file() -> Path:
    """Where the Trade-off page's recorded latencies lie (``muxviz record --speed``)."""
    return Path(__file__).parent / "speed.json"


def escalation_file() -> Path:
    """Where timed chains lie (``muxviz bench escalation --json``); it need not be there."""
    return Path(__file__).parent / "escalation.json"


def grid_file() -> Path:
    """Where the Planner page's recorded settings lie: a trade-off run over N and sparsity."""
    return Path(__file__).parent / "grid.json"


def run_start(*, timing_repeats: int = TIMED_PASSES) -> GroupResult:
    """Run the Start page's preset on the bundled checkpoint, on the CPU in float32."""
    from muxviz.batch import Row
    from muxviz.inference import run_group
    from muxviz.loading.load import load
    from muxviz.presets import preset

    checkpoint = load(START_CHECKPOINT, device="cpu")
    baseline = load(str(checkpoint.card["baseline"]), device="cpu")
    rows = [Row(*row) for row in preset(START_PRESET).rows[: checkpoint.config.num_instances]]
    return run_group(checkpoint, rows, baseline=baseline, timing_repeats=timing_repeats)


def record_start() -> str:
    """JSON text of ``run_start``."""
    from muxviz.results import to_json

    return to_json(run_start())
