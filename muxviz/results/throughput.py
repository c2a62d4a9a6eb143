"""How fast, and at what accuracy: what ``muxviz bench`` measures and the Trade-off page shows.

A ``SpeedRun`` times passes (of random rows of one length, or of texts); a ``TradeoffRun`` measures
answers and speed on the very same groups. Rates count instances (texts), not passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

EQUAL_MULTIPLEXED = "equal_multiplexed"  # as many sequences per forward, so N times the texts
EQUAL_TOTAL = "equal_total"  # as many texts per forward
SURE = 0.95  # chance from which a plan is recommended


@dataclass(frozen=True)
class Quartiles:
    """Over rounds."""

    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Machine:
    """Where and with what a measurement was made.

    matmul_gflops, copy_gbytes_s: the fastest matrix product and memory copy that torch reached here
    with these threads in the precision of the run; another library may reach more. load: processes
    that wanted to run beside this one while measuring, in processors (0 on an idle machine).
    is_busy: enough of them to spoil timings.
    """

    device: str  # "cpu" or the GPU's name
    cpu: str
    cores: int
    threads: int
    versions: tuple[str, ...]
    measured: str  # when, ISO 8601
    matmul_gflops: float = 0.0
    copy_gbytes_s: float = 0.0
    load: float = 0.0
    is_busy: bool = False


@dataclass(frozen=True)
class SpeedRow:
    """One contender at one batch size.

    contender: ``muxviz``, ``dense`` (muxviz that multiplies the zeros of a block-diagonal encoder
    too), ``transformers``, or ``onnxruntime`` (ours as graphs). shape: such as ``bert-small``, or a
    checkpoint's name. weights: ``random`` or the checkpoint's fingerprint. batch: sequences per
    forward (multiplexed ones; under ``equal_total`` the plain contender it is compared with had
    batch * n). length: tokens per row, padding included; the mean where lengths are real.
    instances_per_s, pass_ms: over rounds. pass_p95_ms: of all passes. ratio_to_n1,
    ratio_to_transformers: per round against muxviz at N = 1 and against plain transformers; None
    where there was no such contender. peak_mib: highest memory of a process of its own, above what
    it had before the model was built. gflops_per_s: arithmetic really done (counted; of
    int8 that of the same pass in float32), per second. gbytes_per_s: bytes that operators read and
    wrote, per second: an upper bound; 0 where they were not counted. agreement: share
    of answers that float32 in torch gives, too; None where they were not compared.
    """

    contender: str
    shape: str
    weights: str
    n: int
    batch: int
    batch_mode: str
    length: float
    dtype: str
    device: str
    threads: int
    instances_per_s: Quartiles
    tokens_per_s: float
    pass_ms: Quartiles
    pass_p95_ms: float
    ratio_to_n1: Quartiles | None = None
    ratio_to_transformers: Quartiles | None = None
    peak_mib: float | None = None
    gflops_per_s: float = 0.0
    gbytes_per_s: float = 0.0
    is_compiled: bool = False
    with_tokenising: bool = False
    agreement: float | None = None


@dataclass(frozen=True)
class SpeedRun:
    """A benchmark: one machine, all contenders taking turns.

    command: what was typed. rounds: turns of each contender.
    """

    machine: Machine
    command: str
    rounds: int
    results: tuple[SpeedRow, ...]


@dataclass(frozen=True)
class Accuracy:
    """A score in [0, 1] over random groupings.

    mean, low, high: over groupings. interval: 95 % interval of the mean over rows (None for one).
    """

    metric: str
    mean: float
    low: float
    high: float
    interval: tuple[float, float] | None
    groupings: int
    rows: int


@dataclass(frozen=True)
class TradeoffPoint:
    """One checkpoint in one setting: accuracy and speed of the same groups.

    grouping: ``order`` (rows shuffled, N after another) or ``length`` (rows of like length
    together). sparsity: share of encoder weights pruned away. length: mean tokens per row, padding
    included. instances_per_s: texts answered per second: tokenising, grouping, forward and reading
    answers together; a copy is work, not an answer. forward_per_s: the same with the forward alone.
    ratio_to_n1: of ``instances_per_s``, per round, against the
    N = 1 checkpoint in the same setting. copies: of each row in every grouping (ensembling).
    bits_per_vector: of text that come through one mixture position, see Fidelity; None without a
    retrieval head or where it was not measured. skips_zeros: whether the encoder is block-diagonal
    and ran as its N blocks.
    """

    checkpoint: str
    fingerprint: str
    task: str
    n: int
    sparsity: float
    dtype: str
    grouping: str
    padding: str
    batch: int
    length: float
    accuracy: Accuracy
    instances_per_s: Quartiles
    forward_per_s: Quartiles
    ratio_to_n1: Quartiles | None
    copies: int = 1
    bits_per_vector: float | None = None
    skips_zeros: bool = False


@dataclass(frozen=True)
class TradeoffRun:
    """Points measured in one run on one machine. data: which rows, such as ``sst2/dev.tsv.gz``."""

    machine: Machine
    command: str
    data: str
    rounds: int
    seeds: tuple[int, ...]
    points: tuple[TradeoffPoint, ...]


@dataclass(frozen=True)
class PublishedPoint:
    """A number from a paper or its authors' files; never measured here.

    ratio: throughput relative to that paper's own unmultiplexed or unpruned baseline. score: in
    percent, None where none was confirmed. how: ``text`` (read in the paper or README) or
    ``figure`` (read off the authors' picture, about ± 0.1 points and ± 0.05 in the ratio).
    """

    source: str
    url: str
    model: str
    n: int
    sparsity: float | None
    task: str
    ratio: float
    score: float | None
    how: str
    note: str = ""


@dataclass(frozen=True)
class Traffic:
    """What a user needs. requests_per_s: texts. lengths: tokens, and their shares (sum 1)."""

    requests_per_s: float
    lengths: tuple[tuple[float, float], ...]
    latency_ms: float
    accuracy: float


@dataclass(frozen=True)
class Plan:
    """One setting that was considered for some traffic.

    machines: of the measured kind, to serve it; None where it cannot. latency_ms: expected, of a
    request that waits for its group to fill and then for a pass (p95). chance: estimated chance
    that accuracy and latency both hold. why_not: "" where the setting serves.
    """

    checkpoint: str
    n: int
    dtype: str
    batch: int
    instances_per_s: float
    machines: int | None
    latency_ms: float
    accuracy: float
    chance: float
    why_not: str = ""


@dataclass(frozen=True)
class Plans:
    """All settings, best first, and how they were obtained."""

    traffic: Traffic
    plans: tuple[Plan, ...]
    notes: tuple[str, ...]


def benchmark_dict(run: SpeedRun) -> dict[str, Any]:
    """Plain values in the documented JSON layout: ``{"machine": ..., "results": [...]}``."""
    from dataclasses import asdict

    return {
        "format": 1,
        "machine": asdict(run.machine),
        "command": run.command,
        "rounds": run.rounds,
        "results": [asdict(row) for row in run.results],
    }
