"""The samples of the findings: for each code a broken project and the same one mended, each a project that runs.

The place of a finding is the line with its code in a comment. Where a file takes no comment, or has to be made,
``expected.json`` beside the two says so: ``places`` lists them, ``create`` has sizes of files to make, ``tracked`` what
git is to track in each of the two, ``index`` what the package index has, as the Pythons that each version is for.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhlocal.checks.index import Answers, Known
from vhlocal.checks.report import Report, look
from vhlocal.checks.subject import read_subject
from vhlocal.project.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vhlocal.checks.index import Pin
    from vhlocal.findings import Finding

SAMPLES = Path(__file__).parent / "samples"


@dataclass
class FakeIndex:
    """An index that has what it is given: by name and version, what each file requires of Python."""

    has: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    trouble: str = ""
    asked: list[Pin] = field(default_factory=list)

    def look_up(self, pins: Collection[Pin]) -> Answers:
        self.asked += sorted(pins)
        if self.trouble:
            return Answers(trouble=self.trouble)
        known: dict[Pin, Known | None] = {}
        for name, version in pins:
            if name in self.has:
                requires = self.has[name].get(version)
                known[name, version] = None if requires is None else Known(tuple(requires))
        return Answers(known)


@dataclass(frozen=True)
class Sample:
    """One code's sample."""

    code: str
    home: Path = SAMPLES

    @cached_property
    def expected(self) -> dict[str, Any]:
        file = self.home / self.code / "expected.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def copy(self, name: str, to: Path) -> Path:
        """Copy the ``broken`` or ``mended`` project, with the files that have to be made."""
        directory = Path(shutil.copytree(self.home / self.code / name, to / name))
        for path, size in self.expected.get("create", {}).items():
            with (directory / path).open("wb") as file:
                file.truncate(size)
        for command in ("init -q", "add") if "tracked" in self.expected else ():
            added = self.expected["tracked"][name] if command == "add" else ()
            subprocess.run(["git", "-C", directory, *command.split(), *added], check=True)
        return directory

    @property
    def places(self) -> list[str]:
        """Where the broken project has its finding, as ``path:line``, or ``path`` for a whole file."""
        found = list(self.expected.get("places", []))
        root = self.home / self.code / "broken"
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if re.search(rf"\b{self.code}\b", line):
                    found.append(f"{file.relative_to(root).as_posix()}:{number}")
        return found


def found_in(directory: Path, index: FakeIndex | None = None) -> Report:
    """Return what the rules find in a project, with nothing of this machine's environment."""
    settings = load_settings(directory, {}, environ={})
    return look(read_subject(directory, settings, index or FakeIndex()), settings.ignore)


def told(findings: Collection[Finding], directory: Path) -> list[str]:
    """Return findings as ``CODE path:line``."""
    lines = []
    for finding in findings:
        path = finding.place.file.relative_to(directory).as_posix()
        lines.append(f"{finding.definition.code} {path}" + (f":{finding.place.line}" if finding.place.line else ""))
    return lines
