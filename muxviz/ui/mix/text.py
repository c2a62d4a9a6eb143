"""How to read the panels of Mix & read, and what they do not show."""

from __future__ import annotations

STRIP_HOW = """
One line per slot: its own tokens, tinted by the log-probability that the retrieval head gives them.
A wrong one is written as *own → read*. Spaces are visible; special tokens are greyed and not
counted. The bar at the side is the share read back, with its Wilson 95 % interval.
"""
STRIP_LIMITS = """
The head was trained to name tokens; a token that it misses may still serve the answer, and one
that it names may not be used. Other positions of a slot are read by the same head, so its errors
are not independent and the interval is a little too narrow.
"""
LEAK_HOW = """
Rows are the slots that are read out, columns where the token came from. The framed diagonal is what
was read back rightly. A wrong token counts for slot *j* when *j* holds it at that position and the
slot itself does not; where several slots hold it, the credit is split. Every row sums to 100 %.
"""
LEAK_LIMITS = """
A frequent word (*the*, *.*) can coincide with a neighbour's by chance. Past the end of the shortest
sentence fewer neighbours can be the source, which is why these positions can be seen apart.
"""
COST_HOW = """
Median time of the forward passes alone, in alternation, after one pass of each to warm up; whiskers
are the quartiles. *One batch* answers all sentences with the baseline at once, *one by one* in
turn. Tokenising and copying are left out.
"""
COST_LIMITS = """
Times of this machine, now, under whatever else it is doing. A small group on a fast device mostly
shows the overhead of starting a pass; throughput over many groups is another question.
"""
BAND_HOW = """
How high each slot's stripe is at every level: the share of the state's variance that the slot
explains by itself over random groups (first-order Sobol index), and grey what is no sum of single
slots. Once it is computed, the braid above has it in its band.
"""
BAND_LIMITS = """
It is of the model and groups like the pool's, not of this group. A share of variance is not
information: a slot with a small share may be read perfectly.
"""
OTHER_HOW = """
The same sentences in one pass of model B, drawn as above. Where B has fewer slots it takes the
first of them; where it has more, free ones are filled.
"""
OTHER_LIMITS = """
Two passes over one group: a difference may be chance. Compare has the test over many groups.
"""
