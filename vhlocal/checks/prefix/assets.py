"""What a page that was served needs to be more than blank: its scripts, styles and pictures. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG = re.compile(r"<(script|link|img)\b([^<>]*)>", re.IGNORECASE)
_BASE = re.compile(r"<base\b[^<>]*?\bhref\s*=\s*[\"']?([^\"'\s<>]*)", re.IGNORECASE)
_ADDRESS = {
    tag: re.compile(rf"(?:^|\s){attribute}\s*=\s*[\"']?([^\"'\s<>]+)", re.IGNORECASE)
    for tag, attribute in (("script", "src"), ("link", "href"), ("img", "src"))
}
_NEEDED = re.compile(r"\brel\s*=\s*[\"']?(?:stylesheet|modulepreload)\b", re.IGNORECASE)
#: What a page cannot be without comes first.
_ORDER = ("script", "link", "img")
#: Assets of one page that are looked at.
_MOST = 3


def base_of(body: str) -> str | None:
    """Return what a page has all its addresses begin with, None where it says nothing of that."""
    match = _BASE.search(body)
    return None if match is None else match[1]


def needs_base(body: str) -> bool:
    """Tell whether a page has scripts, styles or pictures whose addresses begin where its ``<base>`` says."""
    return any(not re.match(r"[A-Za-z][\w+.-]*:|/|#", address) for address in _addresses(body))


def assets_of(body: str, target: str, prefix: str) -> tuple[str, ...]:
    """Return the paths below ``prefix`` of a few assets of the page at ``target``, without their queries."""
    paths = (_path(address, body, target) for address in _addresses(body))
    own = (path.removeprefix(prefix) for path in paths if path.startswith(f"{prefix}/") and path.isascii())
    return tuple(path for path in dict.fromkeys(own) if path != "/")[:_MOST]


def _addresses(body: str) -> Iterator[str]:
    found = [(match[1].lower(), match[2]) for match in _TAG.finditer(body)]
    for tag, attributes in sorted(found, key=lambda each: _ORDER.index(each[0])):
        address = _ADDRESS[tag].search(attributes)
        if address is not None and (tag != "link" or _NEEDED.search(attributes)):
            yield address[1]


def _path(address: str, body: str, target: str) -> str:
    """Return the path that an address on the page leads to, "" where that is on another host, or none at all."""
    try:
        split = urlsplit(urljoin(urljoin(target, base_of(body) or ""), address))
    except ValueError:  # no URL at all
        return ""
    return "" if split.netloc or split.scheme else split.path
