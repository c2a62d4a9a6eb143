"""Studies on a page: every state, stopping, staleness, links, and that looking computes nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.analysis.groups.draws import base_group
from muxviz.batch import Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.figures.drawing.dim import FADED, dimmed
from muxviz.figures.drawing.export import Section, report_html, to_html
from muxviz.figures.drawing.family import Drawn
from muxviz.figures.drawing.ink import framed, ink
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.lane import Place
from muxviz.ui.learn import params as learn_params
from muxviz.ui.shell import frame, params
from muxviz.ui.shell import session as keys
from muxviz.ui.shell.frame import Page
from muxviz.ui.shell.params import Choice, Flag, Number, Words
from muxviz.ui.study import heading, jobs, runs
from muxviz.ui.study.call import Ask, Call
from muxviz.ui.study.jobs import Job, settle
from muxviz.ui.study.kept import MAX_RESULTS, Desk, Kept
from muxviz.ui.study.question import progress_text
from muxviz.ui.study.runs import RunRequest
from tests.pages import (
    ASKED,
    ROOT,
    charts,
    checked,
    click,
    linked,
    press,
    seen,
    settled,
    titles,
    write_pair,
)

TESTS = "test session id"  # that AppTest gives all its sessions
PARAMS = (
    Choice("s_few", "Few", {"one": "The first", "two": "The second"}, "one"),
    Choice("s_many", "Many", {f"id{i}": f"Words {i}" for i in range(9)}, "id3"),
    Number("s_whole", "Whole", 2, 20, 8, 2),
    Number("s_real", "Real", 0.0, 1.0, 0.5, 0.25),
    Flag("s_on", "On", default=True),
    Flag("s_off", "Off"),
    Words("s_text", "Text", "as it was", 20),
)
PROBE = """
import streamlit as st
from muxviz.ui.shell.frame import frame
from muxviz.ui.shell.params import control
from muxviz.ui.study.heading import page_head
from tests import test_study

bench = frame("learn")
run = page_head(bench, "Probe", "What comes of it?")
for param in test_study.PARAMS:
    control(param)
if run is not None:
    test_study.draw(bench, run)
