"""How ``ps``, ``logs`` and ``down`` talk to a run, also to one that was detached."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

from vhlocal.errors import VhlocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.session.record import RunRecord

_TIMEOUT = 10.0


class Client:
    """The API of one run. Errors of the run, or of reaching it, are VhlocalErrors."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record

    def endpoints(self) -> dict[str, Any]:
        """Return the run's names and its endpoints' statuses."""
        with self._open("/api/endpoints") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def logs(self, endpoint: str | None, tail: int, *, follow: bool) -> Iterator[dict[str, Any]]:
        """Yield log lines, oldest first; with ``follow``, until the run ends."""
        query: dict[str, str] = {"tail": str(tail)}
        if endpoint is not None:
            query["endpoint"] = endpoint
        if follow:
            query["follow"] = "1"
        try:
            with self._open(f"/api/logs?{urllib.parse.urlencode(query)}") as answer:
                for line in answer:
                    if line.strip():
                        yield json.loads(line)
        except (ConnectionError, TimeoutError):
            return  # The run has ended.

    def down(self) -> None:
        """Ask the run to end."""
        with self._open("/api/down", method="POST"):
            pass

    def _open(self, path: str, method: str = "GET") -> http.client.HTTPResponse:
        # Not by urllib.request, which takes long to import, and would ask a proxy that the environment names.
        url = urllib.parse.urlsplit(self._record.url)
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_TIMEOUT)
        headers = {"Authorization": f"Bearer {self._record.token}", "Connection": "close"}
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise VhlocalError(
                f"the run at {self._record.url} does not answer: {error}", hint="end it with `vhlocal down`"
            ) from error
        if answer.status >= http.client.BAD_REQUEST:
            with answer:
                raise VhlocalError(_said(answer))
        return answer


def _said(answer: http.client.HTTPResponse) -> str:
    try:
        return str(json.load(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the run answered {answer.status}"
