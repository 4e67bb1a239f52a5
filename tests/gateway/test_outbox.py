import asyncio

from vhlocal.gateway.outbox import Outbox


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it, with the order over all of them."""

    def __init__(self, log: list[tuple[str, bytes]], name: str, on_write=lambda: None) -> None:
        super().__init__()
        self.closed = False
        self._log = log
        self._name = name
        self._on_write = on_write

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._log.append((self._name, bytes(data)))
        self._on_write()


def test_writes_go_out_in_order_at_the_end_of_the_round():
    async def main():
        outbox = Outbox(asyncio.get_running_loop(), range(2), ())
        outbox.put(one, b"a")
        outbox.put(two, b"b")
        outbox.put(one, b"c")
        assert log == []
        await asyncio.sleep(0)
        assert log == [("one", b"a"), ("two", b"b"), ("one", b"c")]
        outbox.put(two, b"d")
        await asyncio.sleep(0)
        assert log[3:] == [("two", b"d")]

    log: list[tuple[str, bytes]] = []
    one, two = Wire(log, "one"), Wire(log, "two")
    asyncio.run(main())


def test_a_write_that_leads_to_a_flush_loses_nothing_and_a_closed_transport_is_passed_over():
    async def main():
        outbox = Outbox(asyncio.get_running_loop(), range(2), ())
        flushing = Wire(log, "flushing", outbox.flush)
        gone, last = Wire(log, "gone"), Wire(log, "last")
        for wire in (flushing, gone, last):
            outbox.put(wire, b"x")
        gone.closed = True
        outbox.flush()
        assert log == [("flushing", b"x"), ("last", b"x")]

    log: list[tuple[str, bytes]] = []
    asyncio.run(main())


def test_one_client_that_waits_alone_gets_its_answer_at_once_and_in_order():
    async def main():
        clients, idle = {1, 2}, {1}
        outbox = Outbox(asyncio.get_running_loop(), clients, idle)
        outbox.put(one, b"a")
        outbox.put(gone, b"x")
        assert log == [("one", b"a")]
        idle.clear()
        outbox.put(one, b"b")
        idle.add(1)
        outbox.put(one, b"c")
        assert log == [("one", b"a")], "what was put before goes first"
        await asyncio.sleep(0)
        assert log == [("one", b"a"), ("one", b"b"), ("one", b"c")]

    log: list[tuple[str, bytes]] = []
    one, gone = Wire(log, "one"), Wire(log, "gone")
    gone.closed = True
    asyncio.run(main())
