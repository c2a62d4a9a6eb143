"""Behavioural tests as JUnit XML, as GitHub, GitLab and Jenkins read it.

One suite, a case a test. A test that failed or is undecided is a ``failure`` (its ``type`` says
which), one that asked nothing is ``skipped``.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from muxviz.behaviour.wording import change_lines, remarks, verdict_words
from muxviz.printable import printable_lines
from muxviz.results.behaviour import CHANGES, SKIPPED, Behaviour, BehaviourTest

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NO_XML = re.compile("[\ufffe\uffff]")  # characters that no XML 1.0 holds, besides control ones


def junit(result: Behaviour) -> str:
    """The whole file."""
    origin = result.provenance
    skipped = sum(test.verdict == SKIPPED for test in result.tests)
    counts = {
        "tests": str(len(result.tests)),
        "failures": str(sum(not test.is_passed for test in result.tests)),
        "errors": "0",
        "skipped": str(skipped),
        "time": _seconds(sum(test.elapsed_s for test in result.tests)),
    }
    root = ET.Element("testsuites", {"name": "muxviz test"} | counts)
    named = {"name": _text(f"{origin.checkpoint} on {result.data}"), "timestamp": origin.measured}
    suite = ET.SubElement(root, "testsuite", named | counts)
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("checkpoint", f"{origin.checkpoint} ({origin.fingerprint})"),
        ("num_instances", origin.num_instances),
        ("rows", result.rows),
        ("seed", origin.seed),
        ("passes", result.passes),
    ):
        ET.SubElement(properties, "property", name=name, value=_text(str(value)))
    for test in result.tests:
        _add_case(suite, test, result)
    ET.indent(root)
    return f"{DECLARATION}{ET.tostring(root, encoding='unicode')}\n"


def _add_case(suite: ET.Element, test: BehaviourTest, result: Behaviour) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_text(f"muxviz.{result.provenance.checkpoint}"),
        name=test.name,
        time=_seconds(test.elapsed_s),
    )
    lines = [CHANGES[test.name], *remarks(test)]
    if test.verdict == SKIPPED:
        ET.SubElement(case, "skipped", message=_text(lines[-1]))
        return
    words = verdict_words(test, result.unit)
    if not test.is_passed:
        failure = ET.SubElement(case, "failure", message=_text(words), type=test.verdict)
        failure.text = _text("\n".join([line for c in test.worst for line in change_lines(c)]))
    ET.SubElement(case, "system-out").text = _text("\n".join([words, *lines]))


def _seconds(elapsed_s: float) -> str:
    return f"{elapsed_s:.3f}"


def _text(text: str) -> str:
    """What XML 1.0 can hold; control characters as escapes."""
    return _NO_XML.sub("\ufffd", printable_lines(text))
