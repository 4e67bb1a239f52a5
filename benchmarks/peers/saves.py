"""A save, and how long it takes until its answer: the measure that is the same for all who reload."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.report import UnmeasuredError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BETWEEN_QUESTIONS = 0.002

#: Seconds until an editor that formats what it has saved saves it again.
_FORMATTED = 0.05
_PATIENCE = 60.0

#: What is served before the first save.
FIRST = "save-000"


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Served:
    """A file that somebody serves: the answer at ``path`` is the marker in the ``file``.

    ``text`` makes the file's text from a marker; ``after_save`` is what has to be done by hand once it is written.
    """

    file: Path
    text: Callable[[str], str]
    port: int
    path: str = "/"
    after_save: Callable[[], None] = _nothing


class Saved(NamedTuple):
    """Seconds from just before a save to the arrival of its answer, and requests that failed in between."""

    seconds: float
    failed: int


def save(served: Served, number: int) -> Saved:
    """Save the file with another marker and ask, on a new connection each time, until the answer shows it."""
    marker = f"save-{number:03}"
    text = served.text(marker)
    began = time.perf_counter()
    served.file.write_text(text)
    served.after_save()
    failed = wait_for(served, marker)
    return Saved(time.perf_counter() - began, failed)


def save_twice(served: Served, number: int) -> Saved:
    """Save the file, and once more 50 ms later; what is measured is the second save."""
    served.file.write_text(served.text(f"unformatted-{number:03}"))
    served.after_save()
    time.sleep(_FORMATTED)
    return save(served, number)


def wait_for(served: Served, marker: str) -> int:
    """Ask until the answer is ``marker``, and return how many requests failed until then."""
    deadline = time.perf_counter() + _PATIENCE
    failed = 0
    while (answer := ask(served)) != marker:
        failed += answer is None
        if time.perf_counter() > deadline:
            raise UnmeasuredError(f"{served.file} was not served with {marker} in {_PATIENCE:.0f} s, but {answer!r}")
        time.sleep(_BETWEEN_QUESTIONS)
    return failed


def ask(served: Served) -> str | None:
    """Return what is answered now; None where the request fails."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=_PATIENCE)
    try:
        connection.request("GET", served.path)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        return text if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
