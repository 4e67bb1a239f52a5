"""``dataclass``, as the standard one for those who use it, and made in a sixth of its time.

The standard one writes and compiles source for each class, which was a fifth of a command's start. Here all classes
share their methods, and what is a class's own is its fields. ``field``, ``replace``, ``asdict`` and
``fields`` are the standard ones, and work with it. An instance takes twice as long to make: where tens of
thousands are made, the standard one is right.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import dataclass as dataclass

    Method = Callable[..., Any]
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, eq: bool = True) -> Any:
        """Give a class of annotated names what ``dataclasses.dataclass`` does with these options."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, eq=eq)
        fields = _fields(cls)
        cls.__init__ = _init(cls, fields)
        cls.__repr__ = _repr(tuple(field.name for field in fields if field.repr))
        if eq:
            cls.__eq__ = _eq(_values(field.name for field in fields if field.compare))
            hashed = (field.name for field in fields if (field.compare if field.hash is None else field.hash))
            cls.__hash__ = _hash(_values(hashed)) if frozen else None
        if frozen:
            cls.__setattr__, cls.__delattr__ = _no_assignment, _no_deletion
        return cls


@dataclasses.dataclass
class _Standard:
    """What the standard decorator gives a class, of which ours get their share."""

    field: int


#: What says of a field that it is one, and no variable of its class.
_FIELD: Any = _Standard.__dataclass_fields__["field"]._field_type  # type: ignore[attr-defined]


def _fields(cls: Any) -> tuple[dataclasses.Field[Any], ...]:
    """Give a class what makes it one for ``dataclasses`` and for patterns, and return its fields.

    The standard decorator does so too, and compiles a piece of source even where there is nothing in it.
    """
    found: dict[str, dataclasses.Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        found |= getattr(base, "__dataclass_fields__", {})
    for name, kind in cls.__annotations__.items():
        if "ClassVar" not in str(kind).partition("[")[0]:
            found[name] = _field(cls, name, kind)
    cls.__dataclass_fields__ = found
    cls.__match_args__ = tuple(field.name for field in found.values() if field.init)  # type: ignore[misc]
    for attribute in ("__dataclass_params__", "__replace__"):
        if hasattr(_Standard, attribute):
            setattr(cls, attribute, vars(_Standard)[attribute])
    return tuple(found.values())


def _field(cls: Any, name: str, kind: object) -> dataclasses.Field[Any]:
    default: Any = getattr(cls, name, dataclasses.MISSING)
    made: Any = default if isinstance(default, dataclasses.Field) else dataclasses.field(default=default)
    if made.default.__class__.__hash__ is None:
        raise ValueError(f"{cls.__qualname__}.{name} has a default that all would share: use a default_factory")
    made.name, made.type, made.kw_only, made._field_type = name, kind, False, _FIELD
    if made is default and made.default is dataclasses.MISSING:
        delattr(cls, name)
    elif made is default:
        setattr(cls, name, made.default)
    return made  # type: ignore[no-any-return]


def _init(cls: type, fields: Iterable[dataclasses.Field[Any]]) -> Method:
    names = [field.name for field in fields if field.init]
    every = frozenset(names)
    defaults = [(field.name, field.default) for field in fields if field.default is not dataclasses.MISSING]
    made = [(field.name, field.default_factory) for field in fields if field.default_factory is not dataclasses.MISSING]
    post = getattr(cls, "__post_init__", None)

    def __init__(self: Any, /, *given: Any, **named: Any) -> None:
        values = self.__dict__
        values.update(zip(names, given))  # noqa: B905 - what is too much is found below
        values.update(named)
        if len(given) + len(named) != len(values) or not every.issuperset(values):
            raise TypeError(f"{cls.__qualname__} takes each of {', '.join(names)} once, and nothing else")
        if len(values) < len(names):
            for name, default in defaults:
                if name not in values:
                    values[name] = default
            for name, make in made:
                if name not in values:
                    values[name] = make()
            if not every.issubset(values):
                raise TypeError(f"{cls.__qualname__} needs {', '.join(name for name in names if name not in values)}")
        if post is not None:
            post(self)

    return __init__


def _values(names: Iterable[str]) -> Callable[[Any], Any]:
    """Return what returns the values of these attributes, as something that can be compared and hashed."""
    found = tuple(names)
    return attrgetter(*found) if found else lambda _: ()


def _repr(names: Iterable[str]) -> Method:
    def __repr__(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _eq(values: Callable[[Any], Any]) -> Method:
    def __eq__(self: Any, other: object) -> Any:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    return __eq__


def _hash(values: Callable[[Any], Any]) -> Method:
    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __hash__


def _no_assignment(_: object, name: str, __: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_deletion(_: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
