"""Who edits: saves at random gaps, single and double, whole and in pieces, right and broken ones."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.stress.judge import SHOWN, Code
from vhlocal.project.package import read_package

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable
    from pathlib import Path

#: Seconds between two saves at most.
LONGEST_GAP = 0.5

#: Seconds between the two saves of an editor that formats what it has saved.
_DOUBLE = (0.03, 0.2)

#: How code can be broken.
_BROKEN = (
    "1 / 0\n",
    "1 +\n",
    "import nothing_of_this_name\n",
    "raise SystemExit(3)\n",
    "import os\nos._exit(7)\n",
)

#: What may be told of what is saved here: of broken code, and of a file that is empty or away for a moment. A Gunicorn
#: of the project's own begins workers that end at once again and again, and never gives up.
CAUSED = re.compile(
    r"division by zero|invalid syntax|nothing_of_this_name|SystemExit|exit(?: code)? [137]\b|'NUMBER'|'stamp'|"
    r"ended while it imported the code|threads: the new code has not answered in 30 s"
)


class Saves:
    """Edits ``stamp.py`` and ``second.py`` of the project in ``directory``.

    ``saved`` has the code that each revision stands for, by its first digits, None where it cannot be loaded; ``kinds``
    counts what was done.
    """

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self._directory = directory
        self._chance = chance
        self._package = read_package(directory)
        self._code = self.good = Code(0, 0)
        self.last = time.monotonic()
        self.saved: dict[str, Code | None] = {self._package.revision[:SHOWN]: self.good}
        self.kinds: Counter[str] = Counter()

    async def burst(self) -> None:
        """Save some times in a row. The last save is a good one."""
        for _ in range(self._chance.randrange(0, 12)):
            kind = self._chance.choice(_KINDS)
            await self._do(kind)
            await asyncio.sleep(self._chance.uniform(0, LONGEST_GAP))
        await self._do(self._chance.choice((single, double, both, moved, taken_back)))

    async def break_off(self) -> None:
        """Save what cannot be loaded, to be left so until every endpoint has told it.

        No worker's own end: a Gunicorn of the project's begins others for as long as it is let.
        """
        self.kinds["left broken"] += 1
        self.write("stamp.py", _text(self.next().number) + self._chance.choice(_BROKEN[:3]), None)

    async def mend(self) -> None:
        """Save what can be loaded again."""
        await self._do(single)

    @property
    def count(self) -> int:
        """How often something was saved."""
        return sum(self.kinds.values())

    async def _do(self, kind: Callable[[Saves, random.Random], Awaitable[None]]) -> None:
        self.kinds[kind.__name__.replace("_", " ")] += 1
        await kind(self, self._chance)

    def next(self, *, second: bool = False) -> Code:
        """Return the next code, which differs in one file or in both."""
        number = max(self._code) + 1
        self._code = Code(number, number if second else self._code.second)
        return self._code

    def write(self, name: str, text: str, code: Code | None, *, move: bool = False) -> None:
        """Save a file; the project then is ``code``, or cannot be loaded. ``move`` replaces the file by another."""
        path = self._directory / name
        if move:
            other = path.with_name(f".{name}.swp")
            other.write_text(text)
            other.replace(path)
        else:
            path.write_text(text)
        self.last = time.monotonic()
        self._package = read_package(self._directory, self._package)
        self.saved[self._package.revision[:SHOWN]] = code
        self.good = code or self.good


def _text(number: int) -> str:
    return f"NUMBER = {number}\n"


async def single(saves: Saves, chance: random.Random) -> None:
    """Save once."""
    code = saves.next()
    saves.write("stamp.py", _text(code.number), code)


async def double(saves: Saves, chance: random.Random) -> None:
    """Save, and save the formatted text at once."""
    await single(saves, chance)
    await asyncio.sleep(chance.uniform(*_DOUBLE))
    await single(saves, chance)


async def both(saves: Saves, chance: random.Random) -> None:
    """Save two files, as "save all" does."""
    before = saves.good
    code = saves.next(second=True)
    saves.write("stamp.py", _text(code.number), Code(code.number, before.second))
    await asyncio.sleep(chance.choice((0, 0.01, 0.05)))
    saves.write("second.py", _text(code.second), code)


async def moved(saves: Saves, chance: random.Random) -> None:
    """Save by renaming another file onto it."""
    code = saves.next()
    saves.write("stamp.py", _text(code.number), code, move=True)


async def in_pieces(saves: Saves, chance: random.Random) -> None:
    """Save slowly: the file is empty for a while."""
    saves.write("stamp.py", "", None)
    await asyncio.sleep(chance.uniform(0, 0.12))
    await single(saves, chance)


async def away(saves: Saves, chance: random.Random) -> None:
    """Save slowly: there is no file for a while."""
    path = saves._directory / "stamp.py"
    path.unlink()
    await asyncio.sleep(chance.uniform(0, 0.12))
    await single(saves, chance)


async def slow_to_load(saves: Saves, chance: random.Random) -> None:
    """Save code that takes a second to load."""
    code = saves.next()
    saves.write("stamp.py", f"import time\ntime.sleep(1)\n{_text(code.number)}", code)


async def broken(saves: Saves, chance: random.Random) -> None:
    """Save code that cannot be loaded; it stays so until the next save."""
    code = saves.next()
    saves.write("stamp.py", _text(code.number) + chance.choice(_BROKEN), None)


async def taken_back(saves: Saves, chance: random.Random) -> None:
    """Break the code, and undo that."""
    await single(saves, chance)
    path = saves._directory / "second.py"
    before, good = path.read_text(), saves.good
    saves.write("second.py", before + chance.choice(_BROKEN), None)
    await asyncio.sleep(chance.uniform(0, LONGEST_GAP))
    saves.write("second.py", before, good)


_KINDS = (
    single,
    single,
    single,
    double,
    double,
    double,
    both,
    both,
    moved,
    in_pieces,
    away,
    slow_to_load,
    broken,
    broken,
    taken_back,
)
