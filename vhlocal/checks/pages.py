"""The pages of the findings, as they come with vhlocal."""

from __future__ import annotations

import re
from pathlib import Path

from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.errors import InputError
from vhlocal.project.schema import did_you_mean

_PAGES = Path(__file__).parent.parent / "pages"

#: What leads to other files of the repository: a reader of the terminal has none of them.
_LINK = re.compile(r"\[([^]]+)\]\((?!https?:)[^)]*\)")
_NAVIGATION = re.compile(r"( \[All findings\]\(README\.md\)|^Sample projects: .*\n+)", re.MULTILINE)


def known_code(text: str) -> str:
    """Return the code that is meant; InputError, with those that there are, where it is none."""
    known = [definition.code for definition in ALL_DEFINITIONS]
    if text.upper() in known:
        return text.upper()
    hint = "; ".join(part for part in (_close(text, known), f"there are {_spans(known)}: `vhlocal explain`") if part)
    raise InputError(f"no finding has the code {text}", hint=hint)


def page(code: str) -> str:
    """Return a finding's page as Markdown, without links to other files."""
    text = (_PAGES / f"{code}.md").read_text(encoding="utf-8")
    return _LINK.sub(r"\1", _NAVIGATION.sub("", text))


def _close(text: str, known: list[str]) -> str:
    hint = did_you_mean(text.upper(), known) or ""
    return hint if hint.startswith("did you mean") else ""


def _spans(codes: list[str]) -> str:
    """Return the codes as ranges: ``VH101 to VH111, VH201``."""
    spans: list[list[str]] = []
    for code in codes:
        if spans and int(code[2:]) == int(spans[-1][-1][2:]) + 1:
            spans[-1].append(code)
        else:
            spans.append([code])
    return ", ".join(span[0] if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans)
