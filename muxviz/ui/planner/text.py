"""How to read the panels of the Planner page, and what they do not show."""

from __future__ import annotations

WILL_BE_HERE = (
    "No recorded grid is here. Open a file of measured settings above: a row per number of slots N "
    "and sparsity, with accuracy and throughput. The plan, its surfaces and what to measure next "
    "will be here."
)
EXAMPLE = """num_instances,sparsity,accuracy,throughput
1,0,0.899,270
1,0.9,0.868,1010
5,0,0.842,655
5,0.9,0.816,2395"""
COMMAND = "muxviz plan --points points.csv --budget 0.03"
CHOICE_HOW = """
Across: texts answered a second; up: accuracy. A **filled circle** is measured, a **hollow diamond**
predicted, or asks a share again; the colour and the number say N. The ring is the first choice.
Dashed: the best accuracy that the surfaces promise at each speed, with its 95 % band.

**First choice.** Candidates are every measured N with every measured sparsity, those you add, and,
where `muxviz bench escalation` was recorded for a setting of the table, shares of its least certain
texts asked again. A measured one has its own numbers, another one those of the surfaces; what
asking again adds to accuracy and takes from speed is carried over from its run, and between
measured shares both are interpolated. *Risk* is the chance that the goal is missed on other rows of
the same kind, by a normal with the spread of the prediction and of the number of rows. First come
the settings that keep the goal with no more than the risk you allow, the fastest first (for a
throughput goal, the most accurate); then the others, the surest first. At even odds the first is
the one that is most often the best in many possible truths, on the same rows.

A budget refers to the measured setting with the smallest N and the least sparsity.
"""
CHOICE_LIMITS = """
A prediction is a guess from a few points: measure it before you rely on it. Errors of different
settings are taken as independent, and the baseline's accuracy as exact (it was measured on the same
rows). Speed belongs to the machine of the table. The recorded grid's multiplexed models are of
before the packed start; names that end in -first are not bundled any more.
"""
SURFACES_HOW = """
Across: sparsity, drawn by halvings of the weights that are left; up, or in colour: N by doublings.
**Contours**: lines of equal prediction; a circle has the colour of its measured value, so one that
stands out from its surroundings is a point that the surface misses. **Slices**: a line for each
measured N, its 95 % band, and the measured circles.

*Interpolation*: flat triangles between points. *Parametric*: a sum of ramps with weights not below
zero, so that accuracy never rises and throughput never falls with N or sparsity. *Gaussian
process*: a smooth deviation from a plane, with fitted noise. Accuracy is fitted as it is,
throughput by its logarithm. A band is scaled so that points which were left out lie as far off as
it says.
"""
SURFACES_LIMITS = """
Between and beyond points nothing was measured. Where accuracy falls to the level of guessing, no
surface knows that level unless points are there. Bands are of a single new measurement, not of all
settings at once.
"""
BUDGET_HOW = """
Across: the budget; up: how many times faster than the baseline the first choice is. The line steps
where the advice changes; the label says N and sparsity. A filled circle: the advice is a measured
setting; a hollow diamond: a prediction. A flat line means that some of the budget is not needed; a
step close to your budget means that a little more accuracy to lose buys much, or that a measurement
error of that size would change the advice.
"""
BUDGET_LIMITS = """
Only the first choice is drawn; the runner-up may be almost as good. Budgets between two grid lines
are not computed.
"""
NEXT_HOW = """
Expected improvement = chance to meet the goal × expected gain over the best measured setting that
meets it (for throughput: E max(X − best, 0) of a log-normal; for accuracy: of a normal). Candidates
are settings without a measurement: every N with every sparsity, and sparsities halfway between
measured ones. Another sparsity is one pruning run; another N is a model of its own, so none is
proposed unless you add it.
"""
NEXT_LIMITS = """
What a measurement costs is not in it, nor what it would teach about other settings.
"""
MODELS_HOW = """
Every point is left out once, all models are fitted to the others, and predict it. The bar is the
root mean square of what they miss: of accuracy in points, of throughput as ln(predicted /
measured), nearly the relative error. For each quantity the model with the shortest bar is used.
"""
MODELS_LIMITS = """
With few points the order of two models may be luck, and corners of the grid are extrapolated when
they are left out, which is harder than what the plan asks for.
"""
CHECK_HOW = """
**Promise.** For every floor, the fastest setting that seems to keep it with the risk of 5 % is
chosen from half of the points. It is *broken* where the table says that its accuracy is below the
floor. *Speed given up*: against the fastest that keeps the same promise once everything is
measured; against hindsight, the fastest that turned out to keep the floor. *On other rows too*:
what the planner sees is the table with a normal error of the width of each interval, drawn
independently, and the table is what comes out later.

Half of the points are hidden (never the baseline), the planner is fitted to the rest, and for
budgets from none to the whole range it ranks all settings of the table. The truth is the table: the
fastest setting whose measured accuracy keeps the budget. **Nearest point**: a hidden setting has
the values of the nearest visible one, ranked by the same rule; among equals the one further along
comes first, or (second bar pair) the measured one. **Random**: any order, those last that are seen
to fail. Right: only cases whose best setting was hidden, the hard part.
"""
CHECK_LIMITS = """
It says how well settings of this table are found, not what lies between them. Points that were
measured with error count as the truth. Budgets of one split are alike, which is why the intervals
are over splits.
"""
