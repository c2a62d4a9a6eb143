"""Steps 1 to 3: one pass, what happens to a token, keys."""

from __future__ import annotations

import numpy as np

from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import COUNTS, percent, shorten
from muxviz.figures.learn.mixing import MIXING
from muxviz.figures.whatif.keys import DIAL
from muxviz.lesson import python
from muxviz.lesson.outline import STEPS
from muxviz.lesson.parts import QUOTED, braid, ordered, step
from muxviz.lesson.step import Quiz, Scene, Step, TryIt, say
from muxviz.results.answers import Answer
from muxviz.results.group import GroupResult, SlotResult
from muxviz.results.lessons import Lessons


def one_pass(found: Lessons) -> Step:
    """One pass, N answers; one of them turns with its company."""
    group, moved = found.group, found.exchanged
    before, after = (g.slots[moved.slot] for g in (moved.before, moved.after))
    who, other = slot_label(moved.slot), slot_label(moved.source)
    own, sharing = found.presets["group"], found.presets["exchanged"]
    exchange = (python.Line(f"rows[{moved.source}] = Row({moved.sentence!r})"), python.GROUP)
    scenes = {
        "clear": Scene(
            braid(found, group),
            group,
            say("{kept} of {all} answers are those that the sentences get alone.", **_kept(group)),
            ("group", own),
            **python.on(group, own, python.GROUP),
        ),
        "harder": Scene(
            braid(found, moved.before, moved.slot),
            moved.before,
            say(
                "Slot {who} says **{said}** ({sure}). Alone, the same sentence is **{alone}** "
                "({alone_sure}): “{text}”",
                who=who,
                text=before.text,
                **_answer(before),
            ),
            ("before", sharing),
            **python.on(moved.before, sharing, python.GROUP),
        ),
        "swapped": Scene(
            braid(found, moved.after, moved.slot),
            moved.after,
            say(
                "Only sentence {other} was exchanged, for “{text}” Slot {who} now says **{said}** "
                "({sure}). Nobody touched its own sentence.",
                who=who,
                other=other,
                text=moved.sentence,
                **_answer(after),
            ),
            ("after", sharing),
            **python.on(moved.after, sharing, *exchange),
        ),
    }
    quiz = Quiz(
        say("Why did the answer of slot {who} turn?", who=who),
        (
            say("Its own sentence is too hard for the model."),
            say("A sentence beside it in the same pass moved it."),
            say("A model gives another answer every time it is asked."),
        ),
        1,
        say(
            "Right. With another sentence in slot {other} it is {said}, as it is alone: its "
            "company decides.",
            other=other,
            said=_answer(after)["said"],
        ),
        say("Look at the second and the third picture: what is the same in both?"),
        say(
            "Alone, the same sentence is read as {alone}, and the third picture was made by the "
            "same model as the second. Only slot {other} differs.",
            alone=_answer(before)["alone"],
            other=other,
        ),
    )
    return step(
        "1",
        say(
            "A usual model reads one sentence a pass. A multiplexed one **adds {num} sentences "
            "up**, token by token, into one sequence, reads that **once**, and takes {num} answers "
            "out again. Mostly that goes well. Not always.",
            num=len(group.slots),
        ),
        scenes,
        quiz,
        TryIt(
            "mix",
            "The group whose answer turns, live: change a word and run again.",
            moved.before.provenance.checkpoint,
            sharing,
            moved.slot,
        ),
        say(
            "Follow one colour from left to right before you say a word about the mechanism. Then "
            "the second group, and let the class guess before the third. "
            "The first model gives its slots rooms of their own, the second makes them share half "
            "(step 8)."
        ),
    )


def token(found: Lessons) -> Step:
    """What happens to a token: vectors, patterns, one sum."""
    mix = found.mixing
    num, checkpoint = len(mix.tokens), mix.provenance.checkpoint
    words = ordered(mix.tokens)
    settings: dict[str, tuple[int, ...]] = {"all": ()}
    settings |= {f"mute{i + 1}": (i,) for i in range(num)}
    settings |= {f"solo{i + 1}": tuple(j for j in range(num) if j != i) for i in range(num)}
    scenes = {}
    for name, silenced in settings.items():
        heard = mix.heard(silenced)
        sounding = [i for i in range(num) if i not in silenced]
        told = say(
            "Every sentence is still in there: {least} of the words can be read from the sum.",
            least=_between(heard),
        )
        if silenced:
            told = say(
                "{who} silenced: {gone} of the words there can be read, and {least} of those of "
                "{rest}.",
                who=ordered([slot_label(i) for i in silenced]),
                gone=_between(heard[list(silenced)]),
                rest=ordered([slot_label(i) for i in sounding]),
                least=_between(heard[sounding]),
            )
        scenes[name] = Scene(
            MIXING(silenced=silenced),
            mix,
            told,
            ("mixing", checkpoint),
            **python.on(mix, found.presets["group"], python.MIXING),
        )
    first = mix.vectors[0, 0], mix.patterns[0, 0]
    quiz = Quiz(
        say(
            "{num} vectors of {width} numbers each go in. How many numbers does the mixture have?",
            num=num,
            width=mix.width,
        ),
        (
            say("{many}: one after another", many=f"{num * mix.width:,}"),
            say("{width}: as many as one of them", width=mix.width),
            say("{few}: each keeps its share", few=round(mix.width / num)),
        ),
        1,
        say(
            "Right: {width}. That is why one pass costs about as much as for one sentence, and why "
            "the sentences can disturb each other.",
            width=mix.width,
        ),
        say("Numbers of the same place are added: 3 + 4 is one number, not two."),
        say("Count the cells in the row of the mixture, and those in a row above it."),
    )
    return step(
        "2",
        say(
            "Place {place} of every sentence: {words}. Each word is a vector of {width} numbers; "
            "{shown} of them are drawn. Each is **multiplied by the pattern of its slot**, number "
            "by number, and all are **added to one vector**. The first number of {first}: "
            "{a} × {b} = {c}.",
            place=mix.position + 1,
            words=words,
            width=mix.width,
            shown=COUNTS[len(mix.dims)] if len(mix.dims) < len(COUNTS) else len(mix.dims),
            first=mix.tokens[0],
            a=_number(first[0]),
            b=_number(first[1]),
            c=_number(first[0] * first[1]),
        ),
        scenes,
        quiz,
        TryIt(
            "whatif",
            "The desk with a fader for every sentence.",
            checkpoint,
            found.presets["group"],
            0,
            {"w_view": "desk"},
        ),
        say(
            "Press the button under the picture: the marked vectors are added one by one. Let "
            "someone check one product on paper (the hand-out has the numbers). Then mute a "
            "sentence: its words are gone, the others' are not."
        ),
    )


