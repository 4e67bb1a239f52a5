"""VH407: a cookie reaches other endpoints (P1)."""

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
    title="A cookie is sent to other endpoints, too",
    severity=Severity.NOTICE,
    why="All endpoints of a cluster share one host, and tell their cookies apart by path alone. A cookie with the path "
    "`/`, which is the default of most frameworks, goes to every one of them: they can read it, and where names are "
    "the same, as those of sessions are, they overwrite each other's.",
    remedy={
        "": "Give the cookie the prefix of the request (`X-VH-Prefix`) for its path.",
        "Flask": '`response.set_cookie(…, path=request.script_root + "/")`; for sessions a `SessionInterface` whose '
        "`get_cookie_path` returns that.",
        "Django": '`response.set_cookie(…, path=request.META["SCRIPT_NAME"] + "/")`; or names of your own, by '
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


#: Cookies that a framework sets by itself, with a path that nobody can choose.
_FRAMEWORKS_OWN = ("_streamlit_xsrf",)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the first cookie whose path is above the prefix, unless it is being deleted."""
    for asked, answer in evidence.own():
        for cookie in answer.values("set-cookie"):
            name, path = _read(cookie)
            if name in _FRAMEWORKS_OWN:
                continue
            if path is not None and asked.prefix.startswith(f"{path.rstrip('/')}/"):
                seen = f"`{asked.target}` sets the cookie `{name}` with the path `{path}`"
                change = "give it the prefix of the request for its path"
                edits = evidence.code.fixes.cookie(name)
                yield evidence.finding(DEFINITION, evidence.code.app, seen, change, edits=edits)
                return


def _read(cookie: str) -> tuple[str, str | None]:
    """Return a cookie's name and path; no path for one without, and for one that is being deleted."""
    first, *attributes = (part.strip() for part in cookie.split(";"))
    given = {key.strip().lower(): value.strip() for key, _, value in (part.partition("=") for part in attributes)}
    return first.partition("=")[0], None if given.get("max-age") == "0" else given.get("path")


RULE = Rule((DEFINITION,), find)
