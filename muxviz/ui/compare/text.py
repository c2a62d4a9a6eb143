"""How to read the panels of Compare, and what they do not show."""

from __future__ import annotations

ANSWERS_HOW = """
Both checkpoints answer the sentences of this group, each in one pass; rows are slots, the scales
are common. The dot is the probability of the answer that the sentence gets **alone** from the N = 1
baseline (where there is none: of A's answer); beside it stands what was answered. Where an answer
has parts (tags, masks, tokens), it is the share of parts that are as alone. Below: tokens read
back, with Wilson 95 % intervals, and the difference with Newcombe's for shares of the same tokens.

With another number of slots B seats the same sentences anew: the first ones where it has fewer
slots, with free slots filled where it has more.
"""
ANSWERS_LIMITS = """
One group: a difference here may be these sentences, or their seats. Below are random groups.
"""
CONFUSION_HOW = """
Both checkpoints answer the same sentences of the pool, each in random groups of its own size. Rows
are A's answers, columns B's. Below, for labelled sentences, how often both, one or none was right;
McNemar's exact test asks whether the sentences that only one gets right favour one of the two.
"""
CONFUSION_LIMITS = """
One seating per sentence: another one could change some answers. Where neither is right they may
agree all the same.
"""
CHANGE_HOW = """
The **same random groups** of pool sentences, each sentence in the same slot, through A and B: the
share of tokens read back, of right answers (labelled sentences), or of answers that are those of
the N = 1 baseline to the sentence alone. Lines are Wilson 95 % intervals. At the right B less A in
points, paired by group, with bootstrap 95 % intervals over groups.

**Test.** Sentences come into slots by chance. Where the change from A to B has nothing to do with
the slot, the slots of a group may be exchanged; p is the share of such exchanges (999, seeded) in
which slots change as unequally as they do.
"""
CHANGE_LIMITS = """
With many slots some interval lies off 0 by chance: the test is about all of them together. Where no
group changed, a bootstrap interval has no width; more groups find rarer changes. A and B may differ
in more than pruning, such as in how long they were trained.
"""
TAKEN_HOW = """
The swap test of this group on both checkpoints, with the **same sentences** put in. A dot is what a
slot takes from each other one: the mean over the others of the share of the answer's probability
that moves when their sentence is exchanged, in points; "all" is the mean over all pairs. At the
right B less A, paired by draw. Intervals: bootstrap over draws.
"""
TAKEN_LIMITS = """
One group: a slot and its sentence are one here. Cross-talk has the matrix, and which neighbour it
is.
"""
SERIES_HOW = """
Checkpoints of one number of slots and one task, a row each, on the **same random groups**. Rows of
the dial stand by how far the slots share directions: 0 % is a room of its own for each sentence,
100 % one room for all. The last column is the change against the first row, paired by group, with
bootstrap 95 % intervals; the others are shares with Wilson 95 % intervals.
"""
SERIES_LIMITS = """
One training run per row, so a difference between two rows is one between two runs. The rows were
not trained equally long. The pool was written for this app; the cards have the scores on the task's
own data.
"""
TAKEN_SERIES_LIMITS = """
This group only, and one training run per row: another group takes other amounts.
"""
