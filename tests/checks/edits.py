"""A finding's edits, applied as somebody would who pastes what the finding shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vhlocal.findings import Edit


def apply(edits: Iterable[Edit], to: Path | None = None, at: Path | None = None) -> None:
    """Change the files as the edits say; where ``at`` is given, those below it are changed below ``to`` instead."""
    for edit in sorted(edits, key=lambda one: one.place.line or 0, reverse=True):
        file = edit.place.file if at is None or to is None else to / edit.place.file.relative_to(at)
        lines = file.read_text().splitlines() if file.exists() else []
        if not edit.old:
            assert edit.place.line is None, edit
            lines += edit.new.splitlines()
        else:
            start, old = (edit.place.line or 0) - 1, edit.old.splitlines()
            assert lines[start : start + len(old)] == old, edit
            lines[start : start + len(old)] = edit.new.splitlines()
        file.write_text("\n".join([*lines, ""]))
