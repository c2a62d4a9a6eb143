"""Behavioural tests and regressions as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from muxviz.printable import printable
from muxviz.results.behaviour import UNDECIDED, Behaviour, BehaviourTest, Change, Seated
from muxviz.results.regression import OUTCOMES, Regression, Tally

SHOWN = 3  # changed texts of a test that did not pass
LONGEST, BRIEF = 200, 60  # characters of a text, in a file and on the screen


def report(result: Behaviour) -> str:
    """A table, and the worst changes of the tests that did not pass."""
    origin = result.provenance
    lines = [
        f"{origin.checkpoint} on {result.data}: {result.rows} of {result.texts} different texts, "
        f"N = {origin.num_instances}",
        f"  {'test':<11}{'stayed':>8}  {'95 %':<15}  {'of ' + result.unit:>10}  asked  verdict",
    ]
    lines += [_line(test) for test in result.tests]
    lines += [f"  note: {test.name}: {words}" for test in result.tests for words in remarks(test)]
    if result.tolerance is not None:
        lines.append(f"  note: a score stayed where it moved by no more than {result.tolerance:g}")
    for test in result.tests:
        if not test.is_passed and test.worst:
            lines += ["", f"{test.name}: answers to {test.changed} texts changed; the worst:"]
            lines += [line for change in test.worst[:SHOWN] for line in change_lines(change, BRIEF)]
    lines += ["", f"  {result.passes} passes  {origin.line()}"]
    return "\n".join(lines)


def _line(test: BehaviourTest) -> str:
    span = "" if math.isnan(test.low) else f"{test.low:.1%} to {test.high:.1%}"
    share = "" if math.isnan(test.share) else f"{test.share:.1%}"
    asked = "all" if test.least == 1 else f"{test.least:.3g}"
    return f"  {test.name:<11}{share:>8}  {span:<15}  {test.trials:>10}  {asked:>5}  {test.verdict}"


def remarks(test: BehaviourTest) -> Iterator[str]:
    """What to know of a test's number."""
    if test.reason:
        yield test.reason
    if test.verdict == UNDECIDED:
        rows = test.rows_to_tell
        yield (
            "the share is no higher than what is asked for; more rows are not expected to help"
            if rows is None
            else f"too few rows to tell; about {rows:,} would do, if the share stays"
        )


def verdict_words(test: BehaviourTest, unit: str) -> str:
    """One sentence: what was found, and what is asked for."""
    asked = "all" if test.least == 1 else f"at least {test.least:.3g}"
    return (
        f"{test.verdict}: {test.kept} of {test.trials} {unit} kept their answer ({test.share:.1%}, "
        f"95 % {test.low:.1%} to {test.high:.1%}); asked for: {asked}"
    )


def change_lines(change: Change, longest: int = LONGEST) -> Iterator[str]:
    """One text in two passes."""
    yield f"  row {change.number}: {_short(change.text, LONGEST)}"
    for words, seated in (("was", change.before), ("became", change.after)):
        free = len(change.before.rows) - len(seated.rows)
        beside = " | ".join(_short(text, longest) for text in seated.neighbours)
        yield (
            f"    {words:<7}{_answer(seated)} in slot {seated.slot + 1}"
            + (f", beside {beside}" if beside else "")
            + (f", slots filled up: {free}" if free else "")
        )
    if change.changed > 1:
        yield f"    and {change.changed - 1} more of its {change.trials} answers changed"


def _answer(seated: Seated) -> str:
    sure = "" if math.isnan(seated.sureness) else f" ({seated.sureness:.2f})"
    return f"{printable(seated.answer)}{sure}"


def _short(text: str, longest: int) -> str:
    """A text on one line, its end left out where it is long."""
    return printable(text if len(text) <= longest else f"{text[: longest - 3]}...")


def regression_report(result: Regression) -> str:
    """Outcomes by kind, and what to know before believing them."""
    first, second = result.first, result.second
    names = [_kind(tally) for tally in (*result.tallies, result.total)]
    wide = max(map(len, names))
    lines = [
        f"{len(result.rows)} rows of {result.data}, kept with {result.kept_by}: "
        f"A {first.checkpoint}, B {second.checkpoint}",
        f"  {'':<{wide}}{'rows':>7}" + "".join(f"{name:>12}" for name in (*OUTCOMES, "McNemar p")),
    ]
    tallies = result.tallies if len(result.tallies) > 1 else ()
    for tally in (*tallies, result.total):
        p = "" if math.isnan(tally.p) else f"{tally.p:.2g}"
        lines.append(
            f"  {_kind(tally):<{wide}}{tally.rows:>7}"
            + "".join(f"{cell:>12}" for cell in (*tally.counts, p))
        )
    lines.append("  fixed: A wrong, B right; broken: A right, B wrong")
    lines += [f"  note: {note}" for note in result.notes]
    return "\n".join([*lines, f"  A: {first.line()}", f"  B: {second.line()}"])


def _kind(tally: Tally) -> str:
    return tally.kind or "right"
