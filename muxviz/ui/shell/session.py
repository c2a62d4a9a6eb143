"""Names in the session and in links, each written once.

A bound widget's key is also the name of its parameter in the address. Parameters of one page start
with a letter and an underscore.
"""

from __future__ import annotations

# Controls of every page.
CHECKPOINT = "m"
COMPUTE = "dt"  # device and precision
OTHER = "mb"  # model B, or NO_OTHER
NO_OTHER = "none"
PRESET = "p"
SLOT = "slot"  # counted from 1, as shown
SEED = "seed"

# Controls of Mix & read.
FILL = "x_fill"
PADDING = "x_pad"
PAIRS = "x_pairs"
EQUAL = "x_equal"
STRIPS = "x_tok"
LEAK_VIEW = "x_leak"
MIX = (FILL, PADDING, PAIRS, EQUAL, STRIPS, LEAK_VIEW)

# Kept on every page: what a pass is made of.
SIDEBAR = (CHECKPOINT, OTHER, COMPUTE, PRESET, SLOT, SEED)
SHARED = (*SIDEBAR, FILL, PADDING, PAIRS, EQUAL)

# Controls of Training.
RUN = "t_run"
COMPARE = "t_compare"  # several: the parameter is repeated
LOSS_AXIS = "t_y"
TRAINING = (RUN, COMPARE, LOSS_AXIS)

# In links only.
GROUP = "g"  # packed rows
VERSION = "v"
LINK_VERSION = "1"

# In the session only.
ROWS = "rows"  # tuple of group.EditedRow
NEXT_ROW = "next_row"  # id of the next new row
UNDO = "undo"  # earlier tuples of rows, the latest last
APPLIED = "applied_preset"  # the title whose rows were put in last, or OWN
LINK = "link"  # parameters of the link this session started with
IS_READ = "link_is_read"
RESTORED = "restored"  # values of an address of earlier, for the next run to take
IGNORED = "ignored"  # what of a link was not understood
ABSENT = "absent"  # names: of a checkpoint that went away, and of the one that stands in for it
OPENED = "opened"  # checkpoints.Listed opened by path or hub id
HISTORY = "history"  # tuple of runs.PastRun, the latest last
CURRENT = "current"  # number of the run on screen
PINNED = "pinned"  # number of the pinned run
STUDIES = "studies"  # kept.Desk: jobs, results and panels of this session
SECTIONS = "sections"  # panels drawn on this page, for its report
TICKED = "ticked"  # number of the run that waits to be timed
FAILED = "failed"  # the error of the last run, until the next one
IMAGE = "image"  # what the cameras above pictures save, "svg" or "png"
FINDINGS = "findings"  # tuple of findings.Finding, the latest last
ASKED = "asked"  # runs.RunRequest that Run was pressed for, until its result is taken over
EDITOR = "editor_open"
LASSO = "map_lasso"  # numbers of the points of the map in a box or lasso
DETAILS = "mix_details"  # the tab that is open below the braid
TOOK = "took"  # ids of the rows that the last paste gave, and how many lines it left out
MARKS = "marks"  # what the editor last told the rest of the page
PASTED = "pasted"
PAGE = "page"  # drawn last
GO = "go_to"  # page that a button asked for


def row_text(row: int) -> str:
    """Key of a row's text field."""
    return f"row_{row}_text"


def row_pair(row: int) -> str:
    """Key of a row's second text field."""
    return f"row_{row}_pair"
