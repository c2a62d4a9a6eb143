"""What the analyses cost beside the bare passes that they need: ratios in one run, with spread.

    python -m benchmarks.explore_cost --checkpoint sst2-n5 --repeats 9

1. Cross-talk with 64 draws against the forward passes of its groups, stacked in batches of 32.
2. The raw attention map of a group (reading 1) against one traced pass with attention maps.
3. The exact slot-pair split of the first layer (reading 2) against the same.

Medians with quartiles over alternating repeats, after one uncounted pair.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.first_light import SENTENCES, alternate
from muxviz import load, pool
from muxviz.analysis.attention import attention_maps, slot_pairs
from muxviz.analysis.crosstalk import measure_crosstalk
from muxviz.analysis.draws import base_group
from muxviz.analysis.swaps import encoded, exchanged, other_sentences
from muxviz.batch import Row
from muxviz.inference import forward_groups, group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.tracing import trace

DRAWS = 64


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """``call`` as something that returns its seconds."""

    def run() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return run


def crosstalk_cost(checkpoint: Checkpoint, rows: list[Row], repeats: int) -> dict[str, float]:
    """The whole analysis, draws and bootstrap included, against its bare passes."""
    sentences = pool.texts()
    group = base_group(checkpoint, rows)
    left = other_sentences(group, sentences)
    order = np.random.default_rng(0).permutation(len(left))[:DRAWS]
    new = encoded(checkpoint, [left[i] for i in order], group)
    num = checkpoint.config.num_instances
    groups = [exchanged(checkpoint.config, group, {j: row}) for row in new for j in range(num)]
    return alternate(
        timed(lambda: measure_crosstalk(checkpoint, rows, pool=sentences, draws=DRAWS)),
        timed(lambda: forward_groups(checkpoint, groups)),
        repeats,
    )


def attention_cost(
    checkpoint: Checkpoint, rows: list[Row], repeats: int
) -> dict[str, dict[str, float]]:
    """Readings 1 and 2 against one traced pass."""
    group = base_group(checkpoint, rows)
    ids, mask, types = group_tensors(checkpoint, [group])
    bare = timed(lambda: trace(checkpoint.model, ids, mask, token_type_ids=types))
    return {
        "raw map": alternate(timed(lambda: attention_maps(checkpoint, rows)), bare, repeats),
        "slot-pair split": alternate(timed(lambda: slot_pairs(checkpoint, rows)), bare, repeats),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--checkpoint", default="sst2-n5")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = load(options.checkpoint, device="cpu")
    rows = [Row(text) for text in SENTENCES]
    found = {f"cross-talk, {DRAWS} draws": crosstalk_cost(checkpoint, rows, options.repeats)}
    found |= attention_cost(checkpoint, rows, options.repeats)
    for name, ratio in found.items():
        print(
            f"{name}: {ratio['ratio']:.2f} ({ratio['ratio_q1']:.2f} to {ratio['ratio_q3']:.2f}) "
            f"times the bare passes, {ratio['repeats']} repeats"
        )
    if options.json:
        about = {"checkpoint": options.checkpoint, "threads": options.threads}
        about |= {"torch": torch.__version__, "ratios": found}
        options.json.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
