import asyncio

import pytest

from vhlocal.contract.headers import PRODUCTION_HOST
from vhlocal.errors import InputError
from vhlocal.runtime.base import Address
from vhlocal.session.probe import Probe, ask, read_probe


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "sample.json").write_text('{"x": 1}')
    return tmp_path


@pytest.mark.parametrize(
    ("text", "method", "target", "body"),
    [
        ("/health", "GET", "/health", None),
        ("HEAD /", "HEAD", "/", None),
        ("POST /predict?fast=1 sample.json", "POST", "/predict?fast=1", "sample.json"),
    ],
)
def test_a_warm_up_request_is_read(directory, text, method, target, body):
    found = read_probe(text, directory)
    assert found == Probe(method, target, directory / body if body else None, named=True)


@pytest.mark.parametrize("text", ["", "health", "POST", "POST predict", "/a b c", "FETCH /", "/é", "'/x"])
def test_what_is_none_is_refused_with_the_form(directory, text):
    with pytest.raises(InputError, match=r"METHOD\] /PATH"):
        read_probe(text, directory)


def test_a_body_that_is_not_there_is_named(directory):
    with pytest.raises(InputError, match=r"gone\.json"):
        read_probe("POST / gone.json", directory)


def test_it_is_sent_below_the_endpoint_with_its_body_and_type_as_through_the_ingress(directory):
    """K9, P7: it names a host as production's, and tells its prefix."""

    async def serve_and_ask():
        heard = bytearray()

        async def answer(reader, writer):
            heard.extend(await reader.readuntil(b'{"x": 1}'))
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1") as server:
            host, port = server.sockets[0].getsockname()
            probe = read_probe("POST /predict sample.json", directory)
            answered = await ask(Address(host, port), "/o/p/d/v/e", probe)
            assert answered is not None
            await answered.finish()
            return answered.status, bytes(heard)

    status, heard = asyncio.run(serve_and_ask())
    assert status == 201
    assert heard.startswith(b"POST /o/p/d/v/e/predict HTTP/1.1\r\n")
    assert b"Content-Type: application/json\r\nContent-Length: 8\r\n" in heard
    for name in ("Host", "X-Forwarded-Host"):
        assert f"\r\n{name}: {PRODUCTION_HOST}\r\n".encode() in heard
    assert b"\r\nX-VH-Prefix: /o/p/d/v/e/\r\n" in heard


def test_nobody_there_is_no_answer_and_who_hangs_up_is_known():
    async def ask_nobody():
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1") as server:
            host, port = server.sockets[0].getsockname()
            silent = await ask(Address(host, port), "/p", Probe())
            silent.hang_up()
        return silent, await ask(Address(host, port), "/p", Probe())

    silent, nobody = asyncio.run(ask_nobody())
    assert (silent.hung_up, silent.status, nobody) == (True, 0, None)
