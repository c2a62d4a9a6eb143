"""Temperatures and thresholds: what makes of an answer's probability how often it is right.

A temperature is fitted on rows that are not those it is judged by. A card's comes from the part of
the training rows that the last stage left out for having few tokens, and is judged on the dev set:
of rows that it was trained on a model is too sure, and a temperature from them mends nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from muxviz.batch import EncodedRow, Row, Seating, encode_rows, make_group
from muxviz.certainty import expected_error, fit_temperature
from muxviz.engine.chain import TASK, Chain, Step
from muxviz.engine.engine import Engine
from muxviz.errors import DataError, InputError, NotApplicable
from muxviz.evaluation.sources import check_task, has_labels, read_data
from muxviz.files import real_number, whole_number
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results import LabelAnswer
from muxviz.training.files import Source, is_hub, locate
from muxviz.training.tasks import LabelledRows

ROWS = 2000  # drawn from a labelled file to fit on
FEWEST = 50
SEED = 0  # of that draw, and of the groups
GROUPINGS = 5  # of the dev set, where N is more than 1
DECIMALS = 6  # of what is fitted: a run that goes on must find the same again
JUDGED = ("accuracy", "certainty_before", "certainty_after", "ece_before", "ece_after")


def scores_of(
    engine: Engine, rows: list[EncodedRow], *, seed: int = SEED, batch: int = 32
) -> np.ndarray:
    """Log-probabilities ``[R, C]`` of rows in random groups; the last group is filled up.

    Raises:
        NotFinite: logits that are not numbers.
    """
    config = engine.checkpoint.config
    order = np.random.default_rng(seed).permutation(len(rows))
    starts = range(0, len(rows), config.num_instances)
    seats = [order[start : start + config.num_instances] for start in starts]
    groups = [make_group(config, [rows[i] for i in s], Seating(seed=seed)) for s in seats]
    found = np.zeros((len(rows), config.num_labels))
    for seat, own in zip(seats, engine.answers(groups, batch=batch), strict=True):
        for row, answer in zip(seat, own, strict=True):
            assert isinstance(answer, LabelAnswer), "the task is checked"
            found[row] = np.log(np.maximum(answer.probabilities.astype(np.float64), 1e-45))
    return found


def drawn(
    checkpoint: Checkpoint, data: LabelledRows, *, below: int = 0, most: int = ROWS
) -> LabelledRows:
    """At most ``most`` labelled rows by chance, of fewer than ``below`` tokens (0: of any).

    Raises:
        NotApplicable: data of another task. DataError: too few rows, or none labelled.
    """
    name = data.source or "the data"
    check_task(checkpoint, data, name)
    if not has_labels(data):
        raise DataError(f"{name} has no labels; a temperature needs labelled rows")
    order = np.random.default_rng(SEED).permutation(len(data.texts))
    kept: list[int] = []
    for start in range(0, len(order), ROWS):
        if len(kept) >= most:
            break
        piece = [int(i) for i in order[start : start + ROWS]]
        encoded = encode_rows(
            checkpoint, [Row(data.texts[i], data.pairs[i]) for i in piece], keep_bad=True
        )
        kept += [
            i
            for i, row in zip(piece, encoded, strict=True)
            if not row.why_not and (len(row.ids) < below or not below)
        ]
    kept = kept[:most]
    if len(kept) < FEWEST:
        raise DataError(f"{name} has {len(kept)} rows to fit on; give {FEWEST} at least")
    return replace(
        data,
        texts=tuple(data.texts[i] for i in kept),
        pairs=tuple(data.pairs[i] for i in kept),
        labels=data.labels[kept],
    )


def least_tokens(checkpoint: Checkpoint) -> int:
    """The fewest tokens of a task row that the recipe's last stage trained on."""
    stages = _recipe(checkpoint).get("stages")
    last = stages[-1] if isinstance(stages, list) and stages else None
    return (
        whole_number(last.get("min_tokens"), low=0, high=10**6) or 0
        if isinstance(last, dict)
        else 0
    )


def encoded(checkpoint: Checkpoint, data: LabelledRows) -> list[EncodedRow]:
    """The rows as tokens.

    Raises:
        InputError: one that cannot be answered.
    """
    return encode_rows(checkpoint, [Row(*row) for row in zip(data.texts, data.pairs, strict=True)])


# ---- a card's temperature -----------------------------------------------------------------------


def can_calibrate(checkpoint: Checkpoint, data: Path) -> bool:
    """Whether its answers are one label of several, and the rows that it learned from are there."""
    train = _recipe(checkpoint).get("task_train")
    if checkpoint.config.task != TASK or not isinstance(train, str) or not train:
        return False
    source = locate(data, train)
    return is_hub(source) or Path(source).is_file()


def _recipe(checkpoint: Checkpoint) -> dict[str, Any]:
    found = checkpoint.card.get("recipe")
    return found if isinstance(found, dict) else {}


