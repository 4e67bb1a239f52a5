"""Two JSON documents beside each other, value by value, in time that grows with their size alone."""

from __future__ import annotations

import itertools
import json
import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from vhlocal.comparison.rules import Here, Tolerance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vhlocal.comparison.paths import Path
    from vhlocal.comparison.prefixes import Prefixes

#: Letters of a text that are shown, and of those before where two of them begin to differ.
_SHOWN, _BEFORE = 60, 20

#: Elements of one form in sets that are paired by trying: so many on one side times those on the other.
_MOST_TRIED = 40_000


class Missing:
    """What is not there."""


MISSING = Missing()


class Size(NamedTuple):
    """So many items of a list."""

    items: int


class Change(NamedTuple):
    """What was and what is at one path; MISSING where nothing is, Size where a list has become longer or shorter."""

    path: Path
    before: Any
    after: Any


def changes(before: Any, after: Any, here: Here, prefixes: Prefixes) -> Iterator[Change]:
    """Yield what differs between two documents, in no order that is promised."""
    waiting: list[tuple[Path, Any, Any, Here]] = [((), before, after, here)]
    while waiting:
        path, one, other, rules = waiting.pop()
        if rules.ignored:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            for key in {**one, **other}:
                waiting.append(((*path, key), one.get(key, MISSING), other.get(key, MISSING), rules.below(key)))
        elif isinstance(one, list) and isinstance(other, list):
            if rules.unordered:
                yield from _of_sets(path, one, other, rules, prefixes)
                continue
            if len(one) != len(other):
                yield Change(path, Size(len(one)), Size(len(other)))
            of_item = rules.of_items()
            waiting += [
                ((*path, index), left, right, of_item(index))
                for index, (left, right) in enumerate(zip(one, other, strict=False))
                if not _plainly_same(left, right)
            ]
        elif not _same(one, other, rules.tolerance, prefixes):
            yield Change(path, one, other)


def shown(before: Any, after: Any) -> tuple[str, str]:
    """Return two values as short texts that show how they differ."""
    if isinstance(before, float) and isinstance(after, float):
        short = (f"{before:.6g}", f"{after:.6g}")
        return short if short[0] != short[1] else (repr(before), repr(after))
    if isinstance(before, Size) and isinstance(after, Size):
        return str(before.items), f"{after.items} items"
    if isinstance(before, str) and isinstance(after, str):
        return texts(before, after)
    return _shown(before), _shown(after)


def texts(before: str, after: str) -> tuple[str, str]:
    """Return two texts in quotes: of long ones the part in which they begin to differ."""
    same = 0
    while before[same : same + 4096] == after[same : same + 4096] and same < len(before):
        same += 4096
    ends = zip(before[same : same + 4096], after[same : same + 4096], strict=False)
    same += sum(1 for _ in itertools.takewhile(lambda both: both[0] == both[1], ends))
    start = same - _BEFORE if same > _SHOWN - _BEFORE and max(len(before), len(after)) > _SHOWN else 0
    one, other = (
        json.dumps(
            f"{'…' if start else ''}{text[start : start + _SHOWN]}{'…' if len(text) > start + _SHOWN else ''}",
            ensure_ascii=False,
        )
        for text in (before, after)
    )
    return one, other


def _shown(value: Any) -> str:
    if value is MISSING:
        return "missing"
    if isinstance(value, dict):
        return "{}" if not value else f"{{{len(value)} keys}}"
    if isinstance(value, list):
        return "[]" if not value else f"[{len(value)} items]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _plainly_same(one: Any, other: Any) -> bool:
    # Lists and objects are not asked: to Python [True] is [1].
    return type(one) is type(other) and not isinstance(one, (list, dict)) and one == other


def _same(one: Any, other: Any, tolerance: Tolerance, prefixes: Prefixes) -> bool:
    if _is_number(one) and _is_number(other):
        return tolerance.allows(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return prefixes.same(one, other)
    return type(one) is type(other) and bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_countable(value: Any) -> bool:
    """Whether a number can be sorted and be near to another one: NaN and the infinities are names."""
    return _is_number(value) and (isinstance(value, int) or math.isfinite(value))


class _Item(NamedTuple):
    """An element of a set: what it is apart from its numbers, its numbers in turn, and how far each may be off.

    ``rules`` are those at its place, which is no other one when some elements have been paired.
    """

    form: str
    numbers: tuple[int | float, ...]
    tolerances: tuple[Tolerance, ...]
    value: Any
    rules: Here


_order = attrgetter("form", "numbers")


def _of_sets(path: Path, before: list[Any], after: list[Any], rules: Here, prefixes: Prefixes) -> Iterator[Change]:
    gone, new = _unpaired(_items(before, rules, str), _items(after, rules, str))
    if gone and new and prefixes.moved:
        gone, new = _unpaired(
            [_item(item.value, item.rules, prefixes.neutral_before) for item in gone],
            [_item(item.value, item.rules, prefixes.neutral_after) for item in new],
        )
    for item in gone:
        yield Change(path, item.value, MISSING)
    for item in new:
        yield Change(path, MISSING, item.value)


def _unpaired(left: list[_Item], right: list[_Item]) -> tuple[list[_Item], list[_Item]]:
    """Pair what is equal within the tolerance, and return what is left of each side.

    Elements of one form are sorted by their numbers and paired in turn: so the same comes out either way round. Where
    that leaves some of a form, numbers that are near each other were in another order: those are paired by trying.
    """
    left, right = sorted(left, key=_order), sorted(right, key=_order)
    gone, new = _in_turn(list(left), list(right))
    for form in {item.form for item in gone} & {item.form for item in new}:
        ones, others = ([item for item in side if item.form == form] for side in (left, right))
        if len(ones) * len(others) <= _MOST_TRIED:
            by_trying = _tried(ones, others)
            gone, new = (
                [item for item in side if item.form != form] + found
                for side, found in zip((gone, new), by_trying, strict=True)
            )
    return gone, new


def _in_turn(left: list[_Item], right: list[_Item]) -> tuple[list[_Item], list[_Item]]:
    gone, new = [], []
    while left and right:
        one, other = left[-1], right[-1]
        if one.form == other.form and _near(one, other):
            left.pop()
            right.pop()
        elif _order(one) > _order(other):
            gone.append(left.pop())
        else:
            new.append(right.pop())
    return gone + left, new + right


def _near(one: _Item, other: _Item) -> bool:
    return all(map(Tolerance.allows, one.tolerances, one.numbers, other.numbers))


def _tried(ones: list[_Item], others: list[_Item]) -> tuple[list[_Item], list[_Item]]:
    """Pair as many as can be, by augmenting paths: what is left is as many whichever side is the first."""
    near = [[index for index, other in enumerate(others) if _near(one, other)] for one in ones]
    pairs: dict[int, int] = {}

    def pair(one: int, asked: set[int]) -> bool:
        for other in near[one]:
            if other not in asked:
                asked.add(other)
                if other not in pairs or pair(pairs[other], asked):
                    pairs[other] = one
                    return True
        return False

    lonely = [one for place, one in enumerate(ones) if not pair(place, set())]
    return lonely, [other for place, other in enumerate(others) if place not in pairs]


def _items(values: list[Any], rules: Here, text: Callable[[str], str]) -> list[_Item]:
    of_item = rules.of_items()
    placed = ((value, of_item(index)) for index, value in enumerate(values))
    return [_item(value, below, text) for value, below in placed if not below.ignored]


def _item(value: Any, rules: Here, text: Callable[[str], str]) -> _Item:
    if _is_countable(value):  # as ``form`` would have it, in a tenth of the time
        return _Item("0", (value,), (rules.tolerance,), value, rules)
    numbers: list[int | float] = []
    tolerances: list[Tolerance] = []

    def form(value: Any, rules: Here) -> Any:
        if isinstance(value, dict):
            named = [(key, rules.below(key)) for key in sorted(value)]
            return {key: form(value[key], below) for key, below in named if not below.ignored}
        if isinstance(value, list):
            of_item = rules.of_items()
            placed = [(item, of_item(index)) for index, item in enumerate(value)]
            if rules.unordered:
                inside = sorted((_item(item, below, text) for item, below in placed if not below.ignored), key=_order)
                numbers.extend(number for item in inside for number in item.numbers)
                tolerances.extend(tolerance for item in inside for tolerance in item.tolerances)
                return [item.form for item in inside]
            return [form(item, below) for item, below in placed if not below.ignored]
        if isinstance(value, str):
            return [text(value)]
        if not _is_countable(value):
            return [value]
        numbers.append(value)
        tolerances.append(rules.tolerance)
        return 0

    return _Item(json.dumps(form(value, rules)), tuple(numbers), tuple(tolerances), value, rules)
