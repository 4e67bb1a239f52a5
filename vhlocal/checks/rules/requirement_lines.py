"""VH201: a requirements line that pip refuses (B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.edits import in_line
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH201",
    title="pip rejects a line of the requirements",
    severity=Severity.ERROR,
    why="pip reads the whole file before it installs anything. One line that it cannot read, or an included file that "
    "is not packaged, makes the image build fail.",
    remedy={
        "": "Write the line as pip reads it, `name==1.2.3` or `name>=1.2`; make sure that no included file is ignored."
    },
    example=Example("text", "flask=3.0.0", "flask==3.0.0"),
    rows=("B2", "B5"),
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the lines that cannot be parsed, and includes of what is not packaged."""
    for line in subject.requirements.invalid if subject.requirements else ():
        pin = _pin(line.text)
        edits = in_line(line.place, line.text, pin) if pin else ()
        yield Finding(
            DEFINITION, line.place, f"`{line.text}`: {line.reason}", _change(line.text, pin, line.reason), edits=edits
        )


def _pin(text: str) -> str:
    """Return what was meant by a line with one `=`, "" for any other."""
    name, equals, version = text.partition("=")
    if equals and version and not version.startswith("=") and name.strip().replace("-", "").replace("_", "").isalnum():
        return f"{name.strip()}=={version.strip()}"
    return ""


def _change(text: str, pin: str, reason: str) -> str:
    if pin:
        return f"write {pin}"
    if "has a hash" in reason:
        return "add its hashes, for example with `pip-compile --generate-hashes`, or remove the hashes from all lines"
    return (
        "correct the line, or make sure that the file is packaged"
        if text.startswith("-")
        else "write it as pip reads it"
    )


RULE = Rule((DEFINITION,), find)
