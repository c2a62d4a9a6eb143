"""Shared by all tests: no network, one thread each where several processes run them."""

from __future__ import annotations

import gc
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import browser
from tests.optional import is_here

# Seeded and short by default; MUXVIZ_FUZZ=100000 draws so many examples of each property.
FUZZ = os.environ.get("MUXVIZ_FUZZ")
settings.register_profile("short", derandomize=True, max_examples=60, deadline=None, database=None)
settings.register_profile(
    "long",
    max_examples=int(FUZZ or 1),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("long" if FUZZ else "short")

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["STREAMLIT_CLIENT_SHOW_ERROR_DETAILS"] = "full"  # of a test that fails
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


JOURNEYS = os.environ.get("MUXVIZ_JOURNEYS")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long journeys only where they are asked for, and files with slow tests first: a long file
    begun last would keep one core alone at the end.
    """
    skip = pytest.mark.skip(
        reason="a long journey; MUXVIZ_JOURNEYS=1 runs it, as CI in public does"
    )
    for item in items:
        if not JOURNEYS and item.get_closest_marker("journey"):
            item.add_marker(skip)
    slow = {item.path for item in items if any(map(item.get_closest_marker, ("slow", "browser")))}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """What the imports left, a million objects, is looked at by no collection to come: every run
    that trains ends with one.
    """
    gc.collect()
    gc.freeze()


OPTIONAL = ("captum", "umap", "ray", "onnx", "onnxruntime", "onnxscript", "datasets")
ABSENT = {name for name in OPTIONAL if not is_here(name)}  # now: a test may hide one for itself
MISSING = re.compile(
    rf"(?P<said>{'|'.join(OPTIONAL)})\S* is not installed"
    rf"|No module named '(?P<named>{'|'.join(OPTIONAL)})|import of (?P<halted>\w+) halted",
    re.IGNORECASE,
)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """What fails because an optional package is not here is skipped, with that as the reason."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and call.excinfo is not None:
        found = MISSING.search(str(call.excinfo.value))
        name = next(filter(None, found.groups()), "").lower() if found else ""
        if name in ABSENT:
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1], f"{name} is not installed")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept for later runs is not kept among the user's own."""
    os.environ["MUXVIZ_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def no_job_runs_on() -> Iterator[None]:
    """What a page began and its test did not wait for would compute beside the tests to come."""
    yield
    if any(thread.name == "muxviz-job" for thread in threading.enumerate()):
        from muxviz.ui.study.jobs import Job

        for job in [found for found in gc.get_objects() if type(found) is Job]:
            job.stop()
            assert job.join(120), job.status()


@pytest.fixture(scope="module")
def whole_window() -> Iterator[Any]:
    """A browser for all tests of a file."""
    with browser() as window:
        yield window


@pytest.fixture
def window(whole_window: Any) -> Iterator[Any]:
    """A browser without pages: one left open would go on asking its server and being drawn."""
    yield whole_window
    for page in whole_window.pages:
        page.close()
