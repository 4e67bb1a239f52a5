"""A file that gets one line of JSON for each request."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from typing import TYPE_CHECKING, TextIO

from vhlocal.errors import InputError, VhlocalError
from vhlocal.events import Event, Problem, RequestsEnded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vhlocal.events import Bus
    from vhlocal.model import RequestRecord


@contextlib.contextmanager
def access_log(path: Path | None, bus: Bus) -> Iterator[None]:
    """Append the requests that the bus publishes to a file, in a thread, until the context ends; None: no such file.

    InputError when the file cannot be opened. When it cannot be written later, such as on a full disk, the log ends and
    the run goes on. A file that was made here and got no line is taken away again.
    """
    if path is None:
        yield
        return
    try:
        made = not path.exists()
        # One that is made for it nobody else can read: requests may hold what is secret.
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the access log {path} cannot be written: {error.strerror}", hint="name another file with --access-log"
        ) from error
    batches: queue.SimpleQueue[tuple[RequestRecord, ...] | None] = queue.SimpleQueue()

    def take(event: Event) -> None:
        if isinstance(event, RequestsEnded) and thread.is_alive():
            batches.put(event.records)

    def work() -> None:
        try:
            _write(file, batches)
        except OSError as error:
            problem = VhlocalError(
                f"the access log {path} ends here: {error.strerror}", hint="the run goes on without it"
            )
            bus.publish(Problem(problem))

    unsubscribe = bus.subscribe(take)
    thread = threading.Thread(target=work, name="vhlocal-access-log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        unsubscribe()
        batches.put(None)
        thread.join()
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            if made and path.is_file() and not path.stat().st_size:
                path.unlink()


def _write(file: TextIO, batches: queue.SimpleQueue[tuple[RequestRecord, ...] | None]) -> None:
    while (records := batches.get()) is not None:
        file.write("".join(json.dumps(record.facts()) + "\n" for record in records))
        file.flush()
