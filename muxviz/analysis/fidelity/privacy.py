"""Is mixing a lock? What is read from mixed vectors with the keys, with wrong ones, and with none.

A reader without the model has seen its table of word vectors, and other groups together with their
sentences. From these it fits a linear map from the mixture at a position to the word vector of a
slot's token there, and names the word whose vector is nearest by angle. Source: our definition
(docs/quantities.md, "Read without keys").
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch

from muxviz.analysis.fidelity.recovery import token_counts
from muxviz.analysis.groups.draws import batches, origin_of, pool_groups
from muxviz.analysis.groups.layer_states import prepared_of
from muxviz.analysis.groups.readback import Places, need_retrieval, own_places, scores
from muxviz.analysis.groups.shares import shares
from muxviz.batch import Group, Seating
from muxviz.errors import NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.demultiplexer import RSADemultiplexer
from muxviz.results.privacy import Audit

PENALTY = 1e-3  # of the ridge, as a share of the mean variance of the mixture's numbers


def audit(
    checkpoint: Checkpoint,
    known: Sequence[str],
    pool: Sequence[str],
    *,
    known_draws: int = 256,
    draws: int = 64,
    seating: Seating = Seating(),
) -> Audit:
    """Tokens named by four readers of the same groups; see ``muxviz.results.privacy``.

    Costs three passes a group and one of every known group. A linear map is the weakest attack
    worth the name: what it does not read is not safe.

    Args:
        checkpoint: not modified.
        known: sentences of the groups that the linear map is fitted on.
        pool: sentences of the groups that are read; they should share none with ``known``.
        known_draws, draws: groups of each.
        seating: how rows become groups; its seed is of all draws.

    Raises:
        NotApplicable: no retrieval head, no keys as numbers of their own, or one slot.
    """
    need_retrieval(checkpoint)
    demux = checkpoint.model.demultiplexer
    if type(demux) is not RSADemultiplexer or checkpoint.config.num_instances < 2:
        raise NotApplicable("not applicable: this checkpoint has no keys as numbers of their own")
    groups = pool_groups(checkpoint, pool, draws, seating)
    seen = pool_groups(checkpoint, known, known_draws, replace(seating, seed=seating.seed + 1))
    generator = np.random.default_rng(seating.seed)
    drawn = generator.normal(float(demux.keys.mean()), float(demux.keys.std()), demux.keys.shape)
    keys = (
        demux.keys,
        demux.keys.roll(1, dims=0),
        torch.from_numpy(drawn).to(demux.keys),
    )
    named = [_read(_with_keys(checkpoint, one), groups) for one in keys]
    guessed, tokens = _probed(checkpoint, seen, groups)
    hits, trials = _by_sentence(checkpoint, groups, [*named, guessed])
    counts = token_counts(checkpoint, pool, padding=seating.padding)
    return Audit(
        shares(hits, trials),
        float(counts.max() / counts.sum()),
        len(groups),
        len(seen),
        tokens,
        origin_of(checkpoint, groups, seating, fill="pool"),
    )


def _with_keys(checkpoint: Checkpoint, keys: torch.Tensor) -> Checkpoint:
    """The same with other keys; the model given stays as it is."""
    model = deepcopy(checkpoint.model)
    demux = model.demultiplexer
    assert isinstance(demux, RSADemultiplexer), "checked by audit"
    with torch.no_grad():
        demux.keys.copy_(keys)
    return replace(checkpoint, model=model)


def _read(checkpoint: Checkpoint, groups: Sequence[Group]) -> list[np.ndarray]:
    """Token ids named at every counted place, group by group."""
    places = [own_places(checkpoint, group) for group in groups]
    found = dict(scores(checkpoint, groups, places))
    return [found[number].read for number in range(len(groups))]


def _probed(
    checkpoint: Checkpoint, seen: Sequence[Group], groups: Sequence[Group]
) -> tuple[list[np.ndarray], int]:
    """The same by linear maps, one a slot; and tokens of a slot that a map was fitted on."""
    words = checkpoint.model.embeddings.word_embeddings.weight.detach().float().cpu().numpy()
    middle = words.mean(axis=0)
    table = words - middle
    table = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    fitted, read = _mixtures(checkpoint, seen), _mixtures(checkpoint, groups)
    places = [[own_places(checkpoint, group) for group in part] for part in (seen, groups)]
    found = [np.full(len(own.slots), -1) for own in places[1]]
    sizes = []
    for slot in range(checkpoint.config.num_instances):
        x, tokens = _of_slot(fitted, places[0], slot)
        mean = x.mean(axis=0)
        inside = (x - mean).T @ (x - mean)
        ridge = PENALTY * np.trace(inside) / len(inside) * np.eye(len(inside))
        map_ = np.linalg.solve(inside + ridge, (x - mean).T @ (words[tokens] - middle))
        sizes.append(len(tokens))
        for number, own in enumerate(places[1]):
            at = np.nonzero(own.slots == slot)[0]
            guess = (read[number][own.positions[at]] - mean) @ map_
            found[number][at] = (guess @ table.T).argmax(axis=1)
    return found, int(np.mean(sizes))


def _mixtures(checkpoint: Checkpoint, groups: Sequence[Group]) -> list[np.ndarray]:
    """The mixture of every group without its prefix, ``[L, E]`` each."""
    found: dict[int, np.ndarray] = {}
    for batch in batches(checkpoint, groups, None):
        prepared = prepared_of(checkpoint, batch)
        with torch.inference_mode():
            mixed = checkpoint.model.walk(prepared, hide_padding=batch.hide_padding).mixture
        for at, number in enumerate(batch.numbers):
            found[number] = mixed[at, prepared.prefix :].float().cpu().numpy()
    return [found[number] for number in range(len(groups))]


def _of_slot(
    mixtures: Sequence[np.ndarray], places: Sequence[Places], slot: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mixtures ``[P, E]`` and token ids ``[P]`` where a slot's token counts."""
    x, tokens = [], []
    for mixture, own in zip(mixtures, places, strict=True):
        at = own.slots == slot
        x.append(mixture[own.positions[at]])
        tokens.append(own.tokens[at])
    return np.concatenate(x).astype(np.float64), np.concatenate(tokens)


def _by_sentence(
    checkpoint: Checkpoint, groups: Sequence[Group], readers: Sequence[Sequence[np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens named rightly and tokens, ``[M * N, readers]``."""
    num = checkpoint.config.num_instances
    hits = np.zeros((len(groups) * num, len(readers)))
    trials = np.zeros_like(hits)
    for number, group in enumerate(groups):
        own = own_places(checkpoint, group)
        np.add.at(trials, number * num + own.slots, 1)
        for k, named in enumerate(readers):
            np.add.at(hits[:, k], number * num + own.slots, named[number] == own.tokens)
    return hits, trials
