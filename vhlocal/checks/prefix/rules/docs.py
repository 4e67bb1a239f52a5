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
    title="The docs page requests its schema outside the prefix",
    severity=Severity.WARNING,
    why="The path of the schema is written into the Swagger UI or ReDoc page. `/openapi.json` is at the root of the "
    "host, outside the endpoint: the page stays empty.",
    remedy={
        "": "Put the request's prefix (`X-VH-Prefix`) before the schema's path.",
        "FastAPI": "Let FastAPI serve `docs_url` under `wsgi: server:app`, or write "
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
            seen = f"the docs at `{asked.target}` request `{path}`, outside the prefix"
            change = "put the request's prefix before the schema's path"
            code, place = evidence.code, evidence.code.place_written(path)
            yield evidence.finding(DEFINITION, place, seen, change, edits=code.fixes.prefixed(path, place))
            return


RULE = Rule((DEFINITION,), find)
