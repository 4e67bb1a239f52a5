"""The metrics that servers have printed, in JSON's words: what ``/api/series`` answers (K6). Pure."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from vhlocal.api.where import asked_about
from vhlocal.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vhlocal.events import MetricsPrinted
    from vhlocal.model import ServedAt, Version
    from vhlocal.series.buckets import Bucket
    from vhlocal.series.store import Answer, Key, Store, Texts

#: Changes when a reader of the older shape would be misled.
SHAPE = 1

#: What a bucket is a row of.
COLUMNS = ("time", "count", "min", "max", "mean", "sum")

#: Seconds that a bucket may be wide: a year is wider than all that is kept.
_WIDEST = 366 * 86400


def listing(
    store: Store, asked: Mapping[str, str], served: Iterable[ServedAt], versions: Sequence[Version] = ()
) -> dict[str, Any]:
    """Return the series that are ``asked`` for; InputError for what there is not, or what is no number.

    ``asked`` may have ``endpoint``, ``version``, ``replica`` and ``name``; with ``step`` (seconds) each series has its
    buckets; with ``since`` (epoch seconds) there are only those from then on, and texts likewise, but always the last
    one. ``served`` is what may print some; ``versions`` have the aliases that ``version`` may name.
    """
    step, since = _number(asked, "step", _WIDEST), _number(asked, "since", math.inf)
    series, texts = store.series(since=since, step=None if step is None else int(step)), store.texts()
    known = [*served, *(each.key.at for each in series), *(key.at for key, _ in texts)]
    is_at, name = asked_about(asked, known, versions), asked.get("name")

    def wanted(key: Key) -> bool:
        return is_at(key.at) and name in (None, key.name)

    return {
        "shape": SHAPE,
        "time": time.time(),
        "left_out": store.left_out,
        "columns": list(COLUMNS),
        "series": [_series(each) for each in series if wanted(each.key)],
        "texts": [_texts(key, each, since or 0) for key, each in texts if wanted(key)],
    }


def samples(printed: MetricsPrinted) -> Iterator[dict[str, Any]]:
    """Yield the values of one line: each has ``value``, a number, or ``text``."""
    for name, value in printed.numbers.items():
        yield {**_where(printed.at), "name": name, "time": printed.time, "value": value}
    for name, text in printed.texts.items():
        yield {**_where(printed.at), "name": name, "time": printed.time, "text": text}


def _number(asked: Mapping[str, str], name: str, most: float) -> float | None:
    if name not in asked:
        return None
    try:
        number = float(asked[name])
    except ValueError:
        number = math.nan
    if not 1 <= number < most:
        raise InputError(f"`{name}` must be a number of seconds, at least 1", hint=f"?{name}=60")
    return number


def _series(known: Answer) -> dict[str, Any]:
    found = {
        **_where(known.key.at),
        "name": known.key.name,
        "count": known.count,
        "first": known.first,
        "last": known.last,
        "value": known.value,
        "min": known.least,
        "max": known.most,
        "mean": _finite(known.total / known.count),
        "sum": _finite(known.total),
    }
    return {**found, "step": known.step, "buckets": [_row(each) for each in known.buckets]} if known.step else found


def _row(bucket: Bucket) -> list[float | None]:
    rest = _finite(bucket.mean), _finite(bucket.total)
    return [bucket.time, bucket.number, bucket.least, bucket.most, *rest]


def _texts(key: Key, known: Texts, since: float) -> dict[str, Any]:
    kept = [(when, text) for when, text in known.kept if when >= since] or [known.kept[-1]]
    found = [{"time": when, "text": text} for when, text in kept]
    return {**_where(key.at), "name": key.name, "count": known.count, "texts": found}


def _where(at: ServedAt) -> dict[str, Any]:
    return {"endpoint": at.endpoint, "version": at.version, "replica": at.replica, "served": at.name}


def _finite(number: float) -> float | None:
    """Return a number, or None for a sum that no number is large enough for: JSON has no other."""
    return number if math.isfinite(number) else None
