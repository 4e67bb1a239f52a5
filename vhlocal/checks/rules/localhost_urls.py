"""VH307: the code asks a server on localhost."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.modules import Site
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH307",
    title="The code calls a server on localhost",
    severity=Severity.WARNING,
    why="In production, localhost is the endpoint's own container, where your machine's other services do not run.",
    remedy={"": "Read the address from an environment variable, with your own machine's address as the default."},
    example=Example(
        "python",
        'requests.get("http://localhost:9000/features")',
        'requests.get(os.environ["FEATURES_URL"] + "/features")',
    ),
    rows=("B8",),
)

_URL = re.compile(
    r"(?:https?|wss?|redis|amqp|mongodb|mysql|postgres(?:ql)?(?:\+\w+)?)://(?:[^/@\s]*@)?"
    r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:[/?][^\n]*)?"
)
_TOLD = {"print", "info", "debug", "warning", "error", "log", "exception", "echo"}
#: Who is led there is the reader of a page: see VH309.
_LEADING = {"redirect", "RedirectResponse", "HttpResponseRedirect", "HttpResponsePermanentRedirect", "Redirect"}
_ORIGIN = re.compile(r"origin|cors|trusted|allowed|hosts", re.IGNORECASE)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield such URLs, where the endpoint starts one server and the code uses the URL whatever is set."""
    for reach in subject.reaches:
        if any(command.end == "&" for command in reach.commands):
            continue
        for module, site, text in reach.texts:
            if site.is_sure and _URL.fullmatch(text) and _is_asked(site):
                yield Finding(
                    DEFINITION,
                    module.place(site.node),
                    f"`{_without_user(text)}` is the endpoint's own container in production",
                    "read the address from an environment variable",
                    reach.endpoint.name,
                )


def _is_asked(site: Site) -> bool:
    """Tell whether a URL is more than something to print, or one of those that are let in."""
    parent = site.parent
    if isinstance(parent, ast.List | ast.Tuple | ast.Set | ast.Dict):
        return False
    if isinstance(parent, ast.Assign | ast.AnnAssign):
        return not _ORIGIN.search(ast.dump(parent.targets[0] if isinstance(parent, ast.Assign) else parent.target))
    if isinstance(parent, ast.keyword):
        return not _ORIGIN.search(parent.arg or "")
    if isinstance(parent, ast.Call):
        called = parent.func.attr if isinstance(parent.func, ast.Attribute) else getattr(parent.func, "id", "")
        return called not in _TOLD | _LEADING
    return False


def _without_user(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


RULE = Rule((DEFINITION,), find)
