"""Why a slot answered what it answered: interventions, one at a time, and the rule that judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muxviz.results.group import Provenance
from muxviz.results.reading import Proportion

TESTS = ("all slots", "baseline", "seat", "reseated", "neighbour", "company")
FURTHER = ("padding", "cut", "layer")  # that only the debugger makes
CAUSES = ("neighbour", "seat", "company", "model", "sentence", "none", "untold")
CONTROLS = ("unchanged", "reseated", "other neighbours", "padded", "end missing", "all layers")
MENDS = 1 / 3  # of the draws: what turns fewer does not mend
BORDER = 0.5  # logits: the answer and the target lie within 62 : 38 of each other
Interval = tuple[float, float, float]  # mean, low, high


@dataclass(frozen=True)
class Rung:
    """One intervention, beside its control of the same size.

    test: one of ``TESTS`` or ``FURTHER``. slot: the neighbour exchanged, for "neighbour"; layer:
    the one passed over, for "layer"; both from 0. change: mean of the
    target's margin less the present one, logits, with a 95 % interval over draws (low, high);
    where all possible draws were made (``is_exact``) the interval is the mean itself, NaN with one
    draw. turned: draws in which the answer is another than now in the asked direction: right
    instead of wrong, or in fragility mode wrong instead of right.

    control: one of ``CONTROLS``: the group as it is; the same neighbours in the same drawn orders
    without the move; the exchange of one other neighbour; the same short neighbours padded as at
    present; the same words taken out without the lost end; the same groups with all layers. held:
    the control's draws that turned (none of the unchanged group's). effect: change less the
    control's, logits, and net: share turned less the control's, each with a 95 % interval (_low,
    _high). claims: both intervals exclude none, in the asked direction.
    """

    test: str
    slot: int | None
    change: float
    low: float
    high: float
    turned: Proportion
    control: str
    held: Proportion
    effect: float
    effect_low: float
    effect_high: float
    net: float
    net_low: float
    net_high: float
    is_exact: bool
    claims: bool
    layer: int | None = None

    @property
    def mends(self) -> bool:
        """Whether at least a third of the draws turned."""
        return bool(self.turned.trials) and self.turned.value >= MENDS

    def moves(self, sign: int) -> bool:
        """Whether the interval of the change lies on the asked side of none."""
        return min(sign * self.low, sign * self.high) > 0


@dataclass(frozen=True)
class Ladder:
    """The first rungs of the failure ladder for one slot.

    target: the class asked for, by ``source``: "gold", "baseline" or "present". answer: the present
    one; is_right: they are the same by a clear margin, so the question is what would break it
    (fragility). margin: the present margin of the target, logits. token: where the answer is one
    per token, the token looked at (the one with the smallest margin), else "". cause: one of
    ``CAUSES``, as ``judge`` names it; culprit: the neighbour, counted from 0. copies_right: share
    of slots that give the target when all hold the sentence, which no text of training did. floor:
    largest difference between passes of the unchanged group, logits. certainty: of the present
    answer at the card's temperature, in [0, 1]; NaN where the answer is one per token.
    """

    slot: int
    text: str
    texts: tuple[str, ...]
    answer: str
    target: str
    source: str
    is_right: bool
    margin: float
    token: str
    rungs: tuple[Rung, ...]
    cause: str
    culprit: int | None
    copies_right: Proportion
    floor: float
    draws: int
    pool_size: int
    seed: int
    is_partial: bool
    provenance: Provenance
    certainty: float = float("nan")

    def rung(self, test: str, slot: int | None = None) -> Rung | None:
        """A rung by its test and neighbour, where it was made."""
        return _find(self.rungs, test, slot)

    @property
    def verdict(self) -> Rung | None:
        """The rung that names the cause, or None where no intervention does."""
        if self.cause == "company":
            return max(_together(self.rungs, self.is_right), key=lambda r: r.turned.value)
        return self.rung(self.cause, self.culprit) if self.cause in TESTS else None

    @property
    def is_borderline(self) -> bool:
        """Whether the answer lies within ``BORDER`` of its turn."""
        return abs(self.margin) <= BORDER

    @property
    def alone_is_right(self) -> bool | None:
        """Whether the N = 1 model gives the target; None without one."""
        return _alone(self.rungs, self.is_right)


def judge(
    rungs: Sequence[Rung], *, is_right: bool, is_partial: bool = False
) -> tuple[str, int | None]:
    """The cause that the numbers allow to name, and for a neighbour its slot.

    An intervention is a cause where it turns at least a third of its draws and is told from its
    control: the net share turned and the net change both have intervals on the asked side of none.
    The one of the largest net share is named, of equals a neighbour before the company before the
    seat, whose move changes whom the sentence hears, too. The company (all neighbours exchanged, or
    only reordered) is one where no single neighbour is; its intervals are held against the
    unchanged group.

    Without a cause: "none" where something still turns a third of its draws, or the answer is
    right. Else nothing mends it, and the N = 1 model tells "model" (right alone) from "sentence"
    (wrong alone, and among copies of itself); without that model it is "untold".
    """
    if is_partial:
        return "none", None
    tried = [r for r in rungs if r.test not in ("baseline", "all slots")]
    causes = [r for r in tried if r.test in ("neighbour", "seat") and r.claims and r.mends]
    if not any(r.test == "neighbour" for r in causes):
        causes += _together(tried, is_right)
    if causes:
        best = max(causes, key=_strength)
        return ("company" if best.test == "reseated" else best.test), best.slot
    alone, copies = _alone(rungs, is_right), _find(rungs, "all slots")
    if is_right or any(r.mends for r in tried):
        return "none", None
    if alone is None:
        return "untold", None
    if alone:
        return "model", None
    return ("none" if copies is not None and copies.mends else "sentence"), None


def rung_of(
    test: str,
    *,
    slot: int | None = None,
    layer: int | None = None,
    change: Interval,
    turned: Proportion,
    effect: Interval | None = None,
    held: Proportion | None = None,
    both: int | None = None,
    control: str = "unchanged",
    is_exact: bool = False,
    is_right: bool = False,
    floor: float = 0.0,
) -> Rung:
    """A rung from its numbers; without ``held`` the control is the unchanged group.

    effect: change less the control's. both: pairs that turned with and without the move. floor: an
    effect below it is rounding.
    """
    sign, effect = (-1 if is_right else 1), effect or change
    if held is None:
        held, net = Proportion(0, turned.trials), (turned.value, *turned.interval)
    else:
        net = turned.less(held, both=both)
    if is_exact:
        net = (net[0],) * 3
    is_told = net[1] > 0 and min(sign * effect[1], sign * effect[2]) > 0 and abs(effect[0]) > floor
    return Rung(
        test,
        slot,
        *change,
        turned,
        control,
        held,
        *effect,
        *net,
        is_exact=is_exact,
        claims=is_told,
        layer=layer,
    )


def _together(rungs: Sequence[Rung], is_right: bool) -> list[Rung]:
    """What names the company: its exchange or its reordering, against the unchanged group."""
    both = [r for r in rungs if r.test in ("company", "reseated")]
    return [r for r in both if r.mends and r.moves(-1 if is_right else 1)]


def _strength(rung: Rung) -> tuple[float, int, float]:
    """What causes are ranked by; that of the company is held against the unchanged group."""
    share = rung.turned.value if rung.test == "company" else rung.net
    order = ("seat", "reseated", "company", "neighbour").index(rung.test)
    return round(share, 9), order, abs(rung.effect)


def _alone(rungs: Sequence[Rung], is_right: bool) -> bool | None:
    found = _find(rungs, "baseline")
    return None if found is None else bool(found.turned.successes) != is_right


def _find(rungs: Sequence[Rung], test: str, slot: int | None = None) -> Rung | None:
    return next((r for r in rungs if (r.test, r.slot) == (test, slot)), None)
