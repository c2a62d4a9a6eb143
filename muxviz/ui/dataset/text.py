"""How to read the panels of the Dataset page, and what they do not show."""

from __future__ import annotations

from muxviz.analysis.dataset.seating import MEANING as GROUPINGS
from muxviz.analysis.dataset.tags import MEANING as TAGS
from muxviz.results.worklist import MEANING as KINDS


def _listed(meaning: dict[str, str]) -> str:
    return "\n".join(f"- **{name}**: {words}." for name, words in meaning.items())


RUN_HOW = f"""
Every row is answered once in each grouping, in a random seat among rows of its own window, and once
alone by the N = 1 model that the card names. A row fails that is wrong in any grouping; it is shown
as it was answered in the one it did worst in. Kinds:
{_listed(KINDS)}

Groupings:
{_listed(GROUPINGS)}
"""
RUN_LIMITS = """
The more groupings, the more rows fail in one of them: compare runs with as many. The baseline is
another network: a shared failure may be its training rather than company, which the Debugger tells
apart. A suspected label is a suspicion (confident learning, Northcutt et al. 2021): on rows that
the models were trained on, or where both share a prejudice, it is no evidence.
"""
RUNTIME_HELP = """
ONNX Runtime answers on the CPU, in float32, and reads the same answers up to rounding; often faster
than torch. The graph of a model is made the first time, which takes half a minute."""
LIST_HELP = f"""
One line per row, in the grouping that it did worst in. **margin**: logit of its label less the best
other one; below 0 is wrong. Tags:
{_listed(TAGS)}
"""
SLOT_HOW = """
The share of right answers in every slot, all groupings together. Seats are drawn at random, so
slots differ by the slot, not by the rows. Lines: 95 % Wilson intervals with the n that is left
where the answers of one row stand or fall together. A slot is named where it is told from the
others at 5 % after Benjamini-Hochberg.
"""
SLOT_LIMITS = """
That a slot is not told from the rest does not say that it is equal: look at the intervals.
"""
TAG_HOW = """
The share of right answers of the rows that bear a tag, all groupings together. Filled: told from
the rows without it at 5 % after Benjamini-Hochberg over the tags.
"""
TAG_LIMITS = """
Tags overlap, and rows with one tag differ in other ways too: this shows where failures are, not
why. Words are looked for in English.
"""
SLICE_HOW = """
A decision tree of depth 3 looks for what fails, on one half of the rows, among tags, slot, length
and label; what it found is counted here on the other half. Filled: told from the other rows there
at 5 % after Benjamini-Hochberg.
"""
SLICE_LIMITS = """
Slices are those of one tree on one half: another half may give others that are as good.
"""
GROUPING_HOW = """
The same rows under every grouping. Right: points more than under the first one, with Newcombe's
95 % interval for pairs; filled where an exact McNemar test is below 5 % after Benjamini-Hochberg.
"""
GROUPING_LIMITS = """
Adversarial and alike groups are made with the answers of N = 1 (adversarial ones with the labels as
well), which nobody has before answering: they show how far company could matter, not what to do.
"""
LABELS_HOW = "Rows of a label (rows) and what was answered to them (columns), over all groupings."
LABELS_LIMITS = "Counts, not shares: labels that are rare look pale."
SURE_HOW = """
Answers in ten bins of their probability: on the dotted line they are as often right as they say.
**Calibration error**: the mean distance from it, by answers. The temperature divides the logits; it
is fitted on one half of the rows and judged on the other, for all slots, every slot and N = 1.
"""
SURE_LIMITS = """
A temperature changes how sure the answers are, never what they are. With few answers the
calibration error is above 0 by chance alone.
"""
REDONE_PROMISE = "Which of the listed rows model B answers right, and which it breaks."
REDONE_HOW = """
Every listed row once more with both checkpoints, among the rows that it failed with. **Fixed**:
only B is right. **Broken**: only A is. A model B with another N gets the nearest neighbours, or
further rows of the list.
"""
