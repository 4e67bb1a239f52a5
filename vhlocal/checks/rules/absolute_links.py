"""VH308: a page's link leaves the prefix (P1, P4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.checks.links import SCRIPTS, absolute_links, absolute_requests, where_it_leads
from vhlocal.checks.request_prefix import in_template
from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH308",
    title="A page links to an absolute path, outside the prefix",
    severity=Severity.WARNING,
    why="An endpoint is served below `/<owner>/<project>/<deployment>/<version>/<endpoint>`. A link that begins with "
    "`/` leads to the root of the host, outside the endpoint: the browser gets 404.",
    remedy={
        "": "Write the path relative to the page, or put the request's prefix (`X-VH-Prefix`) before it.",
        "Flask": "`{{ url_for('upload') }}` and `{{ url_for('static', filename='style.css') }}`.",
        "Django": "`{% url 'upload' %}` and `{% static 'style.css' %}`.",
        "FastAPI": "`{{ url_for('upload') }}` in templates, `request.url_for(\"upload\")` in code.",
        "WSGI": '`environ["SCRIPT_NAME"] + "/upload"`.',
    },
    example=Example("html", '<form action="/upload">', "<form action=\"{{ url_for('upload') }}\">"),
    rows=("P1", "P4", "P7"),
)

_PAGES = (".html", ".htm", ".jinja", ".jinja2", ".j2", ".xhtml")
_PAGE_DIRECTORIES = {"templates", "static", "public", "www", "html", "pages", "views", "frontend"}
_NOT_SERVED = {"docs", "node_modules", "test", "tests", "site-packages", "htmlcov", "vendor"}


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the first such link of each line, in the packaged pages of the endpoints and in their code's texts."""
    if not subject.endpoints:
        return
    named, frameworks = _named(subject), {reach.framework for reach in subject.reaches}
    framework = frameworks.pop() if len(frameworks) == 1 else ""
    for path in subject.package.files:
        if _is_served(path, named):
            yield from _in_file(path, subject, framework)
    for reach in subject.reaches:
        for module, site, text in reach.texts:
            if "<" in text:
                for line, link in absolute_links(text):
                    yield _finding(module.place_in_text(site.node, line), link, reach.endpoint.name)


def _in_file(path: str, subject: Subject, framework: str) -> Iterator[Finding]:
    source = subject.package.files[path].source
    if path.endswith(_PAGES):
        for line, link in absolute_links(subject.text(path) or ""):
            place = Place(source, line)
            yield replace(_finding(place, link), edits=in_template(place, link, framework))
    elif path.endswith(SCRIPTS) and not path.endswith(".min.js"):
        for line, link in absolute_requests(subject.text(path) or ""):
            yield _finding(Place(source, line), link)


def _finding(place: Place, link: str, endpoint: str | None = None) -> Finding:
    seen = f"`{link}` leads to {where_it_leads(link)}, outside the endpoint's path"
    return Finding(DEFINITION, place, seen, "make it relative, or let the framework build the URL", endpoint)


def _named(subject: Subject) -> set[str]:
    """Return the texts of the endpoints' code that name pages."""
    texts = (text for reach in subject.reaches for _, _, text in reach.texts)
    return {text.rpartition("/")[2] for text in texts if text.endswith((*_PAGES, *SCRIPTS))}


def _is_served(path: str, named: set[str]) -> bool:
    *above, name = path.split("/")
    return not _NOT_SERVED & set(above) and (name in named or bool(_PAGE_DIRECTORIES & set(above)))


RULE = Rule((DEFINITION,), find)
