"""What the gateway is given at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.contract import limits
from vhlocal.gateway.strict import HEAD_BYTES
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.contract.access import BasicAuth
    from vhlocal.gateway.table import Upstream


@dataclass(frozen=True)
class GatewayOptions:
    """Where the control plane is, who may use endpoints, and every limit. Times in seconds, sizes in bytes.

    The defaults of the last two groups are those of ingress-nginx or near them (K9).
    """

    #: Gets every request that is not an endpoint's.
    control: Upstream
    #: Asked about every request to an endpoint; None lets all in (K7).
    access: BasicAuth | None = None
    #: Cut what production's ingress would cut, rather than warn (K9).
    strict: bool = False
    #: Requests that may wait at one time while routes change, and for how long each: those in flight at a server that
    #: there cannot be two of may take their own time first, and then it is started.
    hold_limit: int = 1000
    hold_seconds: float = limits.READ_TIMEOUT + 30.0
    #: Waiting for word of what became of a server that accepts no connections: that it has ended, or another took over.
    word_seconds: float = 2.0
    #: Where a body is until all of it has come (K9): in memory, of each and of all together so much; what is more in an
    #: unnamed file in ``spool_directory`` (None: the system's own place for temporary files), of all together so much.
    #: Whatever is beyond that, or cannot be written, is 507.
    spool_memory_bytes: int = 256 * 1024
    spool_memory_total_bytes: int = 64 * 1024**2
    spool_disk_bytes: int = 1024**3
    spool_directory: str | None = None

    #: The ingress' own limits: warned of, or cut when ``strict``.
    body_bytes: int = limits.BODY_LIMIT
    read_seconds: float = limits.READ_TIMEOUT

    answer_head_bytes: int = limits.ANSWER_HEAD_LIMIT

    #: Always cut: a request's or an answer's whole head.
    head_bytes: int = HEAD_BYTES
    #: Connecting to a server.
    connect_seconds: float = 5.0
    #: From the first byte of a head to its last.
    head_seconds: float = 60.0
    #: Between two reads of a request's body.
    body_seconds: float = 60.0
    #: Between two reads by a client that is slower than its server, and between two bytes of a tunnel (WebSocket) that
    #: one side has ended.
    send_seconds: float = 60.0
    #: Between two requests of one client, and of one connection to a server. The second is shorter than what any server
    #: can be set to (Gunicorn and Uvicorn: 1): a request that meets the closing may not be sent a second time.
    client_idle_seconds: float = 75.0
    upstream_idle_seconds: float = 0.5
    #: What a WebSocket's two sides get to answer the gateway's close frame.
    closing_seconds: float = 2.0
    #: Reading on after the last answer, so that the client sees that answer and not a reset.
    linger_seconds: float = 5.0
    #: Clients connected at one time, WebSockets included. One more takes the place of who has asked for nothing the
    #: longest, ``room_seconds`` at least; where there is nobody, it gets the control plane's answers, and in an
    #: endpoint's place a 503 that says so. Each may need two open files, its own connection and one to a server: the
    #: process must be allowed that many and some more.
    connections: int = 4096
    room_seconds: float = 1.0
    #: How often the times above are looked at.
    tick_seconds: float = 0.25
