"""What a reader of the mixed vectors gets back, with the keys and without."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.results.fidelity import Shares
from muxviz.results.group import Provenance

READERS = {  # in the order of ``Audit.shares``
    "keys": "with the model and its keys",
    "wrong": "with the model, reading by another slot's key",
    "random": "with the model and random keys",
    "probe": "without model or keys: a linear map fitted on known groups, and the word vectors",
}


@dataclass(frozen=True)
class Audit:
    """Share of tokens that each reader names rightly, in groups that no reader has seen.

    shares: ``[4]`` in the order of ``READERS``, Wilson over sentences. chance: share that always
    naming the pool's most frequent token would get. known_groups, known_tokens: groups, and tokens
    of one slot, that the linear map was fitted on.
    """

    shares: Shares
    chance: float
    groups: int
    known_groups: int
    known_tokens: int
    provenance: Provenance


@dataclass(frozen=True)
class Audits:
    """Audits of several checkpoints."""

    each: tuple[Audit, ...]
