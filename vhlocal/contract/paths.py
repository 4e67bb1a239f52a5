"""The public path layout (P1 to P7).

``werkzeug.routing`` owns the five-segment prefix, and nothing after it: it merges ``//`` and would not hand on the
rest of a path byte for byte (P4). So a request target is cut at the sixth slash, the prefix is looked up, and what
follows is never parsed.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from vhlocal.parsing import ONE_AT_A_TIME

if TYPE_CHECKING:
    from werkzeug.routing import MapAdapter

    from vhlocal.model import Version

#: What werkzeug leaves as it is in a segment, besides letters, digits and `-_.~`.
_AS_IT_IS = "!$&'()*+,/:;=@"

SEGMENTS = ("owner", "project", "deployment", "version", "endpoint")


@cache
def _adapter() -> MapAdapter:
    from werkzeug.routing import Map, Rule  # noqa: PLC0415 - slow to import, and `vhlocal check` builds no path

    with ONE_AT_A_TIME:
        prefix = Rule("/" + "/".join(f"<{segment}>" for segment in SEGMENTS), endpoint="prefix")
        return Map([prefix], strict_slashes=True, merge_slashes=False).bind("localhost")


def script_name(version: Version, endpoint: str, name: str | None = None) -> str:
    """Return the path that an endpoint is served under, without a trailing slash (P1, P5).

    ``name`` is the version's own name (the default) or one of its aliases (P3).
    """
    segments = (version.owner, version.project, version.deployment, name or version.name, endpoint)
    # As werkzeug builds it, which takes longer to import than a start may.
    return "".join(map(_segment, segments))


@lru_cache(1024)
def _segment(name: str) -> str:
    # Kept: all paths are made anew whenever one of them is led elsewhere.
    return f"/{quote(name, safe=_AS_IT_IS)}"


def default_prefix(version: Version, endpoint: str) -> str:
    """Return the default prefix with its trailing slash; aliases do not change it (P6)."""
    return script_name(version, endpoint) + "/"


def script_names(version: Version, endpoint: str) -> tuple[str, ...]:
    """Return every path that an endpoint is served under: the version's own first, then one per alias (P1, P3)."""
    return tuple(script_name(version, endpoint, name) for name in (version.name, *version.aliases))


def split_target(path: bytes) -> tuple[str, bytes] | None:
    """Cut a raw request path into its decoded five-segment prefix and the untouched rest (P1, P4).

    ``path`` has no query string. The rest is empty or begins with ``/``. None when fewer than five segments are
    there, or one of them is empty or not UTF-8.
    """
    parts = path.split(b"/", 6)
    if len(parts) < 6 or parts[0] or not all(parts[1:6]):
        return None
    rest = b"/" + parts[6] if len(parts) == 7 else b""
    try:
        prefix = b"/".join(parts[:6]).decode("ascii")
        if "%" in prefix:
            prefix = "/".join(unquote_to_bytes(part).decode() for part in parts[:6])
    except UnicodeDecodeError:
        return None
    return prefix, rest


def names_of(prefix: str) -> dict[str, str] | None:
    """Return the five names of a prefix by segment (see ``SEGMENTS``), or None when it is no prefix (P1)."""
    from werkzeug.exceptions import HTTPException  # noqa: PLC0415 - as above

    try:
        _, values = _adapter().match(prefix)
    except HTTPException:
        return None
    return {segment: str(values[segment]) for segment in SEGMENTS}
