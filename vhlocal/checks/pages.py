"""The pages of the findings, as they come with vhlocal."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from vhlocal.checks.registry import ALL_DEFINITIONS
from vhlocal.errors import InputError

_PAGES = Path(__file__).parent.parent / "pages"

#: What leads to other files of the repository: a reader of the terminal has none of them.
_LINK = re.compile(r"\[([^]]+)\]\((?!https?:)[^)]*\)")
_NAVIGATION = re.compile(r"( \[All findings\]\(README\.md\)|^Sample projects: .*\n+)", re.MULTILINE)


def known_code(text: str) -> str:
    """Return the code that is meant; InputError, with one that is nearly the same, where it is none."""
    known = [definition.code for definition in ALL_DEFINITIONS]
    if text.upper() in known:
        return text.upper()
    # Any two codes are half alike: one that differs in more than a digit is not meant.
    close = next(iter(get_close_matches(text.upper(), known, n=1, cutoff=0.75)), None)
    meant = f"did you mean `{close}`? List" if close else "list"
    raise InputError(f"no finding has the code {text}", hint=f"{meant} all findings with `vhlocal explain`")


def page(code: str) -> str:
    """Return a finding's page as Markdown, without links to other files."""
    text = (_PAGES / f"{code}.md").read_text(encoding="utf-8")
    return _LINK.sub(r"\1", _NAVIGATION.sub("", text))
