"""What a hostile endpoint may say in its runner's place: conversations, written down as seeds, and changed at random.

A seed is a file of ``messages/``: ``events`` are told once the first order has been answered, ``answers`` are given to
orders by their names; each is a line as it is sent, but for the order's number. What fails is kept there as
``found-….json``: give it a name that says what it is, and it is tried first ever after.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.served import at
from vhlocal.events import Bus
from vhlocal.runtime.base import Address, Layout, Mounts
from vhlocal.session.endpoint.heard import Heard
from vhlocal.session.warm.forks import Forks, NoRoomError, NotThereError
from vhlocal.session.warm.held import read_held
from vhlocal.session.warm.runner_client import RunnerGoneError
from vhlocal.session.warm.warmth import Warmth
from vhlocal.visible import json_text

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

DIRECTORY = Path(__file__).parent / "messages"

#: What a seed is: ``{"events": [line], "answers": {order: line}}``.
Conversation = dict[str, Any]

SEEDS: dict[str, Conversation] = {path.stem: json.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.json"))}

#: What an endpoint's server gets instead of an answer that it can use.
_EXPECTED = (RunnerGoneError, NoRoomError, NotThereError)

_STRANGE = (
    *(None, True, False, 0, -1, 2, 1 << 31, 10**30, 1.5, float("nan"), float("inf")),
    *("", "x", ":0", "x" * 5000, "\ud800", "\x1b[2J\n::error", "../../etc/passwd", "/valohai/code/../../etc/passwd"),
    *([], [[]], {}, {"a": {}}, ["x"], [1, 2], [None] * 5),
)

_NOISE = ("[", "]", "{", "}", ",", ":", '"', "\\", "\\ud800", "\0", "[" * 50_000, "1" * 5000, "\n", "null\n", "[]\n")


async def hold(conversation: Conversation, place: Path) -> list[str]:
    """Have a runner say this to all that is asked of it; return what has gone wrong on this side, one line each."""
    wrong: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: wrong.append(f"in the loop: {context.get('exception')!r}"))
    server = await asyncio.start_server(_runner(conversation), "127.0.0.1", 0, limit=1 << 20)
    async with server:
        control = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        layout = Layout(port=8000, host="127.0.0.1", control=control.port, spares=(8001, 8002))
        ports = {port: Address("127.0.0.1", port) for port in (8000, 8001, 8002)}
        surroundings: Any = SimpleNamespace(warmth=Warmth(place), bus=Bus())
        heard = Heard(surroundings, lambda: at("web"), lambda: None)
        forks = Forks({**ports, control.port: control}, layout, lambda news: heard.learn("image", news))
        try:
            await asyncio.wait_for(_ask_all(forks, layout, place), 60)
        except _EXPECTED:
            pass
        except Exception as error:  # noqa: BLE001 - whatever else comes would have ended the endpoint's keeper
            wrong.append(f"{error!r}")
        finally:
            forks.close()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(forks.gone.wait(), 30)
            if not forks.gone.is_set() and forks.reachable:
                wrong.append("the connection has not ended")
    return wrong


async def _ask_all(forks: Forks, layout: Layout, project: Path) -> None:
    assert await forks.connect("token")
    fork = await forks.begin()
    await forks.serve(fork)
    told: list[object] = [await forks.hosts(fork), await forks.birth(fork, measured=True)]
    for event in [*(await forks.refused(fork, gone=False)), *forks.serving.refused]:
        held = read_held(event, layout, Mounts(), project)
        assert held.place is None or held.place.file.resolve().is_relative_to(project.resolve()), held
        told.append(str(held))
        await forks.holds(event["kind"], event["name"], event["inode"])
    told += [await forks.spares(), await forks.where(fork), fork.evidence, fork.bound.is_set()]
    json_text([str(each) for each in told]).encode()
    await forks.write([], [], {})
    await forks.stop(fork, 0)


def _runner(conversation: Conversation) -> Any:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readline()
            while line := await reader.readline():
                order = json.loads(line)
                answer = conversation["answers"][order["do"]].replace("{", f'{{"id": {order["id"]}, ', 1)
                if order["do"] == "attend":
                    answer += "\n" + "\n".join(conversation["events"])
                writer.write(answer.encode("utf-8", "surrogatepass") + b"\n")
                await writer.drain()
                if not _answers(answer.partition("\n")[0], order["id"]) or order["do"] == "stop":
                    break
        writer.close()

    return speak


def _answers(line: str, number: int) -> bool:
    """Tell whether an order is over with this line: else it would be waited for."""
    try:
        facts = json.loads(line)
        return isinstance(facts, dict) and facts.get("id") == number
    except (ValueError, RecursionError):
        return False


def conversations(chance: random.Random) -> Iterator[Conversation]:
    """Seeds, with some messages changed, for ever."""
    seeds = list(SEEDS.values())
    while True:
        conversation = copy.deepcopy(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            kind = chance.choice(("events", "answers"))
            messages = conversation[kind]
            key = chance.choice(range(len(messages)) if kind == "events" else sorted(messages))
            messages[key] = chance.choice((_with_other_value, _with_other_value, _with_noise))(messages[key], chance)
        yield conversation


def _with_other_value(message: str, chance: random.Random) -> str:
    """Put something else in the place of one value, or leave it out."""
    try:
        facts = json.loads(message)
    except (ValueError, RecursionError):
        return message
    places = list(_places(facts))
    if not places:
        return message
    where, key = chance.choice(places)
    if isinstance(where, dict) and chance.random() < 0.2:
        del where[key]
    else:
        where[key] = chance.choice(_STRANGE)
    return json.dumps(facts) if facts else '{"x": 0}'


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def _with_noise(message: str, chance: random.Random) -> str:
    at = chance.randrange(len(message) + 1)
    return message[:at] + chance.choice(_NOISE) + message[at + chance.choice((0, 1, 5)) :]


def keep(conversation: Conversation) -> Path:
    """Write down what has failed, so that it is tried first from now on."""
    text = json.dumps(conversation, indent=1)
    found = DIRECTORY / f"found-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    found.write_text(text + "\n")
    return found
