"""Words of the Debugger."""

from __future__ import annotations

ALONE = (
    "One text a pass: there is no other slot to blame. Choose a checkpoint with two slots or more."
)
FIRST_PROMISE = "Whether other neighbours mend the answer at all."
FIRST_HOW = """
All neighbours are exchanged for sentences of the pool, draw by draw. Where a third of the draws
mends the answer, **company** is to blame, and it is worth asking whose; where hardly any does, no
neighbour is: the sentence, or the model's **capacity** at this N. *Control*: the same neighbours in
other orders. Bars: mean change of the target's margin, whiskers a bootstrap 95 % interval.
"""
FIRST_LIMITS = """
It does not say which neighbour, and a slot, a key, padding or a layer may be at fault in any
company: that is what all checks together tell.
"""
VERDICT_PROMISE = (
    "Every check beside a change of the same size elsewhere: each neighbour, the seat, padding, a "
    "cut end, the slot's key, each layer. One sentence with what they allow to say."
)
VERDICT_HOW = """
**T0** asks the N = 1 model (*alone*), and puts copies into all slots, which no text of training was
like. **T1** moves the sentence to other seats; *control*: the same neighbours reordered alike.
**T2** exchanges one neighbour; *control*: another one. **T3** exchanges all; *control*: the same
reordered. **T4** gives it neighbours no longer than itself; *control*: the very same, padded as
now; and puts a cut end back in the place of earlier words; *control*: those words taken out, the
end still missing. **T7** passes over one layer; *control*: the same groups with it. A check
**claims** where it mends a third of its draws and the 95 % intervals of share and margin, less the
control's, lie beyond none; a layer must also be harmful to other sentences. What explains more is
named first: a row that N = 1 gets wrong too, a slot that is not in the mixture, a cut end, padding,
a slot that reads another one, a neighbour, a deaf slot, the seat or the company, a layer. Else
nobody is: **not the neighbours**, or **no single cause**.
"""
VERDICT_LIMITS = """
Two neighbours together are not tried. The N = 1 bar is in another model's logits. Intervals are not
corrected for the number of checks. A neighbour is named by exchanging it; the description says whom
silencing it, and the probability in place of the margin, would name.
"""
FIXES_HOW = """
What was tried, and how often the slot came back right, with Wilson 95 % intervals. The best seat
and the best neighbour are chosen on half of the draws and counted on the other half. Right: the
same with a random change of that size, since an edit at a random place often mends as well.
"""
FIXES_LIMITS = """
It is about this sentence in this company; accuracy over a file is what Dataset measures.
"""
HEARD_HOW = """
Left: every slot's sentence is exchanged for sentences of the pool, and the answer's probabilities
move by so much (total variation, mean and bootstrap 95 % interval). A slot whose own sentence moves
it by less than 2 points does not hear it. Right: that slot's part of the mixture is silenced, one
pass each.
"""
HEARD_LIMITS = """
A silent slot is off-distribution: no text of training was like that. Exchanging is the measure that
names a neighbour.
"""
EDIT_PROMISE = "The fewest words to take out of a neighbour so that this slot's answer turns."
EDIT_HOW = """
Words of the neighbour are taken out one at a time, always the one that moves the target's margin
furthest towards its turn, up to three. *Control*: any single word of any other neighbour.
"""
EDIT_LIMITS = """
The search is greedy, so fewer words may do. A shorter neighbour changes the padding, too.
"""
ATTRIBUTED_PROMISE = "Integrated gradients of the answer, by sentence, beside what exchanging does."
ATTRIBUTED_HOW = """
Left: integrated gradients (Sundararajan et al. 2017, by captum) of the answer's margin with respect
to every token of every sentence, as shares of the absolute sum; the description states what they
miss (the completeness gap). Right: what exchanging each sentence does to the answer. Where
gradients name a neighbour whose exchange does less than another's, they are **contradicted**.
"""
ATTRIBUTED_LIMITS = """
Gradients describe the present answer, not what another sentence would do; the exchange is the
measure that verdicts rest on.
"""
