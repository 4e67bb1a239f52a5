"""What a page that was served needs to be more than blank: its scripts, styles and pictures. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_BASE = re.compile(r"<base\b[^<>]*?\bhref\s*=\s*[\"']?([^\"'\s<>]*)", re.IGNORECASE)
#: What a page cannot be without comes first.
_TAGS = {
    re.compile(rf"<{tag}\b([^<>]*)>", re.IGNORECASE): re.compile(
        rf"(?:^|\s){attribute}\s*=\s*[\"']?([^\"'\s<>]+)", re.IGNORECASE
    )
    for tag, attribute in (("script", "src"), ("link", "href"), ("img", "src"))
}
_NEEDED = re.compile(r"\brel\s*=\s*[\"']?(?:stylesheet|modulepreload)\b", re.IGNORECASE)
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
def assets_of(body: str, target: str, prefix: str) -> tuple[str, ...]:
    """Return the paths below ``prefix`` of a few assets of the page at ``target``, without their queries."""
    base, found = urljoin(target, base_of(body) or ""), dict[str, None]()
    for address in dict.fromkeys(_addresses(body)):
        path = _path(address, base)
        if path.startswith(f"{prefix}/") and path.isascii() and path != f"{prefix}/":
            found[path.removeprefix(prefix)] = None
        if len(found) == _MOST:
            break
    return tuple(found)


def _addresses(body: str) -> Iterator[str]:
    for tag, own in _TAGS.items():
        for match in tag.finditer(body):
            address = own.search(match[1])
            if address is not None and (not match[0][1:].lower().startswith("link") or _NEEDED.search(match[1])):
                yield address[1]


def _path(address: str, base: str) -> str:
    """Return the path that an address on a page leads to, "" where that is on another host, or none at all."""
    try:
        split = urlsplit(urljoin(base, address))
    except ValueError:  # no URL at all
        return ""
    return "" if split.netloc or split.scheme else split.path
