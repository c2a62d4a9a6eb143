"""Steps 4 to 6: read-back, leaks, depth."""

from __future__ import annotations

import numpy as np

from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.strips import TOKENS
from muxviz.figures.drawing.wording import percent, shorten
from muxviz.figures.layers.lens import LENS
from muxviz.figures.learn.culprit import CULPRIT
from muxviz.lesson import python
from muxviz.lesson.parts import QUOTED, step
from muxviz.lesson.step import LETTERS, Quiz, Said, Scene, Step, TryIt, say
from muxviz.results.lessons import Lessons

CANDIDATES = 4  # answers of a question about slots


def read_back(found: Lessons) -> Step:
    """Token by token: what can be named again."""
    group, preset = found.read, found.presets["read"]
    there = [s for s in group.answered if s.reading is not None]
    lost = {
        s.slot: round(s.reading.accuracy.trials - s.reading.accuracy.successes)
        for s in there
        if s.reading is not None
    }
    trials = sum(s.reading.accuracy.trials for s in there if s.reading is not None)
    gone, worst = sum(lost.values()), max(lost, key=lambda slot: lost[slot])
    scenes = {}
    for s in there:
        told = say("Every token of slot {who} comes back.", who=slot_label(s.slot))
        if lost[s.slot]:
            told = say(
                "{lost} of {all} tokens of slot {who} come out as others.",
                lost=lost[s.slot],
                all=s.reading.accuracy.trials if s.reading is not None else 0,
                who=slot_label(s.slot),
            )
        scenes[f"read{s.number}"] = Scene(
            TOKENS(as_chance=True),
            s,
            told,
            ("read", preset),
            named=f"result.slots[{s.slot}]",
            origin=group.provenance.line(),
            **python.on(group, preset, python.GROUP),
        )
    others = [slot for slot in lost if lost[slot] < lost[worst]][: CANDIDATES - 1]
    asked = sorted([worst, *others])
    quiz = Quiz(
        say("Which of these sentences loses most of its tokens?"),
        tuple(_sentence(slot, group.slots[slot].text) for slot in asked),
        asked.index(worst),
        say(
            "Right: {lost} of its {all} tokens. Of the whole group {gone} of {trials} are lost.",
            lost=lost[worst],
            all=_trials(found, worst),
            gone=gone,
            trials=trials,
        ),
        say("Turn to one of them after the other and look for cells with two words in them."),
        say("Try slot {who}.", who=slot_label(worst)),
    )
    return step(
        "4",
        say(
            "Is a sentence still *in* the mixture? Ask of every place which token a slot held "
            "there. Of {num} sentences in one pass, {back} of {trials} tokens come back. The "
            "others are lost in the crowd.",
            num=len(group.slots),
            back=trials - gone,
            trials=trials,
        ),
        scenes,
        quiz,
        TryIt(
            "mix",
            "The same sentences live, token by token.",
            group.provenance.checkpoint,
            preset,
            worst,
        ),
        say(
            "This is another model than before, one that loses some. Let the class say "
            "which words a model may lose first before you turn to the next slot."
        ),
    )


def leaks(found: Lessons) -> Step:
    """Which neighbour moves an answer."""
    result, (slot, source) = found.leaks, found.culprit
    preset = found.presets["leaks"]
    neighbours = [i for i in range(len(result.texts)) if i != slot]
    looks: dict[str, tuple[int, ...]] = {"nobody": ()}
    looks |= {f"from{i + 1}": (i,) for i in neighbours}
    looks |= {"everybody": tuple(neighbours)}
    scenes = {
        name: Scene(
            CULPRIT(slot=slot, looked=looked),
            result,
            _looked(found, looked),
            ("leaks", preset),
            **python.on(result, preset, python.swaps(result.draws)),
        )
        for name, looked in looks.items()
    }
    asked = sorted([source, *[i for i in neighbours if i != source][: len(LETTERS) - 1]])
    quiz = Quiz(
        say("Whose sentence moves the answer of slot {who} most?", who=slot_label(slot)),
        tuple(_sentence(i, result.texts[i]) for i in asked),
        asked.index(source),
        say(
            "Right. Other sentences in slot {source} turn the answer in {turned} of {draws} draws, "
            "and take its probability from {now} to {low} at the lowest.",
            source=slot_label(source),
            turned=_turned(found, source),
            draws=result.draws,
            now=percent(float(result.before[slot].max())),
            low=percent(float(_chances(found, source).min())),
        ),
        say("Not this one. Exchange its sentence in the picture and see how far the points go."),
        say(
            "Likeness of words is no good clue. Exchange slot {source} once.",
            source=slot_label(source),
        ),
    )
    return step(
        "5",
        say(
            "Sharing a pass has a price: a neighbour can move your answer. Slot {who} holds "
            "“{text}” and says **{said}** with {now}. Each neighbour's sentence was exchanged for "
            "{draws} others. One of them matters most. First guess, then exchange.",
            who=slot_label(slot),
            text=shorten(result.texts[slot], QUOTED),
            said=result.labels[int(result.before[slot].argmax())],
            now=percent(float(result.before[slot].max())),
            draws=result.draws,
        ),
        scenes,
        quiz,
        TryIt(
            "crosstalk",
            "The same measurement live, between all slots.",
            result.provenance.checkpoint,
            preset,
            slot,
            {"c_meas": "swap"},
        ),
        say(
            "Take a vote before anything is exchanged; most classes pick the sentence with the "
            "same words. Then exchange one after the other."
        ),
    )


