"""Moves of aliases by themselves: what is kept, and where one goes back to (P3)."""

from __future__ import annotations

from vhlocal.session.moves import KEPT, Move, Moves


class Aliases:
    """Aliases that are moved, and know where they point."""

    def __init__(self) -> None:
        self.moves = Moves()
        self.pointing: dict[str, str | None] = {}

    def move(self, *names: str | None, alias: str = "prod") -> None:
        for name in names:
            self.moves.add(Move(alias, self.pointing.get(alias), name, 0.0))
            self.pointing[alias] = name

    def back(self, alias: str = "prod") -> str | None:
        self.move(self.moves.back(alias), alias=alias)
        return self.pointing[alias]


def test_an_alias_goes_back_step_by_step_to_where_it_first_pointed():
    aliases = Aliases()
    aliases.move("a", "b", "c")
    assert [aliases.back(), aliases.back(), aliases.back()] == ["b", "a", None]
    assert not aliases.moves.can_go_back("prod")
    aliases.move("a", "b")
    aliases.move("c", alias="stage")
    assert [aliases.back(), aliases.back("stage"), aliases.back()] == ["a", None, None]


def test_a_move_to_where_it_was_before_is_a_return():
    aliases = Aliases()
    aliases.move("a", "b", "a")
    assert aliases.back() is None


def test_only_the_last_moves_are_kept_and_the_others_counted():
    aliases = Aliases()
    aliases.move(*(str(number) for number in range(KEPT)))
    assert (len(aliases.moves.last()), aliases.moves.forgotten) == (KEPT, 0)
    aliases.move("b", "c", alias="stage")
    kept = aliases.moves.last()
    assert (len(kept), aliases.moves.forgotten) == (KEPT, 2)
    assert [(move.alias, move.before, move.after) for move in (kept[0], kept[-1])] == [
        ("prod", "1", "2"),
        ("stage", "b", "c"),
    ]


def test_an_alias_goes_back_as_many_steps_as_are_kept_whatever_others_were_moved():
    aliases = Aliases()
    aliases.move(*(str(number) for number in range(KEPT + 20)))
    for _ in range(KEPT):
        aliases.move("b", None, alias="stage")
    assert [aliases.back() for _ in range(KEPT)] == [str(number) for number in range(KEPT + 18, 18, -1)]
    assert not aliases.moves.can_go_back("prod")
    assert not aliases.moves.can_go_back("stage")
