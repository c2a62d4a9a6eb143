"""The words of the Learn page."""

from __future__ import annotations

ONE_PASS = """
A usual model reads one sentence per pass. A multiplexed one **adds {number} sentences up**, token
by token, into one sequence, reads that sequence **once**, and takes {number} answers out of it
again. Follow a colour from left to right: it enters on its own, is part of the one mixture in the
middle, and comes out as wide as the share of its tokens that can still be read.
"""
ONE_PASS_HOW = """
Left: the sentences, every lane equally wide. Middle: the one sequence that the encoder reads, layer
by layer. Right: each slot's answer, and how much of its tokens the retrieval head names. Coloured
threads that end in another slot are tokens that leaked there.
"""
ONE_PASS_LIMITS = """
One group of easy sentences. What is lost between hard ones is on Fidelity and Cross-talk.
"""
KEYS = """
How can one sequence hold {number} sentences without confusing them? Before they are added up, each
is multiplied by its slot's own pattern. Behind the network a **key** says whose answer is wanted:
the same vector, read with another key, gives another sentence. Slot {own} holds “{text}”, slot
{other} holds “{text_other}”. Turn the key, and watch one sentence go and the other come.
"""
RANDOM_KEY = """
:material/lightbulb: A **random key** reads {heard} of the tokens of slot {own}; its own key reads
{own_heard}.
"""
KEYS_HOW = """
The key is $k(\\alpha) = (1-\\alpha)\\,k_i + \\alpha\\,k_j$; nothing else changes, and the encoder
is not run again. Above: how likely the two slots' own answers become. Below: the share of each
slot's tokens that the retrieval head reads. At the right: keys drawn at random, the control.
"""
KEYS_LIMITS = """
Keys between two slots never occur in training, so the way from one end to the other shows how
sharply keys divide, not how the model is used. An answer has few values, so a wrong key can hit the
right one by habit; the tokens are the sharper test.
"""
SHARED = """
The slots of {rooms} have rooms of their own, and hardly disturb each other. **{shared}** is the
same model after its slots were made to share the same directions.
"""
LEAKS = """
Sharing has a price: a neighbour's sentence can move your answer. Here each slot's sentence was
exchanged for {draws} others, and every other answer was watched. **One neighbour moves the answer
of slot {slot} more than any other does.** Read the sentences: whose is it?
"""
LEAKS_HOW = """
Row: the slot whose answer is watched. Column: the slot whose sentence was exchanged. A cell is the
mean Jensen-Shannon divergence between the answer before and after, from 0 to $\\ln 2$. **Control:**
what repeated runs of the unchanged group differ by; cells that are not told from it are struck
through.
"""
LEAKS_LIMITS = """
This group was chosen among three because it leaks most; a usual group leaks less. That an answer
moves does not say whether it becomes wrong.
"""
TRY = {
    "1": "The same sentences live: change a word and run again.",
    "2": "Turn the dial yourself, between any two slots of your own sentences.",
    "3": "The same measurement live, with any other measure of cross-talk.",
}
MISSING = (
    "**The recorded results are missing.** Run `make recorded` once to make them; everything else "
    "works without them."
)
