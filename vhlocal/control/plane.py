"""The control plane's server: a werkzeug app on a loopback port of its own, to which the gateway sends what is its."""

from __future__ import annotations

import hmac
import json
import queue
import threading
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, NotFound, Unauthorized
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from vhlocal.control import describe, pages
from vhlocal.events import Event, LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from vhlocal.gateway.report import Failure, Page
    from vhlocal.session.view import View

#: Seconds between two empty lines of a followed log, by which a client that has gone is found out.
_HEARTBEAT = 5.0

_ROUTES = Map(
    [
        Rule("/", endpoint="status_page", methods=["GET"]),
        Rule("/favicon.ico", endpoint="icon", methods=["GET"]),
        Rule("/api/endpoints", endpoint="endpoints", methods=["GET"]),
        Rule("/api/logs", endpoint="logs", methods=["GET"]),
        Rule("/api/down", endpoint="down", methods=["POST"]),
    ]
)


class ControlPlane:
    """The face of a run; see ``vhlocal.session.view.Face``."""

    def __init__(self) -> None:
        self._server: BaseWSGIServer | None = None
        self._view: View | None = None

    def start(self, view: View) -> tuple[str, int]:
        """Begin to answer, in threads of its own."""
        self._view = view
        self._server = make_server("127.0.0.1", 0, App(view), threaded=True, request_handler=_Quiet)
        threading.Thread(target=self._server.serve_forever, name="vhlocal-control", daemon=True).start()
        return "127.0.0.1", self._server.port

    def page(self, failure: Failure) -> Page:
        """Return the page for a request that no endpoint answered."""
        assert self._view is not None
        return pages.failure_page(self._view, failure)

    def stop(self) -> None:
        """End; followed logs end with the process."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class App:
    """The WSGI app."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        try:
            response = self._answer(request, environ)
        except HTTPException as error:
            response = _json({"error": error.description, "status": error.code}, error.code or 500)
        return response(environ, start_response)

    def _answer(self, request: Request, environ: WSGIEnvironment) -> Response:
        try:
            endpoint, _ = _ROUTES.bind_to_environ(environ).match()
        except NotFound:
            return self._nothing_here(request)
        response: Response = getattr(self, f"_{endpoint}")(request)
        return response

    def _status_page(self, _request: Request) -> Response:
        return Response(pages.status_page(self._view), mimetype="text/html")

    def _icon(self, _request: Request) -> Response:
        return Response(status=204)

    def _endpoints(self, _request: Request) -> Response:
        view = self._view
        return _json(
            {
                "run": view.run,
                "url": view.url,
                **describe.version(view.version),
                "endpoints": [describe.status(status) for status in view.board.statuses()],
                "notices": [describe.notice(notice) for notice in view.board.notices()],
            }
        )

    def _logs(self, request: Request) -> Response:
        name = request.args.get("endpoint")
        if name is not None and self._view.board.status(name) is None:
            known = ", ".join(status.endpoint for status in self._view.board.statuses())
            raise NotFound(f"no endpoint `{name}`; there are: {known}")
        lines = self._lines(name, request.args.get("tail", 200, type=int), follow="follow" in request.args)
        return Response(lines, mimetype="application/x-ndjson")

    def _down(self, request: Request) -> Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._view.token.encode()):
            raise Unauthorized("changes need the token of this run, as the Bearer of an Authorization header")
        self._view.stop()
        return _json({"stopping": True}, 202)

    def _nothing_here(self, request: Request) -> Response:
        endpoints = [status.endpoint for status in self._view.board.statuses()]
        _, known = describe.unknown_prefix(request.path, self._view.version, endpoints)
        facts = {"error": f"nothing is served at {request.path}", "status": 404, "known": known}
        return _json({**facts, "hint": "endpoints are served under the paths above; see `vhlocal ps`"}, 404)

    def _lines(self, name: str | None, tail: int, *, follow: bool) -> Iterator[bytes]:
        names = [name] if name else [status.endpoint for status in self._view.board.statuses()]
        waiting: queue.SimpleQueue[LogLine] = queue.SimpleQueue()

        def collect(event: Event) -> None:
            if isinstance(event, LogLine) and (name is None or event.endpoint == name):
                waiting.put(event)

        unsubscribe = self._view.bus.subscribe(collect) if follow else None
        try:
            past = [line for each in names for line in self._view.board.tail(each, tail)]
            for line in sorted(past, key=lambda line: line.time)[-tail:]:
                yield _line(line)
            while follow:
                try:
                    yield _line(waiting.get(timeout=_HEARTBEAT))
                except queue.Empty:
                    yield b"\n"
        finally:
            if unsubscribe is not None:
                unsubscribe()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the gateway keeps the record of requests."""


def _line(line: LogLine) -> bytes:
    return json.dumps(describe.log_line(line)).encode() + b"\n"


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value, indent=2) + "\n", status=status, mimetype="application/json")
