"""What a request needs of the connection that it came on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Client(Protocol):
    """A client, as its request in flight sees it."""

    @property
    def slow(self) -> bool:
        """Whether the client does not take more of the answer for now."""
        ...

    @property
    def write(self) -> Callable[[bytes], None]:
        """Send a part of the answer."""
        ...

    @property
    def body_unread(self) -> bool:
        """Whether some of the request's body has not been read: no other request can follow it."""
        ...

    def take_body(self) -> None:
        """The request's body is wanted (again)."""

    def finished(self, *, close: bool) -> None:
        """The answer is whole; ``close`` when the connection ends with it, as it does where a body is unread."""

    def broken(self, *, reset: bool) -> None:
        """The answer stays incomplete: hang up, with a reset where a plain end would look like a whole answer."""

    def detach(self) -> tuple[asyncio.Transport, bytes, bool]:
        """Hand over the bare connection, what came on it after the request, and whether that is all that will come."""
        ...
