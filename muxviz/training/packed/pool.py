"""All rows of a packed start, kind by kind, and the order they are drawn in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from muxviz.errors import ConfigError, DataError
from muxviz.training.corpus import sample_sentences, text_rows
from muxviz.training.files import locate
from muxviz.training.packed.texts import compounds, exchanged, hold_out, unlabelled
from muxviz.training.recipe import Recipe, Stage
from muxviz.training.rows import JoinedRows, TokenRows
from muxviz.training.sampler import POOL, Sampler, Shuffles
from muxviz.training.tasks import LabelledRows, read_task, tokenise_task

KINDS = ("task", "compounds", "exchanged", "unlabelled")  # what the recipe's ``shares`` weigh
GENERAL = "general"  # the last kind, in steps of its own
USUAL_LENGTH = 32  # positions; a step of longer groups has fewer of them


@dataclass(frozen=True)
class Pool:
    """Rows of every kind under one numbering.

    ends: per kind where its rows end. held: rows kept out of training, to look at meanwhile, or
    None. unsure: kinds whose word labels only mark words. left_out: rows that equal one of the
    evaluation set, by kind.
    """

    rows: JoinedRows
    ends: dict[str, int]
    held: TokenRows | None
    unsure: tuple[str, ...]
    left_out: dict[str, int] = field(default_factory=dict)

    def numbers(self, kind: str) -> np.ndarray:
        """Row numbers of a kind."""
        kinds = list(self.ends)
        at = kinds.index(kind)
        begin = self.ends[kinds[at - 1]] if at else 0
        return np.arange(begin, self.ends[kind])


def make_pool(
    recipe: Recipe,
    data: Path,
    cache: Path,
    tokenizer: PreTrainedTokenizerBase,
    train: LabelledRows,
    dev: LabelledRows,
    length: int,
) -> Pool:
    """Read, make and tokenise everything that ``recipe`` names.

    Rows that equal a row of ``dev`` in letters and digits are left out, and so are those that
    equal one kept out of training, unless they are the task's own.
    """
    kept, apart = hold_out(train, recipe.packed.held_out, seed=recipe.data.data_seed)

    def tokens(rows: LabelledRows) -> TokenRows:
        return tokenise_task(tokenizer, rows, max_length=length)

    kinds: dict[str, list[TokenRows]] = {"task": [tokens(kept)]}
    if recipe.data.compounds:
        kinds["compounds"] = [
            tokens(compounds(kept, recipe.data.compounds, seed=recipe.data.data_seed))
        ]
    if recipe.packed.exchanged:
        kinds["exchanged"] = [
            tokens(exchanged(kept, recipe.packed.exchanged, seed=recipe.data.data_seed))
        ]
    others = [unlabelled(read_task(locate(data, name)), kept) for name in recipe.data.unlabelled]
    if any(rows.texts for rows in others):
        kinds["unlabelled"] = [tokens(rows) for rows in others if rows.texts]
    if recipe.data.general:
        kinds[GENERAL] = [_general(recipe, data, cache, tokenizer, kept, length)]
    held = tokens(apart) if recipe.packed.held_out else None
    banned = keys_of(tokens(dev), tokenizer)
    parts, ends, left_out = [], {}, {}
    for kind, found in kinds.items():
        seen = banned | (keys_of(held, tokenizer) if held and kind != "task" else set())
        clean = [without(rows, seen, tokenizer) for rows in found]
        parts += clean
        left_out[kind] = sum(map(len, found)) - sum(map(len, clean))
        ends[kind] = sum(map(len, parts))
    unsure = tuple(kind for kind in ("unlabelled", GENERAL) if kind in ends and kept.words)
    return Pool(JoinedRows(parts), ends, held, unsure, left_out)


def _general(
    recipe: Recipe,
    data: Path,
    cache: Path,
    tokenizer: PreTrainedTokenizerBase,
    like: LabelledRows,
    length: int,
) -> TokenRows:
    sources = [locate(data, name) for name in recipe.data.general]
    if not like.words:
        return text_rows(
            sources,
            tokenizer,
            max_length=length,
            packing=recipe.data.packing,  # type: ignore[arg-type]  # checked by Recipe
            cache=cache,
            limit=recipe.data.general_rows,
            seed=recipe.data.data_seed,
        )
    if not recipe.data.general_rows:
        raise ConfigError("general_rows is 0; a token task takes a sample, give its size")
    texts = sample_sentences(sources, limit=recipe.data.general_rows, seed=recipe.data.data_seed)
    none = (None,) * len(texts)
    rows = unlabelled(LabelledRows(tuple(texts), none, np.zeros(len(texts))), like)
    return tokenise_task(tokenizer, rows, max_length=length)


# ---- rows that stand in an evaluation set -------------------------------------------------------


def keys_of(rows: TokenRows, tokenizer: PreTrainedTokenizerBase) -> set[str]:
    """The letters and digits of every row, as one word each."""
    pieces = _letters(tokenizer)
    return {_key(rows, n, pieces) for n in range(len(rows))}


def without(rows: TokenRows, keys: set[str], tokenizer: PreTrainedTokenizerBase) -> TokenRows:
    """``rows`` less those whose letters and digits are among ``keys``."""
    pieces = _letters(tokenizer)
    kept = [n for n in range(len(rows)) if _key(rows, n, pieces) not in keys]
    if len(kept) == len(rows):
        return rows
    spans = [slice(rows.starts[n], rows.starts[n + 1]) for n in kept]

    def of(values: np.ndarray | None) -> np.ndarray | None:
        return (
            None if values is None else np.concatenate([values[s] for s in spans] or [values[:0]])
        )

    ids, tags = of(rows.ids), of(rows.token_labels)
    assert ids is not None
    starts = np.cumsum([0, *(s.stop - s.start for s in spans)])
    seconds = None if rows.pair_starts is None else rows.pair_starts[kept]
    return TokenRows(ids, starts, rows.labels[kept], token_labels=tags, pair_starts=seconds)


def _letters(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Per piece of the vocabulary its letters and digits, lower case; none of special tokens."""
    special = set(tokenizer.all_special_tokens)
    found = [""] * len(tokenizer)
    for piece, number in tokenizer.get_vocab().items():
        if piece not in special:
            found[number] = "".join(filter(str.isalnum, piece.casefold()))
    return found


