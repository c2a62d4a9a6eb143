"""The price of sharing: one family of N = 5 models from rooms of one's own to one shared room.

    python -m benchmarks.sharing [CHECKPOINT ...]

Prints a Markdown table, one line a model: accuracy and read-back from its card (five groupings of
the dev set), the rest measured here on random groups of the pool, seed 0. Nothing says why.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import torch

from muxviz import load, pool
from muxviz.analysis.crosstalk.leaks import hard
from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.layers.entanglement import entanglement_spectrum
from muxviz.analysis.layers.norms import layer_norms
from muxviz.batch import Row
from muxviz.loading.checkpoint import Checkpoint

FAMILY = (
    "sst2-n5",
    "sst2-n5-turned",
    "sst2-n5-shared-25",
    "sst2-n5-shared-50",
    "sst2-n5-shared-100",
)
GROUPS, DRAWS = 12, 16  # of the swap test: groups, and sentences put in place of each slot's
HEAD = (
    "| model | sharing | dev accuracy | read-back: dev, general | hard leaks, % of tokens | "
    "exchanging one neighbour: nats, answers changed | interaction by level | "
    "attention at [CLS] by layer |"
)


def line(checkpoint: Checkpoint) -> str:
    """One model's row."""
    card, num = checkpoint.card, checkpoint.config.num_instances
    measured = card["measured"]
    dev, general = measured["dev"], measured["general"]
    texts = pool.texts()
    leaks = hard(checkpoint, pool=texts)
    leaked = leaks.excess.mean[~np.eye(num, dtype=bool)].reshape(num, -1).sum(axis=1).mean()
    nats, changed = swapped(checkpoint, texts)
    spectrum = entanglement_spectrum(checkpoint, texts)
    read = layer_norms(checkpoint, texts).read
    assert read is not None, "these models are read at [CLS]"
    cells = (
        checkpoint.name,
        f"{card['run']['packed'].get('sharing', 0.0):g}",
        f"{dev['accuracy']['mean']:.4f} ± {dev['accuracy']['std']:.4f}",
        ", ".join(f"{part['retrieval_accuracy']['value']:.4f}" for part in (dev, general)),
        f"{100 * leaked:.3f}",
        f"{nats:.4f}, {100 * changed:.1f} %",
        ", ".join(f"{round(100 * v)} %" for v in spectrum.interaction.mean),
        ", ".join(f"{round(100 * v)} %" for v in read.mean),
    )
    return f"| {' | '.join(cells)} |"


def swapped(checkpoint: Checkpoint, texts: Sequence[str]) -> tuple[float, float]:
    """Divergence of a slot's answer and share of answers that change where one other slot's
    sentence is exchanged: means over pairs of slots, draws and groups.
    """
    num = checkpoint.config.num_instances
    off = ~np.eye(num, dtype=bool)
    order = np.random.default_rng(0).permutation(len(texts))
    nats, changed = [], []
    for group in order[: GROUPS * num].reshape(GROUPS, num):
        rows = [Row(texts[n]) for n in group]
        found = measure_crosstalk(checkpoint, rows, pool=texts, draws=DRAWS)
        nats.append(found.js.cells.mean[off].mean())
        changed.append(found.changed[:, off].mean())
    return float(np.mean(nats)), float(np.mean(changed))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(HEAD, "|---" * HEAD.count(" | ") + "|---|", sep="\n")
    for name in (sys.argv[1:] if arguments is None else arguments) or FAMILY:
        print(line(load(name, device="cpu")), flush=True)


if __name__ == "__main__":
    main()
