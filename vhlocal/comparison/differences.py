"""Compares two answers: what differs, shortest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.comparison.bodies import BYTES, IMAGE, JSON, TEXTS, Read, content_type, read
from vhlocal.comparison.paths import written
from vhlocal.comparison.prefixes import Prefixes
from vhlocal.comparison.rules import DEFAULT, Rules, at_root
from vhlocal.comparison.values import changes, shown, texts
from vhlocal.exchanges import Answer, Body, digest_of, header

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

#: Where something differs: the status, a header by its name, the body, or a line or value in it.
Location = tuple[str | int, ...]

_STATUS: Location = ("status",)
_BODY: Location = ("body",)
_SHOWN = 60


class Difference(NamedTuple):
    """One difference: where, by a name that is shown, and what was and what is, as short texts."""

    location: Location
    where: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.where} {self.before} → {self.after}"


def differences(
    before: Answer, after: Answer, rules: Rules = DEFAULT, noise: Collection[Location] = ()
) -> tuple[Difference, ...]:
    """Return what differs between two answers to the same request: the status, then the rest, shortest first.

    Pictures are compared by their format and size in pixels, not by what they show. In links and redirects, the paths
    that the requests were sent to do not count. Differences at or below a place of ``noise`` are left out.
    """
    quiet = frozenset(noise)
    found = [one for one in _all(before, after, rules) if not _within(one.location, quiet)]
    return tuple(sorted(found, key=lambda one: (one.location != _STATUS, len(str(one)), str(one))))


def noise(first: Answer, second: Answer, rules: Rules = DEFAULT) -> frozenset[Location]:
    """Return where two answers of the same code to the same request differ: clocks, ids, chance."""
    return frozenset(one.location for one in _all(first, second, rules))


def told(name: str, found: Sequence[Difference]) -> str:
    """Return differences as one line: the first, and how many more there are."""
    if not found:
        return f"{name}: the same"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{name}: {found[0]}{more}"


def _within(location: Location, quiet: frozenset[Location]) -> bool:
    return bool(quiet) and any(location[:length] in quiet for length in range(1, len(location) + 1))


def _all(before: Answer, after: Answer, rules: Rules) -> Iterator[Difference]:
    prefixes = Prefixes(before.prefix, after.prefix)
    if before.status != after.status:
        yield Difference(_STATUS, "status", str(before.status), str(after.status))
    for name in rules.headers:
        yield from _of_header(name.lower(), before, after, prefixes)
    if before.broke_off != after.broke_off:
        yield Difference((*_BODY, "end"), "body", before.broke_off or "whole", after.broke_off or "whole")
    yield from _of_bodies(before, after, rules, prefixes)


def _of_header(name: str, before: Answer, after: Answer, prefixes: Prefixes) -> Iterator[Difference]:
    one, other = header(before.headers, name), header(after.headers, name)
    if one == other or (one is not None and other is not None and prefixes.same(one, other)):
        return
    if name == "content-type" and content_type(before) == content_type(after) and None not in (one, other):
        return
    both = (_text(one), _text(other)) if one is None or other is None else texts(one, other)
    yield Difference(("header", name), name, *both)


def _of_bodies(before: Answer, after: Answer, rules: Rules, prefixes: Prefixes) -> Iterator[Difference]:
    one, other = before.body, after.body
    if one.content is None or other.content is None:
        if (one.length, digest_of(one)) != (other.length, digest_of(other)):
            yield Difference(_BODY, "body", *_by_hash(one, other))
        return
    if one.content == other.content:
        return
    left, right = read(before), read(after)
    if left.kind != right.kind:
        yield Difference(_BODY, "body", _sized(left, one), _sized(right, other))
    elif left.kind == JSON:
        for path, was, is_ in changes(left.value, right.value, at_root(rules), prefixes):
            yield Difference((*_BODY, "$", *path), _short(written(path)), *shown(was, is_))
    elif left.kind in TEXTS:
        yield from _of_lines(left.value, right.value, prefixes)
    elif left.kind == IMAGE and left.value != right.value:
        yield Difference(_BODY, "body", str(left.value), str(right.value))
    elif left.kind == BYTES and left.value != right.value:
        yield Difference(_BODY, "body", *_by_hash(one, other))


def _of_lines(before: str, after: str, prefixes: Prefixes) -> Iterator[Difference]:
    """Compare texts of equally many lines line by line, others by the lines between what they have in common."""
    one, other = before.split("\n"), after.split("\n")
    start = 0
    while start < min(len(one), len(other)) and prefixes.same(one[start], other[start]):
        start += 1
    if len(one) == len(other):
        for number in range(start, len(one)):
            if not prefixes.same(one[number], other[number]):
                location = (*_BODY, "line", number + 1)
                yield Difference(location, f"line {number + 1}", *texts(one[number], other[number]))
        return
    end = 0
    while end < min(len(one), len(other)) - start and prefixes.same(one[-1 - end], other[-1 - end]):
        end += 1
    was, is_ = one[start : len(one) - end], other[start : len(other) - end]
    yield Difference(_BODY, f"line {start + 1}", _lines(was), _lines(is_))


def _lines(lines: Sequence[str]) -> str:
    if len(lines) > 1:
        return f"{len(lines)} lines"
    return _text(lines[0]) if lines else "missing"


def _short(path: str) -> str:
    return path if len(path) <= 2 * _SHOWN else f"{path[:_SHOWN]}…{path[-_SHOWN:]}"


def _text(text: str | None) -> str:
    if text is None:
        return "missing"
    return json.dumps(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…", ensure_ascii=False)


def _sized(body: Read, raw: Body) -> str:
    return f"{body.kind}, {raw.length} bytes" if raw.length else "empty"


def _by_hash(before: Body, after: Body) -> tuple[str, str]:
    one, other = (f"{body.length} bytes" for body in (before, after))
    if before.length != after.length:
        return one, other
    left, right = (digest_of(body)[:12] or body.why or "not kept" for body in (before, after))
    return f"{one}, {left}", right
