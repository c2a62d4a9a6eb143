"""Source of explore.ipynb: every figure of muxviz, made from Python.

A comment ``# %%`` starts a code cell and ``# %% [markdown]`` a text cell, as editors know it; this
docstring is in neither. ``make notebook`` runs it and writes the notebook with its pictures.
"""
# ruff: noqa: E402  # a notebook: each section imports what it is about

# %% [markdown]
# # Every figure, from Python
#
# [muxviz](../README.md) shows what happens when N sentences share one forward pass. Everything
# that its pages draw comes from two kinds of plain functions: an **analysis** takes a checkpoint
# and sentences and gives a frozen result of NumPy arrays; a **figure** takes that result and
# gives a Plotly figure. This notebook calls each figure function once, in the order of the app's
# pages, on the small checkpoints in the box and on five sentences.
#
# The pictures below are stored as images, so that they can be seen without running anything. Run
# a cell and its figure is live: hover for the numbers. On a dark page give `dark=True` to any
# figure function. Whatever is random has a `seed`; whatever is drawn has a `draws`, kept small
# here so that all of it takes minutes on one thread. Small draws mean wide intervals: read them.
#
# In every N × N chart rows are the slot that is read out and columns the source.

# %%
import muxviz
from muxviz.batch import Row, Seating

checkpoint = muxviz.load("sst2-n5")  # five sentences a pass
baseline = muxviz.load("sst2-n1")  # the same task, each sentence alone

TEXTS = [
    "The bread was still warm when we opened the bag.",
    "Nobody at the counter could tell us why the train had gone.",
    "A gripping story, told with patience and real wit.",
    "Half of the jokes are old and the other half are cruel.",
    "The little museum by the harbour is worth the long walk.",
]
GOLD = ["positive", "negative", "positive", "negative", "positive"]
rows = [Row(text) for text in TEXTS]

# %% [markdown]
# ## One pass
#
# `run_group` sends the sentences through one pass and says for each slot what it answered, what
# its sentence gets alone, and how many of its own tokens can be read back. With `timing_repeats`
# the passes are timed as well.

# %%
result = muxviz.run_group(checkpoint, rows, baseline=baseline, timing_repeats=5)
for slot in result.answered:
    print(
        f"slot {slot.number}: {slot.answer.headline} {slot.answer.probability:.2f}, "
        f"alone {slot.alone.headline}, read back {slot.reading.accuracy.text()}"
    )

# %% [markdown]
# **What came back for each sentence?** Follow a lane from left to right. It leaves as wide as the
# share of its tokens that came back; a foreign colour in it is a token of that neighbour.

# %%
from muxviz.figures.mix.braid import braid_figure

braid_figure(result)

# %% [markdown]
# **Which tokens survive?** The slot that was read back worst, token by token: the paler, the more
# sure the retrieval head is of the slot's own token; a wrong one is written *own → read*.

# %%
from muxviz.figures.drawing.strips import token_strip_figure

worst = min(result.answered, key=lambda slot: slot.reading.accuracy.value)
token_strip_figure(worst)

# %% [markdown]
# **Whose tokens come out where?** Every row sums to one. The framed diagonal is what came back
# rightly; a cell beside it is a wrong token that the column's sentence holds at that position.

# %%
from muxviz.figures.mix.leak import leak_figure

leak_figure(result.leak)

# %% [markdown]
# **What does sharing a pass save?** Forward passes alone, in alternation, on the machine that ran
# this notebook. A group this small shows little more than the overhead of starting a pass.

# %%
from muxviz.figures.mix.timing import timing_figure

timing_figure(result.timings)

# %% [markdown]
# ## Other answers

# %% [markdown]
# **What if every token has an answer?** The checkpoint `upos-n5` names a part of speech per word.
# The less probable a tag, the stronger its tint.

# %%
from muxviz.figures.mix.answers import tag_strip_figure

tagger = muxviz.load("upos-n5")
tagged = muxviz.run_group(tagger, rows)
least_sure = min(tagged.answered, key=lambda slot: slot.answer.probability)
tag_strip_figure(least_sure)

# %% [markdown]
# **And a head of your own?** No bundled checkpoint detects replaced tokens, as the discriminator
# of MUX-ELECTRA does. But a model is made of parts, so any of them can be given that head: here
# its last layer is fitted, as a logistic regression, on sentences of the pool in which some
# tokens were exchanged at random, weighted as if half of them were. That is a probe, not a
# trained discriminator. What is printed is its area under the ROC curve on other sentences, where
# a half is chance: do the states of a sentence alone say which token does not belong, and do
# those of a shared pass?

