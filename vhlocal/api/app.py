"""The control plane's werkzeug app, and what serves it."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from vhlocal.api import changes, describe, pages
from vhlocal.errors import InputError, VhlocalError
from vhlocal.events import Event, LinesLeftOut, LogLine, RequestsEnded
from vhlocal.model import ServedAt
from vhlocal.recorder.plain import to_json
from vhlocal.recorder.showing import fit_to_show
from vhlocal.values import dataclass
from vhlocal.visible import json_text

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from vhlocal.api.guard import Guard
    from vhlocal.model import RequestRecord
    from vhlocal.session.view import View

#: Seconds between two empty lines of a followed log, by which a client that has gone is found out.
_HEARTBEAT = 5.0

E = TypeVar("E", bound=Event)

#: Log lines, and batches of requests, that wait for a reader who is slower than they come; it misses those beyond.
_LINES_BEHIND, _BATCHES_BEHIND = 1000, 20

_ICON = "/favicon.ico"

_ROUTES = Map(
    [
        Rule("/", endpoint="status_page", methods=["GET"]),
        Rule(_ICON, endpoint="icon", methods=["GET"]),
        Rule("/api/endpoints", endpoint="endpoints", methods=["GET"]),
        Rule("/api/versions", endpoint="versions", methods=["GET"]),
        Rule("/api/versions", endpoint="add_version", methods=["POST"]),
        Rule("/api/versions/<name>", endpoint="remove_version", methods=["DELETE"]),
        Rule("/api/aliases", endpoint="aliases", methods=["GET"]),
        Rule("/api/aliases/<alias>", endpoint="point", methods=["POST"]),
        Rule("/api/replicas", endpoint="scale", methods=["POST"]),
        Rule("/api/logs", endpoint="logs", methods=["GET"]),
        Rule("/api/recordings", endpoint="recordings", methods=["GET"]),
        Rule("/api/profile", endpoint="profile", methods=["GET"]),
        Rule("/api/requests", endpoint="requests", methods=["GET"]),
        Rule("/findings/<code>", endpoint="finding", methods=["GET"]),
        Rule("/metrics", endpoint="metrics", methods=["GET"]),
        Rule("/api/down", endpoint="down", methods=["POST"]),
    ]
)


@dataclass(frozen=True)
class _Feed(Generic[E]):
    """What is followed: events of one kind that are ``wanted``, the lines of each, and how many may wait for a reader.

    ``missed`` gives the line that stands for so many events which a slow reader has missed.
    """

    kind: type[E]
    wanted: Callable[[E], bool]
    lines: Callable[[E], Iterable[bytes]]
    behind: int
    missed: Callable[[E, int], bytes]


class _Follower(Generic[E]):
    """One reader of a feed. What it is too slow for is left out until it has read all that waits, and then told."""

    def __init__(self, feed: _Feed[E]) -> None:
        self._feed = feed
        self._waiting: queue.SimpleQueue[E] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # How many were missed since the last that was not, and the last of them.
        self._missed = 0
        self._last: E

    def offer(self, event: Event) -> None:
        """Take an event that it may follow; the subscriber for the bus."""
        feed = self._feed
        if isinstance(event, feed.kind) and feed.wanted(event):
            with self._lock:
                if not self._missed and self._waiting.qsize() < feed.behind:
                    self._waiting.put(event)
                else:
                    self._missed += 1
                    self._last = event

    def take(self) -> Iterator[bytes]:
        """Yield the next event's lines; an empty one where there is none for a while."""
        if self._missed and self._waiting.empty():
            with self._lock:
                missed, self._missed = self._missed, 0
            yield self._feed.missed(self._last, missed)
        try:
            yield from self._feed.lines(self._waiting.get(timeout=_HEARTBEAT))
        except queue.Empty:
            yield b"\n"


def serving(view: View, guard: Guard, listening: socket.socket) -> BaseWSGIServer:
    """Return what serves the app to whoever connects to a socket."""
    host, port = listening.getsockname()
    return make_server(host, port, App(view, guard), threaded=True, request_handler=_Quiet, fd=listening.fileno())


