"""VH407 and VH415: a cookie reaches other endpoints, or never comes back to its own (P1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH407",
    title="A cookie is also sent to other endpoints",
    severity=Severity.NOTICE,
    why="All endpoints of a cluster share one host, so only the path keeps their cookies apart. A cookie with the path "
    "`/`, the default of most frameworks, goes to every endpoint: the others can read it, and cookies of the same "
    "name, such as a framework's session cookie, overwrite each other.",
    remedy={
        "": "Use the request's prefix (`X-VH-Prefix`) as the cookie's path.",
        "Flask": '`response.set_cookie(…, path=request.script_root + "/")`; for sessions, a `SessionInterface` whose '
        "`get_cookie_path` returns that path.",
        "Django": '`response.set_cookie(…, path=request.META["SCRIPT_NAME"] + "/")`; or choose unique names with '
        "`SESSION_COOKIE_NAME` and `CSRF_COOKIE_NAME`.",
        "FastAPI": '`response.set_cookie(…, path=request.scope["root_path"] + "/")`.',
        "WSGI": '`; Path=` and `environ["SCRIPT_NAME"]` with a slash.',
    },
    example=Example(
        "python",
        'response.set_cookie("seen", "yes")',
        'response.set_cookie("seen", "yes", path=request.script_root + "/")',
    ),
    rows=("P1",),
)
LOST = Definition(
    code="VH415",
    title="A cookie does not come back to the endpoint",
    severity=Severity.WARNING,
    why="A browser sends a cookie only to paths below the cookie's own path. Every path of an endpoint begins with its "
    "prefix, so a cookie for `/login` or `/app` is never sent to it: a user who logs in is unknown at the next "
    "request. The same happens to a cookie with the version's prefix when the user came by an alias.",
    remedy=DEFINITION.remedy,
    example=Example(
        "python",
        'response.set_cookie("user", name, path="/app")',
        'response.set_cookie("user", name, path=request.script_root + "/")',
    ),
    rows=("P1", "P3", "P7"),
)

#: Cookies that a framework sets by itself, with a path that nobody can choose.
_FRAMEWORKS_OWN = ("_streamlit_xsrf",)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the first cookie with a path above the prefix, and the first with one beside it, except deleted cookies."""
    reported: set[str] = set()
    for asked, answer in evidence.own():
        for cookie in answer.values("set-cookie"):
            name, path = _read(cookie)
            if name in _FRAMEWORKS_OWN or path is None:
                continue
            is_above = asked.prefix.startswith(f"{path.rstrip('/')}/")
            definition = DEFINITION if is_above else LOST
            if definition.code in reported or f"{path}/".startswith(f"{asked.prefix}/"):
                continue
            reported.add(definition.code)
            seen = f"`{asked.target}` sets the cookie `{name}` with the path `{path}`"
            change = "use the request's prefix as its path"
            edits = evidence.code.fixes.cookie(name)
            yield evidence.finding(definition, evidence.code.app, seen, change, edits=edits)


def _read(cookie: str) -> tuple[str, str | None]:
    """Return a cookie's name and path; no path for one that is being deleted, and for one whose own is none (RFC 6265).

    Such a one goes back to where it came from.
    """
    first, *attributes = (part.strip() for part in cookie.split(";"))
    given = {key.strip().lower(): value.strip() for key, _, value in (part.partition("=") for part in attributes)}
    is_deleted = given.get("max-age", "").lstrip("-") == "0" or "1970" in given.get("expires", "")
    path = given.get("path", "")
    return first.partition("=")[0], path if path.startswith("/") and not is_deleted else None


RULE = Rule((DEFINITION, LOST), find)
