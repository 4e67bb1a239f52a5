"""The run's own page, at an origin of its own: its files, and the API for whoever has the key to it.

Apps are served at the gateway's origin. What they do in a browser can neither read this one's answers nor ask in its
name, since the key is in no cookie and in no address that a browser sends.
"""

from __future__ import annotations

import gzip
from base64 import b64encode
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from vhlocal.api import describe
from vhlocal.api.app import App, api_rules, as_json
from vhlocal.api.calling import METHODS, PATH, call
from vhlocal.api.smoke_tests import keep_tried, project_of
from vhlocal.api.stream import KINDS, Stream

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from vhlocal.api.guard import PageGuard, Refusal
    from vhlocal.api.origin import Origin
    from vhlocal.api.reloads import Reloads
    from vhlocal.session.view import View

STATIC = Path(__file__).parent.parent / "static"

#: Views in the order in which they are offered, and what people read; one whose file is not there is not offered.
VIEWS = {
    "overview": "Overview",
    "try": "Try it",
    "requests": "Requests",
    "logs": "Logs",
    "metrics": "Metrics",
    "reloads": "Reloads",
}

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

#: The one script that stands within the page, as that has it.
_WITHIN = (STATIC / "again.js").read_bytes().rstrip()

_POLICY = {
    "default-src": "'none'",
    "script-src": f"'self' 'sha256-{b64encode(sha256(_WITHIN).digest()).decode()}'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "blob:",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
}


@lru_cache(maxsize=128)
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


class PageApp(App):
    """Whoever shows the page's key may do all that the API can; without it there are only files that reveal nothing."""

    routes = Map(
        [
            Rule("/", endpoint="shell", methods=["GET"]),
            Rule("/static/<path:name>", endpoint="static", methods=["GET"]),
            Rule("/api/events", endpoint="events", methods=["GET"]),
            Rule("/api/qr", endpoint="qr", methods=["GET"]),
            Rule(f"{PATH}/<path:target>", endpoint="call", methods=METHODS, merge_slashes=False),
            Rule("/api/schema", endpoint="schema", methods=["GET"]),
            Rule("/api/smoke-tests", endpoint="smoke_test", methods=["POST"]),
            *api_rules(),
        ]
    )
    headers = (
        ("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in _POLICY.items())),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    )
    links_style = True
    whose = "the page"

    def __init__(self, view: View, reloads: Reloads, guard: PageGuard, origin: Origin) -> None:
        super().__init__(view, reloads)
        self._guard = guard
        self._origin = origin
        self.stream = Stream(view, partial(self.endpoints, owner=True))

    def refusal(self, request: Request) -> Refusal | None:
        """See ``App``."""
        return self._guard.refusal(request.method, request.path, request.headers)

    def is_owner(self, request: Request) -> bool:
        """See ``App``: nobody else gets through to the API."""
        return self._guard.shows_key(request.headers)

    def page_link(self, *, owner: bool) -> str:
        """See ``App``: who asks here has the key."""
        return self._origin.address

    def nothing_here(self, request: Request) -> Response:
        """See ``App``: no endpoint is served at this origin."""
        hint = f"endpoints are served at {self._view.url}"
        return self.told(request, {"error": f"there is nothing at {request.path}", "status": 404, "hint": hint})

    def _call(self, request: Request, target: str) -> Response:
        return call(self._view.url, request)

    def _schema(self, request: Request) -> Response:
        """Answer with the schema that an app has of itself and a request that it has a route for; null for none."""
        endpoint, name = (request.args.get(each, "") for each in ("endpoint", "version"))
        found = {each.name for each in self._view.versions() if name in ("", each.name, *each.aliases)}
        statuses = self._view.board.statuses()
        served = [each.at for each in statuses if each.endpoint == endpoint and each.at.version in found]
        if not served:
            raise NotFound(f"no endpoint `{endpoint}` is served under `{name}`")
        return as_json({"schema": self._view.schema(served), "call": describe.call(self._view.call(served))})

    def _smoke_test(self, request: Request) -> Response:
        """Write what was tried as a smoke test; where its file is there, only if it is said what to do with that."""
        endpoints = list(dict.fromkeys(each.endpoint for each in self._view.board.statuses()))
        directory = self._view.change(project_of)
        return as_json(keep_tried(request.get_json(force=True, silent=True), self._view.url, directory, endpoints))

    def _shell(self, request: Request) -> Response:
        if "once" in request.args:
            return self._invited(request)
        from vhlocal.api.rendering import render  # noqa: PLC0415 - the start waits for neither templates nor Jinja2

        there = {name: title for name, title in VIEWS.items() if (STATIC / "views" / f"{name}.js").is_file()}
        styled = [name for name in there if (STATIC / "views" / f"{name}.css").is_file()]
        return Response(render("page.html", views=there, styled=styled), mimetype="text/html")

    def _invited(self, request: Request) -> Response:
        """Let a browser in that was started with an invitation."""
        if self._origin.accept(request.args["once"]):
            return redirect(f"/#key={self._origin.key}", 303)
        error = "this link was already used, or is older than a minute"
        return self.told(request, {"error": error, "status": 403, "hint": "run `vhlocal open` again"})

    def _events(self, request: Request) -> Response:
        """Answer with what happens, for as long as the page stays."""
        kinds = set(filter(None, request.args.get("kinds", "status").split(",")))
        if not kinds <= set(KINDS):
            raise BadRequest(f"no kind {', '.join(sorted(kinds - set(KINDS)))}; there are: {', '.join(KINDS)}")
        messages = self.stream.follow(kinds, request.headers.get("Last-Event-ID"))
        return Response(messages, mimetype="text/event-stream")

    def _qr(self, request: Request) -> Response:
        """Answer with a drawing of one of the run's own URLs, for a camera of another device."""
        from vhlocal.api.qr import drawn  # noqa: PLC0415 - most runs are never asked

        url = request.args.get("url", "")
        if not url.startswith(f"{self._view.shared or self._view.url}/"):
            raise BadRequest("the URL does not belong to this run")
        return Response(drawn(url), mimetype="image/svg+xml")

    def _static(self, request: Request, name: str) -> Response:
        """Answer with a file of the page; none but those of the package, by the names that they have there."""
        known = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}
        if name not in known:
            raise NotFound(f"the page has no file {name}")
        response = Response(known[name].read_bytes(), mimetype=_TYPES[known[name].suffix])
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"]:
            response.data = _packed(response.data)
            response.content_encoding = "gzip"
        response.cache_control.no_cache = True
        response.add_etag()
        return response.make_conditional(request)