# %%
from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from muxviz.analysis.groups.draws import pool_groups
from muxviz.analysis.groups.readback import counted
from muxviz.model.mux_model import MuxModel
from muxviz.pool import texts


def exchanged_tokens(base, model, split, sentences, seed):
    """States [tokens, D] before the last layer, and which tokens were exchanged."""
    generator = np.random.default_rng(seed)
    groups = pool_groups(
        base, texts(split), sentences // base.config.num_instances, Seating(seed=seed)
    )
    words = np.concatenate([group.ids[counted(base, group)] for group in groups])
    states, is_exchanged = [], []
    for group in groups:
        places = counted(base, group)
        chosen = places & (generator.random(places.shape) < 0.15)
        ids = np.where(chosen, generator.choice(words, places.shape), group.ids)
        ids, mask = (torch.from_numpy(array)[None] for array in (ids, group.mask))
        seen = muxviz.trace(model, ids, mask, retrieval=None, attentions=False)
        states.append(model.head.transform(seen.demultiplexed[0])[places].numpy())
        is_exchanged.append(chosen[places])
    return np.concatenate(states), np.concatenate(is_exchanged)


def with_replaced_head(base):
    """A checkpoint of the same parts that answers which tokens were replaced."""
    config = replace(base.config, task="replaced_token_detection")
    model = MuxModel(config)
    kept = {k: w for k, w in base.model.state_dict().items() if not k.startswith("head.")}
    model.load_state_dict(kept, strict=False)
    model.eval().requires_grad_(False)
    model.head.dense.weight.copy_(torch.eye(config.shape.hidden_size))
    model.head.dense.bias.zero_()
    probe = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
    probe.fit(*exchanged_tokens(base, model, "pool", 260, seed=0))
    model.head.out_proj.weight.copy_(torch.from_numpy(probe.coef_))
    model.head.out_proj.bias.copy_(torch.from_numpy(probe.intercept_))
    states, is_exchanged = exchanged_tokens(base, model, "test", 100, seed=1)
    area = roc_auc_score(is_exchanged, probe.decision_function(states))
    print(f"{base.name}: {area:.2f}, over {len(states)} tokens")
    return replace(base, model=model, config=config)


electra = muxviz.load("electra-n2")
detector, _ = map(with_replaced_head, (muxviz.load("upos-n1"), electra))

# %% [markdown]
# One word of a sentence was exchanged by hand, and the probe without multiplexing is asked. Is it
# the strongest tint? An outline says that a token is more likely replaced than not.

# %%
from muxviz.figures.mix.answers import replaced_strip_figure

odd = muxviz.run_group(detector, [Row(TEXTS[4].replace("museum", "because"))])
replaced_strip_figure(odd.slots[0])

# %% [markdown]
# ## Fidelity
#
# One group is an anecdote. From here on sentences come from the pool that muxviz brings, in
# random groups; intervals count a sentence once, however many tokens it has.

# %% [markdown]
# **How much of each slot is read back?** Look whether the intervals of the slots overlap. With
# `value="nll"`, `"mrr"` or `"ranks"` the same result shows how close the misses were.

# %%
from muxviz.analysis.fidelity.recovery import pool_read_back
from muxviz.figures.fidelity.recovery import fidelity_figure

fidelity = pool_read_back(checkpoint, texts(), draws=48)
fidelity_figure(fidelity)

# %% [markdown]
# **Does it depend on where the token stands?** Few sentences are long, so the right end rests on
# few tokens.

# %%
from muxviz.figures.fidelity.places import positions_figure

positions_figure(fidelity)

# %% [markdown]
# **Does it depend on how long the sentence is?** The same tokens, by the length of their text.

# %%
from muxviz.figures.fidelity.places import lengths_figure

lengths_figure(fidelity)

# %% [markdown]
# **Does company change the answer?** Each sentence in its group against the same sentence alone
# in the baseline: how often both say the same, how far the two distributions are apart, and
# where the margin moved.

# %%
from muxviz.analysis.fidelity.agreement import pool_agreement
from muxviz.figures.fidelity.answers import agreement_figure

