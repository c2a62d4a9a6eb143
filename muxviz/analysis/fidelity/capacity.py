"""How many bits of the tokens come through one vector.

    I[i] = H - NLL[i]   nats per position,   total = sum over slots

with H the entropy of the unigram distribution of the pool's tokens and NLL what the retrieval head
needs to name the own one: a lower bound of the mutual information between token and state (Barber
and Agakov 2003), because a better reader could only find more. Against N, the total is what one
vector carries. Left out: what a token tells about its neighbours in the text, so the sum over
positions is not bits per sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.fidelity.recovery import token_counts
from muxviz.analysis.groups.bootstrap import bootstrap_ratio, redrawn
from muxviz.analysis.groups.draws import Progress, need_draws, origin_of, pool_groups, until_stopped
from muxviz.analysis.groups.readback import need_retrieval, own_places, scores
from muxviz.batch import Seating
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Bits

FEWEST = 2  # groups that make a result


def bits(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    *,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Bits:
    """Nats per position that come through, per slot and in total, over random pool groups.

    Args:
        pool: sentences; entropy and chance are those of all their tokens.
        draws: groups of N, one multiplexed sequence each.

    Raises:
        NotApplicable: no retrieval head. InputError: fewer than two draws or no pool. Stopped: too
            early.
    """
    need_retrieval(checkpoint)
    need_draws(draws, pool, fewest=FEWEST)
    num = checkpoint.config.num_instances
    groups = pool_groups(checkpoint, pool, draws, seating)
    places = [own_places(checkpoint, group) for group in groups]
    nats, tokens, done = np.zeros((draws, num)), np.zeros((draws, num)), np.zeros(draws, dtype=bool)
    answers = scores(checkpoint, groups, places, progress)
    for number, answer in until_stopped(answers, fewest=FEWEST):
        np.add.at(nats[number], places[number].slots, -answer.log_prob)
        tokens[number] = np.bincount(places[number].slots, minlength=num)
        done[number] = True
    counts = token_counts(checkpoint, pool, padding=seating.padding)
    entropy = entropy_of(counts)
    slots, total = _through(nats[done], tokens[done], entropy, seating.seed)
    return Bits(
        slots=slots,
        total=total,
        entropy=entropy,
        corpus_tokens=int(counts.sum()),
        chance=float(counts.max() / counts.sum()),
        groups=int(done.sum()),
        pool=len(pool),
        is_partial=not done.all(),
        provenance=origin_of(checkpoint, groups, seating),
    )


def entropy_of(counts: np.ndarray) -> float:
    """Entropy of a distribution given by counts, nats."""
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _through(
    nats: np.ndarray, tokens: np.ndarray, entropy: float, seed: int
) -> tuple[Estimates, Estimates]:
    """Entropy less mean NLL, per slot ``[N]`` and summed ``[]``, from groups ``[K, N]``."""
    nll = bootstrap_ratio(nats, tokens, seed=seed)
    slots = Estimates(
        entropy - nll.mean, entropy - nll.high, entropy - nll.low, nll.draws, nll.seed
    )
    totals = (entropy - redrawn(nats, tokens, seed)).sum(axis=1)
    low, high = np.nanquantile(totals, (0.025, 0.975))
    mean = np.asarray(slots.mean.sum())
    return slots, Estimates(mean, np.asarray(low), np.asarray(high), nll.draws, nll.seed)
