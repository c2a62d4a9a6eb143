"""The same sentences in other seats: sensitivity, best and worst orders, "open this order"."""

from __future__ import annotations

import streamlit as st

from muxviz.batch import Row
from muxviz.figures.drawing.family import Picture
from muxviz.figures.whatif.orders import COMPANY_FAMILY, SEATS_FAMILY, order_rows
from muxviz.results.whatif_orders import SlotOrders
from muxviz.ui.shell import group
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import count
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Call
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words

ALL_UP_TO = 5  # as in the analysis
RANDOM = 200


def seats_view(run: RunRequest, bench: Bench) -> None:
    """Sensitivity, then the table of orders."""
    result = show(_question(run, bench))
    if isinstance(result, SlotOrders) and len(result.orders) > 1:
        _orders(result)


def orders_tried(num: int) -> int:
    """How many orders the analysis runs."""
    if num > ALL_UP_TO:
        return num * (1 + -(-RANDOM // num))
    return [1, 1, 2, 6, 24, 120][num]


def _question(run: RunRequest, bench: Bench) -> Question:
    def draw(result: SlotOrders) -> Picture:
        return SEATS_FAMILY(sentence=min(bench.slot, result.sentences - 1)) + COMPANY_FAMILY()

    return Question(
        "seats",
        "Does it matter who sits where?",
        Call("whatif.orders.slot_orders", run, baseline=True),
        mixed(orders_tried(run.num_instances)),
        draw,
        words.SEATS_HOW,
        words.SEATS_LIMITS,
        "The selected sentence in every seat, what its seat and its neighbours' order explain, and "
        "the best and the worst order.",
        origin=_origin,
    )


def _origin(result: SlotOrders) -> str:
    orders = count(len(result.orders), "order")
    return f"{result.provenance.line()} · {'all ' if result.is_exact else ''}{orders}"


def _orders(result: SlotOrders) -> None:
    rows = order_rows(result)
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
