"""One look at a project by all rules: what was found, what of it is silenced, and what could not be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.checks.reach import fitted
from vhlocal.checks.registry import ALL_DEFINITIONS, ALL_RULES
from vhlocal.checks.sameness import tell_the_same
from vhlocal.errors import InputError
from vhlocal.findings import Note, Severity
from vhlocal.project.schema import did_you_mean
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from vhlocal.checks.rule import Rule
    from vhlocal.checks.subject import Subject
    from vhlocal.findings import Finding
    from vhlocal.model import Place

_ORDER = {severity: number for number, severity in enumerate(Severity)}


@dataclass(frozen=True)
class Silenced:
    """A finding that the project has chosen to live with, and why."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Report:
    """``notes`` say, a line each, what could not be looked at: that is no finding, and changes no exit code."""

    findings: tuple[Finding, ...]
    silenced: tuple[Silenced, ...] = ()
    notes: tuple[str, ...] = ()

    def count(self, severity: Severity) -> int:
        """Return the number of findings of one severity, silenced ones aside."""
        return sum(finding.definition.severity is severity for finding in self.findings)

    @property
    def errors(self) -> Report:
        """The same with nothing but what fails in production."""
        return replace(self, findings=tuple(one for one in self.findings if one.definition.severity is Severity.ERROR))

    @property
    def has_errors(self) -> bool:
        """Whether something was found that fails in production."""
        return self.count(Severity.ERROR) > 0


def look(subject: Subject, ignored: Mapping[str, str], rules: Iterable[Rule[Subject]] = ALL_RULES) -> Report:
    """Return what the rules find, in the order of the files; ``ignored`` maps codes to reasons.

    A rule that fails itself is a note: it must not keep the others from being heard.
    """
    found: dict[tuple[str, Place, str], Finding] = {}
    notes: list[str] = []
    for rule in rules:
        try:
            for finding in rule.find(subject):
                if isinstance(finding, Note):
                    notes.append(finding.text)
                    continue
                # Report what endpoints share once, for the first of them.
                found.setdefault(
                    (finding.definition.code, finding.place, finding.seen), fitted(finding, subject.reaches)
                )
        except Exception as error:  # noqa: BLE001 - a doctor that fails says so, and changes nothing
            codes = ", ".join(definition.code for definition in rule.definitions)
            notes.append(f"{codes} could not be checked: {type(error).__name__}: {error}")
    notes += _unread(subject, {place.file for _, place, _ in found})
    ordered = sorted(found.values(), key=_order)
    kept = tuple(finding for finding in ordered if finding.definition.code not in ignored)
    silenced = tuple(
        Silenced(finding, ignored[finding.definition.code]) for finding in ordered if finding.definition.code in ignored
    )
    return Report(kept, silenced, tuple(notes))


def _unread(subject: Subject, known: Collection[Path]) -> list[str]:
    """Return a note for each module that runs and that no rule could look into, so that none takes it for sound.

    What is found in one of the ``known`` files says by itself what is wrong with it.
    """
    modules = {item.module.path: item.module for reach in subject.reaches for item in reach.reached}
    return [
        f"{path} could not be read as Python, so nothing in it was checked: {module.unread}"
        for path, module in sorted(modules.items())
        if module.unread and module.source not in known
    ]


def joined(report: Report, found: Iterable[Finding], ignored: Mapping[str, str]) -> Report:
    """Return a report with more findings, each once; those whose codes are ``ignored`` are silenced.

    What a running endpoint shows replaces what its code alone showed of the same fault, and takes over those edits if
    it has none.
    """
    known = {*report.findings, *(item.finding for item in report.silenced)}
    new = [_with_edits(finding, report.findings) for finding in dict.fromkeys(found) if finding not in known]
    still = [one for one in report.findings if not any(_stands_in(finding, one, ignored) for finding in new)]
    kept = [*still, *(finding for finding in new if finding.definition.code not in ignored)]
    silenced = [Silenced(finding, ignored[finding.definition.code]) for finding in new if finding not in kept]
    before = [item for item in report.silenced if not any(tell_the_same(item.finding, new.finding) for new in silenced)]
    return replace(report, findings=tuple(sorted(kept, key=_order)), silenced=(*before, *silenced))


def _stands_in(shown: Finding, by_code: Finding, ignored: Mapping[str, str]) -> bool:
    """Tell whether one finding replaces the other; a silenced one replaces none of another code."""
    is_silenced = shown.definition.code in ignored and shown.definition.code != by_code.definition.code
    return not is_silenced and tell_the_same(by_code, shown)


def _with_edits(shown: Finding, by_code: Iterable[Finding]) -> Finding:
    edits = (one.edits for one in by_code if one.edits and tell_the_same(one, shown))
    return shown if shown.edits else replace(shown, edits=next(edits, ()))


def check_ignored(ignored: Mapping[str, str], place: Callable[[str], Place | None]) -> None:
    """Raise InputError for a code that no finding has, or that has no reason; ``place`` returns where a code stands."""
    known = [definition.code for definition in ALL_DEFINITIONS]
    for code, reason in ignored.items():
        if code not in known:
            raise InputError(
                f"`ignore` names {code}, but there is no such finding",
                place=place(code),
                hint=did_you_mean(code, known),
            )
        if not reason.strip():
            hint = f"give the reason: `{code}: REASON`"
            raise InputError(f"`ignore` gives no reason for {code}", place=place(code), hint=hint)


def _order(finding: Finding) -> tuple[str, int, int, int, str]:
    place = finding.place
    return (
        str(place.file),
        place.line or 0,
        place.column or 0,
        _ORDER[finding.definition.severity],
        finding.definition.code,
    )
