"""The Python that measures again what was measured on the Trade-off page."""

from __future__ import annotations

from muxviz.ui.study.question import Ask

TRADEOFF, SPEED = "trade-off measured now", "speed measured now"


def imports_of(ask: Ask) -> tuple[str, ...]:
    """Import statements of the Python below."""
    own = ["import muxviz", "from muxviz.engine.engine import Engine"]
    if ask.name == SPEED:
        own += [
            "from muxviz.bench.speed import measure_engines",
            "from muxviz.results.measured import Timed",
        ]
        return tuple(own)
    own += [
        "from muxviz.bench.tradeoff import Entry, measure_entries",
        "from muxviz.engine.stream import How",
        "from muxviz.evaluation.pool_data import rows_to_measure",
        "from muxviz.results.measured import Measured",
    ]
    return tuple(own)


def _engines(ask: Ask) -> str:
    names = [run.checkpoint for run in (ask.run, *ask.across)]
    where = f"device={ask.run.device!r}, dtype={ask.run.dtype!r}"
    return f"engines = [Engine(muxviz.load(name, {where})) for name in {names!r}]"


def tradeoff_code(ask: Ask) -> tuple[str, ...]:
    """Statements that measure the same again."""
    asked, seed = dict(ask.params), ask.run.seed
    folder = f"folder={asked['folder']!r}, " if asked["folder"] else ""
    return (
        _engines(ask),
        "checkpoints = [engine.checkpoint for engine in engines]",
        f"data, name = rows_to_measure(checkpoints, {folder}limit={asked['rows']}, seed={seed})",
        f"how = How(batch={asked['batch']}, grouping={asked['grouping']!r})",
        f"copies = {asked['copies']!r}",
        "entries = [",
        "    Entry(e, how, c) for c in copies for e in engines",
        "    if c == 1 or e.checkpoint.config.num_instances > 1",
        "]",
        f"run = measure_entries(entries, data, name=name, groupings={asked['groupings']}, "
        f"rounds={asked['rounds']}, seed={seed})",
        "runs.append(Measured('now', run))",
    )


def speed_code(ask: Ask) -> tuple[str, ...]:
    """The same for passes."""
    asked = dict(ask.params)
    call = (
        f"measure_engines(engines, batches={asked['batches']!r}, length={asked['length']}, "
        f"rounds={asked['rounds']}, seed={ask.run.seed})"
    )
    return (_engines(ask), f"timed = Timed('now', {call})")
