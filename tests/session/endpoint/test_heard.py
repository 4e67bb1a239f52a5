"""What a server prints, on its way to whoever shows it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from tests.served import at
from vhlocal.events import Bus, Event, LogLine
from vhlocal.masked import MASK
from vhlocal.session.endpoint.chatter import Chatter
from vhlocal.session.endpoint.heard import Heard


def test_no_line_tells_a_secret_of_its_server():
    """Neither its variables' values nor what is one by itself: logs, pages and the terminal have it from here."""
    told: list[Event] = []
    bus = Bus()
    bus.subscribe(told.append)
    surroundings: Any = SimpleNamespace(bus=bus, chatter=Chatter())

    async def say() -> None:
        on_line = Heard(surroundings, lambda: at("words"), lambda: None).lines(
            {"API_KEY": "hunter22!", "STAGE": "beta"}
        )
        on_line("stdout", "beta: hunter22! for postgres://ada:s3cret@db/x")

    asyncio.run(say())
    (line,) = told
    assert isinstance(line, LogLine)
    assert line.text == f"beta: {MASK} for postgres://ada:{MASK}@db/x"
