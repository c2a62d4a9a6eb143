"""Run kept rows on two checkpoints, each row among the texts that it was kept with.

A checkpoint with as many slots as the rows were kept with gets the very same passes. With fewer,
a row keeps its nearest neighbours; with more, further texts of the kept groups join it.
Left out: which of two checkpoints is better on a whole file (``fidelity.confusion``, ``evaluate``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from muxviz.analysis.groups.draws import Progress, origin_of, part_of
from muxviz.analysis.groups.shares import mcnemar
from muxviz.batch import Group, Row, Seating, encode_rows, make_group
from muxviz.engine.engine import Engine
from muxviz.errors import DataError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.regression import BROKEN, OUTCOMES, Redone, Regression, Tally
from muxviz.results.worklist import Failure, FailureSet

CHUNK = 256  # groups between two reports of progress


def regression(
    first: Checkpoint,
    second: Checkpoint,
    kept: FailureSet,
    *,
    batch: int = 16,
    progress: Progress | None = None,
) -> Regression:
    """What the second checkpoint fixed and broke of the kept rows: one pass a row and checkpoint.

    Args:
        first, second: not modified.
        kept: failures, and perhaps rows that were right.
        progress: called between chunks; raising from it stops the work.

    Raises:
        DataError: no rows. NotApplicable: a checkpoint that does not answer with their labels.
    """
    if not kept.failures:
        raise DataError(f"the set kept of {kept.data} holds no rows; keep some of its failures")
    total = 2 * len(kept.failures)
    told = [part_of(progress, at * len(kept.failures), total) for at in range(2)]
    pairs = [(first, told[0]), (second, told[1])]
    groups = [_groups(checkpoint, kept) for checkpoint, _ in pairs]
    answers = [
        _answers(checkpoint, own, batch, tell)
        for (checkpoint, tell), own in zip(pairs, groups, strict=True)
    ]
    rows = tuple(
        Redone(f.number, f.text, f.kind, f.gold, one, two)
        for f, one, two in zip(kept.failures, *answers, strict=True)
    )
    kinds = dict.fromkeys(row.kind for row in rows)
    origins = [
        origin_of(checkpoint, [group for group, _ in own], Seating())
        for (checkpoint, _), own in zip(pairs, groups, strict=True)
    ]
    return Regression(
        data=kept.data,
        kept_by=kept.provenance.checkpoint,
        rows=rows,
        tallies=tuple(tally(kind, [row for row in rows if row.kind == kind]) for kind in kinds),
        total=tally("all", rows),
        notes=tuple(_notes(first, second, kept, rows)),
        first=origins[0],
        second=origins[1],
    )


def tally(kind: str, rows: Sequence[Redone]) -> Tally:
    """Count outcomes."""
    found = [row.outcome for row in rows]
    fixed, broken, right, wrong = (found.count(outcome) for outcome in OUTCOMES)
    p = mcnemar(fixed, broken) if broken + right else float("nan")
    return Tally(kind, (fixed, broken, right, wrong), p)


# ---- passes -------------------------------------------------------------------------------------


def _groups(checkpoint: Checkpoint, kept: FailureSet) -> list[tuple[Group, int]]:
    """The group of every kept row, and its slot in it."""
    _need_labels(checkpoint, kept)
    num, is_own = checkpoint.config.num_instances, _is_of(checkpoint, kept)
    spare = tuple(dict.fromkeys(row for failure in kept.failures for row in failure.rows))
    found = []
    for at, failure in enumerate(kept.failures):
        rows, slot = failure.rows, failure.slot
        if num != kept.provenance.num_instances:
            others = (spare[(at + step) % len(spare)] for step in range(len(spare)))
            rows, slot = regrouped(failure, num, others)
        padding = failure.padding if is_own else None
        encoded = encode_rows(checkpoint, [Row(*row) for row in rows], padding=padding)
        seating = Seating(padding, failure.fill, failure.seed)
        group = make_group(checkpoint.config, encoded, seating)
        found.append((group, slot))
    return found


Text = tuple[str, str | None]  # and its second text


def regrouped(failure: Failure, num: int, spare: Iterable[Text]) -> tuple[tuple[Text, ...], int]:
    """The row among ``num`` - 1 of its neighbours, the nearest in seats; spare texts where these
    are too few (and fewer than ``num`` where the spare ones are, too). And its slot.
    """
    rows, slot = failure.rows, failure.slot
    near = sorted(range(len(rows)), key=lambda seat: (abs(seat - slot), seat))[:num]
    seats = sorted(near)
    more = islice((row for row in spare if row not in rows), num - len(seats))
    return (*(rows[seat] for seat in seats), *more), seats.index(slot)


def _answers(
    checkpoint: Checkpoint,
    groups: Sequence[tuple[Group, int]],
    batch: int,
    progress: Progress | None,
) -> list[str]:
    """The label of every row in question."""
    engine, found = Engine(checkpoint), [""] * len(groups)
    done = 0
    for hides in (False, True):  # one forward hides the padding of all its groups, or of none
        places = [at for at, (group, _) in enumerate(groups) if group.hides_padding == hides]
        for start in range(0, len(places), CHUNK):
            piece = places[start : start + CHUNK]
            answers = engine.answers([groups[at][0] for at in piece], batch=batch)
            for at, own in zip(piece, answers, strict=True):
                found[at] = own[groups[at][1]].headline
            done += len(piece)
            if progress is not None:
                progress(done, len(groups))
    return found


# ---- what to know -------------------------------------------------------------------------------


def _need_labels(checkpoint: Checkpoint, kept: FailureSet) -> None:
    """See that a checkpoint answers with one of the kept labels.

    Raises:
        NotApplicable: it does not.
    """
    config = checkpoint.config
    gold = list(dict.fromkeys(failure.gold for failure in kept.failures))
    strange = [label for label in gold if label not in config.labels]
    if config.task != "sequence_classification" or strange:
        wanted = ", ".join(strange or gold)
        raise NotApplicable(
            f"not applicable: the right answers of the kept rows are {wanted}; {checkpoint.name} "
            f"answers {', '.join(config.labels) or 'without labels'}; give a checkpoint of the "
            "same task"
        )


def _is_of(checkpoint: Checkpoint, kept: FailureSet) -> bool:
    return checkpoint.fingerprint == kept.provenance.fingerprint


def _notes(
    first: Checkpoint, second: Checkpoint, kept: FailureSet, rows: Sequence[Redone]
) -> Iterator[str]:
    by, num = kept.provenance.checkpoint, kept.provenance.num_instances
    controls = [row for row in rows if not row.kind]
    if controls and kept.right:
        broken = sum(row.outcome == BROKEN for row in controls)
        yield (
            f"{len(controls)} of {kept.right} rows that were right were kept, drawn at random: "
            f"{second.name} breaks {broken} of them, about "
            f"{broken * kept.right / len(controls):.0f} of all"
        )
    if all(row.first != row.gold for row in rows):
        yield (
            f"{first.name} gets none of these rows right, so none could break and there is no "
            "test: any other checkpoint fixes some by chance; keep rows that were right, too"
        )
    own = [checkpoint for checkpoint in (first, second) if _is_of(checkpoint, kept)]
    if len(own) == 1:
        other = second if own == [first] else first
        yield (
            f"the rows were kept for what {by} answered, and where failures were chosen "
            f"{other.name} looks better than it is (regression to the mean), p included; hold "
            "both against a whole file: muxviz evaluate"
        )
    if not own:
        yield f"the rows were kept for what {by} answered, a third checkpoint"
    for checkpoint in (first, second):
        if (own_num := checkpoint.config.num_instances) != num:
            instead = _instead(own_num, num)
            yield f"{checkpoint.name} has N = {own_num}, rows were kept at N = {num}: {instead}"
    answers = [row.first if own == [first] else row.second for row in rows]
    lost = sum(f.answer != answer for f, answer in zip(kept.failures, answers, strict=True))
    if own and lost:
        yield f"{lost} answers of {by} are not those that were kept: another device or precision?"


def _instead(num: int, kept: int) -> str:
    """What becomes of a group of ``kept`` in passes of ``num``."""
    if num == 1:
        return "it answers each alone"
    with_whom = (
        "the nearest of its neighbours" if num < kept else "further texts of the kept groups"
    )
    return f"it answers each among {with_whom}"
