"""Lines of JSON between the processes of the runner, and between the runner and vhlocal."""

import json
import os


class Lines:
    """Cuts what comes in pieces into messages, one for each line."""

    def __init__(self):
        self._rest = b""

    def feed(self, data):
        """Return the messages that ``data`` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line.decode("utf-8")) for line in lines if line]


#: What several processes may write to one pipe without their lines being mixed: POSIX's least PIPE_BUF is 512, Linux'
#: is this.
LONGEST = 4096


def encode(message):
    """Return a message as the line that carries it."""
    return json.dumps(message).encode("utf-8") + b"\n"


def write(fd, message):
    """Write a message whole; if the reader is gone, do nothing."""
    data = encode(message)
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        pass


def read(fd):
    """Return what there is to read, b"" where it is nothing yet, or nothing any more."""
    try:
        return os.read(fd, 1 << 20)
    except BlockingIOError:
        return b""
