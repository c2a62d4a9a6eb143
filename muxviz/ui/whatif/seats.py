"""The same sentences in other seats: sensitivity, best and worst orders, "open this order"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.batch import Row
from muxviz.figures.whatif import orders as figures
from muxviz.results.store import to_json
from muxviz.results.whatif_orders import SlotOrders
from muxviz.ui.shell import group
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import count
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress

ALL_UP_TO = 5  # as in the analysis
RANDOM = 200


def seats_view(run: RunRequest, bench: Bench) -> None:
    """Sensitivity, then the table of orders."""
    result = show(_study(run, bench))
    if isinstance(result, SlotOrders) and len(result.orders) > 1:
        _orders(result)


def orders_tried(num: int) -> int:
    """How many orders the analysis runs."""
    if num > ALL_UP_TO:
        return num * (1 + -(-RANDOM // num))
    return [1, 1, 2, 6, 24, 120][num]


def _study(run: RunRequest, bench: Bench) -> Study:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.orders import slot_orders

        return slot_orders(
            checkpoint, run.rows, baseline=baseline, progress=progress, **run.group_options
        )

    def panel(result: SlotOrders) -> Panel:
        return _panel(result, run, bench)

    return Study(
        "seats",
        "Does it matter who sits where?",
        Ask(run, "slot orders"),
        f"{orders_tried(run.num_instances)} mixed sequences",
        work,
        panel,
        "The selected sentence in every seat, what its seat and its neighbours' order explain, and "
        "the best and the worst order.",
    )


def _panel(result: SlotOrders, run: RunRequest, bench: Bench) -> Panel:
    sentence = min(bench.slot, result.sentences - 1)
    held = ", baseline=baseline" if run.baseline else ""
    imports = [
        "from muxviz.analysis.whatif.orders import slot_orders",
        "from muxviz.figures.whatif.orders import company_figure, seats_figure",
    ]
    lines = [
        f"result = slot_orders({call_arguments(run)}{held})",
        f"seats_figure(result, {sentence}).show()",
        "company_figure(result).show()",
    ]
    orders = count(len(result.orders), "order")
    return Panel(
        "seats",
        (
            figures.seats_figure(result, sentence, dark=bench.is_dark),
            figures.company_figure(result, dark=bench.is_dark),
        ),
        (figures.orders_alt(result, sentence), f"{figures.company_finding(result)}."),
        figures.orders_table(result),
        words.SEATS_HOW,
        words.SEATS_LIMITS,
        lambda: to_json(result),
        analysis_snippet(run, imports, lines),
        f"{result.provenance.line()} · {'all ' if result.is_exact else ''}{orders}",
    )


def _orders(result: SlotOrders) -> None:
    rows = figures.order_rows(result)
    st.caption("Orders, best first: which sentence (by its present slot) sits in slot 1, 2, …")
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        height="content",
        alt=f"The best and worst of {count(len(result.orders), 'order')}, and the present one",
        column_config={
            name: st.column_config.NumberColumn(format=places)
            for name, places in (
                ("answers kept", "%.1f"),
                ("mean margin", "%.2f"),
                ("smallest margin", "%.2f"),
            )
        },
    )
    ranked = [int(k) for k in result.ranking]
    with st.container(horizontal=True, gap="small"):
        for name, place in (("best", ranked[0]), ("worst", ranked[-1])):
            order = tuple(int(s) for s in result.orders[place])
            st.button(
                f"Open the {name} order",
                icon=":material/event_seat:",
                key=f"w_open_{name}",
                on_click=open_order,
                args=(order, result.texts),
                disabled=place == 0,
                help="Puts the sentences into these slots; Undo is on Mix & read.",
            )


def open_order(order: tuple[int, ...], texts: tuple[str, ...]) -> None:
    """Seat the group's sentences in another order (a callback); parked ones stay behind them.

    Fillers become sentences of the group, since an order gives them seats too.
    """
    given = group.filled_rows()
    seated = [given[s] if s < len(given) else Row(texts[s]) for s in order]
    group.put([*seated, *given[len(order) :]])
