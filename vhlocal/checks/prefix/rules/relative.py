"""VH414: the page at the endpoint's URL asks for what is beside the endpoint (P1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.assets import base_of, minds_its_url, relative_in, requested_in
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Answer, Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH414",
    title="Relative addresses on the page at the endpoint's URL lead outside the endpoint",
    severity=Severity.WARNING,
    why="The URLs that production shows have no slash at their end. A browser resolves relative addresses after the "
    "last slash of the page's URL: on the page at `/…/<version>/<endpoint>`, `app.js` becomes "
    "`/…/<version>/app.js`, which is another endpoint, and 404. With a slash at the end of the URL, the same page "
    "works.",
    remedy={
        "": "Redirect GET requests for the endpoint's URL to the same URL with a slash at its end: the request's "
        "prefix (`X-VH-Prefix`) ends in one. Or set the page's `<base>` to that prefix.",
        "Flask": "Write `<base href=\"{{ request.headers['X-VH-Prefix'] }}\">` into the template's `<head>`.",
        "Django": 'Write `<base href="{{ request.headers.x_vh_prefix }}">` into the template\'s `<head>`, or build the '
        "addresses with `{% static %}` and `{% url %}`.",
        "FastAPI": "Leave `redirect_slashes` on, or write `<base href=\"{{ request.headers['X-VH-Prefix'] }}\">` "
        "into the template's `<head>`.",
        "WSGI": 'If `environ["PATH_INFO"]` is empty, redirect to `environ["SCRIPT_NAME"] + "/"`.',
        "Node": "Before you remove the prefix: `if (request.url === prefix) return response.writeHead(307, "
        "{Location: `${prefix}/`}).end();`.",
    },
    example=Example(
        "html",
        '<script src="app.js"></script>',
        '<base href="{{ request.headers.x_vh_prefix }}">\n<script src="app.js"></script>',
    ),
    rows=("P1", "P4", "P7"),
)

CHANGE = "redirect GET requests for the endpoint's URL to the same with a slash, or set a `<base>` to the prefix"
#: Addresses of one page that are looked at.
_MOST = 20


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the page without a slash at the end of its URL that has such addresses, with the first of them."""
    for prefix in evidence.case.prefixes:
        page = evidence.under(prefix, "")
        lost = dict(_lost(evidence, prefix, page)) if page is not None and page.is_page else {}
        if lost:
            address, path = next(iter(lost.items()))
            more = f" and {len(lost) - 1} more" if lost.keys() != {address} else ""
            seen = f"the page at `{prefix}` requests `{address}`{more}, in a browser `{path}`: outside the prefix"
            place, fixes = evidence.code.place_leading_to(address), evidence.code.fixes
            yield evidence.finding(DEFINITION, place, seen, CHANGE, edits=fixes.with_base(place))
            return


def _lost(evidence: Evidence, prefix: str, page: Answer) -> Iterator[tuple[str, str]]:
    """Yield the addresses of a page that lead out of the endpoint without the slash alone, and where to.

    What was looked for below the prefix and is not there proves nothing, and neither does where a page leads that is
    there for everything. Of what a script asks for, the app's own routes count.
    """
    case, base = evidence.case, base_of(page.body) or ""
    is_own = evidence.is_found(prefix, "")
    for _, address in relative_in(page.body)[:_MOST]:
        found = case.beside(address, prefix, base)
        path = found[1].removeprefix(prefix) if found is not None else ""
        if found is not None and (evidence.is_found(prefix, path) or (is_own and not evidence.is_lost(prefix, path))):
            yield address, found[0]
    for asset in () if minds_its_url(page.body) else evidence.assets:
        answer = evidence.under(prefix, asset)
        for address in requested_in(answer.body)[:_MOST] if answer is not None and "javascript" in answer.kind else ():
            found = case.beside(address, prefix, base)
            if found is not None and found[1].removeprefix(prefix) in case.routes:
                yield address, found[0]


RULE = Rule((DEFINITION,), find)
