"""Panels of the Keys page: geometry, interference, the filter. Read next: ``relations``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.keys import bars as bar_figures
from muxviz.figures.keys import geometry as key_figures
from muxviz.pool import pool_name
from muxviz.results.keys import KeyGeometry, KeyInterference, MatchedFilter
from muxviz.results.store import to_json
from muxviz.ui.keys import text as words
from muxviz.ui.keys.params import DRAWS, MUX
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pool_params, pooled
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show, sides
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress


@dataclass(frozen=True)
class Side:
    """Model A or B: its run, what is added to panel keys, and to questions."""

    run: RunRequest
    key: str
    words: str


def each_side(bench: Bench) -> Iterator[Side]:
    """Model A, and B where one is chosen."""
    found = sides(bench)
    for name, run in found:
        shown = f" · {name}: {plain(run.checkpoint)}" if len(found) > 1 else ""
        yield Side(run, f"_{name.lower()}" if name != "A" else "", shown)


def draws_control() -> None:
    """How many groups are drawn: for every panel that draws."""
    with st.container(width=280):
        control(DRAWS, help="Groups of N sentences drawn from the pool, one pass each.")


# ---- geometry -----------------------------------------------------------------------------------


def geometry_panel(bench: Bench) -> None:
    """Cosines, lengths and interference."""
    shown = [show(_geometry(side, bench.is_dark)) for side in each_side(bench)]
    if any(shown):
        control(MUX)


def _geometry(side: Side, dark: bool) -> Study:
    run = side.run

    def work(checkpoint: Checkpoint, _: Checkpoint | None, progress: Progress) -> KeyGeometry:
        from muxviz.analysis.keys.geometry import key_geometry

        return key_geometry(checkpoint, run.rows, **run.group_options)

    def panel(result: KeyGeometry) -> Panel:
        measure = value(MUX)
        draw = f"keys_figure(result, measure={measure!r}).show()"
        return Panel(
            f"keys{side.key}",
            (key_figures.keys_figure(result, measure=measure, dark=dark),),
            (key_figures.keys_alt(result),),
            key_figures.keys_table(result),
            words.GEOMETRY_HOW,
            words.GEOMETRY_LIMITS,
            lambda: to_json(result),
            code(run, "geometry.key_geometry", "geometry.keys_figure", draw, from_pool=False),
            result.provenance.line(),
        )

    return Study(
        f"keys_geometry{side.key}",
        f"How alike are the keys?{side.words}",
        Ask(replace(run, baseline=""), "key geometry"),
        "reading the weights",
        work,
        panel,
        instant=True,
    )


# ---- the filter ---------------------------------------------------------------------------------


def sinr_panel(bench: Bench) -> None:
    """Signal against interference, per slot."""
    for side in each_side(bench):
        show(_sinr(side, bench.is_dark))


def _sinr(side: Side, dark: bool) -> Study:
    run, draws = side.run, int(value(DRAWS))

    def work(checkpoint: Checkpoint, _: Checkpoint | None, progress: Progress) -> KeyInterference:
        from muxviz.analysis.keys.geometry import key_interference
        from muxviz.pool import texts

        return key_interference(
            checkpoint, draws=draws, pool=texts(), progress=progress, **run.pool_options
        )

    def panel(result: KeyInterference) -> Panel:
        return Panel(
            f"keys_sinr{side.key}",
            (bar_figures.sinr_figure(result, dark=dark),),
            (bar_figures.sinr_alt(result),),
            bar_figures.sinr_table(result),
            words.SINR_HOW,
            words.SINR_LIMITS,
            lambda: to_json(result),
            code(run, "geometry.key_interference", "bars.sinr_figure"),
            origin(result, result.measured.draws),
        )

    return Study(
        f"keys_sinr{side.key}",
        f"How loud are the others when one slot is filtered out?{side.words}",
        Ask(pooled(run), "key interference", pool_params(draws)),
        f"embeddings of {draws} random groups, no pass",
        work,
        panel,
        instant=True,
    )


def filter_panel(bench: Bench) -> None:
    """What the filter reads, and what it reads of this group."""
    for side in each_side(bench):
        result = show(_filter(side, bench.is_dark))
        if isinstance(result, MatchedFilter):
            _group_reading(result)


def _filter(side: Side, dark: bool) -> Study:
    run, draws = side.run, int(value(DRAWS))

    def work(checkpoint: Checkpoint, _: Checkpoint | None, progress: Progress) -> MatchedFilter:
        from muxviz.analysis.keys.matched_filter import matched_filter
        from muxviz.pool import texts

        return matched_filter(
            checkpoint,
            run.rows,
            draws=draws,
            pool=texts(),
            progress=progress,
            **run.group_options,
        )

    def panel(result: MatchedFilter) -> Panel:
        return Panel(
            f"keys_filter{side.key}",
            (bar_figures.filter_figure(result, dark=dark),),
            (bar_figures.filter_alt(result),),
            bar_figures.filter_table(result),
            words.FILTER_HOW,
            words.FILTER_LIMITS,
            lambda: to_json(result),
            code(run, "matched_filter.matched_filter", "bars.filter_figure"),
            origin(result, result.groups),
        )

    return Study(
        f"keys_filter{side.key}",
        f"How much could be read with no network at all?{side.words}",
        Ask(replace(run, baseline=""), "matched filter", pool_params(draws)),
        f"{draws} mixed sequences for the model's own read-back, and a search of the vocabulary "
        "for every token",
        work,
        panel,
        "The share of tokens that the sum and one vector give, beside what the model reads back.",
    )


def _group_reading(result: MatchedFilter) -> None:
    rows = [
        {"slot": i + 1, "own tokens": " ".join(r.tokens), "the filter reads": " ".join(r.read)}
        for i, r in enumerate(result.group)
    ]
    with st.expander("What the filter reads of this group", type="compact"):
        st.dataframe(
            rows,
            hide_index=True,
            width="stretch",
            alt="Tokens of every slot of this group, and what the filter reads in their places",
        )


# ---- details ------------------------------------------------------------------------------------


def origin(result: Any, draws: int) -> str:
    stopped = " (stopped)" if result.is_partial else ""
    return f"{draws} draws{stopped} from {pool_name()} · {result.provenance.line()}"


def code(
    run: RunRequest,
    analysis: str,
    figure: str,
    draw: str = "",
    more: str = "",
    *,
    from_pool: bool = True,
) -> str:
    """Python of ``analysis`` ("file.function" of its room) drawn by ``figure``.

    draw: the last line, where the figure takes more than the result. more: arguments. from_pool:
    whether the analysis draws groups from the pool.
    """
    module, function = analysis.rsplit(".", 1)
    place, drawing = figure.rsplit(".", 1)
    imports = [
        f"from muxviz.analysis.keys.{module} import {function}",
        f"from muxviz.figures.keys.{place} import {drawing}",
    ]
    arguments = call_arguments(run) + more
    if from_pool:
        imports.append("from muxviz.pool import texts")
        arguments += f", draws={int(value(DRAWS))}, pool=texts()"
    lines = [f"result = {function}({arguments})", draw or f"{drawing}(result).show()"]
    return analysis_snippet(replace(run, baseline=""), imports, lines)
