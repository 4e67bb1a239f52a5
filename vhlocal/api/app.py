"""What is answered at both origins of a run, its gateway's and its page's: the API and the pages of findings."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.routing import Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from vhlocal.api import changes, describe, pages, recorded, series
from vhlocal.api.following import Feed, followed
from vhlocal.api.where import NotServed, asked_about
from vhlocal.errors import InputError, VhlocalError
from vhlocal.events import LinesLeftOut, LogLine, RequestsEnded
from vhlocal.model import ServedAt
from vhlocal.recorder.plain import to_json
from vhlocal.recorder.showing import fit_to_show
from vhlocal.visible import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import Map

    from vhlocal.api.guard import Refusal
    from vhlocal.api.reloads import Reloads
    from vhlocal.model import RequestRecord
    from vhlocal.session.view import View

#: Log lines, and batches of requests, that wait for a reader who is slower than they come; it misses those beyond.
_LINES_BEHIND, _BATCHES_BEHIND = 1000, 20


def api_rules() -> list[Rule]:
    """Return the paths of what both origins answer."""
    return [
        Rule("/api/endpoints", endpoint="endpoints", methods=["GET"]),
        Rule("/api/versions", endpoint="versions", methods=["GET"]),
        Rule("/api/versions", endpoint="add_version", methods=["POST"]),
        Rule("/api/versions/<path:name>", endpoint="remove_version", methods=["DELETE"]),
        Rule("/api/aliases", endpoint="aliases", methods=["GET"]),
        Rule("/api/aliases/<path:alias>", endpoint="point", methods=["POST"]),
        Rule("/api/replicas", endpoint="scale", methods=["POST"]),
        Rule("/api/use", endpoint="use", methods=["GET"]),
        Rule("/api/restart", endpoint="restart", methods=["POST"]),
        Rule("/api/reloads", endpoint="reloads", methods=["GET"]),
        Rule("/api/logs", endpoint="logs", methods=["GET"]),
        Rule("/api/recordings", endpoint="recordings", methods=["GET"]),
        Rule("/api/recordings/<id>/curl", endpoint="curl", methods=["GET"]),
        Rule("/api/pins", endpoint="pins", methods=["GET"]),
        Rule("/api/pins", endpoint="pin", methods=["POST"]),
        Rule("/api/pins/<id>", endpoint="unpin", methods=["DELETE"]),
        Rule("/api/replay", endpoint="replay", methods=["POST"]),
        Rule("/api/profile", endpoint="profile", methods=["GET"]),
        Rule("/api/series", endpoint="series", methods=["GET"]),
        Rule("/api/requests", endpoint="requests", methods=["GET"]),
        Rule("/api/down", endpoint="down", methods=["POST"]),
        Rule("/findings/<code>", endpoint="finding", methods=["GET"]),
    ]


class App(ABC):
    """The WSGI app of one origin. A rule's endpoint is the name of the method that answers, without its underscore."""

    #: Its paths, what is on each of its answers, and whether its pages lead to their style or have it in them.
    routes: ClassVar[Map]
    headers: ClassVar[Sequence[tuple[str, str]]]
    links_style: ClassVar[bool]
    #: By whose wish a run ends that is ended here.
    whose: ClassVar[str]

    def __init__(self, view: View, reloads: Reloads) -> None:
        self._view = view
        self._reloads_kept = reloads

    @abstractmethod
    def refusal(self, request: Request) -> Refusal | None:
        """Return why a request is refused, or None."""

    @abstractmethod
    def is_owner(self, request: Request) -> bool:
        """Tell whether it is who has started the run that asks."""

    @abstractmethod
    def page_link(self, *, owner: bool) -> str:
        """Return the URL of the run's page, with its key for the owner."""

    def look(self, *, owner: bool) -> str | None:
        """Return, for the owner, the URL that lets other machines' browsers look; None where there is none."""
        return None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        try:
            response = self.answer(request)
        except HTTPException as error:
            response = self.told(request, {"error": error.description, "status": error.code})
        response.headers.update(dict(self.headers))
        if not response.cache_control.no_cache:
            response.cache_control.no_store = True
        return response(environ, start_response)

    def answer(self, request: Request) -> Response:
        """Answer one request; HTTPException where there is nothing of that kind."""
        refusal = self.refusal(request)
        if refusal is not None:
            return self.told(request, {"error": refusal.reason, "status": refusal.status, "hint": refusal.hint})
        try:
            endpoint, names = self.routes.bind_to_environ(request.environ).match()
        except NotFound:
            return self.nothing_here(request)
        try:
            response: Response = getattr(self, f"_{endpoint}")(request, **names)
        except VhlocalError as error:
            place = None if error.place is None else str(error.place)
            said = {"error": error.message, "hint": error.hint, "place": place, "detail": error.detail}
            status = 404 if isinstance(error, NotServed) else 409
            return as_json({**said, "exit_code": error.exit_code, "status": status}, status)
        return response

    def told(self, request: Request, facts: dict[str, Any]) -> Response:
        """Answer with an error, as the client prefers it."""
        page = pages.told(facts, request.headers.get("Accept", "*/*"), linked=self.links_style)
        return Response(page.body, status=facts["status"], content_type=page.content_type)

    def nothing_here(self, request: Request) -> Response:
        """Answer at a path that is none of ours."""
        return self.told(request, {**describe.unknown(self._view, request.path), "status": 404})

    def endpoints(self, *, owner: bool) -> dict[str, Any]:
        """Return all that is known of the run at this moment, to its owner or to others."""
        view = self._view
        return {
            "shape": describe.SHAPE,
            "run": view.run,
            "url": view.url,
            "open_to_network": view.open_to_network,
            "shared": view.shared or None,
            "page": self.page_link(owner=owner),
            "look": self.look(owner=owner),
            **describe.version(view.versions()[0]),
            "versions": [describe.version(version) for version in view.versions()],
            "endpoints": [describe.status(status) for status in view.board.statuses()],
            "notices": [describe.notice(notice) for notice in view.board.notices()],
            # Asked before the findings are: those of what was examined by now are among them.
            "examined": view.examined(),
            "findings": [describe.finding(finding) for finding in view.board.findings()],
        }

    def _endpoints(self, request: Request) -> Response:
        return as_json(self.endpoints(owner=self.is_owner(request)))

    def _logs(self, request: Request) -> Response:
        wanted_at, tail = self._wanted(request)
        served = [status.at for status in self._view.board.statuses() if wanted_at(status.at)]

        def past() -> Iterable[bytes]:
            lines = [each for at in served for each in self._view.board.tail(at, tail)]
            lines.sort(key=lambda each: each.time)
            return [line(describe.log_line(each)) for each in lines[max(0, len(lines) - tail) :]]

        def wanted(event: LogLine) -> bool:
            return wanted_at(event.at)

        def new(event: LogLine) -> Iterable[bytes]:
            yield line(describe.log_line(event))

        def missed(event: LogLine, count: int) -> bytes:
            text = LinesLeftOut(event.at, count).text
            return line(describe.log_line(replace(event, stream="vhlocal", text=text)))

        return self._stream(
            past, Feed(LogLine, wanted, new, _LINES_BEHIND, missed) if "follow" in request.args else None
        )

    def _requests(self, request: Request) -> Response:
        wanted_at, tail = self._wanted(request)

        def wanted(record: RequestRecord) -> bool:
            return not record.is_control and wanted_at(_asked_at(record))

        def past() -> Iterable[bytes]:
            return [line(record.facts()) for record in self._view.requests.last(tail, wanted)]

        def new(event: RequestsEnded) -> Iterable[bytes]:
            for record in event.records:
                if wanted(record):
                    yield line(record.facts())

        def missed(_: RequestsEnded, count: int) -> bytes:
            return line(
                {"missed": count, "hint": "batches of requests were left out: they came faster than they were read"}
            )

        feed = Feed(RequestsEnded, lambda _: True, new, _BATCHES_BEHIND, missed)
        return self._stream(past, feed if "follow" in request.args else None)

    def _recordings(self, request: Request) -> Response:
        """Answer with the last recordings, or with those whose ids begin so; whole to the run's owner alone."""
        store = recorded.store_of(self._view)
        wanted, tail = self._wanted(request)
        beginning = request.args.get("id")
        taken = store.last(tail, request.args.get("endpoint")) if beginning is None else store.find(beginning)
        found = [each for each in taken if wanted(_asked_at(each.record))]
        whole = self.is_owner(request) and "whole" in request.args
        shown = [each.exchange() if whole else fit_to_show(each.exchange()) for each in found]
        return Response((line(to_json(each)) for each in shown), mimetype="application/x-ndjson")

    def _curl(self, _request: Request, id: str) -> Response:
        return as_json(recorded.as_curl(self._view, id))

    def _pins(self, _request: Request) -> Response:
        return as_json(recorded.pins(self._view))

    def _pin(self, request: Request) -> Response:
        return as_json(recorded.pin(self._view, _asked(request)), 201)

    def _unpin(self, _request: Request, id: str) -> Response:
        return as_json(recorded.unpin(self._view, id))

    def _replay(self, request: Request) -> Response:
        return as_json(recorded.replayed(self._view, _asked(request)))

    def _profile(self, request: Request) -> Response:
        wanted_at, _ = self._wanted(request)
        statuses = [status for status in self._view.board.statuses() if wanted_at(status.at)]
        return as_json({"endpoints": [describe.start_up(status) for status in statuses]})

    def _series(self, request: Request) -> Response:
        served = [status.at for status in self._view.board.statuses()]
        return as_json(series.listing(self._view.metrics, request.args, served, self._view.versions()))

    def _finding(self, request: Request, code: str) -> Response:
        # Brings all rules; most runs are never asked.
        from vhlocal.checks.pages import known_code  # noqa: PLC0415
        from vhlocal.checks.registry import ALL_DEFINITIONS  # noqa: PLC0415

        try:
            wanted = known_code(code)
        except InputError as error:
            return self.told(request, {"error": error.message, "status": 404, "hint": error.hint})
        if wanted != code:
            return redirect(f"/findings/{wanted}", 308)
        definition = next(each for each in ALL_DEFINITIONS if each.code == wanted)
        page = pages.finding_page(self._view, definition, linked=self.links_style)
        return Response(page, mimetype="text/html")

    def _wanted(self, request: Request) -> tuple[Callable[[ServedAt], bool], int]:
        """Return the test for what a request asks about, and how many past lines it wants."""
        known = [status.at for status in self._view.board.statuses()]
        wanted = asked_about(request.args, known, self._view.versions())
        return wanted, max(0, request.args.get("tail", 200, type=int))

    def _versions(self, _request: Request) -> Response:
        return as_json({"versions": self._view.change(changes.versions)})

    def _add_version(self, request: Request) -> Response:
        return as_json({"version": self._view.change(changes.adding(_asked(request)))}, 201)

    def _remove_version(self, _request: Request, name: str) -> Response:
        return as_json(self._view.change(changes.removing(name)))

    def _aliases(self, _request: Request) -> Response:
        return as_json(self._view.change(changes.aliases))

    def _point(self, request: Request, alias: str) -> Response:
        return as_json(self._view.change(changes.pointing(alias, _asked(request))))

    def _scale(self, request: Request) -> Response:
        return as_json(self._view.change(changes.scaling(_asked(request))))

    def _use(self, request: Request) -> Response:
        asked = request.args
        return as_json(self._view.change(changes.using(asked.get("endpoint", ""), asked.get("version"))))

    def _restart(self, request: Request) -> Response:
        return as_json(self._view.change(changes.restarting(_asked(request))), 202)

    def _reloads(self, _request: Request) -> Response:
        return as_json({"reloads": [describe.reload(each) for each in self._reloads_kept.last()]})

    def _down(self, _request: Request) -> Response:
        self._view.stop(self.whose)
        return as_json({"stopping": True}, 202)

    def _stream(self, past: Callable[[], Iterable[bytes]], feed: Feed[Any] | None) -> Response:
        """Answer with lines of JSON: what is known, and then, if it is to be followed, what comes."""
        lines = past() if feed is None else followed(self._view.bus, past, feed)
        return Response(lines, mimetype="application/x-ndjson")


def _asked_at(record: RequestRecord) -> ServedAt:
    return ServedAt(record.version, record.endpoint or "", record.replica or 1)


def _asked(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request's body; BadRequest for anything else."""
    asked = request.get_json(force=True, silent=True)
    if not isinstance(asked, dict):
        raise BadRequest("the body must be a JSON object")
    return asked


def line(value: object) -> bytes:
    """Return a value as a line of JSON."""
    return json.dumps(value).encode() + b"\n"


def as_json(value: object, status: int = 200) -> Response:
    """Answer with a value as JSON."""
    return Response(json_text(value) + "\n", status=status, mimetype="application/json")
