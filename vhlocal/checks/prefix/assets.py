"""What a page needs to be more than blank, its scripts, styles and pictures; and where it leads. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BASE = re.compile(r"<base\b[^<>]*?\bhref\s*=\s*[\"']?([^\"'\s<>]*)", re.IGNORECASE)
#: Tags, and the attribute of each that is an address. What a page cannot be without comes first.
_NEEDING = (("script", "src"), ("link", "href"), ("img", "src"))
#: Where a page leads, which its reader asks for later.
_LEADING = (("form", "action"), ("button", "formaction"), ("a", "href"), ("iframe", "src"))
_TAG = {tag: re.compile(rf"<{tag}\b([^<>]*)>", re.IGNORECASE) for tag, _ in (*_NEEDING, *_LEADING)}
_ADDRESS = {
    name: re.compile(rf"(?:^|\s){name}\s*=\s*[\"']?([^\"'\s<>]+)", re.IGNORECASE)
    for name in ("src", "href", "action", "formaction")
}
_NEEDED = re.compile(r"\brel\s*=\s*[\"']?(?:stylesheet|modulepreload)\b", re.IGNORECASE)
_REQUESTED = re.compile(r"\b(?:fetch|axios\.(?:get|post|put|delete)|\$\.(?:get|post|getJSON))\(\s*[\"'`]([^\"'`\s]+)")
_COMMENT = re.compile(r"<!--.*?-->|\{#.*?#\}", re.DOTALL)
#: What does not begin where the page is: roots, places on the page, other schemes, what a template puts in.
_ABSOLUTE = re.compile(r"[A-Za-z][\w+.-]*:|[/#?]|[^/]*[{%<$]")
#: By what a page looks after its own URL.
_MINDS = re.compile(
    r"\blocation\.(?:pathname|href|replace)\b|\bcreateElement\(\s*[\"']base\b|http-equiv=.?refresh", re.I
)
#: Assets of one page that are looked at.
_MOST = 3


def base_of(body: str) -> str | None:
    """Return what a page has all its addresses begin with, None where it says nothing of that."""
    match = _BASE.search(body)
    return None if match is None else match[1]


def needs_base(body: str) -> bool:
    """Tell whether a page has scripts, styles or pictures whose addresses begin where its ``<base>`` says."""
    return any(not re.match(r"[A-Za-z][\w+.-]*:|/|#", address) for address in _addresses(body))


@lru_cache(maxsize=4)  # asked for after each answer
def assets_of(body: str, target: str, prefix: str, *, everywhere: bool = False) -> tuple[str, ...]:
    """Return the paths below ``prefix`` of a few assets of the page at ``target``, without their queries.

    ``everywhere`` has those count, too, that the page asks for as if it were at the root of the host.
    """
    base, found = urljoin(target, base_of(body) or ""), dict[str, None]()
    for address in dict.fromkeys(_addresses(body)):
        path = _path(address, base)
        if path.startswith(f"{prefix}/") and path.isascii() and path != f"{prefix}/":
            found[path.removeprefix(prefix)] = None
        elif everywhere and path.isascii() and len(path) > 1:
            found[path] = None
        if len(found) == _MOST:
            break
    return tuple(found)


def minds_its_url(text: str) -> bool:
    """Tell whether a page does something about its own URL, or has a ``<base>`` that does not begin there."""
    return _MINDS.search(text) is not None or not (base_of(text) or ".").startswith(".")


def relative_in(text: str) -> tuple[tuple[int, str], ...]:
    """Return the line and the address of all on a page that begins where the page is, in the order of the page.

    Nothing of a page that looks after its own URL, or whose ``<base>`` is somewhere else.
    """
    if minds_its_url(text):
        return ()
    kept = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    found = sorted((match.start(1), match[1]) for match in _REQUESTED.finditer(kept))
    found += list(_in_tags((*_NEEDING, *_LEADING), kept))
    lines, line, counted = [], 1, 0
    for at, address in sorted(found):
        line += kept.count("\n", counted, at)
        counted = at
        lines += [] if _ABSOLUTE.match(address) else [(line, address)]
    return tuple(lines)


def requested_in(script: str) -> tuple[str, ...]:
    """Return the addresses that a script asks for, of those that begin where its page is."""
    return tuple(one[1] for one in _REQUESTED.finditer(script) if not _ABSOLUTE.match(one[1]))


def _addresses(body: str) -> Iterator[str]:
    yield from (address for _, address in _in_tags(_NEEDING, body))


def _in_tags(tags: Iterable[tuple[str, str]], body: str) -> Iterator[tuple[int, str]]:
    """Yield the address in each of these tags and where it begins; of links those that a page is not itself without."""
    for tag, name in tags:
        for match in _TAG[tag].finditer(body):
            address = _ADDRESS[name].search(match[1])
            if address is not None and (tag != "link" or _NEEDED.search(match[1])):
                yield match.start(1) + address.start(1), address[1]


def _path(address: str, base: str) -> str:
    """Return the path that an address on a page leads to, "" where that is on another host, or none at all."""
    try:
        split = urlsplit(urljoin(base, address))
    except ValueError:  # no URL at all
        return ""
    return "" if split.netloc or split.scheme else split.path