agreed = pool_agreement(checkpoint, texts(), baseline=baseline, draws=32)
agreement_figure(agreed)

# %% [markdown]
# **How often is each slot's answer right?** Labelled sentences of the pool; the dotted line is
# the baseline on as many of them, one at a time.

# %%
from muxviz.analysis.fidelity.agreement import accuracy
from muxviz.figures.fidelity.answers import accuracy_figure
from muxviz.pool import read_pool

labelled = [sentence for sentence in read_pool() if sentence.split == "pool"]
pool, labels = [s.text for s in labelled], [s.label for s in labelled]
shared = accuracy(checkpoint, pool, labels, draws=40)
by_itself = accuracy(baseline, pool, labels, draws=200)
accuracy_figure(shared, by_itself)

# %% [markdown]
# **Where do two models answer differently?** The same sentences through N = 5 and N = 2; what is
# off the diagonal is disagreement, and the title says whether one of them is right more often.

# %%
from muxviz.analysis.fidelity.confusion import confusion
from muxviz.figures.fidelity.answers import confusion_figure

pair_model = muxviz.load("sst2-n2")
confused = confusion(checkpoint, pair_model, pool, labels=labels, draws=40)
confusion_figure(confused)

# %% [markdown]
# **How much does one vector carry?** Bits per position that come through, in all and slot by
# slot. The dashed line would be everything; where the points leave it, slots cost one another.

# %%
from muxviz.analysis.fidelity.capacity import bits
from muxviz.figures.fidelity.bits import bits_figure

family = [pair_model, checkpoint, muxviz.load("sst2-n10")]
carried = [bits(member, texts(), draws=24) for member in family]
bits_figure(carried)

# %% [markdown]
# ## Cross-talk

# %% [markdown]
# **Which slot moves which?** Every sentence in turn is exchanged for sentences of the pool, and
# all other answers are compared with what they were. Struck-through cells cannot be told from
# nothing. Bars: what a slot receives (right) and gives (top).

# %%
from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.figures.crosstalk.matrix import crosstalk_figure
from muxviz.results.cross_matrix import cross_matrix

swapped = measure_crosstalk(checkpoint, rows, pool=texts(), baseline=baseline, draws=32)
matrix = cross_matrix(swapped)
crosstalk_figure(matrix)

# %% [markdown]
# **What does a slot answer with other sentences beside it?** One cell of the matrix, draw by
# draw: the strongest one. The sentences that moved the answer most are written out.

# %%
from muxviz.figures.crosstalk.pair import swap_pair_figure

slot, source = matrix.strongest or (0, 1)
swap_pair_figure(swapped, slot, source)

# %% [markdown]
# **What is a margin made of?** Shapley values: from pool sentences in every slot to the group as
# it is, one sentence at a time. The own sentence should be by far the longest bar.

# %%
from muxviz.analysis.crosstalk.shapley import shapley
from muxviz.figures.crosstalk.waterfall import waterfall_figure

credit = shapley(checkpoint, rows, pool=texts(), baseline=baseline, draws=8)
waterfall_figure(credit, slot)

# %% [markdown]
# **Which words of a neighbour are heard?** Softer than a leak: how much likelier each token of
# one slot is in the read-out of another because it is there, even where it is not read.

# %%
from muxviz.analysis.crosstalk.log_odds import log_odds
from muxviz.figures.crosstalk.rows import odds_pair_figure

odds = log_odds(checkpoint, rows, pool=texts(), draws=16)
slot, source = cross_matrix(odds).strongest or (0, 1)
odds_pair_figure(odds, slot, source)

# %% [markdown]
# **Whose tokens does an answer rest on?** Shares of the attribution by sentence (integrated
# gradients), without exchanging anything.

# %%
from muxviz.analysis.groups.attribution import slot_shares
from muxviz.figures.crosstalk.rows import shares_figure

rests_on = slot_shares(checkpoint, rows, pool=texts())
shares_figure(rests_on, slot)

# %% [markdown]
# **Which model's slots leak more?** Two checkpoints with two slots each, under the same draws, on
# one colour scale, and the difference cell by cell.

# %%
from muxviz.analysis.crosstalk.swap_test import difference
from muxviz.figures.crosstalk.compare import comparison_figure

contextual = muxviz.load("contextual-n2")
sides = [
    measure_crosstalk(side, rows[:2], pool=texts(), baseline=baseline, draws=32)
    for side in (pair_model, contextual)
]
apart = difference(*sides)
comparison_figure(*map(cross_matrix, sides), apart, (pair_model.name, contextual.name))

