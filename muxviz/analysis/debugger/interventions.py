"""The groups behind every rung of the failure ladder. Read next: ``ladder``, which judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from muxviz.analysis.groups.draws import draw_rows, reseated, with_row
from muxviz.batch import Group, Seating
from muxviz.loading.checkpoint import Checkpoint

REPEATS = 4  # passes of the unchanged group that measure the floor


@dataclass(frozen=True)
class Plan:
    """Groups of one intervention, and the slot to look at in each."""

    test: str
    slot: int | None
    groups: list[Group]
    slots: list[int]
    is_exact: bool


def plans_of(
    checkpoint: Checkpoint,
    group: Group,
    slot: int,
    draws: int,
    pool: Sequence[str],
    seed: int,
) -> list[Plan]:
    """Every intervention on the sentence of one slot, the unchanged group first."""
    num = len(group.rows)
    copies = reseated(checkpoint, group, [group.rows[slot]] * num)
    here, there, seats, is_exact = _moves(checkpoint, group, slot, draws, seed)
    plans = [
        Plan("present", None, [group] * REPEATS, [slot] * REPEATS, True),
        Plan("all slots", None, [copies] * num, list(range(num)), False),
        Plan("seat", None, there, seats, is_exact),
        Plan("reseated", None, here, [slot] * len(here), is_exact),
    ]
    others = [j for j in range(num) if j != slot]
    count = draws * len(others)
    drawn = draw_rows(checkpoint, pool, 2 * count, Seating(group.padding, seed=seed))
    for at, j in enumerate(others):
        rows = drawn[at * draws : (at + 1) * draws]
        plans.append(
            Plan(
                "neighbour",
                j,
                [with_row(checkpoint, group, j, row) for row in rows],
                [slot] * draws,
                False,
            )
        )
    if len(others) > 1:  # a single neighbour is the whole company
        company = [
            reseated(checkpoint, group, [*rows[:slot], group.rows[slot], *rows[slot:]])
            for rows in (drawn[d : d + len(others)] for d in range(count, 2 * count, len(others)))
        ]
        plans.append(Plan("company", None, company, [slot] * draws, False))
    return plans


def _moves(
    checkpoint: Checkpoint, group: Group, slot: int, draws: int, seed: int
) -> tuple[list[Group], list[Group], list[int], bool]:
    """Pairs of groups: neighbours in another order with the sentence in its slot, and moved.

    In the second the sentence and the holder of another seat change places. All pairs where there
    are at most ``draws``.
    """
    num = len(group.rows)
    others = [j for j in range(num) if j != slot]
    count = int(np.prod(range(1, num))) * (num - 1)
    if count <= draws:
        chosen = list(product(permutations(others), others))
    else:
        generator = np.random.default_rng(seed)
        seats = [others[d % len(others)] for d in range(draws)]
        chosen = [(tuple(int(j) for j in generator.permutation(others)), s) for s in seats]
    here, there, seen = [], [], []
    for order, seat in chosen:
        rows = list(group.rows)
        for place, source in zip(others, order, strict=True):
            rows[place] = group.rows[source]
        here.append(reseated(checkpoint, group, rows))
        rows[slot], rows[seat] = rows[seat], rows[slot]
        there.append(reseated(checkpoint, group, rows))
        seen.append(seat)
    return here, there, seen, count <= draws
