"""The options of ``muxviz plan``; nothing heavy is imported, since every command builds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muxviz.ranges import LEAST_RATE, MOST_RATE, MOST_SPARSITY, real, seed, whole

EXAMPLES = """examples:
  muxviz plan --points points.csv --budget 0.03
  muxviz plan --points points.csv --accuracy 0.85 --n 3 4 --sparsity 0.7 0.85
  muxviz plan --points tradeoff.json --throughput 2000 --json plan.json
  muxviz plan --points points.csv --validate --json check.json
  muxviz plan --points points.csv --alone

Points: CSV with a header or a JSON list of objects, with num_instances (or n), sparsity, accuracy
and throughput (or instances_per_s), or what `muxviz bench tradeoff --json` writes; shares, not
percent. Optional: accuracy_std, accuracy_low, accuracy_high, throughput_q1, throughput_q3, name.
A budget is what accuracy may lose against the smallest N with the least sparsity."""


MOST_N = 10**6
MOST_TOP, MOST_SPLITS, MOST_BUDGETS = 1000, 10_000, 1000


def add_options(command: Any) -> None:
    """The options of ``muxviz plan``."""
    share = real(0, 1, hint="such as 0.85 for 85 %")
    command.add_argument("--points", type=Path, help="table of measured settings; CSV or JSON")
    command.add_argument(
        "--budget",
        type=real(0, 1, hint="such as 0.03 for 3 points"),
        help="accuracy that may be lost: 0.03 is 3 points",
    )
    command.add_argument("--accuracy", type=share, help="or: accuracy at least, 0.85 is 85 %%")
    command.add_argument(
        "--throughput", type=real(LEAST_RATE, MOST_RATE), help="or: instances a second at least"
    )
    command.add_argument(
        "--baseline-accuracy",
        type=share,
        help="what the budget refers to (default: the measured smallest N and sparsity)",
    )
    command.add_argument(
        "--n", type=whole(1, MOST_N), nargs="+", default=[], help="further N to consider"
    )
    command.add_argument(
        "--sparsity",
        type=real(0, MOST_SPARSITY, hint="such as 0.8 for 80 %"),
        nargs="+",
        default=[],
        help="further sparsities to consider",
    )
    command.add_argument(
        "--risk",
        type=real(0.001, 0.5, hint="such as 0.05 for 5 %"),
        default=0.05,
        help="that the goal is missed, at most (0.5: even odds)",
    )
    command.add_argument(
        "--escalation",
        type=Path,
        help="what `muxviz bench escalation --json` wrote: the share asked again as a third knob",
    )
    command.add_argument("--top", type=whole(1, MOST_TOP), default=5, help="settings to show")
    command.add_argument("--task", default="", help="which one, where rows say theirs")
    command.add_argument("--dtype", default="", help="the same for precisions")
    command.add_argument(
        "--validate",
        action="store_true",
        help="hide half of the points; count right answers and broken promises",
    )
    command.add_argument(
        "--alone",
        action="store_true",
        help="hold settings that prune and multiplex against each alone, at equal throughput",
    )
    command.add_argument(
        "--splits",
        type=whole(1, MOST_SPLITS),
        default=200,
        help="random halves of --validate",
    )
    command.add_argument(
        "--budgets", type=whole(1, MOST_BUDGETS), default=25, help="budgets of --validate"
    )
    command.add_argument("--seed", type=seed, default=0, help="of --validate")
    command.add_argument("--json", type=Path, help="also write the numbers here")
