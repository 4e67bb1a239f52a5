"""Old and new code, as two real servers, asked what is pinned or was asked last."""

from __future__ import annotations

import asyncio
import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.recorder.test_store import taken
from tests.requests import PREFIX
from tests.served import at
from vhlocal.events import Bus, Compared
from vhlocal.recorder.store import Store
from vhlocal.runtime.base import Address
from vhlocal.session.traffic.comparing import Comparing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = at("predict", version="dev")


@contextmanager
def answering(
    word: bytes | Callable[[], bytes], breaks_off: str = "/none", header: str = "X-VH-Prefix"
) -> Iterator[tuple[Address, list[str]]]:
    """Answer with a word, half of it below one path; and the paths that were asked, with a header that was sent."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(f"{self.path} {self.headers[header]}")
            said = word if isinstance(word, bytes) else word()
            self.send_response(200)
            half = self.path.endswith(breaks_off)
            self.send_header("Content-Length", str(len(said) * (2 if half else 1)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Address("127.0.0.1", server.server_port), asked
        finally:
            server.shutdown()
            thread.join()


def compared(store: Store, chosen: dict[str, str], old: Address, new: Address) -> Compared | None:
    bus, told = Bus(), []
    bus.subscribe(told.append)
    asyncio.run(Comparing(store, lambda: chosen, "127.0.0.1:8000", bus)(HERE, old, new))
    return told[0] if told else None


def recorded(number: int, path: str, version: str = "dev", **facts):
    return taken(number, target=f"{PREFIX}{path}", body=b"", version=version, **facts)


@pytest.fixture
def store() -> Store:
    store = Store()
    for number, path in enumerate(("/a", "/b")):
        store.take(*recorded(number, path))
    return store


def test_nothing_is_asked_where_nobody_wants_it(store):
    with answering(b"old") as (old, asked):
        assert compared(store, {}, old, old) is None
        assert compared(store, {"other": "all"}, old, old) is None
    assert asked == []


def test_what_is_pinned_is_asked_in_place_of_what_was_asked_last(store):
    store.pins.add(recorded(7, "/pinned"))
    store.pins.add(recorded(8, "/elsewhere", endpoint="other"))
    for chosen in ({}, {"predict": "all"}):
        with answering(b"old") as (old, asked), answering(b"new") as (new, _):
            told = compared(store, chosen, old, new)
        assert told == Compared(HERE, 0, ('GET /pinned: line 1 "old" → "new"',))
        assert asked == [f"{PREFIX}/pinned {PREFIX}/"] * 3


def test_what_went_to_another_version_is_asked_under_the_path_of_this_one(store):
    store.pins.add(
        recorded(7, "/x?y=%20", version="20261125.0")._replace(
            record=recorded(7, "/x?y=%20", version="20261125.0").record._replace(
                target="/acme/digits/local/20261125.0/predict/x?y=%20", prefix="/acme/digits/local/20261125.0/predict"
            )
        )
    )
    with answering(b"old") as (old, asked):
        assert compared(store, {}, old, old) == Compared(HERE, 1, ())
    assert set(asked) == {f"{PREFIX}/x?y=%20 {PREFIX}/"}


def test_what_the_old_code_does_not_answer_whole_is_neither_the_same_nor_different(store):
    with answering(b"word", "/a") as (old, _), answering(b"word", "/b") as (new, _):
        told = compared(store, {"predict": "safe"}, old, new)
    assert told == Compared(HERE, 0, ("GET /b: body whole → 4 bytes are missing at its end",), 1)


@pytest.mark.parametrize("goes_on_before", [1, 2, 3])
def test_a_clock_that_goes_on_between_any_two_requests_is_no_difference(store, goes_on_before):
    store.pins.add(recorded(7, "/time"))
    asked = []

    def clock() -> bytes:
        asked.append(0)
        return b"12:00:01" if len(asked) > goes_on_before else b"12:00:00"

    with answering(clock) as (old, _), answering(clock) as (new, _):
        assert compared(store, {}, old, new) == Compared(HERE, 1, ())


@pytest.mark.parametrize(("headers", "sent"), [([], None), ([(b"Content-Length", b"0")], "0")])
def test_the_length_of_an_empty_body_is_sent_where_it_was_sent(store, headers, sent):
    one = recorded(7, "/x")
    store.pins.add(one._replace(request_headers=[(b"Host", b"words"), *headers]))
    with answering(b"old", header="Content-Length") as (old, asked):
        compared(store, {}, old, old)
    assert set(asked) == {f"{PREFIX}/x {sent}"}


def test_a_header_that_is_not_ascii_is_sent_as_the_bytes_that_came(store):
    one = recorded(7, "/x")
    store.pins.add(one._replace(request_headers=[(b"X-Name", "größe ".encode() + b"caf\xe9")]))
    with answering(b"old", header="X-Name") as (old, asked):
        compared(store, {}, old, old)
    assert set(asked) == {f"{PREFIX}/x " + ("größe ".encode() + b"caf\xe9").decode("latin-1")}
