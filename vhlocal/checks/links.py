"""Links in pages that begin at the host's root, where no endpoint is (P1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK = re.compile(
    r"<[^<>]*?\s(?P<name>href|src|action|formaction|poster|data-url|hx-get|hx-post)\s*=\s*(?P<quote>[\"'])(?P<path>/[^\"']*)(?P=quote)",
    re.IGNORECASE,
)
_FETCH = re.compile(
    r"\b(?:fetch|axios\.(?:get|post|put|delete)|\$\.(?:get|post|ajax))\(\s*(?P<quote>[\"'`])(?P<path>/[^\"'`]*)(?P=quote)"
)
_COMMENT = re.compile(r"<!--.*?-->|\{#.*?#\}|\{%\s*comment\s*%\}.*?\{%\s*endcomment\s*%\}", re.DOTALL)
#: Written by templates that put something before it, and paths of another host.
_NOT_ABSOLUTE = re.compile(r"//|/?[^/]*[{%<$]")


def absolute_links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the path of each link that begins at the host's root, one for each line."""
    if "/" not in text:
        return
    kept = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    lines: dict[int, str] = {}
    for pattern in (_LINK, _FETCH):
        line, counted = 1, 0
        for match in pattern.finditer(kept):
            if not _NOT_ABSOLUTE.match(match["path"]):
                line += kept.count("\n", counted, match.start("path"))
                counted = match.start("path")
                lines.setdefault(line, match["path"])
    yield from sorted(lines.items())
