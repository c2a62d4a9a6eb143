"""What every page draws first: the page's settings, the sidebar, and what a link asked for.

    bench = frame("mix")

Left out: torch, models and figures; a page appears before any of them is loaded.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from muxviz.figures.drawing.slots import slot_label
from muxviz.results.group import pruned_words
from muxviz.ui.shell import checkpoints, group, link, options, session
from muxviz.ui.shell.checkpoints import Listed
from muxviz.ui.shell.link_readers import MAX_SEED
from muxviz.ui.shell.logo import ICON, LOGO
from muxviz.ui.shell.look import STYLE
from muxviz.ui.shell.text import plain

ROOT = Path(__file__).resolve().parents[3]
LINK = 100  # px, least width of a link of the navigation, which has two columns
SIDEBAR = 330  # px: five slots beside each other
COMPARING = ("mix", "compare", "crosstalk", "layers", "keys", "dataset")  # pages that use model B
SEGMENTS = 12  # more slots than this are chosen from a list


@dataclass(frozen=True)
class Page:
    """A page of the app. A file that does not exist is not linked."""

    file: str
    title: str
    icon: str
    section: str


PAGES = {
    "start": Page("app.py", "Start", ":material/home:", "Start"),
    "learn": Page("pages/learn.py", "Learn", ":material/school:", "Start"),
    "mix": Page("pages/mix.py", "Mix & read", ":material/merge:", "Explore"),
    "fidelity": Page("pages/fidelity.py", "Fidelity", ":material/verified:", "Explore"),
    "crosstalk": Page("pages/crosstalk.py", "Cross-talk", ":material/swap_horiz:", "Explore"),
    "whatif": Page("pages/whatif.py", "What-if", ":material/tune:", "Explore"),
    "map": Page("pages/map.py", "Map", ":material/scatter_plot:", "Explore"),
    "attention": Page("pages/attention.py", "Attention", ":material/visibility:", "Inspect"),
    "layers": Page("pages/layers.py", "Layers", ":material/layers:", "Inspect"),
    "keys": Page("pages/keys.py", "Keys", ":material/key:", "Inspect"),
    "dataset": Page("pages/dataset.py", "Dataset", ":material/table_view:", "Debug & measure"),
    "debugger": Page("pages/debugger.py", "Debugger", ":material/bug_report:", "Debug & measure"),
    "compare": Page("pages/compare.py", "Compare", ":material/compare:", "Debug & measure"),
    "tradeoff": Page("pages/tradeoff.py", "Trade-off", ":material/balance:", "Debug & measure"),
    "planner": Page("pages/planner.py", "Planner", ":material/route:", "Debug & measure"),
    "models": Page("pages/models.py", "Models", ":material/inventory_2:", "Manage"),
    "training": Page("pages/training.py", "Training", ":material/model_training:", "Manage"),
    "saved": Page("pages/saved.py", "Saved", ":material/bookmarks:", "Manage"),
    "about": Page("pages/about.py", "About", ":material/info:", "Manage"),
}


@dataclass(frozen=True)
class Bench:
    """What is chosen on the sidebar.

    checkpoint: None when there is none to choose. other: model B, to compare with. slot: counted
    from 0. dtype: "auto" for the checkpoint's own rule.
    """

    page: str
    checkpoint: Listed | None
    other: Listed | None
    device: str
    dtype: str
    slot: int
    seed: int
    is_dark: bool
    notices: tuple[str, ...]

    @property
    def num_instances(self) -> int:
        """Slots of the checkpoint; 1 without one."""
        return self.checkpoint.num_instances if self.checkpoint else 1


def frame(page: str) -> Bench:
    """Draw the frame of a page; ``page`` is a key of ``PAGES``. To be called first."""
    st.set_page_config(
        page_title=f"{PAGES[page].title} · muxviz",
        page_icon=ICON,
        layout="wide",
        initial_sidebar_state=SIDEBAR,
    )
    st.html(STYLE)
    _go(page)
    choices = [*checkpoints.bundled(), *st.session_state.get(session.OPENED, ())]
    _keep_shared(page)
    link.read(page, choices, compute_choices())
    group.settle()
    with st.sidebar:
        _navigation()
        chosen, other, slot = _controls(page, choices)
        link.copy_control(page)
    if st.session_state[session.PRESET] != st.session_state[session.APPLIED]:
        st.rerun()  # the browser went back to another group
    notices = link.notices()
    device, dtype = options.compute(st.session_state[session.COMPUTE])
    return Bench(
        page,
        chosen,
        other,
        device,
        dtype,
        slot,
        st.session_state[session.SEED],
        st.context.theme.type == "dark",
        notices,
    )


def go_to(page: str) -> None:
    """Open another page at the next run (for callbacks)."""
    st.session_state[session.GO] = page


def _go(page: str) -> None:
    """Follow ``go_to``. Without parameters of its own: bound widgets bring theirs along, and
    Streamlit refuses to clear those.
    """
    target = st.session_state.pop(session.GO, page)
    if target != page:
        st.switch_page(PAGES[target].file, query_params={})


def page_exists(page: str) -> bool:
    """Whether a page can be linked."""
    return (ROOT / PAGES[page].file).is_file()


def compute_choices() -> list[str]:
    """Ids of devices and precisions that this machine offers."""
    return [c for c in options.COMPUTE if not c.startswith("cuda") or _has_gpu()]


def _has_gpu() -> bool:
    """Whether there is an NVIDIA driver; torch is not asked, it may not be loaded."""
    return Path("/proc/driver/nvidia/version").is_file() or shutil.which("nvidia-smi") is not None


def _keep_shared(page: str) -> None:
    """Values of widgets that the last page drew as well would be dropped on a change of page.

    With that change a slow browser may send a group that was left since. The group is what was
    applied: else the user's own sentences would be replaced by it.
    """
    state = st.session_state
    for key in session.SHARED:
        if key in state:
            state[key] = state[key]
    if state.get(session.PAGE, page) != page and session.APPLIED in state:
        state[session.PRESET] = state[session.APPLIED]
    state[session.PAGE] = page


def _navigation() -> None:
    st.logo(LOGO, size="large", icon_image=ICON)
    there = [page for name, page in PAGES.items() if page_exists(name)]
    with st.container(gap="xsmall"):
        for section in dict.fromkeys(page.section for page in there):
            st.caption(section)
            with st.grid(2, min_column_width=LINK, gap="xxsmall"):
                for page in (p for p in there if p.section == section):
                    st.page_link(page.file, label=page.title, icon=page.icon, width="stretch")
    st.space("xsmall")


def _controls(page: str, choices: list[Listed]) -> tuple[Listed | None, Listed | None, int]:
    """What is chosen on the sidebar: checkpoint, model B, and the slot from 0.

    Each control has its default from here, not from the session: where the browser goes back to an
    address without its parameter, Streamlit gives it that.
    """
    chosen = _checkpoint_control(choices)
    other = _other_control(choices, chosen)
    if other is not None and page not in COMPARING:
        named = [p.title for n, p in PAGES.items() if n in COMPARING and page_exists(n)]
        st.caption(f"Not used on this page; model B stands on: {', '.join(named)}.")
    num = chosen.num_instances if chosen else 1
    st.selectbox("Group of sentences", group.titles(), key=session.PRESET, bind="query-params")
    slot = _slot_control(num)
    with st.expander("Seed and precision", type="compact"):
        st.session_state.setdefault(session.SEED, 0)
        st.number_input(
            "Seed",
            0,
            MAX_SEED,
            key=session.SEED,
            bind="query-params",
            help="Of the draws that fill free slots, and of Shuffle.",
        )
        st.session_state.setdefault(session.COMPUTE, "auto")
        st.selectbox(
            "Device and precision",
            compute_choices(),
            format_func=options.COMPUTE.__getitem__,
            key=session.COMPUTE,
            bind="query-params",
            help="Automatic: a GPU where there is one, in float32.",
        )
    return chosen, other, slot


def _other_control(choices: list[Listed], chosen: Listed | None) -> Listed | None:
    """Model B: a second checkpoint for the pages that compare."""
    by_name = {c.name: c for c in choices if c != chosen}
    if not by_name:
        return None
    if st.session_state.get(session.OTHER) not in by_name:
        st.session_state[session.OTHER] = session.NO_OTHER
    labels = {session.NO_OTHER: session.NO_OTHER} | {c.name: c.label for c in by_name.values()}
    name = st.selectbox(
        "Compare with (model B)",
        list(labels),
        format_func=labels.__getitem__,
        key=session.OTHER,
        bind="query-params",
        help="The same sentences on a second checkpoint, beside the first where a page compares.",
    )
    unpruned = chosen.pruned_from if chosen else ""
    if unpruned in by_name and name != unpruned:
        st.button(
            f"Compare with {plain(unpruned)}, unpruned",
            key="compare_unpruned",
            icon=":material/compare_arrows:",
            type="tertiary",
            on_click=_compare_with,
            args=(unpruned,),
        )
    return by_name.get(name)


def _compare_with(name: str) -> None:
    st.session_state[session.OTHER] = name


def _checkpoint_control(choices: list[Listed]) -> Listed | None:
    first = checkpoints.preferred(choices)
    if first is None:
        st.info("No checkpoint is here. Put one into `checkpoints/`, or open one on Models.")
        return None
    by_name = {c.name: c for c in choices}
    _stand_in(by_name, first)
    name = st.selectbox(
        "Checkpoint",
        list(by_name),
        list(by_name).index(first.name),
        format_func=lambda n: by_name[n].label,
        key=session.CHECKPOINT,
        bind="query-params",
    )
    chosen = by_name[name]
    slots = "plain, one text a pass" if chosen.num_instances == 1 else f"N = {chosen.num_instances}"
    pruned = f" · {pruned_words(chosen.sparsity)}" if chosen.sparsity else ""
    alone = f" · alone: {chosen.baseline}" if chosen.baseline else ""
    st.caption(f"{slots}{pruned}{alone}")
    return chosen


def _stand_in(by_name: dict[str, Listed], first: Listed) -> None:
    """Where the chosen checkpoint went away, another stands in for it, and says so, until it is
    back or a third one is chosen.
    """
    state = st.session_state
    chosen, (absent, other) = state.get(session.CHECKPOINT), state.get(session.ABSENT, ("", ""))
    if chosen not in by_name:
        absent, other = chosen or "", first.name
        state[session.CHECKPOINT] = first.name
    elif chosen != other:
        absent = ""
    elif absent in by_name:
        state[session.CHECKPOINT], absent = absent, ""
    state[session.ABSENT] = (absent, other)
    if absent:
        st.warning(f"{plain(absent)} is not here now; {plain(other)} stands in for it.")


def _slot_control(num: int) -> int:
    """The chosen slot, counted from 0."""
    slot = st.session_state.get(session.SLOT) or 1
    st.session_state[session.SLOT] = min(slot, num)
    numbers = list(range(1, num + 1))
    if num > SEGMENTS:
        return -1 + st.selectbox(
            "Slot", numbers, format_func=_label, key=session.SLOT, bind="query-params"
        )
    chosen = st.segmented_control(
        "Slot",
        numbers,
        default=1,
        required=True,
        format_func=_label,
        key=session.SLOT,
        bind="query-params",
        help="Shown in detail; the same colour, symbol and number everywhere.",
    )
    return chosen - 1


def _label(number: int) -> str:
    return slot_label(number - 1)


def is_demo() -> bool:
    """Whether this is a public demonstration."""
    return os.environ.get("MUXVIZ_DEMO", "") not in ("", "0")
