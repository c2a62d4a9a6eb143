"""Private controls of the Layers page."""

from __future__ import annotations

from muxviz.ui.shell.params import Choice, Flag, Number, Param

PAIRS = Number("l_pairs", "Pairs of random groups", 16, 256, 64, 16)
SOLO = Flag("l_solo", "Solo the selected slot")
PROBE = Choice(
    "l_probe",
    "Probe",
    {"demux": "Demux lens", "translated": "Translated lens", "linear": "Linear probe"},
    "demux",
)
LENS_SHOW = Choice("l_show", "Show", {"accuracy": "Read back", "margin": "Margin"}, "accuracy")
PROBE_SHOW = Choice("l_r2", "Show", {"r2": "R²", "selectivity": "Selectivity"}, "r2")
DRAWS = Number("l_draws", "Random groups to read", 8, 128, 32, 8)
FIT = Number("l_fit", "Random groups to fit on", 32, 384, 192, 32)
LEVEL = Number("l_play", "Level shown", 0, 64, 0, 1)  # of the last checkpoint: its layers
FAMILY = Number("l_groups", "Random groups per checkpoint", 8, 64, 32, 8)

PARAMS: tuple[Param, ...] = (
    PAIRS,
    SOLO,
    PROBE,
    LENS_SHOW,
    PROBE_SHOW,
    DRAWS,
    FIT,
    LEVEL,
    FAMILY,
)
