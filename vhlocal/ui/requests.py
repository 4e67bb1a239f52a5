"""How requests look on a terminal: a line each, or one line for many that came together."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING

from rich.text import Text

from vhlocal.masked import masked_target
from vhlocal.model import RequestRecord
from vhlocal.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: If more requests than these end together, each endpoint's are printed as one line.
_LINES = 20
_TARGET_LENGTH = 100

#: The first status of each class that is worth seeing.
_SERVER_ERROR, _CLIENT_ERROR = 500, 400

#: By position, in one call each: thousands of requests may end together, and the gateway waits meanwhile.
_ASKED = itemgetter(*map(RequestRecord._fields.index, ("endpoint", "replica")))
_STATUS, _SECONDS = (itemgetter(RequestRecord._fields.index(name)) for name in ("status", "seconds"))

#: Stands for an endpoint's name where there is none.
NOBODY = "gateway"


def request_lines(records: Sequence[RequestRecord]) -> Iterator[tuple[str, Text]]:
    """Yield whose line it is, and the line; nothing for the control plane's own requests."""
    if len(records) > _LINES and records[0].endpoint and len(set(map(_ASKED, records))) == 1:
        yield _name(records[0]), _summary(records)
        return
    records = [record for record in records if record.endpoint or not record.is_control]
    if len(records) <= _LINES:
        yield from ((_name(record), _line(record)) for record in records)
        return
    by_asked: defaultdict[object, list[RequestRecord]] = defaultdict(list)
    for record in records:
        by_asked[_ASKED(record)].append(record)
    for some in by_asked.values():
        yield _name(some[0]), _summary(some)


def _name(record: RequestRecord) -> str:
    replica = f"/{record.replica}" if record.replica else ""
    return f"{record.endpoint}{replica}" if record.endpoint else NOBODY


def _line(record: RequestRecord) -> Text:
    what = f"{record.method} {_shown(record)} " if record.method else f"{record.client} sent no request: "
    text = Text.assemble(what, (str(record.status), _style(record.status)), f" in {duration(record.seconds)}")
    if record.reason:
        text.append(f": {record.reason}", "dim")
    return text


def _summary(records: Sequence[RequestRecord]) -> Text:
    codes = [*map(_STATUS, records)]
    same = codes.count(codes[0]) == len(codes)
    counts = [(codes[0], len(codes))] if same else sorted(Counter(codes).items())
    statuses = Text(", ").join(
        Text.assemble((str(status), _style(status)), f" to {count:,}") for status, count in counts
    )
    half = duration(statistics.median(map(_SECONDS, records)))
    return Text.assemble(f"{len(records):,} requests: ", statuses, f"; median {half}")


def duration(seconds: float) -> str:
    """Return a time as people say it: milliseconds below a second."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _shown(record: RequestRecord) -> str:
    """Return a target without the names that all of a run share, and without what a terminal could obey."""
    target = masked_target(record.target)
    text = one_line(f"…/{target.split('/', 4)[-1]}" if record.endpoint else target)
    return text if len(text) <= _TARGET_LENGTH else f"{text[:_TARGET_LENGTH]}…"


def _style(status: int) -> str:
    return "bold red" if status >= _SERVER_ERROR else "yellow" if status >= _CLIENT_ERROR else "green"
