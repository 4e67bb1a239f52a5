"""R3: a runner knows by the kernel who listens on a port, and at which address; under the oldest Python too."""

import json
import subprocess
from pathlib import Path

import pytest

import vhlocal.runner
from tests.runner.stacks import OLDEST, USUAL, python_of

SCRIPT = """\
import json, socket, sys
sys.path.insert(0, sys.argv[1])
import serve_warm_sockets as sockets

found = []
for family, host in ((4, "127.0.0.1"), (4, "0.0.0.0"), (6, "::1"), (6, "::"), (6, "::ffff:127.0.0.1")):
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6) as listens:
        listens.bind((host, 0))
        port, inode = listens.getsockname()[1], sockets.inode(listens)
        before = sockets.listening(port)
        listens.listen(1)
        told = sockets.listening(port)
        interface, sockets._NETLINK_SOCK_DIAG = sockets._NETLINK_SOCK_DIAG, 31  # a kernel without it
        tables = sockets.listening(port)
        sockets._NETLINK_SOCK_DIAG = interface
        found.append([before, told == {inode: told.get(inode)}, told == tables, told.get(inode)])
print(json.dumps(found))
"""


@pytest.mark.parametrize("stack", [USUAL, OLDEST], ids=str)
def test_the_address_at_which_a_port_listens_is_told(stack):
    """The kernel's tables, for where it has no other way to tell, say the same."""
    words = [str(python_of(stack)), "-c", SCRIPT, str(Path(vhlocal.runner.__file__).parent)]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    expected = ["127.0.0.1", "0.0.0.0", "::1", "::", "127.0.0.1"]
    assert found == [[{}, True, True, host] for host in expected]
