"""Private controls of the Planner page."""

from __future__ import annotations

from muxviz.results.planning import ACCURACY, BUDGET, MODELS, THROUGHPUT
from muxviz.ui.shell.params import Choice, Number, Param, Words

GOAL = Choice(
    "n_goal",
    "Goal",
    {BUDGET: "Accuracy budget", ACCURACY: "Accuracy", THROUGHPUT: "Throughput"},
    BUDGET,
)
LOSS = Number("n_budget", "Budget: points of accuracy that may be lost", 0.0, 20.0, 3.0, 0.1)
FLOOR = Number("n_floor", "Accuracy at least, %", 0.0, 100.0, 85.0, 0.1, typed=True)
RISK = Choice(
    "n_risk",
    "Risk to miss it",
    {"1": "1 %", "5": "5 %", "10": "10 %", "20": "20 %", "50": "Even odds"},
    "5",
)
RATE = Number("n_rate", "Throughput at least, instances/s", 1, 1_000_000_000, 1000, typed=True)
MORE_N = Words("n_more", "Further N to consider", max_length=60)  # "3, 4"
MORE_S = Words("n_sparsities", "Further sparsities, %", max_length=60)  # "70, 85"
VIEW = Choice("n_view", "Surfaces as", {"contours": "Contours", "slices": "Slices"}, "contours")
MODEL = Choice("n_model", "Surfaces of", {"used": "Models in use"} | MODELS, "used")
SPLITS = Number("n_splits", "Random halves", 5, 400, 60, 5)

PARAMS: tuple[Param, ...] = (
    GOAL,
    LOSS,
    FLOOR,
    RATE,
    RISK,
    MORE_N,
    MORE_S,
    VIEW,
    MODEL,
    SPLITS,
)
