"""The page's own origin: a loopback port, and the key to it, both kept from run to run of a project.

So a page that is open when a run ends finds the next one.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import time
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.session.record import KeptPage, new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vhlocal.session.record import ProjectState

#: Ports that no system gives to connections by itself, so that one is free again for the next run, and below those of
#: servers that are processes. Browsers open all of them.
_FIRST, _COUNT, _TRIES = 11_000, 8_000, 20

#: Seconds in which a browser has to follow an invitation.
_SOON = 60.0


class Origin:
    """Where the page is, with a slash at its end, and who is let in: whoever has the key, or was invited."""

    def __init__(self, address: str, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self.key = key
        self._clock = clock
        self._invited: dict[str, float] = {}

    @property
    def link(self) -> str:
        """Where a browser is let in: no server is sent what stands in the fragment."""
        return f"{self.address}#key={self.key}"

    def invite(self) -> str:
        """Return a link that lets one browser in, once and soon.

        Every user of the machine can see what a browser is started with: a key in that would be everybody's.
        """
        now = self._clock()
        self._invited = {word: until for word, until in self._invited.items() if until > now}
        word = new_token()
        self._invited[word] = now + _SOON
        return f"{self.address}?once={word}"

    def accept(self, word: str) -> bool:
        """Tell whether an invitation of this word lets in; it does not a second time."""
        return self._invited.pop(word, 0.0) > self._clock()


def open_origin(state: ProjectState | None) -> tuple[socket.socket, Origin]:
    """Return the page's socket, which listens, and its origin: the same as in the project's last run, if it is free.

    Without ``state`` both are new.
    """
    kept = None if state is None else state.page()
    listening = _listen(_ports(state, kept))
    port = listening.getsockname()[1]
    key = kept.key if kept is not None else new_token()
    if state is not None and (kept is None or kept.port != port):
        with contextlib.suppress(VhlocalError):  # the next run has another link then, which is all that is lost
            state.keep_page(KeptPage(port, key))
    return listening, Origin(f"http://127.0.0.1:{port}/", key)


def _ports(state: ProjectState | None, kept: KeptPage | None) -> Iterator[int]:
    if kept is not None:
        yield kept.port
    if state is not None:
        own = int.from_bytes(hashlib.sha256(str(state.path).encode()).digest()[:4], "big")
        yield from (_FIRST + (own + step) % _COUNT for step in range(_TRIES))
    yield 0


def _listen(ports: Iterator[int]) -> socket.socket:
    for port in ports:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port), backlog=128)
    raise VhlocalError("no port of 127.0.0.1 is free for the page")
