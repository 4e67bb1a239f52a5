"""Whether a server answers yet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vhlocal.runtime.base import Address

#: Seconds between two tries: quick at first, since a small server is there within moments.
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.25


async def answers(address: Address, prefix: str) -> bool:
    """Send one HEAD request for the endpoint's root; True once anything at all comes back.

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
            f"HEAD {prefix}/ HTTP/1.1\r\nHost: localhost\r\nUser-Agent: vhlocal-probe\r\n"
            f"X-VH-Prefix: {prefix}/\r\nConnection: close\r\n\r\n".encode()
        )
        return bool(await reader.read(1))
    except OSError:
        return False
    finally:
        writer.close()