def calibrate(checkpoint: Checkpoint, data: Path) -> dict[str, Any]:
    """A temperature from a part of the training rows, judged on the dev set: for a card.

    Args:
        data: folder with the files that the card's recipe names. Training rows are taken that the
            recipe's last stage left out; any, where it left out none.

    Raises:
        NotApplicable: not a classifier of texts. DataError: no recipe, no such file.
    """
    if checkpoint.config.task != TASK:
        raise NotApplicable(
            f"not applicable: {checkpoint.name} does not answer with one label for a text"
        )
    names = [_recipe(checkpoint).get(name) for name in ("task_train", "task_dev")]
    if not all(isinstance(name, str) and name for name in names):
        raise DataError(f"the card of {checkpoint.name} names no training and dev rows")
    train, dev = (read_data(locate(data, str(name)), checkpoint) for name in names)
    left_out = least_tokens(checkpoint)
    part = drawn(checkpoint, train, below=left_out)
    engine = Engine(checkpoint)
    temperature = fit_temperature(scores_of(engine, encoded(checkpoint, part)), part.labels)
    groupings = GROUPINGS if checkpoint.config.num_instances > 1 else 1
    rows = encoded(checkpoint, dev)
    scores = np.concatenate([scores_of(engine, rows, seed=g) for g in range(groupings)])
    gold = np.tile(dev.labels, groupings)
    return {
        "temperature": temperature,
        "fingerprint": checkpoint.fingerprint,
        "data": names[0],
        "rows": len(part.texts),
        "tokens_below": left_out,
        "dev": {
            "data": names[1],
            "rows": len(rows),
            "groupings": groupings,
            "accuracy": float((scores.argmax(axis=-1) == gold).mean()),
            "certainty_before": _mean_certainty(scores),
            "certainty_after": _mean_certainty(scores / temperature),
            "ece_before": expected_error(scores, gold),
            "ece_after": expected_error(scores / temperature, gold),
        },
    }


def _mean_certainty(scores: np.ndarray) -> float:
    return float(_certainties(scores).mean())


def _certainties(scores: np.ndarray) -> np.ndarray:
    """``[R, C]`` to the probability of the answer, ``[R]``."""
    found: np.ndarray = np.exp(scores.max(axis=-1) - np.logaddexp.reduce(scores, axis=-1))
    return found


def calibration_table(cards: Mapping[str, Mapping[str, Any]]) -> str:
    """How sure and how right models are on their dev sets, before and after their temperatures.

    Empty where no card has one.
    """
    head = [
        "| checkpoint | temperature | right on dev | sure, before | after "
        "| calibration error, before | after |",
        "|---|---|---|---|---|---|---|",
    ]
    lines = []
    for name, card in cards.items():
        found = card.get("calibration")
        if not isinstance(found, dict) or not isinstance(found.get("dev"), dict):
            continue
        values = [found.get("temperature"), *(found["dev"].get(name) for name in JUDGED)]
        numbers = [real_number(value, low=0, high=1000) for value in values]
        cells = ["?" if number is None else f"{number:.3f}" for number in numbers]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*head, *lines]) if lines else ""


# ---- thresholds ---------------------------------------------------------------------------------


Known = dict[str, tuple[float, np.ndarray]]  # by engine: temperature, and scores of some rows


def with_thresholds(
    chain: Chain,
    part: LabelledRows,
    *,
    batch: int = 32,
    known: Known | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Chain:
    """The chain with certainties in place of shares, and temperatures, from labelled rows.

    Every model answers all of them; a model's threshold is the certainty below which the share of
    those that reach it lies.

    Args:
        part: see ``drawn``; other rows than those that are to be answered.
        known: what engines of other chains gave for these very rows; added to.
    """
    known = {} if known is None else known
    engines, steps = [], []
    reached = np.arange(len(part.texts))
    for number, engine in enumerate(chain.engines):
        if engine.name not in known:
            scores = scores_of(engine, encoded(engine.checkpoint, part), batch=batch)
            known[engine.name] = round(fit_temperature(scores, part.labels), DECIMALS), scores
        temperature, scores = known[engine.name]
        engines.append(engine.at_temperature(temperature))
        if number < len(chain.steps):
            certainty = _certainties(scores[reached] / temperature)
            found = threshold(certainty, chain.steps[number])
            steps.append(Step(below=math.floor(found * 10**DECIMALS) / 10**DECIMALS))
            reached = reached[steps[-1].chosen(certainty)]
        progress(number + 1, len(chain.engines))
    return replace(chain, engines=engines, steps=steps)


def threshold(certainty: np.ndarray, step: Step) -> float:
    """The certainty below which a step's share of ``[n]`` lies; 1 where it is all, 0 of none."""
    if step.below is not None:
        return step.below
    assert step.share is not None, "one of the two is given"
    count = int(step.share * len(certainty) + 0.5)
    if not len(certainty) or count >= len(certainty):
        return 1.0 if step.share else 0.0
    return float(np.sort(certainty)[count])


def need_other_rows(given: Source, scored: Source) -> None:
    """See that thresholds do not come from what is answered.

    Raises:
        InputError: they do.
    """
    if str(given) == str(scored) or (
        Path(given).exists() and Path(scored).exists() and Path(given).samefile(scored)
    ):
        raise InputError(
            f"{given} is what is answered; thresholds that were chosen on it would fit it too "
            "well. Give another labelled file with --thresholds-from, such as rows of train"
        )
