"""Whether a server answers yet."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vhlocal.runtime.base import Address

#: Seconds between two tries: quick at first, since a small server is there within moments.
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.25


#: Seconds and bytes that the rest of an answer is read for: a server that is hung up on would log it as a fault.
_DRAIN_SECONDS = 1.0
_DRAIN_BYTES = 1024 * 1024


async def answers(address: Address, prefix: str) -> bool:
    """Send one GET request for the endpoint's root; True once anything at all comes back.

    A server that accepts and takes its time, such as one whose workers still load a model, is waited for on that
    connection. False when it refuses, or closes without a word. Any status will do: what is asked is only whether
    somebody is there.
    """
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    try:
        writer.write(
            f"GET {prefix}/ HTTP/1.1\r\nHost: localhost\r\nUser-Agent: vhlocal-probe\r\n"
            f"X-VH-Prefix: {prefix}/\r\nConnection: close\r\n\r\n".encode()
        )
        if not await reader.read(1):
            return False
        with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            await asyncio.wait_for(reader.readexactly(_DRAIN_BYTES), _DRAIN_SECONDS)
        return True
    except OSError:
        return False
    finally:
        writer.close()
