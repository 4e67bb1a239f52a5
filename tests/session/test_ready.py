"""Until a server answers: where it is asked."""

import asyncio

from tests.waiting import free_port
from vhlocal.events import Bus
from vhlocal.model import Endpoint
from vhlocal.runtime.base import Address, Listener
from vhlocal.session.diagnosis import Diagnosis
from vhlocal.session.probe import Probe
from vhlocal.session.ready import Awaited, wait_until_ready

HOST = "127.0.0.1"


def test_a_server_that_minds_its_own_port_is_asked_there_as_soon_as_it_listens_and_not_before(tmp_path):
    """On this machine somebody else may have that port until then. It is not waited for the first look at all ports."""

    async def start() -> tuple[bool, list[str]]:
        happened: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            happened.append("asked")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async def listeners() -> list[Listener]:
            happened.append("looked at")
            return [Listener(HOST, port)] if len(happened) > 2 else [Listener(HOST, 22)]

        async def stacks() -> str:
            return ""

        async with await asyncio.start_server(answer, HOST) as server:
            port = server.sockets[0].getsockname()[1]
            told = free_port()
            awaited = Awaited(
                endpoint=Endpoint("plain", "python", port, server_command=("./serve",)),
                prefix="/x",
                address=Address(HOST, told),
                port=told,
                ended=asyncio.get_running_loop().create_future(),
                listeners=listeners,
                stacks=stacks,
                diagnosis=Diagnosis(None, tmp_path, Bus(), lambda: None, lambda *_: ()),  # type: ignore[arg-type]
                limit=1.9,
                probe=Probe(),
                shared=True,
            )
            answered = await wait_until_ready(awaited, lambda notice: None)
            await answered.finish()
            return answered.address == Address(HOST, port), happened

    there, happened = asyncio.run(start())
    assert there
    assert happened == ["looked at", "looked at", "looked at", "asked"]
