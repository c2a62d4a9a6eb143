"""Words of the lesson that no result changes: formula cards, glossary, how to read and limits."""

from __future__ import annotations

from muxviz.lesson.step import Card

TITLE = "Many sentences, one pass: a lesson in nine steps"
OPENING = (
    "How can many sentences share one pass, and what does it cost them? Nine steps, ten minutes."
)
MINUTES = 10
LARGER = 1.3  # pictures before a class, beside those for one reader

CARDS = {
    "1": Card(
        "One pass for N",
        "passes = ⌈ texts ÷ N ⌉",
        "N: sentences that share a pass. A usual model has N = 1.",
    ),
    "2": Card(
        "Mixing",
        "x = (v₁·e₁ + v₂·e₂ + … + vₙ·eₙ) ÷ n",
        "e: the vector of a token. v: the pattern of its slot. n: slots. x: the mixture.",
    ),
    "3": Card(
        "Reading with a key",
        "hᵢ = D(h, kᵢ)",
        "h: what the network made of the mixture. kᵢ: the key of slot i. D: one for all slots.",
    ),
    "4": Card(
        "Read-back",
        "read back = tokens named rightly ÷ tokens",
        "Asked of every place of the mixture: which token did slot i hold here?",
    ),
    "5": Card(
        "Whose doing?",
        "effect of j on i = answer of i now − answer of i with another sentence in j",
        "Only slot j is changed, many times, so that what changes is its doing.",
    ),
    "6": Card(
        "A look inside",
        "token = best word of D(state after layer k, kᵢ)",
        "The read-out of the last layer, laid on an earlier one.",
    ),
    "7": Card(
        "Orders",
        "orders of N sentences = N · (N − 1) · … · 1",
        "Each is another pass with other neighbours around every key.",
    ),
    "8": Card(
        "The dial of sharing",
        "v = (1 − s) · room + s · spread pattern",
        "s = 0: each slot has numbers of its own. s = 1: every slot uses all of them.",
    ),
    "9": Card(
        "A cause",
        "cause: mends often, and its control does not",
        "Control: a change of the same size that leaves the suspect alone.",
    ),
}

HOW = {
    "1": "Left: the sentences, every lane equally wide. Middle: the one sequence that the network "
    "reads, layer by layer: a stripe is as high as its slot's share of the state, measured on many "
    "groups; grey belongs to no single slot. Right: what comes back for each, and its answer "
    "beside the one that the same sentence gets alone.",
    "2": "A row is a slot, a cell one number: orange above 0, blue below. Only some of the numbers "
    "are drawn, spread evenly over the vector; the mixture has a colour scale of its own, as it is "
    "smaller. Bars: share of the slot's tokens that the model reads back from the mixture.",
    "3": "Above: how likely the two slots' own answers become. Below: the share of each slot's "
    "tokens that is read. At the right: keys drawn at random, the control.",
    "4": "A cell is a token, the darker the less probable it was to the reader. Where it was read "
    "wrongly, both are written. Dotted cells are special tokens and not counted.",
    "5": "A point is the answer's probability with another sentence in that neighbour's slot; a "
    "cross is an answer that turned.",
    "6": "Left: the share of each slot's tokens that can be read after every layer. Right: the "
    "same as lines; dotted: what chance reads.",
    "7": "Left: the seats of one order; hatched bars are answers that turned. Right: how many of "
    "all orders keep how many answers; the strong bar is where this order belongs.",
    "8": "Left: the size of the numbers in every slot's pattern; what is pale is not used. Right: "
    "share of right answers, and how much of the state after the last layer belongs to no single "
    "slot. Strokes are 95 % intervals.",
    "9": "A row is one thing changed, a dot the share of draws in which the answer came right, "
    "with its 95 % interval; the upright stroke is a control of the same size.",
}
LIMITS = {
    "1": "The second group was chosen because a neighbour turns an answer in it; most groups lose "
    "none.",
    "2": "This model shares one room, so that patterns overlap; in the models with rooms most of a "
    "pattern is 0 (step 8). A silenced slot does not occur in training.",
    "3": "Keys between two slots never occur in training. An answer has few values, so a wrong key "
    "can hit the right one by habit; the tokens are the sharper test.",
    "4": "The group of which most tokens are lost among those tried. Reading a token back is not "
    "understanding it.",
    "5": "Chosen among several groups because one neighbour turns an answer; a usual one does not.",
    "6": "What the trained read-out cannot read may still be there in another form.",
    "7": "One small group with narrow answers, chosen for that. Seat and company change at once.",
    "8": "One training run each, made one after another: the later ones also saw more steps. "
    "A share of variance is not a share of information.",
    "9": "One failure. A cause that was not tried cannot be found.",
}

GLOSSARY = {
    "token": "A word or a piece of one; what a model reads.",
    "vector": "A list of numbers; here a few hundred that stand for a token.",
    "pass": "One walk of a sequence through all layers of the network.",
    "layer": "One step of the network: every place looks at the others and is changed.",
    "N": "How many sentences share one pass.",
    "slot": "A seat in the pass, counted from 1, with a colour and a symbol of its own.",
    "pattern": "The fixed vector that all vectors of a slot are multiplied by.",
    "mixture": "The one vector that N marked ones add up to, at every place.",
    "key": "What tells the read-out whose sentence is wanted.",
    "read-out": "The part behind the network that makes N answers of one state.",
    "read-back": "Naming the tokens of a slot from the mixture.",
    "leak": "What a neighbour's sentence does to a slot.",
    "alone": "The same sentence in a model of N = 1.",
    "turned": "Another answer than alone.",
    "control": "A change of the same size that should do nothing.",
    "interval": "Where the true number lies in 95 of 100 such measurements.",
    "rooms": "Numbers of the vector that only one slot uses.",
    "sharing": "How far slots use the same numbers, from 0 to 100 %.",
    "entanglement": "What in a state belongs to several slots at once, to no single one.",
}