"""


class Script:
    """What the page of these tests does next; set by each test."""

    def __init__(self) -> None:
        self.depth = 1
        self.instant = False
        self.reason = ""
        self.across = False
        self.pins = False
        self.view: tuple[Any, ...] = ()
        self.calls = 0
        self.panels = 0
        self.steps = 3
        self.raises: BaseException | None = None
        self.keeps_part = False
        self.gate: threading.Event | None = None  # work waits here after its first step
        self.at_gate = threading.Event()

    def work(self, checkpoint: Any, baseline: Any, progress: Any) -> Any:
        self.calls += 1
        if self.raises is not None:
            raise self.raises
        done = 0
        try:
            for done in range(1, self.steps + 1):
                if self.gate is not None and done == 2:
                    self.at_gate.set()
                    assert self.gate.wait(60)
                progress(done, self.steps)
        except Stopped:
            if not self.keeps_part:
                raise
        return (checkpoint.config.num_instances, baseline is not None, done)

    def draw(self, result: Any) -> Drawn:
        self.panels += 1
        plot = Plot(bar(x=[1, 2], y=[1, 2]))
        framed(plot, f"result {result}", dark=False, height=200, sides={})
        return Drawn((plot.figure(),), (plot.figure(),), ("two",), ("two bars",), [{"a": 1}])


@dataclass(frozen=True)
class Probe:
    """What a question calls, in place of an analysis."""

    ask: Ask
    work: Any

    def python(self, imports: Sequence[str], lines: Sequence[str]) -> str:
        return ""


script = Script()


def draw(bench: Any, run: RunRequest) -> None:
    """The only question of the page."""
    import streamlit as st

    from muxviz.ui.study.asked import Question
    from muxviz.ui.study.heading import family, sides
    from muxviz.ui.study.question import show

    across = family(bench)[1:] if script.across else ()
    ask = Ask(run, "probe", (("depth", script.depth),), across)
    result = show(
        Question(
            "probe",
            "What is it?",
            Probe(ask, script.work),
            "3 steps",
            script.draw,
            "**How**",
            "Nothing.",
            "Two bars.",
            script.instant,
            script.reason,
            script.view,
            origin="from",
            record=lambda _: (),
        )
    )
    st.session_state["got"] = result
    if script.pins:
        number = runs.keep(ASKED, None).number  # type: ignore[arg-type]  # no result is read
        st.session_state[keys.PINNED] = number
    both = sides(bench, with_pinned=script.pins)
    st.session_state["sides"] = [(name, side.checkpoint) for name, side in both]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    return root


@pytest.fixture(autouse=True)
def app(tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An app of one page, in place of ours."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "app.py").write_text(PROBE)
    (tmp_path / "pages" / "other.py").write_text(
        'from muxviz.ui.shell.frame import frame\nframe("mix")\n'
    )
    pages = {
        "learn": Page("app.py", "Probe", ":material/home:", "Start"),
        "mix": Page("pages/other.py", "Mix & read", ":material/merge:", "Explore"),
        "models": Page("pages/none.py", "Models", ":material/merge:", "Manage"),
    }
    monkeypatch.setattr(frame, "ROOT", tmp_path)
    for module in (frame, heading):
        monkeypatch.setattr(module, "PAGES", pages)
    monkeypatch.setattr(learn_params, "PARAMS", PARAMS)
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    vars(script).update(vars(Script()))
    yield tmp_path
    if script.gate is not None:
        script.gate.set()


def opened(app: Path, **parameters: str) -> AppTest:
    return checked(linked({"m": "tiny-n3"} | parameters, app / "app.py").run())


def labels(at: AppTest) -> list[str]:
    return [b.label for b in at.button]


# ---- states -------------------------------------------------------------------------------------


def test_ready_says_what_and_what_it_costs_then_compute_shows_it(app: Path) -> None:
    at = opened(app)
    assert "Two bars." in seen(at)
    assert "Cost: 3 steps." in seen(at)
    assert not charts(at)
    assert script.calls == 0
    press(at, "probe_compute")
    assert at.session_state["got"] == (3, True, 3)
    assert titles(at) == ["result (3, True, 3)"]
    assert "probe_compute" not in [b.key for b in at.button]
    assert "from" in seen(at)


def test_while_it_runs_there_is_progress_and_stop_and_the_page_goes_on(app: Path) -> None:
    script.gate = threading.Event()
    at = click(opened(app), "probe_compute")
    assert script.at_gate.wait(60)
    checked(at.run())
    assert "Stop" in labels(at)
    assert not charts(at)
    (running,) = at.session_state[keys.STUDIES].running.values()
    job = running.job
    assert (job.status().state, job.status().done, job.status().total) == ("running", 1, 3)
    script.gate.set()
    settled(at)
    assert at.session_state["got"] == (3, True, 3)


def stopped(app: Path) -> AppTest:
    script.gate = threading.Event()
    at = click(opened(app), "probe_compute")
    assert script.at_gate.wait(60)
    click(checked(at.run()), "probe_stop")
    script.gate.set()
    return settled(at)


def test_stop_keeps_the_part_that_is_done(app: Path) -> None:
    script.keeps_part = True
    at = stopped(app)
    assert at.session_state["got"] == (3, True, 2)
    assert "Stopped after 2 of 3." in seen(at)
    assert len(charts(at)) == 1
    script.gate = None
    press(at, "probe_compute")
    assert at.session_state["got"] == (3, True, 3)
    assert "Stopped" not in seen(at)


def test_stop_with_nothing_done_goes_back_to_ready(app: Path) -> None:
    at = stopped(app)
    assert at.session_state["got"] is None
    assert "Stopped before there was anything to show." in seen(at)
    assert "Compute" in labels(at)


def test_other_inputs_make_it_stale_and_going_back_computes_nothing(app: Path) -> None:
    at = press(opened(app), "probe_compute")
    script.depth = 2
    checked(at.run())
    assert "Stale." in seen(at)
    assert "you changed depth" in seen(at)
    assert at.session_state["got"] == (3, True, 3)
    assert charts(at)[0]["data"][0]["opacity"] == FADED
    press(at, "probe_compute")
    assert "Stale." not in seen(at)
    assert "opacity" not in charts(at)[0]["data"][0]
    script.depth = 1
    checked(at.run())
    assert "Stale." not in seen(at)
    assert at.session_state[keys.STUDIES].computed == script.calls == 2
    at.sidebar.number_input(key=keys.SEED).set_value(5).run()
    assert "you changed the seed" in seen(checked(at))


def test_a_changed_sentence_is_named(app: Path) -> None:
    at = press(opened(app), "probe_compute")
    at.sidebar.selectbox(key=keys.PRESET).select_index(2).run()
    assert "Stale." in seen(checked(at))
    assert "sentence" in at.warning[0].value


def test_an_old_picture_is_not_made_anew_for_another_model(app: Path) -> None:
    at = press(opened(app), "probe_compute")
    at.sidebar.selectbox(key=keys.CHECKPOINT).set_value("tiny-n1").run()
    assert "you changed the checkpoint" in seen(checked(at))
    assert charts(at)[0]["data"][0]["opacity"] == FADED
    assert script.panels == 1
    assert at.session_state["got"] is None, "its slots are those of another model"
    (section,) = at.session_state[keys.SECTIONS].values()
    assert "out of date" in section.question


def test_an_error_is_explained_and_can_be_tried_again(app: Path) -> None:
    script.raises = InputError("this text is too odd; change it")
    at = press(opened(app), "probe_compute")
    assert "too odd" in at.error[0].value
    assert at.session_state["got"] is None
    script.raises = None
    press(at, "probe_compute")
    assert not at.error
    assert at.session_state["got"] == (3, True, 3)


def test_a_group_that_is_too_small_is_refused_before_anything_is_loaded(app: Path) -> None:
    at = opened(app, p="single", x_fill="refuse")
    press(at, "probe_compute")
    assert "not to be filled" in at.error[0].value
    assert script.calls == 0


def test_what_does_not_apply_says_why(app: Path) -> None:
    script.raises = NotApplicable("not applicable: a plain model mixes nothing")
    at = press(opened(app), "probe_compute")
    assert "a plain model mixes nothing" in seen(at)
    assert not at.error
    assert "Compute" not in labels(at)
    script.reason, script.raises = "One slot only.", None
    checked(at.run())
    assert "One slot only." in seen(at)


def test_a_bug_surfaces_in_the_log_and_by_its_number_on_the_page(
    app: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script.raises = ZeroDivisionError("a bug")
    at = settle(opened(app).button(key="probe_compute").click().run())
    logged = next(r for r in caplog.records if r.name == "muxviz.ui.study.errors")
    number = logged.getMessage().split()[1].strip(",")
    assert logged.exc_info is not None
    assert logged.exc_info[1] is script.raises
    assert f"number {number}" in at.exception[0].message
    assert "a bug" not in at.exception[0].message


def test_an_instant_study_needs_no_button(app: Path) -> None:
    script.instant = True
    at = settled(opened(app))
    assert at.session_state["got"] == (3, True, 3)
    script.depth = 2
    settled(at.run())
    assert script.calls == 2
    assert "Stale." not in seen(at)


def test_a_study_across_checkpoints_answers_for_each(app: Path) -> None:
    script.across = True
    at = press(opened(app), "probe_compute")
    assert [(a.run.checkpoint, a.result) for a in at.session_state["got"]] == [
        ("tiny-n3", (3, True, 3)),
        ("tiny-n3", (3, True, 3)),
    ]


def test_a_job_goes_on_while_another_page_is_read(app: Path) -> None:
    script.gate = threading.Event()
    at = click(opened(app), "probe_compute")
    assert script.at_gate.wait(60)
    checked(at.switch_page("pages/other.py").run())
    script.gate.set()
    settled(at)
    checked(at.switch_page("app.py").run())
    assert at.session_state["got"] == (3, True, 3)


def test_a_new_question_stops_the_panels_earlier_one(app: Path) -> None:
    script.gate, script.instant = threading.Event(), True
    at = opened(app)
    assert script.at_gate.wait(60)
    (first,) = at.session_state[keys.STUDIES].running.values()
    script.depth = 2
    checked(at.run())
    assert first.job.is_stopping
    script.gate.set()
    settled(at)
    assert at.session_state["got"] == (3, True, 3)
    assert first.job.join(60)
    script.depth = 1
    settled(at.run())
    assert at.session_state["got"] == (3, True, 3), "going back starts it again"
    assert script.calls == 3


# ---- what a rerun costs -------------------------------------------------------------------------


def test_a_view_control_runs_no_work_and_makes_the_panel_once_per_view(app: Path) -> None:
    at = press(opened(app), "probe_compute")
    assert (script.calls, script.panels) == (1, 1)
    checked(at.run())
    assert script.panels == 1
    script.view = ("log",)
    checked(at.run())
    at.toggle(key="s_off").set_value(True).run()
    at.toggle(key="s_off").set_value(False).run()
    assert (script.calls, script.panels) == (1, 3)
    assert at.session_state[keys.STUDIES].computed == 1


def test_kept_results_are_bounded() -> None:
    own = Desk()
    for number in range(MAX_RESULTS + 5):
        own.keep(number, Kept(number, False, 1, 1))
        own.look_up(0)
    assert len(own.results) == MAX_RESULTS
    assert 0 in own.results
    assert 1 not in own.results


def test_two_sessions_do_not_see_each_others_jobs(app: Path) -> None:
    one, two = opened(app), opened(app)
    press(one, "probe_compute")
    checked(two.run())
    assert one.session_state[keys.STUDIES].computed == 1
    assert two.session_state[keys.STUDIES].computed == 0
    assert two.session_state["got"] is None
    assert not charts(two)


# ---- jobs ---------------------------------------------------------------------------------------


class Browsers:
    """A runtime that knows which sessions have a browser."""

    active: tuple[str, ...] = ()

    def exists(self) -> bool:
        return True

    def get_instance(self) -> Browsers:
        return self

    def is_active_session(self, session: str) -> bool:
        return session in self.active


@pytest.fixture
def browsers(monkeypatch: pytest.MonkeyPatch) -> Browsers:
    found = Browsers()
    monkeypatch.setattr(jobs, "runtime", found)
    monkeypatch.setattr(jobs, "LOOK_S", 0.0)
    return found


def test_a_job_whose_browser_is_gone_stops(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "GONE_S", 0.0)
    job = Job((ASKED,), script.work)
    job._watch._session = "somebody"
    job.start()
    assert job.join(60)
    assert job.status().state == "stopped"
    assert isinstance(job.error, Stopped)


@pytest.mark.parametrize("somebody_waits", [True, False])
def test_a_job_without_a_browser_ends_soon_only_where_somebody_waits(
    somebody_waits: bool, browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "GONE_WAITED_S", 0.0)
    script.gate = threading.Event()
    job = Job((ASKED,), script.work)
    job._watch._session = "somebody"
    job.start()
    assert script.at_gate.wait(60)
    if somebody_waits:
        other, heard = Job((replace(ASKED, seed=4),), Script().work), threading.Event()
        wait = other._wait
        monkeypatch.setattr(other, "_wait", lambda place: (heard.set(), wait(place)))
        other.start()
        assert heard.wait(60)
    script.gate.set()
    assert job.join(60)
    assert job.status().state == ("stopped" if somebody_waits else "done")
    if somebody_waits:
        assert other.join(60)
        assert other.status().state == "done"


def test_a_page_that_was_loaded_anew_takes_its_job_up_again(app: Path, browsers: Browsers) -> None:
    script.gate = threading.Event()
    browsers.active = (TESTS,)
    click(opened(app), "probe_compute")
    assert script.at_gate.wait(60)
    stranger = opened(app)
    assert "Compute" in labels(stranger), "what somebody looks at is nobody else's"
    browsers.active = ()
    at = opened(app)
    assert "Stop" in labels(at)
    assert script.calls == 1
    browsers.active = (TESTS,)
    script.gate.set()
    settled(at)
    assert at.session_state["got"] == (3, True, 3)
    assert script.calls == 1


def test_a_job_that_was_stopped_is_not_taken_up(app: Path, browsers: Browsers) -> None:
    script.gate = threading.Event()
    click(opened(app), "probe_compute")
    assert script.at_gate.wait(60)
    (job,) = jobs._known().values()
    job.stop()
    at = opened(app)
    assert "Compute" in labels(at)
    script.gate.set()
    assert job.join(60)


def test_a_second_job_waits_for_the_first_and_says_so() -> None:
    script.gate = threading.Event()
    first = Job((ASKED,), script.work)
    first.start()
    assert script.at_gate.wait(60)
    heard = threading.Event()
    second = Job((replace(ASKED, seed=4),), Script().work)
    wait = second._wait

    def noted(place: Place) -> None:
        heard.set()
        wait(place)

    second._wait = noted  # type: ignore[method-assign]
    second.start()
    assert heard.wait(60)
    status = second.status()
    assert status.place is not None
    assert (status.state, status.place.ahead) == ("queued", 1)
    assert progress_text(status) == "Waiting: 1 run ahead of yours, about 1 s"
    second.stop()
    assert second.join(60), "a queued job can be stopped"
    script.gate.set()
    assert first.join(60)
    assert (first.status().state, second.status().state) == ("done", "stopped")


def test_pages_are_painted_without_torch() -> None:
    """Every page that computes: nothing heavy is imported before the work begins."""
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from muxviz.ui.shell import params\n"
        "from muxviz.ui.study import jobs, runs\n"
        "from muxviz.ui.shell.frame import PAGES, page_exists\n"
        "runs.warm_up = jobs.Job.start = lambda *a: None\n"
        "jobs.Job.join = lambda *a: False\n"
        "for name in params.PAGES:\n"
        "    if page_exists(name):\n"
        "        at = AppTest.from_file('app.py', default_timeout=60)\n"
        "        at.switch_page(PAGES[name].file).run()\n"
        "        assert not at.exception, (name, at.exception)\n"
        "heavy = {'torch', 'transformers', 'captum', 'umap', 'sklearn', 'scipy', 'numba'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert "heavy: []" in done.stdout, done.stdout + done.stderr


# ---- links --------------------------------------------------------------------------------------

GOOD = {
    "s_few": ("two", "two"),
    "s_many": ("id7", "id7"),
    "s_whole": ("12", 12),
    "s_real": ("0.75", 0.75),
    "s_on": ("false", False),
    "s_off": ("1", True),
    "s_text": ("<b>*x*</b> ü", "<b>*x*</b> ü"),
}
BAD = {
    "s_few": "three",
    "s_many": "Words 99",
    "s_whole": "13",
    "s_real": "nan",
    "s_on": "perhaps",
    "s_off": "",
    "s_text": "x" * 21,
}


def values(at: AppTest) -> dict[str, Any]:
    return {param.key: at.session_state[param.key] for param in PARAMS}


@pytest.mark.parametrize("words", [False, True])
def test_a_link_sets_every_kind_of_control_and_comes_back(app: Path, words: bool) -> None:
    given = {key: text for key, (text, _) in GOOD.items()}
    if words:
        given |= {"s_few": "The second", "s_many": "Words 7"}
    at = opened(app, **given)
    assert not at.session_state[keys.IGNORED]
    assert values(at) == {key: value for key, (_, value) in GOOD.items()}
    link = at.code[0].value
    for name, (text, _) in GOOD.items():
        assert f"{name}=" in link, text
    checked(at.run())
    assert values(at) == {key: value for key, (_, value) in GOOD.items()}


def test_bad_values_leave_the_default_and_are_named(app: Path) -> None:
    at = opened(app, **BAD)
    ignored = at.session_state[keys.IGNORED]
    assert len(ignored) == len(BAD)
    assert values(at) == {param.key: param.default for param in PARAMS}
    checked(at.run())
    assert values(at) == {param.key: param.default for param in PARAMS}
    assert "s_" not in at.code[0].value, "defaults are left out of the link"


@pytest.mark.parametrize("text", ["1e3", "1_2", "-2", "1e999", "", "１２", " 4 ", "4.0", "x" * 99])
def test_odd_numbers(text: str) -> None:
    given = params.parse(PARAMS[2], text)
    assert given is None or (type(given) is int and given in range(2, 21, 2))


def test_private_choices_survive_a_change_of_page(app: Path) -> None:
    at = opened(app)
    at.toggle(key="s_on").set_value(False).run()
    at.slider(key="s_whole").set_value(2).run()
    at.switch_page("pages/other.py").run()
    checked(at.switch_page("app.py").run())
    assert at.session_state["s_on"] is False
    assert at.session_state["s_whole"] == 2


def test_every_registered_parameter_is_sound() -> None:
    found = params.all_params()
    assert len({p.key for p in found}) == len(found)
    for param in found:
        assert params.fits(param, param.default), param.key
        assert params.parse(param, params.as_text(param, param.default)) == param.default
        assert param.label
        assert not param.key.startswith(("x_", "t_")), "taken by Mix & read and by Training"


def test_model_b_comes_by_link_and_makes_a_second_side(app: Path) -> None:
    at = opened(app, mb="tiny-n1")
    assert at.session_state["sides"] == [("A", "tiny-n3"), ("B", "tiny-n1")]
    assert "mb=tiny-n1" in at.code[0].value
    assert opened(app).session_state["sides"] == [("A", "tiny-n3")]
    same = opened(app, mb="tiny-n3")
    assert same.session_state["sides"] == [("A", "tiny-n3")], "a model is not its own B"
    assert opened(app, mb="none-such").session_state[keys.IGNORED]


def test_choices_of_the_pass_are_kept_on_other_pages(app: Path) -> None:
    at = opened(app, x_pad="fixed", x_fill="published")
    for _ in range(3):
        checked(at.run())
    assert at.session_state[keys.PADDING] == "fixed"
    assert at.session_state[keys.FILL] == "published"


def test_a_pinned_run_can_stand_as_a_side(app: Path) -> None:
    script.pins = True
    at = opened(app)
    assert [name for name, _ in at.session_state["sides"]] == ["A", "pinned"]
    at = opened(app, mb="tiny-n1")
    assert [name for name, _ in at.session_state["sides"]] == ["A", "B", "pinned"]


# ---- head, report, Python -----------------------------------------------------------------------


def test_the_head_shows_the_group_or_what_is_missing(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "fill: repeat" in seen(opened(app, p="single"))
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path / "none"))
    assert "No checkpoint" in seen(opened(app))


def figure(dark: bool) -> go.Figure:
    plot = Plot(bar(x=[1], y=[1]))
    framed(plot, "A <b>finding</b>", dark=dark, height=200, sides={})
    return plot.figure()


@pytest.mark.parametrize("dark", [False, True])
def test_a_report_is_one_page_with_every_panel(dark: bool) -> None:
    notes = ("**Bold** and <i>text</i>", "`code`")
    sections = [Section(f"Q{i}?", (figure(dark),) * 2, notes, f"from {i}") for i in (1, 2)]
    page = report_html("Title <x>", ["one & two"], sections)
    assert page.count("plotly.js v") == 1
    assert page.count('class="plotly-graph-div"') == 4
    assert "<b>Bold</b> and &lt;i&gt;text&lt;/i&gt;" in page
    assert "Title &lt;x&gt;" in page
    assert "one &amp; two" in page
    assert "<script src=" not in page
    assert f"background:{ink(dark).paper}" in page
    assert f"background:{ink(dark).paper}" in to_html(figure(dark), "t", "c")
    assert "Nothing was computed" in report_html("t", [], [])


def test_the_report_of_a_page_holds_what_is_drawn(app: Path) -> None:
    at = opened(app)
    assert at.session_state[keys.SECTIONS] == {}
    press(at, "probe_compute")
    (section,) = at.session_state[keys.SECTIONS].values()
    assert section.question == "What is it?"
    assert len(section.figures) == 1


def test_a_dimmed_figure_is_a_faded_copy() -> None:
    made = figure(False)
    made.add_annotation(text="a", opacity=0.5)
    made.add_shape(type="line", x0=0, x1=1, y0=0, y1=1)
    before = made.to_json()
    faded = dimmed(made)
    assert made.to_json() == before
    assert faded.data[0].opacity == FADED
    assert faded.layout.annotations[0].opacity == FADED * 0.5
    assert faded.layout.shapes[0].opacity == FADED
    assert dimmed(go.Figure(go.Table())).data[0].type == "table"


def test_the_python_of_an_analysis_runs() -> None:
    code = Call("groups.draws.base_group", ASKED).python([], [])
    space: dict[str, Any] = {}
    exec(code, space)
    expected = base_group(
        space["checkpoint"], ASKED.rows, Seating("group", fill="published", seed=3)
    )
    assert (space["result"].ids == expected.ids).all()
    assert space["rows"] == list(ASKED.rows)
    assert "baseline" not in space, "nothing is loaded that the call does not take"