class App:
    """The WSGI app."""

    def __init__(self, view: View, guard: Guard) -> None:
        self._view = view
        self._guard = guard

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        try:
            response = self._answer(request, environ)
        except HTTPException as error:
            response = _told(request, {"error": error.description, "status": error.code})
        response.headers.update(dict(pages.SAFE))
        response.cache_control.no_store = True
        return response(environ, start_response)

    def _answer(self, request: Request, environ: WSGIEnvironment) -> Response:
        if request.path == "/" and self._guard.is_key(request.args.get("key", "")):
            return self._let_in()
        refusal = self._guard.refusal(request.method, request.headers)
        if refusal is not None and request.path != _ICON:
            return _told(request, {"error": refusal.reason, "status": refusal.status, "hint": refusal.hint})
        try:
            endpoint, names = _ROUTES.bind_to_environ(environ).match()
        except NotFound:
            return self._nothing_here(request)
        try:
            response: Response = getattr(self, f"_{endpoint}")(request, **names)
        except VhlocalError as error:
            place = None if error.place is None else str(error.place)
            said = {"error": error.message, "hint": error.hint, "place": place, "detail": error.detail}
            return _json({**said, "exit_code": error.exit_code, "status": 409}, 409)
        return response

    def _let_in(self) -> Response:
        """Take the key out of the address bar and into a cookie."""
        response = redirect("/", 303)
        response.set_cookie(self._guard.cookie, self._guard.read_key, httponly=True, samesite="Strict")
        return response

    def _status_page(self, _request: Request) -> Response:
        return Response(pages.status_page(self._view), mimetype="text/html")

    def _icon(self, _request: Request) -> Response:
        return Response(status=204)

    def _endpoints(self, request: Request) -> Response:
        view = self._view
        return _json(
            {
                "shape": describe.SHAPE,
                "run": view.run,
                "url": view.url,
                "open_to_network": view.open_to_network,
                # Its key is for who starts runs: what asks here may be a page of an endpoint's.
                "page": self._guard.link(view.url) if self._guard.is_owner(request.headers) else f"{view.url}/",
                **describe.version(view.versions()[0]),
                "versions": [describe.version(version) for version in view.versions()],
                "endpoints": [describe.status(status) for status in view.board.statuses()],
                "notices": [describe.notice(notice) for notice in view.board.notices()],
                # Asked before the findings are: those of what was examined by now are among them.
                "examined": view.examined(),
                "findings": [describe.finding(finding) for finding in view.board.findings()],
            }
        )

    def _logs(self, request: Request) -> Response:
        wanted_at, tail = self._wanted(request)
        served = [status.at for status in self._view.board.statuses() if wanted_at(status.at)]

        def past() -> Iterable[bytes]:
            lines = [line for at in served for line in self._view.board.tail(at, tail)]
            lines.sort(key=lambda line: line.time)
            return [_line(describe.log_line(line)) for line in lines[max(0, len(lines) - tail) :]]

        def wanted(event: LogLine) -> bool:
            return wanted_at(event.at)

        def new(event: LogLine) -> Iterable[bytes]:
            yield _line(describe.log_line(event))

        def missed(event: LogLine, count: int) -> bytes:
            text = LinesLeftOut(event.at, count).text
            return _line(describe.log_line(replace(event, stream="vhlocal", text=text)))

        return self._stream(
            past, _Feed(LogLine, wanted, new, _LINES_BEHIND, missed) if "follow" in request.args else None
        )

    def _requests(self, request: Request) -> Response:
        wanted_at, tail = self._wanted(request)

        def wanted(record: RequestRecord) -> bool:
            return not record.is_control and wanted_at(_asked_at(record))

        def past() -> Iterable[bytes]:
            return [_line(record.facts()) for record in self._view.requests.last(tail, wanted)]

        def new(event: RequestsEnded) -> Iterable[bytes]:
            for record in event.records:
                if wanted(record):
                    yield _line(record.facts())

        def missed(_: RequestsEnded, count: int) -> bytes:
            return _line(
                {"missed": count, "hint": "batches of requests were left out: they came faster than they were read"}
            )

        feed = _Feed(RequestsEnded, lambda _: True, new, _BATCHES_BEHIND, missed)
        return self._stream(past, feed if "follow" in request.args else None)

    def _recordings(self, request: Request) -> Response:
        """Answer with the last recordings, or with those whose ids begin so; whole to the run's owner alone."""
        store = self._view.recordings
        if store is None:
            raise VhlocalError("nothing is recorded", hint="start the run without --no-record")
        wanted, tail = self._wanted(request)
        beginning = request.args.get("id")
        taken = store.last(tail, request.args.get("endpoint")) if beginning is None else store.find(beginning)
        found = [each for each in taken if wanted(_asked_at(each.record))]
        whole = self._guard.is_owner(request.headers) and "whole" in request.args
        shown = [each.exchange() if whole else fit_to_show(each.exchange()) for each in found]
        return Response((_line(to_json(each)) for each in shown), mimetype="application/x-ndjson")

    def _profile(self, request: Request) -> Response:
        wanted_at, _ = self._wanted(request)
        statuses = [status for status in self._view.board.statuses() if wanted_at(status.at)]
        return _json({"endpoints": [describe.start_up(status) for status in statuses]})

    def _finding(self, request: Request, code: str) -> Response:
        # Brings all rules; most runs are never asked.
        from vhlocal.checks.pages import known_code  # noqa: PLC0415
        from vhlocal.checks.registry import ALL_DEFINITIONS  # noqa: PLC0415

        try:
            wanted = known_code(code)
        except InputError as error:
            return _told(request, {"error": error.message, "status": 404, "hint": error.hint})
        if wanted != code:
            return redirect(f"/findings/{wanted}", 308)
        definition = next(each for each in ALL_DEFINITIONS if each.code == wanted)
        return Response(pages.finding_page(self._view, definition), mimetype="text/html")

    def _metrics(self, request: Request) -> Response:
        # Most runs are never asked, and the library would cost each of them its start-up time.
        from vhlocal.api.metrics import exposition  # noqa: PLC0415

        body, content_type = exposition(self._view, request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    def _wanted(self, request: Request) -> tuple[Callable[[ServedAt], bool], int]:
        """Return what tells whether something served is asked about, and how many lines of the past."""
        asked = {name: request.args.get(name) for name in ("endpoint", "version", "replica")}
        known = [status.at for status in self._view.board.statuses()]

        def wanted(at: ServedAt) -> bool:
            return all(value in (None, str(getattr(at, name))) for name, value in asked.items())

        for name, value in asked.items():
            there = list(dict.fromkeys(str(getattr(at, name)) for at in known))
            if value is not None and value not in there:
                raise NotFound(f"no {name} `{value}`; there are: {', '.join(there)}")
        return wanted, max(0, request.args.get("tail", 200, type=int))

    def _versions(self, _request: Request) -> Response:
        return _json({"versions": self._view.change(changes.versions)})

    def _add_version(self, request: Request) -> Response:
        return _json({"version": self._view.change(changes.adding(_asked(request)))}, 201)

    def _remove_version(self, _request: Request, name: str) -> Response:
        return _json(self._view.change(changes.removing(name)))

    def _aliases(self, _request: Request) -> Response:
        return _json(self._view.change(changes.aliases))

    def _point(self, request: Request, alias: str) -> Response:
        return _json(self._view.change(changes.pointing(alias, _asked(request))))

    def _scale(self, request: Request) -> Response:
        return _json(self._view.change(changes.scaling(_asked(request))))

    def _down(self, _request: Request) -> Response:
        self._view.stop()
        return _json({"stopping": True}, 202)

    def _nothing_here(self, request: Request) -> Response:
        return _told(request, {**describe.unknown(self._view, request.path), "status": 404})

    def _stream(self, past: Callable[[], Iterable[bytes]], feed: _Feed[Any] | None) -> Response:
        """Answer with lines of JSON: what is known, and then, if it is to be followed, what comes."""

        def lines() -> Iterator[bytes]:
            if feed is None:
                yield from past()
                return
            follower = _Follower(feed)
            unsubscribe = self._view.bus.subscribe(follower.offer)
            try:
                yield from past()
                while True:
                    yield from follower.take()
            finally:
                unsubscribe()

        return Response(lines(), mimetype="application/x-ndjson")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def version_string(self) -> str:
        """Return what the answers call their server."""
        return "vhlocal"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the gateway keeps the record of requests."""


def _asked_at(record: RequestRecord) -> ServedAt:
    return ServedAt(record.version, record.endpoint or "", record.replica or 1)


def _asked(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request's body; BadRequest for anything else."""
    asked = request.get_json(force=True, silent=True)
    if not isinstance(asked, dict):
        raise BadRequest("the body has to be a JSON object")
    return asked


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _told(request: Request, facts: dict[str, Any]) -> Response:
    page = pages.told(facts, request.headers.get("Accept", "*/*"))
    return Response(page.body, status=facts["status"], content_type=page.content_type)


def _json(value: object, status: int = 200) -> Response:
    return Response(json_text(value) + "\n", status=status, mimetype="application/json")
