"""What the panels of Cross-talk ask, promise and explain, by measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """question: heading of the matrix. promise: before it is computed. how, limits: Markdown."""

    question: str
    promise: str
    how: str
    limits: str


POOL_LIMITS = (
    "Another pool gives other numbers: a sentence is only unusual beside what it is exchanged for. "
    "Sentences differ in length as well as in words, and a longer one adds padding to all slots."
)
SWAP = Text(
    "Whose answer changes when a sentence is exchanged?",
    "How far each answer moves when the sentence of each slot is exchanged for one of the pool.",
    r"""
Row *i* is the answer observed, column *j* the sentence exchanged:
$X_{ij} = \mathrm{mean}_s\, d(p_i(x),\, p_i(x \text{ with } x_j \to s))$
over pool sentences *s*; every slot gets the same ones. For a tag per token, the mean over the
slot's own tokens. The bars are sums over the other slots with bootstrap
95 % intervals: what a slot takes (**susceptibility**) and what it does to others (**loudness**).

**Control.** The unchanged group is run again, alone and in stacks of several sizes. What those runs
differ by, or at least float rounding, is the floor. A cell counts when a sign-flip test over the
draws puts it above the floor at 5 % (Benjamini-Hochberg over the N² − N cells) and its interval
lies above it too.
""",
    "It says how far an answer moves, not where to; see Push. " + POOL_LIMITS,
)
UNITS = {
    "points": r"""
Here *d* is the total variation $\frac12 \sum_c |p_c - q_c|$: the probability that moves from one
answer to others, in percentage points. The colour scale is that of all groups, 0 to 100 %.
""",
    "decibel": r"""
Here *d* is the Jensen-Shannon divergence,
$10 \log_{10} (X_{ij} / X_{ii})$: 0 dB is as much as the slot's own sentence does, −10 dB a tenth,
−20 dB a hundredth. What lies under the measured floor counts as the floor.
""",
}
TEXTS = {
    "swap": SWAP,
    "push": Text(
        "Which sentence pushes which answer?",
        "Which sentences support each answer, and which ones work against it.",
        r"""
The same draws as Swap, with a sign: the margin of slot *i*'s target now less its margin with pool
sentence *s* in slot *j*, mean over *s*, in logits. **Blue: the sentence helps; orange: it hurts.**
The margin is the target's logit less the best other one; the target is the answer that the sentence
gets alone (from the N = 1 baseline), without one the answer now.

**Control.** A two-sided sign-flip test over the draws against 0, changes within rounding counting
as none; 5 % after Benjamini-Hochberg.
""",
        "Pushes in both directions cancel in the mean: a cell near 0 may still have large draws; "
        "see Swap. " + POOL_LIMITS,
    ),
    "shapley": Text(
        "Which sentence does each slot owe its answer to?",
        "How each slot's margin is made up of its own sentence and its neighbours'.",
        r"""
$\varphi_{ij} = \sum_{S \not\ni j} \frac{|S|!\,(N-|S|-1)!}{N!} \left[v_i(S \cup j) - v_i(S)\right]$,
where $v_i(S)$ is the margin of slot *i* with the sentences of *S* in place and pool sentences in
all other slots, mean over sets of references. All $2^N$ coalitions are run up to N = 10, random
orders above. A row adds up to the margin now less the margin with pool sentences only.

**Control.** What the sum leaves over is shown and is float rounding. All coalitions of a draw share
its references; intervals and tests are over the draws.
""",
        "A share in a margin, fair by Shapley's axioms, is not a mechanism: two sentences that act "
        "only together split the effect. " + POOL_LIMITS,
    ),
    "odds": Text(
        "Whose tokens become likelier by being there?",
        "How much likelier each neighbour's tokens are, read from a slot, because it holds them.",
        r"""
$\Lambda_{ij} = \mathrm{mean}_t \left[\log r_{i,t}(x_{j,t}) - \log \bar r_{i,t}(x_{j,t})\right]$ in
nats: the retrieval head's probability, read from slot *i*, of the token that slot *j* holds at *t*,
against its mean when slot *j* holds pool sentences. How frequent a word is cancels.

