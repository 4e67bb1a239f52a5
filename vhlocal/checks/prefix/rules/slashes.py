"""VH410: a path is there only with, or only without, a slash at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import NONSENSE
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH410",
    title="A path works only with a trailing slash, or only without",
    severity=Severity.WARNING,
    why="`/predict` and `/predict/` are two paths. Nothing on the way to the container adds or removes a slash, and if "
    "the app does not either, clients that use the other path get 404.",
    remedy={
        "": "Request the path that the app has, or let the app serve both.",
        "Flask": "`app.url_map.strict_slashes = False`, or a route that ends in a slash: Flask redirects to it.",
        "Django": '`APPEND_SLASH = True` with `CommonMiddleware`, or `re_path(r"^predict/?$", …)`.',
        "FastAPI": "Leave `redirect_slashes` on, or give the function both routes.",
        "WSGI": 'Compare with `environ["PATH_INFO"].rstrip("/")`.',
    },
    example=Example("python", "app = Flask(__name__)", "app = Flask(__name__)\napp.url_map.strict_slashes = False"),
    rows=("P4",),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the path, where the same one with or without its last slash is there."""
    case = evidence.case
    if case.toggled is None or evidence.unprefixed is not None:
        return
    for prefix in case.prefixes:
        asked, toggled = evidence.under(prefix, case.path), evidence.under(prefix, case.toggled)
        nonsense = evidence.under(prefix, NONSENSE)
        if asked is None or toggled is None or nonsense is None or not nonsense.is_missing:
            continue
        if asked.is_missing and toggled.is_there and not toggled.is_redirect:
            seen = f"404 at `{prefix}{case.path}`, but an answer at `{prefix}{case.toggled}`"
            place = evidence.code.place_of(case.toggled)
            change, edits = f"request `{case.toggled}`, or let the app serve both", evidence.code.fixes.both_slashes
            yield evidence.finding(DEFINITION, place, seen, change, edits=edits)
            return


RULE = Rule((DEFINITION,), find)
