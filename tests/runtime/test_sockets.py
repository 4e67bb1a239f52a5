"""Which sockets listen, by both ways in which Linux tells it."""

import contextlib
import socket
from pathlib import Path

import pytest

from vhlocal.runtime.base import Listener
from vhlocal.runtime.sockets import listening, listening_here

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   2: 0100007F:1F40 0100007F:0A00 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20 4 30 10 -1
   3: 00000000000000000000000001000000:1F42 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 14 1
   4: 0000000000000000FFFF00000100007F:1F43 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 15 1
"""


def test_a_table_is_read():
    assert listening(TABLE) == {
        "11": Listener("127.0.0.1", 8000),
        "12": Listener("0.0.0.0", 8001),
        "14": Listener("::1", 8002),
        "15": Listener("127.0.0.1", 8003),
    }


@pytest.mark.parametrize(
    ("family", "host", "told", "loopback"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1", True),
        (socket.AF_INET, "0.0.0.0", "0.0.0.0", False),
        (socket.AF_INET6, "::1", "::1", True),
        (socket.AF_INET6, "::", "::", False),
        (socket.AF_INET6, "::ffff:127.0.0.1", "127.0.0.1", True),
    ],
)
def test_the_kernel_tells_the_same_as_its_tables(family, host, told, loopback):
    """R3: who listens for itself alone is known as that, however the address is written."""
    with contextlib.closing(socket.socket(family)) as listens, contextlib.closing(socket.socket(family)) as bound:
        for each in (listens, bound):
            each.bind((host, 0))
        listens.listen()
        inode, other = (str(Path(f"/proc/self/fd/{each.fileno()}").stat().st_ino) for each in (listens, bound))
        tables = "".join(Path("/proc/self/net", name).read_text() for name in ("tcp", "tcp6"))
        found = listening_here()
        assert found[inode] == listening(tables)[inode] == Listener(told, listens.getsockname()[1])
        assert found[inode].loopback is loopback
        assert other not in found
