"""Runs a tool, and ends it where the one that asked for it has ended, however that came: by SIGKILL too.

A script for a process of its own, of the standard library alone: ``tool_guard.py SECONDS COMMAND...``. It leads a
group, and its standard input ends with the one that asked. The tool is then interrupted, as by Ctrl-C, and killed after
the seconds. The exit code is the tool's, 128 and more for a signal, as a shell reports it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time


def main() -> int:
    """Run the command, and return its exit code."""
    seconds, *command = sys.argv[1:]
    # The interrupts are the tool's. They are not ignored, because the tool would inherit that.
    signal.signal(signal.SIGINT, lambda *_: None)
    alone = threading.Event()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as tool:
        threading.Thread(target=_end, args=(float(seconds), alone), daemon=True).start()
        code = tool.wait()
    if alone.is_set():
        _kill()  # what the tool has left of its group
    return code if code >= 0 else 128 - code


def _end(seconds: float, alone: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    alone.set()
    os.killpg(0, signal.SIGINT)
    time.sleep(seconds)
    _kill()


def _kill() -> None:
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