# %% [markdown]
# ## What-if

# %% [markdown]
# **What happens to the others if one sentence changes?** Pale bars before, full bars after. Only
# the changed slot should move.

# %%
from muxviz.analysis.whatif.desk import edit_slot
from muxviz.figures.whatif.desk import before_after_figure

edited = edit_slot(checkpoint, rows, 0, "The bread was already stale when we opened the bag.")
before_after_figure(edited)

# %% [markdown]
# **And if a sentence is faded out or turned up?** One line per fader, from nothing to twice its
# weight in the mixture, for the slot that is least sure of its answer. Flat lines are neighbours
# that do not matter.

# %%
from muxviz.analysis.whatif.dose import dose_response
from muxviz.figures.whatif.dose import dose_figure

unsure = min(result.answered, key=lambda slot: slot.answer.margin).slot
doses = dose_response(checkpoint, rows, doses=11)
dose_figure(doses, unsure)

# %% [markdown]
# **How steep is each of those lines where the model works?** The slope of every slot's margin in
# every fader, at one.

# %%
from muxviz.figures.whatif.dose import slope_figure

slope_figure(doses)

# %% [markdown]
# **What does another key hear in the same mixture?** The demultiplexer's key is turned from one
# slot to another while the mixture stays. Does the read-out go over at once, or through tokens
# that nobody wrote?

# %%
from muxviz.analysis.whatif.dial import key_dial
from muxviz.figures.whatif.keys import dial_figure

dial = key_dial(checkpoint, rows, slot=0, other=1)
dial_figure(dial, alpha=0.5)

# %% [markdown]
# **What does an empty slot hear?** Each slot is emptied in turn and read all the same. What comes
# out is compared with the words of the others and with those of strangers.

# %%
from muxviz.analysis.whatif.dial import ghosts
from muxviz.figures.whatif.keys import ghost_figure

heard = ghosts(checkpoint, rows, pool=texts())
ghost_figure(heard)

# %% [markdown]
# **Does it matter who sits where?** All orders of the five sentences. Here the least sure one, by
# the seat it is in: the spread within a seat is the order of its neighbours.

# %%
from muxviz.analysis.whatif.orders import slot_orders
from muxviz.figures.whatif.orders import seats_figure

orders = slot_orders(checkpoint, rows, baseline=baseline)
seats_figure(orders, unsure)

# %% [markdown]
# **Which part is the seat's, and which the company's?** The same orders, for every sentence.

# %%
from muxviz.figures.whatif.orders import company_figure

company_figure(orders)

# %% [markdown]
# **Are twins told apart?** Two sentences that differ in what they say and hardly in how, in every
# pair of slots: do they keep their answers, swap them, or share one?

# %%
from muxviz.analysis.whatif.twins import twins
from muxviz.figures.whatif.twins import twins_figure

told = twins(
    checkpoint,
    "The soup was good and the waiter was kind.",
    "The soup was bad and the waiter was rude.",
    baseline=baseline,
    draws=4,
    pool=texts(),
)
twins_figure(told)

# %% [markdown]
# **Do slots differ on the same sentence?** One sentence in all slots at once, and each slot's own
# bias over sentences of the pool.

# %%
from muxviz.analysis.whatif.twins import duplicates
from muxviz.figures.whatif.twins import duplicates_figure

same = duplicates(checkpoint, TEXTS[unsure], pool=texts(), draws=32)
duplicates_figure(same)

# %% [markdown]
# **Do several copies of a sentence answer better?** Fewer sentences a pass, each in several slots
# and averaged. Right: whether copies that disagree point at errors.

# %%
from muxviz.analysis.whatif.ensembling import ensembling
from muxviz.figures.whatif.copies import copies_figure

sides_of_it = [[s for s in labelled if s.label == label][:30] for label in ("negative", "positive")]
copies = ensembling(checkpoint, [(s.text, s.label) for side in sides_of_it for s in side])
copies_figure(copies)

# %% [markdown]
# **Why did this slot answer that?** Rung by rung: the sentence alone, in other seats, and with
# each neighbour exchanged, against the right answer. The last line is the verdict.

# %%
from muxviz.analysis.debugger.ladder import ladder
from muxviz.figures.debugger.ladder import ladder_figure

