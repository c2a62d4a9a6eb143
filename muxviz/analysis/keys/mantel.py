"""Do slots with like keys disturb each other more? A Mantel test.

``key_leak`` compares matrices that are at hand; ``keys_and_crosstalk`` measures them first. Read
before this: ``geometry``, ``gates``, ``crosstalk/swap_test``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
from scipy.stats import rankdata

from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.groups.draws import Progress, base_group, origin_of, pool_groups, share_of
from muxviz.analysis.keys.gates import gate_flips, shares_units
from muxviz.analysis.keys.geometry import DRAWS, check_slots, key_geometry
from muxviz.batch import Group, Row, Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.group import Provenance
from muxviz.results.keys import GateFlips, KeyGeometry, KeyLeak

GROUPS = 8  # random groups that cross-talk is averaged over
ONE_PAIR = "not applicable: two slots are one pair, and a correlation needs several"

MOST = 9999  # orders drawn where not all are tried
EXACT_N = 7  # most slots of which every order is tried: 5,040


def keys_and_crosstalk(
    checkpoint: Checkpoint,
    rows: Sequence[Row] = (),
    *,
    seating: Seating = Seating(),
    draws: int = DRAWS,
    groups: int = GROUPS,
    pool: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> KeyLeak:
    """Measure every likeness of keys and the swap cross-talk, and compare them by ``key_leak``.

    Args:
        rows: the group, with as many rows as slots; of no account where ``groups`` is not 0.
        draws: sentences put into every slot, shared out over the groups; N passes each.
        groups: random groups of pool sentences that the cross-talk is the mean of, so that single
            sentences weigh less; 0 for the given group alone.
        pool: sentences to draw from.

    Raises:
        NotApplicable: fewer than three slots, a regression, or free slots in the group asked about.
    """
    check_slots(checkpoint)
    if checkpoint.config.num_instances < 3:
        raise NotApplicable(ONE_PAIR)
    if groups:
        bases = pool_groups(checkpoint, pool, groups, seating)
    else:
        bases = [base_group(checkpoint, rows, seating)]
        if any(repeated is not None for repeated in bases[0].repeats):
            raise NotApplicable(
                "not applicable: this group has free slots, whose answers are not read; fill all "
                "slots, or ask about random groups"
            )
    rows = [row.row for row in bases[0].rows]
    crosstalk, done, is_partial = _mean_crosstalk(
        checkpoint, bases, draws, pool=pool, seating=seating, progress=progress
    )
    gates = None
    if shares_units(checkpoint):
        gates = gate_flips(checkpoint, rows, seating=seating, draws=GROUPS, pool=pool)
    geometry = key_geometry(checkpoint, rows, seating=seating)
    return key_leak(
        similarities_of(geometry, gates),
        crosstalk,
        unit="nats",
        draws=done,
        groups=len(bases) if groups else 0,
        is_partial=is_partial,
        provenance=origin_of(checkpoint, bases[:1], seating),
        seed=seating.seed,
    )


def _mean_crosstalk(
    checkpoint: Checkpoint,
    bases: Sequence[Group],
    draws: int,
    *,
    pool: Sequence[str] | None,
    seating: Seating,
    progress: Progress | None,
) -> tuple[np.ndarray, int, bool]:
    """Swap cross-talk ``[N, N]`` over groups, the draws it rests on, and whether it was stopped.

    What is not above a group's floor counts as none: ranks would tell rounding errors apart.
    """
    each = max(1, draws // len(bases))
    sums: Any = 0.0
    done, is_partial = 0, False
    for number, base in enumerate(bases):
        rows = [row.row for row in base.rows]
        try:
            found = measure_crosstalk(
                checkpoint,
                rows,
                pool=pool,
                seating=replace(seating, seed=seating.seed + number),
                draws=each,
                progress=share_of(progress, number, len(bases)),
            )
        except Stopped:
            is_partial = True
            break
        mean, floor = found.js.cells.mean, found.js.floor[:, None]
        sums = sums + np.where(mean > floor, mean, 0.0) * found.draws
        done += found.draws
        if found.is_partial:
            is_partial = True
            break
    if not done:
        raise Stopped("stopped before the first draws were done; compute again")
    return np.asarray(sums) / done, done, is_partial


def key_leak(
    similarities: dict[str, np.ndarray],
    crosstalk: np.ndarray,
    *,
    unit: str,
    draws: int,
    provenance: Provenance,
    groups: int = 0,
    is_partial: bool = False,
    seed: int = 0,
) -> KeyLeak:
    """Rank correlation of key similarity with measured cross-talk, by permuting slots.

    Cells of a matrix share slots, so they are not independent: whole slots are exchanged, rows and
    columns together (Mantel 1967), in every order up to N = 7 and in random ones above. A small p
    says that the two go together, not that one causes the other.

    Args:
        similarities: ``[N, N]`` each, by name; only cells off the diagonal count.
        crosstalk: ``[N, N]`` in ``unit``, from ``draws`` draws; NaN off the diagonal is refused.
        groups: that it is the mean of; 0 for one given group.

    Raises:
        NotApplicable: two slots. InputError: shapes that differ, or missing values.
    """
    num = len(crosstalk)
    if num < 3:
        raise NotApplicable(ONE_PAIR)
    names = tuple(similarities)
    stack = np.stack([np.asarray(similarities[name], dtype=np.float64) for name in names])
    off = ~np.eye(num, dtype=bool)
    if stack.shape[1:] != (num, num) or not np.isfinite(stack[:, off]).all():
        raise InputError(f"each similarity must be a matrix of {num} x {num} numbers")
    if crosstalk.shape != (num, num) or not np.isfinite(crosstalk[off]).all():
        raise InputError(f"cross-talk must be a matrix of {num} x {num} numbers")
    orders, is_exact = _orders(num, seed)
    ranks = _standard_ranks(crosstalk[off])
    rho = np.empty((len(orders), len(names)))
    for m, matrix in enumerate(stack):
        # A permuted matrix holds the same values, so it is ranked once.
        ranked = np.zeros((num, num))
        ranked[off] = _standard_ranks(matrix[off])
        for number, order in enumerate(orders):
            rho[number, m] = (ranked[np.ix_(order, order)][off] * ranks).sum()
    given = rho[0]
    with np.errstate(invalid="ignore"):
        p = (np.abs(rho) >= np.abs(given) - 1e-9).mean(axis=0)
    p = np.where(np.isnan(given), np.nan, p)
    return KeyLeak(
        names=names,
        similarity=stack,
        crosstalk=crosstalk,
        unit=unit,
        rho=given,
        p=p,
        permutations=len(orders),
        is_exact=is_exact,
        draws=draws,
        groups=groups,
        is_partial=is_partial,
        provenance=provenance,
    )


def _orders(num: int, seed: int) -> tuple[np.ndarray, bool]:
    """Orders of the slots, the given one first; whether they are all."""
    if num <= EXACT_N:
        return np.array(list(permutations(range(num)))), True
    generator = np.random.default_rng(seed)
    drawn = generator.permuted(np.tile(np.arange(num), (MOST, 1)), axis=1)
    return np.concatenate([np.arange(num)[None], drawn]), False


def _standard_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks with mean 0 and length 1; NaN where all values are equal."""
    ranks = rankdata(values)
    centred = ranks - ranks.mean()
    length = float(np.linalg.norm(centred))
    is_flat = length == 0 or np.ptp(values) <= 1e-9 * max(float(np.abs(values).max()), 1e-300)
    return np.full(len(values), np.nan) if is_flat else centred / length


def similarities_of(geometry: KeyGeometry, gates: GateFlips | None) -> dict[str, np.ndarray]:
    """Every kind of likeness that a checkpoint has, larger for slots harder to tell apart."""
    found: dict[str, np.ndarray] = {}
    if geometry.mux is not None:
        found["mux vectors, cosine"] = geometry.mux.cosine
    if geometry.interference is not None:
        found["mux vectors, interference"] = geometry.interference
    if geometry.demux is not None:
        found["demux keys, cosine"] = geometry.demux.cosine
    if gates is not None:
        found["demux gates, equal share"] = 1 - gates.flips.mean
    return found