**Control.** Student's t over the draws: is the sentence in place unlike one more draw? 5 % after
Benjamini-Hochberg, and above the measured floor.
""",
        "A token may be likelier and still far from being read; and what the retrieval head names "
        "is not what the answer uses. " + POOL_LIMITS,
    ),
    "leak": Text(
        "Whose tokens come out where?",
        "The share of each slot's tokens that come out as a neighbour's.",
        """
A token of slot *i* that is read back wrongly counts for slot *j* when *j* holds that token at the
same position and *i* does not; where several slots hold it, the credit is split. In one group the
intervals are Wilson's over its tokens; over random groups, cells that are no more than by chance
(readings against the neighbours of another group) are struck through.
""",
        "A frequent word coincides with a neighbour's by chance; in one group there is no test of "
        "that. A leak too weak to change the token read is not seen: see Log-odds.",
    ),
    "share": Text(
        "Whose tokens does each answer rest on?",
        "The share that each sentence has in the gradients of each answer.",
        r"""
Integrated gradients of slot *i*'s answer against its runner-up, through the multiplexer, from the
pool's mean embedding to the tokens of all N sentences:
$|{\rm IG}|$ of sentence *j*'s tokens as a share of the row's sum.

**Control.** Completeness: attributions add up to the change of the output; the gap is shown.
""",
        "Absolute values do not cancel, so small noise in many tokens adds up; a share says "
        "nothing about direction. Nothing is drawn, so there is no interval.",
    ),
}
_SWAP_PAIR = Text(
    "What does slot {slot} answer with other sentences in slot {source}?",
    "",
    """
Each mark is one draw: another sentence in that slot, all others in place. The dotted line is the
answer now. Listed are the draws that moved the answer most; a cross marks a changed answer. For
Push, x is the change of the margin; else the probability, or for a tag per token the divergence.
""",
    """
The listed draws are the extremes of a sample, not typical ones. What in the sentence does it (its
words, its label, its length) is not told apart here.
""",
)
PAIRS = {  # questions about one slot, or one slot under the sentence of another
    "swap": _SWAP_PAIR,
    "push": _SWAP_PAIR,
    "shapley": Text(
        "What is slot {slot}'s margin made of?",
        "",
        """
From the margin with pool sentences in every slot to the margin of the group as it is: each bar is
the Shapley value of one sentence, the own one first. Blue helps the slot's target, orange hurts it.
""",
        """
The order of the bars is only a drawing order; a Shapley value is a mean over all orders.
""",
    ),
    "odds": Text(
        "Which tokens of slot {source} are heard in slot {slot}?",
        "",
        """
Each bar is one position where the two slots hold different tokens: how much likelier, in nats, the
neighbour's token is when read from this slot, because the neighbour holds it there.
""",
        """
One position is one number without an interval of its own; trust the cell, not the single bar.
""",
    ),
    "share": Text(
        "What does slot {slot}'s answer rest on?",
        "",
        """
Row of the matrix: each sentence's share in the absolute integrated gradients of this slot's answer.
""",
        "Which words they are is on the Attention page.",
    ),
}
COMPARE_HOW = """
Both models got the same sentences in the same slots, and are drawn on one colour scale. At the
right B less A; of amounts, orange where model B has more. Where both got the same draws,
differences are paired by draw, with bootstrap 95 % intervals.
"""
COMPARE_LIMITS = """
Models with other answers (other labels, another task) can be compared in how far they move, not in
what that means. One group is one sample: another group may reverse the difference.
"""
SPARSITY_HOW = """
The swap test of this group on every checkpoint here of this kind (same number of slots, task,
labels and sizes before pruning), with the **same sentences** put in. Across stands the share of the
encoder's weights that was pruned away, as CoFi counts. A thin line is what a slot takes from each
other one: the mean over the others of the share of the answer's probability that moves when
their sentence is exchanged.
The heavy line is the mean over all pairs of slots, with its bootstrap 95 % interval over draws.
Intervals of slots, and changes against the least pruned checkpoint, paired by draw, are on hover
and in the table.
"""
SPARSITY_LIMITS = """
One group: a slot and its sentence are one here, so a slot that changes most may do so for its
sentence. Fidelity compares slots over random groups. One pruned checkpoint per sparsity: another
run of pruning would keep other heads.
"""
