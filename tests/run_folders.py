"""Run folders written by hand, with curves that look like real ones; no model is trained."""

from __future__ import annotations

import json
import math
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HARDWARE = {"cpu": "a test", "cores": 2, "threads": 1, "device": "cpu", "processes": 1}
STAGES = ({"name": "priming", "steps": 1000}, {"name": "fine_tuning", "steps": 2000})
TEXTS = (
    ("a quiet film", "a quiet film"),
    ("it never <b>ends</b>", "it never begins"),
    ("plain *good* fun for all", "plain *good* fun for none"),
    ("dull and loud", "dull and proud"),
    ("two hours of rain", "two hours of rain"),
)
NOBODY = 2**22 + 1  # above the largest process number of Linux


def write_run(
    folder: Path,
    *,
    num: int = 5,
    last: int = 3000,
    every: int = 50,
    state: str | None = "finished",
    floor: float = 0.02,
    speed: float = 100.0,
    saves: int = 500,
    **progress: Any,
) -> Path:
    """A run of two stages up to step ``last``; ``state`` None leaves ``progress.json`` out."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder.as_posix()
    write_json(
        folder / "run.json",
        {
            "format": 2,
            "name": folder.name,
            "recipe": {"num_instances": num, "stages": list(STAGES)},
            "recipe_file": "configs/sst2-n5.toml",
            "command": ["muxviz", "train", "configs/sst2-n5.toml", "--data", "/d", "--out", out],
            "seed": 17,
            "commit": "0123456789abcdef",
            "hardware": HARDWARE,
            "started": "2026-01-01T10:00:00+00:00",
            "total_steps": 3000,
            "stages": list(STAGES),
            "num_instances": num,
            "start": "runs/sst2-n1",
            "teacher": None,
        },
    )
    rows = [row(step, num, floor, speed) for step in range(every, last + 1, every)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    if num > 1:
        lines = [sample(step, num) for step in range(saves, last + 1, saves)]
        (folder / "samples.jsonl").write_text("".join(json.dumps(s) + "\n" for s in lines))
    if state is not None:
        write_progress(folder, state, step=last, **progress)
    return folder


def write_progress(folder: Path, state: str, **changes: Any) -> None:
    """``progress.json`` of this very process, now, unless changed."""
    base = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "state": state,
        "message": "",
        "total_steps": 3000,
        "stage": "fine_tuning",
        "updated": datetime.now(UTC).isoformat(),
    }
    write_json(folder / "progress.json", base | changes)


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def row(step: int, num: int = 5, floor: float = 0.02, speed: float = 100.0) -> dict[str, Any]:
    """A row of ``metrics.jsonl``; priming to step 1000, then fine-tuning."""
    fade = math.exp(-step / 250)
    wobble = 1 + 0.08 * math.sin(step / 37)
    primes = step <= 1000
    losses = {"retrieval": (floor + 8.5 * fade) * wobble} if num > 1 else {}
    if not primes or num == 1:
        later = math.exp(-(step - 1000) / 900)
        losses["task"] = (0.25 + 0.45 * later) * wobble
        losses["hidden"] = (0.1 + 0.5 * later) * wobble
        losses["logit"] = (0.02 + 0.3 * later) * wobble
        losses["task_accuracy"] = 0.9 - 0.38 * later
    losses["total"] = sum(v for k, v in losses.items() if not k.endswith("accuracy"))
    shares = [max(0.0, 1 - fade * (1 + 0.3 * i) - 0.012 * i) for i in range(num)]
    return {
        "step": step,
        "stage": "priming" if primes else "fine_tuning",
        "learning_rate": 5e-4,
        "losses": losses,
        "retrieval_by_slot": shares if num > 1 else None,
        "instances": step * 16 * num,
        "tokens": step * 16 * num * 21,
        "seconds": step * 16 * num / speed,
        "instances_per_s": speed * wobble,
        "tokens_per_s": speed * 21 * wobble,
    }


def sample(step: int, num: int) -> dict[str, Any]:
    """A line of ``samples.jsonl``; later steps read back more."""
    slots = []
    for i in range(num):
        text, late = TEXTS[i % len(TEXTS)]
        read = late if step > 1000 else " ".join(["the", *late.split()[1:]])
        own, back = text.split(), read.split()
        right = sum(a == b for a, b in zip(own, back, strict=True))
        slots.append({"text": text, "read": read, "right": right, "tokens": len(own)})
    return {"step": step, "slots": slots}
