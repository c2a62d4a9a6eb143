"""How to read the panels of the Trade-off page, and what they do not show."""

from __future__ import annotations

WILL_BE_HERE = (
    "Accuracy against speed of every checkpoint, latency by batch, memory, bits per vector and "
    "copies will be here, once something was measured: record a run with the command below, "
    "measure here, or load a file."
)
COMMAND = "muxviz record --speed"
TRADEOFF_HOW = """
One mark per checkpoint and setting; beside it N, how much was pruned away and the precision, where
there is room; the rest is in the hover. A triangle asks its least certain texts again: **5→1 20%**
is N = 5, then N = 1 for a fifth of them. Across: texts answered a second, from tokenising to
answers, or the same relative to the N = 1 checkpoint of the same run and precision, round by round.
Up: the score, mean over random groupings of the same rows. Bars: quartiles of the speed over
rounds, and the range of the score over groupings, because who shares a pass changes answers; the
95 % interval over rows is in the hover.

**The line** joins what nothing of the same run beats: a mark is beaten where another one is as good
in both and better in one. Between two marks nothing was measured. Runs are never joined, since
machines, rows and days differ. The chips hide kinds; the line is of what is shown. **The ring** is
the choice for the traffic below. Formula: texts/s = texts / seconds of a turn; ratio = seconds at
N = 1 / seconds.
"""
TRADEOFF_LIMITS = """
Speed belongs to this machine, these threads and this batch; another one may rank them otherwise.
Two checkpoints with the same N also differ in training. Marks of a busy machine are hollow: their
speed says little. Runs over different rows cannot be compared in height. Recorded names that end in
-first are of multiplexed models of before the packed start, which are not bundled any more.
"""
PUBLISHED_HOW = """
Numbers of papers and their authors' files, each relative to that paper's own baseline; none of
them was measured here, which is why they are in a panel of their own. **Read off figure** means
by pixel from the authors' picture: about ± 0.1 points, ± 0.05 in the ratio. PruMUX reports 7.5 to
29.5 times for accuracy thresholds from 80 to 74 %, without naming the task: a range, not two
measurements of one model. Every source, address and note is in the hover and in the table.
"""
PUBLISHED_LIMITS = """
Baselines, tasks, data, batch sizes and machines differ from paper to paper, so marks of different
sources do not compare, not even in one panel: CoFi's 12.1 times at 80.6 % on MNLI and PruMUX's
7.5 times at its 80 % threshold are of unlike set-ups. What could not be confirmed is left out.
"""
LATENCY_HOW = """
Left: the time of one forward by the number of sequences in it, median with quartiles over rounds;
the short dash is the time that 95 % of passes stay under. Right: texts answered a second, N for
every sequence. Contenders take turns, so that a change of the machine meets all of them. One run
and one setting at a time. Formula: instances/s = N × batch / seconds of a pass.
"""
LATENCY_LIMITS = """
Passes alone: without tokenising, waiting or a network, unless the setting says so. Rows of one
length with no padding are the best case.
"""
MEMORY_HOW = """
The highest memory of a process of its own, above what it had before the model was built, at the
batch where most contenders were measured. **Not measured** stands where nobody asked for it.
"""
MEMORY_LIMITS = """
Weights and activations together, as the operating system or the GPU counts them; allocators keep
more than they use.
"""
BITS_HOW = """
Bits of text that come through one mixture position, all slots together: entropy of a token minus
what the retrieval head needs to name it (see Fidelity). Every slot read in full would give a line
through the origin; how far the marks fall below one is the capacity that is used up.
"""
BITS_LIMITS = """
A lower bound: a better reader could find more. Not applicable to N = 1 and to checkpoints without
a retrieval head.
"""
COPIES_HOW = """
Every text in several slots, its log-probabilities averaged: **N · copies×** beside each mark.
Across: texts answered a second, so that copies count once. Dotted: N = 1 of the same
run. One line per checkpoint and run.
"""
COPIES_LIMITS = """
Copies are spread over random groups; all copies in one pass would differ. Averaging answers of
one checkpoint cannot mend what all its slots get wrong.
"""
PLANS_HOW = """
Accuracy comes from the trade-off run, passes by batch from the speed run (same weights, N and
precision), else from the trade-off's own batch.

- **Length.** A mixed row is as long as its longest text: the expected longest of N texts of your
  mix (of one, where rows of like length share a pass). Pass times grow with it in proportion,
  from the measured length. What tokenising and reading cost beside the pass is taken from the
  trade-off run.
- **Machines** = requests/s ÷ (0.8 × instances/s at that batch and length), rounded up: beyond 80
  % of the rate queues grow fast.
- **Latency** = filling + waiting + pass. A group of N × batch requests fills at the rate that
  reaches one machine: a request waits for half the others on average (for all of them at worst).
  Then it waits for passes before its own, u ÷ (2 (1 − u)) of a pass at utilisation u (M/D/1:
  groups come more evenly, so this is on the safe side). Then one pass, at its 95th percentile.
- **Chance** = P(accuracy ≥ floor), a normal with the width of the interval over rows, × P(a pass
  is in time), a normal through the median and the 95th percentile.

Best first: those with a chance of 95 % or more, of these the fewest machines, then the more
accurate; then the others. A cross does not serve; its reason is in the
table.
"""
PLANS_LIMITS = """
A server that sends a group off before it is full answers sooner than this at low traffic.
Networks, failures, bursts and other machines than the measured one are not in it. Accuracy is
that of the rows it was measured on, not of your texts.
"""
