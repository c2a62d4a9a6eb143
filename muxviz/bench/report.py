"""Benchmark results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muxviz.bench.exactness import Exactness
from muxviz.bench.profile import STAGES, StageTimes
from muxviz.results.throughput import Machine, Quartiles, SpeedRun, TradeoffRun


def speed_table(run: SpeedRun) -> str:
    """One line per contender: median (quartiles) over rounds."""
    wide = max(13, *(len(row.shape) + 1 for row in run.results))
    head = (
        f"{'contender':<13}{'shape':<{wide}}{'N':>3} {'batch':>5} {'mode':<6}{'dtype':<9}"
        f"{'instances/s':>23} {'to N = 1':>19} {'to transformers':>19} {'p95 ms':>8} {'MiB':>6}"
    )
    is_compared = any(row.agreement is not None for row in run.results)
    lines = [head + (f"{'agree':>9}" if is_compared else "")]
    for row in run.results:
        agree = "-" if row.agreement is None else f"{row.agreement:.2%}"
        mode = "mux" if row.batch_mode == "equal_multiplexed" else "total"
        lines.append(
            f"{row.contender:<13}{row.shape:<{wide}}{row.n:>3} {row.batch:>5} {mode:<6}"
            f"{row.dtype:<9}"
            f"{spread(row.instances_per_s, 1):>23} {spread(row.ratio_to_n1, 2):>19} "
            f"{spread(row.ratio_to_transformers, 2):>19} {row.pass_p95_ms:>8.1f} "
            f"{'' if row.peak_mib is None else format(row.peak_mib, '.0f'):>6}"
            f"{f'{agree:>9}' if is_compared else ''}"
        )
    return "\n".join([*lines, *_roofline(run), machine_line(run.machine, run.rounds)])


def _roofline(run: SpeedRun) -> list[str]:
    """Arithmetic and traffic against what the machine can do at best."""
    machine = run.machine
    if not machine.matmul_gflops:
        return []
    lines = [
        f"torch at its best here: {machine.matmul_gflops:.0f} GFLOP/s (matrix product), "
        f"{machine.copy_gbytes_s:.1f} GB/s (copy)"
    ]
    seen = set()
    for row in run.results:
        key = (row.contender, row.shape, row.n, row.batch, row.dtype)
        if row.gflops_per_s and key not in seen:
            seen.add(key)
            lines.append(
                f"  {row.contender} {row.shape} N = {row.n}, batch {row.batch}, {row.dtype}: "
                f"{row.gflops_per_s:.1f} GFLOP/s "
                f"({row.gflops_per_s / machine.matmul_gflops:.0%}), "
                + (
                    f"{row.gbytes_per_s:.1f} GB/s ({row.gbytes_per_s / machine.copy_gbytes_s:.0%})"
                    if row.gbytes_per_s
                    else "traffic not counted"
                )
            )
    return lines


def tradeoff_table(run: TradeoffRun) -> str:
    """One line per point."""
    lines = [
        f"{'checkpoint':<15}{'N':>3} {'dtype':<9}{'grouping':<9}{'accuracy':>8} {'range':>15} "
        f"{'instances/s':>23} {'to N = 1':>19} {'forward/s':>10} {'length':>7}"
    ]
    for point in run.points:
        score = point.accuracy
        name = point.checkpoint + (f" x{point.copies}" if point.copies > 1 else "")
        name += " *" if point.skips_zeros else ""
        lines.append(
            f"{name:<15}{point.n:>3} {point.dtype:<9}{point.grouping:<9}{score.mean:>8.4f} "
            f"{f'{score.low:.4f}-{score.high:.4f}':>15} {spread(point.instances_per_s, 1):>23} "
            f"{spread(point.ratio_to_n1, 2):>19} {point.forward_per_s.median:>10.1f} "
            f"{point.length:>7.1f}"
        )
    if any(point.skips_zeros for point in run.points):
        lines.append("* block-diagonal: the zeros between its blocks are skipped")
    lines.append(f"data: {run.data}, {run.points[0].accuracy.rows} rows, seeds {run.seeds}")
    return "\n".join([*lines, machine_line(run.machine, run.rounds)])


def profile_table(found: Mapping[str, StageTimes]) -> str:
    """Milliseconds of every stage, before and after, and their shares."""
    before, after = found["before"], found["after"]
    lines = [f"{'stage':<15}{'before ms':>11}{'share':>7}{'after ms':>11}{'share':>7}"]
    for stage in STAGES:
        lines.append(
            f"{stage:<15}{before.stages[stage]:>11.2f}{before.share(stage):>7.1%}"
            f"{after.stages[stage]:>11.2f}{after.share(stage):>7.1%}"
        )
    lines.append(f"{'whole pass':<15}{before.total:>11.2f}{'':>7}{after.total:>11.2f}")
    lines.append(f"{'no operator':<15}{before.python:>18.1%}{after.python:>18.1%}")
    return "\n".join(lines)


def exactness_table(found: Sequence[Exactness]) -> str:
    """One line per checkpoint and precision."""
    lines = [
        f"{'checkpoint':<15}{'precision':<10}{'max |diff|':>11}{'max |logit|':>12}{'agree':>9}"
    ]
    for row in found:
        lines.append(
            f"{row.checkpoint:<15}{row.precision:<10}{row.logits:>11.1e}{row.scale:>12.2f}"
            f"{row.agreement:>9.4f} of {row.compared:,}"
        )
    return "\n".join(lines)


def machine_line(machine: Machine, rounds: int) -> str:
    """Where and how, in one line."""
    busy = ""
    if machine.is_busy:
        busy = f"; BUSY: others took {machine.load:.1f} processors, do not compare these timings"
    return (
        f"{machine.device} ({machine.cpu}), {machine.threads} threads of {machine.cores} cores, "
        f"{rounds} rounds, {', '.join(machine.versions)}, {machine.measured}{busy}"
    )


def spread(values: Quartiles | None, digits: int) -> str:
    """Median and quartiles; a dash for none."""
    if values is None:
        return "-"
    return f"{values.median:.{digits}f} ({values.q1:.{digits}f}-{values.q3:.{digits}f})"