why = ladder(checkpoint, rows, unsure, gold=GOLD[unsure], baseline=baseline, draws=16, pool=texts())
ladder_figure(why)

# %% [markdown]
# ## Map

# %% [markdown]
# **Do the same sentences stay together whatever their neighbours are?** Each point is one
# sentence in one slot beside one set of neighbours; a colour is a sentence. Islands of one colour
# say yes.

# %%
from muxviz.analysis.map.projection import map_states
from muxviz.analysis.map.states import sample_states
from muxviz.figures.map.states import map_figure
from muxviz.results.map import READOUT

sample = sample_states(
    checkpoint, rows, pool=pool, gold=labels, baseline=baseline, anchors=10, neighbour_sets=5
)
found = map_states(sample)
map_figure(sample, found.map_of((READOUT,), 2), found.readings, state=READOUT)

# %% [markdown]
# **What is each state made of?** Shares of its variance, from the embeddings to the read-out.
# Mixing takes the sentence's part away; does the read-out have it back, and what is left of the
# slot and of the neighbours?

# %%
from muxviz.figures.map.shares import share_figure

share_figure(found.readings)

# %% [markdown]
# ## Attention

# %% [markdown]
# **Which heads does the answer need?** Every head is silenced once; the ones that the least sure
# answer misses most bear a rank.

# %%
from muxviz.analysis.attention.readings import head_effects
from muxviz.figures.attention.heads import heads_figure

effects = head_effects(checkpoint, rows)
heads_figure(effects, unsure)

# %% [markdown]
# **Where does the shared pass look?** All heads of all layers at once. There is one attention for
# all sentences; the head that the answer needs most is framed.

# %%
from muxviz.analysis.attention.readings import attention_maps
from muxviz.figures.attention.maps import attention_grid_figure

layer, head = effects.ranking(unsure)[0]
attention = attention_maps(checkpoint, rows)
attention_grid_figure(attention, chosen=[(layer, head)])

# %% [markdown]
# **And that one head, with its tokens?** At each position stands one token of every sentence, so
# a look goes to all of them at once.

# %%
from muxviz.figures.attention.maps import attention_map_figure

attention_map_figure(attention, layer, head, slot=unsure)

# %% [markdown]
# **Which sentence looks at which?** The input of the first layer is a sum over slots, so its
# attention logits split exactly into pairs of sentences (and what belongs to none). How large is
# the diagonal, each sentence looking at itself?

# %%
from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.figures.attention.pairs import largest_pair, pairs_figure

pairs = slot_pairs(checkpoint, rows)
largest = largest_pair(pairs, 0)
pairs_figure(pairs, 0, chosen=largest)

# %% [markdown]
# **What does the largest pair bring?** Its part of one head's logits, position by position; the
# two colours are the two signs.

# %%
from muxviz.figures.attention.pairs import pair_map_figure

pair_map_figure(pairs, 0, largest, slot=unsure)

# %% [markdown]
# **Which looks does each answer lean on?** The same attention, weighted by the gradient of one
# slot's answer and rolled up to the last layer: a map per slot.

# %%
from muxviz.analysis.attention.readings import relevance
from muxviz.figures.attention.relevance import relevance_figure

leaned = relevance(checkpoint, rows)
last = checkpoint.config.shape.num_hidden_layers - 1
relevance_figure(leaned, last)

# %% [markdown]
# **Do two slots lean on different looks?** One map less the other, for the slot that is least
# like the unsure one.

# %%
from muxviz.figures.attention.relevance import most_unlike, relevance_difference_figure

other = most_unlike(leaned, last, unsure)
relevance_difference_figure(leaned, last, (unsure, other))

# %% [markdown]
# **What does a contextual multiplexer do before it mixes?** `contextual-n2` lets sentences attend
# to one another at every position first. Left the mean over positions, right one position with
# the tokens that meet there.

# %%
from muxviz.analysis.attention.readings import instance_attention
from muxviz.figures.attention.instances import instances_figure

across = instance_attention(contextual, rows[:2])
instances_figure(across, 2)

# %% [markdown]
# **Which words does the answer rest on, and whose?** Integrated gradients of the least sure
# answer over the words of all sentences. Tint on a neighbour's words is cross-talk, word by word.

# %%
from muxviz.analysis.groups.attribution import attribute
from muxviz.analysis.groups.one_group import Target
from muxviz.figures.attention.saliency import saliency_figure

