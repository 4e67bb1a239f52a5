"""Our quick ``dataclass`` beside the standard one: each test runs with both."""

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import ClassVar

import pytest

from vhlocal import values

MAKERS = {"standard": dataclass, "ours": values.dataclass}


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture
def point(make):
    @make(frozen=True)
    class Point:
        x: int
        y: int = 2
        tags: list = field(default_factory=list)
        note: str = field(default="n", compare=False, repr=False)

        @cached_property
        def sum(self):
            return self.x + self.y

    return Point


def test_arguments_and_defaults(point):
    for made in (point(1), point(x=1), point(1, 2, []), point(1, y=2), point(1, note="n")):
        assert (made.x, made.y, made.tags, made.note) == (1, 2, [], "n")
    assert point(1).tags is not point(1).tags


@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), ((), {"y": 1}), ((1, 2, [], "n", 5), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"x": 1, "z": 1})],
)
def test_wrong_arguments(point, given, named):
    with pytest.raises(TypeError):
        point(*given, **named)


def test_a_field_may_be_called_self(make):
    @make(frozen=True)
    class Odd:
        values: int
        given: int = 1

    assert (Odd(values=3).values, Odd(3, given=4).given) == (3, 4)


def test_nothing_can_be_changed(point):
    made = point(1)
    for change in (lambda: setattr(made, "x", 2), lambda: setattr(made, "other", 2), lambda: delattr(made, "x")):
        with pytest.raises(FrozenInstanceError):
            change()
    assert (made.x, made.sum) == (1, 3)


def test_equal_by_what_is_compared(point):
    assert point(1, note="a") == point(1, note="b")
    assert point(1, tags=[1]) != point(1)
    assert point(1) != (1, 2, [])
    made = point(1)
    assert made.sum == 3
    assert made == point(1)


def test_another_class_is_never_equal(make):
    @make(frozen=True)
    class One:
        x: int

    @make(frozen=True)
    class Two(One):
        pass

    assert One(1) != Two(1)
    assert Two(1) == Two(1)


def test_hash_follows_equality(make):
    @make(frozen=True)
    class Key:
        x: int
        table: dict = field(hash=False)
        note: str = field(default="", compare=False)

    assert hash(Key(1, {}, "a")) == hash(Key(1, {2: 3}, "b"))
    assert len({Key(1, {}), Key(1, {}), Key(2, {})}) == 2


def test_the_representation_tells_the_fields(point):
    assert repr(point(1)).endswith("Point(x=1, y=2, tags=[])")


def test_without_fields(make):
    @make(frozen=True)
    class Empty:
        pass

    assert Empty() == Empty()
    assert len({Empty(), Empty()}) == 1
    assert repr(Empty()).endswith("Empty()")
    with pytest.raises(TypeError):
        Empty(1)


def test_fields_of_a_base_come_first(make):
    @make(frozen=True)
    class Base:
        x: int
        y: int = 1

    @make(frozen=True)
    class Derived(Base):
        z: int = 2

    assert asdict(Derived(5)) == {"x": 5, "y": 1, "z": 2}
    assert Derived.__match_args__ == ("x", "y", "z")


def test_what_can_be_changed(make):
    @make
    class Open:
        x: int
        seen: list = field(default_factory=list)

    made = Open(1)
    made.x = 2
    assert made == Open(2)
    with pytest.raises(TypeError):
        hash(made)


def test_equal_by_identity(make):
    @make(eq=False)
    class Own:
        x: int

    made = Own(1)
    assert made != Own(1)
    assert len({made, made}) == 1


def test_what_is_done_after_the_start(make):
    @make(frozen=True)
    class Twice:
        x: int

        def __post_init__(self):
            object.__setattr__(self, "x", self.x * 2)

    assert Twice(2).x == 4


def test_the_standard_functions_work(point):
    made = point(1, tags=[1])
    assert dataclasses.is_dataclass(point)
    assert [each.name for each in fields(made)] == ["x", "y", "tags", "note"]
    assert replace(made, y=3) == point(1, 3, [1])
    assert asdict(made) == {"x": 1, "y": 2, "tags": [1], "note": "n"}
    assert copy.deepcopy(made) == copy.copy(made) == made


def test_what_belongs_to_the_class_is_no_field(make):
    @make(frozen=True)
    class Counted:
        x: int
        limit: ClassVar[int] = 3
        table: ClassVar[dict] = {}

    assert [each.name for each in fields(Counted)] == ["x"]
    assert (Counted(1).limit, Counted.__match_args__) == (3, ("x",))


def test_a_default_that_all_would_share_is_refused(make):
    with pytest.raises(ValueError, match="default_factory"):

        @make
        class Shared:
            x: list = []  # noqa: RUF012 - what is refused


def test_a_standard_class_may_stand_on_it(make):
    @make
    class Base:
        x: int
        y: list = field(default_factory=list)

    @dataclass
    class Derived(Base):
        z: int = 3

    assert Derived(1) == Derived(1, [], 3)
    assert asdict(Derived(1)) == {"x": 1, "y": [], "z": 3}


def test_a_copy_may_differ(point):
    differing = getattr(copy, "replace", replace)  # Python 3.13 has one for all kinds of values
    assert differing(point(1), y=3) == point(1, 3)


def test_it_can_be_pickled():
    from vhlocal.model import Place  # noqa: PLC0415

    assert pickle.loads(pickle.dumps(Place("a", 1, 2))) == Place("a", 1, 2)
