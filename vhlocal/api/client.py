"""How ``ps``, ``logs`` and ``down`` talk to a run, also to one that was detached."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from vhlocal.api.plainly import Answer, ask
from vhlocal.errors import VhlocalError
from vhlocal.session.record import is_there

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.exchanges import Exchange
    from vhlocal.session.record import RunRecord

#: Seconds that a run gets to answer: on a machine that is short of time it may wait for the processor for some.
_TIMEOUT = 30.0

#: The last requests that are looked through for one that is listed, but not recorded.
_LISTED = 1000

#: How often it is looked whether a run goes on that breaks connections off, and seconds between two looks.
_LOOKS, _PAUSE = 40, 0.05


class Client:
    """The API of one run. Errors of the run, or of reaching it, are VhlocalErrors."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record

    @property
    def url(self) -> str:
        """The gateway's URL."""
        return self._record.url

    def goes_on(self) -> bool:
        """Tell whether the run goes on; one that does not answer in time does.

        The process of a run that is killed is there for longer than its connections: nobody listens any more, then.
        """
        for _ in range(_LOOKS):
            if not is_there(self._record):
                return False
            try:
                with self._sent("/api/endpoints", "GET", None, _TIMEOUT) as answer:
                    answer.json()
            except ConnectionRefusedError:
                return False
            except ConnectionError:  # it may be ending just now, or have too many clients
                time.sleep(_PAUSE)
            except (OSError, ValueError):
                return True
            else:
                return True
        return True

    def endpoints(self) -> dict[str, Any]:
        """Return the run's names and its endpoints' statuses."""
        try:
            with self._open("/api/endpoints") as answer:
                found: dict[str, Any] = answer.json()
        except OSError as error:
            raise self._silent(error) from error
        return found

    def logs(
        self,
        endpoint: str | None,
        tail: int,
        *,
        follow: bool,
        version: str | None = None,
        replica: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield log lines, oldest first; with ``follow``, until the run ends."""
        asked = {"endpoint": endpoint, "version": version, "replica": replica}
        query = {"tail": str(tail), **{name: str(value) for name, value in asked.items() if value is not None}}
        yield from self._lines("/api/logs", {**query, **({"follow": "1"} if follow else {})})

    def _lines(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        try:
            with self._open(f"{path}?{_query(query)}") as answer:
                for line in answer:
                    if line.strip():
                        yield json.loads(line)
        except (ConnectionError, TimeoutError):
            return  # The run has ended.

    def recordings(
        self, tail: int = 200, *, beginning: str | None = None, endpoint: str | None = None, whole: bool = False
    ) -> list[Exchange]:
        """Return the last recordings, oldest first, or those whose ids begin so; ``whole`` with what is masked."""
        from vhlocal.recorder.plain import from_json  # noqa: PLC0415 - few commands need it

        asked = {"tail": str(tail), "id": beginning, "endpoint": endpoint, "whole": "1" if whole else None}
        query = _query({name: value for name, value in asked.items() if value is not None})
        try:
            with self._open(f"/api/recordings?{query}") as answer:
                return [from_json(json.loads(line)) for line in answer if line.strip()]
        except OSError as error:
            raise self._silent(error) from error

    def recording(self, beginning: str, *, whole: bool = False) -> Exchange:
        """Return the recording whose id begins so, ``whole`` with what is masked; InputError unless it is one."""
        from vhlocal.recorder.lookup import not_recorded, the_one  # noqa: PLC0415 - as above

        found = self.recordings(beginning=beginning, whole=whole)
        if not found:
            for record in self.requests(None, _LISTED, follow=False):
                if str(record.get("id", "")).startswith(beginning):
                    raise not_recorded(record)
        return the_one(found, beginning)

    def requests(self, endpoint: str | None, tail: int, *, follow: bool) -> Iterator[dict[str, Any]]:
        """Yield records of requests, oldest first; with ``follow``, until the run ends."""
        query = {"tail": str(tail), **({} if endpoint is None else {"endpoint": endpoint})}
        yield from self._lines("/api/requests", {**query, **({"follow": "1"} if follow else {})})

    def series(self, asked: dict[str, str]) -> dict[str, Any]:
        """Return the metrics that endpoints have printed; see ``api.series.listing`` for what may be ``asked``."""
        return self._ask("GET", f"/api/series?{_query(asked)}")

    def pins(self) -> list[dict[str, Any]]:
        """Return the records of the pinned requests, the oldest pin first; none where nothing is recorded."""
        found: list[dict[str, Any]] = self._ask("GET", "/api/pins")["pins"]
        return found

    def pin(self, beginning: str) -> str:
        """Pin the recorded request whose id begins so, and return its id."""
        return str(self._ask("POST", "/api/pins", {"id": beginning})["id"])

    def unpin(self, beginning: str) -> str:
        """Unpin a request, and return its id."""
        return str(self._ask("DELETE", f"/api/pins/{_quoted(beginning)}")["id"])

    def versions(self) -> list[dict[str, Any]]:
        """Return the versions that are served, the working tree's first."""
        found: list[dict[str, Any]] = self._ask("GET", "/api/versions")["versions"]
        return found

    def add_version(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Have a commit served; return what is known of it once it answers, or it is known why not."""
        found: dict[str, Any] = self._ask("POST", "/api/versions", asked)["version"]
        return found

    def remove_version(self, name: str) -> None:
        """Have a version served no longer."""
        self._ask("DELETE", f"/api/versions/{_quoted(name)}")

    def aliases(self) -> dict[str, Any]:
        """Return where each alias points, and the last moves, with how many there were before them."""
        return self._ask("GET", "/api/aliases")

    def point(self, alias: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Have an alias moved, or moved back."""
        return self._ask("POST", f"/api/aliases/{_quoted(alias)}", asked)

    def scale(self, endpoint: str, replicas: str, version: str | None) -> dict[str, Any]:
        """Have another number of an endpoint's replicas."""
        asked = {"endpoint": endpoint, "replicas": replicas, "version": version or ""}
        return self._ask("POST", "/api/replicas", asked)

    def use(self, endpoint: str, version: str) -> list[dict[str, Any]]:
        """Return what each replica of an endpoint uses at this moment; ``version`` may be an alias."""
        query = _query({"endpoint": endpoint, "version": version})
        found: list[dict[str, Any]] = self._ask("GET", f"/api/use?{query}")["replicas"]
        return found

    def _ask(self, method: str, path: str, asked: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if asked is None else json.dumps(asked).encode()
        # A run that still starts answers once it is up, and some changes take their time.
        try:
            with self._open(path, method, body, timeout=None) as answer:
                found: dict[str, Any] = answer.json()
        except OSError as error:
            raise self._silent(error) from error
        return found

    def invitation(self) -> str:
        """Return a link that lets one browser in to the page, once and soon."""
        return str(self._ask("POST", "/api/invitations", {})["url"])

    def down(self) -> None:
        """Ask the run to end."""
        with self._open("/api/down", method="POST"):
            pass

    def _open(
        self, path: str, method: str = "GET", body: bytes | None = None, timeout: float | None = _TIMEOUT
    ) -> Answer:
        try:
            answer = self._sent(path, method, body, timeout)
        except OSError as error:
            raise self._silent(error) from error
        if answer.is_error:
            with answer:
                raise _said(answer)
        return answer

    def _sent(self, path: str, method: str, body: bytes | None, timeout: float | None) -> Answer:
        # No proxy that the environment names is asked.
        host, _, port = self._record.url.removeprefix("http://").rpartition(":")
        headers = {"Authorization": f"Bearer {self._record.token}"}
        body = b"" if body is None and method != "GET" else body
        return ask((host.strip("[]"), int(port)), method, path, headers, body, timeout)

    def _silent(self, error: Exception) -> VhlocalError:
        if isinstance(error, ConnectionError) and not self.goes_on():
            return VhlocalError(f"the run at {self._record.url} has ended", hint="start it again: vhlocal up")
        what = f"the run at {self._record.url} does not answer: {error}"
        return VhlocalError(what, hint="stop it with `vhlocal down`")


def _query(asked: Mapping[str, str]) -> str:
    from urllib.parse import urlencode  # noqa: PLC0415 - `vhlocal ps` needs none, and it takes 5 ms

    return urlencode(asked)


def _quoted(name: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - as above

    return quote(name, safe="")


def _said(answer: Answer) -> VhlocalError:
    """Return what the run says is wrong."""
    try:
        said = answer.json()
        hint = " ".join(filter(None, (f"at {said['place']};" if said.get("place") else "", said.get("hint") or "")))
        error = VhlocalError(str(said["error"]), hint=hint.removesuffix(";") or None, detail=said.get("detail"))
        error.exit_code = int(said.get("exit_code", error.exit_code))
        return error
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return VhlocalError(f"the run answered {answer.status}")
