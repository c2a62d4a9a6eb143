"""What the analyses cost beside the bare passes that they need: ratios in one run, with spread.

    python -m benchmarks.explore_cost --checkpoint sst2-n5 --repeats 9

1. Cross-talk with 64 draws against the forward passes of its groups alone, already encoded and
   stacked in batches of 32 of one length. The passes that measure the floor are not in the bare
   ones, nor are encoding and statistics: they are what the analysis adds.
2. The raw attention map of a group (reading 1) against one traced pass with attention maps,
   without read-back, which the maps do not need.
3. The exact slot-pair split of the first layer (reading 2) against the same. It is also run on the
   group with every text ``--longer`` times over: its maps grow with the square of the length.

Medians with quartiles over alternating repeats, after one uncounted pair. ``--clock cpu`` counts
the seconds of this process only, for a machine that is shared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.first_light import SENTENCES, alternate
from muxviz import load, pool
from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.analysis.attention.readings import attention_maps
from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.crosstalk.swaps import encoded, exchanged, other_sentences
from muxviz.analysis.groups.draws import base_group
from muxviz.batch import Row
from muxviz.errors import MuxvizError
from muxviz.files import json_text, results_file
from muxviz.inference import forward_groups, group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.tracing import trace

DRAWS = 64


Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}


def timed(call: Callable[[], object], clock: Clock) -> Callable[[], float]:
    """``call`` as something that returns its seconds."""

    def run() -> float:
        began = clock()
        call()
        return clock() - began

    return run


def crosstalk_cost(
    checkpoint: Checkpoint, rows: list[Row], repeats: int, clock: Clock
) -> dict[str, float]:
    """The whole analysis, draws and bootstrap included, against its bare passes."""
    sentences = pool.texts()
    group = base_group(checkpoint, rows)
    left = other_sentences(group, sentences)
    order = np.random.default_rng(0).permutation(len(left))[:DRAWS]
    new = encoded(checkpoint, [left[i] for i in order], group)
    num = checkpoint.config.num_instances
    groups = [exchanged(checkpoint.config, group, {j: row}) for row in new for j in range(num)]
    return alternate(
        timed(lambda: measure_crosstalk(checkpoint, rows, pool=sentences, draws=DRAWS), clock),
        timed(lambda: forward_groups(checkpoint, groups, batch=32), clock),
        repeats,
    )


def attention_cost(
    checkpoint: Checkpoint, rows: list[Row], repeats: int, clock: Clock
) -> dict[str, dict[str, float]]:
    """Readings 1 and 2 against one traced pass."""
    group = base_group(checkpoint, rows)
    ids, mask, types = group_tensors(checkpoint, [group])
    hide = group.hides_padding

    def traced() -> object:
        model = checkpoint.model
        return trace(model, ids, mask, token_type_ids=types, retrieval=None, hide_padding=hide)

    bare, at = timed(traced, clock), f"{group.length} tokens"
    readings = {"raw map": attention_maps, "slot-pair split": slot_pairs}
    return {
        f"{name}, {at}": alternate(
            timed(lambda reading=reading: reading(checkpoint, rows), clock), bare, repeats
        )
        for name, reading in readings.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--checkpoint", default="sst2-n5")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--longer", type=int, default=12, help="texts of the long group, times over"
    )
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with results_file(options.json) as write:
        about = {"checkpoint": options.checkpoint, "threads": options.threads}
        about |= {"clock": options.clock, "torch": torch.__version__, "ratios": measured(options)}
        write(json_text(about, indent=1) + "\n")


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Print and return the ratios."""
    torch.set_num_threads(options.threads)
    checkpoint = load(options.checkpoint, device="cpu")
    repeats, clock = options.repeats, CLOCKS[options.clock]
    texts = SENTENCES[: checkpoint.config.num_instances]
    rows = [Row(text) for text in texts]
    longer = [Row(" ".join([text] * options.longer)) for text in texts]
    found = {f"cross-talk, {DRAWS} draws": crosstalk_cost(checkpoint, rows, repeats, clock)}
    found |= attention_cost(checkpoint, rows, repeats, clock)
    found |= attention_cost(checkpoint, longer, repeats, clock)
    for name, ratio in found.items():
        print(
            f"{name}: {ratio['ratio']:.2f} ({ratio['ratio_q1']:.2f} to {ratio['ratio_q3']:.2f}) "
            f"times the bare passes, {ratio['ours_s'] * 1e3:.0f} ms against "
            f"{ratio['bare_s'] * 1e3:.0f} ms of {options.clock} time, {ratio['repeats']} repeats"
        )
    return found


if __name__ == "__main__":
    try:
        main()
    except MuxvizError as error:
        raise SystemExit(f"{error} [{error.code}]") from error
