"""How to read the panels of the Attention page, and what they do not show."""

from __future__ import annotations

RAW_HOW = """
**Reading 1, the raw map.** A = softmax(Q Kᵀ / √d) of one head, one for the whole group: every
position holds one token of each sentence (under the columns, in slot order), and a row says where
that position looks. Every row sums to 1. The small maps show all heads on one colour scale; the
entropy in the title is -Σ A ln A, mean over rows, as a share of ln T. **Control:** an even map
has entropy 1 and colour 1/T everywhere. *Hide special tokens*, *Only positions with* and the
window change what is drawn, not what is computed.
"""
RAW_LIMITS = """
The map does not say for which sentence a position looks: that is why the two other readings
exist. Nor does it say what is carried over (the values), or that the answer needs it.
"""
PAIRS_HOW = """
**Reading 2, the exact split of the first layer's logits.** The mixture is a sum with one part per
slot; the layer norm behind it, with the mean and deviation it really has, is affine; so every
logit is a sum over pairs: Σᵢⱼ (aᵢ W_Q)(aⱼ W_K)ᵀ / √d, with one more part for what no sentence
brings (positions, biases). Rows look, columns are looked at; the share of a pair is Σ|its map|
over all pairs. **Control:** the maps add up to the logits, the residual under the map says how
exactly. *Only what the softmax sees* takes each row's mean out of every map first, since softmax
ignores it.
"""
PAIRS_LIMITS = """
First layer only, and before the softmax: parts of opposite sign cancel there, and a large part
need not decide where attention goes. Deeper layers have no such split, because the layers are not
linear.
"""
RELEVANCE_HOW = """
**Reading 3, relevance for each slot** (Chefer et al. 2021). The map A is shared, its gradient is
not: for the answer of slot i (f = its margin over the runner-up), each layer gives Gᵢ = mean over
heads of max(A ⊙ ∂f/∂A, 0). *Up to this one* multiplies (I + Gᵢ) over the layers, less I. One map
per slot on one colour scale, then the difference of two slots. **Control:** a slot whose answer
does not depend on where attention looks has a map of zeros.
"""
RELEVANCE_LIMITS = """
Positive parts only: looks that argue against the answer are left out. It is a first-order measure
around this one pass; what happens without a sentence is on Cross-talk.
"""
ACROSS_HOW = """
**The multiplexer's own attention.** A contextual multiplexer lets the sentences look at each
other at every position before it mixes them: a real N x N attention, the only one of this kind.
Rows take, columns give, each row sums to 1. Left the mean over positions with a word, right one
position. **Control:** without any preference every cell is 1/N.
"""
ACROSS_LIMITS = """
It is what is mixed, not what is read out again: two residual connections pass every sentence on
beside it. Head weights are averaged unless one head is chosen.
"""
HEADS_HOW = """
One head at a time writes zero instead of its output, and the group is answered again: layers x
heads passes. The colour is |change of the margin| of the selected slot's answer over its
runner-up, or the Jensen-Shannon divergence of its probabilities (nats, 0 to 0.69; mean over its
words where each has an answer). **Control:** a head whose output is not used changes nothing,
exactly 0.
"""
HEADS_LIMITS = """
Zero is not a neutral output: what a head writes whatever the text is gone too. Heads that stand
in for each other look unimportant one by one. In sure answers probabilities hardly move; the
margin tells more.
"""
WORDS_HOW = """
**Integrated gradients** (Sundararajan et al. 2017, by captum) from the selected slot's answer
through the multiplexer to every token of every sentence: Σ over the embedding of (x - x') · ∫
∂f/∂x along the straight path from x' to x. In the baseline x' every word is the mean embedding of
the pool's words, never [PAD]; [CLS], [SEP] and padding stay. Orange argues for what is explained,
blue against it. **Control:** attributions must add up to f(x) - f(x'); what they miss is the
completeness gap.
"""
WORDS_LIMITS = """
A path through inputs that no sentence has. Shrinking one sentence towards the mean changes the
norm behind the mixture for all of them, so a neighbour gets a share of some per cent (up to a third
was seen on our clean planted model) even where exchanging it changes nothing: Cross-talk's swap is
the control.
"""
PATHS_HOW = """
**Layer conductance** (Dhamdhere et al. 2018) along the same path, split by the sentence it comes
from: for every layer and position, ∫ ∂f/∂h · (∂h/∂x · (x - x')ⱼ). Each map is one source
sentence; rows are layers, columns positions. Where orange moves sideways from one row to the
next, attention carried it. **Control:** every row of a map has the same sum, the sentence's
integrated gradients; captum's own LayerConductance is computed beside it.
"""
PATHS_LIMITS = """
Behind the first layer a position is a mixture of what came from everywhere; the map says from
which sentence, not from which of its words.
"""