def depth(found: Lessons) -> Step:
    """Where the sentences part again."""
    apart, together = found.depth
    draws = together.asked
    rises = np.diff(np.nan_to_num(together.accuracy).mean(axis=1))  # from the entry on
    layers = together.levels[1:]
    best = int(rises.argmax())
    scenes = {
        name: Scene(
            LENS(),
            one,
            say(
                "At the door of the first layer {first} of the tokens can be read, after the last "
                "layer {last}.",
                first=percent(float(np.nanmean(one.accuracy[0]))),
                last=percent(float(np.nanmean(one.accuracy[-1]))),
            ),
            ("depth", one.provenance.checkpoint),
            **python.on(one, "", python.lens(draws)),
        )
        for name, one in (("apart", apart), ("together", together))
    }
    quiz = Quiz(
        say("In the model with one room for all: after which layer does reading gain most?"),
        tuple(say("layer {layer}", layer=layer) for layer in layers),
        best,
        say(
            "Right: from {before} to {after} of the tokens.",
            before=percent(float(np.nanmean(together.accuracy[best]))),
            after=percent(float(np.nanmean(together.accuracy[best + 1]))),
        ),
        say("Choose “one room for all” and look for the steepest line."),
        say(
            "Compare the numbers before and after layer {layer} in the left picture.",
            layer=layers[best],
        ),
    )
    return step(
        "6",
        say(
            "The mixture goes through {layers} layers. Lay the read-out on each of them: **at what "
            "depth can the sentences be told apart?** In one model every slot has numbers of its "
            "own, a room; in the other all share one.",
            layers=len(layers),
        ),
        scenes,
        quiz,
        TryIt(
            "layers",
            "The same look inside, with your choice of model and sentences.",
            together.provenance.checkpoint,
            found.presets["group"],
            0,
            {"l_probe": "demux"},
        ),
        say(
            "Rooms keep sentences apart all the way; in one room the network itself has to part "
            "them. The next-but-one step shows the rooms."
        ),
    )


def _sentence(slot: int, text: str) -> Said:
    return say("{who} “{text}”", who=slot_label(slot), text=shorten(text, QUOTED))


def _trials(found: Lessons, slot: int) -> int:
    reading = found.read.slots[slot].reading
    return 0 if reading is None else reading.accuracy.trials


def _chances(found: Lessons, source: int) -> np.ndarray:
    """Probabilities of the present answer with other sentences in a neighbour's slot, ``[K]``."""
    slot = found.culprit[0]
    said = int(found.leaks.before[slot].argmax())
    return np.asarray(found.leaks.after[:, slot, source, said])


def _turned(found: Lessons, source: int) -> int:
    return int((found.leaks.changed[:, found.culprit[0], source] > 0).sum())


def _looked(found: Lessons, looked: tuple[int, ...]) -> Said:
    if not looked:
        return say("Nobody has looked yet: a question mark stands in every row.")
    if len(looked) > 1:
        return say("All neighbours beside each other.")
    low, high = float(_chances(found, looked[0]).min()), float(_chances(found, looked[0]).max())
    return say(
        "With other sentences in slot {source} the answer's probability lies between {low} and "
        "{high}; it turns in {turned} of {draws} draws.",
        source=slot_label(looked[0]),
        low=percent(low),
        high=percent(high),
        turned=_turned(found, looked[0]),
        draws=found.leaks.draws,
    )
