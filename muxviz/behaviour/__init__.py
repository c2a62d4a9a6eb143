"""Behavioural tests: a text's answer must not change with whom it shares a pass.

``texts`` reads the file, ``thresholds`` what is asked for, ``passes`` draws the passes of a text
and what each test does to them, ``compare`` says whether an answer stayed, ``measure`` puts them
together, ``junit`` and ``wording`` write it down, ``failures`` reads a kept set, ``command`` is
``muxviz test`` and ``muxviz regress`` (of ``muxviz.analysis.regression``).
Left out: whether answers are right (``muxviz.evaluation``).
"""

from muxviz.behaviour.measure import measure_behaviour
from muxviz.behaviour.texts import read_texts
from muxviz.behaviour.thresholds import Thresholds, read_thresholds

__all__ = ["Thresholds", "measure_behaviour", "read_texts", "read_thresholds"]
