"""``muxviz bench crowd``: a tab keeps what a browser would show, and a false answer is found."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from muxviz.batch import Row
from muxviz.bench.crowd import measure, people
from muxviz.bench.crowd.measure import CrowdRun, Look, Plan, checked, goals, table
from muxviz.bench.crowd.people import Action, Answered, Notes, answers_of, outcome_of
from muxviz.bench.crowd.wire import EARLY, Lost, Tab
from muxviz.cli import main
from muxviz.errors import InputError, NotApplicable
from muxviz.inference import run_group
from muxviz.loading.load import load

FRAGMENT, WHOLE = ("f",), ()


def begin(fragments: tuple[str, ...] = WHOLE) -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.page_script_hash = "hash of mix"
    message.metadata.run.fragment_ids.extend(fragments)
    return message


def drawn(path: int, fragment: str = "", **element: Any) -> ForwardMsg:
    """An element: ``markdown="..."``, ``text="..."``, ``alert="..."``, or a button by its key."""
    message = ForwardMsg()
    message.metadata.delta_path.extend((0, path))
    message.delta.fragment_id = fragment
    ((kind, said),) = element.items()
    made = getattr(message.delta.new_element, kind)
    if kind == "button":
        made.id = f"$$ID-0123-{said}"
    elif kind == "exception":
        made.message = said
    else:
        made.body = said
    if kind == "alert":
        made.icon = ":material/error:"
    return message


def end(status: int = 0) -> ForwardMsg:
    message = ForwardMsg()
    message.script_finished = status  # type: ignore[assignment]
    return message


class Server:
    """A socket that answers every request with the next script."""

    def __init__(self, *scripts: list[ForwardMsg]) -> None:
        self.scripts = list(scripts)
        self.queue: list[ForwardMsg] = []
        self.asked: list[BackMsg] = []

    async def send(self, data: bytes) -> None:
        self.asked.append(BackMsg.FromString(data))
        self.queue += self.scripts.pop(0)

    async def recv(self) -> bytes:
        return self.queue.pop(0).SerializeToString()


def tab_of(*scripts: list[ForwardMsg], act: Any = None) -> tuple[Tab, Server]:
    """A tab that was opened at the first script, and then acted on."""
    server = Server(*scripts)
    tab = Tab(server)

    async def live() -> None:
        await tab._rerun(page="mix")
        if act is not None:
            await act(tab)

    asyncio.run(live())
    return tab, server


# ---- a tab --------------------------------------------------------------------------------------


def bodies(tab: Tab) -> list[str]:
    return [message.body for message in tab.elements("markdown")]


def test_what_a_script_does_not_draw_again_is_gone() -> None:
    first = [begin(), drawn(0, markdown="old"), drawn(1, button="run"), end()]
    second = [begin(), drawn(0, markdown="new"), end()]
    tab, server = tab_of(first, second, act=lambda tab: tab.press("run"))
    assert bodies(tab) == ["new"]
    assert tab.find("run") is None
    opened, pressed = (asked.rerun_script for asked in server.asked)
    assert (opened.page_name, opened.page_script_hash) == ("mix", "")
    assert (pressed.page_name, pressed.page_script_hash) == ("", "hash of mix")
    (state,) = pressed.widget_states.widgets
    assert (state.id, state.trigger_value) == ("$$ID-0123-run", True)


def test_a_fragment_leaves_the_rest_of_the_page() -> None:
    first = [begin(), drawn(0, markdown="page"), drawn(1, "f", markdown="a"), end()]
    first.insert(2, drawn(2, "f", button="more"))
    second = [begin(FRAGMENT), drawn(1, "f", markdown="b"), end(3)]
    tab, server = tab_of(first, second, act=lambda tab: tab.press("more"))
    assert bodies(tab) == ["page", "b"]
    assert server.asked[1].rerun_script.fragment_id == "f"


def test_a_run_that_is_followed_by_another_is_not_the_end() -> None:
    script = [begin(), drawn(0, markdown="half"), end(EARLY)]
    tab, _ = tab_of([*script, begin(), drawn(0, markdown="whole"), end()])
    assert bodies(tab) == ["whole"]


def test_a_message_that_was_kept_is_sent_by_its_hash() -> None:
    kept, named = drawn(0, markdown="long"), ForwardMsg()
    kept.hash, kept.metadata.cacheable = "h", True
    named.ref_hash = "h"
    named.metadata.delta_path.extend((0, 5))
    tab, server = tab_of(
        [begin(), kept, drawn(1, button="run"), end()],
        [begin(), named, end()],
        act=lambda tab: tab.press("run"),
    )
    assert bodies(tab) == ["long"]
    assert list(server.asked[1].rerun_script.cached_message_hashes) == ["h"]


def test_it_waits_for_work_by_the_fragments_own_clock() -> None:
    again = ForwardMsg()
    again.auto_rerun.interval, again.auto_rerun.fragment_id = 0.001, "f"
    busy = [begin(), again, drawn(0, "f", button="probe_stop"), end()]
    done = [begin(FRAGMENT), end(EARLY), begin(), drawn(0, markdown="there"), end()]
    tab, server = tab_of(busy, done, act=lambda tab: tab.settled())
    assert bodies(tab) == ["there"]
    assert server.asked[1].rerun_script.is_auto_rerun
    with pytest.raises(Lost, match="there is no run"):
        asyncio.run(tab.press("run"))


def test_without_the_package_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.asyncio.client", None)
    with pytest.raises(NotApplicable, match=r"pip install \"muxviz\[crowd\]\""):
        asyncio.run(Tab.opened("http://127.0.0.1:1").__aenter__())


# ---- what a page says ---------------------------------------------------------------------------


def test_answers_are_read_with_the_sentence_below_them() -> None:
    card = [drawn(0, markdown="#### not\\-⁠good :small[:gray[0.97]]"), drawn(1, text="person 3")]
    tab, _ = tab_of([begin(), *card, drawn(2, text="no answer"), end()])
    assert answers_of(tab) == (("person 3", "not-good", 0.97),)


@pytest.mark.parametrize(
    ("element", "outcome"),
    [
        ({"markdown": "well"}, "done"),
        ({"alert": "**Too many are waiting for this.** cpu is taken"}, "refused"),
        ({"alert": "**The files cannot be read.**"}, "error"),
        ({"exception": "a bug"}, "error"),
    ],
)
def test_refusals_are_told_from_errors(element: dict[str, str], outcome: str) -> None:
    tab, _ = tab_of([begin(), drawn(0, **element), end()])
    assert outcome_of(tab)[0] == outcome


def test_a_wrong_and_a_foreign_answer_are_found() -> None:
    model = load("sst2-n2", device="cpu")
    texts = ("person 1 says the film was warm", "person 1 says a dull story")
    result = run_group(model, [Row(text) for text in texts])
    right = tuple(
        (s.text, s.answer.headline, round(s.answer.probability or 0, 2)) for s in result.slots
    )
    other = "negative" if right[0][1] == "positive" else "positive"

    def answered(*shown: tuple[str, str, float]) -> Answered:
        return Answered(1, "sst2-n2", texts, shown)

    assert checked([answered(*right)]) == ((), ())
    label = answered((right[0][0], other, right[0][2]), right[1])
    number = answered(right[0], (*right[1][:2], right[1][2] - 0.03))
    foreign = answered(right[0], ("person 2 says so", *right[1][1:]))
    for bad in (label, number, answered(right[0])):
        wrong, strange = checked([bad])
        assert len(wrong) == 1
        assert strange == ()
    assert checked([foreign])[1] == ("session 1, sst2-n2: person 2 says so",)


# ---- the table ----------------------------------------------------------------------------------


def test_the_table_counts_and_names_what_went_wrong() -> None:
    alone, notes = Notes(), Notes()
    alone.actions.append(Action(0, "run", 0, 0.2, 0.3))
    notes.actions += [
        Action(1, "run", 0, 0.4, 1.0),
        Action(2, "run", 0, 0.4, 3.0, "refused", "Too many are waiting"),
        Action(2, "open map", 0, 1.0, 1.0, "error", "no map"),
        Action(3, "swap 256", 0, 1.0, 9.0),
        Action(2, "lost", 0, 0, 0, "lost", "gone"),
    ]
    looks = [Look(float(k), (100 + k) * 2**20, 9, 0.5 * k) for k in range(9)]
    run = measure._summed_up(Plan(2, heavy=1), alone, notes, looks)
    said = dict(goals(run))
    assert said["refused"] == "1 of 5 actions"
    assert said["errors, lost"] == "1, 1"
    assert said["memory after warm-up"] == "102 to 108 MiB"
    assert said["processors used by the server"].startswith("0.50 of")
    assert said["swaps of 256 by heavy users"] == "1, p50 9.0 s"
    (wait,) = [w for w in run.waits if w.what == "run"]
    assert (wait.count, wait.alone, wait.settled[0]) == (2, (0.3, 0.3), 2.0)
    lines = table(run).splitlines()
    assert "ERROR open map: no map" in lines
    assert "LOST 2 lost: gone" in lines


def test_no_server_and_no_checkpoint_are_said() -> None:
    with pytest.raises(InputError, match=r"no app answers at http://127.0.0.1:1; start it"):
        measure.measure_crowd(Plan(url="http://127.0.0.1:1"))
    with pytest.raises(InputError, match="nothing-n3 is not a bundled checkpoint"):
        measure._slots("nothing-n3")


def test_the_command_fails_where_an_answer_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    plans: list[Plan] = []

    def found(plan: Plan, tell: Any) -> CrowdRun:
        plans.append(plan)
        return measure._summed_up(plan, Notes(), Notes(), [])

    monkeypatch.setattr(measure, "measure_crowd", found)
    monkeypatch.setattr(measure, "checked", lambda answers: (("session 1: not so",), ()))
    words = ["bench", "crowd", "--sessions", "3", "--minutes", "0.5", "--json", str(tmp_path / "c")]
    assert main(words) == 1
    assert (plans[0].sessions, plans[0].minutes, plans[0].heavy) == (3, 0.5, 1)
    assert "WRONG session 1: not so" in capsys.readouterr().out
    assert '"wrong"' in (tmp_path / "c").read_text()


def test_sentences_are_ones_own() -> None:
    def person(who: int) -> people.Person:
        tab: Any = SimpleNamespace()
        return people.Person(who, tab, "sst2-n2", 2, Notes(), measure.random.Random(who))

    one, two = person(1), person(2)
    assert {one.sentence() for _ in range(9)}.isdisjoint(two.sentence() for _ in range(9))
