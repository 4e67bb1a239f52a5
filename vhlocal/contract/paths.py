"""The public path layout (P1 to P7).

``werkzeug.routing`` owns the five-segment prefix, and nothing after it: it merges ``//`` and would not hand on the
rest of a path byte for byte (P4). So a request target is cut at the sixth slash, the prefix is looked up, and what
follows is never parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

if TYPE_CHECKING:
    from vhlocal.model import Version

SEGMENTS = ("owner", "project", "deployment", "version", "endpoint")

_ADAPTER = Map(
    [Rule("/" + "/".join(f"<{segment}>" for segment in SEGMENTS), endpoint="prefix")],
    strict_slashes=True,
    merge_slashes=False,
).bind("localhost")


def script_name(version: Version, endpoint: str, name: str | None = None) -> str:
    """Return the path that an endpoint is served under, without a trailing slash (P1, P5).

    ``name`` is the version's own name (the default) or one of its aliases (P3).
    """
    return _ADAPTER.build(
        "prefix",
        {
            "owner": version.owner,
            "project": version.project,
            "deployment": version.deployment,
            "version": name or version.name,
            "endpoint": endpoint,
        },
    )


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
    try:
        _, values = _ADAPTER.match(prefix)
    except HTTPException:
        return None
    return {segment: str(values[segment]) for segment in SEGMENTS}