words = attribute(checkpoint, rows, Target(unsure), pool=texts())
saliency_figure(words)

# %% [markdown]
# **Through which positions does each sentence reach it?** Layer by layer, one map per sentence of
# origin.

# %%
from muxviz.analysis.attention.conductance import layer_conductance
from muxviz.figures.attention.conductance import conductance_figure

ways = layer_conductance(checkpoint, rows, Target(unsure), pool=texts())
conductance_figure(ways)

# %% [markdown]
# ## Layers

# %% [markdown]
# **How entangled is the state, layer by layer?** The share of each slot in the state's variance,
# and what belongs to no single slot. Does that grow with depth?

# %%
from muxviz.analysis.layers.entanglement import entanglement_spectrum
from muxviz.figures.layers.spectrum import spectrum_figure

spectrum = entanglement_spectrum(checkpoint, texts(), pairs=32)
spectrum_figure(spectrum)

# %% [markdown]
# **At what depth can each slot be read?** The trained read-out, applied to every level instead of
# the last. Dotted is its control.

# %%
from muxviz.analysis.layers.lens import demux_lens
from muxviz.figures.layers.lens import lens_figure

lens = demux_lens(checkpoint, texts("test"), draws=16)
lens_figure(lens)

# %% [markdown]
# **What is read of one sentence on the way?** Live, this figure plays through the levels.

# %%
from muxviz.analysis.layers.lens import lens_of_group
from muxviz.figures.layers.strip import lens_strip_figure

group_lens = lens_of_group(checkpoint, rows)
lens_strip_figure(group_lens, unsure)

# %% [markdown]
# **How do states and attention change with N?** The baseline and its multiplexed relatives.

# %%
from muxviz.analysis.layers.norms import layer_norms
from muxviz.figures.layers.norms import norms_figure

members = [layer_norms(member, texts(), draws=16) for member in (baseline, *family)]
norms_figure(members)

# %% [markdown]
# ## Keys

# %% [markdown]
# **How alike are the keys?** The multiplexer's vectors and the demultiplexer's keys, pair by pair.
# The nearer to zero off the diagonal, the easier two slots are to tell apart.

# %%
from muxviz.analysis.keys.geometry import key_geometry
from muxviz.figures.keys.geometry import keys_figure

geometry = key_geometry(checkpoint, rows)
keys_figure(geometry)

# %% [markdown]
# **How loud are the others when one slot is filtered out?** Signal against interference of the
# plain filter, without any network, and what keys of this kind promise.

# %%
from muxviz.analysis.keys.geometry import key_interference
from muxviz.figures.keys.bars import sinr_figure
from muxviz.pool import texts

interference = key_interference(checkpoint, draws=24, pool=texts())
sinr_figure(interference)

# %% [markdown]
# **How much could be read with no network at all?** Tokens read by that filter, beside those the
# whole model reads back. The gap is what the network does.

# %%
from muxviz.analysis.keys.matched_filter import matched_filter
from muxviz.figures.keys.bars import filter_figure

filtered = matched_filter(checkpoint, rows, draws=8, pool=texts())
filter_figure(filtered)

# %% [markdown]
# **Do two read-outs gate the same state differently?** The share of the demultiplexer's units
# that switch between two slots.

# %%
from muxviz.analysis.keys.gates import gate_flips
from muxviz.figures.keys.gates import gates_figure

gates = gate_flips(checkpoint, rows, draws=16, pool=texts())
gates_figure(gates)

# %% [markdown]
# **Is it the keys' fault?** Each point is a pair of slots: how alike its keys are, and how much
# cross-talk was measured. A rank correlation that permuting the slots rarely gives would say so.

# %%
from muxviz.analysis.keys.mantel import keys_and_crosstalk
from muxviz.figures.keys.scatter import key_leak_figure

blamed = keys_and_crosstalk(checkpoint, rows, draws=16, groups=4, pool=texts())
key_leak_figure(blamed)

# %% [markdown]
# ## Training
#
# A training run leaves a folder, and `read_curves` reads it. The bundled checkpoints keep the
# curves of the run that made them.

# %% [markdown]
# **What was learned, and when?** One panel per part of the loss. The runs differ in what they
# were trained on, so compare shapes.

# %%
from muxviz.figures.training.losses import loss_figure
from muxviz.training.run_folder import read_curves

