"""HAR files: ours, as an independent library reads them, and those of browsers."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import haralyzer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchanges import PREFIX, answered, exchange, sent
from vhlocal.errors import InputError
from vhlocal.exchanges import Answer, Body, Request, whole
from vhlocal.masked import MASK
from vhlocal.recorder.har_reading import read_har
from vhlocal.recorder.har_writing import har

HOST, FILE = "127.0.0.1:8000", Path("run.har")
URL = f"http://{HOST}"


def read(text: str):
    return read_har(text, FILE, {HOST})


def browsers(*urls: str, **entry) -> str:
    """A file as browsers export it: with pages, pseudo headers, unpacked bodies and a time with a Z."""
    written = {
        "startedDateTime": "2026-11-26T03:00:00.123Z",
        "time": 12.5,
        "request": {
            "method": "POST",
            "httpVersion": "h2",
            "headers": [{"name": ":path", "value": "/x"}, {"name": "accept", "value": "*/*"}],
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 7,
            "postData": {"mimeType": "application/json", "text": '{"a":1}'},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "h2",
            "headers": [{"name": "content-encoding", "value": "gzip"}],
            "cookies": [],
            "content": {"size": 9, "mimeType": "application/json", "text": '{"n": 1}\n'},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": 30,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 12, "receive": 0.5},
        **entry,
    }
    entries = [{**written, "request": {**written["request"], "url": url}} for url in urls]
    return json.dumps(
        {"log": {"version": "1.2", "pages": [], "creator": {"name": "b", "version": "1"}, "entries": entries}}
    )


def test_another_library_reads_what_is_written():
    binary = exchange(answer=sent(b"\x89PNG\0", "image/png", prefix=PREFIX), id="b" * 32)
    page = haralyzer.HarParser(json.loads(har([exchange(), binary], URL)))
    first, second = page.har_data["entries"]
    entries = [haralyzer.HarEntry(entry) for entry in (first, second)]
    assert [entry.request.method for entry in entries] == ["POST", "POST"]
    assert entries[0].request.url == f"{URL}{PREFIX}/digit?a=1"
    assert entries[0].request.text == '{"x": 1}'
    assert entries[0].request.queryString == [{"name": "a", "value": "1"}]
    assert entries[0].status == 200
    assert entries[0].response.mimeType == "application/json"
    assert entries[0].response.text == '{"digit": 7, "probability": 0.998}'
    assert entries[0].time == 250
    assert entries[0].startTime.timestamp() == 1_700_000_000.5
    assert entries[1].response.textEncoding == "base64"
    assert base64.b64decode(entries[1].response.text) == b"\x89PNG\0"


def test_what_was_written_is_read_as_the_same():
    Answer(204, (), whole(b""), PREFIX)
    large = Body(None, 5_000_000, "ab" * 32, "longer than 1048576 bytes")
    told = [
        exchange(),
        exchange(Request("GET", f"{PREFIX}/a%2Fb?x=%20&y", (("Accept", "*/*"), ("accept", "text/html")))),
        exchange(
            Request("PUT", PREFIX, (("Content-Type", "x/y"),), whole(b"\0\xff")), Answer(204, (), whole(b""), PREFIX)
        ),
        exchange(Request("POST", f"{PREFIX}/", (), large), Answer(200, (), large, PREFIX, "the server hung up")),
        exchange(answer=sent("größe\n".encode(), "text/plain", status=599, prefix=PREFIX)),
    ]
    assert read(har(told, URL)).exchanges == tuple(told)
    assert read(har(told, URL)).told() == ""


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.floats(0, 4e9), st.sampled_from(["text/plain", "a/b"]))
def test_any_bytes_survive(request_body, answer_body, time, kind):
    one = exchange(
        Request("POST", PREFIX, (("Content-Type", kind),), whole(request_body)),
        sent(answer_body, kind, prefix=PREFIX),
        time=round(time, 3),
    )
    (found,) = read(har([one], URL)).exchanges
    assert abs(found.time - one.time) < 0.0011
    assert replace(found, time=one.time) == one


def test_what_somebody_is_known_by_is_not_written_and_not_sent_again():
    headers = (("Authorization", "Basic c2VjcmV0"), ("Cookie", "s=secret"), ("X-Api-Key", "secret"), ("Accept", "*/*"))
    one = exchange(
        Request("GET", f"{PREFIX}/?token=secret", headers), answered({}, prefix=PREFIX, Set_Cookie="s=secret; Path=/")
    )
    text = har([one], URL)
    assert "secret" not in text
    assert "c2VjcmV0" not in text
    assert MASK in text
    (found,) = read(text).exchanges
    assert found.request.headers == (("Accept", "*/*"),)


def test_a_browsers_file_is_read():
    (found,) = read(browsers(f"{URL}{PREFIX}/digit?a=%20")).exchanges
    assert (found.id, found.endpoint, found.prefix, found.seconds) == ("har-1", "predict", PREFIX, 0.0125)
    assert found.time == pytest.approx(1_795_662_000.123)
    assert found.request == Request("POST", f"{PREFIX}/digit?a=%20", (("accept", "*/*"),), whole(b'{"a":1}'))
    # The browser has unpacked it, and says so nowhere.
    assert found.answer == Answer(200, (), whole(b'{"n": 1}\n'), PREFIX)


def test_what_a_browser_left_out_is_not_there():
    response = {"status": 0, "headers": [], "content": {"size": 100, "mimeType": ""}, "_error": "net::ERR_ABORTED"}
    (found,) = read(browsers(f"{URL}{PREFIX}/", response=response)).exchanges
    assert found.answer.body == Body(None, 100, why="the HAR file does not have it")
    assert found.answer.broke_off == "net::ERR_ABORTED"


def test_requests_to_other_hosts_and_paths_are_told():
    urls = [f"{URL}{PREFIX}/", *["https://cdn.example.com/x.js"] * 2, f"{URL}/favicon.ico", "https://a.b/o/p/d/v/e/"]
    found = read(browsers(*urls))
    assert len(found.exchanges) == 1
    assert found.told() == (
        "left out 4 requests that are not to an endpoint of this run: cdn.example.com (2), /favicon.ico (1), a.b (1)"
    )


def test_a_file_of_other_hosts_alone_is_refused():
    with pytest.raises(
        InputError, match=r"no request to 127\.0\.0\.1:8000; left out 1 .*: production\.example\.com \(1\)"
    ) as caught:
        read(browsers("https://production.example.com/o/p/d/v/e/"))
    assert (caught.value.place.file, bool(caught.value.hint)) == (FILE, True)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ('{"log":\n {', "this is no HAR file, which is JSON", 2),
        ("[]", "it has no log.entries", None),
        ('{"log": {"entries": {}}}', "it has no log.entries", None),
        ("[" * 100_000, "this is no HAR file", None),
        ('{"log": {"entries": [{"request": {}}]}}', "entry 1 of the HAR file cannot be read: it has no response", None),
        ('{"log": {"entries": [7]}}', "entry 1 of the HAR file cannot be read", None),
        ('{"log": {"entries": []}}', "no request to 127.0.0.1:8000; it has none at all", None),
    ],
)
def test_what_is_no_har_is_told(text, message, line):
    with pytest.raises(InputError) as caught:
        read(text)
    assert message in caught.value.message
    assert caught.value.place.file == FILE
    assert line is None or caught.value.place.line == line


def test_base64_that_is_none_is_told():
    content = {"size": 3, "mimeType": "x/y", "text": "a", "encoding": "base64"}
    text = browsers(f"{URL}{PREFIX}/", response={"status": 200, "headers": [], "content": content})
    with pytest.raises(InputError, match="entry 1 of the HAR file cannot be read: its base64 is none"):
        read(text)
