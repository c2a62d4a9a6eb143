"""The evaluation as published: several random groupings, each scored, with spread and intervals."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from muxviz.batch import EncodedRow, Row, encode_rows
from muxviz.engine.chain import Chain
from muxviz.engine.engine import Engine
from muxviz.errors import DataError, InputError, NotApplicable
from muxviz.evaluation.intervals import bootstrap, ratio, row_weights, share_interval, wilson
from muxviz.evaluation.metrics import Metric, choose_metrics, headline
from muxviz.evaluation.passes import Answers, Units, Way, run_grouping
from muxviz.evaluation.sources import check_task, has_labels
from muxviz.inference import provenance
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.meaning import meaning
from muxviz.results import Evaluation, Proportion, Slots, Spread
from muxviz.training.tasks import LabelledRows


def evaluate(
    checkpoint: Checkpoint,
    data: LabelledRows,
    *,
    name: str,
    groupings: int = 5,
    seed: int = 0,
    copies: int | None = 1,
    metric: str | None = None,
    padding: str | None = None,
    batch: int = 32,
    engine: Engine | Chain | None = None,
    elsewhere: Callable[[Sequence[int]], Iterator[Answers]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Scores and read-back over ``groupings`` random groupings of all rows.

    Which texts share a pass changes the answers, so one number without a spread would mislead.
    The metrics are those of the checkpoint's task; see ``metrics.choose_metrics``.

    Args:
        checkpoint: not modified.
        data: all rows labelled, or none (then only read-back is measured).
        name: what to call the data in the result, such as ``sst2/dev.tsv.gz``.
        groupings: how many; grouping g uses seed ``seed + g``.
        copies: of each row, shuffled over the groups, their logits averaged; costs that many times
            the passes. None for N.
        metric: the headline one; None for the task's usual one.
        padding: None for the checkpoint's default.
        batch: groups per forward.
        engine: of the checkpoint; None: torch, in the checkpoint's precision. A chain begins with
            it and asks some rows again; metrics are then of what it answers in the end, slots and
            read-back of the first model.
        elsewhere: runs the groupings of the seeds it is given (``evaluation.apart``); None here.
        progress: called with groups done and groups in all.

    Raises:
        NotApplicable: data of another kind of task; or no labels and no retrieval head.
        InputError: fewer than one grouping or copy, or a metric that this task does not have.
        DataError: only some rows have labels.
    """
    started = time.perf_counter()
    copies = checkpoint.config.num_instances if copies is None else copies
    if groupings < 1 or copies < 1:
        raise InputError(f"{groupings} groupings of {copies} copies; give at least one of each")
    chosen = _choose(checkpoint, data, name)
    chain = engine if isinstance(engine, Chain) else None
    if chain is not None and not chosen:
        raise NotApplicable(f"not applicable: {name} has no labels, so no answer can be compared")
    primary = headline(chosen, name, metric) if chosen else ""
    encoded, units = _prepared(checkpoint, data, padding, is_scored=bool(chosen))
    seeds = tuple(range(seed, seed + groupings))
    if elsewhere is None:
        way = Way(copies, padding, batch)
        answers = list(_groupings(checkpoint, encoded, units, way, seeds, progress, engine))
    else:
        answers = []
        per_grouping = -(-len(encoded) * copies // checkpoint.config.num_instances)
        for found in elsewhere(seeds):
            answers.append(found)
            if progress is not None:
                progress(len(answers) * per_grouping, groupings * per_grouping)
    weights = row_weights(len(encoded))
    metrics = {m.name: _score(m, units, answers, weights) for m in chosen}
    return Evaluation(
        data=name,
        task=checkpoint.config.task,
        rows=len(encoded),
        units=len(encoded) if units.targets is None else sum(len(t) for t in units.targets),
        cut_rows=sum(row.cut_tokens > 0 for row in encoded),
        cut_words=sum(start < 0 for row in encoded for start in row.word_starts),
        groupings=groupings,
        seeds=seeds,
        copies=copies,
        metrics=metrics,
        primary=primary,
        slots=_slots([(a.hits, a.tried) for a in answers], weights),
        read_back=_shares([(a.read, a.tokens) for a in answers], weights),
        read_slots=_slots([(a.read, a.tokens) for a in answers], weights),
        forward_passes=answers[0].passes,
        elapsed_s=time.perf_counter() - started,
        provenance=provenance(
            checkpoint,
            padding=padding or checkpoint.config.default_padding,
            length=max(a.longest for a in answers),
            seed=seed,
            computes="" if engine is None else engine.computes,
        ),
        notes=(
            *data.notes,
            *_notes_on_labels(checkpoint, data),
            *_notes_on_rows(encoded),
            *_notes_on_copies(copies, answers),
            *_notes_on_chain(chain, answers, units),
            *_notes_on_metrics(chosen, metrics),
        ),
    )


def grouping_runner(
    checkpoint: Checkpoint,
    data: LabelledRows,
    *,
    copies: int | None,
    padding: str | None,
    batch: int,
    engine: Engine | Chain | None = None,
) -> Callable[[int], Answers]:
    """What runs the grouping of one seed, with everything that groupings share done once."""
    encoded, units = _prepared(checkpoint, data, padding, is_scored=has_labels(data))
    num = checkpoint.config.num_instances
    way = Way(num if copies is None else copies, padding, batch)

    def run(seed: int) -> Answers:
        return run_grouping(
            checkpoint, encoded, units, way, seed=seed, done=lambda groups: None, engine=engine
        )

    return run


def _prepared(
    checkpoint: Checkpoint, data: LabelledRows, padding: str | None, *, is_scored: bool
) -> tuple[list[EncodedRow], Units]:
    """The rows as tokens, and what of them is scored."""
    words = data.words or ((),) * len(data.texts)
    rows = [Row(*row) for row in zip(data.texts, data.pairs, words, strict=True)]
    encoded = encode_rows(checkpoint, rows, padding=padding, keep_bad=True)
    for number, row in enumerate(encoded, start=1):
        if row.why_not:
            raise InputError(f"{data.source or 'the data'}, row {number} {row.why_not}")
    return encoded, _units(data, encoded) if is_scored else Units(None, None)


def _choose(checkpoint: Checkpoint, data: LabelledRows, name: str) -> tuple[Metric, ...]:
    """The metrics of labelled data; none where only read-back can be measured."""
    if has_labels(data):
        check_task(checkpoint, data, name)
        is_pair = any(pair is not None for pair in data.pairs)
        config = checkpoint.config
        return choose_metrics(config.task, config.labels, is_pair=is_pair, tags=data.word_labels)
    if checkpoint.model.retrieval_head is None:
        raise NotApplicable(
            f"not applicable: {name} has no labels and {checkpoint.name} no retrieval head, so "
            "there is nothing to measure"
        )
    return ()


def _groupings(
    checkpoint: Checkpoint,
    encoded: Sequence[EncodedRow],
    units: Units,
    way: Way,
    seeds: Sequence[int],
    progress: Callable[[int, int], None] | None,
    engine: Engine | Chain | None,
) -> Iterator[Answers]:
    done = 0
    total = len(seeds) * -(-len(encoded) * way.copies // checkpoint.config.num_instances)

    def count(groups: int) -> None:
        nonlocal done
        done += groups
        if progress is not None:
            progress(done, total)

    for seed in seeds:
        yield run_grouping(checkpoint, encoded, units, way, seed=seed, done=count, engine=engine)


def _units(data: LabelledRows, encoded: Sequence[EncodedRow]) -> Units:
    """What is scored: rows, or the words that have a label and still have a token."""
    if not data.words:
        return Units(None, [label[None] for label in data.labels])
    places, targets = [], []
    for row, labels in zip(encoded, data.word_labels, strict=True):
        starts = np.asarray(row.word_starts)
        kept = (starts >= 0) & (labels >= 0)
        places.append(starts[kept])
        targets.append(labels[kept])
    if not sum(len(t) for t in targets):
        raise DataError("no labelled word has a token; check the words and the tokenizer")
    return Units(places, targets)


def _score(metric: Metric, units: Units, answers: Sequence[Answers], weights: np.ndarray) -> Spread:
    assert units.targets is not None, "there are labels"
    true = units.targets
    values = np.asarray([metric.score(true, a.given) for a in answers])
    if np.isnan(values).any():
        return Spread(values)
    if metric.name == "accuracy" and all(len(t) == 1 for t in true):
        return Spread(values, *wilson(float(values.mean()), len(true)))
    if metric.name == "accuracy":
        hits = [[(t == g).sum() for t, g in zip(true, a.given, strict=True)] for a in answers]
        tried = np.asarray([len(t) for t in true]) * len(answers)
        return Spread(values, *share_interval(np.sum(hits, axis=0), tried, weights))
    redraws = [partial(metric.redraw, true, a.given) for a in answers]
    return Spread(values, *bootstrap(redraws, weights))


Counts = Sequence[tuple[np.ndarray, np.ndarray]]  # per grouping: hits and trials [rows, N]


def _shares(counts: Counts, weights: np.ndarray) -> Spread | None:
    """The share of hits in every grouping, all slots together; None without a trial."""
    hits, trials = (np.stack(part).sum(axis=2) for part in zip(*counts, strict=True))
    if not trials.sum():
        return None
    found = share_interval(hits.sum(axis=0), trials.sum(axis=0), weights)
    return Spread(ratio(hits.sum(axis=1), trials.sum(axis=1)), *found)


def _slots(counts: Counts, weights: np.ndarray) -> Slots | None:
    """The share of hits in every slot, all groupings together; None without a trial."""
    hits, trials = (np.sum(part, axis=0) for part in zip(*counts, strict=True))
    if not trials.sum():
        return None
    return Slots(
        tuple(
            Proportion(int(h), int(t))
            for h, t in zip(hits.sum(axis=0), trials.sum(axis=0), strict=True)
        ),
        tuple(
            share_interval(hits[:, slot], trials[:, slot], weights)[0]
            for slot in range(hits.shape[1])
        ),
    )


# ---- what a reader of the numbers must know ---------------------------------------------------


def _notes_on_rows(encoded: Sequence[EncodedRow]) -> Iterator[str]:
    long = sum(row.cut_tokens > 0 for row in encoded)
    if long:
        yield f"Rows cut to the model's room: {long} of {len(encoded)}."
    lost = sum(start < 0 for row in encoded for start in row.word_starts)
    if lost:
        yield f"Words without a token (cut off, or empty), not scored: {lost}."


def _notes_on_labels(checkpoint: Checkpoint, data: LabelledRows) -> Iterator[str]:
    """Classes of the model that the data never ask for."""
    if not meaning(checkpoint.config).is_right_or_wrong or not has_labels(data):
        return
    if data.labels.ndim == 2:
        used = np.flatnonzero(data.labels.any(axis=0))
    else:
        used = np.unique(np.concatenate(data.word_labels) if data.words else data.labels)
    labels = checkpoint.config.labels
    names = [label for at, label in enumerate(labels) if at not in used]
    if names:
        shown = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
        yield (
            f"No row has the label {shown}: {len(names)} of the model's {len(labels)} are not "
            "asked for."
        )


def _notes_on_copies(copies: int, answers: Sequence[Answers]) -> Iterator[str]:
    if copies > 1:
        yield (
            f"Ensembling: logits averaged over {copies} copies of each row, at {copies} times the "
            f"passes; {sum(a.shared for a in answers)} groups held two or more copies of one row."
        )


def _notes_on_chain(chain: Chain | None, answers: Sequence[Answers], units: Units) -> Iterator[str]:
    """Who answered in the end, and what the first model alone would have had."""
    if chain is None or units.targets is None:
        return
    by = sum((Counter(a.by) for a in answers), Counter[str]())
    told = (f"{by[e.name] / by.total():.1%} {e.name}" for e in chain.engines)
    true = np.concatenate(units.targets)
    first = np.mean([np.concatenate(a.first) == true for a in answers])
    yield f"{chain.name}. Answered in the end by: {', '.join(told)}."
    yield f"The first model alone: accuracy {first:.4f}; slots, read-back and passes are its own."


def _notes_on_metrics(chosen: Sequence[Metric], metrics: dict[str, Spread]) -> Iterator[str]:
    yield from (metric.note for metric in chosen if metric.note)
    for metric in chosen:
        spread = metrics[metric.name]
        missing = int(np.isnan(spread.values).sum())
        if missing:
            yield (
                f"{metric.name} is not defined in {missing} of {len(spread.values)} groupings: "
                f"{metric.undefined}."
            )
        elif spread.interval is None:
            yield f"{metric.name} has no interval: every redraw of the rows gives the same."
