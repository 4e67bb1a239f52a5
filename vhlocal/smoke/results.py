"""Verdicts: each request under each path, as a line for people and as JUnit XML for CI."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from vhlocal.smoke.expecting import Quick, Status, unmet
from vhlocal.values import dataclass
from vhlocal.visible import json_text, one_line, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.exchanges import Answer, Header
    from vhlocal.model import Place
    from vhlocal.smoke.cases import Case

_GOOD = range(200, 300)
_DETAILS = 6


@dataclass(frozen=True)
class Target:
    """An endpoint under one of its paths: ``under`` is the version or alias, ``url`` has no slash at its end.

    ``headers`` are sent with each request that has none of that name.
    """

    endpoint: str
    under: str
    url: str
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True)
class Result:
    """A verdict. ``failures`` are what differs from what is expected, shortest first; none where it is met.

    ``target`` is None for a test of pytest's, whose name says what it is of. ``skipped`` says why it was not run, where
    it was not: then it has neither passed nor failed.
    """

    target: Target | None
    name: str
    place: Place
    seconds: float
    failures: tuple[str, ...]
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.failures and not self.skipped

    def __str__(self) -> str:
        whose = f"{self.target.endpoint} ({self.target.under})  " if self.target else ""
        what = f"{whose}{self.place}  {self.name}"
        if self.skipped:
            return one_line(f"skip  {what}: {self.skipped}")
        if not self.failures:
            return one_line(f"ok    {what}  {self.seconds * 1000:.0f} ms")
        more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
        return one_line(f"FAIL  {what}: {self.failures[0]}{more}")

    @property
    def details(self) -> tuple[str, ...]:
        """The failures after the first, each a line, as many as are read."""
        return tuple(f"      {one_line(failure)}" for failure in self.failures[1:_DETAILS])


def judged(case: Case, target: Target, answer: Answer, seconds: float) -> Result:
    """Return the verdict on an answer. Where no status is expected it has to be one of success (2xx)."""
    failures: list[str] = []
    if answer.broke_off:
        failures.append(f"no whole answer: {answer.broke_off}" if answer.status else answer.broke_off)
    if answer.status and not any(isinstance(one, Status) for one in case.expectations) and answer.status not in _GOOD:
        failures.append(f"status 2xx → {answer.status}")
    for expected in case.expectations:
        if answer.status or isinstance(expected, Quick):
            failures += map(str, unmet(expected, answer, seconds))
    return Result(target, case.name, case.place, seconds, tuple(failures))


def summary(results: Sequence[Result]) -> str:
    """Return how many have passed, and how many have not."""
    passed, failed = sum(result.passed for result in results), sum(bool(result.failures) for result in results)
    skipped = len(results) - passed - failed
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def as_json(results: Sequence[Result]) -> str:
    """Return the verdicts as JSON."""
    verdicts = [
        {
            "endpoint": result.target and result.target.endpoint,
            "under": result.target and result.target.under,
            "url": result.target and result.target.url,
            "name": result.name,
            "file": str(result.place.file),
            "line": result.place.line,
            "seconds": round(result.seconds, 6),
            "passed": result.passed,
            "skipped": result.skipped or None,
            "failures": list(result.failures),
        }
        for result in results
    ]
    return json_text({"results": verdicts})


def junit(results: Sequence[Result], name: str = "vhlocal") -> str:
    """Return the verdicts as JUnit XML: a suite for each endpoint and path, and for pytest's tests, a case for each."""
    root = ElementTree.Element("testsuites", {"name": name, **_counts(results)})
    for target in dict.fromkeys(result.target for result in results):
        own = [result for result in results if result.target == target]
        named = {"name": f"{target.endpoint} ({target.under})" if target else "pytest", **_counts(own)}
        suite = ElementTree.SubElement(root, "testsuite", named)
        for result in own:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=f"{target.endpoint}.{target.under}" if target else "pytest",
                name=visible(f"{result.name} ({result.place})"),
                time=f"{result.seconds:.3f}",
            )
            if result.skipped:
                ElementTree.SubElement(case, "skipped", message=visible(result.skipped))
            if result.failures:
                failure = ElementTree.SubElement(case, "failure", message=visible(result.failures[0]))
                failure.text = visible("\n".join(result.failures))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(bool(result.failures) for result in results)),
        "errors": "0",
        "skipped": str(sum(bool(result.skipped) for result in results)),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }
