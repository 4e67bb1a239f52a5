"""``assert_close``: JSON beside what is expected of it, by the comparison that replays have too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vhlocal.comparison.differences import Difference
from vhlocal.comparison.paths import PathError, parse, written
from vhlocal.comparison.prefixes import Prefixes
from vhlocal.comparison.rules import Rules, Tolerance, at_root
from vhlocal.comparison.values import changes, shown
from vhlocal.testing.client import Reply
from vhlocal.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Differences that a message shows, besides the first.
_SHOWN = 10


def assert_close(
    answer: Any,
    expected: Any,
    rtol: float | None = None,
    *,
    atol: float = 0.0,
    ignore: Iterable[str] = (),
    sets: Iterable[str] = (),
) -> None:
    """Assert that JSON is as expected: an answer's body, or a value.

    Numbers may be apart by ``rtol`` of the larger one or by ``atol``, whichever is more. Without ``rtol`` that is a
    millionth, and whole numbers, which count and name, have to be the same. ``ignore`` and ``sets`` are paths such as
    ``$.items[*].id``: what is not looked at, and lists whose order does not matter. ``expected`` may hold tuples and
    NumPy's values.
    """
    __tracebackhide__ = True
    value = answer.json() if isinstance(answer, Reply) else plain(answer)
    rules = rules_of(rtol, atol, ignore, sets)
    found = [
        Difference((), written(change.path), *shown(change.before, change.after))
        for change in changes(plain(expected), value, at_root(rules), Prefixes())
    ]
    if found:
        raise AssertionError(told(found))


def rules_of(rtol: float | None, atol: float, ignore: Iterable[str], sets: Iterable[str]) -> Rules:
    """Return what counts as a difference. ValueError for a tolerance or a path that is none."""
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} is a number from 0 on, not {value}")
    given = rtol is not None or atol > 0
    tolerance = Tolerance(1e-6 if rtol is None else rtol, atol, integers=given)
    if isinstance(ignore, str) or isinstance(sets, str):
        raise PathError("ignore and sets take several paths: put one into a list")
    return Rules(tolerance=tolerance, ignored=tuple(map(parse, ignore)), sets=tuple(map(parse, sets)))


def told(found: Sequence[Difference]) -> str:
    """Return differences as a message, shortest first."""
    first, *others = sorted(map(str, found), key=lambda line: (len(line), line))
    more = [f"… and {len(others) - _SHOWN} more"] if len(others) > _SHOWN else []
    # pytest-xdist cannot hand on half a letter, and a terminal obeys others.
    return visible("\n  ".join([f"not as expected: {first}", *others[:_SHOWN], *more]))


def plain(value: Any) -> Any:
    """Return a value as JSON has it: tuples are lists, and what NumPy has made is plain."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value
