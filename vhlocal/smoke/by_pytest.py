"""Smoke tests that are written for pytest: which Python runs them, and their verdicts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from vhlocal.errors import InputError, VhlocalError
from vhlocal.model import Place
from vhlocal.smoke.pythons import python_with, run_tool
from vhlocal.smoke.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: pytest's exit codes where its report has every verdict: all have passed, some have not.
_JUDGED = (0, 1)

#: Lines of a failure's report that say what was found.
_FOUND = "E  "


def files(place: Path) -> list[Path]:
    """Return the test files of pytest in a directory, as pytest names them."""
    return sorted({*place.rglob("test_*.py"), *place.rglob("*_test.py")})


def python_of(directory: Path, environ: Mapping[str, str]) -> Path:
    """Return a Python that has pytest and vhlocal, whose plugin finds the endpoints; InputError where none has both."""
    asked = python_with(("pytest", "vhlocal.pytest_plugin"), directory, environ)
    if asked.found is None:
        raise InputError(
            f"pytest is not installed beside vhlocal in any of {', '.join(map(str, asked.all))}",
            hint=f"install both: {asked.all[0]} -m pip install pytest vhlocal",
        )
    return asked.found


def run(
    python: Path, directory: Path, tests: Sequence[Path], endpoints: Sequence[str], environ: Mapping[str, str]
) -> list[Result]:
    """Run test files in a project's directory and return their verdicts; nothing is left beside them.

    Those that are parametrised over endpoints are run for ``endpoints`` alone, where any are named. VhlocalError where
    pytest itself fails.
    """
    with tempfile.TemporaryDirectory(prefix="vhlocal-") as made:
        report = Path(made, "report.xml")
        options = ["-p", "vhlocal", "-p", "no:cacheprovider", f"--junit-xml={report}", "-o", "junit_family=xunit1"]
        options += [f"--vhlocal-endpoint={name}" for name in endpoints]
        quiet = {**environ, "PYTHONDONTWRITEBYTECODE": "1"}
        code, said = run_tool([python, "-m", "pytest", *options, *tests], directory, quiet)
        results = read_report(report.read_text(encoding="utf-8"), directory) if report.exists() else []
    failed = any(result.failures for result in results)
    nobody_is_asked = not results and code == 5 and endpoints
    if code not in _JUDGED or (code == 1) != failed:
        if nobody_is_asked or (failed and code == 2):  # a file that cannot be imported is a verdict
            return results
        raise VhlocalError(f"pytest ended with {code}, and no test says why", detail=said)
    return results


def read_report(text: str, directory: Path) -> list[Result]:
    """Return the verdicts of a report in JUnit XML as pytest writes it (``xunit1``)."""
    results = []
    for case in ElementTree.fromstring(text).iter("testcase"):
        failures = [line for wrong in (*case.iter("failure"), *case.iter("error")) for line in _failures(wrong)]
        file, line = case.get("file"), case.get("line")
        place = Place(Path(file or case.get("classname") or directory.name), int(line) + 1 if line else None)
        left_out = case.find("skipped")
        why = "" if left_out is None else left_out.get("message") or "skipped"
        results.append(Result(None, case.get("name") or "", place, float(case.get("time") or 0), tuple(failures), why))
    return results


def _failures(wrong: ElementTree.Element) -> list[str]:
    """Return what was wrong: what pytest has found, line by line, or its first words."""
    found = [line.removeprefix(_FOUND).strip() for line in (wrong.text or "").splitlines() if line.startswith(_FOUND)]
    return [line.removeprefix("AssertionError: ") for line in found if line] or [
        (wrong.get("message") or wrong.tag).splitlines()[0]
    ]
