"""Answers in two parts; the second comes when the file ``go`` appears in the directory named by ``SLOW_DIRECTORY``."""

import os
import pathlib
import select


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10")])
    yield b"first"
    fifo = os.open(str(pathlib.Path(os.environ["SLOW_DIRECTORY"]) / "go"), os.O_RDONLY | os.O_NONBLOCK)
    select.select([fifo], [], [], 30)
    yield b"after"
