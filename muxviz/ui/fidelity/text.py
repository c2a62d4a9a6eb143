"""How to read the panels of the Fidelity page, and what they do not show."""

from __future__ import annotations

READ_HOW = """
For every slot, the share of its tokens that the retrieval head names: at position *t* of slot *i*
it gives a distribution *r* over the vocabulary, and the token counts as read back when the slot's
own one is the most probable. Special tokens and fillers are not counted. **Negative
log-likelihood** is the mean of −log *r*(own token) in nats: 0 is certainty. **Reciprocal rank** is
the mean of 1 / rank of the own token: 1 is first, ½ is second.

Lines are 95 % intervals: Wilson for shares, over random groups with the number of tokens that the
spread between sentences leaves; bootstrap for the others. **Control:** chance is what
always naming the most frequent token of the pool would read.
"""
READ_LIMITS = """
That a token can be named does not mean that the answer uses it, nor the reverse. The head was
trained at the last layer; another reader might find more. In one group the tokens of a slot are
read by the same pass, so the interval says how far chance in these tokens goes, not how other
sentences would fare: look at random groups for that.
"""
POSITION_HOW = """
The share of tokens read back at each position, counted from 0, where [CLS] stands. The band is the
95 % Wilson interval. The title names a place only when it is below the share of all tokens by more
than chance would put any of the places (Bonferroni), with at least 20 tokens counted there. Bands
of places with fewer tokens may reach below the picture.
"""
POSITION_LIMITS = """
Late positions are reached by long sentences only, so position and length cannot be told apart from
this picture alone.
"""
LENGTH_HOW = """
The share of tokens read back, by how many tokens the sentence has (special ones not counted). The
band is the 95 % Wilson interval over sentences.
"""
LENGTH_LIMITS = """
The sentence's own length, not that of its neighbours, which pads it or is padded to it. Long
sentences of the pool are not the short ones made longer: they also have other words.
"""
AGREE_HOW = """
Every sentence is answered twice: in company, in its slot, and alone by the N = 1 baseline that the
card names. **Jensen-Shannon** compares the two distributions of answers: 0 where they are equal,
ln 2 = 0.69 nats where they exclude each other. **|Δ margin|** compares the logit of the baseline's
answer less the best other one. On tag tasks both are means over tokens. Lines are 95 % intervals.
**Control:** with equal weights and no company all three would be perfect.
"""
AGREE_LIMITS = """
The baseline is another network, trained by itself: part of the difference is training, not
company. Agreement is not accuracy; the baseline may be wrong. Margins of two networks need not
have the same scale.
"""
RIGHT_HOW = """
Labelled sentences of the pool in random groups and seats: the share whose answer is the label, per
slot. The dotted line is the N = 1 baseline on the same sentences alone. Lines are Wilson 95 %
intervals.
"""
RIGHT_LIMITS = """
The pool was written for this app: short, clear sentences of many subjects, not a benchmark, and
easier or harder than the data the checkpoint was trained on. The card has the benchmark's number.
"""
AGAIN_HOW = """
Labelled sentences of the pool in random groups, ordered by how certain their answers are; the least
certain share (across) is answered again, alone, by the N = 1 model of the card, and its answer
counts. **Dotted:** as many drawn by chance. Certainty is the probability of the answer, at the
temperature of the card where it has one. Bands are bootstrap 95 % intervals over groups. Below the
picture, what became of those that were asked again: wrong and then right (mended), right and then
wrong (spoilt), or the same before and after, so that asking was in vain.
"""
AGAIN_LIMITS = """
Accuracy only: what asking again costs in time is measured by `muxviz bench escalation`. The pool
was written for this app; on other texts another share pays. `muxviz run --escalate` ranks within
windows of 512 groups, here all sentences are ranked together.
"""
BITS_HOW = """
**Bits per position** = entropy of a token − what the retrieval head needs to name it:
I = H − NLL, one number per slot, and their sum for the whole vector. H is the unigram entropy of
the pool's own tokens, stated under the picture. This is a lower bound of the mutual information
between token and hidden state (Barber and Agakov 2003). The dashed line is what full read-back of
every slot would give; how far the points stay below it is the capacity that is used up.
Intervals: bootstrap over random groups. **Control:** a reader that knows only how frequent tokens
are gets 0.
"""
BITS_LIMITS = """
A bound from below: a better reader could find more. Checkpoints differ in training as well as in
N. H counts each token by itself, so what the sentence tells about its own words is in there, and
the numbers are not bits per sentence. H of a small pool is smaller than that of a language.
"""
SPARSITY_HOW = """
Every checkpoint here of this kind (same number of slots, task, labels and sizes before pruning), on
the **same random groups**. Across stands the share of the encoder's weights that was pruned away,
as CoFi counts; each thin line is a slot, the heavy one all of them, with its Wilson 95 % interval.
Intervals of slots are on hover and in the table, with the changes against the least pruned
checkpoint, paired by group.

**Test.** Sentences come into slots by chance. Where the change has nothing to do with the slot, the
slots of a group may be exchanged; p is the share of such exchanges (999, seeded) in which slots
change as unequally as they do. The title has it for the highest sparsity, the table for each.
"""
SPARSITY_LIMITS = """
One pruned checkpoint per sparsity: another run of pruning would keep other heads. Checkpoints are
trained further while they are pruned, so a gain is no contradiction. The pool was written for this
app; the cards have the numbers on the task's own data.
"""
