"""VH405: a page that was served leads outside of the prefix (P1, P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.links import absolute_links
from vhlocal.checks.prefix.assets import base_of, needs_base
from vhlocal.checks.request_prefix import in_template
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.prefix.evidence import Evidence
    from vhlocal.findings import Finding

DEFINITION = Definition(
    code="VH405",
    title="A page that was served leads outside of its prefix",
    severity=Severity.WARNING,
    why="A link, form or script whose path begins with `/` is asked for at the root of the host, where the endpoint is "
    "not: the browser gets 404, or another service.",
    remedy={
        "": "Write the path relative to the page, or put the prefix of the request before it (`X-VH-Prefix`).",
        "Flask": "`{{ url_for('upload') }}` and `{{ url_for('static', filename='style.css') }}`.",
        "Django": "`{% url 'upload' %}` and `{% static 'style.css' %}`. Where WhiteNoise serves those, tell both: "
        '`STATIC_URL = os.environ["VH_DEFAULT_PREFIX"] + "static/"` and `WHITENOISE_STATIC_PREFIX = "/static/"`.',
        "FastAPI": "`{{ url_for('upload') }}` in templates, `request.url_for(\"upload\")` in code.",
        "WSGI": '`environ["SCRIPT_NAME"] + "/upload"`.',
    },
    example=Example("html", '<form action="/upload">', "<form action=\"{{ url_for('upload') }}\">"),
    rows=("P1", "P4", "P7"),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """Yield the first page with such links, with the first of them; nothing of an app that is told its prefix first."""
    if evidence.unprefixed in evidence.assets:
        return
    for asked, answer in evidence.own():
        if not answer.is_page:
            continue
        base = base_of(answer.body)
        if base is not None:
            path = evidence.case.leaves(base, asked.target)
            if path is not None and needs_base(answer.body):
                seen = f"the page at `{asked.target}` has `{path}` as its `<base>`, outside of the prefix"
                change = "have the page's `<base>` be the prefix of the request, with a slash at its end"
                yield evidence.finding(DEFINITION, evidence.code.place_leading_to(path), seen, change)
                return
            continue
        left = (evidence.case.leaves(link, asked.target) for _, link in absolute_links(answer.body))
        paths = list(dict.fromkeys(path for path in left if path is not None))
        if paths:
            more = f" and {len(paths) - 1} more" if paths[1:] else ""
            seen = f"the page at `{asked.target}` leads to `{paths[0]}`{more}, outside of the prefix"
            change = "make it relative, or let the framework build the URL"
            place = evidence.code.place_leading_to(paths[0])
            edits = in_template(place, paths[0], evidence.code.framework) if not more else ()
            yield evidence.finding(DEFINITION, place, seen, change, edits=edits)
            return


RULE = Rule((DEFINITION,), find)
