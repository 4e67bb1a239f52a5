"""VH405: a page that was served leads outside of the prefix (P1, P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.links import absolute_links, absolute_requests
from vhlocal.checks.prefix.assets import base_of, needs_base
from vhlocal.checks.request_prefix import in_template
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.checks.prefix.evidence import Answer, Asked, Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH405",
    title="A page links outside its prefix",
    severity=Severity.WARNING,
    why="A browser requests a link, form or script whose path begins with `/` at the root of the host, outside the "
    "endpoint: it gets 404, or another service.",
    remedy={
        "": "Write the path relative to the page, or put the request's prefix (`X-VH-Prefix`) before it.",
        "Flask": "`{{ url_for('upload') }}` and `{{ url_for('static', filename='style.css') }}`.",
        "Django": "`{% url 'upload' %}` and `{% static 'style.css' %}`. If WhiteNoise serves static files, set both "
        '`STATIC_URL = os.environ["VH_DEFAULT_PREFIX"] + "static/"` and `WHITENOISE_STATIC_PREFIX = "/static/"`.',
        "FastAPI": "`{{ url_for('upload') }}` in templates, `request.url_for(\"upload\")` in code.",
        "WSGI": '`environ["SCRIPT_NAME"] + "/upload"`.',
    },
    example=Example("html", '<form action="/upload">', "<form action=\"{{ url_for('upload') }}\">"),
    rows=("P1", "P4", "P7"),
)

_CHANGE = "make it relative, or let the framework build the URL"


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the first page with such links, and the first of them; none for an app that lacks its prefix."""
    if evidence.unprefixed in evidence.assets:
        return
    for asked, answer in evidence.own():
        if not answer.is_page:
            found = _asked_by(evidence, asked, answer)
            if found is not None:
                yield found
                return
            continue
        base = base_of(answer.body)
        if base is not None:
            path = evidence.case.leaves(base, asked.target)
            if path is not None and needs_base(answer.body):
                seen = f"the page at `{asked.target}` has `{path}` as its `<base>`, outside the prefix"
                change = "set the page's `<base>` to the request's prefix, with a slash at its end"
                yield evidence.finding(DEFINITION, evidence.code.place_leading_to(path), seen, change)
                return
            continue
        paths = _left(evidence, asked, absolute_links(answer.body))
        if paths:
            place = evidence.code.place_leading_to(paths[0])
            edits = in_template(place, paths[0], evidence.code.framework) if not paths[1:] else ()
            seen = f"the page at `{asked.target}` links to {_listed(paths)}, outside the prefix"
            yield evidence.finding(DEFINITION, place, seen, _CHANGE, edits=edits)
            return


def _asked_by(evidence: Evidence, asked: Asked, answer: Answer) -> Finding | None:
    """Return what a script of the page at the root asks for outside of the prefix, where the project has its lines."""
    is_needed = asked.target.removeprefix(asked.prefix) in evidence.assets and "javascript" in answer.kind
    left = _left(evidence, asked, absolute_requests(answer.body)) if is_needed else []
    own = {path for path, _ in evidence.code.leading}
    paths = [path for path in left if path in own]
    if not paths:
        return None
    seen = f"the script at `{asked.target}` requests {_listed(paths)}, outside the prefix"
    return evidence.finding(DEFINITION, evidence.code.place_leading_to(paths[0]), seen, _CHANGE)


def _left(evidence: Evidence, asked: Asked, links: Iterable[tuple[int, str]]) -> list[str]:
    left = (evidence.case.leaves(link, asked.target) for _, link in links)
    return list(dict.fromkeys(path for path in left if path is not None))


def _listed(paths: list[str]) -> str:
    return f"`{paths[0]}`" + (f" and {len(paths) - 1} more" if paths[1:] else "")


RULE = Rule((DEFINITION,), find)