runs = [read_curves(model.folder) for model in (checkpoint, electra, contextual)]
loss_figure(runs)

# %% [markdown]
# **Is every slot read back?** Slots that part early and stay apart have keys that are told apart
# unequally well.

# %%
from muxviz.figures.training.slots import slot_accuracy_figure

slot_accuracy_figure(runs)

# %% [markdown]
# **How fast did it train?** Sentences and tokens per second on the machine of that time, with
# whatever else it did.

# %%
from muxviz.figures.training.speed import speed_figure

speed_figure(runs)

# %% [markdown]
# ## Pruning
#
# `muxviz prune` trains while it cuts. Here nothing is trained: of the checkpoint above, heads and
# inner dimensions that write least are cut away at once, to have a small family at hand.

# %%
from muxviz.pruning.masks import ones, pruned


def cut(share: float) -> muxviz.Checkpoint:
    """The checkpoint without this share of its heads and inner dimensions, layer by layer."""
    config, masks = checkpoint.config, ones(checkpoint.config)
    heads = config.shape.num_attention_heads
    for k, layer in enumerate(checkpoint.model.encoder.layers):
        inner = layer.output.dense.weight.norm(dim=0) * layer.intermediate.dense.weight.norm(dim=1)
        written = layer.attention.output.dense.weight.unflatten(1, (heads, -1)).norm(dim=(0, 2))
        for mask, size in ((masks.intermediate, inner), (masks.heads, written)):
            mask[k, size.argsort()[: round(share * len(size))]] = 0
    model = pruned(checkpoint.model, masks)
    return replace(checkpoint, name=f"cut-{share:.0%}", model=model, config=model.config)


cuts = [checkpoint, cut(0.25), cut(0.5), cut(0.75)]
print([f"{member.name}: {member.config.sparsity:.1%}" for member in cuts])

# %% [markdown]
# **What did pruning leave?** Squares are heads, bars the feed-forward blocks, strips the dimensions
# of the states; hatched is gone.

# %%
from muxviz.analysis.pruning.remaining import pruning_map
from muxviz.figures.pruning.remaining import pruning_map_figure

pruning_map_figure(pruning_map(cuts[2].config, name=cuts[2].name))

# %% [markdown]
# **Does pruning hurt some slots more than others?** The same random groups on every member; the
# heavy line is all slots, and the p asks whether they lose alike.

# %%
from muxviz.analysis.fidelity.by_sparsity import by_sparsity, slot_record
from muxviz.figures.fidelity.by_sparsity import sparsity_figure

records = [slot_record(member, texts(), draws=24) for member in cuts]
sparsity_figure(by_sparsity(records), "read")

# %% [markdown]
# **Slot by slot: what does half of it cost?** The difference at the right is paired by group.

# %%
from muxviz.figures.fidelity.by_sparsity import slot_change_figure

slot_change_figure(by_sparsity([records[0], records[2]]), "read")

# %% [markdown]
# **Does pruning bring cross-talk?** The swap test of our five sentences, the same ones put in.

# %%
from muxviz.analysis.fidelity.by_sparsity import crosstalk_by_sparsity
from muxviz.figures.crosstalk.by_sparsity import crosstalk_sparsity_figure

tests = [measure_crosstalk(member, rows, draws=16) for member in cuts]
crosstalk_sparsity_figure(crosstalk_by_sparsity(tests))

# %% [markdown]
# **Are the slots more entangled?** What belongs to no single slot, before and after the cut.

# %%
from muxviz.figures.layers.compare import spectra_figure

both = [entanglement_spectrum(member, texts(), pairs=24) for member in (cuts[0], cuts[2])]
spectra_figure(*both)

# %% [markdown]
# ## Trade-off
#
# How fast, and at what accuracy. These draw the recorded run of the bundled family; `muxviz bench`
# makes such runs on your machine.

# %% [markdown]
# **What does speed cost in accuracy?** One mark per checkpoint and setting; the steps are what
# nothing of the same run beats.

# %%
from muxviz.figures.tradeoff.accuracy_speed import tradeoff_figure
from muxviz.recorded import speed_file, tradeoff_file
from muxviz.results import from_json
from muxviz.results.measured import Measured, Timed

measured = Measured("recorded", from_json(tradeoff_file().read_text("utf-8")))
tradeoff_figure([measured], task="sequence_classification")

