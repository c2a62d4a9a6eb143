"""Running sums between two rows of ``metrics.jsonl``."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate.utils import gather_object

if TYPE_CHECKING:
    from accelerate import Accelerator

    from muxviz.training.batches import Batch
    from muxviz.training.objectives import Terms


class Meter:
    """Counts over the whole run (instances, tokens, seconds) and sums since the last row."""

    def __init__(self, instances: int = 0, tokens: int = 0, seconds: float = 0.0) -> None:
        self.instances, self.tokens, self.seconds = instances, tokens, seconds
        self._forget()

    def _forget(self) -> None:
        self._new = [0, 0]  # instances, tokens
        self._losses: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)  # steps that had this loss
        self._hits: dict[str, np.ndarray] = {}
        self._slots: np.ndarray | None = None

    def add_terms(self, terms: Terms, sums: dict[str, float]) -> None:
        """Add one pass; its losses go into ``sums``, the losses of its step."""
        losses = {**terms.values, "total": terms.total.detach()}
        counts = [*terms.hits.values(), *([] if terms.slots is None else [terms.slots])]
        packed = [torch.stack([v.float() for v in losses.values()]), *(c.flatten() for c in counts)]
        numbers = torch.cat(packed).cpu().numpy().astype(float)  # one transfer from a GPU
        for at, name in enumerate(losses):
            sums[name] = sums.get(name, 0.0) + float(numbers[at])
        at = len(losses)
        for name in terms.hits:
            self._hits[name] = self._hits.get(name, np.zeros(2)) + numbers[at : at + 2]
            at += 2
        if terms.slots is not None:
            slots = numbers[at:].reshape(2, -1)
            self._slots = slots if self._slots is None else self._slots + slots

    def add_step(self, whole: Batch) -> None:
        """Count the instances and real tokens of a whole step, over all processes."""
        self._new[0] += whole.rows.size
        self._new[1] += int(whole.mask.sum())

    def reduce(self, sums: dict[str, float], accelerator: Accelerator) -> dict[str, float]:
        """The losses of a step over all processes, which are also added to the running sums."""
        if accelerator.num_processes > 1:
            names = sorted(sums)
            values = torch.tensor([sums[n] for n in names], device=accelerator.device)
            summed: Any = accelerator.reduce(values, "sum")
            sums = dict(zip(names, summed.tolist(), strict=True))
        for name, value in sums.items():
            self._losses[name] += value
            self._counts[name] += 1
        return sums

    def share(self, accelerator: Accelerator) -> None:
        """Add up what was right, and of how many, over all processes; each then has the sums."""
        if accelerator.num_processes == 1:
            return
        everyone = gather_object([(self._hits, self._slots)])
        self._hits, self._slots = {}, None
        for hits, slots in everyone:
            for name, numbers in hits.items():
                self._hits[name] = self._hits.get(name, np.zeros(2)) + numbers
            if slots is not None:
                self._slots = slots if self._slots is None else self._slots + slots

    def row(self, step: int, stage: str, rate: float, elapsed: float) -> dict[str, Any]:
        """One row of ``metrics.jsonl``; the sums begin anew."""
        self.instances += self._new[0]
        self.tokens += self._new[1]
        self.seconds += elapsed
        sums = sorted(self._losses.items())
        losses = {name: value / self._counts[name] for name, value in sums}
        losses |= {name: float(h[0] / max(1.0, h[1])) for name, h in sorted(self._hits.items())}
        slots = None
        if self._slots is not None:
            right, of = self._slots
            slots = [float(r / n) if n else None for r, n in zip(right, of, strict=True)]
        row = {
            "step": step,
            "stage": stage,
            "learning_rate": rate,
            "losses": losses,
            "retrieval_by_slot": slots,
            "instances": self.instances,
            "tokens": self.tokens,
            "seconds": round(self.seconds, 2),
            "instances_per_s": round(self._new[0] / elapsed, 2),
            "tokens_per_s": round(self._new[1] / elapsed, 1),
        }
        self._forget()
        return row

    def saved(self) -> dict[str, float]:
        """What a resumed run goes on counting from."""
        return {"instances": self.instances, "tokens": self.tokens, "seconds": self.seconds}
