"""int8: a factor for every row of weights and of states, by hand and with planted outliers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from muxviz.engine import int8
from muxviz.engine.int8 import Int8Linear, int8_model
from muxviz.errors import NotApplicable
from tests.tiny import tiny_checkpoint


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    made = nn.Linear(len(weight[0]), len(weight)).requires_grad_(False)
    made.weight.copy_(torch.tensor(weight))
    made.bias.copy_(torch.tensor(bias))
    return made


@pytest.mark.parametrize("has_vnni", [True, False])
def test_whole_numbers_that_fit_are_multiplied_exactly(
    monkeypatch: pytest.MonkeyPatch, has_vnni: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: has_vnni)
    most = 127.0 if has_vnni else 63.0
    small = Int8Linear(linear([[127.0, -3.0], [0.0, 254.0]], [0.5, -1.0]))  # factors 1 and 2
    states = torch.tensor([[most, -1.0], [2.0, -most], [0.0, 0.0]])
    expected = [[127 * most + 3.5, -255.0], [254.5 + 3 * most, -254 * most - 1], [0.5, -1.0]]
    torch.testing.assert_close(small(states), torch.tensor(expected))


def test_a_halfway_number_is_rounded_up_and_a_sign_kept() -> None:
    small = Int8Linear(linear([[127.0, 0.0]], [0.0]))
    top = float(small.levels)
    found = small(torch.tensor([[2.5, top], [-2.5, top], [-2.6, -top]]))
    assert (found / 127).flatten().tolist() == pytest.approx([3.0, -2.0, -3.0])


def test_a_row_is_the_same_beside_one_that_is_a_thousand_times_larger() -> None:
    generator = torch.Generator().manual_seed(0)
    exact = nn.Linear(64, 32).requires_grad_(False)
    exact.weight.normal_(generator=generator)
    states = torch.randn(5, 64, generator=generator)
    small = Int8Linear(exact)
    alone = small(states)
    loud = torch.cat([1000 * torch.randn(3, 64, generator=generator), states])
    assert torch.equal(small(loud)[3:], alone)
    # One range for all of them would leave these rows a bit or none.
    assert float((alone - exact(states)).abs().max()) < 0.02 * float(exact(states).abs().max())


def test_what_is_no_number_stays_none() -> None:
    small = Int8Linear(linear([[1.0, 2.0]], [0.0]))
    found = small(torch.tensor([[float("nan"), 1.0], [float("inf"), 1.0], [1.0, 1.0]]))
    assert torch.isfinite(found).flatten().tolist() == [False, False, True]


def test_a_machine_without_kernels_is_told_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(linear: nn.Linear) -> None:
        raise NotImplementedError("onednn::qlinear_prepack is not there")

    monkeypatch.setattr(int8, "Int8Linear", missing)
    with pytest.raises(NotApplicable, match="no int8 kernels .* use float32 or bfloat16"):
        int8_model(tiny_checkpoint().model)