def keys(found: Lessons) -> Step:
    """The dial between two keys."""
    dial = found.dial
    own, other = slot_label(dial.slot), slot_label(dial.other)
    preset, checkpoint = found.presets["group"], dial.provenance.checkpoint
    heard = {
        who: percent(float(np.nan_to_num(values[:, dial.slot].mean())))
        for who, values in (("random", dial.heard_random), ("own", dial.heard[:1]))
    }
    scenes = {}
    for name in STEPS["3"].scenes:
        alpha = int(name.removeprefix("key")) / 100
        at = int(np.abs(dial.alphas - alpha).argmin())
        scenes[name] = Scene(
            DIAL(alpha=alpha),
            dial,
            say(
                "With this key {mine} of the words of slot {own} come out, and {theirs} of those "
                "of slot {other}.",
                own=own,
                other=other,
                mine=percent(float(np.nan_to_num(dial.heard[at, dial.slot]))),
                theirs=percent(float(np.nan_to_num(dial.heard[at, dial.other]))),
            ),
            ("dial", preset),
            **python.on(dial, preset, python.dial(dial.slot, dial.other)),
        )
    end = np.nan_to_num(dial.heard[-1])
    quiz = Quiz(
        say(
            "The network has run once. Now the key of slot {own} is replaced by that of slot "
            "{other}. Whose words come out?",
            own=own,
            other=other,
        ),
        (
            say("Still those of slot {own}", own=own),
            say("Those of slot {other}", other=other),
            say("A blend of both"),
        ),
        1 if end[dial.other] > 0.5 > end[dial.slot] else 2 if end[dial.slot] > 0.1 else 0,
        say(
            "{mine} of slot {own}, {theirs} of slot {other}. A random key reads {random} of "
            "slot {own}; its own key {right}.",
            own=own,
            other=other,
            mine=percent(float(end[dial.slot])),
            theirs=percent(float(end[dial.other])),
            random=heard["random"],
            right=heard["own"],
        ),
        say("Turn the key to the end and look at the lower picture."),
        say("At the right end, which line is at the top?"),
    )
    return step(
        "3",
        say(
            "One vector holds {num} sentences. Behind the network a **key** says whose is wanted: "
            "the same vector, read with another key, gives another sentence. Slot {own} holds "
            "“{text}”, slot {other} “{text_other}”. Turn the key: one goes, the other comes.",
            num=len(dial.texts),
            own=own,
            other=other,
            text=shorten(dial.texts[dial.slot], QUOTED),
            text_other=shorten(dial.texts[dial.other], QUOTED),
        ),
        scenes,
        quiz,
        TryIt(
            "whatif",
            "Turn the dial yourself, between any two slots of your own sentences.",
            checkpoint,
            preset,
            dial.slot,
            {"w_view": "key", "w_to": str(dial.other + 1)},
        ),
        say(
            "The network is not run again while the key turns: only the last part, the read-out, "
            "is. A tuned radio is a fair image: one aerial, many stations."
        ),
    )


def _kept(group: GroupResult) -> dict[str, object]:
    known = [s.agrees for s in group.answered if s.agrees is not None]
    return {"kept": sum(known), "all": len(known)}


def _answer(slot: SlotResult) -> dict[str, str]:
    """The answer in the pass and alone, with their probabilities."""
    found = {"said": slot.answer.headline, "sure": _sure(slot.answer)}
    if slot.alone is None:
        return {**found, "alone": "not known", "alone_sure": "n/a"}
    return {
        **found,
        "alone": slot.alone.headline,
        "alone_sure": _sure(slot.alone),
    }


def _sure(answer: Answer) -> str:
    return "n/a" if answer.probability is None else percent(answer.probability)


def _between(shares: np.ndarray) -> str:
    """``"89 to 100 %"``, or one number where all are alike."""
    low, high = percent(float(shares.min())), percent(float(shares.max()))
    return low if low == high else f"{low} to {high}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
