"""How much muxviz adds: ratios measured in one run, with spread. ``make bench`` runs this.

1. ``import muxviz`` against starting Python alone.
2. First paint of the Start page against a bare Streamlit page, in Chromium, in alternation. Paint =
   the page's heading is visible, from the moment the address is opened; the server is warm.
3. Pressing Run on Mix & read (cache cold, models loaded) against the bare forward passes that the
   run makes: one multiplexed pass with read-back, and the same texts through the N = 1 baseline.

Every figure is a median with quartiles over alternating repeats; absolute times are this machine's.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from muxviz.errors import MuxvizError
from muxviz.files import json_text, results_file, write_whole

ROOT = Path(__file__).resolve().parents[1]
BARE_PAGE = 'import streamlit as st\nst.title("Bare page")\nst.write("Nothing else.")\n'
SENTENCES = (
    "a clever and moving film about people who cannot sleep",
    "the plot falls apart long before the end",
    "i laughed more than i should have",
    "two hours of good actors waiting for a better script",
    "quiet, odd and rather beautiful",
)


def summary(a: list[float], b: list[float]) -> dict[str, float]:
    """Medians of two series and the quartiles of their pairwise ratio a / b."""
    low, middle, high = np.percentile(np.asarray(a) / np.asarray(b), [25, 50, 75])
    return {
        "ours_s": float(np.median(a)),
        "bare_s": float(np.median(b)),
        "ratio": float(middle),
        "ratio_q1": float(low),
        "ratio_q3": float(high),
        "repeats": len(a),
    }


def alternate(
    ours: Callable[[], float], bare: Callable[[], float], repeats: int
) -> dict[str, float]:
    """Call both in turn, the first pair uncounted."""
    pairs = [(ours(), bare()) for _ in range(repeats + 1)][1:]
    return summary([a for a, _ in pairs], [b for _, b in pairs])


def import_time(repeats: int) -> dict[str, float]:
    def start(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        return time.perf_counter() - began

    return alternate(lambda: start("import muxviz"), lambda: start("pass"), repeats)


@contextmanager
def server(script: Path) -> Iterator[str]:
    """A Streamlit server on a free port; yields its address once it is healthy."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.address", "127.0.0.1"]
    process = subprocess.Popen(
        command, cwd=script.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
        yield address
    finally:
        process.terminate()
        process.wait()


def first_paint(repeats: int) -> dict[str, float] | str:
    chromium = os.environ.get("MUXVIZ_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if chromium is None:
        return "not measured: no Chromium found (set MUXVIZ_CHROMIUM)"
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bare_script = Path(folder) / "bare.py"
        write_whole(bare_script, BARE_PAGE)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with server(ROOT / "app.py") as ours, server(bare_script) as bare:

            def paint(address: str) -> float:
                page = browser.new_context().new_page()
                began = time.perf_counter()
                page.goto(address)
                page.wait_for_selector("h1", state="visible")
                seconds = time.perf_counter() - began
                page.context.close()
                return seconds

            result = alternate(lambda: paint(ours), lambda: paint(bare), repeats)
        browser.close()
    return result


def rerun(repeats: int, checkpoint_name: str = "sst2-n5") -> dict[str, float]:
    from streamlit.testing.v1 import AppTest

    from muxviz.batch import Row, encode_rows, make_group
    from muxviz.inference import group_tensors
    from muxviz.loading.load import load
    from muxviz.tracing import trace
    from muxviz.ui.shell import session

    checkpoint = load(checkpoint_name)
    baseline = load(str(checkpoint.card["baseline"]))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["m"] = checkpoint_name
    app.run()
    app.switch_page("pages/mix.py").run()
    counter = iter(range(10_000))

    def texts(number: int) -> list[str]:
        return [f"{text} {number}" for text in SENTENCES]

    def press() -> float:
        number = next(counter)
        for field, text in zip(app.text_input, texts(number), strict=False):
            field.set_value(text)
        app.run()
        began = time.perf_counter()
        app.button(key="run").click().run()
        seconds = time.perf_counter() - began
        assert not app.exception, app.exception
        assert app.session_state[session.FAILED] is None
        return seconds

    def passes() -> float:
        rows = [Row(t) for t in texts(next(counter))]
        mixed = make_group(checkpoint.config, encode_rows(checkpoint, rows))
        singles = [make_group(baseline.config, [r]) for r in encode_rows(baseline, rows)]
        tensors = group_tensors(checkpoint, [mixed])
        alone = [group_tensors(baseline, [g]) for g in singles]
        began = time.perf_counter()
        trace(checkpoint.model, *tensors[:2], retrieval="scores", attentions=False)
        for ids, mask, _ in alone:
            baseline.model(ids, mask)
        return time.perf_counter() - began

    return alternate(press, passes, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    with results_file(options.json) as write:
        write(json_text(measured(options.repeats), indent=1) + "\n")


def measured(repeats: int) -> dict[str, Any]:
    """Print and return the ratios."""
    results = {
        "import muxviz / python alone": import_time(repeats),
        "first paint of Start / bare page": first_paint(repeats),
        "Run on Mix & read / bare passes": rerun(repeats),
    }
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name, row in results.items():
        if isinstance(row, str):
            print(f"{name:36s} {row}")
            continue
        print(
            f"{name:36s} {row['ratio']:.2f} ({row['ratio_q1']:.2f} to {row['ratio_q3']:.2f})   "
            f"{row['ours_s'] * 1e3:.0f} ms against {row['bare_s'] * 1e3:.0f} ms, "
            f"{row['repeats']} pairs"
        )
    return results


if __name__ == "__main__":
    try:
        main()
    except MuxvizError as error:
        raise SystemExit(f"{error} [{error.code}]") from error
