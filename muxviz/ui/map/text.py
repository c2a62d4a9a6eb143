"""What the panels of the Map page say about themselves."""

from __future__ import annotations

MAP_PROMISE = (
    "A map of the same sentences in every slot among different neighbours, and whether they stay "
    "together: by scores in the original space, not by eye. PCA comes at once; UMAP and t-SNE on "
    "request."
)
MAP_HOW = """
**Design.** K sentences of the pool × M sets of N − 1 neighbours × N slots, every combination a
mixed sequence of its own, the same sets for all sentences. Colour says what you chose, the symbol
is the slot, thin lines join one sentence's points to their middle. A state before the read-out is
the mean over the sentence's own tokens; the read-out is what the head reads for that slot.

**Scores**, in the *original* space. *Silhouette* = mean of (b − a) / max(a, b), a the mean distance
to points with the same name, b to those of the nearest other name. *Between / within* =
tr S_b / tr S_w. *Nearest alike* = share of the 10 nearest points by cosine with the same name.
Whiskers: bootstrap 95 % over sentences. **Control:** the tick is the mean over 100 shuffles of the
names; a silhouette counts as grouping above 0.1 and above 97.5 % of the shuffles. *Trustworthiness*
says how many of the map's near points are near in the original space (1: all; shuffled: about 0.5).
"""
MAP_LIMITS = """
Distances, sizes and gaps on a map by UMAP or t-SNE mean nothing; axes are stretched to fill the
frame. Points of one sentence are not independent, so the intervals speak of other sentences like
the pool's, not of other neighbours or topics. A read-out that only keeps the answer groups by
answer and not by sentence, and is no failure. A joint map centres and scales every state first:
what moves from frame to frame is shape, not size.
"""
SHARES_HOW = """
The variance of each state over all points, split as the design allows: what the **sentence** alone
explains (tr of the variance of its means), what the **slot**, what the **neighbour set**, and the
**interplay** that is no sum of the three. With every combination run, the parts add up to 100 %
exactly. **Control:** before mixing everything is the sentence's. Whiskers: bootstrap 95 % over
sentences, for the sentence's part.
"""
SHARES_LIMITS = """
Neighbours enter as M whole sets: with more sets drawn they may weigh a little more. Inside the
network much of the interplay is a neighbour at another place, which a demultiplexer may still undo.
A share of variance is not information: a small part may be all that the head needs.
"""
JOURNEY_HOW = """
Every point of the map above in every state of the pass, projected by one fit, so that a direction
means the same in each picture; each has a scale of its own. *Own*: the part of the variance that
the sentence alone explains.
"""
JOURNEY_LIMITS = """
Two directions of many: what looks mixed here may be apart in the others. States with larger numbers
weigh more in a common fit.
"""
