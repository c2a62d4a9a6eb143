"""Measure a checkpoint on a data set: several random groupings, every row once in each.

``sources`` reads the data, ``passes`` runs one grouping, ``metrics`` scores its answers with
maintained libraries, ``intervals`` says how much chance there is in a score, ``measure`` puts them
together, ``wording`` says it in lines of text. Left out: scores of masked-LM and replaced-token
heads (only read-back is measured for those).
"""

from muxviz.evaluation.measure import evaluate
from muxviz.evaluation.sources import data_name, find_data, read_data
from muxviz.evaluation.wording import report

__all__ = ["data_name", "evaluate", "find_data", "read_data", "report"]
