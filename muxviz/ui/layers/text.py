"""What the panels of the Layers page say about themselves."""

from __future__ import annotations

SPECTRUM_HOW = """
At every level the state's variance over random groups is split: a **band** is what one slot
explains by itself, the **grey** band what is no sum of functions of single slots. With A and B
independent groups and f the state, S_i = mean ⟨f(B), f(A with slot i from B) − f(A)⟩ divided by
mean ⟨f(B), f(B) − f(A)⟩ (first-order Sobol index, trace form), interaction = 1 − Σ S_i, balance =
entropy of the shares / ln N. Whiskers and grey zones are bootstrap 95 % intervals over pairs.
**Control:** at *mix* a linear multiplexer has interaction 0 by algebra; anything else there is an
error of the measurement.
"""
SPECTRUM_LIMITS = """
It is an average over groups like the pool's, not this group's. A share of variance is not
information: a slot with a small share may be read perfectly. Which slots interact with which is
not told apart. All groups are padded to the longest sentence drawn, so padding takes part.
"""
COMPARE_HOW = """
The two spectra above, less the slots: left the **interaction**, the share of the state's variance
that no sum of functions of single slots gives; right the **balance** of the slots' shares (1: all
alike). Full line model A, dotted model B; the name says how much of a model was pruned away.
Zones are bootstrap 95 % intervals over pairs of groups. Shares are of each model's own variance, so
states of unlike width can be compared.
"""
COMPARE_LIMITS = """
Shares, not amounts: pruning may shrink a state and leave its shares. The models got groups drawn
alike, but intervals are not paired. Layers of the same number need not do the same work.
"""
BRAID_HOW = """
Left to right, one pass of **this group**. In the band each stripe is as high as the slot's share
of the state in the **spectrum above**, an average over random groups; grey belongs to no single
slot. Before the spectrum is computed the stripes are equal. Right: the share of each slot's tokens
read back, ribbons in another colour came out of a neighbour. *Solo* dims the other lanes.
"""
BRAID_LIMITS = """
The heights inside the band are not this group's own: one group has no variance. A ribbon says that
tokens coincide, not that a neighbour caused them.
"""
LENS_HOW = """
The trained demultiplexer and retrieval head, made for the last layer, are put on the state of
every level. **Read back** is the share of tokens whose own token is the most probable one, with
its Wilson 95 % interval; **margin** the log-probability of the own token less that of the best
other one, in nats. **Control** (dotted): the same readings held against the token that the slot
has at that position in another group.
"""
TRANSLATED_HOW = """
Before it is read, each level's state is carried to the last layer by an affine map, fitted by least
squares on the pool's *fit* sentences and scored on its *test* sentences, which share none.
"""
LENS_LIMITS = """
What is not read at a level may still be there in another form: an early level is a lower bound.
The test sentences come up several times with different neighbours, so intervals are a little too
narrow.
"""
PROBE_HOW = """
At every level a ridge regression goes from the state at a position to the embedding that the slot
has there; R² = 1 − Σ(error²) / Σ(distance from the mean²), fitted on the pool's *fit* sentences
and scored on its *test* sentences. **Control** (dotted): the same for the embeddings that the
slot has at that position in another group, so it knows positions and not the text.
**Selectivity** = R² − control. Intervals: bootstrap over test groups.
"""
PROBE_LIMITS = """
What is linearly there need not be used, and what is not may be there in another form. Rare words
of the test sentences were never seen in fitting, so R² stays below 1 even where nothing is lost.
"""
STRIP_HOW = """
The selected slot's tokens, read at every level of **this group's** pass. ▶ plays through the
levels, the slider under the strip steps; the buttons and the slider above it choose what is shown
first. Tint = log-probability of the own token; a wrong one is written *own → read*.
"""
NORMS_HOW = """
One line per checkpoint, darker (paler on a dark page) for larger N. **Attention entropy** is
−Σ p ln p of each attention row, mean over heads and positions, as a share of ln(positions that can
be seen); in nats in the table. Beside it the same of the one query that a sentence's answer is read
from, [CLS]: in the last layer no other query reaches the answer, so a layer is shut only where this
one is. **Norm** is the mean L2 norm of a position's state, **activation**
the mean absolute number in it, **effective dimensions** (tr C)² / tr C² of the states' covariance
C. Zones are bootstrap 95 % intervals over groups. These are the "Muxology" measures of MUX-PLM.
Of a pruned model, states have as many numbers as were left, means over heads are over those that
were left, and a gap in a line of attention is a layer whose attention was pruned away.
"""
NORMS_LIMITS = """
Checkpoints differ in more than N: each was trained by its own recipe. Groups of more sentences
are as long as their longest one; that is why entropy is shown as a share. Low entropy says where
attention goes, not what it is for.
"""
