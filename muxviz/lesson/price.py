"""Steps 7 to 9: seats, sharing, failures; and speed against accuracy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from muxviz.figures.drawing.claims import are_apart
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import percent, shorten
from muxviz.figures.learn.rungs import RUNGS
from muxviz.figures.learn.seating import SEATING
from muxviz.figures.learn.sharing import SHARING
from muxviz.figures.tradeoff.accuracy_speed import TRADEOFF
from muxviz.lesson import python
from muxviz.lesson.outline import STEPS
from muxviz.lesson.parts import QUOTED, braid, ordered, step
from muxviz.lesson.step import Quiz, Said, Scene, Step, TryIt, say
from muxviz.results.lessons import Lessons
from muxviz.results.measured import RECORDED, Measured, machine_line, plain_point
from muxviz.results.throughput import TradeoffRun

ASKED = 4  # swaps to choose from
TASK = "sequence_classification"


def seating(found: Lessons) -> Step:
    """Who sits where changes who is answered well."""
    result, preset = found.seats, found.presets["seats"]
    orders = {tuple(int(s) for s in order): k for k, order in enumerate(result.orders)}
    num = result.orders.shape[1]
    rows: dict[str, int] = {}
    for name in STEPS["7"].scenes:
        seats = list(range(num))
        if name != "stay":
            i, j = (int(n) - 1 for n in name.removeprefix("swap"))
            if max(i, j) >= num:
                continue
            seats[i], seats[j] = seats[j], seats[i]
        if tuple(seats) in orders:
            rows[name] = orders[tuple(seats)]
    kept = {name: int((result.kept[row] >= 1).sum()) for name, row in rows.items()}
    scenes = {
        name: Scene(
            SEATING(order=row),
            result,
            say("{kept} of {num} answers are those that the sentences get alone.",
                kept=kept[name], num=num),
            ("seats", preset),
            **python.on(result, preset, python.BASELINE, python.ORDERS),
        )
        for name, row in rows.items()
    }  # fmt: skip
    swaps = [name for name in rows if name != "stay"]
    sure = {name: float(np.nansum(result.sure[row])) for name, row in rows.items()}
    ranked = sorted(swaps, key=lambda name: (kept[name], sure[name]), reverse=True)
    best = ranked[0]
    asked = sorted([best, *ranked[-(ASKED - 1) :]]) if len(ranked) > 1 else [best]
    worst, most = min(kept.values()), max(kept.values())
    quiz = Quiz(
        say("Which of these swaps keeps most answers?"),
        tuple(say("seats {pair}", pair=STEPS["7"].scenes[name]) for name in asked),
        asked.index(best),
        say(
            "Right: {most} of {num} answers are kept. Nothing was changed but who sits where.",
            most=kept[best],
            num=num,
        ),
        say("Try it out: the hatched bars are answers that turned."),
        say("Look for the swap without a hatched bar, or with the longest bars."),
    )
    return step(
        "7",
        say(
            "The same {num} sentences, the same model; only the seats change. There are {orders} "
            "orders. **Swap two seats** and look who is answered as alone: it is not the same for "
            "all ({worst} to {most} answers kept among these swaps).",
            num=num,
            orders=len(result.orders),
            worst=worst,
            most=most,
        ),
        scenes,
        quiz,
        TryIt(
            "whatif",
            "All orders of your own sentences, and the best one to open.",
            result.provenance.checkpoint,
            preset,
            0,
            {"w_view": "seats"},
        ),
        say(
            "Play it as a game: two teams, three swaps each. Afterwards ask what a fair service "
            "should do about it: shuffle, ask twice, or choose the group with care."
        ),
    )


def sharing(found: Lessons) -> Step:
    """The dial from rooms to one room, its price, its picture."""
    dial = found.sharing
    names = tuple(m.checkpoint for m in dial.models)
    first, last = dial.models[0], dial.models[-1]
    spans = [(m.accuracy, m.low, m.high) for m in (first, last)]
    points = f"{100 * (first.accuracy - last.accuracy):.1f}"
    mixed = [percent(max(0.0, float(v))) for v in dial.interaction.mean]
    ids = [name for name, _ in zip(STEPS["8"].scenes, dial.models, strict=False)]
    pairs = first.spectrum.asked
    scenes = {
        name: Scene(
            SHARING(picked=k),
            dial,
            say(
                "A slot uses {used} of the vector's numbers. Right answers: of {rows} sentences.",
                used=percent(float((np.abs(m.patterns) > 1e-6).mean())),
                rows=m.rows,
            ),
            ("sharing", *names),
            **python.sharing(names, pairs),
        )
        for k, (name, m) in enumerate(zip(ids, dial.models, strict=True))
    }
    quiz = Quiz(
        say("What does one room for all cost, beside rooms of one's own?"),
        (
            say("Nothing that can be told from chance"),
            say("Some right answers: about {points} in a hundred", points=points),
            say("Half of the right answers"),
        ),
        1 if are_apart(*spans) else 0,
        say(
            "{first} % right in rooms, {last} % in one room, on {rows} sentences. And what belongs "
            "to no single slot grows from {least} to {most}: entanglement has a price.",
            first=f"{100 * first.accuracy:.1f}",
            last=f"{100 * last.accuracy:.1f}",
            rows=first.rows,
            least=mixed[0],
            most=mixed[-1],
        ),
        say("Compare the first and the last point of the upper right picture."),
        say("Do their upright strokes meet?"),
    )
    return step(
        "8",
        say(
            "Must the sentences mix at all? In **rooms** every slot has numbers of its own, and "
            "hardly anybody disturbs anybody. In **one room** all use all numbers. The same model "
            "was moved from one to the other in {num} stops; turn the dial.",
            num=len(dial.models),
        ),
        scenes,
        quiz,
        TryIt(
            "layers",
            "Whose the state is, layer by layer, for any stop of the dial.",
            last.checkpoint,
            found.presets["group"],
        ),
        say(
            "Rooms are safe and waste nothing here; in the papers slots share one room. "
            "Ask what one room could be good for: room for more slots, and for what sentences have "
            "in common."
        ),
    )


def broken(found: Lessons, tradeoff: TradeoffRun | None) -> Step:
    """A failure and the debugger; then what all of it buys."""
    result, group, preset = found.diagnosis, found.broken, found.presets["diagnosis"]
    ladder, slot = result.ladder, group.slots[result.ladder.slot]
    who = slot_label(slot.slot)
    alone = slot.alone.headline if slot.alone is not None else ladder.target
    named = next(
        (r for r in result.rungs if r.test == "neighbour" and r.slot == result.at), result.rungs[0]
    )
    told = say("No single cause can be named here.")
    if result.cause == "neighbour":
        told = say(
            "It names slot {culprit}, “{text}”: with other sentences there the answer comes right "
            "in {turned} of {draws} draws; with others exchanged instead in {held} of {controls}.",
            culprit=slot_label(result.at or 0),
            text=shorten(ladder.texts[result.at or 0], QUOTED),
            turned=f"{named.turned.successes:.0f}",
            draws=named.turned.trials,
            held=f"{named.held.successes:.0f}",
            controls=named.held.trials,
        )
    scenes = {
        "before": Scene(
            braid(found, group, slot.slot),
            group,
            say(
                "“{text}” is read as **{said}**; alone it is **{alone}**.",
                text=slot.text,
                said=slot.answer.headline,
                alone=alone,
            ),
            ("broken", preset),
            **python.on(group, preset, python.GROUP),
        ),
        "run": Scene(
            RUNGS(),
            result,
            told,
            ("diagnosis", preset),
            **python.on(
                result,
                preset,
                python.BASELINE,
                python.diagnosis(slot.slot, ladder.draws, result.checks),
            ),
        ),
    }
    quiz = Quiz(
        say(
            "Exchanging one neighbour's sentence often brings the answer right. What else must you "
            "know before you blame that neighbour?"
        ),
        (
            say("How sure the model was of its wrong answer"),
            say("How often exchanging *another* neighbour brings it right"),
            say("How long the neighbour's sentence is"),
        ),
        1,
        say(
            "Right: that is the control. {held} of {controls} draws with another one exchanged, "
            "against {turned} of {draws}.",
            held=f"{named.held.successes:.0f}",
            controls=named.held.trials,
            turned=f"{named.turned.successes:.0f}",
            draws=named.turned.trials,
        ),
        say("If *any* exchange would do, whose fault is it then?"),
        say("The upright strokes in the picture of the debugger are the answer."),
    )
    return step(
        "9",
        say(
            "Slot {who} is wrong, and a class could argue for an hour about why: the sentence, its "
            "seat, a neighbour, the model? The **debugger** changes one thing at a time, {draws} "
            "times each, and holds every change against a control.",
            who=who,
            draws=ladder.draws,
        ),
        scenes,
        quiz,
        TryIt(
            "debugger",
            "The debugger on this very slot, with all its checks.",
            group.provenance.checkpoint,
            preset,
            slot.slot,
        ),
        say(
            "End with the last picture: speed against accuracy. Ask which point the class "
            "would run for a free service, and which for a doctor."
        ),
        _closing(tradeoff),
    )


def _closing(run: TradeoffRun | None) -> Scene | None:
    """Speed against accuracy of the recorded models."""
    points = [
        p
        for p in (run.points if run is not None else ())
        if (p.task, p.dtype, p.grouping, p.copies) == (TASK, "float32", "order", 1)
    ]
    if run is None or not points:
        return None
    run = replace(run, points=tuple(points))
    return Scene(
        TRADEOFF(task=TASK, x="ratio"),
        [Measured(RECORDED, run)],
        _bought(run),
        ("tradeoff", run.machine.measured),
        imports=(
            "from dataclasses import replace",
            "from muxviz import recorded",
            "from muxviz.results import from_json",
            "from muxviz.results.measured import RECORDED, Measured",
        ),
        lines=(
            "run = from_json(recorded.tradeoff_file().read_text())",
            "kept = [p for p in run.points if p.dtype == 'float32' and p.grouping == 'order']",
            "run = replace(run, points=tuple(p for p in kept if p.copies == 1))",
            "result = [Measured(RECORDED, run)]",
        ),
        origin=machine_line(run.machine),
    )


def _bought(run: TradeoffRun) -> Said:
    """What every N buys and costs, beside N = 1."""
    base = plain_point(run.points, dtype="float32")
    mixed = [p for p in run.points if p.n > 1 and p.ratio_to_n1 is not None]
    if base is None or not mixed:
        return say("Each mark is a model; right is faster, up is more often right.")
    parts = []
    for n in sorted({p.n for p in mixed}):
        best = max((p for p in mixed if p.n == n), key=lambda p: p.accuracy.mean)
        ratio = best.ratio_to_n1
        assert ratio is not None, "chosen for having one"
        parts.append(f"N = {n}: {ratio.median:.1f} times as fast, {_right(best.accuracy.mean)}")
    pruned = any(p.n == 1 and p.sparsity for p in run.points)
    rivals = " The other marks of N = 1 are pruned: smaller models, the rivals." if pruned else ""
    return say(
        "Was it worth it? Alone (N = 1): {base} right. {parts}." + rivals,
        base=_right(base.accuracy.mean),
        parts=ordered(parts),
    )


def _right(share: float) -> str:
    return f"{100 * share:.1f} %"
