"""Private controls of the Trade-off page."""

from __future__ import annotations

from muxviz.ui.shell.params import Choice, Flag, Number, Param, Words

AXIS = Choice("o_x", "Speed as", {"rate": "Texts/s", "ratio": "Ratio to N = 1"}, "rate")
HIDE = Words("o_hide", "Hidden kinds", max_length=100)  # of FEATURES, with commas between
DEVICE = Words("o_device", "Device", max_length=100)  # "": all

MODELS = Words("o_models", "Checkpoints", max_length=400)  # names with commas between; "": family
ROWS = Number("o_rows", "Labelled rows", 20, 1000, 120, 20)
GROUPINGS = Number("o_groupings", "Random groupings", 1, 10, 3)
ROUNDS = Number("o_rounds", "Timed rounds", 1, 12, 3)
BATCH = Choice("o_batch", "Groups per forward", {b: b for b in ("1", "4", "8", "16", "32")}, "8")
GROUPING = Choice(
    "o_group", "Who shares a pass", {"order": "Any rows", "length": "Rows of like length"}, "order"
)
DATA = Choice(
    "o_data",
    "Rows from",
    {"folder": "Dev set of the data folder", "pool": "Bundled pool"},
    "folder",
)
COPIES = Choice(
    "o_copies", "Also with copies", {"1": "None", "2": "2 of each", "5": "2 and 5 of each"}, "1"
)
BITS = Flag("o_bits", "Also bits per vector")
LENGTH = Number("o_length", "Tokens per row", 8, 128, 32, 8)

RATE = Number("o_rate", "Requests per second", 1, 1_000_000, 1000, typed=True)
LATENCY = Number("o_ms", "Latency budget, ms", 1, 60_000, 500, typed=True)
FLOOR = Number("o_floor", "Accuracy at least, %", 0.0, 100.0, 75.0, 0.5, typed=True)
SHORT = Number("o_short", "Short, tokens", 2, 512, 10, typed=True)
MEDIUM = Number("o_medium", "Medium, tokens", 2, 512, 24, typed=True)
LONG = Number("o_long", "Long, tokens", 2, 512, 48, typed=True)
SHORT_PARTS = Number("o_short_parts", "Short, parts", 0, 100, 50, typed=True)
MEDIUM_PARTS = Number("o_medium_parts", "Medium, parts", 0, 100, 40, typed=True)
LONG_PARTS = Number("o_long_parts", "Long, parts", 0, 100, 10, typed=True)

PARAMS: tuple[Param, ...] = (
    AXIS,
    HIDE,
    DEVICE,
    MODELS,
    ROWS,
    GROUPINGS,
    ROUNDS,
    BATCH,
    GROUPING,
    DATA,
    COPIES,
    BITS,
    LENGTH,
    RATE,
    LATENCY,
    FLOOR,
    SHORT,
    MEDIUM,
    LONG,
    SHORT_PARTS,
    MEDIUM_PARTS,
    LONG_PARTS,
)
