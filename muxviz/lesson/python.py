"""Python that makes the recorded results of the lesson again, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """A statement, and what it needs imported."""

    text: str
    imports: tuple[str, ...] = ()


BASELINE = Line('baseline = muxviz.load(checkpoint.card["baseline"])')
POOL = ("from muxviz.pool import texts",)
GROUP = Line("result = run_group(checkpoint, rows)", ("from muxviz.inference import run_group",))
MIXING = Line("result = mixing(checkpoint, rows)", ("from muxviz.bench.lessons import mixing",))
ORDERS = Line(
    "result = slot_orders(checkpoint, rows, baseline=baseline)",
    ("from muxviz.analysis.whatif.orders import slot_orders",),
)


def dial(slot: int, other: int) -> Line:
    """The key of one slot turned into another's."""
    return Line(
        f"result = key_dial(checkpoint, rows, {slot}, {other})",
        ("from muxviz.analysis.whatif.dial import key_dial",),
    )


def swaps(draws: int) -> Line:
    """Every sentence exchanged for others."""
    return Line(
        f"result = measure_crosstalk(checkpoint, rows, draws={draws})",
        ("from muxviz.analysis.crosstalk.swap_test import measure_crosstalk",),
    )


def lens(draws: int) -> Line:
    """What can be read at every depth."""
    return Line(
        f"result = demux_lens(checkpoint, texts(), draws={draws})",
        ("from muxviz.analysis.layers.lens import demux_lens", *POOL),
    )


def diagnosis(slot: int, draws: int, checks: tuple[str, ...]) -> Line:
    """The debugger on one slot."""
    return Line(
        f"result = diagnose(checkpoint, rows, {slot}, baseline=baseline, draws={draws}, "
        f"pool=texts(), checks={checks!r})",
        ("from muxviz.analysis.debugger.diagnose import diagnose", *POOL),
    )


def sharing(names: tuple[str, ...], pairs: int) -> dict[str, Any]:
    """The models of the dial."""
    return {
        "imports": (
            "import muxviz",
            "from muxviz.bench.lessons import shared",
            *POOL,
            "from muxviz.results.lessons import Dial",
        ),
        "lines": (
            f"models = [muxviz.load(name) for name in {list(names)!r}]",
            f"result = Dial(tuple(shared(model, texts(), pairs={pairs}) for model in models))",
        ),
    }


def on(result: Any, preset: str, *made: Line) -> dict[str, Any]:
    """Imports and lines of a scene: the checkpoint, the rows of a preset ("": none), then these."""
    rows = (
        Line(
            f"rows = [Row(*row) for row in preset({preset!r})"
            ".rows[: checkpoint.config.num_instances]]",
            ("from muxviz.batch import Row", "from muxviz.presets import preset"),
        ),
    )
    load = Line(f"checkpoint = muxviz.load({result.provenance.checkpoint!r})", ("import muxviz",))
    every = (load, *(rows if preset else ()), *made)
    return {
        "imports": tuple(dict.fromkeys(name for line in every for name in line.imports)),
        "lines": tuple(line.text for line in every),
    }