def _key(rows: TokenRows, row: int, pieces: list[str]) -> str:
    begin, second, end = rows.starts[row], rows.starts[row + 1], rows.starts[row + 1]
    if rows.pair_starts is not None:
        second = begin + rows.pair_starts[row]
    first = "".join(pieces[i] for i in rows.ids[begin:second])
    return f"{first}\n{''.join(pieces[i] for i in rows.ids[second:end])}"


# ---- their order --------------------------------------------------------------------------------


class PoolSampler:
    """Which rows make up step s of a packed start; a pure function of the seed and the step.

    As in ``Sampler``, 40 steps are drawn at once, in half of the cases with like lengths in a
    group. Beside that every kind has its own share, general text has steps of its own
    (``general_share`` of them), and a step of groups longer than 32 positions has fewer groups, so
    that it costs about the same.
    """

    POOL_STEPS = Sampler.POOL_STEPS

    def __init__(
        self, pool: Pool, recipe: Recipe, stage: Stage, *, seed: int, shares: int = 1
    ) -> None:
        """Rows of ``pool`` for ``stage``; the groups of every step are a multiple of ``shares``.

        Raises:
            ConfigError: ``shares`` does not fit the kinds. DataError: ``min_tokens`` leaves no row.
        """
        self.lengths = pool.rows.lengths
        self.num, self.groups, self.least = recipe.num_instances, stage.groups, shares
        self.bucketed_share, self.seed = stage.bucketed_share, seed
        kinds = [kind for kind in KINDS if kind in pool.ends and len(pool.numbers(kind))]
        rows = {kind: pool.numbers(kind) for kind in kinds}
        rows["task"] = rows["task"][self.lengths[rows["task"]] >= stage.min_tokens]
        if not len(rows["task"]):
            raise DataError(f"no task row has {stage.min_tokens} tokens; lower min_tokens")
        wanted = recipe.packed.shares or tuple(float(len(rows[kind])) for kind in kinds)
        if len(wanted) != len(kinds):
            raise ConfigError(
                f"shares has {len(wanted)} numbers; this recipe has the kinds {', '.join(kinds)}: "
                "give one each, or none"
            )
        general = stage.general_share if GENERAL in pool.ends else 0.0
        self._general_steps = round(general * self.POOL_STEPS)
        drawn = (self.POOL_STEPS - self._general_steps) * self.groups * self.num
        ends = np.rint(np.cumsum(wanted) / sum(wanted) * drawn).astype(int)
        self._counts = np.diff(ends, prepend=0).tolist()
        self._shuffles = [Shuffles(rows[kind], seed, 10 + KINDS.index(kind)) for kind in kinds]
        if self._general_steps:
            self._shuffles.append(Shuffles(pool.numbers(GENERAL), seed, 10 + len(KINDS)))
            self._counts.append(self._general_steps * self.groups * self.num)
        self._cached: tuple[int, list[np.ndarray]] | None = None

    def step(self, step: int) -> np.ndarray:
        """Row numbers ``[groups, num_instances]`` of step ``step``; fewer groups of long rows."""
        number, at = divmod(step, self.POOL_STEPS)
        if self._cached is None or self._cached[0] != number:
            self._cached = (number, self._pool(number))
        return self._cached[1][at]

    def _pool(self, number: int) -> list[np.ndarray]:
        generator = np.random.default_rng((self.seed, POOL, number))
        drawn = [
            shuffles.take(number * count, count)
            for shuffles, count in zip(self._shuffles, self._counts, strict=True)
        ]
        buckets = generator.random() < self.bucketed_share
        steps = []
        if self._general_steps:
            steps += self._cut(drawn.pop(), True, generator)
        if drawn and sum(map(len, drawn)):
            steps += self._cut(np.concatenate(drawn), buckets, generator)
        return [steps[n] for n in generator.permutation(len(steps))]

    def _cut(
        self, rows: np.ndarray, buckets: bool, generator: np.random.Generator
    ) -> list[np.ndarray]:
        """Groups of ``rows``, and of those steps."""
        generator.shuffle(rows)
        if buckets:
            noise = generator.random(len(rows)) * 2
            rows = rows[np.argsort(self.lengths[rows] + noise, kind="stable")]
        grouped = generator.permuted(rows.reshape(-1, self.num), axis=1)
        longest = self.lengths[grouped].max(axis=1)
        order = np.argsort(longest, kind="stable")
        steps = []
        for own in order.reshape(-1, self.groups):
            room = self.groups * USUAL_LENGTH // max(USUAL_LENGTH, int(longest[own].max()))
            room = max(room // self.least, 1) * self.least
            taken = generator.permutation(self.groups)[:room]
            steps.append(grouped[own[np.sort(taken)]])
        return steps
