"""VH406: the API's docs page asks for its schema outside of the prefix (R5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH406",
    title="The docs page asks for its schema outside of the prefix",
    severity=Severity.WARNING,
    why="The page of Swagger UI or ReDoc has the path of the schema written into it. `/openapi.json` is at the root of "
    "the host, where the endpoint is not: the page stays empty.",
    remedy={
        "": "Put the prefix of the request (`X-VH-Prefix`) before the path of the schema.",
        "FastAPI": "Leave `docs_url` to FastAPI under `wsgi: server:app`, or write "
        '`request.scope["root_path"] + app.openapi_url` in a page of your own.',
    },
    example=Example(
        "python",
        'get_swagger_ui_html(openapi_url="/openapi.json", title="API")',
        'get_swagger_ui_html(openapi_url=request.scope["root_path"] + "/openapi.json", title="API")',
    ),
    rows=("P4", "P7", "R5", "R6"),
)

_SCHEMA = re.compile(
    r"SwaggerUIBundle\(\s*\{[^{}]*?\burl[\"']?\s*:\s*[\"'](?P<path>/[^\"']*)|spec-url=[\"'](?P<spec>/[^\"']*)"
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the first docs page whose schema is elsewhere."""
    for asked, answer in evidence.own():
        match = _SCHEMA.search(answer.body) if answer.is_page else None
        path = None if match is None else evidence.case.leaves(match["path"] or match["spec"], asked.target)
        if path is not None:
            seen = f"the docs at `{asked.target}` ask for `{path}`, outside of the prefix"
            change = "put the prefix of the request before the path of the schema"
            code = evidence.code
            yield evidence.finding(
                DEFINITION, code.place_leading_to(path), seen, change, edits=code.fixes.prefixed(path)
            )
            return


RULE = Rule((DEFINITION,), find)
