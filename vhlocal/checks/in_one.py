"""The remedies of several findings in the same lines, made one edit: pasted one after the other, each undid another."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.checks.report import Report
    from vhlocal.findings import Edit, Finding
    from vhlocal.model import Place

#: Which words of a text are replaced, from and to, and by what.
_Change = tuple[int, int, tuple[str, ...]]
_WORD = re.compile(r"[\w.$~/-]+|.", re.DOTALL)


def in_one(report: Report) -> Report:
    """Return a report whose edits of the same lines are one, which all findings have that it mends.

    Edits that change the same words stay as they are: only one of them can be made.
    """
    groups: dict[tuple[Place, str], list[Edit]] = {}
    for finding in report.findings:
        for edit in finding.edits:
            groups.setdefault((edit.place, edit.old), []).append(edit)
    merged = {
        edit: one for edits in groups.values() if edits[0].old and (one := _merged(edits)) is not None for edit in edits
    }
    return replace(report, findings=tuple(_with(finding, merged) for finding in report.findings))


def _with(finding: Finding, merged: dict[Edit, Edit]) -> Finding:
    return replace(finding, edits=tuple(merged.get(edit, edit) for edit in finding.edits))


def _merged(edits: Sequence[Edit]) -> Edit | None:
    """Return one edit that makes the changes of all; None where two of them change the same words."""
    words = _WORD.findall(edits[0].old)
    changes = sorted({_change(words, _WORD.findall(edit.new)) for edit in edits})
    new: list[str] = []
    at = 0
    for start, end, put in changes:
        if start < at:
            return None
        new += [*words[at:start], *put]
        at = end
    return replace(edits[0], new="".join([*new, *words[at:]]))


def _change(old: Sequence[str], new: Sequence[str]) -> _Change:
    """Return the one part that differs in other words."""
    start = _alike(old, new)
    same = _alike(old[start:][::-1], new[start:][::-1])
    return start, len(old) - same, tuple(new[start : len(new) - same])


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return with how many of the same words two texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
