"""Every kind of figure with planted results: picture, finding, description and table together.

``FAMILIES`` maps a name to a function that makes one ``Drawn``; what is asked of all of them is in
``test_figure_laws.py``. Results are those that other tests plant, most without any model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.analysis.crosstalk.log_odds import log_odds
from muxviz.analysis.crosstalk.shapley import shapley
from muxviz.analysis.crosstalk.swap_test import difference, measure_crosstalk
from muxviz.analysis.dataset import report
from muxviz.analysis.fidelity.agreement import accuracy, pool_agreement
from muxviz.analysis.fidelity.by_sparsity import by_sparsity, crosstalk_by_sparsity
from muxviz.analysis.fidelity.confusion import confusion
from muxviz.analysis.fidelity.escalation import escalation
from muxviz.analysis.fidelity.recovery import pool_read_back
from muxviz.analysis.groups.attribution import slot_shares
from muxviz.analysis.keys.gates import gate_flips
from muxviz.analysis.keys.geometry import key_geometry, key_interference
from muxviz.analysis.keys.mantel import key_leak
from muxviz.analysis.keys.matched_filter import matched_filter
from muxviz.analysis.pruning.remaining import pruning_map
from muxviz.analysis.whatif.desk import turn_faders
from muxviz.analysis.whatif.dial import ghosts, key_dial
from muxviz.analysis.whatif.dose import dose_response
from muxviz.analysis.whatif.ensembling import ensembling
from muxviz.analysis.whatif.orders import slot_orders
from muxviz.analysis.whatif.twins import duplicates, twins
from muxviz.figures.attention import conductance as attention_conductance
from muxviz.figures.attention import heads as attention_heads
from muxviz.figures.attention import instances as attention_instances
from muxviz.figures.attention import maps as attention_maps
from muxviz.figures.attention import pairs as attention_pairs
from muxviz.figures.attention import relevance as attention_relevance
from muxviz.figures.attention import saliency
from muxviz.figures.compare import answers as compare_answers
from muxviz.figures.compare import series as compare_series
from muxviz.figures.crosstalk import by_sparsity as crosstalk_sparsity
from muxviz.figures.crosstalk import compare as crosstalk_compare
from muxviz.figures.crosstalk import matrix as crosstalk
from muxviz.figures.crosstalk import pair as crosstalk_pair
from muxviz.figures.crosstalk import rows as crosstalk_rows
from muxviz.figures.crosstalk import taken as crosstalk_taken
from muxviz.figures.crosstalk import waterfall as crosstalk_waterfall
from muxviz.figures.crosstalk import words as crosstalk_words
from muxviz.figures.dataset import kinds as dataset_kinds
from muxviz.figures.dataset import labels as dataset_labels
from muxviz.figures.dataset import regression as dataset_regression
from muxviz.figures.dataset import right as dataset_right
from muxviz.figures.dataset import sure as dataset_sure
from muxviz.figures.debugger import attributed as of_attributed
from muxviz.figures.debugger import edits as of_edits
from muxviz.figures.debugger import fixes as of_fixes
from muxviz.figures.debugger import heard as of_heard
from muxviz.figures.debugger import ladder as of_ladder
from muxviz.figures.debugger import verdict as of_verdicts
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.narrow import narrowed
from muxviz.figures.fidelity import answers as fidelity_answers
from muxviz.figures.fidelity import bits as fidelity_bits
from muxviz.figures.fidelity import by_sparsity as sparsity
from muxviz.figures.fidelity import escalation as fidelity_escalation
from muxviz.figures.fidelity import places as fidelity_places
from muxviz.figures.fidelity import recovery as fidelity
from muxviz.figures.keys import bars as keys_bars
from muxviz.figures.keys import gates as keys_gates
from muxviz.figures.keys import geometry as keys
from muxviz.figures.keys import scatter as keys_scatter
from muxviz.figures.layers import compare as layers_compare
from muxviz.figures.layers import lens as layers_lens
from muxviz.figures.layers import norms as layers_norms
from muxviz.figures.layers import spectrum as layers_spectrum
from muxviz.figures.layers import strip as layers_strip
from muxviz.figures.learn import culprit as learn_culprit
from muxviz.figures.learn import mixing as learn_mixing
from muxviz.figures.learn import rungs as learn_rungs
from muxviz.figures.learn import seating as learn_seating
from muxviz.figures.learn import sharing as learn_sharing
from muxviz.figures.map import journey as of_journey
from muxviz.figures.map import shares as map_shares
from muxviz.figures.map import states as state_map
from muxviz.figures.map import words as map_words
from muxviz.figures.mix import braid, braid_stack, leak, timing
from muxviz.figures.mix.braid_words import braid_alt, braid_finding, braid_table
from muxviz.figures.planner import budget as planner_budget
from muxviz.figures.planner import choice as planner
from muxviz.figures.planner import measure_next as planner_next
from muxviz.figures.planner import models as planner_models
from muxviz.figures.planner import surfaces as planner_surfaces
from muxviz.figures.pruning import remaining as pruned
from muxviz.figures.tradeoff import accuracy_speed as tradeoff
from muxviz.figures.tradeoff import carried_and_copies as tradeoff_more
from muxviz.figures.tradeoff import memory as tradeoff_memory
from muxviz.figures.tradeoff import plans as tradeoff_plans
from muxviz.figures.tradeoff import published as tradeoff_published
from muxviz.figures.tradeoff import speed as tradeoff_speed
from muxviz.figures.tradeoff import words as tradeoff_words
from muxviz.figures.tradeoff.table import tradeoff_table
from muxviz.figures.training import losses as training_losses
from muxviz.figures.training import slots as training
from muxviz.figures.training import speed as training_speed
from muxviz.figures.whatif import copies as whatif_copies
from muxviz.figures.whatif import desk as whatif_desk
from muxviz.figures.whatif import dose as whatif_dose
from muxviz.figures.whatif import keys as whatif_keys
from muxviz.figures.whatif import orders as whatif_orders
from muxviz.figures.whatif import twins as whatif_twins
from muxviz.planning.advise import advise, budget_curve, frontier, make_goal
from muxviz.planning.choose import fit_planner
from muxviz.planning.points import from_run
from muxviz.presets.published import published
from muxviz.results.cross_matrix import cross_matrix
from muxviz.results.fidelity import Bits
from muxviz.results.group import Timing
from muxviz.results.keys import KeyLeak
from muxviz.results.lessons import Dial as DialOfSharing
from muxviz.results.lessons import Mixing, Shared
from muxviz.results.map import READOUT
from muxviz.results.measured import RECORDED, Escalated
from muxviz.results.speed_settings import settings_of
from muxviz.training.run_folder import read_curves
from tests.attention import test_attention_figures as of_attention
from tests.crosstalk.test_crosstalk_analysis import POOL, ROWS
from tests.dataset import planted_worklist as of_worklist
from tests.debugger import test_debugger as of_debugger
from tests.debugger import test_verdict as of_verdict
from tests.layers import test_layers_figures as of_layers
from tests.map import test_map_page as of_map
from tests.model.planted_runs import TASK
from tests.planner import test_planner_figures as of_planner
from tests.planner.planted_grid import SOME, grid_run
from tests.planted import planted
from tests.pruning import test_pruned_views as of_pruned
from tests.run_folders import write_run
from tests.test_figures import LEAKY as LEAKING
from tests.test_figures import leak_of, result
from tests.tiny import tiny_config
from tests.tradeoff import test_tradeoff_figures as of_tradeoff

SHORT = tuple(
    f"{a} {b} {c}" for a in ("a", "the") for b in ("good", "bad", "great") for c in ("film", "song")
)
LABELS = tuple("negative" if "bad" in text else "positive" for text in SHORT)


Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Drawn:
    """One figure and all that is said of it. own_narrow: where it is not made of the wide one."""

    figure: go.Figure
    finding: str
    alt: str
    table: list[dict[str, Any]]
    own_narrow: go.Figure | None = None

    @property
    def narrow(self) -> go.Figure:
        """What a page of 360 px shows."""
        return narrowed(self.figure) if self.own_narrow is None else self.own_narrow


FAMILIES: dict[str, Callable[[], Drawn]] = {}
VARIANTS: dict[str, Callable[[Change], Drawn]] = {}  # the same from a changed result


def family(make: Callable[[], Drawn]) -> Callable[[], Drawn]:
    """Enter one under the name of its function."""
    FAMILIES[make.__name__] = cache(make)
    return FAMILIES[make.__name__]


def alike(name: str, room: Any, *given: Any, prefix: str = "", **chosen: Any) -> None:
    """Enter a family whose four functions take the same arguments; a choice where they know it."""
    prefix = prefix or name

    def make(change: Change = lambda given: given) -> Drawn:
        values = [change(value() if callable(value) else value) for value in given]
        calls = [
            getattr(room, f"{prefix}_{part}") for part in ("figure", "finding", "alt", "table")
        ]
        made = []
        for call in calls:
            known = signature(call).parameters
            made.append(call(*values, **{k: v for k, v in chosen.items() if k in known}))
        family = next(one for one in vars(room).values() if _draws(one, calls[0]))
        return Drawn(*made, family.on_a_phone(made[0], tuple(values), chosen))

    FAMILIES[name] = cache(make)
    VARIANTS[name] = make


def _draws(value: Any, figure: Callable[..., go.Figure]) -> bool:
    return isinstance(value, Family) and value.figure is figure


# ---- results ------------------------------------------------------------------------------------

GOLDEN = ((1.0, 0.5, 0.0), (0.0, 1.0, 0.0), (2.0, 0.0, 0.7))  # slot 2 into 1, twice slot 1 into 3

MILD = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.5), (0.0, 0.0, 1.0))  # slot 3 into 2


@cache
def diagnosed() -> Any:
    return of_debugger.found(of_debugger.LEAK)


@cache
def swap() -> Any:
    return measure_crosstalk(planted(GOLDEN).checkpoint, ROWS, pool=POOL)


@cache
def clean_swap() -> Any:
    return measure_crosstalk(planted().checkpoint, ROWS, pool=POOL)


@cache
def values() -> Any:
    return shapley(planted(GOLDEN).checkpoint, ROWS, pool=POOL, draws=6)


@cache
def odds() -> Any:
    return log_odds(planted(GOLDEN).checkpoint, ROWS, pool=POOL, draws=8)


@cache
def shares() -> Any:
    return slot_shares(planted(GOLDEN).checkpoint, ROWS, pool=POOL, steps=4)


@cache
def read() -> Any:
    return pool_read_back(planted(((1, 0, 0), (0, 0, 0), (2, 0, 1))).checkpoint, SHORT, draws=30)


@cache
def lone() -> Any:
    return planted(num_instances=1).checkpoint


@cache
def agreed() -> Any:
    model = planted(((1, 0, 0), (0, -1, 0), (2, 0, 1))).checkpoint
    return pool_agreement(model, SHORT, baseline=lone(), draws=20)


@cache
def right() -> Any:
    return accuracy(planted(np.diag([1.0, -1.0, 1.0])).checkpoint, SHORT, LABELS, draws=20)


@cache
def right_alone() -> Any:
    return accuracy(lone(), SHORT, LABELS, draws=60)


@cache
def escalated() -> Any:
    model = planted(((1, 0, 0), (0, -0.5, 0), (0, 0, 1))).checkpoint
    return escalation(model, SHORT, LABELS, baseline=lone(), draws=20)


@cache
def confused() -> Any:
    model = planted(np.diag([1.0, -1.0, 1.0])).checkpoint
    return confusion(model, lone(), SHORT, labels=LABELS, draws=20)


def bits(num: int, total: float, half: float, name: str = "") -> Bits:
    """What one vector of N slots carries, nats; slots share it alike."""
    return Bits(
        of_layers.around(np.full(num, total / num), half / num),
        of_layers.around(np.asarray(total), half),
        5.0,
        1000,
        0.05,
        40,
        120,
        False,
        of_layers.origin(num, name or f"n{num}"),
    )


@cache
def geometry() -> Any:
    checkpoint = planted().checkpoint
    vectors: Any = checkpoint.model.multiplexer.instance_embedding
    vectors[2] = vectors[0] + 0.1 * vectors[1]
    return key_geometry(checkpoint, ROWS)


@cache
def loudness() -> Any:
    return key_interference(
        of_layers.shared_checkpoint(default_padding="group"), pool=POOL, draws=8
    )


@cache
def filtered() -> Any:
    return matched_filter(planted().checkpoint, ROWS, pool=POOL, draws=4)


@cache
def gates() -> Any:
    return gate_flips(planted(gates=(0, 0, 2)).checkpoint, ROWS, pool=POOL, draws=3)


@cache
def scattered() -> KeyLeak:
    matrix = np.random.default_rng(0).normal(size=(5, 5))
    likes = {"likeness": matrix + matrix.T}
    origin = geometry().provenance
    return key_leak(likes, np.exp(likes["likeness"]), unit="nats", draws=8, provenance=origin)


@cache
def sparse() -> Any:
    return by_sparsity([of_pruned.record(hits, at) for hits, at in zip(*lost(), strict=True)])


def lost() -> tuple[list[np.ndarray], list[float]]:
    whole = np.ones((40, 3))
    half, none = whole.copy(), whole.copy()
    half[::2, 1], none[:, 1] = 0, 0
    return [whole, half, none], [0.0, 0.6, 0.95]


@cache
def pair() -> Any:
    return by_sparsity([of_pruned.record(h, s) for h, s in zip(*lost(), strict=True)][:2])


@cache
def half_read() -> Any:
    shares = np.hstack([np.eye(5), np.zeros((5, 1))])
    shares[1] = [0, 0.5, 0, 0, 0, 0.5]
    return result(shares=shares)


@cache
def swap_by_sparsity() -> Any:
    pruned_one = replace(swap(), provenance=replace(swap().provenance, sparsity=0.5))
    return crosstalk_by_sparsity([clean_swap(), pruned_one])


@cache
def moved() -> Any:
    return turn_faders(planted(GOLDEN).checkpoint, ROWS, (1, 0, 1.25))


@cache
def dose() -> Any:
    return dose_response(planted(GOLDEN).checkpoint, ROWS, doses=5)


@cache
def dial() -> Any:
    return key_dial(planted().checkpoint, ROWS, 0, 1, steps=5)


@cache
def ghost() -> Any:
    return ghosts(planted(((1, 0.5, 0), (0, 1, 0), (0, 0, 1))).checkpoint, ROWS, pool=POOL)


@cache
def orders() -> Any:
    return slot_orders(planted(((1, 0, 2), (0, 0.2, 0), (0, 0, -1))).checkpoint, ROWS)


@cache
def twinned() -> Any:
    crossed = planted(((0.2, 1, 0), (1, 0.2, 0), (0, 0, 1))).checkpoint
    return twins(crossed, "a good film", "a bad film", pool=POOL, draws=2)


@cache
def same() -> Any:
    model = planted(np.diag([1.0, 0.5, 2.0])).checkpoint
    return duplicates(model, "a good film", pool=("a great song", "the warm day"), draws=4)


@cache
def copied() -> Any:
    model = planted(np.diag([-1.0, 1.0, 1.0])).checkpoint
    return ensembling(model, tuple(zip(SHORT, LABELS, strict=True)))


@cache
def grid() -> Any:
    return fit_planner(from_run(grid_run(*SOME), "run.json"))


@cache
def curves() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "one", Path(folder) / "two"
        return [read_curves(write_run(one)), read_curves(write_run(two, floor=0.08, last=2000))]


@cache
def mixed() -> Mixing:
    """Three slots of five numbers, of which four are shown; slot 2 alone is hardly read."""
    vectors = np.array([[1.5, -0.5, 0.25, 2.0], [0.5, 1.0, -1.5, 0.0], [-2.0, 0.75, 1.0, -1.0]])
    patterns = np.array([[1.0, -1.0, 0.5, 0.0], [0.5, 0.5, -0.5, 1.0], [-1.0, 0.0, 0.5, 0.25]])
    silenced = np.array([*np.zeros((1, 3)), *np.eye(3), *(1 - np.eye(3))], dtype=bool)
    read = np.where(silenced, 0.1, [0.9, 0.4, 1.0])
    return Mixing(
        ("a film", "a song", "a day"),
        ("film", "song", "day"),
        2,
        5,
        (0, 1, 2, 3),
        vectors,
        patterns,
        (vectors * patterns).mean(axis=0),
        silenced,
        read,
        np.array([10, 10, 10]),
        of_layers.origin(3, "mixed"),
    )


@cache
def shared_dial() -> DialOfSharing:
    """Rooms, then one room: 10 points fewer right, and more of no single slot."""
    found = []
    for sharing, right in ((0.0, 0.9), (1.0, 0.8)):
        patterns = (1 - sharing) * np.eye(3, 6) + sharing * np.full((3, 6), 0.5)
        spectrum = of_layers.spectrum((0.1, 0.1, 0.1 + 0.2 * sharing))
        name, ends = f"s{100 * sharing:.0f}", (right - 0.02, right + 0.02)
        found.append(
            Shared(
                name, sharing, "accuracy", 500, right, *ends, tuple(range(6)), patterns, spectrum
            )
        )
    return DialOfSharing(tuple(found))


TIMINGS = (
    Timing("multiplexed", 1, 0.010, 0.009, 0.011, 9),
    Timing("alone, one batch", 1, 0.031, 0.030, 0.033, 9),
    Timing("alone, one by one", 5, 0.042, 0.040, 0.050, 9),
)

# ---- families: Mix & read, fidelity -------------------------------------------------------------


@family
def braided() -> Drawn:
    given, look = result(shares=LEAKING), {"spectrum": np.full((5, 5), 0.19)}
    return Drawn(
        braid.braid_figure(given, **look),
        braid_finding(given),
        braid_alt(given, **look),
        braid_table(given, **look),
        braid_stack.braid_stack_figure(given, **look),
    )


alike("leak", leak, leak_of(LEAKING))
alike("timing", timing, TIMINGS)
for value in fidelity.VALUES:
    alike(f"fidelity_{value}", fidelity, read, prefix="fidelity", value=value)
alike("positions", fidelity_places, read)
alike("lengths", fidelity_places, read)
alike("agreement", fidelity_answers, agreed)
alike("accuracy", fidelity_answers, right, right_alone)
alike("confusion", fidelity_answers, confused)
alike("escalation", fidelity_escalation, escalated, share=0.2)
SUMS = [bits(2, 6.0, 0.3), bits(5, 14.0, 0.5), bits(10, 19.5, 1.0)]
alike("bits", fidelity_bits, SUMS)
alike("bits_nats", fidelity_bits, SUMS, prefix="bits", unit="nats")

# ---- families: cross-talk -----------------------------------------------------------------------

MATRICES: dict[str, Callable[[], Any]] = {
    "points": lambda: cross_matrix(swap()),
    "swap": lambda: cross_matrix(swap(), "swap"),
    "decibel": lambda: cross_matrix(swap(), "decibel"),
    "push": lambda: cross_matrix(swap(), "push"),
    "shapley": lambda: cross_matrix(values()),
    "odds": lambda: cross_matrix(odds()),
    "share": lambda: cross_matrix(shares()),
}


def matrix_family(name: str) -> None:
    def make(change: Change = lambda given: given) -> Drawn:
        matrix = change(MATRICES[name]())
        return Drawn(
            crosstalk.crosstalk_figure(matrix),
            crosstalk_words.crosstalk_finding(matrix),
            crosstalk_words.crosstalk_alt(matrix),
            crosstalk_words.crosstalk_table(matrix),
        )

    FAMILIES[f"crosstalk_{name}"] = cache(make)
    VARIANTS[f"crosstalk_{name}"] = make


for name in MATRICES:
    matrix_family(name)
alike("swap_pair", crosstalk_pair, swap, 2, 0)
alike("swap_pair_margin", crosstalk_pair, swap, 2, 0, prefix="swap_pair", of_margin=True)
alike("odds_pair", crosstalk_rows, odds, 0, 1)
alike("shares", crosstalk_rows, shares, 0)
alike("waterfall", crosstalk_waterfall, values, 0)
alike("taken", crosstalk_taken, swap_by_sparsity)
alike("taken_series", crosstalk_taken, swap_by_sparsity)
alike("series", compare_series, sparse)
alike("answers", compare_answers, result, half_read)
alike("read", compare_answers, result, half_read)
alike("crosstalk_sparsity", crosstalk_sparsity, swap_by_sparsity)


@family
def comparison() -> Drawn:
    mild = measure_crosstalk(planted(MILD).checkpoint, ROWS, pool=POOL)
    one, other = cross_matrix(mild), cross_matrix(swap())
    apart = difference(mild, swap())
    room = crosstalk_compare
    return Drawn(
        room.comparison_figure(one, other, apart, ("a", "b")),
        room.comparison_finding(one, other, apart),
        room.comparison_alt(one, other, apart),
        room.comparison_table(one, other, apart),
    )


# ---- families: what-if --------------------------------------------------------------------------

alike("before_after", whatif_desk, moved)
alike("dose", whatif_dose, dose, 2)
alike("dose_margin", whatif_dose, dose, 0, prefix="dose", scale="margin")


@family
def slope() -> Drawn:
    found = dose()
    table = [row for slot in range(3) for row in whatif_dose.dose_table(found, slot)]
    room = whatif_dose
    return Drawn(room.slope_figure(found), room.slope_finding(found), room.slope_alt(found), table)


@family
def dialled() -> Drawn:
    found, room = dial(), whatif_keys
    return Drawn(
        room.dial_figure(found, 0.5),
        room.dial_finding(found, 0.5),
        room.dial_alt(found),
        room.dial_table(found),
    )


alike("ghost", whatif_keys, ghost)


@family
def seats() -> Drawn:
    found, room = orders(), whatif_orders
    return Drawn(
        room.seats_figure(found, 1),
        room.seats_finding(found, 1),
        room.orders_alt(found, 1),
        room.orders_table(found),
    )


@family
def company() -> Drawn:
    found, room = orders(), whatif_orders
    said = room.company_finding(found)
    return Drawn(room.company_figure(found), said, f"{said}.", room.orders_table(found))


alike("twins", whatif_twins, twinned)
alike("duplicates", whatif_twins, same)
alike("copies", whatif_copies, copied)
alike("ladder", of_ladder, lambda: of_verdict.told(of_verdict.HYMN, -0.2855, slot=3))
alike("ladder_right", of_ladder, lambda: of_verdict.told(
    of_verdict.CASES["right, and what would turn it"][0], 1.5, is_right=True
), prefix="ladder")  # fmt: skip

alike("verdict", of_verdicts, diagnosed)
alike("fixes", of_fixes, diagnosed)
alike("heard", of_heard, diagnosed)
alike("edits", of_edits, of_debugger.edited)
alike("attributed", of_attributed, of_debugger.gradients)

# ---- families: attention, layers, keys, map -----------------------------------------------------

alike("attention_map", attention_maps, of_attention.maps, 0, 1)
alike("attention_grid", attention_maps, of_attention.maps)
alike(
    "attention_mean", attention_maps, of_attention.maps, 1, 0, prefix="attention_map", look="mean"
)
alike("pairs", attention_pairs, of_attention.slot_pairs, 0)
alike("pairs_seen", attention_pairs, of_attention.slot_pairs, 1, prefix="pairs", seen=True)
alike("relevance", attention_relevance, of_attention.relevance, 1)
alike("heads", attention_heads, of_attention.effects, 1)
alike("saliency", saliency, of_attention.attribution)
alike("conductance", attention_conductance, of_attention.conductance)


@family
def instances() -> Drawn:
    found, room = of_attention.across(), attention_instances
    return Drawn(
        room.instances_figure(found, 2),
        room.instances_finding(found),
        room.instances_alt(found, 2),
        room.instances_table(found),
    )


@family
def pair_map() -> Drawn:
    found, room = of_attention.slot_pairs(), attention_pairs
    return Drawn(
        room.pair_map_figure(found, 0, (1, 2)),
        room.pair_map_finding(found, 0, (1, 2)),
        room.pair_map_alt(found, 0, (1, 2)),
        room.pair_map_table(found, 0, (1, 2)),
        narrowed(room.pair_map_figure(found, 0, (1, 2), is_narrow=True)),
    )


@family
def relevance_difference() -> Drawn:
    found, room = of_attention.relevance(), attention_relevance
    return Drawn(
        room.relevance_difference_figure(found, 1, (0, 1)),
        room.relevance_difference_finding(found, 1, (0, 1)),
        room.relevance_difference_alt(found, 1, (0, 1)),
        room.relevance_table(found, 1),
        narrowed(room.relevance_difference_figure(found, 1, (0, 1), is_narrow=True)),
    )


alike("spectrum", layers_spectrum, of_layers.spectrum)
alike("spectrum_solo", layers_spectrum, of_layers.spectrum, prefix="spectrum", solo=1)
alike("spectra", layers_compare, of_layers.spectrum, lambda: of_layers.spectrum((0.1, 0.1, 0.3)))
alike("lens", layers_lens, of_layers.lens)
alike("lens_margin", layers_lens, of_layers.lens, prefix="lens", show="margin")
alike("lens_slot", layers_lens, of_layers.lens, prefix="lens", slot=1)
alike("probe", layers_lens, of_layers.probe, prefix="lens")
alike("lens_strip", layers_strip, of_layers.strip, 0)
alike(
    "norms",
    layers_norms,
    lambda: [of_layers.member(2, (0.5, 0.6)), of_layers.member(5, (0.3, 0.6))],
)
alike("keys", keys, geometry)
alike("sinr", keys_bars, loudness)
alike("filter", keys_bars, filtered)
alike("gates", keys_gates, gates)
alike("gates_pool", keys_gates, gates, prefix="gates", over="pool")
alike("key_leak", keys_scatter, scattered)
alike("pruning_map", pruned, lambda: pruning_map(
    replace(tiny_config(), structure=of_pruned.kept_by_hand()), name="by-hand"
))  # fmt: skip
alike("sparsity", sparsity, sparse, "right")
alike("slot_change", sparsity, pair, "right")


@family
def mapped() -> Drawn:
    return map_drawn(2)


@family
def mapped_selected() -> Drawn:
    return map_drawn(3, color="slot", selected=1, point=1)


def map_drawn(dims: int, **chosen: Any) -> Drawn:
    found = of_map.found()
    projection = found.map_of((READOUT,), dims)
    (reading,) = [r for r in found.readings if r.state == READOUT]
    return Drawn(
        state_map.map_figure(found.sample, projection, found.readings, state=READOUT, **chosen),
        map_words.map_finding(reading),
        map_words.map_alt(found.sample, projection, reading),
        map_words.map_table(found.sample, projection, READOUT, reading),
    )


@family
def map_journey() -> Drawn:
    found = of_map.found()
    joint = max((m for m in found.maps if m.dims == 2), key=lambda m: len(m.states))
    given = (found.sample, joint, found.readings)
    return Drawn(
        of_journey.journey_figure(*given),
        of_journey.journey_finding(*given),
        of_journey.journey_alt(*given),
        of_journey.journey_table(*given),
    )


@family
def map_shared() -> Drawn:
    readings = of_map.found().readings
    return Drawn(
        map_shares.share_figure(readings),
        map_words.share_finding(readings),
        map_words.share_alt(readings),
        map_words.share_table(readings),
    )


# ---- families: dataset --------------------------------------------------------------------------


@cache
def failing() -> Any:
    return of_worklist.drawn(
        lambda slots, tags, tokens: 0.05 + 0.3 * (slots == 1) + 0.3 * (tags[..., 0] & (tokens > 40))
    )


alike("dataset_kinds", dataset_kinds, of_worklist.planted, prefix="kinds")
alike("dataset_kinds_many", dataset_kinds, failing, prefix="kinds")
for part in (report.right_by_slot, report.right_by_tag, report.right_by_slice,
             report.compare_groupings):  # fmt: skip
    alike(
        f"dataset_{part.__name__}",
        dataset_right,
        lambda part=part: part(failing()),
        prefix="right",
    )
alike("dataset_labels", dataset_labels, lambda: report.label_counts(failing()), prefix="labels")
alike(
    "dataset_labels_slot",
    dataset_labels,
    lambda: report.label_counts(failing(), slot=1),
    prefix="labels",
)
alike("regression", dataset_regression, of_worklist.redone)
alike("regression_failing", dataset_regression, lambda: of_worklist.redone(only_wrong=True),
      prefix="regression")  # fmt: skip
alike("dataset_sure", dataset_sure, lambda: report.calibration(failing()), prefix="sure")

# ---- families: trade-off, planner, training -----------------------------------------------------

alike("carried", tradeoff_more, of_tradeoff.RUNS)


@family
def traded() -> Drawn:
    chains = Escalated(RECORDED, of_tradeoff.escalation())
    runs, room = (*of_tradeoff.RUNS, chains), tradeoff
    return Drawn(
        room.tradeoff_figure(runs, task=TASK),
        room.tradeoff_finding(runs, task=TASK),
        f"{room.tradeoff_alt(runs, task=TASK)} {tradeoff_words.rivals_finding(runs, task=TASK)} "
        f"{tradeoff_words.goals_finding(runs)}",
        tradeoff_table(runs),
        narrowed(room.tradeoff_figure(runs, task=TASK, is_narrow=True)),
    )


@family
def copies_curve() -> Drawn:
    runs, room = of_tradeoff.RUNS, tradeoff_more
    return Drawn(
        room.copies_curve(runs, task=TASK),
        room.copies_finding(runs, task=TASK),
        room.copies_alt(runs, task=TASK),
        room.copies_table(runs, task=TASK),
    )


@family
def latency() -> Drawn:
    timed, room = of_tradeoff.TIMED, tradeoff_speed
    setting = settings_of(timed.run)[0]
    return Drawn(
        room.latency_figure(timed, setting),
        room.latency_finding(timed, setting),
        room.latency_alt(timed, setting),
        room.latency_table(timed),
    )


alike("memory", tradeoff_memory, of_tradeoff.TIMED, settings_of(of_tradeoff.TIMED.run)[0])
alike("plans", tradeoff_plans, of_tradeoff.plans)
alike("published", tradeoff_published, published)


@family
def planned() -> Drawn:
    fitted = grid()
    advice = advise(fitted, make_goal(fitted.points, budget=0.08))
    given = fitted.points, advice, frontier(fitted)
    return Drawn(
        planner.planner_figure(*given),
        planner.planner_finding(advice),
        planner.planner_alt(fitted.points, advice),
        planner.planner_table(fitted.points, advice),
        narrowed(planner.planner_figure(*given, is_narrow=True)),
    )


@family
def measure_next() -> Drawn:
    fitted, room = grid(), planner_next
    advice = advise(fitted, make_goal(fitted.points, budget=0.08))
    return Drawn(
        room.measure_next_figure(advice),
        room.measure_next_finding(advice),
        room.measure_next_alt(advice),
        room.measure_next_table(advice),
    )


@family
def surfaces() -> Drawn:
    points, mesh, room = grid().points, of_planner.grids(grid()), planner_surfaces
    return Drawn(
        room.surfaces_figure(points, *mesh),
        room.surfaces_finding(points, *mesh),
        room.surfaces_alt(points, *mesh),
        room.surfaces_table(*mesh),
    )


@family
def slices() -> Drawn:
    points, room = grid().points, planner_surfaces
    mesh = of_planner.grids(grid(), sliced=True)
    return Drawn(
        room.slices_figure(points, *mesh),
        room.slices_finding(points, mesh[0]),
        room.slices_alt(points, *mesh),
        room.surfaces_table(*mesh),
    )


alike("sensitivity", planner_budget, lambda: budget_curve(grid(), of_planner.BUDGETS))
alike("loo", planner_models, lambda: grid().comparison)
alike("hits", planner_models, of_planner.CHECK)
alike("loss", training_losses, curves)
alike("speed", training_speed, curves)


@family
def slot_accuracy() -> Drawn:
    one = curves()[:1]
    return Drawn(
        training.slot_accuracy_figure(one),
        training.slot_accuracy_finding(one[0]),
        training.slot_accuracy_alt(one),
        training.slot_accuracy_table(one),
    )


# ---- families: the lesson -----------------------------------------------------------------------

alike("mixing", learn_mixing, mixed)
alike("mixing_muted", learn_mixing, mixed, prefix="mixing", silenced=(1,))
alike("mixing_solo", learn_mixing, mixed, prefix="mixing", silenced=(0, 2))
alike("culprit", learn_culprit, swap, slot=0)
alike("culprit_looked", learn_culprit, swap, prefix="culprit", slot=0, looked=(1, 2))
alike("seating", learn_seating, orders, order=2)
alike("sharing", learn_sharing, shared_dial)
alike("sharing_all", learn_sharing, shared_dial, prefix="sharing", picked=1)
alike("rungs", learn_rungs, diagnosed)
