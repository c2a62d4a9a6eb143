"""Read-back of every slot and the hard leak matrix, from one traced group.

Definitions. A position t of slot i is counted when its token is real and not a special one.
Read-back accuracy of slot i = share of counted positions whose own token is the most probable one.
Leak C[i, j] = share of counted positions of slot i whose most probable token is not its own but is
held by slot j at t (split evenly between several such j); the rest of the wrong ones is "other".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from muxviz.results import Leak, LeakExample, TokenReading

if TYPE_CHECKING:
    from muxviz.tracing import RetrievalScores


def token_readings(
    tokenizer: Any,
    ids: Sequence[Sequence[int]],
    counted: Sequence[np.ndarray],
    scores: RetrievalScores,
    *,
    index: int,
    prefix: int,
) -> list[TokenReading]:
    """What is read back from every slot of group ``index``, token by token.

    Args:
        tokenizer: turns ids into tokens.
        ids: of each slot, without padding.
        counted: for each slot, which of its tokens count ``[tokens]``.
        scores: of the trace, ``[B, N, T]``.
        index: the group's number in the batch.
        prefix: positions before the tokens.
    """
    tokens = slice(prefix, None)
    read = scores.read[index, :, tokens].cpu().numpy()
    read_log_prob = scores.read_log_prob[index, :, tokens].float().cpu().numpy()
    true = scores.true_log_prob[index, :, tokens].float().cpu().numpy()
    rank = scores.rank[index, :, tokens].cpu().numpy()
    readings = []
    for slot, own in enumerate(ids):
        size = min(len(own), read.shape[1])
        readings.append(
            TokenReading(
                tokens=token_names(tokenizer, own[:size]),
                read=token_names(tokenizer, read[slot, :size].tolist()),
                true_log_prob=true[slot, :size],
                read_log_prob=read_log_prob[slot, :size],
                rank=rank[slot, :size],
                is_counted=counted[slot][:size],
            )
        )
    return readings


def token_names(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """Tokens of ids; ``[id 512]`` for one the tokenizer does not know but the model does."""
    names = tokenizer.convert_ids_to_tokens(list(ids))
    return tuple(f"[id {i}]" if n is None else n for i, n in zip(ids, names, strict=True))


def leak_matrix(
    ids: np.ndarray, mask: np.ndarray, counted: np.ndarray, read: np.ndarray, tokens: Sequence[Any]
) -> Leak:
    """The hard leak matrix of one group.

    Args:
        ids, mask: ``[N, L]`` of the group. counted: ``[N, L]`` bool, which positions count.
        read: ``[N, L]`` most probable token ids. tokens: id -> token, for the examples.

    Returns:
        Shares over all counted positions, over those within every slot's text, and past the
        shortest text.
    """
    num, length = ids.shape
    credit = np.zeros((num, length, num + 1))
    examples = []
    for slot, position in zip(*np.nonzero(counted), strict=True):
        token = read[slot, position]
        if token == ids[slot, position]:
            credit[slot, position, slot] = 1
            continue
        holders = np.nonzero((ids[:, position] == token) & (mask[:, position] == 1))[0]
        if len(holders):
            credit[slot, position, holders] = 1 / len(holders)
        else:
            credit[slot, position, num] = 1
        examples += [
            LeakExample(
                int(slot), int(j), int(position), *_names(tokens, ids[slot, position], token)
            )
            for j in holders
        ]
    shortest = int(mask.sum(axis=1).min())
    common = np.arange(length) < shortest
    return Leak(
        *_shares(credit, counted),
        *_shares(credit, counted & common),
        *_shares(credit, counted & ~common),
        tuple(examples),
    )


def _names(tokens: Sequence[Any], own: int, read: int) -> tuple[str, str]:
    return str(tokens[int(own)]), str(tokens[int(read)])


def _shares(credit: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of shares ``[N, N + 1]`` (NaN without positions) and counts ``[N]``."""
    positions = counted.sum(axis=1)
    total = (credit * counted[:, :, None]).sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = total / positions[:, None]
    return np.where(positions[:, None] > 0, shares, np.nan), positions
