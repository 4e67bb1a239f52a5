"""What a runner may say, and what is no runner's word. Pure.

It is the project's code that runs where the runner does, and may speak in its place: what it says is judged before
anything is made of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_Check = Callable[[Any], bool]

#: No process id, exit code or number of a server is beyond it.
_LARGEST = 1 << 31

_PORTS = ("tcp", "udp")
_KINDS = (*_PORTS, "abstract", "socket", "made", "pid", "lock")
_PORT = re.compile(r".*:\d{1,5}", re.DOTALL)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _nothing_or(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _each(check: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _row(*checks: _Check) -> _Check:
    def is_row(value: Any) -> bool:
        if not isinstance(value, list) or len(value) != len(checks):
            return False
        return all(check(each) for check, each in zip(checks, value, strict=True))

    return is_row


def _reasons(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _held(value: Any) -> bool:
    """Tell whether this names what only one can have."""
    return isinstance(value, dict) and _fits(value, _HELD) and (value["kind"] not in _PORTS or _is_port(value["name"]))


def _is_port(name: str) -> bool:
    return _PORT.fullmatch(name) is not None


def _fits(facts: Mapping[str, Any], shape: Mapping[str, _Check]) -> bool:
    return all(name in facts and check(facts[name]) for name, check in shape.items())


_HELD: Mapping[str, _Check] = {
    "kind": lambda value: value in _KINDS,
    "name": _text,
    # Inodes have more digits than numbers of processes.
    "inode": _nothing_or(_each(lambda value: isinstance(value, int))),
    "place": _nothing_or(_row(_text, _number)),
}

_OF_A_SERVER: Mapping[str, _Check] = {"number": _number}

#: What it sends unasked, by the kind of event: all of the fields are there.
_EVENTS: Mapping[str, Mapping[str, _Check]] = {
    "forked": _OF_A_SERVER,
    "bound": _OF_A_SERVER,
    "loaded": _OF_A_SERVER,
    "serves": {**_OF_A_SERVER, "workers": _number, "threads": _number},
    "again": _OF_A_SERVER,
    "failed": {**_OF_A_SERVER, "text": _text},
    "refused": {**_OF_A_SERVER, **_HELD},
    "ended": {**_OF_A_SERVER, "code": _number, "out_of_memory": _flag},
    "warm": {"modules": _each(_text), "denied": _reasons},
    "kept": {},
    "unkept": {"why": _text},
    "left_out": {"library": _text},
    "made": {"kind": lambda value: value in _KINDS, "name": _text, "pid": _number},
}

_IMPORT = _row(_text, _seconds, _seconds, _text, _flag)

#: What it may answer to an order, by that: fields may be left out.
_ANSWERS: Mapping[str, Mapping[str, _Check]] = {
    "attend": {"mounted": _flag},
    "write": {"error": _text, "file": _nothing_or(_text)},
    "fork": {"refused": _text},
    "serve": {"refused": _text, "bound": _flag},
    "stop": {},
    "hosts": {"hosts": _each(_text)},
    "birth": {
        "forked": _nothing_or(_seconds),
        "bound": _nothing_or(_seconds),
        "loaded": _nothing_or(_seconds),
        "imports": _row(_each(_IMPORT), _each(_IMPORT)),
    },
    "holds": {"holds": _flag},
    "lacks": {"lacks": _each(_held)},
    "killed": {"spared": _flag},
    "where": {"stacks": _text},
}


def is_event(facts: Mapping[str, Any]) -> bool:
    """Tell whether a runner may tell this: of a known kind, with all that is read of it."""
    kind = facts.get("event")
    shape = _EVENTS.get(kind) if isinstance(kind, str) else None
    return shape is not None and _fits(facts, shape) and (kind != "refused" or _held(facts))


def is_answer(order: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether a runner may answer this to an order (its ``do``)."""
    return all(name not in facts or check(facts[name]) for name, check in _ANSWERS[order].items())
