"""Five things that the bundled family shows, measured with the explorer's own analyses.

    python -m benchmarks.findings

Prints Markdown: what was found, in numbers, and the link (a path of the app) to the page that shows
it. Draws and seeds are the pages' defaults, so that a page shows the same numbers. Nothing here
says why; where a reason is suspected, the words say so.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import torch

from muxviz import load, pool
from muxviz.analysis.fidelity.agreement import accuracy
from muxviz.analysis.fidelity.capacity import bits
from muxviz.analysis.fidelity.recovery import pool_read_back
from muxviz.analysis.keys.mantel import keys_and_crosstalk
from muxviz.analysis.keys.matched_filter import matched_filter
from muxviz.analysis.layers.norms import layer_norms
from muxviz.analysis.map.separation import read_states
from muxviz.analysis.map.states import sample_states
from muxviz.batch import Row
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Shares

PLAIN, MIXED = "sst2-n1", ("sst2-n2", "sst2-n5", "sst2-n10")
ANOTHER = "sst2-n5-16k"  # of before the packed start: primed with read-back alone
NATS_A_BIT = float(np.log(2))


def share(found: Shares, at: tuple[int, ...] = ()) -> str:
    """Per cent with its 95 % interval."""
    value, low, high = (float(np.asarray(a)[at]) for a in (found.value, found.low, found.high))
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def where_attention_still_looks(family: dict[str, Checkpoint]) -> tuple[str, str]:
    """Attention entropy by layer, of all queries and of the one that is read."""
    rows = []
    for name in (PLAIN, *MIXED, ANOTHER):
        found = layer_norms(family[name], pool.texts())
        row = f"{name} {_shares(found.evenness)}"
        if found.read is not None:
            row += f" (the query that is read: {_shares(found.read)})"
        rows.append(row)
    return (
        "Whether a layer has stopped looking around shows at the query that is read. Attention "
        f"entropy, as a share of its maximum, by layer: {'; '.join(rows)}. {ANOTHER} answers from "
        "the mean of all positions, so no single query of it is told apart: heads of a layer near "
        "0 % look at one position, which is [CLS] (page Attention), and hand every position of "
        "every slot the same vector",
        f"/layers?m={MIXED[1]}",
    )


def _shares(looks: Estimates) -> str:
    return ", ".join(f"{100 * value:.0f} %" for value in looks.mean)


def read_but_not_understood(family: dict[str, Checkpoint]) -> tuple[str, str]:
    """Read-back and right answers on the same pool."""
    sentences = [s for s in pool.read_pool() if s.split == "pool"]
    texts, labels = [s.text for s in sentences], [s.label for s in sentences]
    plain = accuracy(family[PLAIN], texts, labels)
    rows = [
        f"{name} reads back {share(pool_read_back(family[name], texts).total)} of the tokens and "
        f"answers {share(accuracy(family[name], texts, labels).total)} right"
        for name in (*MIXED, ANOTHER)
    ]
    return (
        "Reading a sentence back is not understanding it. On random groups of the pool, "
        f"{'; '.join(rows)}; alone ({PLAIN}) {share(plain.total)} are right",
        f"/fidelity?m={MIXED[1]}&mb={ANOTHER}&f_scope=pool",
    )


def no_network_needed(family: dict[str, Checkpoint]) -> tuple[str, str]:
    """The matched filter against the model's own read-back."""
    rows = []
    for name in MIXED:
        num = family[name].config.num_instances
        own = [Row(text) for text in pool.texts()[:num]]
        found = matched_filter(family[name], own, pool=pool.texts())
        filtered, model = found.filtered, found.model
        assert model is not None, "the bundled models have a retrieval head"
        low, high = 100 * float(filtered.value.min()), 100 * float(filtered.value.max())
        theirs = 100 * float(np.mean(model.value))
        rows.append(f"{name} {low:.1f} to {high:.1f} % by slot (the model {theirs:.1f} %)")
    return (
        "Most of the reading needs no network: multiplying the mixture by a slot's own vector and "
        f"taking the nearest word reads {'; '.join(rows)}",
        f"/keys?m={MIXED[2]}",
    )


def capacity(family: dict[str, Checkpoint]) -> tuple[str, str]:
    """Bits a vector carries against N."""
    rows = []
    for name in MIXED:
        found = bits(family[name], pool.texts())
        total, low, high = (
            float(v) / NATS_A_BIT for v in (found.total.mean, found.total.low, found.total.high)
        )
        most = found.entropy / NATS_A_BIT * family[name].config.num_instances
        rows.append(f"{name} {total:.1f} ({low:.1f} to {high:.1f}) of at most {most:.1f}")
    return (
        "One vector carries nearly as many sentences' words as are put in. Bits a position, all "
        f"slots together, a lower bound: {'; '.join(rows)}",
        f"/fidelity?m={MIXED[2]}",
    )


def neighbours_come_and_go(family: dict[str, Checkpoint]) -> tuple[str, str]:
    """Variance by source along the way, and whether keys explain what is left."""
    checkpoint = family[MIXED[1]]
    sample = sample_states(checkpoint, [], pool=pool.texts())
    found = {reading.state: reading.shares.mean for reading in read_states(sample)}
    last = [name for name in found if name.startswith("layer")][-1]
    read = next(name for name in reversed(found))
    own = [Row(text) for text in pool.texts()[: checkpoint.config.num_instances]]
    leak = keys_and_crosstalk(checkpoint, own, pool=pool.texts())
    told = min(p for p in leak.p if not np.isnan(p))
    return (
        f"What belongs to the neighbours is large on the way and small at the end: in {MIXED[1]} "
        f"{100 * found[last][2]:.0f} % of the variance behind the last layer, "
        f"{100 * found[read][2]:.0f} % in the read-out, where {100 * found[read][0]:.0f} % is the "
        "sentence's own. Which pairs of slots still disturb each other is not told by the "
        f"likeness of their keys: the smallest of {len(leak.p)} Mantel p is {told:.2f}",
        f"/map?m={MIXED[1]}",
    )


FINDINGS: tuple[Callable[[dict[str, Checkpoint]], tuple[str, str]], ...] = (
    where_attention_still_looks,
    read_but_not_understood,
    no_network_needed,
    capacity,
    neighbours_come_and_go,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the findings, one numbered line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", type=int, help="number of one finding, 1 to 5")
    only = parser.parse_args(arguments).only
    torch.set_num_threads(1)
    family = {name: load(name) for name in (PLAIN, *MIXED, ANOTHER)}
    for number, finding in enumerate(FINDINGS, start=1):
        if only in (None, number):
            words, link = finding(family)
            print(f"{number}. {words}. `{link}`", flush=True)


if __name__ == "__main__":
    main()