# %% [markdown]
# **How long does a request wait?** A pass takes longer with more slots and with more sequences;
# the texts it answers grow faster.

# %%
from muxviz.figures.tradeoff.speed import latency_figure
from muxviz.results.speed_settings import settings_of

timed = Timed("recorded", from_json(speed_file().read_text("utf-8")))
latency_figure(timed, settings_of(timed.run)[0])

# %% [markdown]
# **What memory does it need?** The highest of a process of its own, above what it had before.

# %%
from muxviz.figures.tradeoff.memory import memory_figure

memory_figure(timed, settings_of(timed.run)[0])

# %% [markdown]
# **How much does one vector carry?** Bits of text that come through a position of the mixture.

# %%
from muxviz.figures.tradeoff.carried_and_copies import carried_figure

carried_figure([measured])

# %% [markdown]
# **What should I run for my traffic?** Every measured setting against a latency budget and an
# accuracy floor.

# %%
from muxviz.figures.tradeoff.plans import plans_figure
from muxviz.planning.traffic import plan_traffic
from muxviz.results.throughput import Traffic

lengths = ((10, 0.5), (24, 0.4), (48, 0.1))
traffic = Traffic(requests_per_s=500, lengths=lengths, latency_ms=200, accuracy=0.8)
plans_figure(plan_traffic(traffic, measured.run, timed.run))

# %% [markdown]
# **What do papers report?** Published numbers, each against its paper's own baseline; never
# measured here.

# %%
from muxviz.figures.tradeoff.published import published_figure
from muxviz.presets.published import published

published_figure(published())

# %% [markdown]
# ## Planner
#
# Which N and which sparsity for an accuracy budget. The table is typed in here; `read_points` takes
# a file of your own, or what `muxviz bench tradeoff --json` writes.

# %% [markdown]
# **Which setting should I use?** Filled circles are measured, hollow diamonds predicted, and the
# ring is the first choice for a budget of eight points.

# %%
from muxviz.figures.planner.choice import planner_figure
from muxviz.planning.advise import advise, budget_curve, frontier, make_goal
from muxviz.planning.choose import fit_planner
from muxviz.planning.points import parse_points

settings = b"""n,sparsity,accuracy,throughput
1,0,0.899,269
1,0.6,0.893,431
1,0.9,0.868,1010
2,0,0.851,322
2,0.8,0.841,861
2,0.95,0.793,1880
5,0.8,0.829,1720
5,0.95,0.766,3420
10,0,0.809,1103
10,0.8,0.803,2660
10,0.95,0.731,5010"""
known = parse_points(settings, "typed in")
planner = fit_planner(known)
advice = advise(planner, make_goal(known, budget=0.08))
planner_figure(known, advice, frontier(planner))

# %% [markdown]
# **What do the models say between the points?** Lines of equal prediction; a circle has the colour
# of its measured value.

# %%
from muxviz.figures.planner.surfaces import surfaces_figure

sparsities = 1 - np.geomspace(1, 0.05, 25)
mesh = [planner.grid(q, np.geomspace(1, 10, 25), sparsities) for q in ("accuracy", "throughput")]
surfaces_figure(known, *mesh)

# %% [markdown]
# **How sure are they?** A line and a 95 % band for each N.

# %%
from muxviz.figures.planner.surfaces import slices_figure

numbers = np.unique(known.num_instances).astype(float)
slices_figure(known, *[planner.grid(q, numbers, sparsities) for q in ("accuracy", "throughput")])

# %% [markdown]
# **How does the answer change with the budget?** A mark where another setting is the first choice.

# %%
from muxviz.figures.planner.budget import sensitivity_figure

sensitivity_figure(budget_curve(planner, np.linspace(0, 0.17, 61)), budget=0.08)

# %% [markdown]
# **What should I measure next?** Expected improvement over the best measured setting that keeps
# the budget.

# %%
from muxviz.figures.planner.measure_next import measure_next_figure

measure_next_figure(advice)

# %% [markdown]
# **How far are the models off?** Each point predicted from all others.

# %%
from muxviz.figures.planner.models import loo_figure

loo_figure(planner.comparison)

# %% [markdown]
# **How often does the planner name the best setting?** Half of the points hidden, again and again.
# So few points leave wide intervals.

# %%
from muxviz.figures.planner.models import hits_figure
from muxviz.planning.validate import validate_planner

hits_figure(validate_planner(known, splits=40))
