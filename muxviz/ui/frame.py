"""What every page draws first: the page's settings, the sidebar, and what a link asked for.

    bench = frame("mix")

Left out: torch, models and figures; a page appears before any of them is loaded.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from muxviz.figures.slots import slot_label
from muxviz.ui import checkpoints, group, keys, link, options
from muxviz.ui.checkpoints import Listed
from muxviz.ui.logo import ICON, LOGO

ROOT = Path(__file__).resolve().parents[2]
MAX_SEED = 2**31 - 1
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
    "mix": Page("pages/mix.py", "Mix & read", ":material/merge:", "Explore"),
    "models": Page("pages/models.py", "Models", ":material/inventory_2:", "Manage"),
    "training": Page("pages/training.py", "Training", ":material/model_training:", "Manage"),
}


@dataclass(frozen=True)
class Bench:
    """What is chosen on the sidebar.

    checkpoint: None when there is none to choose. slot: counted from 0. dtype: "auto" for the
    checkpoint's own rule.
    """

    page: str
    checkpoint: Listed | None
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
        initial_sidebar_state="auto",
    )
    _go(page)
    choices = [*checkpoints.bundled(), *st.session_state.get(keys.OPENED, ())]
    _keep_shared()
    link.read(choices, compute_choices())
    group.settle()
    with st.sidebar:
        _navigation()
        chosen = _controls(choices)
        link.copy_control()
    if st.session_state[keys.PRESET] != st.session_state[keys.APPLIED]:
        st.rerun()  # the browser went back to another group
    notices = link.notices()
    device, dtype = options.compute(st.session_state[keys.COMPUTE])
    return Bench(
        page,
        chosen,
        device,
        dtype,
        st.session_state[keys.SLOT] - 1,
        st.session_state[keys.SEED],
        st.context.theme.type == "dark",
        notices,
    )


def go_to(page: str) -> None:
    """Open another page at the next run (for callbacks)."""
    st.session_state[keys.GO] = page


def _go(page: str) -> None:
    """Follow ``go_to``. Without parameters of its own: bound widgets bring theirs along, and
    Streamlit refuses to clear those.
    """
    target = st.session_state.pop(keys.GO, page)
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


def _keep_shared() -> None:
    """Values of widgets that the last page drew as well would be dropped on a change of page."""
    for key in keys.SHARED:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def _navigation() -> None:
    st.logo(LOGO, size="large", icon_image=ICON)
    section = ""
    for name, page in PAGES.items():
        if not page_exists(name):
            continue
        if page.section not in (section, page.title):
            st.caption(page.section)
        section = page.section
        st.page_link(page.file, label=page.title, icon=page.icon, width="stretch")
    st.divider()


def _controls(choices: list[Listed]) -> Listed | None:
    chosen = _checkpoint_control(choices)
    num = chosen.num_instances if chosen else 1
    st.selectbox("Group of sentences", group.titles(), key=keys.PRESET, bind="query-params")
    _slot_control(num)
    with st.expander("Seed and precision", type="compact"):
        st.session_state.setdefault(keys.SEED, 0)
        st.number_input(
            "Seed",
            0,
            MAX_SEED,
            key=keys.SEED,
            bind="query-params",
            help="Of the draws that fill free slots, and of Shuffle.",
        )
        st.session_state.setdefault(keys.COMPUTE, "auto")
        st.selectbox(
            "Device and precision",
            compute_choices(),
            format_func=options.COMPUTE.__getitem__,
            key=keys.COMPUTE,
            bind="query-params",
            help="Automatic: a GPU where there is one, in float32.",
        )
    return chosen


def _checkpoint_control(choices: list[Listed]) -> Listed | None:
    if not choices:
        st.info("No checkpoint is here. Put one into `checkpoints/`, or open one on Models.")
        return None
    by_name = {c.name: c for c in choices}
    if st.session_state.get(keys.CHECKPOINT) not in by_name:
        first = checkpoints.preferred(choices)
        st.session_state[keys.CHECKPOINT] = first.name if first else choices[0].name
    name = st.selectbox("Checkpoint", list(by_name), key=keys.CHECKPOINT, bind="query-params")
    chosen = by_name[name]
    slots = "plain, one text a pass" if chosen.num_instances == 1 else f"N = {chosen.num_instances}"
    alone = f" · alone: {chosen.baseline}" if chosen.baseline else ""
    st.caption(f"{slots}{alone}")
    return chosen


def _slot_control(num: int) -> None:
    slot = st.session_state.get(keys.SLOT) or 1
    st.session_state[keys.SLOT] = min(slot, num)
    numbers = list(range(1, num + 1))
    if num > SEGMENTS:
        st.selectbox("Slot", numbers, format_func=_label, key=keys.SLOT, bind="query-params")
        return
    st.segmented_control(
        "Slot",
        numbers,
        required=True,
        format_func=_label,
        key=keys.SLOT,
        bind="query-params",
        help="Shown in detail; the same colour, symbol and number everywhere.",
    )


def _label(number: int) -> str:
    return slot_label(number - 1)
