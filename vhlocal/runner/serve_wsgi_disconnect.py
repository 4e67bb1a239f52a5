"""Warns if an app hears of a disconnect while its client is still there: Gunicorn's own ASGI worker does so.

Frameworks ask whether a client is there by receiving with no wait at all (Starlette's ``request.is_disconnected()``).
Once such a receive was cancelled, that worker answers each further one with a disconnect, and streams end early.
"""

import asyncio
import sys

_TOLD = (
    "wsgi: request.is_disconnected() is true here while the client is still there, so streams may end early: "
    "Gunicorn's own ASGI worker does that. Add uvicorn-worker to the requirements (and websockets for its WebSockets)\n"
)

_told = []


class Watched:
    """An ASGI application whose requests are watched where they are that worker's."""

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        owner = getattr(receive, "__self__", None)
        if type(owner).__module__.startswith("gunicorn."):
            receive = _Receive(receive, owner)
        await self.application(scope, receive, send)


class _Receive:
    def __init__(self, receive, owner):
        self._receive = receive
        self._owner = owner
        self._given_up = False

    async def __call__(self):
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            self._given_up = True
            raise
        if self._given_up and message["type"] == "http.disconnect" and self._is_there() and not _told:
            _told.append(True)
            sys.stderr.write(_TOLD)
            sys.stderr.flush()
        return message

    def _is_there(self):
        return getattr(getattr(self._owner, "protocol", None), "_closed", None) is False
