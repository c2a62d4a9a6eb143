"""``muxviz bench clicks``: bytes are counted by kind, and rounds made one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from muxviz.bench.crowd import clicks
from muxviz.bench.crowd.clicks import Click, ClickRun, Meter, measure_clicks, table
from muxviz.bench.crowd.wire import _put
from muxviz.cli import main
from muxviz.errors import InputError
from muxviz.ui.shell.frame import PAGES


def message(**element: str) -> tuple[bytes, ForwardMsg]:
    found = ForwardMsg()
    ((kind, text),) = element.items()
    if kind == "plotly_chart":
        found.delta.new_element.plotly_chart.spec = text
    else:
        found.delta.new_element.markdown.body = text
    return found.SerializeToString(), found


def test_charts_are_counted_apart_and_what_came_before_compresses_what_follows() -> None:
    meter = Meter()
    words = " ".join(map(str, range(400)))
    chart, text = message(plotly_chart=words), message(markdown=words)
    meter(*chart)
    once = meter.deflated
    meter(*text)
    assert meter.charts == len(chart[0])
    assert meter.total == len(chart[0]) + len(text[0])
    assert 0 < meter.deflated - once < once / 10
    assert meter.read() == (meter.total / 1e3, meter.charts / 1e3, meter.deflated / 1e3)


def test_of_rounds_the_middle_counts() -> None:
    rounds = tuple(Click("mix", "rerun", *[cost] * 6) for cost in (1, 9, 2))
    assert clicks._of_rounds(rounds) == Click("mix", "rerun", *[2] * 6)


def test_the_processor_time_of_another_process_is_read() -> None:
    process = psutil.Process()
    spent = process.cpu_times()
    assert clicks._cpu_s(process) == pytest.approx(spent.user + spent.system, abs=0.1)


def test_values_of_several_parts_have_fields_of_their_own() -> None:
    states = BackMsg().rerun_script.widget_states.widgets
    _put(states.add(id="slot"), ("■ 2",))
    _put(states.add(id="fader"), (0.5,))
    _put(states.add(id="seed"), 3)
    assert list(states[0].string_array_value.data) == ["■ 2"]
    assert list(states[1].double_array_value.data) == [0.5]
    assert states[2].int_value == 3


def test_every_page_is_visited_and_a_strange_one_refused() -> None:
    assert set(clicks.PAGES) == (set(PAGES) - {"start"}) | {"app"}
    with pytest.raises(InputError, match=r"no page 'mixer' to click on; there are app, learn, mix"):
        measure_clicks(1, pages=["mixer"])


def test_the_command_prints_the_table_and_writes_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[Any] = []

    def measured(rounds: int, **given: Any) -> ClickRun:
        asked.append((rounds, given["threads"], given["pages"]))
        return ClickRun(rounds, 1, 2, (0.5, 1.0), (Click("mix", "rerun", 50, 60, 70, 67, 17, 23),))

    monkeypatch.setattr(clicks, "measure_clicks", measured)
    out = tmp_path / "clicks.json"
    assert main(["bench", "clicks", "--rounds", "3", "--pages", "mix", "--json", str(out)]) == 0
    assert asked == [(3, 1, ["mix"])]
    assert "| mix: rerun | 60 | 70 | 50 | 67 | 17 | 23 |" in capsys.readouterr().out
    assert json.loads(out.read_text())["clicks"][0]["cpu_ms"] == 50
    assert table(measured(1, threads=1, pages=())).endswith(
        "1 rounds, 1 torch threads, 2 cores, load 0.5 to 1.0"
    )
