"""How to read the panels of What-if, and what they do not show."""

from __future__ import annotations

DESK_HOW = """
Every slot's embedding is multiplied by its fader before mixing, **z = (1/N) Σ gᵢ vᵢ ⊙ Eⁱ**, and
the whole pass is run again. The pale bar is the probability of the answer the slot gave with all
faders at 1, the full bar the probability of that same answer now; below 50 % another answer has
taken over where there are two. *Control*: the pale bars are the unchanged group, from the same
kind of pass.
"""
DESK_LIMITS = """
The encoder's input is normed after mixing, so turning one fader down turns **all others up**: a
slot that gets surer need not have been disturbed before. Outside 0.5 to 1.5 the mixture is unlike
anything the model was trained on. With a contextual multiplexer the faders scale what goes
**into** its own layers, and these partly undo it.
"""
DOSE_HOW = """
One fader moves from 0 to 2 while all others stay at 1; every line is one fader, the thick one the
slot's own. The matrix gives the slopes at 1, **∂mᵢ/∂gⱼ**: the gradient of slot *i*'s margin times
the input, summed over slot *j* (rows: slots observed, columns: faders). *Control*: the norm after
mixing makes every neighbour that is turned up dilute the slot, also where nothing leaks, but then
all of them alike. So a neighbour is held against the slot's other neighbours: the title names the
one that stands out most, the table holds the difference from their mean.
"""
DOSE_LIMITS = """
A slope is the tangent at the group as it is; the lines show how far it holds. Neighbours differ in
length too, and by that in how much they dilute. What all neighbours share (crowding) is not in the
difference, and with two slots there is no other neighbour to compare with. With a contextual
multiplexer the faders scale the inputs of its own layers.
"""
EDIT_HOW = """
One slot gets another sentence; everything else stays. Pale bars: the answers before; full bars:
the probability of **those same answers** now. *Control*: a model whose slots do not touch changes
nothing but the edited slot.
"""
EDIT_LIMITS = """
One sentence, not a mean over many: Cross-talk draws them from a pool. A sentence of another length
also changes the padding of all rows, which published models see.
"""
DIAL_HOW = """
The mixture stays as it is; only the key that reads it turns, **k(α) = (1 − α) kᵢ + α kⱼ**. Above:
the probability given to the answers that each of the two slots' own keys read. Below: the share of
every slot's tokens that come out of the retrieval head. *Control*: random keys (normal, with mean
and spread of the model's own) are what a wrong key hears. Where the answer is a mean over tokens,
the tokens of the two slots are weighted by α as well, so that both ends are the slots' own
answers.
"""
DIAL_LIMITS = """
No pass is made for the dial: it says how the read-out tells slots apart, not how the encoder mixes
them. Keys between two slots' never occurred in training.
"""
GHOST_HOW = """
Row by row one slot is emptied and read all the same: **Gᵢⱼ = mean over t of rⁱₜ(xʲₜ)**, the
probability that the empty slot's read-back gives slot *j*'s tokens. *Control*: the column
“strangers” is the same for sentences of the pool that are not in the group, over the same places;
bold numbers lie above its 95 % interval. The frame marks the text that was taken out. The table
holds the most probable words.
"""
GHOST_LIMITS = """
An empty slot is not silent: the norm after mixing turns the others up. Frequent words are probable
anywhere, which is what the strangers measure. Strangers are different sentences, so their interval
is over sentences, not over passes; cells are not corrected for their number.
"""
SEATS_HOW = """
The same sentences in other seats, one pass per order: all N! up to five slots, above that Latin
squares (every sentence once in every seat). Each point is one order; the bar is the mean of a
seat. **MI = H(mean p) − mean H(p)** says how much the order tells about the answer (in Data); the
*flip rate* is the share of orders without the commonest answer. The stacked bars split the
variance: *seat* is that of the seats' means, the rest is who sits beside. *Control*: without a
difference between slots and without leaks all of it is 0.
"""
SEATS_LIMITS = """
With all orders there is nothing to estimate for this group, but it is one group. With two slots
the seat fixes the neighbour's seat, so the split means nothing there. A better order for these
sentences is no better slot in general: see Twins and copies for the slots' own bias.
"""
TWINS_HOW = """
Two sentences that are answered differently by themselves sit in every pair of slots, among
neighbours drawn from the pool. *Swapped*: each got the other's answer. *Both*: one answer for the
two. Whiskers are Wilson 95 % intervals over passes. *Control*: the mark is the share of swaps to
expect if both erred independently.
"""
TWINS_LIMITS = """
Passes with the same draw of neighbours share them, so intervals are a little too narrow. Two
sentences are two sentences: try others.
"""
SAME_HOW = """
All N slots hold one sentence, so every difference is the slots' own. Above: the probability of the
answer, one dot per slot. Below, as *control*, the mean over sentences of the pool of a slot's
margin less the mean of all slots, with bootstrap 95 % intervals.
"""
SAME_LIMITS = """
Equal sentences in all slots are rare in training; a slot's bias among different sentences may be
another one. The intervals are not corrected for the number of slots.
"""
COPIES_HOW = """
N slots hold r copies of N / r labelled sentences (those of the pool), shuffled; slots that are
left hold further sentences that are not counted. The answer is that of the **mean logits**. Left:
accuracy with Wilson 95 % intervals against the different sentences in a pass. Right: does the
**disagreement of the copies** (mutual information of answer and copy) rank wrong answers above
right ones? *Control*: the diamond is the same for 1 − probability, which needs no copies.
"""
COPIES_LIMITS = """
The pool was written for this project; accuracy on a benchmark is another number. The gain in the
title is paired: the same sentences with one copy.
"""
