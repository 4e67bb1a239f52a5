"""What one endpoint's servers say: what they print, what they have missed by that, what their runner has learnt."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from vhlocal.events import LogLine, Notice
from vhlocal.loops import call_soon
from vhlocal.masked import masking
from vhlocal.model import State
from vhlocal.session.board import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import OnLine
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.wanted.desired import Desired

#: Seconds that the last lines of a server that has ended get to arrive.
_LAST_LINES = 0.2


def _tells_a_miss(text: str) -> bool:
    from vhlocal.checks.server.evidence import tells_a_miss  # noqa: PLC0415 - a start is not to wait for it

    return tells_a_miss(text)


class Heard:
    """One replica's: ``at`` returns which it is, ``serves`` what its server was made from while that serves."""

    def __init__(
        self, surroundings: Surroundings, at: Callable[[], ServedAt], serves: Callable[[], Desired | None]
    ) -> None:
        self._surroundings = surroundings
        self._whose = at
        self._serves = serves
        self._lines = 0
        # Whether somebody is looking at what its server has missed.
        self._misses = False
        # Libraries whose reloaders were reported as switched off.
        self._left_out: set[str] = set()

    def begin(self) -> None:
        """Count what is printed from here on: a server starts, or new code is brought in."""
        self._lines = 0

    def lines(self, variables: Mapping[str, str]) -> OnLine:
        """Return what takes the lines of a server with these variables, in a thread of the runtime's."""
        loop, hide = asyncio.get_running_loop(), masking(variables)

        def on_line(stream: str, text: str) -> None:
            self._lines += 1
            text = hide(text)
            usual = self._surroundings.chatter.has(self._whose(), text)
            self._surroundings.bus.publish(LogLine(self._whose(), stream, text, time.time(), usual))
            if self._serves() is not None and _tells_a_miss(text):
                call_soon(loop, self._missed)

        return on_line

    async def last_lines(self) -> tuple[LogLine, ...]:
        """Return the end of what was printed since the beginning."""
        await asyncio.sleep(_LAST_LINES)
        return self._surroundings.board.tail(self._whose(), self._lines or KEPT)

    def learn(self, image: str, news: dict[str, Any]) -> None:
        """Hear what a runner has found out: what it imports beforehand in an image, and what it cannot."""
        if news["event"] == "warm":
            self._surroundings.warmth.save(image, news["modules"], news["denied"])
            for module, why in news["denied"].items():
                text = f"{module} {why}: it is imported again at each reload"
                self._surroundings.bus.publish(Notice(text, endpoint=self._whose().name))
        elif news["event"] == "unkept":
            hint = "`keep-warm` only keeps what lives in one thread's main memory; it is loaded at each reload instead"
            self._surroundings.bus.publish(
                Notice(f"nothing is kept warm: {news['why']}", None, hint, self._whose().name)
            )
        elif news["event"] == "left_out" and news["library"] not in self._left_out:
            self._left_out.add(news["library"])
            text = f"{news['library']}'s own reloader is switched off: vhlocal reloads on each save"
            hint = "code never changes in production: remove the option"
            self._surroundings.bus.publish(Notice(text, None, hint, self._whose().name))

    def _missed(self) -> None:
        """Report what a server that serves has missed; what it misses at its start is reported with its end."""
        status, wanted = self._surroundings.board.status(self._whose()), self._serves()
        if status is not None and status.state is State.READY and wanted is not None and not self._misses:
            self._misses = True
            self._surroundings.tasks.start(self._tell_missed(wanted), f"what {self._whose()} has missed")

    async def _tell_missed(self, wanted: Desired) -> None:
        try:
            lines = [line.text for line in await self.last_lines()]
            found = await self._surroundings.diagnosis.of_miss(wanted.endpoint, lines)
            if found is not None:
                self._surroundings.found(found, wanted.revision, False)
        finally:
            self._misses = False
