"""How the pictures of the Keys page are read, and what they do not show."""

from __future__ import annotations

GEOMETRY_HOW = """
Each slot has a vector $v_i$ (or a matrix $R_i$) in the multiplexer,
$z = \\frac1N\\sum_i v_i\\odot E^i$, and a key $k_i$ in the demultiplexer. Cells are cosines; the
framed diagonal is the length. *Interference* is
$\\lVert v_i\\odot v_j\\rVert^2/\\lVert v_i\\odot v_i\\rVert^2$, for matrices
$\\lVert R_i^\\top R_j\\rVert^2/\\lVert R_i^\\top R_i\\rVert^2$: the energy that slot *j* adds to
the filter of slot *i* (row), as a share of *i*'s own. **Control:** the title says whether any
cosine is larger than the largest that random vectors of this size reach once in twenty times.
"""
GEOMETRY_LIMITS = """
Vectors and keys meet only through the encoder, which can make much or nothing of their angles. With
an index prefix the keys are states of this very pass and change with the sentences.
"""
SINR_HOW = """
Multiplying the mixture by a slot's own vector gives
$u^i = v_i\\odot N z = v_i^2\\odot E^i + \\sum_{j\\ne i} v_i\\odot v_j\\odot E^j$. The bar is the
energy of the first part over that of the second, $10\\log_{10}$, over all tokens of the slot in
random groups of pool sentences; whiskers are 95 % over groups (bootstrap). **Control:** the dashed
line is what independent Gaussian vectors give on average, $10\\log_{10}\\frac{3}{N-1}$ dB, if all
slots are equally loud and the others' parts are independent; the band holds 95 % of vectors drawn
anew at this width. Random turns give $10\\log_{10}\\frac{1}{N-1}$. Upright marks are the vectors
alone, $1/\\sum_j\\kappa_{ij}$.
"""
SINR_LIMITS = """
A ratio of energies over all dimensions. Words differ in few of them and tokens are read by
comparing with a whole vocabulary, so a slot can be read well under 0 dB (see the next panel).
"""
FILTER_HOW = """
The token read is $\\arg\\max_w \\cos(u^i, E_w)$ over the whole vocabulary at that position, with
$u^i = v_i\\odot N z$ and $z$ as it leaves the multiplexer: no layer of the network is used.
Outlined bars are the model's own read-back of the same tokens. Counted are the slots' own tokens
without special ones; intervals are Wilson's, with the tokens of one sentence counted as one draw
where they stand or fall together. **Control:** the dotted line is always naming the commonest
token.
"""
FILTER_LIMITS = """
It reads tokens, not sentences: what the model makes of them in context is not asked. A filter that
beats the model's head does not make the model bad; its head reads from the last layer, which has to
carry the answers as well.
"""
GATES_HOW = """
The demultiplexer's first layer is $a + c_i$, $a = W_h h$, $c_i = W_k k_i + b$: a slot enters only
as a shift of thresholds. Cells are $F_{ij}$, the share of units $u$ with
$\\mathrm{sign}(a_u + c_{i,u}) \\ne \\mathrm{sign}(a_u + c_{j,u})$ where the answer is read
(position 0, or all tokens where answers are means or per token). **Control:** two gates that have
nothing to do with each other differ in 50 %; equal keys in 0 %.
"""
GATES_LIMITS = """
The gelu is soft: a unit just under 0 still passes a little, and a unit that flips may carry
nothing. Few flips mean that two read-outs are nearly one function here; many flips do not prove
that they read well.
"""
LEAK_HOW = """
A point is a pair of slots: how alike their keys are, and how much exchanging the source's sentence
moves the other's answer (Jensen-Shannon divergence, mean over draws). $\\rho$ is Spearman's over
all ordered pairs. **Control:** pairs share slots, so $p$ comes from exchanging whole slots, rows
and columns together (Mantel test, two-sided), in every order up to N = 7. Random groups average
over sentences, so that a single strong sentence weighs less.
"""
LEAK_LIMITS = """
A correlation over few slots: with N = 3 the smallest possible *p* is 1/6, with N = 5 it is 1/120.
Looking at all four likenesses and taking the best is four tests, not one. No correlation does not
clear the keys: all of them may be equally bad.
"""
