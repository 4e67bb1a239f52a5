"""Links in pages and their scripts that begin at the host's root, where no endpoint is, or name this machine (P1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How files of scripts end.
SCRIPTS = (".js", ".mjs")
#: Scheme and name of the machine that a page's reader sits at: in production that is never where the endpoint is.
_LOCAL = r"(?:https?|wss?)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d+)?"
_READERS = re.compile(rf"{_LOCAL}(?:[/?#]|$)")
_PATH = rf"(?P<path>(?:{_LOCAL}(?![\w.:-]))?/[^\"'`\s<>]*|{_LOCAL}(?=[\"'`]))"
_GIVEN = rf"\s*(?P<quote>[\"'`]){_PATH}(?P=quote)"
_LINK = re.compile(
    rf"<[^<>]*?\s(?:href|src|action|formaction|poster|data-url|hx-(?:get|post|put|patch|delete))\s*={_GIVEN}",
    re.IGNORECASE,
)
_REFRESHED = re.compile(r"<meta\b[^<>]*?\bcontent\s*=\s*[\"'][^\"'<>]*?\burl=(?P<path>/[^\"'<>\s]*)", re.IGNORECASE)
_STYLED = re.compile(
    r"\b(?:background|background-image|src|list-style-image|cursor)\s*:[^;{}\"<>]*?\burl\(\s*"
    r"(?P<quote>[\"']?)(?P<path>/[^\"')\s]*)(?P=quote)\s*\)"
)
_AXIOS = rf"\baxios\.(?:get|post|put|patch|delete)\({_GIVEN}"
#: What a script asks for, and where it leads its page.
_ASKED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:fetch|\$\.(?:get|post|getJSON|ajax))\({_GIVEN}",
        rf"\bnew (?:WebSocket|EventSource|Request|Worker)\({_GIVEN}",
        rf"\.open\(\s*[\"'][A-Za-z]+[\"']\s*,{_GIVEN}",
        rf"\$\.ajax\(\s*\{{[^{{}}]*?\burl\s*:{_GIVEN}",
        rf"\blocation(?:\.href)?\s*={_GIVEN}",
        rf"\blocation\.(?:assign|replace)\({_GIVEN}",
        r"\blocation\.(?:host|origin)\s*\+\s*(?P<quote>[\"'`])(?P<path>/[^\"'`\s]*)(?P=quote)",
        r"\$\{(?:window\.|document\.)?location\.(?:host|origin)\}(?P<path>/[^\"'`\s<>]*)`",
    )
)
_BY_AXIOS = re.compile(_AXIOS)
_COMMENT = re.compile(r"<!--.*?-->|\{#.*?#\}|\{%\s*comment\s*%\}.*?\{%\s*endcomment\s*%\}", re.DOTALL)
_COMMENT_OF_SCRIPT = re.compile(r"/\*.*?\*/|(?:^|(?<=[\s;{}]))//[^\n]*", re.DOTALL | re.MULTILINE)
#: Written by templates that put something before it, and paths of another host.
_NOT_ABSOLUTE = re.compile(r"//|/?[^/]*[{%<$]")
#: An address that is asked for below this one, wherever it begins.
_BASED = re.compile(r"\bbaseURL\b")


def absolute_links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the path of each link of a page that begins at the host's root, one for each line.

    Where a link names this machine it is the whole address.
    """
    return _lines((_LINK, _REFRESHED, _STYLED, *_asked(text)), _COMMENT, text)


def absolute_requests(script: str) -> Iterator[tuple[int, str]]:
    """Yield the same of what a script asks for."""
    return _lines(_asked(script), _COMMENT_OF_SCRIPT, script)


def names_reader(url: str) -> bool:
    """Tell whether a URL names the machine of whoever reads the page."""
    return _READERS.match(url) is not None


def where_it_leads(link: str) -> str:
    """Return the words for where such a link leads."""
    return "the root of the host" if link.startswith("/") else "the machine of whoever reads the page"


def _asked(text: str) -> tuple[re.Pattern[str], ...]:
    return _ASKED if _BASED.search(text) else (*_ASKED, _BY_AXIOS)


def _lines(patterns: tuple[re.Pattern[str], ...], comment: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    if "/" not in text:
        return
    kept = comment.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    lines: dict[int, str] = {}
    for pattern in patterns:
        line, counted = 1, 0
        for match in pattern.finditer(kept):
            if not _NOT_ABSOLUTE.match(match["path"]):
                line += kept.count("\n", counted, match.start("path"))
                counted = match.start("path")
                lines.setdefault(line, match["path"])
    yield from sorted(lines.items())
